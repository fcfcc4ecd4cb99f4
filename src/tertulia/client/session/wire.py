"""Lines of IRC as a client has them: what servers send, and what is sent to them.

Servers put a source in front, and up to 8,191 bytes of tags (IRCv3 message-tags). Some send lines
longer than 512 bytes, or text that is not UTF-8; both are taken as they are.
"""

from __future__ import annotations

import re

from msgspec import Struct

from tertulia.domain.text import cut, undirected
from tertulia.protocols.irc.parser import format_tags, parse_tags

LINE_BYTES = 512
LONGEST = 8191 + 8192
"""More than any server may send in one line."""
_FORBIDDEN = re.compile("[\0\r\n]+")
# What IRC formats with, and the mark of CTCP.
_KEPT = frozenset("\x01\x02\x03\x04\x0f\x11\x16\x1d\x1e\x1f")
_CONTROLS: dict[int, str | None] = {
    code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in _KEPT
} | dict.fromkeys(map(ord, "\0\t\v\f\r\x85\u2028\u2029"), " ")


class ServerLine(Struct, frozen=True, gc=False):
    """One message from a server; *command* is in upper case, *source* empty if it has none."""

    command: str
    params: tuple[str, ...] = ()
    source: str = ""
    tags: dict[str, str] = {}

    def param(self, index: int) -> str:
        """Return a parameter, empty where there is none."""
        try:
            return self.params[index]
        except IndexError:
            return ""

    @property
    def nick(self) -> str:
        """Who it comes from: a nickname, or the name of a server."""
        return self.source.partition("!")[0]


class LineBuffer:
    """Cuts a stream into lines; never holds more than `LONGEST` bytes."""

    __slots__ = ("_rest", "_skipping")

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that *data* completes; one that is longer than any may be is dropped."""
        *lines, rest = (self._rest + data).split(b"\n")
        if self._skipping and lines:
            del lines[0]
            self._skipping = False
        if self._skipping or len(rest) > LONGEST:
            rest, self._skipping = b"", True
        self._rest = rest
        return [line for line in lines if len(line) <= LONGEST]


def parse(raw: bytes) -> ServerLine | None:
    """Return the message in a line, None if there is none in it. Raises nothing.

    Control characters that would do something to a terminal are not in it, wherever they stood.
    """
    text = harmless(_decoded(raw).strip("\r"))
    tags: dict[str, str] = {}
    if text.startswith("@"):
        raw_tags, _, text = text.partition(" ")
        tags = parse_tags(raw_tags[1:])
    text = text.lstrip(" ")
    source = ""
    if text.startswith(":"):
        source, _, text = text[1:].partition(" ")
    middle, colon, last = text.partition(" :")
    command, *params = middle.split(" ") if middle else [""]
    words = [word for word in params if word]
    if colon:
        words.append(last)
    if not command:
        return None
    return ServerLine(command.upper(), tuple(words), source, tags)


def harmless(text: str) -> str:
    """Return *text* without what does something to a terminal."""
    if text.isascii() and text.isprintable():
        return text
    return undirected(text.translate(_CONTROLS))


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        # COMPAT: servers without UTF8ONLY pass on what old clients send, most often this.
        return raw.decode("cp1252", "replace")


def line(command: str, *params: str, tags: dict[str, str] | None = None) -> bytes:
    """Return a line to send; nothing in it can end it, nor become another parameter.

    A middle parameter that is no word is made one. What is longer than a line may be is cut.
    """
    *middle, last = params or ("",)
    words = [command, *(_word(one) for one in middle)]
    last = _FORBIDDEN.sub(" ", last)
    if not params:
        text = command
    elif last and " " not in last and not last.startswith(":"):
        text = " ".join([*words, last])
    else:
        text = f"{' '.join(words)} :{last}"
    head = f"@{format_tags(tags)} " if tags else ""
    return f"{head}{cut(_encodable(text), LINE_BYTES - 2)}\r\n".encode()


def _word(text: str) -> str:
    word = _FORBIDDEN.sub("", text).replace(" ", "").lstrip(":")
    return word or "*"


def _encodable(text: str) -> str:
    """Return *text* without lone surrogates, which a terminal may bring."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def raw_line(text: str) -> bytes:
    """Return what somebody typed as a line, without what would make it two."""
    return f"{cut(_encodable(_FORBIDDEN.sub(' ', text)), LINE_BYTES - 2)}\r\n".encode()
