"""A second link to a server that there is a link with already.

Both ends may have connected at once: then one link is closed, the same one by both. Or the server
started anew and its old link is dead, but nobody has noticed. Or there are two servers with one
id, because somebody copied a machine: then neither can be believed.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from tertulia.replication.handshake import REMEDY
from tertulia.replication.interface import ServerId
from tertulia.replication.mesh import Mesh
from tertulia.replication.messages import AnyMessage, Message, Ping, Pong
from tertulia.replication.peer import Peer

ANSWER_S = 2.0
"""How soon the old link must answer to count as alive."""
REFUSE_S = 60.0
WAITING_MOST = 64
"""Messages that wait until it is known what a new link is worth."""


class _Doubt(Struct):
    old: Peer
    new: Peer | None
    """None if only others say that there is another one."""
    n: int
    """Of the ping that the old link is to answer."""
    until: float
    waiting: list[AnyMessage]


class Doubles:
    """Decides which link is used with a server; *accept* is called with one that is new, and what
    it has said already."""

    def __init__(self, mesh: Mesh, accept: Callable[[Peer, list[AnyMessage]], None]) -> None:
        self._mesh = mesh
        self._accept = accept
        self._doubts: dict[str, _Doubt] = {}
        self._refused: dict[str, float] = {}
        self._told_of_own = False

    def refuses(self, server: str) -> str:
        """Return why *server* is not linked with now, empty if it can be."""
        until = self._refused.get(server, 0.0)
        return f"two servers have the id {server}; {REMEDY}" if self._mesh.clock() < until else ""

    def opened(self, peer: Peer) -> None:
        """There is a new link, after its handshake."""
        old = self._mesh.peers.get(peer.server)
        doubt = self._doubts.get(peer.server)
        if why := self.refuses(peer.server):
            peer.link.close(why)
        elif doubt is not None and doubt.new is None:
            doubt.new = peer
        elif doubt is not None or peer.server == self._mesh.me.server:
            peer.link.close("it is not known yet which of two servers with this id is alive")
        elif old is None:
            self._accept(peer, [])
        elif old.hello.process == peer.hello.process:
            self._keep_one(old, peer)
        else:
            self._doubt(old, peer)

    def _keep_one(self, old: Peer, new: Peer) -> None:
        """Both ends keep the link that the server with the lower id made, the later one if it
        made both."""
        is_lower = self._mesh.me.server < new.server
        if old.link.initiated != new.link.initiated and new.link.initiated != is_lower:
            new.link.close("there is a link already")
        else:
            old.link.close("there is a newer link")
            self._accept(new, [])

    def suspect(self, peer: Peer) -> None:
        """Others say that the server of *peer* has another process than it has."""
        if peer.server not in self._doubts:
            self._doubt(peer, None)

    def is_double_of_own(self, name: str) -> None:
        """Others are linked with another process that has the id of this server."""
        if not self._told_of_own:
            self._told_of_own = True
            self._tell(self._mesh.me.server, name)

    def _doubt(self, old: Peer, new: Peer | None) -> None:
        now, n = self._mesh.clock(), self._mesh.next()
        self._doubts[old.server] = _Doubt(old, new, n, now + ANSWER_S, [])
        old.ping(n, now)
        self._say(old, Ping(n))

    def _say(self, peer: Peer, message: Message) -> None:
        if self._mesh.is_current(peer):
            self._mesh.say(peer, message)

    def received(self, peer: Peer, message: AnyMessage) -> None:
        """A link that is not used, or not yet, says something."""
        doubt = self._doubts.get(peer.server)
        if doubt is None or doubt.new is not peer:
            return
        if isinstance(message, Ping):
            self._mesh.say(peer, Pong(message.n))
        elif len(doubt.waiting) < WAITING_MOST:
            doubt.waiting.append(message)

    def answered(self, peer: Peer, n: int) -> None:
        """A link in use answered a ping."""
        doubt = self._doubts.get(peer.server)
        if doubt is None or doubt.old is not peer or doubt.n != n:
            return
        del self._doubts[peer.server]
        self._refused[peer.server] = self._mesh.clock() + REFUSE_S
        why = self.refuses(peer.server)
        if doubt.new is not None:
            doubt.new.link.close(why)
        self._mesh.drop(peer, why)
        self._tell(ServerId(peer.server), peer.hello.name)

    def _tell(self, server: ServerId, name: str) -> None:
        why = f"two servers have the id {server} ({name}): one is a copy of the other; {REMEDY}"
        self._mesh.core.doubled(server, name, why)

    def closed(self, peer: Peer) -> None:
        """A link is no more."""
        doubt = self._doubts.get(peer.server)
        if doubt is not None and peer is doubt.new:
            del self._doubts[peer.server]
        elif doubt is not None and peer is doubt.old:
            self._old_is_dead(doubt)

    def tick(self, now: float) -> None:
        """Time passes."""
        for doubt in [doubt for doubt in self._doubts.values() if now >= doubt.until]:
            self._old_is_dead(doubt)
        self._refused = {s: until for s, until in self._refused.items() if now < until}

    def _old_is_dead(self, doubt: _Doubt) -> None:
        del self._doubts[doubt.old.server]
        self._mesh.drop(doubt.old, "it started anew")
        if doubt.new is not None:
            self._accept(doubt.new, doubt.waiting)
