"""What comes in of events: each is handed on once, and in the order of its source.

Two numbers are kept of each source: how far its events were *taken* by the core, and how far they
are *committed*, on its disk. Between the two the core may still refuse.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from msgspec import Raw
from msgspec.structs import replace

from tertulia.replication.bounds import size
from tertulia.replication.interface import ServerId, Source
from tertulia.replication.messages import Item, Run
from tertulia.replication.vectors import Known

HELD_MOST = 1000
"""Events of one source that wait for those before them."""
HELD_BYTES = 16 * 1024 * 1024
"""What events that wait may take, all together."""
TAKEN_BYTES = 16 * 1024 * 1024
"""What the core may have and not yet have on disk before no more is pushed to it."""


class Inbox:
    """The events of all servers, seen from the one *server* in its *epoch*.

    *vector* is what is on disk.
    """

    def __init__(self, server: str, epoch: int, vector: Mapping[Source, int]) -> None:
        self._server = server
        self._epoch = epoch
        self.committed = Known(vector)
        self.taken = Known(vector)
        self._held: dict[Source, dict[int, Item]] = {}
        self._held_bytes = 0
        self._in_flight: dict[Source, deque[tuple[int, int]]] = {}
        self._taken_bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether the core has more to write than it should."""
        return self._taken_bytes >= TAKEN_BYTES

    def gaps(self) -> dict[Source, int]:
        """Return the sources of which events wait, and the number after which some are missing."""
        return {source: self.taken.last(*source) for source in self._held}

    def offer(self, run: Run, pulled: bool = False) -> list[Run]:
        """Return what of *run*, and of what waited for it, the core is to take now.

        Events of this server itself are taken only if they were *pulled*, and of an earlier
        epoch: those that a database which was set back has lost. *run* has been checked (see
        `bounds.check_run`).
        """
        if run.server == self._server and not (pulled and run.epoch < self._epoch):
            return []
        taken = self.taken.last(run.server, run.epoch)
        if run.last <= taken:
            return []
        source = (ServerId(run.server), run.epoch)
        if run.first > taken + 1:
            self._hold(source, run)
            return []
        if run.first <= taken:
            run = replace(run, first=taken + 1, items=run.items[taken + 1 - run.first :])
        return self._take(source, run)

    def _take(self, source: Source, run: Run) -> list[Run]:
        if source in self._held:
            run = self._release(source, run)
        self.taken.put(*source, run.last)
        taken_bytes = size(run.items)
        self._taken_bytes += taken_bytes
        self._in_flight.setdefault(source, deque()).append((run.last, taken_bytes))
        return [run]

    def _hold(self, source: Source, run: Run) -> None:
        held = self._held.setdefault(source, {})
        for seq, item in enumerate(run.items, run.first):
            if len(held) >= HELD_MOST or self._held_bytes >= HELD_BYTES:
                break
            if seq not in held:
                # A copy: what was read holds on to the whole line.
                held[seq] = replace(item, body=_copy(item.body))
                self._held_bytes += size((item,))

    def _release(self, source: Source, run: Run) -> Run:
        """Return *run* with what follows it at once; drop what is in it."""
        held = self._held[source]
        for seq in [seq for seq in held if seq <= run.last]:
            self._held_bytes -= size((held.pop(seq),))
        more = self._following(held, run.last + 1)
        if not held:
            del self._held[source]
        return replace(run, items=[*run.items, *more]) if more else run

    def _following(self, held: dict[int, Item], seq: int) -> list[Item]:
        more: list[Item] = []
        while seq + len(more) in held:
            more.append(held.pop(seq + len(more)))
        self._held_bytes -= size(more)
        return more

    def wrote(self, run: Run) -> None:
        """This server itself wrote *run*."""
        self.taken.put(run.server, run.epoch, run.last)
        self.committed.put(run.server, run.epoch, run.last)

    def commit(self, run: Run) -> bool:
        """*run* is on disk; return whether that is new, and in order."""
        committed = self.committed.last(run.server, run.epoch)
        taken = self.taken.last(run.server, run.epoch)
        if not (run.first <= committed + 1 and committed < run.last <= taken):
            return False
        self.committed.put(run.server, run.epoch, run.last)
        source = (ServerId(run.server), run.epoch)
        in_flight = self._in_flight.get(source, deque())
        while in_flight and in_flight[0][0] <= run.last:
            self._taken_bytes -= in_flight.popleft()[1]
        if not in_flight:
            self._in_flight.pop(source, None)
        return True

    def refuse(self, source: Source) -> None:
        """What was taken of *source* and is not on disk did not happen."""
        self.taken.put(*source, self.committed.last(*source))
        self._taken_bytes -= sum(size for _, size in self._in_flight.pop(source, ()))

    def jump(self, source: Source, first: int) -> list[Run] | None:
        """Nothing before *first* can be had: return what is to be taken now of what waited for
        it, None if something of *source* is still on its way to the disk, or is not missing."""
        taken = self.taken.last(*source)
        if first <= taken + 1 or taken != self.committed.last(*source):
            return None
        self.taken.put(*source, first - 1)
        self.committed.put(*source, first - 1)
        held = self._held.get(source)
        if held is None:
            return []
        for seq in [seq for seq in held if seq < first]:
            self._held_bytes -= size((held.pop(seq),))
        return self._take_waiting(source, held, first)

    def _take_waiting(self, source: Source, held: dict[int, Item], first: int) -> list[Run]:
        items = self._following(held, first)
        if not held:
            del self._held[source]
        return self._take(source, Run(source[0], source[1], first, items)) if items else []


def _copy(body: Raw) -> Raw:
    return body.copy()
