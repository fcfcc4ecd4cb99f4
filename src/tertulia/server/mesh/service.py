"""This server among those that share its chat: links with them, and whatever leads to links.

What is said on a link, and what follows from it, is seen to by `tertulia.replication.node.Node`;
here are its connections, its clock, its files, and what is told of them.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog

from tertulia.replication.announcement import Announced, Foreign
from tertulia.replication.dialer import Attempt, Dialer
from tertulia.replication.handshake import Accepted, Handshake, Refused, Role
from tertulia.replication.interface import Health, ServerId
from tertulia.replication.mesh import Me
from tertulia.replication.messages import Hello
from tertulia.replication.node import TICK_S, Node
from tertulia.server.addresses import Address, is_near, shortest
from tertulia.server.federation import Federation
from tertulia.server.hub import Hub
from tertulia.server.interfaces import Held, held_addresses
from tertulia.server.listeners import Endpoint
from tertulia.server.mesh.dial import Unreachable, dial_any
from tertulia.server.mesh.discovery import MeshDiscovery
from tertulia.server.mesh.door import Door
from tertulia.server.mesh.link import FLUSH_S, MeshLink
from tertulia.server.mesh.log import MeshLog
from tertulia.server.mesh.peers_file import FILE as PEERS_FILE
from tertulia.server.mesh.peers_file import PeersFile
from tertulia.server.mesh.reports import Reports
from tertulia.server.mesh.secret import FILE as SECRET_FILE
from tertulia.server.mesh.secret import read_secrets, secrets_at
from tertulia.server.mesh.tls import MeshTls
from tertulia.server.offers import offer_of
from tertulia.server.peer_address import peer_address, shown_address
from tertulia.server.settings import Settings
from tertulia.server.store import Store

logger = structlog.get_logger()

DIALS_MOST = 16
"""How many servers are connected to at once."""
OWN_ID_S = 30.0
"""How often a server is looked at that seems to have the id of this one."""
REMEMBER_S = 3600.0
"""How often it is noted that there still is a link."""


class Mesh:
    """The servers that share one chat, as this one is among them.

    There are none, and nothing is done, until it has `begun`: with a listener, or with the
    address of another server.
    """

    def __init__(self, store: Store, hub: Hub, settings: Settings) -> None:
        self._loop = asyncio.get_running_loop()
        self._store = store
        self._settings = settings
        self._federation = Federation(
            hub,
            store.server_id,
            store.epoch,
            {
                (ServerId(server.hex()), epoch): last
                for _, server, epoch, _, last in store.sources()
            },
            self._loop.call_later,
            store.raise_epoch_floor,
            store.remember_apart,
        )
        self._federation.grace_s = settings.network.grace_s
        self._inside: _Inside | None = None

    @property
    def begun(self) -> bool:
        """Whether this server looks for others."""
        return self._inside is not None

    @property
    def ports(self) -> list[int]:
        """Where others can come in."""
        return [] if self._inside is None else self._inside.ports

    @property
    def peers(self) -> PeersFile | None:
        """Who is remembered, if anybody is looked for."""
        return None if self._inside is None else self._inside.peers

    @property
    def unmet(self) -> dict[str, str]:
        """Why nobody was met at addresses that were given by hand."""
        if self._inside is None:
            return {}
        return {shown_address(*at): why for at, why in self._inside.unmet.items()}

    def health(self) -> Health | None:
        """Return how this server is connected with others, None if it looks for none."""
        return None if self._inside is None else self._inside.node.health()

    @property
    def secret_file(self) -> Path:
        """Where the network's secret is."""
        return self._settings.network.secret_file or self._store.data / SECRET_FILE

    async def listen(self, endpoint: Endpoint) -> int:
        """Let others come in; return the port. Raises `OSError` and `SettingsError`."""
        return await self._begin().listen(endpoint)

    def start(self) -> None:
        """Look for others, if there are to be any."""
        if self._inside is not None or self._settings.network.peers:
            self._begin().start()

    def prepare(self, settings: Settings) -> Callable[[], None]:
        """Return what puts other settings to use, or raise `SettingsError`."""
        given = settings.network.secret_file
        if self.begun:
            # One that is missing now is not to be made: it was another one.
            found = read_secrets(given or self._store.data / SECRET_FILE)
        else:
            found = secrets_at(given, self._store.data) if settings.network.peers else []

        def use() -> None:
            self._settings = settings
            self._federation.grace_s = settings.network.grace_s
            self.start()
            if self._inside is not None:
                self._inside.use(settings, found)

        return use

    def use_secrets(self, these: list[bytes]) -> None:
        """From now on *these* are the secrets of the network."""
        if self._inside is not None:
            self._inside.use(self._settings, these)

    def look_at(self, host: str, port: int) -> None:
        """There is another server at an address."""
        inside = self._begin()
        inside.start()
        inside.look_at(host, port)

    def forget(self, server: str) -> str:
        """Forget *server*, which is remembered; return its name."""
        assert self._inside is not None
        return self._inside.forget(server)

    def shut_door(self) -> None:
        """Take no more connections, and make none."""
        if self._inside is not None:
            self._inside.shut_door()

    async def stop(self) -> None:
        """Tell the others that this server stops, and close the links."""
        if self._inside is not None:
            await self._inside.stop()

    def _begin(self) -> _Inside:
        if self._inside is None:
            found = secrets_at(self._settings.network.secret_file, self._store.data)
            self._inside = _Inside(self._store, self._federation, self._settings, found)
        return self._inside


class _Inside:
    """What there is only where other servers are looked for. It owns the connections, and is what
    they call."""

    def __init__(
        self, store: Store, federation: Federation, settings: Settings, these: list[bytes]
    ) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self._settings = settings
        self._secrets = these
        server = settings.server
        self._tls = MeshTls(store.data, server.name)
        self._me = Me(
            server=ServerId(store.server_id.hex()),
            epoch=store.epoch,
            name=server.name,
            process=secrets.token_hex(16),
            cluster=server.network,
        )
        self._log = MeshLog(store.path, federation.committed)
        self.node = federation.replicator = Node(self._me, federation, self._log, time.monotonic)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="peers")
        self.peers = PeersFile(store.data / PEERS_FILE, int(time.time()), self._thread.submit)
        self._dialer = Dialer(self._me.server, random.random)
        self._reports = Reports()
        self._door = Door(self, self._tls, self._allows, self._came_in, self._reports.at_the_door)
        self._discovery = MeshDiscovery(self._about, lambda: self._secrets, self._heard)
        self._links: set[MeshLink] = set()
        self._dialing: set[asyncio.Task[None]] = set()
        self._dials = asyncio.Semaphore(DIALS_MOST)
        self._configured: dict[tuple[str, int], frozenset[Address]] = {}
        """Where the settings say that servers are, and the addresses of these hosts."""
        self._announced: dict[str, tuple[str, int]] = {}
        """Where those that there are announcements of can be reached."""
        self.unmet: dict[tuple[str, int], str] = {}
        """Why nobody was met at an address that was given by hand."""
        self._timer: asyncio.TimerHandle | None = None
        self._remembered_at = loop.time()
        self._met_oneself_at = -OWN_ID_S
        self.ports: list[int] = []

    # Beginning and ending

    async def listen(self, endpoint: Endpoint) -> int:
        """Let others come in; return the port. Raises `OSError`."""
        sockets = await self._door.open(endpoint.host, endpoint.port)
        offer = offer_of(endpoint.scheme.name, sockets)
        self._discovery.add(offer)
        self.ports.append(offer.port)
        return offer.port

    def start(self) -> None:
        """Look for others."""
        if self._timer is not None:
            return
        now = self._loop.time()
        for server, known in self.peers.servers.items():
            if self._ban_of(server) or self._ban_of(known.name):
                continue
            self.node.expect(ServerId(server), known.name)
            for host, port in known.addresses:
                self._dialer.remember(host, port, now, server)
        for host, port in self.peers.addresses:
            self._dialer.remember(host, port, now)
        self.use(self._settings, self._secrets)
        self._tick()

    def use(self, settings: Settings, these: list[bytes]) -> None:
        """Put settings and secrets to use."""
        self._settings = settings
        network = settings.network
        now = self._loop.time()
        wanted = {peer_address(peer): frozenset[Address]() for peer in network.peers}
        for gone in self._configured.keys() - wanted.keys():
            self._dialer.forget(*gone)
            self.unmet.pop(gone, None)
        self._configured = {**wanted, **{k: v for k, v in self._configured.items() if k in wanted}}
        for host, port in self._configured:
            self._dialer.remember(host, port, now)
        lost = [secret for secret in self._secrets if secret not in these]
        self._secrets = these
        for link in list(self._links):
            if why := self._ban_of(link.peer.server) or self.unwanted(link.peer):
                self._cut(link, why)
            elif lost:
                # Who knows only what is no secret any more does not come back.
                self._cut(link, "the network has another secret")
        for server, known in self.peers.servers.items():
            if self._ban_of(server) or self._ban_of(known.name):
                self.node.forget(ServerId(server))
        self._discovery.switch(network.discovery)
        self._discovery.hurry()

    def look_at(self, host: str, port: int) -> None:
        """There is another server at an address."""
        self.peers.look_at((host, port))
        self._dialer.remember(host, port, self._loop.time())

    def forget(self, server: str) -> str:
        """Forget *server*, which is remembered; return its name."""
        known = self.peers.forget(server)
        for host, port in known.addresses:
            if (host, port) not in self._configured:
                self._dialer.forget(host, port)
        self.node.forget(ServerId(server))
        return known.name

    def shut_door(self) -> None:
        """Take no more connections, and make none."""
        if self._timer is not None:
            self._timer.cancel()
        self._discovery.close()
        self._door.close()
        for task in self._dialing:
            task.cancel()

    async def stop(self) -> None:
        """Tell the others that this server stops, and close the links."""
        self.shut_door()
        self.node.bye()
        until = self._loop.time() + 2 * FLUSH_S
        while self._links and self._loop.time() < until:
            await asyncio.sleep(0.01)
        for link in self._links:
            link.abort()
        await self._log.close()
        await self._loop.run_in_executor(None, self._thread.shutdown)

    def _cut(self, link: MeshLink, why: str) -> None:
        link.close(why)
        self.closed(link, why)

    def _tick(self) -> None:
        self._timer = self._loop.call_later(TICK_S, self._tick)
        now = self._loop.time()
        try:
            self.node.tick()
            self._discovery.tick(now)
            for attempt in self._dialer.due(now, self.node.linked):
                self._start_dialing(attempt)
            if now - self._remembered_at > REMEMBER_S:
                self._remembered_at = now
                for link in self._links:
                    self._remember(link.peer)
        except Exception:
            logger.exception("fault", protocol="mesh")

    # Connecting

    def _start_dialing(self, attempt: Attempt) -> None:
        task = self._loop.create_task(self._dial(attempt))
        self._dialing.add(task)
        task.add_done_callback(self._dialing.discard)

    async def _dial(self, attempt: Attempt) -> None:
        async with self._dials:
            await self._dial_now(attempt)

    async def _dial_now(self, attempt: Attempt) -> None:
        address = (attempt.host, attempt.port)
        server = ""
        try:
            link, result = await dial_any(
                self, self._tls, *address, lambda found: self._learnt(address, found)
            )
            if isinstance(result, Accepted):
                server = result.peer.server
                self.unmet.pop(address, None)
            elif result.why == "itself":
                self._dialer.met_itself(attempt)
            else:
                self._reports.refused(link, result)
                self._not_met(attempt, result.text, result.peer)
        except Unreachable as error:
            is_configured = address in self._configured
            self._reports.unreachable(shown_address(*address), str(error), is_configured)
            self._not_met(attempt, str(error))
        except Exception:
            logger.exception("fault", protocol="mesh")
        finally:
            self._dialer.ended(attempt, self._loop.time(), server)

    def _not_met(self, attempt: Attempt, why: str, peer: Hello | None = None) -> None:
        """Note for people why there is no link."""
        address = (attempt.host, attempt.port)
        servers = {attempt.server, "" if peer is None else peer.server} - {""}
        servers |= {s for s, known in self.peers.servers.items() if address in known.addresses}
        for server in servers - {self._me.server}:
            self.node.tried(ServerId(server), why)
        if not servers & self.peers.servers.keys() and not attempt.server:
            self.unmet[address] = why

    def _learnt(self, address: tuple[str, int], found: list[Address]) -> None:
        if address in self._configured:
            self._configured[address] = frozenset(found)

    def _allows(self, address: Address) -> bool:
        """Whether connections are taken from *address*."""
        if self._settings.server.allow_public or is_near(address):
            return True
        return any(address in found for found in self._configured.values())

    def _came_in(self, link: MeshLink, result: Accepted | Refused) -> None:
        """The handshake of somebody who came in is over."""
        if isinstance(result, Refused) and result.why != "itself":
            self._reports.refused(link, result)
            # Anybody can say that they are some server, so nothing is noted of it.

    # What links call: see `link.Owner`

    def handshake(self, role: Role, certificate: bytes) -> Handshake:
        """Return a handshake for a new connection."""
        return Handshake(
            role,
            self._me.hello(secrets.token_hex(32)),
            self._secrets,
            certificate,
            pins=self.peers.pins(),
            banned=lambda server: self._ban_of(server) or self.node.refuses(server),
        )

    def unwanted(self, peer: Hello) -> str:
        """Return why there is no link with *peer*, empty if there is."""
        return self._ban_of(peer.name)

    def _ban_of(self, text: str) -> str:
        is_banned = text in self._settings.network.banned
        return f"{self._me.name} does not link with {text} (network.banned)" if is_banned else ""

    def opened(self, link: MeshLink) -> None:
        """There is a link."""
        self._links.add(link)
        self._reports.linked(link, self._me.name)
        at = (link.host, link.port) if link.initiated else self._announced.get(link.peer.server)
        self._remember(link.peer, at, link.certificate if link.initiated else b"")
        if at is not None:
            self._dialer.remember(*at, self._loop.time(), link.peer.server)
        self._guarded(link, lambda: self.node.opened(link))

    def _remember(self, peer: Hello, at: tuple[str, int] | None = None, pin: bytes = b"") -> None:
        self.peers.met(peer.server, peer.name, int(time.time()), at, pin)

    def data(self, link: MeshLink, data: bytes) -> None:
        """A link brought bytes."""
        self._guarded(link, lambda: self.node.data(link, data))

    def drained(self, link: MeshLink) -> None:
        """A link has room again."""
        if link in self._links:
            self._guarded(link, lambda: self.node.drained(link))

    def closed(self, link: MeshLink, why: str) -> None:
        """A link is no more."""
        if link in self._links:
            self._links.remove(link)
            self._guarded(link, lambda: self.node.closed(link, why))

    def _guarded(self, link: MeshLink, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception:
            logger.exception("fault", protocol="mesh")
            link.close("a fault on this server")

    # Finding

    def _meet_oneself(self, host: str, port: int) -> None:
        """A server announces itself with the id of this one: it is this one, or a copy of it, or
        somebody says again what they have heard."""
        now = self._loop.time()
        address = shortest(host)
        if now < self._met_oneself_at + OWN_ID_S or address in map(_ip, held_addresses()):
            return
        self._met_oneself_at = now
        self._start_dialing(Attempt(host, port, self._me.server))

    def _about(self, port: int) -> Announced:
        me = self._me
        return Announced(me.server, me.epoch, port, time.time_ns() // 1_000_000, me.name)

    def _heard(self, said: Announced | Foreign, host: str) -> None:
        if said.server == self._me.server:
            if isinstance(said, Announced):
                self._meet_oneself(host, said.port)
        elif isinstance(said, Foreign):
            self._reports.foreign(said, host)
        elif not (self._ban_of(said.server) or self._ban_of(said.name)):
            self._announced[said.server] = (host, said.port)
            self._dialer.announced(said.server, host, said.port, self._loop.time())


def _ip(held: Held) -> Address:
    return held.at.ip
