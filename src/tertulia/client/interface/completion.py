"""Tab completes commands, nicknames and channels; pressed again, it goes on to the next."""

from __future__ import annotations

from collections.abc import Callable

from tertulia.client.session.model import Buffer, Model

Source = Callable[[str, bool], list[str]]
"""Given a word and whether it is the first of the line: what it may become."""


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
            start = text.rfind(" ", 0, cursor) + 1
            self._found = self._source(text[start:cursor], start == 0)
            self._start, self._end, self._at = start, cursor, 0 if step > 0 else -1
        if not self._found:
            return text, cursor
        word = self._found[self._at]
        rest = text[self._end :]
        self._made = text[: self._start] + word + rest
        self._end = self._start + len(word)
        return self._made, self._end


def names(word: str, is_first: bool, buffer: Buffer, model: Model) -> list[str]:
    """Return the nicknames and channels that *word* may be the start of: who spoke last first."""
    fold = model.fold
    start = fold(word)
    if word[:1] in ("#", "&"):
        channels = [one.name for one in model if one.is_channel]
        return [f"{name} " for name in channels if fold(name).startswith(start)]
    people = [member.nick for member in buffer.members.values()]
    if not buffer.is_channel:
        people = [*([buffer.name] if buffer is not model.server else [])]
    rank = {fold(nick): place for place, nick in enumerate(_speakers(buffer))}
    found = [nick for nick in people if start and fold(nick).startswith(start)]
    found.sort(key=lambda nick: (rank.get(fold(nick), len(rank)), fold(nick)))
    return [nick + (": " if is_first else " ") for nick in found]


def _speakers(buffer: Buffer, most: int = 200) -> list[str]:
    """Return who spoke in *buffer*, the latest first."""
    latest = reversed(buffer.messages[-most:])
    return list(dict.fromkeys(message.by for message in latest if message.is_spoken))
