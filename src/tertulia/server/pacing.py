"""One frame at a time, for old clients that take what they read for one message.

COMPAT: the original clients call ``recv(1024)`` and treat the result as one message.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

FRAMES_MOST = 1_000


class Pacer:
    """Writes one frame after the other with a pause of *pause_s* between two.

    *frames* cuts what is to be sent.

    When more than `FRAMES_MOST` wait they are replaced by ``skipped(count)``.
    """

    __slots__ = ("_cut", "_frames", "_loop", "_pause_s", "_skipped", "_timer", "_write")

    def __init__(
        self,
        write: Callable[[bytes], None],
        pause_s: float,
        frames: Callable[[bytes], list[bytes]],
        skipped: Callable[[int], bytes],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._write = write
        self._pause_s = pause_s
        self._cut = frames
        self._skipped = skipped
        self._frames: deque[bytes] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def write(self, data: bytes) -> None:
        """Send *data*, in frames, after what waits."""
        self._frames += self._cut(data)
        if len(self._frames) > FRAMES_MOST:
            note = self._skipped(len(self._frames))
            self._frames.clear()
            self._frames.append(note)
        if self._timer is None:
            self._next()

    @property
    def waiting(self) -> int:
        """How many frames wait."""
        return len(self._frames)

    @property
    def drain_s(self) -> float:
        """The seconds until all that waits has been sent."""
        return (len(self._frames) + 1) * self._pause_s

    def flush(self) -> None:
        """Send all that waits at once; there will be no more pauses."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._frames:
            self._write(self._frames.popleft())

    def _next(self) -> None:
        self._timer = None
        if self._frames:
            self._write(self._frames.popleft())
            self._timer = self._loop.call_later(self._pause_s, self._next)
