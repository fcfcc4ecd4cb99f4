"""What PyChat's clients are sent.

What has a command is sent as one; all else is plain text, which never begins with ``!``, so
that nobody can make a client take it for a command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tertulia.domain import changes as c
from tertulia.domain.changes import Change
from tertulia.domain.events import Fact, Style
from tertulia.protocols import words
from tertulia.protocols.lines import Writer

_GOES_ON = "... "
"""Begins what would otherwise begin with who knows what."""


def cut_frames(data: bytes) -> list[bytes]:
    """Return the messages in *data* without their ends.

    COMPAT: the original client sends no line feed, and shows one that it gets.
    """
    return data.splitlines()


class PyChatFlavour:
    """What is sent in messages of at most *limit* bytes, or of any length."""

    __slots__ = ("_limit", "_writer", "is_paced")

    def __init__(self, limit: int | None) -> None:
        self.is_paced = limit is not None
        self._limit = limit
        self._writer = Writer(limit)

    def render(self, change: Change) -> bytes:
        """Return the messages for *change*; empty if this kind of client is not told."""
        if isinstance(change, c.Together):
            return b"".join([self.render(one) for one in change.changes])
        render = _RENDER.get(type(change))
        if render is not None:
            return render(self, change)
        return b"".join([self.plain(told) for told in words.sentences(change, _as_it_is)])

    def plain(self, text: str) -> bytes:
        """Return readable *text* as a message that is no command."""
        head = _GOES_ON if text.startswith("!") else ""
        return self._writer.write(text, head, again=_GOES_ON)

    def users(self, nicks: Sequence[str]) -> bytes:
        """Return the list of users.

        COMPAT: what does not fit in one message for an old client is a list of its own.
        """
        return b"".join(
            [
                self._writer.write(f"!users {len(some)} {' '.join(some)}")
                for some in self._some(nicks)
            ]
        )

    def _some(self, nicks: Sequence[str]) -> Iterator[Sequence[str]]:
        if self._limit is None:
            yield nicks
            return
        some: list[str] = []
        used, room = 0, self._limit - len("!users 1000\n")
        for nick in nicks:
            size = len(nick.encode()) + 1
            if some and used + size > room:
                yield some
                some, used = [], 0
            some.append(nick)
            used += size
        yield some

    def not_done(self, fact: Fact) -> bytes:
        """Return the message that tells that *fact* could not be stored."""
        return self.plain(words.not_done(fact, _as_it_is))

    def skipped(self, count: int) -> bytes:
        """Return the message that stands for *count* others that would have come too late."""
        return self.plain(words.skipped(count))

    def _spoken(self, change: c.Spoken) -> bytes:
        text = words.spoken(change, _as_it_is)
        by = change.by.nick
        if not text:
            return b""
        if change.style == Style.POKE:
            return self._writer.write(f"!poke {by} {words.readable(change.text)}")
        if change.target[0] not in "#*&":
            return self._writer.write(text, f"{by} (to you): ")
        if change.style == Style.ACTION:
            return self.plain(text)
        return self._writer.write(text, f"!msg {by} ")

    def _nick_changed(self, change: c.NickChanged) -> bytes:
        return self._writer.write(f"!changenickname {change.by.nick} {change.now.nick}")


_RENDER: dict[type[Change], Callable[[PyChatFlavour, Any], bytes]] = {
    c.Spoken: PyChatFlavour._spoken,
    c.NickChanged: PyChatFlavour._nick_changed,
}


def _as_it_is(name: str) -> str:
    return name
