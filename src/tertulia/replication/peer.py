"""One link to another server, as the node sees it."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from tertulia.replication.framing import Framer
from tertulia.replication.interface import Source
from tertulia.replication.messages import Hello

PING_S = 2.0
DEAD_S = 6.0
BEHIND_BYTES = 1024 * 1024
"""With more than this unsent, nothing more is pushed to a peer: it is behind."""
CAUGHT_UP_BYTES = 64 * 1024
"""With less than this it is told anew how far everything is, and pushed to again."""
QUEUE_BYTES = 8 * 1024 * 1024
"""No link queues more."""
PINGS_MOST = 4


class Link(Protocol):
    """A connection to another server after the handshake, given by the shell.

    Links are told apart by identity. None of these may call the node back before it returns.
    """

    @property
    def peer(self) -> Hello:
        """What the other end said of itself in the handshake."""

    @property
    def initiated(self) -> bool:
        """Whether this end connected."""

    @property
    def address(self) -> str:
        """Where the other end is, for people."""

    @property
    def queued(self) -> int:
        """How many bytes the socket has not taken yet."""

    def send(self, data: bytes) -> None:
        """Queue whole lines."""

    def close(self, reason: str) -> None:
        """Close the connection, after what is queued if the other end takes it in time.

        *reason* is for the log. It may be called again, and nothing comes of that; what the link
        still brings is ignored.
        """


class Request(Struct, frozen=True):
    """What a peer was asked for and has not answered: the events after some numbers, or the
    *epochs* of a server."""

    hash: str
    until: float
    want: dict[Source, int] = {}
    epochs: str = ""


class Peer:
    """The other end of one link, and what is known of it."""

    def __init__(self, link: Link, now: float) -> None:
        self.link = link
        self.hello = link.peer
        self.server = link.peer.server
        self.frames = Framer()
        self.since = now
        # Is it alive?
        self.heard_at = now
        self.pinged_at = now - PING_S
        self.pings: dict[int, float] = {}
        self.latency: float | None = None
        # What was it told?
        self.behind = False
        self.vector_at = now
        self.wants_vector = False
        """Whether something changed that it should be told at once."""
        self.has_news = False
        """Whether it should soon hear that there is more here."""
        self.faults = 0
        """How much of what it said made no sense."""
        # What did it say?
        self.links: frozenset[str] = frozenset()
        self.has: dict[str, tuple[int, int]] = {}
        """The latest epoch of each server that it has something of, and how far."""
        # What is missing here, and to be had from it?
        self.lacking: dict[Source, int] = {}
        self.epochs_wanted: dict[str, tuple[str, str]] = {}
        """Of which servers closed epochs differ, with its digest of them and ours."""
        self.compared: dict[str, tuple[str, str]] = {}
        """Both digests of a server's epochs, when they were compared and nothing lacked."""
        self.gone: dict[Source, int] = {}
        """The first event of a source that it keeps."""
        self.request: Request | None = None
        self.owed: dict[Source, int] = {}
        """How far the core is to get on disk what it sent, before it is asked for more."""
        self.rests_until = 0.0
        # What does it want?
        self.is_reading = False
        """Whether something is being read from the log for it."""
        self.saying: dict[str, list[bytes]] = {}
        """The rest of the snapshots that it is to be sent."""

    def knows(self, server: str, epoch: int, seq: int) -> bool:
        """Whether it is known to have an event."""
        return self.has.get(server, (0, 0)) >= (epoch, seq)

    def note(self, server: str, epoch: int, seq: int) -> None:
        """It has an event, and all before it."""
        if self.has.get(server, (0, 0)) < (epoch, seq):
            self.has[server] = (epoch, seq)

    def ping(self, n: int, now: float) -> None:
        """It is sent a ping."""
        self.pinged_at = now
        self.pings[n] = now
        if len(self.pings) > PINGS_MOST:
            del self.pings[min(self.pings)]

    def pong(self, n: int, now: float) -> bool:
        """It answered; return whether it was asked."""
        sent = self.pings.pop(n, None)
        if sent is None:
            return False
        self.latency = now - sent
        return True
