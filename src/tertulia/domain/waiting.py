"""Messages that wait for people who are not here, and receipts for them."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from tertulia.domain.events import Fact
from tertulia.domain.ids import Hlc, Uid

WAITING_MOST = 1_000_000
"""What waits for one user beyond this is left out; it is in the history."""


class Backlog(Struct):
    """How much waits for one user; *last* is the time of the last message that was added, and
    *received* of the last that they were handed, since the server started."""

    count: int = 0
    last: Hlc = Hlc(0)
    received: Hlc = Hlc(0)


class Waiting:
    """How much waits for whom. The messages themselves are on disk, but for the newest."""

    def __init__(self) -> None:
        self.added: dict[tuple[Uid, Hlc], tuple[str, Fact]] = {}
        """What is to be written: for whom and when, its id, and what happened."""
        self.woken: dict[Uid, None] = {}
        """For whom something was added and nobody has looked yet whether they are here."""
        self.settled: list[tuple[str, tuple[Uid, ...]]] = []
        """Ids of messages whose author has been told, and for whom else they may wait."""
        self.received: dict[Uid, Hlc] = {}
        """Until when each of these users has received what waited, which is to be deleted."""
        self._backlogs: dict[Uid, Backlog] = {}

    def restore(self, uid: Uid, count: int) -> None:
        """Count what is on disk for a user."""
        self._backlogs[uid] = Backlog(count)

    def count(self, uid: Uid) -> int:
        """Return how many messages wait for a user."""
        backlog = self._backlogs.get(uid)
        return 0 if backlog is None else backlog.count

    def total(self) -> int:
        """Return how many messages wait for anybody."""
        return sum(backlog.count for backlog in self._backlogs.values())

    def last(self, uid: Uid) -> Hlc:
        """Return the time of the last message that was added for a user; 0 if none was."""
        backlog = self._backlogs.get(uid)
        return Hlc(0) if backlog is None else backlog.last

    def handed(self, uid: Uid) -> Hlc:
        """Return the time up to which a user has received everything, though it may still be
        on disk; 0 if that is not known."""
        backlog = self._backlogs.get(uid)
        return Hlc(0) if backlog is None else backlog.received

    def add(self, uid: Uid, hlc: Hlc, msgid: str, fact: Fact) -> None:
        """Let something wait for a user."""
        backlog = self._backlogs.setdefault(uid, Backlog())
        if backlog.count < WAITING_MOST:
            self.added[uid, hlc] = (msgid, fact)
            self.woken[uid] = None
            backlog.count += 1
            backlog.last = hlc

    def reset(self, counts: Iterable[tuple[Uid, int]]) -> None:
        """What was to be written could not be: what waits is what is on disk."""
        self.added.clear()
        self.settled.clear()
        for backlog in self._backlogs.values():
            backlog.count = 0
        for uid, count in counts:
            self._backlogs.setdefault(uid, Backlog()).count = count

    def receive(self, uid: Uid, until: Hlc, count: int) -> None:
        """A user has received *count* messages, all up to the time *until*."""
        backlog = self._backlogs.setdefault(uid, Backlog())
        backlog.count = max(0, backlog.count - count)
        backlog.received = self.received[uid] = max(until, backlog.received)

    def forget(self, uid: Uid) -> None:
        """Nothing waits for a user any more."""
        if (backlog := self._backlogs.get(uid)) is not None:
            backlog.count = 0
