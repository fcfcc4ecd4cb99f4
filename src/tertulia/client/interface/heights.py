"""How high each message is on the screen, and so which one is in which row."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate

CHUNK = 256


class Heights:
    """A list of heights that finds rows fast: kept in chunks, each with its sum.

    Putting some in front, at the end or between others, and changing one, cost a chunk, not the
    list. With 100,000 of them there are some 400 chunks.
    """

    def __init__(self, heights: Iterable[int] = ()) -> None:
        everything = list(heights)
        self._chunks = [everything[at : at + CHUNK] for at in range(0, len(everything), CHUNK)]
        self._sums = [sum(chunk) for chunk in self._chunks]
        self._firsts: list[int] = []
        """Of each chunk, how many are in front of it; empty when it is to be counted again."""
        self._rows: list[int] = []
        """Of each chunk, which row it starts in; likewise."""

    def __len__(self) -> int:
        return sum(map(len, self._chunks))

    @property
    def total(self) -> int:
        """How many rows there are."""
        return sum(self._sums)

    def __getitem__(self, index: int) -> int:
        chunk, inside = self._place(index)
        return self._chunks[chunk][inside]

    def __setitem__(self, index: int, height: int) -> None:
        chunk, inside = self._place(index)
        change = height - self._chunks[chunk][inside]
        if change:
            self._chunks[chunk][inside] = height
            self._sums[chunk] += change
            self._rows.clear()

    def prepend(self, heights: Iterable[int]) -> None:
        """Put *heights* in front."""
        front = Heights(heights)
        self._chunks[:0], self._sums[:0] = front._chunks, front._sums
        self._forget()

    def insert(self, index: int, height: int) -> None:
        """Put one in front of the one at *index*, or at the end."""
        if not self._chunks:
            self._chunks, self._sums = [[]], [0]
        chunk, inside = self._place(index)
        self._chunks[chunk].insert(inside, height)
        self._sums[chunk] += height
        if len(self._chunks[chunk]) > 2 * CHUNK:
            self._split(chunk)
        self._forget()

    def __delitem__(self, index: int) -> None:
        chunk, inside = self._place(index)
        self._sums[chunk] -= self._chunks[chunk].pop(inside)
        if not self._chunks[chunk]:
            del self._chunks[chunk], self._sums[chunk]
        self._forget()

    def row_of(self, index: int) -> int:
        """Return the row in which the one at *index* starts; the number of rows for the end."""
        chunk, inside = self._place(index)
        self._count_rows()
        return self._rows[chunk] + sum(self._chunks[chunk][:inside]) if self._chunks else 0

    def find(self, row: int) -> tuple[int, int]:
        """Return which one is in *row*, and which of its rows that is.

        A row before the first is taken for the first, one behind the last for the last; there
        must be one.
        """
        self._count_rows()
        row = max(0, min(row, self.total - 1))
        chunk = bisect_right(self._rows, row) - 1
        ends = list(accumulate(self._chunks[chunk]))
        inside = bisect_right(ends, row - self._rows[chunk])
        start = ends[inside - 1] if inside else 0
        self._count_firsts()
        return self._firsts[chunk] + inside, row - self._rows[chunk] - start

    def _place(self, index: int) -> tuple[int, int]:
        """Return the chunk of *index*, and where in it; the end is in the last chunk."""
        self._count_firsts()
        chunk = max(0, bisect_right(self._firsts, index) - 1)
        return chunk, index - (self._firsts[chunk] if self._firsts else 0)

    def _split(self, chunk: int) -> None:
        whole = self._chunks[chunk]
        halves = [whole[:CHUNK], whole[CHUNK:]]
        self._chunks[chunk : chunk + 1] = halves
        self._sums[chunk : chunk + 1] = map(sum, halves)

    def _forget(self) -> None:
        self._firsts.clear()
        self._rows.clear()

    def _count_firsts(self) -> None:
        if not self._firsts:
            self._firsts = [0, *accumulate(map(len, self._chunks))][:-1]

    def _count_rows(self) -> None:
        if not self._rows:
            self._rows = [0, *accumulate(self._sums)][:-1]
