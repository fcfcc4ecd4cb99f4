"""One frame at a time, for old clients that take what they read for one message.

COMPAT: the original clients call ``recv(1024)`` and treat the result as one message.

A room may say much more than such a client can be told in time. What it is not told must
cost next to nothing, so frames are cut once for all who are sent the same bytes, and what
waits for one client is a queue of those lists.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

FRAMES_MOST = 1_000

Cut = Callable[[bytes], list[bytes]]


class Cutter:
    """Cuts bytes into frames with *cut*, the same bytes only once."""

    __slots__ = ("_cut", "_data", "_frames")

    def __init__(self, cut: Cut) -> None:
        self._cut = cut
        self._data = b""
        self._frames: list[bytes] = []

    def frames(self, data: bytes) -> list[bytes]:
        """Return the frames of *data*, which nobody may change."""
        if data is not self._data:
            self._data, self._frames = data, self._cut(data)
        return self._frames


class Pacer:
    """Writes one frame after the other with a pause of *pause_s* between two.

    When more than `FRAMES_MOST` wait they are replaced by ``skipped(count)``.
    """

    __slots__ = (
        "_at", "_count", "_cutter", "_loop", "_pause_s", "_queue", "_skipped", "_timer", "_write",
    )  # fmt: skip

    def __init__(
        self,
        write: Callable[[bytes], None],
        pause_s: float,
        cutter: Cutter,
        skipped: Callable[[int], bytes],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._write = write
        self._pause_s = pause_s
        self._cutter = cutter
        self._skipped = skipped
        self._queue: deque[list[bytes]] = deque()
        self._at = 0
        """Which frame of the first list is the next."""
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None

    def write(self, data: bytes) -> None:
        """Send *data*, in frames, after what waits."""
        frames = self._cutter.frames(data)
        self._queue.append(frames)
        self._count += len(frames)
        if self._count > FRAMES_MOST:
            note = self._skipped(self._count)
            self._clear()
            if note:
                self._queue.append(self._cutter.frames(note))
                self._count = len(self._queue[0])
        if self._timer is None:
            self._next()

    @property
    def waiting(self) -> int:
        """How many frames wait."""
        return self._count

    @property
    def drain_s(self) -> float:
        """The seconds until all that waits has been sent."""
        return (self._count + 1) * self._pause_s

    def flush(self) -> None:
        """Send all that waits at once; there will be no more pauses."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._count:
            self._write(self._pop())
        self._clear()

    def _clear(self) -> None:
        self._queue.clear()
        self._at = self._count = 0

    def _pop(self) -> bytes:
        while self._at == len(self._queue[0]):
            self._queue.popleft()
            self._at = 0
        frame = self._queue[0][self._at]
        self._at += 1
        self._count -= 1
        return frame

    def _next(self) -> None:
        self._timer = None
        if self._count:
            self._write(self._pop())
            self._timer = self._loop.call_later(self._pause_s, self._next)
        else:
            self._clear()
