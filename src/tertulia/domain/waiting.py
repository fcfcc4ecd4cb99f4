"""Messages that wait for people who are not here."""

from __future__ import annotations

from msgspec import Struct

from tertulia.domain.events import Said
from tertulia.domain.ids import Hlc, Uid


class Backlog(Struct):
    """How much waits for one user; *last* is the time of the last message added since the
    server started."""

    count: int
    last: Hlc


class Waiting:
    """How much waits for whom. The messages themselves are on disk, but for the newest."""

    def __init__(self) -> None:
        self.added: dict[tuple[Uid, Hlc], tuple[str, Said]] = {}
        """Messages that are to be written: for whom and when, their id, and what was said."""
        self.received: dict[Uid, Hlc] = {}
        """Until when each of these users has received what waited, which is to be deleted."""
        self._backlogs: dict[Uid, Backlog] = {}

    def restore(self, uid: Uid, count: int) -> None:
        """Count what is on disk for a user."""
        self._backlogs[uid] = Backlog(count, Hlc(0))

    def count(self, uid: Uid) -> int:
        """Return how many messages wait for a user."""
        backlog = self._backlogs.get(uid)
        return 0 if backlog is None else backlog.count

    def last(self, uid: Uid) -> Hlc:
        """Return the time of the last message that was added for a user; 0 if none was."""
        backlog = self._backlogs.get(uid)
        return Hlc(0) if backlog is None else backlog.last

    def add(self, uid: Uid, hlc: Hlc, msgid: str, fact: Said) -> None:
        """Let a message wait for a user."""
        self.added[uid, hlc] = (msgid, fact)
        self._backlogs[uid] = Backlog(self.count(uid) + 1, hlc)

    def undo(self, uid: Uid, hlc: Hlc) -> None:
        """A message could not be written: it does not wait."""
        self.added.pop((uid, hlc), None)
        self._subtract(uid, 1)

    def receive(self, uid: Uid, until: Hlc, count: int) -> None:
        """A user has received *count* messages, all up to the time *until*."""
        self.received[uid] = until
        self._subtract(uid, count)

    def forget(self, uid: Uid) -> None:
        """Nothing waits for a user any more."""
        self._backlogs.pop(uid, None)

    def _subtract(self, uid: Uid, count: int) -> None:
        backlog = self._backlogs.get(uid)
        if backlog is not None:
            backlog.count = max(0, backlog.count - count)
