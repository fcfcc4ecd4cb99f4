"""Identifiers: when something happened, and what it is called on the wire.

A hybrid logical clock (Kulkarni et al., 2014) is one integer: 48 bits of Unix milliseconds
and a 16-bit counter that carries into them. It never goes backwards, and every event of a
server has its own.
"""

from __future__ import annotations

import binascii
import zlib
from collections.abc import Callable
from typing import NewType

Hlc = NewType("Hlc", int)
Uid = NewType("Uid", str)
Conversation = NewType("Conversation", int)

EVERYONE = Conversation(1)
EVERYONE_HERE = Conversation(2)
NOWHERE = Conversation(0)
LOBBY = Conversation(16)
"""The one incarnation of ``#lobby``, the same on every server."""

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_SORTED = b"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
_TO_SORTED = bytes.maketrans(_BASE64, _SORTED)
_FROM_SORTED = bytes.maketrans(_SORTED, _BASE64)
_MSGID_LENGTH = 16
AHEAD_MS = 60_000
"""How far the clock of another server may be ahead for ours to follow it."""


class HybridClock:
    """The clock that stamps events; *wall* returns Unix milliseconds."""

    __slots__ = ("_last", "_wall")

    def __init__(self, wall: Callable[[], int], last: int = 0) -> None:
        self._wall = wall
        self._last = last

    def tick(self) -> Hlc:
        """Return a time later than all before it."""
        now = self._wall() << 16
        self._last = last = now if now > self._last else self._last + 1
        return Hlc(last)

    def observe(self, hlc: Hlc) -> bool:
        """Be later than *hlc* from now on; return whether that was done.

        A clock that is too far ahead is not followed: one that is wrong would take all others
        along.
        """
        if hlc <= self._last:
            return True
        if milliseconds(hlc) > self._wall() + AHEAD_MS:
            return False
        self._last = hlc
        return True

    def now_ms(self) -> int:
        """Return the wall clock, in Unix milliseconds."""
        return self._wall()


def is_durable(uid: Uid) -> bool:
    """Whether *uid* stays the same when its user comes again: then it is a number."""
    return uid[0] == "0"


def is_of_channel(conversation: Conversation) -> bool:
    """Whether *conversation* is the history of an incarnation of a channel."""
    return conversation == LOBBY or 1024 <= conversation < 1 << 62


def milliseconds(hlc: Hlc) -> int:
    """Return the Unix milliseconds of *hlc*."""
    return hlc >> 16


def at_milliseconds(ms: int) -> Hlc:
    """Return the first clock value of the millisecond *ms*; out of range is clamped."""
    return Hlc(max(0, min(ms, (1 << 47) - 1)) << 16)


def origin_tag(server: bytes, epoch: int) -> int:
    """Return the 32 bits by which message ids tell servers and epochs apart."""
    return zlib.crc32(server + epoch.to_bytes(8, "big"))


def msgid(hlc: int, tag: int) -> str:
    """Return the id of an event: 16 URL-safe characters that sort by time.

    *tag* is an `origin_tag`. It makes one order of all events of all servers.
    """
    raw = (hlc << 32 | tag).to_bytes(12, "big")
    return binascii.b2a_base64(raw, newline=False).translate(_TO_SORTED).decode()


def parse_msgid(text: str) -> tuple[Hlc, int] | None:
    """Return clock and origin tag of a message id, or None if *text* is none."""
    if len(text) != _MSGID_LENGTH or not text.isascii():
        return None
    try:
        raw = binascii.a2b_base64(text.encode().translate(_FROM_SORTED), strict_mode=True)
    except binascii.Error:
        return None
    value = int.from_bytes(raw, "big")
    hlc, tag = Hlc(value >> 32), value & 0xFFFFFFFF
    # No clock goes beyond 63 bits, which is also what the database can compare; and of the
    # spellings that the decoder understands only one is an id.
    if hlc >= 1 << 63 or msgid(hlc, tag) != text:
        return None
    return hlc, tag
