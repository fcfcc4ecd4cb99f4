"""What the parts of a node share: who it is, its links, and what is known of all servers."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from tertulia.replication.framing import encode
from tertulia.replication.inbox import Inbox
from tertulia.replication.interface import Core, Log, ServerId
from tertulia.replication.messages import Hello, Message
from tertulia.replication.peer import QUEUE_BYTES, Peer
from tertulia.replication.presence import Crowds
from tertulia.replication.topology import Topology


class Me(Struct, frozen=True, kw_only=True):
    """This start of this server. *process* are 16 random bytes in hexadecimal, made anew at every
    start; *cluster* is the name of the network, for people."""

    server: ServerId
    epoch: int
    name: str
    process: str
    cluster: str = ""

    def hello(self, nonce: str) -> Hello:
        """Return what is said first on a connection; *nonce* are 32 random bytes of its own."""
        return Hello(self.server, self.epoch, self.name, nonce, self.process, cluster=self.cluster)


class Mesh:
    """The links of the server *me*, by the id of the other end."""

    def __init__(self, me: Me, core: Core, log: Log, clock: Callable[[], float]) -> None:
        self.me = me
        self.core = core
        self.log = log
        self.clock = clock
        self.peers: dict[str, Peer] = {}
        self.inbox = Inbox(me.server, me.epoch, log.vector())
        self.crowds = Crowds()
        self.topology = Topology(me.server, me.epoch, me.process, me.name)
        self.present = 0
        """How many changes of who is here there were."""
        self.whys: dict[str, str] = {}
        """Why there is no link with a server."""
        self.is_unsettled = False
        """Whether links came or went, and it has not been seen to what follows from it."""
        self._count = 0
        self._audiences: dict[str, list[Peer]] = {}

    def next(self) -> int:
        """Return a number for a request, which no other one has."""
        self._count += 1
        return self._count

    def next_hash(self) -> str:
        """Return a name for a request, which no other one has."""
        return str(self.next())

    def audience(self, server: str) -> list[Peer]:
        """Return the peers that do not hear *server* itself, as they are not linked with it."""
        audience = self._audiences.get(server)
        if audience is None:
            peers = self.peers.values()
            audience = [p for p in peers if server != p.server and server not in p.links]
            self._audiences[server] = audience
        return audience

    def links_changed(self) -> None:
        """Somebody is linked with somebody, or no longer."""
        self._audiences.clear()
        self.is_unsettled = True

    def add(self, peer: Peer) -> None:
        """*peer* is the link with that server now."""
        self.peers[peer.server] = peer
        self.whys.pop(peer.server, None)
        self.links_changed()

    def is_current(self, peer: Peer) -> bool:
        """Whether *peer* is the link that is used with that server."""
        return self.peers.get(peer.server) is peer

    def say(self, peer: Peer, message: Message) -> None:
        """Send *message* to *peer*."""
        self.send(peer, encode(message))

    def send(self, peer: Peer, data: bytes) -> None:
        """Send lines to *peer*; one that takes nothing is closed before it costs too much."""
        if peer.link.queued + len(data) > QUEUE_BYTES:
            self.drop(peer, "it takes nothing of what it is sent")
        else:
            peer.link.send(data)

    def drop(self, peer: Peer, why: str) -> None:
        """Close the link to *peer*. What follows from that is seen to by `Node`, soon."""
        if self.is_current(peer):
            del self.peers[peer.server]
            self.whys[peer.server] = why
            self.links_changed()
        peer.link.close(why)
