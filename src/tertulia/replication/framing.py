"""From bytes to messages and back: one JSON object a line."""

from __future__ import annotations

from typing import TypeAlias

import msgspec
from msgspec import Struct

from tertulia.replication.messages import LINE_BYTES, AnyMessage, Error, Message

BAD_LINES_MOST = 20
"""After so many lines that are no message a link is closed."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(AnyMessage).decode


class Bad(Struct, frozen=True):
    """What came is no message: *error* is to be said; if *fatal* the link is closed after it."""

    error: Error
    fatal: bool = False


Frame: TypeAlias = "AnyMessage | Bad"


class _Hashed(Struct):
    hash: str = ""


_decode_hash = msgspec.json.Decoder(_Hashed).decode


def encode(message: Message) -> bytes:
    """Return the line that says *message*, with its end."""
    return _encode(message) + b"\n"


def decode(line: bytes) -> Frame:
    """Return the message that *line*, without its end, is."""
    try:
        # Raw parts of messages are not looked into: that they are text is seen here.
        if not line.isascii():
            line.decode()
        message: AnyMessage = _decode(line)
    except (ValueError, RecursionError) as error:
        return Bad(Error(f"this is no message: {error}", _hash_of(line)))
    return message


class Framer:
    """Takes bytes, gives messages. Lines end with LF or CR LF; empty ones are none.

    After a fatal `Bad` it gives nothing more.
    """

    __slots__ = ("_bad", "_buffer", "_limit", "_searched", "is_broken")

    def __init__(self, limit: int = LINE_BYTES) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._limit = limit
        self._bad = 0
        self.is_broken = False

    def feed(self, data: bytes) -> list[Frame]:
        """Take *data*; return the messages that are complete, and what was none."""
        if self.is_broken:
            return []
        lines = self._lines(data)
        frames: list[Frame] = []
        for line in lines:
            if len(line) > self._limit:
                return [*frames, self._too_long()]
            if line:
                frames.append(self._frame(line))
                if self._bad == BAD_LINES_MOST:
                    return frames
        if len(self._buffer) > self._limit + 1:  # a CR may be the last byte
            frames.append(self._too_long())
        return frames

    def _lines(self, data: bytes) -> list[bytes]:
        """Return the lines that *data* completes; the rest is kept."""
        if self._buffer or not data.endswith(b"\n"):
            buffer = self._buffer
            buffer += data
            end = buffer.rfind(b"\n", self._searched) + 1
            self._searched = len(buffer) - end
            if not end:
                return []
            data = bytes(memoryview(buffer)[:end])
            del buffer[:end]
        lines = data.split(b"\n")
        del lines[-1]
        return [line[:-1] if line.endswith(b"\r") else line for line in lines]

    def _frame(self, line: bytes) -> Frame:
        frame = decode(line)
        if isinstance(frame, Bad):
            self._bad += 1
            self.is_broken = self._bad >= BAD_LINES_MOST
            return Bad(frame.error, self.is_broken)
        return frame

    def _too_long(self) -> Bad:
        self.is_broken = True
        self._buffer.clear()
        return Bad(Error(f"a line has at most {self._limit} bytes"), fatal=True)


def _hash_of(line: bytes) -> str:
    """Return the name of the request that *line* may be, so that who asked need not wait."""
    try:
        return _decode_hash(line).hash[:64]
    except (ValueError, RecursionError):
        return ""
