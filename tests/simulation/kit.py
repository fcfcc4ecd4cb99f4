"""Whole servers, but for sockets and threads, on a simulated network with one clock for all.

The chat, the hub, the gate, the log on disk, its merging and the node are the real ones. What
happens is decided by chance alone: a seed that fails fails again.
"""

import asyncio
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, cast

import apsw
from msgspec import Raw

from tertulia.domain import changes as c
from tertulia.domain.channels import LOBBY_NAME, Channel
from tertulia.domain.chat import Intent
from tertulia.domain.commands.connect import Connect
from tertulia.domain.errors import ChatError
from tertulia.domain.events import Fact
from tertulia.domain.fingerprint import fingerprint
from tertulia.domain.ids import LOBBY, HybridClock, origin_tag
from tertulia.domain.names import ChannelName, Nickname, Number
from tertulia.domain.state import State
from tertulia.domain.world import Rules, World
from tertulia.protocols.session import Request, Session
from tertulia.replication.interface import ServerId
from tertulia.replication.mesh import Me
from tertulia.replication.messages import Item, Run
from tertulia.replication.node import Node
from tertulia.replication.sim import SimNetwork
from tertulia.server.federation import Federation
from tertulia.server.hub import Hub
from tertulia.server.recovery import DurableState
from tertulia.storage import database, records
from tertulia.storage.errors import StorageError
from tertulia.storage.log import Writer
from tertulia.storage.ranges import Ranges, Row

START_MS = 1_700_000_000_000
COMMIT_S = (0.001, 0.03)


class Handle:
    """What will be called, unless it is cancelled."""

    def __init__(self, callback: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._callback = callback
        self._args = args
        self._cancelled = False

    def cancel(self) -> None:
        self._cancelled = True

    def run(self) -> None:
        if not self._cancelled:
            self._callback(*self._args)


class SimLoop:
    """The loop of one server, on the clock of the network; it ends when the server crashes."""

    def __init__(self, network: SimNetwork) -> None:
        self._network = network
        self._over = False

    def call_soon(self, callback: Callable[..., Any], *args: Any) -> Handle:
        return self.call_later(0, callback, *args)

    call_soon_threadsafe = call_soon

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> Handle:
        handle = Handle(callback, args)
        self._network.after(delay, lambda: None if self._over else handle.run())
        return handle

    def end(self) -> None:
        self._over = True

    @contextmanager
    def running(self) -> Iterator[None]:
        """Make this the loop that is found to be running."""
        asyncio._set_running_loop(cast(Any, self))
        try:
            yield
        finally:
            asyncio._set_running_loop(None)


class Screen:
    """A flavour that keeps what it is shown."""

    is_paced = False

    def __init__(self) -> None:
        self.pending: list[c.Change] = []

    def render(self, change: c.Change) -> bytes:
        self.pending.append(change)
        return b"."


class Client(Session[str]):
    """Somebody at a server: `seen` are the changes that reached the socket."""

    protocol: ClassVar[str] = "sim"

    def __init__(self, server: "SimServer") -> None:
        self.server = server
        self.screen = Screen()
        super().__init__(server.hub, cast(Any, SimShell(server, self)), None)
        self.flavour = self.screen
        self.seen: list[c.Change] = []
        self.write = self._on_the_wire

    def _on_the_wire(self, _data: bytes) -> None:
        # What was rendered and was not sent yet depends on what is not on disk yet.
        self.seen += self.screen.pending[: len(_data)]
        del self.screen.pending[: len(_data)]

    def echoes(self, change: c.Change) -> bool:
        return True

    def refused(self, fact: Fact, label: str | None) -> None:
        raise AssertionError("no disk is full here")

    def failed(self, error: ChatError) -> None:
        raise AssertionError("nobody asks by line")

    def do(self, intent: Intent) -> ChatError | None:
        """Want something; return why it was refused, if so."""
        try:
            self.server.hub.execute(self, intent)
        except ChatError as error:
            return error
        finally:
            self.server.hub.command_over()
        return None

    def texts(self) -> list[tuple[str, str]]:
        """The messages that were seen, each with its id."""
        return [(one.msgid, one.text) for one in flat(self.seen) if isinstance(one, c.Spoken)]


def flat(changes: list[c.Change]) -> Iterator[c.Change]:
    for change in changes:
        if isinstance(change, c.Together):
            yield from change.changes
        else:
            yield change


class SimShell:
    """The connection of a client."""

    def __init__(self, server: "SimServer", session: Session[Any]) -> None:
        self._server = server
        self._session = session

    def send(self, data: bytes) -> None:
        self._server.hub.send(self._session, data)

    def close(self) -> None:
        pass

    def perform(self, request: Request, resume: Callable[[Any], None]) -> None:
        raise AssertionError("simulated clients ask for nothing slow")

    def hold(self, held: bool) -> None:
        pass

    def wake_in(self, seconds: float) -> None:
        pass

    def now(self) -> float:
        return self._server.network.now

    def command_over(self) -> None:
        self._server.hub.command_over()


class SimLog:
    """The log as the gate has it: written after a moment, in a file that outlives the server."""

    def __init__(self, server: "SimServer", writer: Writer) -> None:
        self._server = server
        self._writer = writer

    def append(
        self,
        events: list[Any],
        writes: list[Any],
        done: Callable[[StorageError | None], None],
        copied: list[Any],
    ) -> None:
        def write() -> None:
            error = self._writer.write(events, writes, copied)
            assert error is None, error
            done(error)

        least, most = COMMIT_S
        delay = least + (most - least) * self._server.chance.random()
        self._server.loop.call_later(delay, write)


class SimReader:
    """The log on disk as the node has it."""

    def __init__(self, server: "SimServer") -> None:
        self._server = server
        self._ranges = Ranges(server.db)

    def vector(self) -> Any:
        return self._server.federation.committed

    def read(self, want: Any, most_bytes: int, done: Callable[..., None]) -> None:
        def read() -> None:
            known = {
                (server.hex(), epoch): source
                for source, server, epoch, _, _ in database.sources(self._server.db)
            }
            wanted = [(known[s, epoch], after) for s, epoch, after in want if (s, epoch) in known]
            rows, more = self._ranges.read(wanted, most_bytes)
            names = {source: key for key, source in known.items()}
            done(runs(rows, names), more)

        self._server.loop.call_later(0.002, read)


def runs(rows: list[Row], names: dict[int, tuple[str, int]]) -> list[Run]:
    found: list[Run] = []
    for row in rows:
        item = Item(row.hlc, row.conversation, Raw(row.body.encode()), row.stamp, row.retry)
        server, epoch = names[row.source]
        last = found[-1] if found else None
        if last is not None and (last.server, last.epoch) == (server, epoch):
            last.items.append(item)
        else:
            found.append(Run(server, epoch, row.seq, [item]))
    return found


class SimServer:
    """A server from its start to its crash."""

    def __init__(
        self, network: SimNetwork, chance: random.Random, path: Path, name: str, skew_ms: int
    ) -> None:
        self.network = network
        self.chance = chance
        self.path = path
        self.name = name
        self.skew_ms = skew_ms
        self.loop = SimLoop(network)
        self.db = database.connect(path, synchronous="OFF")
        database.migrate(self.db)
        # Made by chance that has a seed.
        insert = "INSERT OR IGNORE INTO meta VALUES ('server_id', ?)"
        self.db.execute(insert, (chance.randbytes(16),))
        self.id = database.server_id(self.db)
        heard = database.last_heard(self.db)
        source, self.epoch = database.open_epoch(self.db, self.id, self.now_ms())
        lobby = Channel(ChannelName.parse(LOBBY_NAME), Number("1" + "0" * 12), LOBBY, START_MS)
        if database.needs_rebuilding(self.db):
            self.db.execute("DELETE FROM meta WHERE key = 'rebuild'")
        records.add_channel(self.db, lobby)
        writer = Writer(self.db, source)
        self.state = State()
        rules = Rules(channel_grace_s=20)
        self.world = World(self.state, rules, self.id, self.now_ms, chance.randrange, name)
        self._load(heard)
        own = [tag for _, server, _, tag, _ in database.sources(self.db) if server == self.id]
        clock = HybridClock(self.now_ms, max((heard.get(tag, 0) for tag in own), default=0))
        with self.loop.running():
            self.hub = Hub(
                self.world,
                clock,
                origin_tag(self.id, self.epoch),
                cast(Any, SimLog(self, writer)),
                self._durable,
            )
        committed = {
            (ServerId(server.hex()), epoch): last
            for _, server, epoch, _, last in database.sources(self.db)
        }
        self.federation = Federation(
            self.hub, self.id, self.epoch, committed, self.loop.call_later, lambda _: None
        )
        self.me = Me(
            server=ServerId(self.id.hex()),
            epoch=self.epoch,
            name=name,
            process=f"{chance.getrandbits(128):032x}",
        )
        self.node = Node(self.me, self.federation, SimReader(self), network.clock)
        self.federation.replicator = self.node
        network.add(self.me, self.node)
        self.clients: list[Client] = []
        self._sweep()

    def now_ms(self) -> int:
        return START_MS + round(self.network.now * 1000) + self.skew_ms

    def _load(self, heard: dict[int, Any]) -> None:
        self.state.heard = heard
        for nickname, number, place in records.load_numbers(self.db):
            self.state.restore_number(nickname, number, place)
        self.state.identities.restore(records.load_identities(self.db))
        for uid, count in records.load_waiting(self.db):
            self.state.waiting.restore(uid, count)
        self.state.waiting.restore_early(records.load_early(self.db))
        for channel in records.load_channels(self.db):
            if channel.emptied is None:
                channel.emptied = self.now_ms()
                self.state.changed_channels[channel.incarnation] = None
            self.state.restore_channel(channel)

    def _durable(self) -> DurableState:
        return DurableState(records.load_channels(self.db), records.load_waiting(self.db))

    def _sweep(self) -> None:
        self.hub.end_forgotten_channels()
        self.hub.forget_unused_identities()
        self.loop.call_later(5, self._sweep)

    def client(self, nick: str, credential: Any = None) -> Client | ChatError:
        """Somebody comes, or is refused."""
        client = Client(self)
        intent = Connect(Nickname.parse(nick), nick, "h", nick, False, "sim", credential)
        try:
            self.hub.connect(client, intent)
        except ChatError as error:
            return error
        finally:
            self.hub.command_over()
        self.clients.append(client)
        return client

    def crash(self) -> None:
        """What is on disk remains."""
        self.network.crash(self.me.server)
        self.close()

    def close(self) -> None:
        """Do nothing more."""
        self.loop.end()
        self.db.close()

    # What is there

    def fingerprint(self) -> str:
        return fingerprint(self.state)

    def history(self) -> list[tuple[int, int, str]]:
        """All events that the log shows, in the order of all events."""
        query = "SELECT hlc, tag, body FROM event WHERE kind <= 1 ORDER BY hlc, tag"
        return cast(Any, self.db.execute(query).fetchall())

    def events(self) -> dict[tuple[str, int], int]:
        return {k: v for k, v in self.federation.committed.items() if v}

    def people(self) -> dict[str, tuple[str, str, tuple[str, ...]]]:
        """Who is there, as what, in which channels with which rank."""
        state = self.state
        return {
            user.uid: (
                user.nick.text,
                user.server or self.me.server,
                tuple(
                    sorted(
                        f"{name}:{channel.occupants[user.uid]}"
                        for name, channel in user.channels.items()
                    )
                ),
            )
            for user in state.users.values()
        }


def copy_database(source: Path, target: Path) -> None:
    """Copy a database that nobody has open."""
    db = apsw.Connection(str(source))
    db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    db.close()
    shutil.copy(source, target)
