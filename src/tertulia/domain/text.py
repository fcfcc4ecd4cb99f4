"""The one constructor of the text of a message.

Text is Unicode in form NFC, at most `TEXT_BYTES` of UTF-8, with no control characters but
those that IRC formatting uses, so that no protocol can mistake a part of it for anything
else. What separates lines becomes a space; other control characters are dropped.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NewType

from tertulia.domain.errors import EmptyText, InvalidText

TEXT_BYTES = 4096

Text = NewType("Text", str)

# Formatting characters of modern IRC clients (modern.ircdocs.horse/formatting).
_FORMATTING = frozenset("\x02\x03\x04\x0f\x11\x16\x1d\x1e\x1f")
_SPACES = "\t\n\v\f\r\x1c\x85\u2028\u2029"


_CODES = re.compile(
    "\x03(?:[0-9]{1,2}(?:,[0-9]{1,2})?)?"
    "|\x04(?:[0-9A-Fa-f]{6}(?:,[0-9A-Fa-f]{6})?)?"
    "|[\x02\x0f\x11\x16\x1d\x1e\x1f]"
)


def _translation() -> dict[int, str | None]:
    table: dict[int, str | None] = {
        c: None for c in (*range(0x20), *range(0x7F, 0xA0)) if chr(c) not in _FORMATTING
    }
    table.update({ord(c): " " for c in _SPACES})
    return table


_NEUTRAL = _translation()
_DIRECTIONS: dict[int, None] = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))


def message_text(raw: str) -> Text:
    """Return *raw* as text, or raise `InvalidText` (`EmptyText` where nothing is left)."""
    text = neutral(raw)
    if not text or text.isspace():
        raise EmptyText
    if len(text) * 4 > TEXT_BYTES and len(text.encode()) > TEXT_BYTES:
        raise InvalidText(f"The text is longer than {TEXT_BYTES} bytes")
    return text


def short_text(raw: str, limit: int) -> Text:
    """Return *raw* as text (it may be empty), cut to *limit* bytes at a character boundary."""
    return Text(cut(neutral(raw), limit))


def neutral(raw: str) -> Text:
    """Return *raw* with nothing in it that a protocol could trip over."""
    if raw.isascii() and raw.isprintable():
        return Text(raw)
    try:
        raw.encode()
    except UnicodeEncodeError as error:
        raise InvalidText("The text is not valid Unicode") from error
    return Text(unicodedata.normalize("NFC", raw.translate(_NEUTRAL)))


def unformatted(text: str) -> str:
    """Return *text* without IRC formatting: neither its characters nor colour numbers."""
    return _CODES.sub("", text)


def undirected(text: str) -> str:
    """Return *text* without what makes a terminal show what follows in another order.

    These are the embeddings, overrides and isolates of UAX #9; text that runs from right to
    left needs none of them.
    """
    return text if text.isascii() else text.translate(_DIRECTIONS)


def cut(text: str, limit: int) -> str:
    """Return the longest beginning of *text* of at most *limit* bytes of UTF-8."""
    if len(text) * 4 <= limit:
        return text
    return text.encode()[:limit].decode(errors="ignore")


def pieces(text: str, limit: int) -> list[str]:
    """Split *text* into pieces of at most *limit* bytes of UTF-8, at spaces where it can.

    The pieces, joined, are the text again. *limit* is at least 4.
    """
    parts = []
    while len(text) * 4 > limit and len(text.encode()) > limit:
        head = cut(text, limit)
        space = head.rfind(" ") + 1
        if space > len(head) // 2:
            head = head[:space]
        parts.append(head)
        text = text[len(head) :]
    return [*parts, text] if text else parts
