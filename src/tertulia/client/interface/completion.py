"""Tab completes commands, nicknames and channels; pressed again, it goes on to the next."""

from __future__ import annotations

from collections.abc import Callable

Source = Callable[[str, int], list[str]]
"""Given a line and where the cursor is: what the word before it may become."""


class Completion:
    """The word that is being completed, and what it was."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._found: list[str] = []
        self._at = 0
        self._start = 0
        self._end = 0
        self._made = ""

    def press(self, text: str, cursor: int, step: int = 1) -> tuple[str, int]:
        """Return the line and the cursor after Tab; *step* is -1 to go back."""
        if self._found and text == self._made and cursor == self._end:
            self._at = (self._at + step) % len(self._found)
        else:
            self._found = self._source(text, cursor)
            self._start = text.rfind(" ", 0, cursor) + 1
            self._end, self._at = cursor, 0 if step > 0 else -1
        if not self._found:
            return text, cursor
        word, rest = self._found[self._at].rstrip(), text[self._end :]
        word += "" if rest and not rest[0].isalnum() else " "
        self._made = text[: self._start] + word + rest
        self._end = self._start + len(word)
        return self._made, self._end
