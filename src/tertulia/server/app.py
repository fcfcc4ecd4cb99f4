"""The server: everything put together, started and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from msgspec.structs import replace

import tertulia
from tertulia.domain.ids import HybridClock
from tertulia.domain.state import State
from tertulia.domain.world import World
from tertulia.protocols.announcement import Card
from tertulia.protocols.session import Request, Shell, TokenBucket
from tertulia.server.addresses import Address, is_listed, is_near
from tertulia.server.backups import Backups
from tertulia.server.connection import Connection
from tertulia.server.console import Console
from tertulia.server.control import ControlServer
from tertulia.server.control_messages import SOCKET
from tertulia.server.discovery import Discovery
from tertulia.server.fanout import AnySession
from tertulia.server.hub import Hub
from tertulia.server.listeners import MESH, Endpoint, Scheme
from tertulia.server.mesh.desk import NetworkDesk
from tertulia.server.mesh.service import Mesh
from tertulia.server.offers import offer_of
from tertulia.server.pacing import Cut, Cutter, Metronome
from tertulia.server.retention import Retention
from tertulia.server.services import Open, Services
from tertulia.server.settings import Settings, SettingsError
from tertulia.server.stats import Stats
from tertulia.server.store import Store
from tertulia.server.tls import Tls
from tertulia.server.workers import Workers
from tertulia.storage.follower import Follower
from tertulia.storage.search import Finder, Indexer
from tertulia.storage.textlog import TextLogWriter

logger = structlog.get_logger()

BACKLOG = 1024
SWEEP_S = 5.0
GOODBYE_S = 2.0
NO_PEERS = "network.table_peers names no address"


class ListenError(Exception):
    """An address that cannot be listened on; ``str(error)`` is one line."""


class Server:
    """A running server. *reload* returns the settings as they are now on disk; *wanted_over*
    is set when the operator wants it to end, and whoever runs it is to `stop` it."""

    def __init__(
        self,
        settings: Settings,
        data: Path,
        reload: Callable[[], Settings] | None = None,
        wanted_over: asyncio.Event | None = None,
    ) -> None:
        self._settings = settings
        self._reload = reload or (lambda: settings)
        self._loop = asyncio.get_running_loop()
        self._store = Store(data)
        state = State()
        server_id, name = self._store.server_id, settings.server.name
        world = World(state, settings.rules(), server_id, _wall_ms, _random_below, name)
        self._store.load(state, _wall_ms())
        clock = HybridClock(_wall_ms, self._store.followed_hlc(_wall_ms()))
        self._followers = _followers(settings, self._store.path, data)
        self.backups = Backups(self._store.path, data, settings.backup)
        index = next((one.index for one in self._followers if isinstance(one, Indexer)), None)
        self._retention = Retention(
            self._store.path,
            data,
            self._store.log,
            index,
            settings.history.keep_days,
            lambda until: self._loop.call_soon_threadsafe(state.dropped, until),
        )
        self.hub = Hub(
            world,
            clock,
            self._store.tag,
            self._store.log,
            self._store.durable,
            self._poke_followers,
        )
        self._mesh = Mesh(self._store, self.hub, settings)
        finder = None if index is None else Finder(index, self._store.path)
        self._workers = Workers(self._store.history, self.after_batch, self.backups.take, finder)
        self._services = Services(self.hub, settings, self.reload)
        self._tls: Tls | None = None
        self._data = data
        self._listeners: list[asyncio.Server] = []
        self._discovery = Discovery(self._about)
        self._connections: set[Connection] = set()
        self._per_address: dict[str, int] = {}
        self._cutters: dict[Cut, Cutter] = {}
        self._metronome: Metronome | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._stopping = False
        self._farewell = "The server is shutting down"
        self.wanted_over = wanted_over or asyncio.Event()
        name = settings.server.name
        desk = NetworkDesk(self.hub, self._mesh)
        stats = Stats(name, self.hub, self._store, self._connections, desk)
        console = Console(self.hub, name, stats.now, self._shut_down, desk)
        self._control = ControlServer(data / SOCKET, console.answer)

    # Starting and stopping

    async def start(self, endpoints: list[Endpoint]) -> list[str]:
        """Listen on *endpoints*; return the addresses, as they are printed.

        Raises `ListenError` for an endpoint that was chosen and cannot be had; a default
        one that cannot be had is a warning.
        """
        for follower in self._followers:
            follower.start()
        self.backups.start()
        self._retention.start()
        uris = []
        for endpoint in endpoints:
            try:
                uris.append(await self._listen(endpoint))
            except OSError as error:
                text = f"{endpoint.scheme.name} cannot listen on port {endpoint.port}"
                why = error.strerror or str(error)
                if endpoint.chosen:
                    raise ListenError(f"{text}: {why}") from error
                logger.warning("port taken", protocol=endpoint.scheme.name, port=endpoint.port)
        if not uris:
            raise ListenError("no port could be listened on; choose others with --listen")
        self._mesh.start()
        self._sweeper = asyncio.create_task(self._sweep())
        self._discovery.switch(self._settings.network.discovery)
        await self._control.start()
        return uris

    async def _listen(self, endpoint: Endpoint) -> str:
        port = endpoint.port
        if endpoint.host is None and port == 0:
            # All addresses are to share one port: let the kernel choose it once.
            port = await self._free_port()
        if endpoint.scheme.name == MESH:
            port = await self._mesh.listen(replace(endpoint, port=port))
        else:
            port = await self._listen_for_clients(endpoint, port)
        return replace(endpoint, port=port).uri

    async def _listen_for_clients(self, endpoint: Endpoint, port: int) -> int:
        host = self._host(endpoint)
        listener = await self._loop.create_server(
            lambda: Connection(host, self._loop),
            endpoint.host,
            port,
            backlog=BACKLOG,
            ssl=self._tls_context() if endpoint.scheme.secure else None,
            ssl_handshake_timeout=(
                self._settings.limits.tls_handshake_s if endpoint.scheme.secure else None
            ),
        )
        self._listeners.append(listener)
        if not endpoint.scheme.for_servers:
            self._discovery.add(offer_of(endpoint.scheme.name, listener.sockets))
        elif not self._settings.network.table_peers:
            logger.warning("nobody may link", listener=endpoint.uri, reason=NO_PEERS)
        bound: int = listener.sockets[0].getsockname()[1]
        return bound

    async def _free_port(self) -> int:
        probe = await self._loop.create_server(asyncio.Protocol, None, 0)
        port: int = probe.sockets[0].getsockname()[1]
        probe.close()
        await probe.wait_closed()
        return port

    def _tls_context(self) -> Any:
        if self._tls is None:
            self._tls = Tls(self._settings.tls, self._data, self._settings.server.name)
        return self._tls.context

    def _host(self, endpoint: Endpoint) -> _Host:
        return _Host(self, self._services.opens[endpoint.scheme.name], endpoint.scheme)

    async def stop(self) -> None:
        """Stop listening, tell the clients, write what waits, and close everything."""
        self._stopping = True
        goodbye = asyncio.create_task(self._discovery.stop())
        self._control.refuse()
        for listener in self._listeners:
            listener.close()
        self._mesh.shut_door()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in list(self._connections):
            if connection.session is not None:
                connection.session.end(self._farewell)
            else:
                connection.transport.abort()
        await self.hub.gate.settle()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                while self._connections:
                    await asyncio.sleep(0.01)
        for connection in list(self._connections):
            connection.transport.abort()
        await self._mesh.stop()
        await goodbye
        stops = (self._retention.stop, self.backups.stop, *(one.stop for one in self._followers))
        for stop in stops:
            await self._loop.run_in_executor(None, stop)
        await self._loop.run_in_executor(None, self._workers.close)
        await self._loop.run_in_executor(None, self._store.close)
        # Last, because who asked for the end waits for it.
        await self._control.close()

    def _shut_down(self, reason: str) -> None:
        if reason:
            self._farewell = f"The server is shutting down: {reason}"
        self.wanted_over.set()

    def reload(self) -> str | None:
        """Read settings and certificate again; return what is wrong with them, if anything.

        Names, addresses and the data directory stay what they are until a restart.
        """
        try:
            settings = self._reload()
            use = self._services.prepare(settings)
            use_mesh = self._mesh.prepare(settings)
            if self._tls is not None:
                self._tls.reload(settings.tls)
        except SettingsError as error:
            logger.error("settings not applied", reason=str(error))
            return str(error)
        self._settings = settings
        self._discovery.switch(settings.network.discovery)
        use()
        use_mesh()
        self.hub.world.rules = settings.rules()
        self.backups.configure(settings.backup)
        self._retention.configure(settings.history.keep_days)
        for follower in self._followers:
            if isinstance(follower, TextLogWriter):
                follower.logs.leave_out(settings.history.unlogged_channels)
        logger.info("settings applied")
        return None

    # What connections ask for

    @property
    def output_bytes(self) -> int:
        """How much may wait for one client."""
        return self._settings.limits.output_bytes or 1 << 40

    @property
    def metronome(self) -> Metronome:
        """What makes the pause between two messages to an old client."""
        pause_s = self._settings.limits.legacy_pacing_ms / 1000
        if self._metronome is None or self._metronome.pause_s != pause_s:
            self._metronome = Metronome(pause_s)
        return self._metronome

    def admit(self, connection: Connection, opens: Open, scheme: Scheme) -> AnySession | None:
        """Return a session for a new connection, None if it is one too many or from where
        nobody is taken."""
        limits, host = self._settings.limits, connection.peer.host
        if self._stopping:
            return None
        address = ipaddress.ip_address(host)
        count = self._per_address.get(host, 0) + 1
        # The count goes down when the connection is closed, refused ones included.
        self._connections.add(connection)
        self._per_address[host] = count
        refusal = _refusal(self._settings, address, scheme)
        if limits.connections and len(self._connections) > limits.connections:
            refusal = refusal or "too many connections"
        elif 0 < limits.connections_per_address < count and not address.is_loopback:
            refusal = refusal or "too many connections from this address"
        if refusal is not None:
            logger.info("connection refused", address=host, reason=refusal)
            return None
        rate = limits.commands_per_second
        return opens(connection, TokenBucket(rate, limits.commands_burst) if rate else None)

    def closed(self, connection: Connection) -> None:
        """A connection is gone."""
        if connection in self._connections:
            self._connections.remove(connection)
            host = connection.peer.host
            self._per_address[host] -= 1
            if not self._per_address[host]:
                del self._per_address[host]

    def perform(self, request: Request, resume: Callable[[Any], None]) -> None:
        """Fulfil a session's request."""
        self._workers.perform(request, resume)

    def cutter(self, cut: Cut) -> Cutter:
        """Return the one that cuts with *cut* for all connections."""
        if cut not in self._cutters:
            self._cutters[cut] = Cutter(cut)
        return self._cutters[cut]

    def after_batch(self, action: Callable[[], None]) -> None:
        """Do *action* when what was sent so far is on its way."""
        self.hub.gate.batch.after.append(action)
        self.hub.gate.touch()

    def _poke_followers(self) -> None:
        for follower in self._followers:
            follower.poke()

    def _about(self) -> Card:
        """What those who look for servers are told of this one."""
        server = self._settings.server
        return Card(
            name=server.name,
            network=server.network,
            version=tertulia.__version__,
            server_id=self._store.server_id.hex(),
            users=len(self.hub.world.state.users),
        )

    async def _sweep(self) -> None:
        """Look for what is overdue, a part of the connections at a time."""
        while True:
            await asyncio.sleep(SWEEP_S)
            now = self._loop.time()
            for i, connection in enumerate(list(self._connections)):
                connection.tick(now)
                if i % 500 == 499:
                    await asyncio.sleep(0)
            self.hub.end_forgotten_channels()
            self.hub.forget_unused_identities()


class _Host:
    """The server, as the connections of one listener see it."""

    __slots__ = ("_opens", "_scheme", "_server", "command_over", "cutter", "flush_paced", "send")

    def __init__(self, server: Server, opens: Open, scheme: Scheme) -> None:
        self._server = server
        self._opens = opens
        self._scheme = scheme
        self.send = server.hub.send
        self.command_over = server.hub.command_over
        self.cutter = server.cutter
        self.flush_paced = server.hub.gate.paced.flush

    @property
    def output_bytes(self) -> int:
        return self._server.output_bytes

    @property
    def metronome(self) -> Metronome:
        return self._server.metronome

    @property
    def is_congested(self) -> bool:
        return self._server.hub.gate.is_congested

    def open_session(self, shell: Shell) -> AnySession | None:
        assert isinstance(shell, Connection)
        return self._server.admit(shell, self._opens, self._scheme)

    def closed(self, connection: Connection) -> None:
        self._server.closed(connection)

    def perform(self, request: Request, resume: Callable[[Any], None]) -> None:
        self._server.perform(request, resume)

    def after_batch(self, action: Callable[[], None]) -> None:
        self._server.after_batch(action)


def _followers(settings: Settings, database: Path, data: Path) -> list[Follower]:
    history = settings.history
    followers: list[Follower] = []
    if history.search:
        followers.append(Indexer(database, data / "search.db"))
    if history.text_logs:
        followers.append(TextLogWriter(database, data, history.unlogged_channels))
    return followers


def _refusal(settings: Settings, address: Address, scheme: Scheme) -> str | None:
    """Return why nobody at *address* is taken, None if anybody is."""
    if scheme.for_servers:
        peers = settings.network.table_peers
        if not is_listed(address, peers):
            return "not in network.table_peers" if peers else NO_PEERS
    elif not (scheme.secure or settings.server.allow_public or is_near(address)):
        return "not a near address"
    return None


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


_random_below = random.SystemRandom().randrange
