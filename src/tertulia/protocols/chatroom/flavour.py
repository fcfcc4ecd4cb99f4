"""What those in the chat room are shown: lines for people."""

from __future__ import annotations

from collections.abc import Callable

from tertulia.domain import changes as c
from tertulia.domain.changes import Change
from tertulia.domain.events import Style
from tertulia.domain.ids import Hlc, milliseconds
from tertulia.domain.names import fold_name
from tertulia.protocols import words
from tertulia.protocols.lines import FRAME_BYTES, Writer

LocalTime = Callable[[int], str]
"""Gives Unix milliseconds as local time, ``2026-11-20 14:02``."""


_EVERYONE = {"*": " (to everyone)", "&": " (to everyone here)"}


def cut_frames(data: bytes) -> list[bytes]:
    """Return the messages in *data*, with their ends, which part them on a screen."""
    return data.splitlines(keepends=True)


class ChatRoomFlavour:
    """What those see who are talking in the channel *current* (folded); *end* ends their lines.

    COMPAT: *old* clients read with ``recv(1024)``, so no line for them is longer.
    """

    __slots__ = ("__weakref__", "_current", "_local_time", "_writer", "is_paced")

    def __init__(self, current: str, end: str, old: bool, local_time: LocalTime) -> None:
        self.is_paced = old
        self._current = current
        self._local_time = local_time
        self._writer = Writer(FRAME_BYTES if old else None, end)

    def render(self, change: Change) -> bytes:
        """Return the lines for *change*; empty if this kind of client is not told."""
        if isinstance(change, c.Together):
            now = milliseconds(change.hlc)
            return b"".join([self.recall(one, now) for one in change.changes])
        _, _, time = self._local_time(milliseconds(change.hlc)).partition(" ")
        return self._show(change, f"[{time}] ")

    def recall(self, change: Change, now_ms: int) -> bytes:
        """Return the lines for *change*, from history; with its date if that is not today's."""
        stamp = self._local_time(milliseconds(change.hlc))
        date, _, time = stamp.partition(" ")
        today = self._local_time(now_ms).partition(" ")[0]
        return self._show(change, f"[{time}] " if date == today else f"[{stamp}] ")

    def moment(self, hlc: Hlc) -> str:
        """Return date and time of a clock value, as people here read them."""
        return self._local_time(milliseconds(hlc))

    def info(self, text: str) -> bytes:
        """Return the line with which the server answers."""
        return self._writer.write(words.readable(text), "-- ")

    def error(self, text: str) -> bytes:
        """Return the line that tells what was refused."""
        return self._writer.write(words.readable(text), "!! ")

    def skipped(self, count: int) -> bytes:
        """Return the line that stands for *count* others that would have come too late."""
        return self.info(words.skipped(count))

    def _show(self, change: Change, stamp: str) -> bytes:
        if isinstance(change, c.Spoken):
            return self._spoken(change, stamp)
        told = words.sentences(change, as_it_is)
        return b"".join([self._writer.write(sentence, f"{stamp}-- ") for sentence in told])

    def _spoken(self, change: c.Spoken, stamp: str) -> bytes:
        text = words.spoken(change, as_it_is)
        if not text:
            return b""
        where, aside = self._where(change)
        if change.style in (Style.ACTION, Style.POKE):
            return self._writer.write(f"{text}{aside}", f"{stamp}{where}")
        return self._writer.write(text, f"{stamp}{where}{change.by.nick}{aside}: ")

    def _where(self, change: c.Spoken) -> tuple[str, str]:
        """Return what tells where something was said: before who said it, and behind."""
        target = change.target
        if target in _EVERYONE:
            return "", _EVERYONE[target]
        if target[0] != "#":
            return "", " (private)"
        if change.status or fold_name(target) != self._current:
            return f"{change.status}{target} ", ""
        return "", ""


def as_it_is(name: str) -> str:
    """Return *name*: names are shown as they are."""
    return name
