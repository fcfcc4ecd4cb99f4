"""Vectors: how far everything is, and who is linked with whom, is told and taken in."""

from __future__ import annotations

from tertulia.replication.attendance import Attendance
from tertulia.replication.doubles import Doubles
from tertulia.replication.mesh import Mesh
from tertulia.replication.messages import Bye, Heard, LinkState, Vector
from tertulia.replication.peer import Peer
from tertulia.replication.repair import Repair

INTERVAL_S = 5.0
NEWS_S = 1.0
"""How often those further away are told of what is being pulled here, so that they pull it."""
GONE_S = 60.0
"""How long it is passed on that a server said goodbye."""


class Gossip:
    """Says vectors to peers, and takes theirs."""

    def __init__(
        self, mesh: Mesh, repair: Repair, attendance: Attendance, doubles: Doubles
    ) -> None:
        self._mesh = mesh
        self._repair = repair
        self._attendance = attendance
        self._doubles = doubles
        self._gone: dict[str, float] = {}

    def say(self, peer: Peer, now: float) -> None:
        """Tell *peer* how far everything is."""
        peer.vector_at = now
        peer.wants_vector = peer.has_news = False
        self._mesh.say(peer, Vector(self._heard(), self._links(peer, now)))

    def _heard(self) -> dict[str, Heard]:
        mesh = self._mesh
        servers = dict.fromkeys((mesh.me.server, *mesh.inbox.committed, *mesh.topology.hops()))
        heard = mesh.inbox.committed.heard
        return {server: heard(server, *self._attendance.place(server)) for server in servers}

    def _links(self, peer: Peer, now: float) -> dict[str, LinkState]:
        """Return what *peer* may not hear itself."""
        topology = self._mesh.topology
        links: dict[str, LinkState] = {self._mesh.me.server: topology.own}
        gone = [server for server, until in self._gone.items() if now < until]
        for server in (*topology.hops(), *gone):
            state = topology.state(server)
            if state is not None and server != peer.server and server not in peer.links:
                links[server] = state
        return links

    def tick(self, now: float) -> None:
        """Time passes."""
        self._gone = {server: until for server, until in self._gone.items() if now < until}
        for peer in list(self._mesh.peers.values()):
            interval = NEWS_S if peer.has_news else INTERVAL_S
            if not peer.behind and (peer.wants_vector or now >= peer.vector_at + interval):
                self.say(peer, now)

    def take_links(self, peer: Peer, links: dict[str, LinkState]) -> None:
        """*peer* tells who is linked with whom. Raises `Unacceptable`."""
        for server, state in links.items():
            if server == self._mesh.me.server:
                self._take_own(state)
            elif not self._is_doubtful(server, state):
                self._learn(server, state)
        said = self._mesh.topology.state(peer.server)
        if said is not None and said.process == peer.hello.process:
            self._take_links_of(peer, frozenset(said.links))

    def _take_links_of(self, peer: Peer, links: frozenset[str]) -> None:
        if links != peer.links:
            peer.links = links
            self._mesh.links_changed()

    def _take_own(self, state: LinkState) -> None:
        me = self._mesh.me
        if state.process != me.process and state.epoch >= me.epoch:
            self._doubles.is_double_of_own(state.name)

    def _is_doubtful(self, server: str, state: LinkState) -> bool:
        """Whether *state* is of another process than the one that is linked here."""
        linked = self._mesh.peers.get(server)
        if linked is None or linked.hello.process == state.process:
            return False
        if state.epoch >= linked.hello.epoch and not state.gone:
            self._doubles.suspect(linked)
        return True

    def _learn(self, server: str, state: LinkState) -> None:
        if not self._mesh.topology.learn(server, state):
            return
        if state.gone:
            self._gone[server] = self._mesh.clock() + GONE_S
        self._mesh.links_changed()
        for other in self._mesh.audience(server):
            other.wants_vector = True

    def take_heard(self, peer: Peer, heard: dict[str, Heard]) -> None:
        """*peer* tells how far it is. Raises `Unacceptable`."""
        self._repair.compare(peer, heard)
        self._attendance.compare(peer, heard)
        self._repair.go_on(peer, self._mesh.clock())

    def goodbye(self, peer: Peer, message: Bye) -> None:
        """*peer* stops in an orderly way."""
        hello = peer.hello
        self._mesh.drop(peer, f"it stopped: {message.reason[:200]}".removesuffix(": "))
        if self._mesh.topology.say_gone(hello.server, hello.epoch, hello.process, hello.name):
            self._gone[hello.server] = self._mesh.clock() + GONE_S
            for other in self._mesh.peers.values():
                other.wants_vector = True
