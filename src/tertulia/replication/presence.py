"""Who is on the other servers: how far each is known, and whether what is told comes next.

Changes are counted by the server that they happened on, in each epoch from 1. What was missed is
not told again: a snapshot of everybody takes its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from msgspec import Raw, Struct
from msgspec.structs import replace

from tertulia.replication.bounds import Unacceptable, check_epoch, check_items, size
from tertulia.replication.messages import Item, Presence, Snapshot

HELD_MOST = 1000
HELD_BYTES = 1024 * 1024
"""Changes that wait for a snapshot, of one server."""
SNAPSHOT_BYTES = 16 * 1024 * 1024
PARTS_MOST = 256

Place: TypeAlias = tuple[int, int]
"""An epoch, and how many changes of it are known."""
NOWHERE: Place = (0, -1)


class Told(Struct, frozen=True):
    """What becomes of something that was told: *users* replace all, then *items* happen. If there
    is a *gap* before what was told, it waits, and a snapshot is needed."""

    users: Sequence[Raw] | None = None
    items: Sequence[Item] = ()
    gap: bool = False


NOTHING = Told()


class _Waiting:
    """Changes of one epoch whose turn has not come."""

    __slots__ = ("bytes", "epoch", "items")

    def __init__(self) -> None:
        self.epoch = 0
        self.bytes = 0
        self.items: dict[int, Item] = {}

    def add(self, epoch: int, first: int, items: Sequence[Item]) -> None:
        if epoch < self.epoch:
            return
        if epoch > self.epoch:
            self._clear(epoch)
        for count, item in enumerate(items, first):
            if len(self.items) >= HELD_MOST or self.bytes >= HELD_BYTES:
                self._clear(epoch)  # a snapshot will have come further than these
            self.bytes += size((item,))
            # A copy: what was read holds on to the whole line.
            self.items[count] = replace(item, body=Raw(bytes(item.body)))

    def take(self, place: Place) -> list[Item]:
        """Return what follows *place* at once; nothing before that waits any longer."""
        epoch, count = place
        if epoch < self.epoch:
            return []
        if epoch > self.epoch:
            self._clear(epoch)
        found: list[Item] = []
        while (item := self.items.get(count + len(found) + 1)) is not None:
            found.append(item)
        rest = {n: item for n, item in self.items.items() if n > count + len(found)}
        self.bytes = size(list(rest.values()))
        self.items = rest
        return found

    def _clear(self, epoch: int) -> None:
        self.epoch, self.bytes = epoch, 0
        self.items.clear()


class _Assembly:
    """The parts of one answer that have come, in order."""

    __slots__ = ("bytes", "key", "parts", "users")

    def __init__(self, key: tuple[str, int, int, int]) -> None:
        self.key = key
        self.parts = 0
        self.bytes = 0
        self.users: list[Raw] = []

    def add(self, users: Sequence[Raw]) -> None:
        self.parts += 1
        self.users += users
        self.bytes += sum([len(memoryview(user)) + 8 for user in users])
        if self.bytes > SNAPSHOT_BYTES or self.parts > PARTS_MOST:
            raise Unacceptable("there are too many users in a snapshot")


class _Server:
    __slots__ = ("assembly", "place", "waiting")

    def __init__(self) -> None:
        self.place = NOWHERE
        self.waiting = _Waiting()
        self.assembly: _Assembly | None = None


class Crowds:
    """Who is on each of the other servers."""

    def __init__(self) -> None:
        self._servers: dict[str, _Server] = {}

    def place(self, server: str) -> Place:
        """Return the epoch of *server*, and how many changes of it are known; `NOWHERE`: none."""
        known = self._servers.get(server)
        return NOWHERE if known is None else known.place

    def forget(self, server: str) -> None:
        """What is known of *server* is not to be built on."""
        self._servers.pop(server, None)

    def is_behind(self, server: str, epoch: int, count: int) -> bool:
        """Whether somebody who knows *count* changes of *epoch* knows more."""
        return count >= 0 and self.place(server) < (epoch, count)

    def change(self, told: Presence) -> Told:
        """Take changes. Raises `Unacceptable`."""
        check_epoch(told.epoch)
        check_items(told.items)
        if told.first < 1:
            raise Unacceptable("changes are counted from 1")
        known = self._servers.setdefault(told.server, _Server())
        epoch, count = known.place
        last = told.first + len(told.items) - 1
        if (told.epoch, last) <= known.place:
            return NOTHING
        if told.epoch > epoch or told.first > count + 1:
            known.waiting.add(told.epoch, told.first, told.items)
            return Told(gap=True)
        fresh = told.items[count + 1 - told.first :]
        known.place = (epoch, last)
        return Told(items=[*fresh, *self._go_on(known)])

    def snapshot(self, told: Snapshot, by: str) -> Told:
        """Take a part of a snapshot that *by* told. Raises `Unacceptable`."""
        check_epoch(told.epoch)
        known = self._servers.setdefault(told.server, _Server())
        if not known.place < (told.epoch, told.count):
            return NOTHING
        users = self._assemble(known, told, (by, told.taking, told.epoch, told.count))
        if users is None:
            return NOTHING
        known.assembly = None
        known.place = (told.epoch, told.count)
        return Told(users=users, items=self._go_on(known))

    @staticmethod
    def _assemble(
        known: _Server, told: Snapshot, key: tuple[str, int, int, int]
    ) -> Sequence[Raw] | None:
        """Return everybody if *told* was the last part that was missing."""
        assembly = known.assembly
        if told.part == 0:
            assembly = known.assembly = _Assembly(key)
        if assembly is None or assembly.key != key or assembly.parts != told.part:
            return None
        try:
            assembly.add(told.users)
        except Unacceptable:
            known.assembly = None
            raise
        return None if told.more else assembly.users

    @staticmethod
    def _go_on(known: _Server) -> list[Item]:
        """Return the changes whose turn has come."""
        items = known.waiting.take(known.place)
        epoch, count = known.place
        known.place = (epoch, count + len(items))
        return items
