"""The part of a server that talks with others and thinks about it, without touching a network.

The shell makes connections, runs the `Handshake` on each and gives the links to a `Node`, with the
bytes that come in; the node sends bytes to links and calls the core. Whatever is lost on the way,
comes twice or in another order is put right by vectors and counters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tertulia.replication.asks import Asks
from tertulia.replication.attendance import Attendance
from tertulia.replication.bounds import CLOCK_END, HASH_MOST, Unacceptable
from tertulia.replication.doubles import Doubles
from tertulia.replication.framing import BAD_LINES_MOST, Bad
from tertulia.replication.gossip import Gossip
from tertulia.replication.interface import Core, Health, Log, PeerStatus, ServerId
from tertulia.replication.mesh import Me, Mesh
from tertulia.replication.messages import (
    Ack,
    AnyMessage,
    Ask,
    Bye,
    Epochs,
    EpochsAre,
    Error,
    Events,
    Item,
    Ping,
    Pong,
    Presence,
    Pull,
    Run,
    Snapshot,
    Vector,
    WhoIsThere,
)
from tertulia.replication.outgoing import Outgoing
from tertulia.replication.peer import CAUGHT_UP_BYTES, DEAD_S, PING_S, Link, Peer
from tertulia.replication.repair import Repair
from tertulia.replication.status import Status
from tertulia.replication.supply import Supply

TICK_S = 0.25
"""How often `Node.tick` is to be called, about."""


class Node:
    """One server among others: a `Replicator` for the core, driven by the shell.

    *clock* returns monotonic seconds. All calls are made in one thread; each link that was
    `opened` is `closed` once, when its connection is no more, whoever ended it.
    """

    def __init__(self, me: Me, core: Core, log: Log, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._mesh = mesh = Mesh(me, core, log, clock)
        self._links: dict[Link, Peer] = {}
        self._outgoing = Outgoing(mesh)
        self._repair = Repair(mesh)
        self._supply = Supply(mesh)
        self._asks = Asks(mesh)
        self._status = Status(mesh)
        self._attendance = Attendance(mesh, self._outgoing)
        self._doubles = Doubles(mesh, self._accept)
        self._gossip = Gossip(mesh, self._repair, self._attendance, self._doubles)
        self._ticked = clock()
        self._stopped = False
        self._handlers = self._all_handlers()

    # The shell's side

    @property
    def linked(self) -> frozenset[str]:
        """The servers that there is a link with."""
        return frozenset(self._mesh.peers)

    def refuses(self, server: str) -> str:
        """Return why *server* is not linked with now, empty if it can be (see `Handshake`)."""
        return self._doubles.refuses(server)

    def expect(self, server: ServerId, name: str) -> None:
        """*server* should be there: it was before this server started."""
        self._status.expect(server, name)

    def forget(self, server: ServerId) -> None:
        """*server* is not missed if it is not there."""
        self._status.forget(server)

    def tried(self, server: ServerId, why: str) -> None:
        """There is no link with *server*, because of *why*."""
        if server not in self._mesh.peers:
            self._mesh.whys[server] = why

    def opened(self, link: Link) -> None:
        """There is a link, after the handshake."""
        if self._stopped:
            link.close("this server stops")
            return
        peer = self._links[link] = Peer(link, self._clock())
        self._doubles.opened(peer)
        self._settle()

    def closed(self, link: Link, why: str = "the connection was lost") -> None:
        """The connection of *link* is no more."""
        peer = self._links.pop(link, None)
        if peer is not None and not self._stopped:
            if self._mesh.is_current(peer):
                self._mesh.drop(peer, why)
            self._doubles.closed(peer)
            self._settle()

    def data(self, link: Link, data: bytes) -> None:
        """*link* brought bytes."""
        peer = self._links.get(link)
        if peer is None or self._stopped:
            return
        peer.heard_at = self._clock()
        for frame in peer.frames.feed(data):
            if isinstance(frame, Bad):
                self._refuse(peer, frame.error, frame.fatal)
            else:
                self._take(peer, frame)
        self._settle()

    def received(self, link: Link, message: AnyMessage) -> None:
        """*link* brought a message."""
        peer = self._links.get(link)
        if peer is not None and not self._stopped:
            peer.heard_at = self._clock()
            self._take(peer, message)
            self._settle()

    def drained(self, link: Link) -> None:
        """The socket of *link* has taken all that was queued. It is not needed, but quicker than
        waiting for the next `tick`."""
        peer = self._links.get(link)
        if peer is not None and self._mesh.is_current(peer) and not self._stopped:
            self._catch_up(peer, self._clock())
            self._attendance.go_on(peer)

    def tick(self) -> None:
        """Time passes; called about every `TICK_S`."""
        if self._stopped:
            return
        now = self._clock()
        self._excuse_pause(now)
        for peer in list(self._mesh.peers.values()):
            self._tend(peer, now)
        self._doubles.tick(now)
        self._settle()
        self._gossip.tick(now)
        self._attendance.tick(now)
        for peer in list(self._mesh.peers.values()):
            self._repair.go_on(peer, now)
        self._status.tick(now)
        self._settle()

    def bye(self, reason: str = "") -> None:
        """This server stops in an orderly way: tell the others, and do nothing more."""
        for peer in list(self._mesh.peers.values()):
            self._mesh.say(peer, Bye(reason))
            peer.link.close("this server stops")
        self._stopped = True

    # The core's side: see `Replicator`

    def published(self, parts: Sequence[Run | Sequence[Item]]) -> None:
        """This happened here."""
        if not self._stopped:
            self._outgoing.publish(parts)

    def committed(self, runs: Sequence[Run]) -> None:
        """Events of others are on disk: those further away may have them now."""
        if self._stopped:
            return
        fresh = [run for run in runs if self._mesh.inbox.commit(run)]
        late = {run.server for run in fresh if self._repair.is_late(run)}
        self._outgoing.forward([run for run in fresh if not self._repair.is_late(run)])
        for server in late:
            # They pull it too, as fast as they can write it.
            for peer in self._mesh.audience(server):
                peer.has_news = True
        self._repair.committed()
        self._settle()

    def refused(self, runs: Sequence[Run]) -> None:
        """Events of others could not be written."""
        if not self._stopped:
            self._repair.refused(runs)

    def ask(self, to: ServerId, item: Item) -> bool:
        """Want something of a user of another server; return whether it can be reached."""
        return not self._stopped and self._asks.ask(to, item)

    def peers(self) -> Mapping[ServerId, PeerStatus]:
        """Return the servers that are known."""
        return self._status.peers()

    def health(self) -> Health:
        """Return how this server is connected."""
        return self._status.health()

    # Links

    def _accept(self, peer: Peer, waiting: Sequence[AnyMessage]) -> None:
        """*peer* is the link with that server from now on; it has said *waiting* already."""
        now = peer.heard_at = self._clock()
        self._mesh.add(peer)
        self._settle()
        self._gossip.say(peer, now)
        self._attendance.say(peer, self._mesh.me.server)
        for message in waiting:
            self._take(peer, message)

    def _settle(self) -> None:
        """See to what follows from links that came or went."""
        if not self._mesh.is_unsettled:
            return
        self._mesh.is_unsettled = False
        if self._mesh.topology.set_neighbours(self._mesh.peers):
            self._attendance.links_changed()
            for peer in self._mesh.peers.values():
                peer.wants_vector = True
        for server in self._status.settle():
            self._attendance.forget(server)

    def _tend(self, peer: Peer, now: float) -> None:
        if now - peer.heard_at > DEAD_S:
            self._mesh.drop(peer, f"nothing was heard for {DEAD_S:.0f} seconds")
            return
        if now - peer.pinged_at >= PING_S:
            n = self._mesh.next()
            peer.ping(n, now)
            self._mesh.say(peer, Ping(n))
        self._catch_up(peer, now)

    def _catch_up(self, peer: Peer, now: float) -> None:
        """Push again to one who was slow; the vector tells it what it has missed."""
        if peer.behind and peer.link.queued < CAUGHT_UP_BYTES:
            peer.behind = False
            self._gossip.say(peer, now)

    def _excuse_pause(self, now: float) -> None:
        """If this server itself stood still, nobody is dead for not having been listened to."""
        if now - self._ticked > PING_S:
            for peer in self._mesh.peers.values():
                peer.heard_at = max(peer.heard_at, now - PING_S)
        self._ticked = now

    # Messages

    def _take(self, peer: Peer, message: AnyMessage) -> None:
        if not self._mesh.is_current(peer):
            self._doubles.received(peer, message)
            return
        handler = self._handlers.get(type(message))
        try:
            if handler is None:
                raise Unacceptable("that is not said now")
            handler(peer, message)
        except Unacceptable as error:
            peer.faults += 1
            wrong = Error(str(error), getattr(message, "hash", "")[:HASH_MOST])
            self._refuse(peer, wrong, peer.faults >= BAD_LINES_MOST)

    def _refuse(self, peer: Peer, error: Error, fatal: bool) -> None:
        if self._mesh.is_current(peer):
            self._mesh.say(peer, error)
        if fatal:
            self._mesh.drop(peer, f"it says what makes no sense: {error.message}")

    def _all_handlers(self) -> dict[type, Callable[[Peer, Any], None]]:
        return {
            Ack: self._repair.acknowledged,
            Ask: self._asks.received,
            Bye: self._gossip.goodbye,
            Epochs: self._supply.epochs,
            EpochsAre: self._repair.take_epochs,
            Error: self._told_error,
            Events: self._repair.take,
            Ping: self._pinged,
            Pong: self._answered,
            Presence: self._attendance.changed,
            Pull: self._supply.pull,
            Snapshot: self._attendance.pictured,
            Vector: self._told_vector,
            WhoIsThere: self._attendance.asked,
        }

    def _told_vector(self, peer: Peer, vector: Vector) -> None:
        self._gossip.take_links(peer, vector.links)
        # Whom it tells of must be in reach before it is believed who is there.
        self._settle()
        if self._mesh.is_current(peer):
            self._gossip.take_heard(peer, vector.heard)

    def _told_error(self, peer: Peer, error: Error) -> None:
        self._repair.acknowledged(peer, Ack(error.hash, False, error.message))

    def _pinged(self, peer: Peer, ping: Ping) -> None:
        if not 0 <= ping.n < CLOCK_END:
            raise Unacceptable("the number of a ping is out of range")
        self._mesh.say(peer, Pong(ping.n))

    def _answered(self, peer: Peer, pong: Pong) -> None:
        if peer.pong(pong.n, self._clock()):
            self._doubles.answered(peer, pong.n)
