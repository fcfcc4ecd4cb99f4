"""What was typed before, to be had again."""

from __future__ import annotations

MOST = 500


class Recall:
    """Lines that were sent, the latest last, and where among them one is. What was being typed
    when one began to look is the line behind the last."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._at = 0
        self._draft = ""

    def keep(self, line: str) -> None:
        """A line was sent."""
        if line and self._lines[-1:] != [line]:
            self._lines.append(line)
            del self._lines[:-MOST]
        self._at = len(self._lines)
        self._draft = ""

    def back(self, now: str) -> str:
        """Return the line before; *now* is what is there."""
        if self._at == len(self._lines):
            self._draft = now
        self._at = max(0, self._at - 1)
        return self._line()

    def forth(self, now: str) -> str:
        """Return the line after."""
        if self._at == len(self._lines):
            return now
        self._at += 1
        return self._line()

    def _line(self) -> str:
        return self._lines[self._at] if self._at < len(self._lines) else self._draft
