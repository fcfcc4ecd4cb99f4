"""What passes between this chat and other servers, and what of it makes no sense."""

from __future__ import annotations

from typing import Any

import pytest
import structlog
from msgspec import Raw

from tertulia.domain import codec
from tertulia.domain import events as e
from tertulia.domain.commands.say import Say
from tertulia.domain.ids import EVERYONE_HERE, LOBBY, Conversation, Hlc, Uid, at_milliseconds
from tertulia.domain.presence import Resident
from tertulia.domain.text import Text
from tertulia.domain.users import Place as Seat
from tertulia.replication.interface import ServerId
from tertulia.replication.messages import Item, Run
from tertulia.server import federation as module
from tertulia.server.federation import CLOCK_TOLD_MS, Federation
from tests.server.kit import START_MS, Person, Place

HERE, THERE = "0" * 32, ServerId("b" * 32)
NOW, LATER = at_milliseconds(START_MS), at_milliseconds(START_MS + 2 * 3_600_000)


def face(nick: str) -> e.Face:
    return e.Face(Uid(f"s{nick}"), nick, "1000000000009", f"{nick}!u@there")


def said(nick: str, text: str, target: str = "#lobby") -> e.Said:
    return e.Said(face(nick), target, e.Style.SAY, Text(text))


class Net:
    """This server, where Ana is in the lobby, and what it is told by another one."""

    def __init__(self) -> None:
        self.place = Place(instant=True)
        self.floors: list[int] = []
        self.federation = Federation(
            self.place.hub,
            bytes.fromhex(HERE),
            1,
            {},
            self.place.loop.call_later,
            self.floors.append,
        )
        self.ana: Person = self.place.person("ana", "#lobby")
        self.ana.got()
        self._seq = 0

    def run(self) -> list[str]:
        """What Ana is shown."""
        self.place.loop.run()
        return self.ana.got()

    def take(
        self,
        body: bytes,
        hlc: Hlc = NOW,
        place: Conversation = LOBBY,
        late: bool = False,
    ) -> list[str]:
        """One event of the other server comes."""
        self._seq += 1
        item = Item(hlc, place, Raw(body))
        self.federation.take([Run(THERE, 1, self._seq, [item])], late)
        return self.run()

    def say(self, text: str) -> None:
        """Ana says something."""
        self.place.do(self.ana, Say(self.place.channel("#lobby"), Text(text)))
        self.place.settle()

    def people(self, *nicks: str) -> list[str]:
        """These are on the other server, in the lobby."""
        self.federation.replace(THERE, [Raw(codec.encode(resident(nick))) for nick in nicks])
        return self.run()

    def reach(self, reachable: bool, orderly: bool = False) -> list[str]:
        self.federation.reach(THERE, "b.example", reachable, orderly)
        return self.run()


def resident(nick: str) -> Resident:
    came = e.Connected(face(nick), "u", "there", nick, False, "irc")
    return Resident(came, at_milliseconds(START_MS), places=(Seat("#lobby", LOBBY, 0),))


@pytest.fixture
def net() -> Net:
    return Net()


def warnings(entries: Any) -> list[str]:
    return [entry["event"] for entry in entries if entry["log_level"] == "warning"]


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch) -> Any:
    with structlog.testing.capture_logs() as found:
        monkeypatch.setattr(module, "logger", structlog.get_logger())
        yield found


def test_what_another_server_logged_is_seen(net: Net) -> None:
    assert net.take(codec.encode(said("rui", "hello"))) == ["Spoken(rui hello)"]
    assert net.take(codec.encode(said("rui", "late")), late=True) == ["Together()"]


def test_what_was_said_to_everyone_there_is_not_seen_here(net: Net) -> None:
    assert net.take(codec.encode(said("rui", "hello", "&")), place=EVERYONE_HERE) == []


@pytest.mark.parametrize(
    "body", [b"{}", b'{"type":"of a later version"}', b'{"type":"said"}', b"7"]
)
def test_what_is_not_understood_is_kept_and_told(net: Net, entries: Any, body: bytes) -> None:
    assert net.take(body) == []
    assert warnings(entries) == ["an event of another server is not understood"]
    # What comes after it is seen all the same.
    assert net.take(codec.encode(said("rui", "hello"))) == ["Spoken(rui hello)"]
    assert net.federation.committed[THERE, 1] == 2


def test_who_is_there_is_left_as_it_was_by_what_is_not_understood(net: Net, entries: Any) -> None:
    net.people("rui")
    net.federation.replace(THERE, [Raw(b"{}")])
    net.federation.present(THERE, [Item(NOW, LOBBY, Raw(b"[]"))])
    net.federation.asked(THERE, Item(NOW, LOBBY, Raw(b"{}")))
    assert net.run() == []
    assert net.place.state.user_named("rui") is not None
    assert len(warnings(entries)) == 3


def test_a_clock_that_is_ahead_is_told_of_once_an_hour_and_not_followed(
    net: Net, entries: Any
) -> None:
    net.federation.reach(THERE, "b.example", True, False)
    for n in "12":
        assert net.take(codec.encode(said("rui", n)), LATER) == [f"Spoken(rui {n})"]
    net.people("rui")
    away = Raw(codec.encode(e.AwaySet(face("rui"), "out")))
    net.federation.present(THERE, [Item(LATER, LOBBY, away)])
    [told] = [entry for entry in entries if entry["log_level"] == "warning"]
    assert (told["name"], told["seconds"]) == ("b.example", 7200)
    net.say("mine")
    assert net.place.log.events[-1].hlc < LATER
    net.place.now_ms += CLOCK_TOLD_MS
    net.take(codec.encode(said("rui", "3")), Hlc(LATER + 1))
    assert len(warnings(entries)) == 1 + 1


def test_a_clock_that_is_a_little_ahead_is_followed(net: Net, entries: Any) -> None:
    soon = at_milliseconds(START_MS + 59_000)
    net.take(codec.encode(said("rui", "hello")), soon)
    net.say("mine")
    assert net.place.log.events[-1].hlc > soon
    assert warnings(entries) == []


def test_who_is_cut_off_is_gone_after_the_grace(net: Net) -> None:
    net.reach(True)
    assert net.people("rui") == ["Entered(rui)"]
    assert net.reach(False) == ["CutOff()"]
    net.place.loop.advance(59)
    assert net.run() == []
    net.place.loop.advance(1)
    assert net.run() == ["Together()"]
    assert net.place.state.user_named("rui") is None


def test_who_is_back_in_time_has_not_been_gone(net: Net) -> None:
    net.reach(True)
    net.people("rui", "eva")
    net.reach(False)
    assert net.reach(True) == []
    assert net.people("rui") == ["CutOff()", "Together()"]
    net.place.loop.advance(100)
    assert net.run() == []
    assert net.place.state.user_named("rui") is not None


def test_the_users_of_a_server_that_stops_are_gone_at_once(net: Net) -> None:
    net.reach(True)
    net.people("rui")
    assert net.reach(False, orderly=True) == ["Together()"]


def test_many_who_come_at_once_are_shown_together(net: Net) -> None:
    net.reach(True)
    assert net.people("rui", "eva") == ["Entered(rui)", "Entered(eva)"]
    assert net.people("rui", "eva", "bia", "lia", "mia") == ["Together()"]


def test_what_others_know_of_this_server(net: Net, entries: Any) -> None:
    net.federation.overtaken(9)
    net.federation.doubled(THERE, "b.example", "one is a copy")
    net.federation.lost(THERE, 1, 3, 5)
    assert net.floors == [9]
    levels = [entry["log_level"] for entry in entries]
    assert levels == ["error", "error", "warning"]
