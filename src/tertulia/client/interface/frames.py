"""Drawing at most so often, however much happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

FRAME_S = 1 / 30
REST = 2.0
"""How many times as long as a frame took is left for everything else."""


class Frames:
    """Calls *draw* soon after it was asked for, at once if it was not for a while."""

    def __init__(self, draw: Callable[[], object]) -> None:
        self._draw = draw
        self._begun_at = 0.0
        self._next_at = 0.0
        self._is_due = False

    def ask(self) -> None:
        """Something is to be drawn."""
        if self._is_due:
            return
        self._is_due = True
        loop = asyncio.get_running_loop()
        loop.call_later(max(0.0, self._next_at - loop.time()), self._draw)

    def begun(self) -> None:
        """It is drawn; what happens from now on is for the next frame."""
        self._is_due = False
        self._begun_at = asyncio.get_running_loop().time()
        self._next_at = self._begun_at + FRAME_S

    def ended(self) -> None:
        """It is on the screen. Where that took long, the next frame is later."""
        now = asyncio.get_running_loop().time()
        self._next_at = max(self._next_at, now + REST * (now - self._begun_at))
