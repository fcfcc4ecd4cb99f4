"""What the text of a message looks like: the formatting codes of IRC, and links.

Codes: https://modern.ircdocs.horse/formatting. Nothing of a text is ever taken for markup, and no
other control character is left in it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from tertulia.client.session.wire import harmless


class Format(NamedTuple):
    """How a part of a text is written; colours are those of mIRC, 0 to 15."""

    bold: bool = False
    italic: bool = False
    underline: bool = False
    strike: bool = False
    reverse: bool = False
    fore: int | None = None
    back: int | None = None
    link: str = ""


PLAIN = Format()


class Part(NamedTuple):
    """A part of a text that is written in one way."""

    text: str
    format: Format = PLAIN


_CODE = re.compile(
    "\x03(?:(\\d{1,2})(?:,(\\d{1,2}))?)?"
    "|\x04(?:[0-9A-Fa-f]{6}(?:,[0-9A-Fa-f]{6})?)?"
    "|[\x01\x02\x0f\x11\x16\x1d\x1e\x1f]"
)
_TOGGLES = {"\x02": "bold", "\x1d": "italic", "\x1f": "underline", "\x1e": "strike"}
_TOGGLES["\x16"] = "reverse"
_LINK = re.compile(r"(?i:https?|ircs?|ftp)://[^\s<>\"“”«»]+|(?i:www)\.[\w-]+\.[^\s<>\"“”«»]+")
_OPENING = {")": "(", "]": "[", "}": "{"}


@lru_cache(4096)
def parts(text: str) -> tuple[Part, ...]:
    """Return the parts of *text*, without codes; joined they are what is read."""
    text = harmless(text)
    if text.isprintable():
        return tuple(_with_links(Part(text)))
    return tuple(linked for part in _formatted(text) for linked in _with_links(part))


def bare(text: str) -> str:
    """Return *text* without codes."""
    return text if text.isprintable() else _CODE.sub("", harmless(text))


def _formatted(text: str) -> list[Part]:
    found, at, now = [], 0, PLAIN
    for code in _CODE.finditer(text):
        if code.start() > at:
            found.append(Part(text[at : code.start()], now))
        now, at = _after(now, code), code.end()
    if at < len(text):
        found.append(Part(text[at:], now))
    return found


def _after(now: Format, code: re.Match[str]) -> Format:
    sign = code[0][0]
    if sign == "\x0f":
        return PLAIN
    if sign == "\x03":
        if code[1] is None:
            return now._replace(fore=None, back=None)
        back = now.back if code[2] is None else _colour(code[2])
        return now._replace(fore=_colour(code[1]), back=back)
    if (name := _TOGGLES.get(sign)) is not None:
        toggled: dict[str, Any] = {name: not getattr(now, name)}
        return now._replace(**toggled)
    return now


def _colour(digits: str) -> int | None:
    """The first sixteen are shown; the others, and 99, are the colour of the text."""
    number = int(digits)
    return number if number < 16 else None


def _with_links(part: Part) -> list[Part]:
    text, found, at = part.text, [], 0
    if "://" not in text and "www." not in text.lower():
        return [part]
    for link in _LINK.finditer(text):
        address = _without_punctuation(link[0])
        if link.start() > at:
            found.append(part._replace(text=text[at : link.start()]))
        target = address if "://" in address else f"https://{address}"
        found.append(Part(address, part.format._replace(link=target)))
        at = link.start() + len(address)
    if at < len(text):
        found.append(part._replace(text=text[at:]))
    return found


def _without_punctuation(address: str) -> str:
    """What ends a sentence, or closes a bracket that is not the link's, is none of it."""
    while (last := address[-1]) in ".,;:!?'" or (
        last in _OPENING and address.count(last) > address.count(_OPENING[last])
    ):
        address = address[:-1]
    return address
