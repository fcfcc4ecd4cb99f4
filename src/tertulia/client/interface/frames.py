"""Drawing at most so often, however much happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

FRAME_S = 1 / 30


class Frames:
    """Calls *draw* soon after it was asked for, at once if it was not for a while."""

    def __init__(self, draw: Callable[[], object], interval_s: float = FRAME_S) -> None:
        self._draw = draw
        self._interval_s = interval_s
        self._next_at = 0.0
        self._is_due = False

    def ask(self) -> None:
        """Something is to be drawn."""
        if self._is_due:
            return
        self._is_due = True
        loop = asyncio.get_running_loop()
        loop.call_later(max(0.0, self._next_at - loop.time()), self._draw)

    def drawn(self) -> None:
        """It was drawn; what happens from now on is for the next frame."""
        self._is_due = False
        self._next_at = asyncio.get_running_loop().time() + self._interval_s
