"""A loop whose time is in the hands of the test, a log that is written when the test says
so, and sessions that note what they are sent."""

import asyncio
import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, cast

from tertulia.domain.changes import Change
from tertulia.domain.channels import Channel
from tertulia.domain.chat import Intent
from tertulia.domain.commands.connect import Connect
from tertulia.domain.commands.join import Join
from tertulia.domain.errors import ChatError
from tertulia.domain.events import Event, Fact
from tertulia.domain.ids import LOBBY, HybridClock
from tertulia.domain.names import ChannelName, Nickname, Number
from tertulia.domain.state import State
from tertulia.domain.world import Rules, World
from tertulia.protocols.session import Onlooker, Peer, Request, Session
from tertulia.server.gate import Batch
from tertulia.server.hub import Hub
from tertulia.server.recovery import DurableState
from tertulia.storage.errors import StorageError
from tertulia.storage.records import decode_channel, encode_channel

START_MS = 1_700_000_000_123
FULL = StorageError("the disk is full")


class Timer:
    """What will be called, unless it is cancelled."""

    def __init__(self, callback: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.callback = callback
        self.args = args
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """Calls what it is given when the test lets it run; its clock goes when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0
        self._ready: deque[Timer] = deque()
        self._timers: list[tuple[float, int, Timer]] = []
        self._count = itertools.count()

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[..., Any], *args: Any) -> Timer:
        timer = Timer(callback, args)
        self._ready.append(timer)
        return timer

    def call_soon_threadsafe(self, callback: Callable[..., Any], *args: Any) -> Timer:
        return self.call_soon(callback, *args)

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> Timer:
        timer = Timer(callback, args)
        heapq.heappush(self._timers, (self.now + delay, next(self._count), timer))
        return timer

    def run(self) -> None:
        """Do all that is to be done now."""
        while self._ready:
            timer = self._ready.popleft()
            if not timer.cancelled:
                timer.callback(*timer.args)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.run()
        until = self.now + seconds
        while self._timers and self._timers[0][0] <= until:
            self.now, _, timer = heapq.heappop(self._timers)
            self._ready.append(timer)
            self.run()
        self.now = until

    @property
    def timers(self) -> int:
        """How many calls are to come later."""
        return sum(not timer.cancelled for _, _, timer in self._timers)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Make this the loop that is found to be running."""
        asyncio._set_running_loop(cast(Any, self))
        try:
            yield
        finally:
            asyncio._set_running_loop(None)


class HeldLog:
    """Writes nothing until the test says what becomes of it; *instant* ones at once."""

    def __init__(self, *, instant: bool = False) -> None:
        self.instant = instant
        self.batches: list[tuple[list[Event], list[Any]]] = []
        """What it was given, whether or not it was written."""
        self.events: list[Event] = []
        """What is on disk."""
        self.tables: dict[str, dict[Any, str]] = {"channel": {}, "number": {}}
        self._waiting: deque[tuple[list[Event], list[Any], Callable[[Any], None]]] = deque()

    def append(
        self,
        events: list[Event],
        writes: list[Any],
        done: Callable[[StorageError | None], None],
        copied: list[Any],
    ) -> None:
        self.batches.append((events, writes))
        self._waiting.append((events, writes, done))
        if self.instant:
            self.commit()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def commit(self) -> None:
        """Write the batch that waits."""
        events, writes, done = self._waiting.popleft()
        self.events += events
        for sql, values in writes:
            table = self.tables["channel" if " channel " in sql else "number"]
            if sql.startswith("DELETE"):
                table.pop(values[0], None)
            else:
                table[values[0]] = values[1]
        done(None)

    def fail(self, error: StorageError = FULL) -> None:
        """Fail to write the batch that waits."""
        _, _, done = self._waiting.popleft()
        done(error)

    def facts(self) -> list[str]:
        """The kinds of what is on disk."""
        return [type(event.fact).__name__ for event in self.events]


class Shell:
    """A connection that a session sends through a hub, or keeps for itself."""

    def __init__(self, hub: Hub | None = None) -> None:
        self.hub = hub
        self.peer = Peer("192.0.2.1", 40_000)
        self.session: Session[Any]
        self.clock = 0.0
        self.closed = False
        self.held = False
        self.woken_in: float | None = None
        self.requests: deque[tuple[Request, Callable[[Any], None]]] = deque()

    def send(self, data: bytes) -> None:
        if self.hub is not None:
            self.hub.send(self.session, data)

    def close(self) -> None:
        self.closed = True

    def perform(self, request: Request, resume: Callable[[Any], None]) -> None:
        self.requests.append((request, resume))

    def hold(self, held: bool) -> None:
        self.held = held

    def pace(
        self, frames: Callable[[bytes], list[bytes]] | None, skipped: Callable[[int], bytes]
    ) -> None:
        pass

    def wake_in(self, seconds: float) -> None:
        self.woken_in = seconds

    def now(self) -> float:
        return self.clock

    def command_over(self) -> None:
        if self.hub is not None:
            self.hub.command_over()


class Plain:
    """A flavour that counts what it renders: ``Spoken(ana)`` and so on, a line each."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.is_paced = False
        self.calls = 0

    def render(self, change: Change) -> bytes:
        self.calls += 1
        extra = getattr(change, "text", "") or ("overheard" if is_overheard(change) else "")
        by = getattr(change, "by", None)
        words = ["" if by is None else by.nick, extra]
        return f"{self.name}{type(change).__name__}({' '.join(filter(None, words))})\n".encode()


def is_overheard(change: Change) -> bool:
    return bool(getattr(change, "overheard", False))


class Person(Session[str]):
    """Somebody at a connection: what reaches the socket is kept in `wire`."""

    protocol: ClassVar[str] = "test"

    def __init__(self, hub: Any, flavour: Any, *, echo: bool = False) -> None:
        shell = Shell(hub)
        super().__init__(hub, shell, None)
        shell.session = self
        self.flavour = flavour
        self.echo = echo
        self.wire = bytearray()
        self.writes = 0
        self.refusals: list[tuple[Fact, str | None]] = []
        self.write = self._on_the_wire

    def _on_the_wire(self, data: bytes) -> None:
        assert data
        self.writes += 1
        self.wire += data

    def got(self) -> list[str]:
        """The lines that came since this was last asked."""
        lines = self.wire.decode().splitlines()
        self.wire.clear()
        return lines

    def echoes(self, change: Change) -> bool:
        return self.echo

    def failed(self, error: ChatError) -> None:
        self.shell.send(f"refused: {error}\n".encode())

    def refused(self, fact: Fact, label: str | None) -> None:
        self.refusals.append((fact, label))


class Ears(Onlooker[str]):
    """Somebody who is told of everything."""

    protocol: ClassVar[str] = "ears"

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub, Shell(hub), None)
        self.flavour = Plain()
        self.wire = bytearray()
        self.write = self.wire.extend
        hub.onlookers = (self,)

    def overhear(self, change: Change) -> bytes:
        return self.flavour.render(change)

    def got(self) -> list[str]:
        """The lines that came since this was last asked."""
        lines = self.wire.decode().splitlines()
        self.wire.clear()
        return lines


class Place:
    """A hub with a log in the hands of the test."""

    def __init__(
        self, *, instant: bool = False, rules: Rules | None = None, flavour: Any = None
    ) -> None:
        self.now_ms = START_MS
        self.loop = Loop()
        self.log = self.new_log(instant)
        self.state = State()
        chance = random.Random(1)
        self.world = World(
            self.state, rules or Rules(), b"\0" * 16, lambda: self.now_ms, chance.randrange
        )
        self.flavour = flavour or Plain()
        self.commits = 0
        lobby = Channel(ChannelName.parse("#lobby"), Number("1000000000000"), LOBBY, START_MS)
        self.state.restore_channel(lobby)
        self.log.tables["channel"][LOBBY] = encode_channel(lobby)
        with self.loop.running():
            self.hub = Hub(
                self.world,
                HybridClock(lambda: self.now_ms),
                7,
                self.log,
                self._durable,
                self._committed,
            )
        self.gate = self.hub.gate

    def new_log(self, instant: bool) -> HeldLog:
        """The log that this hub writes to."""
        return HeldLog(instant=instant)

    def _committed(self) -> None:
        self.commits += 1

    def _durable(self) -> DurableState:
        return DurableState([decode_channel(r) for r in self.log.tables["channel"].values()])

    def run(self) -> None:
        """Let this turn of the loop end."""
        self.loop.run()

    def settle(self) -> None:
        """Let everything be written and sent."""
        self.loop.advance(1)
        while self.log.waiting:
            self.log.commit()
            self.loop.advance(1)

    def person(self, nick: str, *channels: str, flavour: Any = None, echo: bool = False) -> Person:
        """Somebody who came, joined these channels, and has read what that led to."""
        person = Person(self.hub, flavour or self.flavour, echo=echo)
        nickname = Nickname.parse(nick)
        self.hub.connect(
            person, Connect(nickname, "user", "host.example", "Real Name", False, "test")
        )
        for channel in channels:
            self.do(person, join(channel))
        self.settle()
        for session in self.hub.sessions():
            if isinstance(session, Person):
                session.got()
        return person

    def do(self, person: Session[Any], intent: Intent) -> None:
        """Let *person* do that."""
        self.hub.execute(person, intent)
        self.hub.command_over()

    def channel(self, name: str) -> Channel:
        channel = self.state.channel_named(name)
        assert channel is not None
        return channel

    def batch(self) -> Batch:
        return self.gate.batch


def join(name: str) -> Any:
    return Join(ChannelName.parse(name))
