"""What numeric clients send: frames without anything between them.

A frame is a two-digit code and fields of fixed width. 01, 03 and 08 are cut by their width.
The text of 05 and the members of 10 have no end of their own: a pause ends them. Clients that
pad their frames with spaces to `STRICT_BYTES` need none, and clients that end their first frame
with a line feed are read by line from then on.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct

TEXT_CHARACTERS = 218
STRICT_BYTES = 256
WAITING_BYTES = 16_384
"""How much may wait for the pause that ends it."""

_WIDTHS = {b"01": 2, b"03": 15, b"08": 25}
_OPEN = (b"05", b"10")
_PADDING = b" \r\n\0"

_ONLINE = re.compile(rb"03(0[0-9]{12})")
_READ = re.compile(rb"08([01][0-9]{12})([0-9]{10})")
_SEND = re.compile(rb"05(0[0-9]{12})([01][0-9]{12})([0-9]{10})(.*)", re.DOTALL)
_GROUP = re.compile(rb"10(0[0-9]{12})([0-9]{10})((?:0[0-9]{12})+)")


class Register(Struct, frozen=True):
    """01: make me a number."""


class Online(Struct, frozen=True):
    """03: I am *number*, and here."""

    number: str


class Send(Struct, frozen=True):
    """05: *source* says *text* to *target*; *timestamp* is ten digits of Unix seconds."""

    source: str
    target: str
    timestamp: str
    text: str


class Read(Struct, frozen=True):
    """08: I have read what *author* sent up to *timestamp*."""

    author: str
    timestamp: str


class Group(Struct, frozen=True):
    """10: *source* makes a group with *members*."""

    source: str
    timestamp: str
    members: tuple[str, ...]


class BadFrame(Struct, frozen=True):
    """What cannot be understood; *reason* is for the log."""

    reason: str


Frame = Register | Online | Send | Read | Group | BadFrame


class Parser:
    """From bytes to frames."""

    def __init__(self) -> None:
        self.by_line = False
        """Whether the client ends its frames with line feeds."""
        self.is_strict = False
        """Whether the client pads its frames."""
        self._begun = False
        self._lost = False
        """Whether what comes cannot be understood until there is a pause."""
        self._buffer = b""

    @property
    def is_incomplete(self) -> bool:
        """Whether a pause would end something."""
        return bool(self._buffer or self._lost) and not self.by_line

    def feed(self, data: bytes) -> list[Frame]:
        """Take in *data*; return the frames that are complete."""
        found: list[Frame] = []
        if self._buffer and not self.by_line and _is_whole(data) and _is_whole(self._buffer):
            # Two frames that were sent one by one, with less than a pause between.
            found.append(decode(self._buffer))
            self._buffer = b""
        self._buffer += data
        if not self._begun and b"\n" in data:
            self.by_line = True
        found += self._lines() if self.by_line else self._frames()
        if found:
            self._begun = True
        if len(self._buffer) > WAITING_BYTES:
            self._buffer = b""
            self._lost = True
            found.append(BadFrame("too long"))
        return found

    def silence(self) -> list[Frame]:
        """Nothing more came for a while: return what that completes."""
        chunk, self._buffer = self._buffer, b""
        self._lost = False
        if not chunk.strip(_PADDING):
            return []
        self._begun = True
        pieces = [chunk[i : i + STRICT_BYTES] for i in range(0, len(chunk), STRICT_BYTES)]
        if len(pieces) > 1 and all(_is_strict(piece) for piece in pieces):
            self.is_strict = True
            return [decode(piece) for piece in pieces]
        frame = decode(chunk)
        # One space may be the end of a full text.
        if _is_strict(chunk) and chunk.endswith(b"  "):
            self.is_strict = True
        return [frame]

    def _lines(self) -> list[Frame]:
        *lines, self._buffer = self._buffer.split(b"\n")
        if self._lost and lines:
            self._lost = False
            del lines[0]
        return [decode(line) for line in lines if line.strip(_PADDING)]

    def _frames(self) -> list[Frame]:
        found: list[Frame] = []
        while not self._lost:
            buffer = self._buffer = self._buffer.lstrip(_PADDING)
            code = buffer[:2]
            width = _WIDTHS.get(code) or self._strict_width(buffer)
            if width and len(buffer) >= width:
                frame = decode(buffer[:width])
                self._buffer = buffer[width:]
                if len(buffer) >= STRICT_BYTES and not buffer[width:STRICT_BYTES].strip(b" "):
                    self.is_strict = True
            elif width or len(code) < 2 or code in _OPEN:
                return found
            else:
                frame = BadFrame("unknown code")
            found.append(frame)
            # There is no telling where the next frame would begin.
            self._lost = isinstance(frame, BadFrame)
        self._buffer = b""
        return found

    def _strict_width(self, buffer: bytes) -> int:
        """Return how wide the 05 or 10 at the beginning is; 0 if only a pause can tell."""
        if not self.is_strict or buffer[:2] not in _OPEN:
            return 0
        head, follows = buffer[:STRICT_BYTES], buffer[STRICT_BYTES : STRICT_BYTES + 2]
        if len(head) < STRICT_BYTES:
            return STRICT_BYTES
        # With accents 218 characters are more bytes, and a group may be large: they are longer.
        is_whole = _is_strict(head) and any(code.startswith(follows) for code in _DECODERS)
        return STRICT_BYTES if is_whole else 0


def _is_strict(piece: bytes) -> bool:
    return len(piece) == STRICT_BYTES and isinstance(decode(piece), Send | Group)


def _is_whole(segment: bytes) -> bool:
    return not isinstance(decode(segment), BadFrame)


def decode(frame: bytes) -> Frame:
    """Return what *frame*, which is whole and may be padded, says."""
    read = _DECODERS.get(frame[:2])
    if read is None:
        return BadFrame("unknown code")
    return read(frame.rstrip(_PADDING)) or BadFrame("wrong width, or no digits")


def _register(frame: bytes) -> Frame | None:
    return Register() if frame == b"01" else None


def _online(frame: bytes) -> Frame | None:
    found = _ONLINE.fullmatch(frame)
    return found and Online(*_texts(found))


def _read(frame: bytes) -> Frame | None:
    found = _READ.fullmatch(frame)
    return found and Read(*_texts(found))


def _send(frame: bytes) -> Frame | None:
    found = _SEND.fullmatch(frame)
    if found is None:
        return None
    try:
        source, target, timestamp, text = _texts(found)
    except UnicodeDecodeError:
        return BadFrame("not UTF-8")
    if len(text) > TEXT_CHARACTERS:
        return BadFrame("too long")
    return Send(source, target, timestamp, text)


def _group(frame: bytes) -> Frame | None:
    found = _GROUP.fullmatch(frame)
    if found is None:
        return None
    source, timestamp, digits = _texts(found)
    return Group(source, timestamp, tuple(digits[i : i + 13] for i in range(0, len(digits), 13)))


def _texts(found: re.Match[bytes]) -> list[str]:
    return [field.decode() for field in found.groups()]


_DECODERS: dict[bytes, Callable[[bytes], Frame | None]] = {
    b"01": _register,
    b"03": _online,
    b"05": _send,
    b"08": _read,
    b"10": _group,
}
