"""What is wanted of users of other servers finds its way there."""

from __future__ import annotations

from tertulia.replication.bounds import HASH_MOST, Unacceptable, check_items, check_server
from tertulia.replication.interface import ServerId
from tertulia.replication.mesh import Mesh
from tertulia.replication.messages import Ask, Item
from tertulia.replication.peer import Peer

SEEN_MOST = 4096
WAYS_MOST = 2
"""Over so many neighbours at once, should one have gone and nobody have noticed."""


class Asks:
    """Sends, passes on and delivers."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        # In the order in which they came, so that the oldest is forgotten.
        self._seen: dict[tuple[str, str], None] = {}

    def ask(self, to: ServerId, item: Item) -> bool:
        """Send *item* on its way; return whether there is one."""
        me = self._mesh.me
        message = Ask(to, me.server, item, f"{me.epoch}-{self._mesh.next()}")
        self._is_new(message)
        return self._send(message)

    def received(self, peer: Peer, message: Ask) -> None:
        """*peer* sends or passes on something. Raises `Unacceptable`."""
        check_server(message.to)
        check_server(message.by)
        check_items((message.item,))
        if len(message.id) > HASH_MOST:
            raise Unacceptable("an id is too long")
        if not self._is_new(message):
            return
        if message.to == self._mesh.me.server:
            self._mesh.core.asked(ServerId(message.by), message.item)
        else:
            self._send(message, by=peer.server)

    def _is_new(self, message: Ask) -> bool:
        key = (message.by, message.id)
        if key in self._seen:
            return False
        self._seen[key] = None
        if len(self._seen) > SEEN_MOST:
            del self._seen[next(iter(self._seen))]
        return True

    def _send(self, message: Ask, by: str = "") -> bool:
        hops = self._mesh.topology.hops().get(message.to, ())
        peers = [self._mesh.peers[hop] for hop in hops if hop in self._mesh.peers and hop != by]
        for peer in peers[:WAYS_MOST]:
            self._mesh.say(peer, message)
        return bool(peers)
