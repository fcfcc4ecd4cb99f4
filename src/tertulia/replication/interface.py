"""Between the chat of a server and whatever carries it to other servers.

The chat (`Core`) gives what it has written to a `Replicator` and takes what others did. It never
waits for a network: whether nobody, a mesh of servers or a cluster is at the other end is all the
same to it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import NewType, Protocol, TypeAlias

from msgspec import Raw, Struct

from tertulia.replication.messages import Item, Run

ServerId = NewType("ServerId", str)
"""The 32 hexadecimal digits of a server's id."""
Source: TypeAlias = "tuple[ServerId, int]"
"""An epoch of a server: the one who counts events."""


class Health(enum.StrEnum):
    """How a server is connected to the others that it knows of."""

    OK = "ok"
    DEGRADED = "degraded"
    """Some cannot be reached."""
    ISOLATED = "isolated"
    """None can, of one or more."""


class PeerStatus(Struct, frozen=True, kw_only=True):
    """A server as it is seen from here.

    *reachable*, over whatever way; *linked*, directly. *latency_s* of the direct link; *lag* is
    how many of its events are known to be missing here, *behind* how many of ours are there;
    *queued* is in bytes.
    """

    server: ServerId
    name: str
    reachable: bool
    linked: bool
    address: str = ""
    via: str = ""
    latency_s: float | None = None
    lag: int = 0
    behind: int = 0
    queued: int = 0
    since: float | None = None
    """When *reachable* became what it is, by the clock that the replicator was given."""
    why: str = ""
    """Why there is no link, if it was tried."""


class Core(Protocol):
    """The chat of this server, for those that carry it.

    All calls are made in the event loop, and none of them waits.
    """

    def take(self, runs: Sequence[Run], late: bool) -> None:
        """Let events happen that are new here, each right behind what the core has of its source.

        They are *late* if they were pulled. When they are on disk the core calls
        `Replicator.committed`, when that failed `Replicator.refused`.
        """

    def present(self, server: ServerId, items: Sequence[Item]) -> None:
        """Let changes of who is where on *server* happen."""

    def replace(self, server: ServerId, users: Sequence[Raw]) -> None:
        """These, and nobody else, are on *server*."""

    def everybody(self, server: ServerId) -> list[Raw]:
        """Return who is on *server*, this one or another, as `replace` takes it.

        Changes of this server that were not yet `published` may be in it already: others are
        told of them again, and must not mind.
        """

    def asked(self, by: ServerId, item: Item) -> None:
        """Another server wants something of a user of this one."""

    def reach(self, server: ServerId, name: str, reachable: bool, orderly: bool) -> None:
        """*server* can be reached now, or no longer: it stopped in an *orderly* way, or is cut
        off."""

    def lost(self, server: ServerId, epoch: int, first: int, last: int) -> None:
        """Nobody who can be reached keeps these events of *server* any more. They count as
        known, now and after a restart."""

    def overtaken(self, epoch: int) -> None:
        """Others know of a later *epoch* of this server: its history was set back, and so was
        its clock. It is heard again when it begins an epoch later than that."""

    def doubled(self, server: ServerId, name: str, why: str) -> None:
        """Two servers with one id are alive, perhaps this one's; *why* says so and what to do."""


class Log(Protocol):
    """The log on disk, for those that carry it."""

    def vector(self) -> Mapping[Source, int]:
        """Return the number of the last event on disk of every source, own ones included."""

    def read(
        self,
        want: Sequence[tuple[ServerId, int, int]],
        most_bytes: int,
        done: Callable[[list[Run] | None, bool], None],
    ) -> None:
        """Read events of sources after a number, in the order of their clocks.

        *done* is called in the event loop, with as many as fit and whether there are more; None
        if they could not be read. What is not there, from the number on, is kept no more.
        """


class Replicator(Protocol):
    """What carries the chat to other servers; the chat's side of it."""

    def published(self, parts: Sequence[Run | Sequence[Item]]) -> None:
        """This happened here, in this order, and may be seen: events of this server that are on
        disk, and changes of who is where."""

    def committed(self, runs: Sequence[Run]) -> None:
        """Events that `Core.take` was given are on disk."""

    def refused(self, runs: Sequence[Run]) -> None:
        """They, and all that `Core.take` was given of their sources since, could not be written
        and did not happen; to be offered again later."""

    def ask(self, to: ServerId, item: Item) -> bool:
        """Want something of a user of another server; return whether it can be reached."""

    def peers(self) -> Mapping[ServerId, PeerStatus]:
        """Return the servers that are known."""

    def health(self) -> Health:
        """Return how this server is connected."""
