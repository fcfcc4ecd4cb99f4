"""One frame at a time, for old clients that take what they read for one message.

COMPAT: the original clients call ``recv(1024)`` and treat the result as one message.

A room may say much more than such a client can be told in time. What it is not told must
cost next to nothing: it waits as it happened, is rendered when the first client's turn has
come, and is cut into frames once for all who are sent the same bytes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import structlog

from tertulia.protocols.session import Later

logger = structlog.get_logger()

FRAMES_MOST = 1_000
PHASES = 8

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


class Metronome:
    """Gives each of its pacers its turn, at least *pause_s* apart; one timer for all.

    They are spread over `PHASES`, so that not all have their turn at once.
    """

    __slots__ = ("_last", "_loop", "_phases", "_tick_s", "_timer", "pause_s")

    def __init__(self, pause_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._phases: list[dict[Pacer, None]] = [{} for _ in range(PHASES)]
        self._last = 0
        """The phase that had its turn last."""
        # Who joins the last phase waits for at least all ticks of a round but one.
        self._tick_s = pause_s / (PHASES - 1)
        self._timer: asyncio.TimerHandle | None = None
        self.pause_s = pause_s

    @property
    def round_s(self) -> float:
        """The seconds from one turn of a pacer to its next."""
        return PHASES * self._tick_s

    def join(self, pacer: Pacer) -> None:
        """Give *pacer*, which has just written, a turn after the pause, and then again and
        again until it has nothing to write."""
        self._phases[self._last][pacer] = None
        if self._timer is None:
            self._timer = self._loop.call_later(self._tick_s, self._tick)

    def _tick(self) -> None:
        self._last = (self._last + 1) % PHASES
        phase = self._phases[self._last]
        for pacer in list(phase):
            if not self._has_turn(pacer):
                del phase[pacer]
        self._timer = None
        if any(self._phases):
            self._timer = self._loop.call_later(self._tick_s, self._tick)

    @staticmethod
    def _has_turn(pacer: Pacer) -> bool:
        """Give *pacer* its turn; a fault there is not to stop the timer that all others share."""
        try:
            return pacer.turn()
        except Exception:
            logger.exception("fault while pacing")
            pacer.stop()
            return False


class Pacer:
    """Writes one frame after the other, when *metronome* says so.

    When more than `FRAMES_MOST` wait they are replaced by ``skipped(count)``, and
    *left_out* is called.
    """

    __slots__ = (
        "_at", "_count", "_cutter", "_is_waiting", "_left_out", "_metronome", "_on_leaving_out",
        "_queue", "_skipped", "_write",
    )  # fmt: skip

    def __init__(
        self,
        write: Callable[[bytes], None],
        metronome: Metronome,
        cutter: Cutter,
        skipped: Callable[[int], bytes],
        left_out: Callable[[], None] = lambda: None,
    ) -> None:
        self._write = write
        self._on_leaving_out = left_out
        self._metronome = metronome
        self._cutter = cutter
        self._skipped = skipped
        self._queue: deque[list[bytes] | Later] = deque()
        self._at = 0
        """Which frame of the first list is the next."""
        self._count = 0
        """How many frames wait; of what is not rendered each change counts as one."""
        self._left_out = 0
        """How many were left out before the first that waits."""
        self._is_waiting = False
        """Whether it will have a turn."""

    def write(self, data: bytes | Later) -> None:
        """Send *data*, in frames, after what waits."""
        if isinstance(data, Later):
            self._queue.append(data)
            self._count += data.count
        else:
            frames = self._cutter.frames(data)
            self._queue.append(frames)
            self._count += len(frames)
        if self._count > FRAMES_MOST:
            self._left_out += self._count
            self._queue.clear()
            self._at = self._count = 0
            self._on_leaving_out()
        if not self._is_waiting and self.turn():
            self._is_waiting = True
            self._metronome.join(self)

    @property
    def waiting(self) -> int:
        """How many frames wait."""
        return self._count + bool(self._left_out)

    @property
    def drain_s(self) -> float:
        """The seconds until all that waits has been sent."""
        return (self.waiting + 1) * self._metronome.round_s

    def flush(self) -> None:
        """Send all that waits at once."""
        while (frame := self._pop()) is not None:
            self._write(frame)

    def stop(self) -> None:
        """Drop all that waits: nobody is there to be sent it."""
        self._queue.clear()
        self._at = self._count = self._left_out = 0
        self._is_waiting = False

    def turn(self) -> bool:
        """Write the next frame; return whether there was one."""
        frame = self._pop()
        if frame is None:
            self._is_waiting = False
            return False
        self._write(frame)
        return True

    def _pop(self) -> bytes | None:
        """Take the next frame, if there is one."""
        if self._left_out:
            note = self._cutter.frames(self._skipped(self._left_out))
            self._left_out = 0
            self._queue.appendleft(note)
            self._count += len(note)
        while self._queue:
            entry = self._queue[0]
            if isinstance(entry, Later):
                self._count -= entry.count
                entry = self._queue[0] = self._cutter.frames(entry.data)
                self._count += len(entry)
            if self._at < len(entry):
                self._at += 1
                self._count -= 1
                return entry[self._at - 1]
            self._queue.popleft()
            self._at = 0
        return None
