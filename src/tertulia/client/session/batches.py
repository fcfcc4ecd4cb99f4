"""Lines that belong together (ircv3.net/specs/extensions/batch)."""

from __future__ import annotations

from collections.abc import Iterator

from tertulia.client.session.wire import ServerLine

LINES_MOST = 20_000
BATCHES_MOST = 100
LABELLED = "labeled-response"


class Batch:
    """Lines, and batches, that came between the beginning and the end of one."""

    __slots__ = ("items", "kind", "label", "params", "reference")

    def __init__(self, line: ServerLine) -> None:
        self.reference = line.param(0)[1:]
        self.kind = line.param(1)
        self.params = line.params[2:]
        self.label = line.tags.get("label", "")
        self.items: list[ServerLine | Batch] = []

    @property
    def lines(self) -> Iterator[ServerLine]:
        """Yield all lines, those of batches in it as well."""
        for item in self.items:
            if isinstance(item, Batch):
                yield from item.lines
            else:
                yield item


class Batches:
    """Those that were begun and not ended."""

    def __init__(self) -> None:
        self._open: dict[str, Batch] = {}
        self._parents: dict[str, Batch] = {}
        self._held = 0

    def begin(self, line: ServerLine) -> None:
        """One begins; too many at once are not taken for batches."""
        batch = Batch(line)
        if not batch.reference or len(self._open) >= BATCHES_MOST:
            return
        self._open[batch.reference] = batch
        self._parents.pop(batch.reference, None)
        parent = self._open.get(line.tags.get("batch", ""))
        if parent is not None and parent is not batch:
            batch.label = batch.label or parent.label
            if parent.kind != LABELLED:
                self._parents[batch.reference] = parent

    def end(self, reference: str) -> Batch | None:
        """One ends; return it, if it is not in another one that is still open."""
        batch = self._open.pop(reference, None)
        if batch is None:
            return None
        parent = self._parents.pop(reference, None)
        if parent is not None and parent.reference in self._open:
            parent.items.append(batch)
            return None
        self._held = max(0, self._held - sum(1 for _ in batch.lines))
        return batch

    def of(self, line: ServerLine) -> Batch | None:
        """Return the batch that *line* is in."""
        return self._open.get(line.tags.get("batch", ""))

    def hold(self, batch: Batch, line: ServerLine) -> bool:
        """Keep *line* until *batch* ends; return whether that is done.

        The answer to a label is not held: only its end is of interest.
        """
        if batch.kind == LABELLED or self._held >= LINES_MOST:
            return False
        self._held += 1
        batch.items.append(line)
        return True
