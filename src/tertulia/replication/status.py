"""Which servers are known, and how each is connected, for the chat and for people."""

from __future__ import annotations

from collections.abc import Mapping

from tertulia.replication.interface import Health, PeerStatus, ServerId
from tertulia.replication.mesh import Mesh

KNOWN_S = 24 * 3600.0
"""How long a server counts as missing that is not there."""


class _Known:
    def __init__(self, name: str, since: float) -> None:
        self.name = name
        self.since = since
        self.reachable = False
        self.orderly = False


class Status:
    """Follows who can be reached, and tells the core when that changes."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._hops: Mapping[str, tuple[str, ...]] = {}
        self._known: dict[str, _Known] = {}

    def expect(self, server: ServerId, name: str) -> None:
        """*server* should be there, as it was before this one started."""
        if server != self._mesh.me.server:
            self._known.setdefault(server, _Known(name, self._mesh.clock()))

    def forget(self, server: ServerId) -> None:
        """*server* is not missed if it is not there."""
        if server not in self._hops:
            self._known.pop(server, None)

    def settle(self) -> list[str]:
        """Tell the core who came into reach, and who is out of it; return the latter."""
        hops = self._mesh.topology.hops()
        if hops is self._hops:
            return []
        before, self._hops = self._hops, hops
        lost = [server for server in before if server not in hops]
        for server in lost:
            state = self._mesh.topology.state(server)
            self._changed(server, False, state is not None and state.gone)
        for server in hops:
            if server not in before:
                self._changed(server, True, False)
        return lost

    def _changed(self, server: str, reachable: bool, orderly: bool) -> None:
        name = self._name(server)
        now = self._mesh.clock()
        known = self._known.setdefault(server, _Known(name, now))
        known.name, known.since = name, now
        known.reachable, known.orderly = reachable, orderly
        self._mesh.core.reach(ServerId(server), name, reachable, orderly)

    def _name(self, server: str) -> str:
        peer = self._mesh.peers.get(server)
        state = self._mesh.topology.state(server)
        if peer is not None:
            return peer.hello.name
        return state.name if state is not None else self._known[server].name

    def tick(self, now: float) -> None:
        """Time passes."""
        for server, known in list(self._known.items()):
            if not known.reachable and now - known.since > KNOWN_S:
                del self._known[server]

    def health(self) -> Health:
        """Return how this server is connected."""
        there = [known.reachable for known in self._known.values() if not known.orderly]
        if all(there):
            return Health.OK
        return Health.DEGRADED if any(there) else Health.ISOLATED

    def peers(self) -> dict[ServerId, PeerStatus]:
        """Return the servers that are known."""
        return {ServerId(server): self._status(ServerId(server)) for server in self._known}

    def _status(self, server: ServerId) -> PeerStatus:
        known, peer = self._known[server], self._mesh.peers.get(server)
        hops = self._hops.get(server, ())
        return PeerStatus(
            server=server,
            name=known.name,
            reachable=known.reachable,
            linked=peer is not None,
            address="" if peer is None else peer.link.address,
            via=hops[0] if hops and peer is None else "",
            latency_s=None if peer is None else peer.latency,
            lag=self._lag(server),
            behind=self._behind(server),
            queued=0 if peer is None else peer.link.queued,
            since=known.since,
            why="" if peer is not None else self._mesh.whys.get(server, ""),
        )

    def _lag(self, server: str) -> int:
        """Return how many events of its latest epoch somebody has and this server has not."""
        has = [peer.has.get(server, (0, 0)) for peer in self._mesh.peers.values()]
        epoch, seq = max(has, default=(0, 0))
        return max(0, seq - self._mesh.inbox.committed.last(server, epoch))

    def _behind(self, server: str) -> int:
        peer = self._mesh.peers.get(server)
        me = self._mesh.me
        if peer is None:
            return 0
        epoch, seq = peer.has.get(me.server, (0, 0))
        ours = self._mesh.inbox.committed.last(me.server, me.epoch)
        return max(0, ours - (seq if epoch == me.epoch else 0))
