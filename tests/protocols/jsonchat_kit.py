"""JSON clients on a chat without a server: what they send is handled at once, and what they
are sent is kept until a test asks for it."""

import json
import random
from collections.abc import Callable, Iterable
from typing import Any

from tertulia.domain import changes as c
from tertulia.domain.changes import Change
from tertulia.domain.channels import Channel
from tertulia.domain.chat import Chat, Intent
from tertulia.domain.commands.connect import Connect, Disconnect
from tertulia.domain.events import Event
from tertulia.domain.ids import LOBBY, HybridClock
from tertulia.domain.names import ChannelName, Nickname, Number
from tertulia.domain.resume import Token
from tertulia.domain.servers import ServerStatus
from tertulia.domain.state import State
from tertulia.domain.users import User
from tertulia.domain.world import Rules, World
from tertulia.protocols.jsonchat import Dialect, JsonConfig, JsonService, JsonSession
from tertulia.protocols.session import (
    Flavour,
    HashPassword,
    Peer,
    Request,
    Session,
    TokenBucket,
    VerifyPassword,
)

START_MS = 1_700_000_000_123
FRAME = 1024


class Shell:
    """A connection: what is sent is kept, and requests wait until they are settled."""

    def __init__(self) -> None:
        self.peer = Peer("192.0.2.1", 40_000)
        self.sent = bytearray()
        self.closed = False
        self.held = False
        self.clock = 0.0
        self.woken_in: float | None = None
        self.frames: Callable[[bytes], list[bytes]] | None = None
        self.skipped: Callable[[int], bytes] | None = None
        self.requests: list[tuple[Request, Callable[[Any], None]]] = []

    def send(self, data: bytes) -> None:
        assert data
        self.sent += data

    def close(self) -> None:
        self.closed = True

    def perform(self, request: Request, resume: Callable[[Any], None]) -> None:
        self.requests.append((request, resume))

    def hold(self, held: bool) -> None:
        self.held = held

    def pace(
        self, frames: Callable[[bytes], list[bytes]] | None, skipped: Callable[[int], bytes]
    ) -> None:
        self.frames, self.skipped = frames, skipped

    def wake_in(self, seconds: float) -> None:
        self.woken_in = seconds

    def now(self) -> float:
        return self.clock

    def command_over(self) -> None:
        pass

    def settle(self) -> None:
        """Answer the requests, with a hash that is none."""
        while self.requests:
            request, resume = self.requests.pop(0)
            if isinstance(request, HashPassword):
                resume(f"hash of {request.password}")
            else:
                assert isinstance(request, VerifyPassword)
                resume(request.hash == f"hash of {request.password}")


class Core:
    """A chat, and who sees what in it."""

    def __init__(self) -> None:
        self.now_ms = START_MS
        self.state = State()
        chance = random.Random(1)
        self.world = World(self.state, Rules(), b"\x00" * 16, lambda: self.now_ms, chance.randrange)
        self.chat = Chat(self.world, HybridClock(lambda: self.now_ms), 0, self._publish)
        self.events: list[Event] = []
        self._sessions: dict[str, Session[Any]] = {}
        self._acting: Session[Any] | None = None
        lobby = Channel(ChannelName.parse("#lobby"), Number("1000000000000"), LOBBY, START_MS)
        self.state.restore_channel(lobby)

    def connect(self, session: Session[Any], intent: Connect) -> User:
        user = self.chat.connect(intent)
        self._sessions[user.uid] = session
        session.user = user
        return user

    def register(self, session: Session[Any]) -> Number:
        return self.chat.register()

    def note(self, session: Session[Any], reason: str) -> None:
        raise AssertionError(reason)

    def execute(self, session: Session[Any], intent: Intent) -> None:
        assert session.user is not None
        self._acting = session
        self.chat.execute(session.user, intent)

    def disconnect(self, session: Session[Any], reason: str) -> None:
        self.execute(session, Disconnect(reason))

    def reflavour(self, session: Session[Any], flavour: Flavour) -> None:
        session.flavour = flavour

    def servers(self) -> list[ServerStatus]:
        return []

    def token(self) -> Token:
        return Token(dict(self.state.heard), self.world.now())

    def session_of(self, user: User) -> Session[Any] | None:
        return self._sessions.get(user.uid)

    def user(self, nick: str) -> User:
        """Somebody of another protocol."""
        intent = Connect(Nickname.parse(nick), "user", "host.example", "Real Name", False, "irc")
        return self.chat.connect(intent)

    def do(self, user: User, intent: Intent) -> None:
        """Let somebody of another protocol do that."""
        self._acting = None
        self.chat.execute(user, intent)

    def channel(self, name: str) -> Channel:
        channel = self.state.channel_named(name)
        assert channel is not None
        return channel

    def _publish(self, events: list[Event], changes: list[Change], again: bool) -> None:
        self.events += events
        for change in changes:
            if again:
                assert self._acting is not None
                self._acting.show(change)
                continue
            for uid in dict.fromkeys(self._audience(change)):
                session = self._sessions.get(uid)
                if session is not None and session is self._acting and session.capturing:
                    session.show(change)
                elif session is not None and (data := session.flavour.render(change)):
                    session.shell.send(data)
        for change in changes:
            if isinstance(change, c.Gone):
                self._sessions.pop(change.by.uid, None)

    def _audience(self, change: Any) -> Iterable[str]:
        acting = self._acting
        if isinstance(change, c.Spoken):
            for uid in self._hearers(change.target):
                if uid != change.by.uid or acting is None or acting.echoes(change):
                    yield uid
                elif change.target not in ("*", "&") and change.target[0] != "#":
                    yield uid  # to oneself
        elif isinstance(change, c.Gone):
            yield from self._neighbours(change.channels)
        elif isinstance(change, c.NickChanged | c.AwayChanged):
            user = self.state.users[change.by.uid]
            if isinstance(change, c.NickChanged):
                yield user.uid
            yield from (uid for uid in self._neighbours(user.channels) if uid != user.uid)
        elif hasattr(change, "channel"):
            yield from self.channel(change.channel).occupants
            yield change.by.uid
            if hasattr(change, "whom"):
                yield change.whom.uid

    def _hearers(self, target: str) -> Iterable[str]:
        if target in ("*", "&"):
            return self.state.users
        if target[0] == "#":
            return self.channel(target).occupants
        user = self.state.user_named(target)
        return () if user is None else (user.uid,)

    def _neighbours(self, channels: Iterable[str]) -> Iterable[str]:
        for name in channels:
            yield from self.channel(name).occupants


class Client:
    """A program that speaks a dialect."""

    def __init__(
        self,
        core: Core,
        dialect: Dialect,
        config: JsonConfig | None = None,
        bucket: TokenBucket | None = None,
    ) -> None:
        self.core = core
        self.shell = Shell()
        service = JsonService(core, dialect, config or JsonConfig())
        self.session: JsonSession = service.session(self.shell, bucket)
        self.session.greet()

    def raw(self, data: bytes) -> None:
        """Send *data*, which is not read once the connection is closed."""
        if not self.shell.closed:
            self.session.receive(data)
            self.shell.settle()

    def send(self, op: str, **fields: Any) -> None:
        """Send a document, without a newline."""
        self.raw(json.dumps({"op": op, **fields}).encode())

    def got(self) -> list[Any]:
        """Return the documents that came since this was last asked."""
        data = bytes(self.shell.sent)
        self.shell.sent.clear()
        if self.shell.frames is None:
            assert not data or data.endswith(b"\n")
            return [json.loads(line) for line in data.splitlines()]
        assert len(data) % FRAME == 0
        return [json.loads(data[at : at + FRAME]) for at in range(0, len(data), FRAME)]

    def asks(self, op: str, **fields: Any) -> list[Any]:
        """Send a document, and return what comes back."""
        self.got()
        self.send(op, **fields)
        return self.got()


class Program(Client):
    """A new program, which reads by line."""

    def send(self, op: str, **fields: Any) -> None:
        self.raw(json.dumps({"op": op, **fields}).encode() + b"\n")


def logged_in(core: Core, dialect: Dialect, name: str, kind: type[Client] = Client) -> Client:
    """Return a client that has said who it is, and read the answer."""
    client = kind(core, dialect)
    client.send("LOGIN", name=name)
    client.got()
    assert client.session.user is not None
    return client
