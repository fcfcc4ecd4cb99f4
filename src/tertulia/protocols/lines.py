"""Lines of text: what the two protocols that are made of them have in common.

New programs, nc and telnet end a line with LF, CRLF or CR. The original clients end nothing:
what came before a short pause is a line.
"""

from __future__ import annotations

import re
from abc import abstractmethod

from tertulia.domain.errors import ChatError
from tertulia.domain.text import pieces
from tertulia.protocols.session import Core, Session, Shell, TokenBucket

LINE_BYTES = 8192
FRAME_BYTES = 1024
"""What an old client takes off its socket at once, and takes for one message."""

_ENDS = re.compile(rb"\r\n|\n|\r")


class BadLine(ChatError):
    """What came is no line of text."""


class LineTooLong(BadLine):
    """The line has more than `LINE_BYTES`."""

    def __init__(self) -> None:
        super().__init__(f"A line has at most {LINE_BYTES} bytes")


class LineNotText(BadLine):
    """The line is not UTF-8."""

    def __init__(self) -> None:
        super().__init__("The line is not valid UTF-8; nothing was sent")


Line = str | BadLine


class Lines:
    """Takes bytes, gives lines, as they were sent and without their ends; blank ones not.

    Where the first message ended with a pause, pauses go on ending messages, also if a line ends
    in between; where it ended as a line, only that ends one. A pause behind a single character
    ends nothing where there are ends of lines, or where it is not known yet: that is somebody
    who types in a terminal that sends each key.
    """

    __slots__ = (
        "_after_cr", "_buffer", "_has_ends", "_is_key", "_overlong", "_pauses_end", "by_line",
        "crlf",
    )  # fmt: skip

    def __init__(self) -> None:
        self.by_line: bool | None = None
        """Whether the first line ended as lines do, and not with a pause; None before that."""
        self.crlf = False
        """Whether the first end of a line had a CR."""
        self._buffer = bytearray()
        self._pauses_end = True
        self._has_ends = False
        self._overlong = False
        self._after_cr = False
        self._is_key = False

    @property
    def is_open(self) -> bool:
        """Whether a pause would end a line."""
        return self._pauses_end and (bool(self._buffer) or self._overlong)

    def expect_ends(self) -> None:
        """From now on only its end ends a line."""
        self._pauses_end = False

    def feed(self, data: bytes) -> list[Line]:
        """Take *data*; return the lines that are complete."""
        self._is_key = len(data) <= 4 and len(data.decode(errors="replace")) == 1
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
            self._after_cr = False
        if data:
            self._after_cr = data.endswith(b"\r")
        end = _ENDS.search(data)
        if end is None:
            return self._add(data)
        if not self._has_ends:
            self._has_ends = True
            self.crlf = end[0] != b"\n"
        if self.by_line is None:
            self.by_line = True
        if self.by_line:
            self._pauses_end = False
        *whole, rest = _ENDS.split(data)
        found = [line for part in whole for line in (*self._add(part), *self._end())]
        return found + self._add(rest)

    def silence(self) -> list[Line]:
        """There was a pause; return the line that it ends, if it does."""
        is_typed = self._is_key and (self.by_line is None or self._has_ends)
        if not self.is_open or is_typed:
            return []
        if self.by_line is None:
            self.by_line = False
        return self._end()

    def eof(self) -> list[Line]:
        """Nothing more comes; return the line that this ends, also if no pause would."""
        if self.by_line is None:
            self.by_line = False
        return self._end()

    def _add(self, part: bytes) -> list[Line]:
        if self._overlong:
            return []
        self._buffer += part
        if len(self._buffer) <= LINE_BYTES:
            return []
        self._buffer.clear()
        self._overlong = True
        return [LineTooLong()]

    def _end(self) -> list[Line]:
        self._overlong = False
        line = bytes(self._buffer)
        self._buffer.clear()
        try:
            text = line.decode()
        except UnicodeDecodeError:
            return [LineNotText()]
        return [text] if text.strip("\0 \t") else []


class LineSession(Session[Line]):
    """One connection of a client that sends lines, or old messages that end with a pause of
    *pause_s* seconds."""

    __slots__ = ("_pause_s", "lines")

    def __init__(
        self, core: Core, shell: Shell, bucket: TokenBucket | None, pause_s: float
    ) -> None:
        super().__init__(core, shell, bucket)
        self.lines = Lines()
        self._pause_s = pause_s

    @abstractmethod
    def adapt(self) -> None:
        """The first line is there: send to the client what it can read."""

    def receive(self, data: bytes) -> None:
        """Take bytes off the wire."""
        self._take_lines(self.lines.by_line, self.lines.feed(data))
        if self.lines.is_open:
            self.listen_for_silence(self._pause_s)

    def silence(self) -> None:
        """A pause ended what came before."""
        self._take_lines(self.lines.by_line, self.lines.silence())

    def _take_lines(self, known: bool | None, found: list[Line]) -> None:
        if self.lines.by_line is not known:
            self.adapt()
        if found:
            self.take(found)

    def eof(self) -> None:
        """The other end sends nothing more, which ends what it sent."""
        self.take_rest()
        super().eof()

    def take_rest(self) -> None:
        """Nothing more comes, which ends what came before."""
        self._take_lines(self.lines.by_line, self.lines.eof())


class Writer:
    """Makes messages of one line each that end with *end*, of at most *limit* bytes each."""

    __slots__ = ("_end", "_limit")

    def __init__(self, limit: int | None, end: str = "\n") -> None:
        self._limit = limit
        self._end = end

    def write(self, text: str, head: str = "", again: str | None = None) -> bytes:
        """Return the messages that say *text* after *head*; *again* is the head of those that
        go on where one was full."""
        line = f"{head}{text}{self._end}"
        limit = self._limit
        if limit is None or len(line) * 4 <= limit or len(line.encode()) <= limit:
            return line.encode()
        again = head if again is None else again
        room = limit - len(self._end) - max(len(head.encode()), len(again.encode()))
        first, *others = pieces(text, room)
        lines = [head + first, *(again + other for other in others)]
        return "".join([line + self._end for line in lines]).encode()
