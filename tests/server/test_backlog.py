"""What waited counts as received when the system has it, and not before."""

import errno
import fcntl
import socket
from typing import Any, cast

import pytest

from tertulia.domain import changes as c
from tertulia.domain.commands.connect import Connect, Disconnect
from tertulia.domain.commands.identify import IssueIdentity
from tertulia.domain.commands.say import Say
from tertulia.domain.events import Said
from tertulia.domain.history import describe
from tertulia.domain.identities import Credential, Identity, hash_token
from tertulia.domain.ids import Uid, msgid
from tertulia.domain.names import Nickname
from tertulia.domain.text import Text
from tertulia.protocols.backlog import BEGINNING, PAGE, hand_over_backlog, place_of
from tertulia.protocols.session import Drain, ReadWaiting
from tertulia.server.connection import DRAIN_MOST_S, Connection
from tertulia.server.recovery import DurableState
from tests.server.kit import FULL, Loop, Person, Place, Plain


class Room(Place):
    """Ana has an identity and is gone; Bob is here."""

    def __init__(self) -> None:
        super().__init__()
        ana = self.person("ana")
        assert ana.user is not None
        self.credential = Credential(ana.user.number, hash_token("secret"))
        self.do(ana, IssueIdentity(hash_token("secret")))
        self.do(ana, Disconnect(""))
        self.bob = self.person("bob")

    def tell(self, text: str) -> None:
        whom = self.state.recipient("ana")
        assert whom is not None
        self.do(self.bob, Say(cast(Any, whom), Text(text)))

    def told(self) -> list[c.Change]:
        """What was said to Ana and is on disk."""
        return [
            describe(event.hlc, msgid(event.hlc, event.tag), event.fact)
            for event in self.log.events
            if isinstance(event.fact, Said)
        ]

    def comes(self) -> Person:
        """Ana comes, and what waits is asked for."""
        ana = Person(self.hub, Plain())
        nick = Nickname.parse("ana")
        self.hub.connect(ana, Connect(nick, "u", "h", "r", False, "test", self.credential))
        hand_over_backlog(ana)
        return ana

    def count(self) -> int:
        identity = self.state.identities.named("ana")
        assert isinstance(identity, Identity)
        return self.state.waiting.count(identity.uid)


def channels(room: Room) -> list[Any]:
    return Place._durable(room).channels


def answer(ana: Person, kind: type[Any], with_what: Any = None) -> Any:
    """Answer the one request that Ana's session has made."""
    shell: Any = ana.shell
    [(request, resume)] = shell.requests
    assert type(request) is kind
    shell.requests.clear()
    resume(with_what)
    return request


@pytest.fixture
def room() -> Room:
    return Room()


def test_what_waits_is_received_when_the_system_has_it(room):
    room.tell("one")
    room.settle()
    ana = room.comes()
    request = answer(ana, ReadWaiting, room.told())
    assert (request.after, request.limit) == (BEGINNING, PAGE)
    room.settle()
    assert ana.got() == ["Spoken(bob one)"]
    assert room.count() == 1
    assert "Received" not in room.log.facts()
    answer(ana, Drain)
    room.settle()
    assert room.count() == 0
    assert room.log.facts()[-1] == "Received"
    assert room.log.batches[-1][1] == [
        (
            "DELETE FROM waiting WHERE uid = ? AND hlc = ? AND tag = ?",
            (ana.user.uid, *place_of(room.told()[0])),
        )
    ]
    answer(ana, ReadWaiting, [])
    assert not ana.user.catching_up
    room.tell("two")
    room.settle()
    assert ana.got() == ["Spoken(bob two)"]


def test_what_is_said_meanwhile_is_asked_for(room):
    room.tell("one")
    room.settle()
    ana = room.comes()
    answer(ana, ReadWaiting, room.told())
    answer(ana, Drain)
    room.tell("two")
    room.settle()
    assert ana.got() == ["Spoken(bob one)"]
    request = answer(ana, ReadWaiting, [])
    assert request.after == BEGINNING
    assert ana.user.catching_up
    answer(ana, ReadWaiting, room.told()[1:])
    room.settle()
    assert ana.got() == ["Spoken(bob two)"]


def test_who_goes_in_between_has_received_nothing(room):
    room.tell("one")
    room.settle()
    ana = room.comes()
    answer(ana, ReadWaiting, room.told())
    ana.end("gone")
    answer(ana, Drain)
    assert room.count() == 1
    ana = room.comes()
    ana.end("gone")
    answer(ana, ReadWaiting, room.told())
    room.settle()
    assert b"one" not in ana.wire
    assert room.count() == 1


def test_what_cannot_be_deleted_is_deleted_later(room):
    room.tell("one")
    room.settle()
    ana = room.comes()
    answer(ana, ReadWaiting, room.told())
    room.settle()
    answer(ana, Drain)
    room.run()
    room.log.fail(FULL)
    room.run()
    assert "Received" not in room.log.facts()
    room.person("carol")  # with whatever is written next
    assert "Received" in room.log.facts()
    written = [sql for _, writes in room.log.batches for sql, _ in writes]
    assert sum("DELETE FROM waiting" in sql for sql in written) == 2  # refused, and taken


def test_what_cannot_be_deleted_is_not_handed_over_again(room):
    for text in ("one", "two"):
        room.tell(text)
    room.settle()
    on_disk = [(Uid(room.credential.number), 2)]
    room.hub.recovery.reload = lambda: DurableState(channels(room), on_disk)
    ana = room.comes()
    answer(ana, ReadWaiting, room.told()[:1])
    room.settle()
    answer(ana, Drain)
    room.run()
    room.log.fail(FULL)
    room.run()
    assert room.count() == 1
    ana.end("gone")
    room.run()
    assert "Received" not in room.log.facts()
    ana = room.comes()
    answer(ana, ReadWaiting, room.told())
    room.settle()
    assert ana.got() == ["Spoken(bob two)"]


def test_what_cannot_be_stored_does_not_wait(room):
    room.tell("one")
    room.run()
    room.tell("two")
    room.log.fail(FULL)
    room.settle()
    assert room.count() == 0
    assert not any("waiting" in sql for _, writes in room.log.batches[2:] for sql, _ in writes[1:])
    room.comes()
    room.settle()
    assert room.told() == []


def test_history_that_cannot_be_read_ends_in_an_error(room):
    room.tell("one")
    room.settle()
    ana = room.comes()
    with pytest.raises(OSError, match="disk"):
        answer(ana, ReadWaiting, OSError("disk"))
    assert room.count() == 1


class Transport:
    """A client that has not read everything."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.closing = False
        self.sock, self.other = socket.socketpair()

    def get_write_buffer_size(self) -> int:
        return self.size

    def is_closing(self) -> bool:
        return self.closing

    def get_extra_info(self, name: str) -> Any:
        assert name == "socket"
        return self.sock


class Host:
    """A server whose batches are sent at once."""

    is_congested = False

    def after_batch(self, action):
        action()


class Silent:
    """A session that says nothing."""

    closing = False
    last_heard = 0.0

    def receive(self, data: bytes) -> None:
        pass


@pytest.fixture
def connection() -> tuple[Any, Loop, Transport]:
    loop, transport = Loop(), Transport(5)
    one: Any = Connection(cast(Any, Host()), cast(Any, loop))
    one.transport = transport
    return one, loop, transport


def test_a_connection_has_drained_when_the_client_has_everything(connection):
    one, loop, transport = connection
    answers: list[object] = []
    one.perform(Drain(), answers.append)
    loop.advance(60)
    assert answers == []
    assert loop.timers == 1
    transport.size = 0
    loop.advance(DRAIN_MOST_S)
    assert answers == [None]
    assert loop.timers == 0


def test_what_the_system_holds_has_not_arrived(connection):
    one, loop, transport = connection
    one.session = Silent()
    transport.size = 0
    transport.sock.send(b"hello")
    answers: list[object] = []
    one.perform(Drain(), answers.append)
    loop.advance(60)
    assert answers == []
    transport.other.recv(5)
    one.data_received(b"so I have it")
    assert answers == [None]
    assert loop.timers == 0


def test_a_connection_that_is_lost_never_drains(connection):
    one, loop, transport = connection
    answers: list[object] = []
    one.perform(Drain(), answers.append)
    transport.closing = True
    loop.advance(60)
    assert answers == []
    assert loop.timers == 0


def test_a_system_that_does_not_say_what_it_holds_has_sent_it(connection, monkeypatch):
    def refuse(*_args):
        raise OSError(errno.ENOTTY, "not a terminal")

    monkeypatch.setattr(fcntl, "ioctl", refuse)
    one, loop, transport = connection
    answers: list[object] = []
    one.perform(Drain(), answers.append)
    assert answers == []
    transport.size = 0
    loop.advance(DRAIN_MOST_S)
    assert answers == [None]
