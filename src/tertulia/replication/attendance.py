"""Who is on which server is told, asked for and passed on."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Raw

from tertulia.replication.bounds import HASH_MOST, Unacceptable, check_server
from tertulia.replication.framing import encode
from tertulia.replication.interface import ServerId
from tertulia.replication.mesh import Mesh
from tertulia.replication.messages import Ack, Heard, Presence, Snapshot, WhoIsThere
from tertulia.replication.outgoing import Outgoing
from tertulia.replication.peer import Peer
from tertulia.replication.presence import Place, Told

ASK_S = 10.0
"""How long a snapshot may take to come before it is asked for again."""
PART_BYTES = 128 * 1024
SAY_BYTES = 256 * 1024
"""With more than this unsent, the rest of a snapshot waits, so that it keeps nothing from being
pushed."""
CACHED_S = 5.0


class Attendance:
    """Keeps the core up to date with who is on other servers, and them with who is here."""

    def __init__(self, mesh: Mesh, outgoing: Outgoing) -> None:
        self._mesh = mesh
        self._outgoing = outgoing
        self._asked: dict[str, float] = {}
        """Until when who is on a server need not be asked again."""
        self._takings = 0
        self._cached: dict[str, tuple[Place, list[bytes]]] = {}
        self._cached_at = 0.0

    def place(self, server: str) -> Place:
        """Return how many changes are known on *server*, this one or another."""
        if server == self._mesh.me.server:
            return self._mesh.me.epoch, self._mesh.present
        return self._mesh.crowds.place(server)

    def forget(self, server: str) -> None:
        """*server* is out of reach: what happens there meanwhile will not be heard."""
        self._mesh.crowds.forget(server)
        self._asked.pop(server, None)

    def links_changed(self) -> None:
        """Who was asked may be no peer any more."""
        self._asked.clear()

    # What others say

    def compare(self, peer: Peer, heard: Mapping[str, Heard]) -> None:
        """*peer* said how much it knows."""
        for server, theirs in heard.items():
            # Who is linked here says itself what happens there.
            if server == peer.server or server not in self._mesh.peers:
                if self._mesh.crowds.is_behind(server, theirs.epoch, theirs.present):
                    self._ask(peer, server)

    def changed(self, peer: Peer, told: Presence) -> None:
        """*peer* tells of changes. Raises `Unacceptable`."""
        if self._is_heard_of(told.server):
            before = self._mesh.crowds.place(told.server)
            became = self._mesh.crowds.change(told)
            self._let_happen(told.server, became)
            if became.gap:
                self._ask(peer, told.server)
            elif self._mesh.crowds.place(told.server) != before:
                self._outgoing.pass_on(told, peer)

    def pictured(self, peer: Peer, told: Snapshot) -> None:
        """*peer* tells who is on a server, or a part of that. Raises `Unacceptable`."""
        if self._is_heard_of(told.server):
            became = self._mesh.crowds.snapshot(told, peer.server)
            if told.more:
                self._asked[told.server] = self._mesh.clock() + ASK_S
            elif became.users is not None:
                self._asked.pop(told.server, None)
                for other in self._mesh.audience(told.server):
                    other.wants_vector = other is not peer
            self._let_happen(told.server, became)

    def _is_heard_of(self, server: str) -> bool:
        return server != self._mesh.me.server and server in self._mesh.topology.hops()

    def _let_happen(self, server: str, told: Told) -> None:
        if told.users is not None:
            self._mesh.core.replace(ServerId(server), told.users)
        if told.items:
            self._mesh.core.present(ServerId(server), told.items)

    def _ask(self, peer: Peer, server: str) -> None:
        now = self._mesh.clock()
        if self._is_heard_of(server) and now >= self._asked.get(server, now):
            self._asked[server] = now + ASK_S
            self._mesh.say(peer, WhoIsThere(self._mesh.next_hash(), server))

    # What others are told

    def asked(self, peer: Peer, message: WhoIsThere) -> None:
        """*peer* wants to know who is on a server. Raises `Unacceptable`."""
        check_server(message.server)
        if len(message.hash) > HASH_MOST:
            raise Unacceptable("a request is too long")
        is_known = self.place(message.server)[1] >= 0
        if is_known and message.server not in peer.saying:
            self.say(peer, message.server)
            if message.server in peer.saying:
                peer.saying[message.server].append(encode(Ack(message.hash, True)))
            elif self._mesh.is_current(peer):
                self._mesh.say(peer, Ack(message.hash, True))
        else:
            why = "that is being said" if is_known else "that is not known here"
            self._mesh.say(peer, Ack(message.hash, False, why))

    def say(self, peer: Peer, server: str) -> None:
        """Tell *peer* who is on *server*."""
        peer.saying[server] = list(self._picture(server))
        self.go_on(peer)

    def go_on(self, peer: Peer) -> None:
        """Send *peer* more of the snapshots that it is to be sent, if it takes it."""
        saying = peer.saying
        while saying and peer.link.queued <= SAY_BYTES and self._mesh.is_current(peer):
            server, parts = next(iter(saying.items()))
            self._mesh.send(peer, parts.pop(0))
            if not parts:
                del saying[server]

    def tick(self, now: float) -> None:
        """Time passes."""
        if now - self._cached_at > CACHED_S:
            self._cached.clear()
        for peer in list(self._mesh.peers.values()):
            self.go_on(peer)

    def _picture(self, server: str) -> list[bytes]:
        """Return who is on *server*, as it is said; many may want to hear it at once."""
        place = self.place(server)
        cached = self._cached.get(server)
        if cached is not None and cached[0] == place:
            return cached[1]
        if not self._cached:
            self._cached_at = self._mesh.clock()
        lines = self._lines(server, place)
        self._cached[server] = (place, lines)
        return lines

    def _lines(self, server: str, place: Place) -> list[bytes]:
        self._takings += 1
        parts = _parts(self._mesh.core.everybody(ServerId(server)))
        last = len(parts) - 1
        return [
            encode(Snapshot(server, *place, users, self._takings, number, number < last))
            for number, users in enumerate(parts)
        ]


def _parts(users: list[Raw]) -> list[list[Raw]]:
    """Split *users* into what fits into a line each; one that is empty if there is nobody."""
    parts: list[list[Raw]] = [[]]
    room = PART_BYTES
    for user in users:
        room -= len(memoryview(user)) + 1
        if room < 0 and parts[-1]:
            parts.append([])
            room = PART_BYTES - len(memoryview(user)) - 1
        parts[-1].append(user)
    return parts
