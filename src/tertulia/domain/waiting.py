"""Messages that wait for people who are not here, and receipts for them."""

from __future__ import annotations

from collections.abc import Iterable

from tertulia.domain.events import Fact
from tertulia.domain.ids import Uid

WAITING_MOST = 1_000_000
"""What waits for one user beyond this is left out; it is in the history."""

HANDED_MOST = 50_000
"""Of how much that was handed over it is remembered that it was."""

Key = tuple[Uid, str]
"""For whom, and the id of the message."""


class Waiting:
    """How much waits for whom. The messages themselves are on disk, but for the newest."""

    def __init__(self) -> None:
        self.added: dict[Key, Fact] = {}
        """What is to be written."""
        self.received: dict[Key, None] = {}
        """What was handed over and is to be deleted."""
        self.deleting: dict[Key, None] = {}
        """What is being deleted, if the disk lets it."""
        self.early: dict[Key, None] = {}
        """What was handed over by another server, and has not even arrived here."""
        self.changed_early: dict[Key, None] = {}
        """Of those, what is to be written or deleted."""
        self.woken: dict[Uid, None] = {}
        """For whom something was added and nobody has looked yet whether they are here."""
        self.settled: list[tuple[str, tuple[Uid, ...]]] = []
        """Ids of messages whose author has been told, and for whom else they may wait."""
        self._awaited: dict[str, list[Uid]] = {}
        self._handed: dict[Key, None] = {}
        self._coupled: dict[Key, str] = {}
        self._counts: dict[Uid, int] = {}
        self._added_to: dict[Uid, int] = {}

    def restore(self, uid: Uid, count: int) -> None:
        """Count what is on disk for a user."""
        self._counts[uid] = count

    def count(self, uid: Uid) -> int:
        """Return how many messages wait for a user."""
        return self._counts.get(uid, 0)

    def total(self) -> int:
        """Return how many messages wait for anybody."""
        return sum(self._counts.values())

    def revision(self, uid: Uid) -> int:
        """Return a number that grows whenever something is added for a user."""
        return self._added_to.get(uid, 0)

    def is_handed(self, uid: Uid, msgid: str) -> bool:
        """Whether a user has received a message, though it may still be on disk."""
        return (uid, msgid) in self.received or (uid, msgid) in self.deleting

    @property
    def is_changed(self) -> bool:
        """Whether there is anything to be written."""
        return bool(self.added or self.received or self.settled or self.changed_early)

    def add(self, uid: Uid, msgid: str, fact: Fact) -> None:
        """Let something wait for a user."""
        if (uid, msgid) not in self.early and (count := self.count(uid)) < WAITING_MOST:
            self.added[uid, msgid] = fact
            self.woken[uid] = None
            self._counts[uid] = count + 1
            self._added_to[uid] = self.revision(uid) + 1

    def receive(self, uid: Uid, msgids: Iterable[str]) -> None:
        """A user has received these messages."""
        for msgid in msgids:
            self._receive((uid, msgid))
            if (other := self._coupled.pop((uid, msgid), None)) is not None:
                self._receive((uid, other))

    def _receive(self, key: Key) -> None:
        if key in self._handed:  # on two servers, which did not know of each other
            return
        self._handed[key] = None
        if len(self._handed) > HANDED_MOST:
            del self._handed[next(iter(self._handed))]
        if self.added.pop(key, None) is None:
            self.received[key] = None
        self._counts[key[0]] = max(0, self.count(key[0]) - 1)

    def is_had(self, uid: Uid, msgid: str) -> bool:
        """Whether it is known that a user has received a message."""
        return (uid, msgid) in self._handed or (uid, msgid) in self.early

    def couple(self, uid: Uid, msgid: str, other: str) -> None:
        """A user who has received a message has received the *other* one, too."""
        self._coupled[uid, msgid] = other
        if len(self._coupled) > HANDED_MOST:
            del self._coupled[next(iter(self._coupled))]

    def restore_early(self, keys: Iterable[Key]) -> None:
        """Put back what users have received and is still to arrive here."""
        for uid, msgid in keys:
            self.early[uid, msgid] = None
            self._awaited.setdefault(msgid, []).append(uid)

    def expect(self, uid: Uid, msgid: str) -> None:
        """A user has received a message that is still to arrive here."""
        if (uid, msgid) not in self.early:
            self.restore_early([(uid, msgid)])
            self.changed_early[uid, msgid] = None

    def arrived(self, msgid: str) -> None:
        """A message is here; who had it before need not be remembered."""
        for uid in self._awaited.pop(msgid, ()):
            del self.early[uid, msgid]
            self.changed_early[uid, msgid] = None

    def reset(self, counts: Iterable[tuple[Uid, int]]) -> None:
        """What was to be written could not be: what waits is what is on disk."""
        self.added.clear()
        self.settled.clear()
        self.received.clear()
        self.deleting.clear()
        self._handed.clear()
        self._counts = dict(counts)

    def forget(self, uid: Uid) -> None:
        """Nothing waits for a user any more."""
        self._counts.pop(uid, None)
