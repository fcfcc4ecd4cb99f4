"""From bytes to messages: documents are cut at their own ends, however they arrive.

The parser follows the structure of the JSON (RFC 8259) and looks at each byte once (twice
where a document does not come in one piece), so a document that arrives in a thousand
pieces costs what it costs in one. What is inside
numbers, words and strings is left to the decoder of the whole document.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import Generic, TypeVar

from tertulia.protocols.json_documents import BadInput

STRIKES = 3
"""So many inputs in a row that cannot be read, and the parser takes in nothing more."""
DEPTH = 32
"""So many lists and objects may lie within each other."""

_SPACE = re.compile(rb"[ \t\r\n]*")
_IN_STRING = re.compile(rb'(?:[^"\\\x00-\x1f]++|\\[^\x00-\x1f])*+')
_IN_WORD = re.compile(rb"[-+.0-9A-Za-z]*")
# What most messages are, found at once: an object with neither lists nor objects in it.
_FLAT = re.compile(rb'\{(?:[^"{}\[\]]++|"(?:[^"\\\x00-\x1f]++|\\[^\x00-\x1f])*+")*+\}')

_QUOTE, _BACKSLASH, _OBJECT, _LIST = b'"\\{['
_COMMA, _COLON, _END_OBJECT, _END_LIST = b",:}]"

# What may come next, as the bytes it may begin with.
_A_VALUE = b'{["-+.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
_A_VALUE_OR_END = _A_VALUE + b"]"
_A_KEY = b'"'
_A_KEY_OR_END = b'"}'
_A_COLON = b":"
_MORE = {_END_OBJECT: b",}", _END_LIST: b",]"}


class _Inside(Enum):
    """What the scanner is in the middle of."""

    NOTHING = 0
    STRING = 1
    ESCAPE = 2
    WORD = 3
    """A number, or true, false, null."""


class _BrokenAt(Exception):
    """The byte at *position* cannot stand there; *fresh* if a new document begins with it."""

    def __init__(self, position: int, *, fresh: bool = False) -> None:
        super().__init__()
        self.position = position
        self.fresh = fresh


Message = TypeVar("Message")


class Parser(Generic[Message]):
    """Takes bytes, gives messages, and `BadInput` for what is none.

    *document_bytes* is the longest document that is taken in; *decode* returns what one says.
    After what cannot be read it goes on at the next line or the next chunk, *strikes* times in
    a row at most.
    """

    __slots__ = (
        "_begun", "_buffer", "_chunk", "_closers", "_decode", "_expected", "_inside", "_limit",
        "_most_strikes", "_overlong", "_position", "_start", "_strikes", "newline",
    )  # fmt: skip

    def __init__(
        self,
        document_bytes: int,
        decode: Callable[[bytes], Message | BadInput],
        strikes: int = STRIKES,
    ) -> None:
        self.newline: bool | None = None
        """Whether the first input ended with a newline; None until that is known."""
        self._limit = document_bytes
        self._decode = decode
        self._most_strikes = strikes
        self._buffer = bytearray()
        self._chunk = 0
        """Where the newest chunk begins in the buffer."""
        self._begun = False
        """Whether the first input is over."""
        self._strikes = 0
        self._start = 0
        """Where the document begins in the buffer."""
        self._position = 0
        """What lies before it has been looked at."""
        self._expect_document(0)

    def feed(self, data: bytes) -> list[Message | BadInput]:
        """Return what *data* completes, in order."""
        found: list[Message | BadInput] = []
        self._chunk = len(self._buffer)
        self._buffer += data
        while self._strikes < self._most_strikes and (item := self._next()) is not None:
            found.append(item)
        if self._strikes >= self._most_strikes:
            self._buffer.clear()
            return found
        del self._buffer[: self._start]
        self._position -= self._start
        self._start = 0
        return found

    def _next(self) -> Message | BadInput | None:
        while True:
            if self._position == self._start and not self._overlong:
                self._skip_space()
                if (flat := _FLAT.match(self._buffer, self._start)) is not None:
                    return self._complete(flat.end())
            try:
                end = self._scan()
            except _BrokenAt as broken:
                refused_before = self._overlong
                self._give_up(broken)
                if refused_before:
                    continue
                return self._strike("This is not JSON")
            if end is None:
                return self._unfinished()
            if not self._overlong:
                return self._complete(end)
            # It was refused when it became too long, and here is its end.
            self._over(end)

    def _skip_space(self) -> None:
        space = _match(_SPACE, self._buffer, self._start)
        self._start = self._position = space.end()
        if self._begun and self.newline is None:
            if b"\n" in space.group():
                self.newline = True
            elif self._position < len(self._buffer):
                self.newline = False

    def _over(self, end: int) -> None:
        self._begun = True
        self._expect_document(end)

    def _expect_document(self, position: int) -> None:
        self._start = self._position = position
        self._overlong = False
        self._closers = bytearray()
        self._expected = _A_VALUE
        self._inside = _Inside.NOTHING

    # Where a document ends

    def _scan(self) -> int | None:
        """Go on to the end of the document and return it, None if more is to come."""
        size = len(self._buffer)
        while self._position < size:
            if self._inside is _Inside.NOTHING:
                ended = self._token(size)
            elif self._inside is _Inside.STRING:
                ended = self._string(size)
            elif self._inside is _Inside.WORD:
                ended = self._word(size)
            else:
                ended = self._escape()
            if ended:
                return self._position
        return None

    def _token(self, size: int) -> bool:
        """Go over the next token, or what it begins with; whether the document ends there."""
        space = _match(_SPACE, self._buffer, self._position)
        position = self._position = space.end()
        if position == size:
            return False
        byte = self._buffer[position]
        if byte not in self._expected:
            first = position == self._chunk or b"\n" in space.group()
            raise _BrokenAt(position, fresh=first and byte == _OBJECT)
        if byte in b"{[":
            self._open(byte)
        elif byte == _QUOTE:
            self._inside = _Inside.STRING
        elif byte == _COMMA:
            self._expected = _A_KEY if self._closers[-1] == _END_OBJECT else _A_VALUE
        elif byte == _COLON:
            self._expected = _A_VALUE
        elif byte in b"}]":
            self._closers.pop()
            self._position = position + 1
            return self._value_ends()
        else:
            self._inside = _Inside.WORD
        self._position = position + 1
        return False

    def _open(self, byte: int) -> None:
        if len(self._closers) == DEPTH:
            raise _BrokenAt(self._position)
        if byte == _OBJECT:
            self._closers.append(_END_OBJECT)
            self._expected = _A_KEY_OR_END
        else:
            self._closers.append(_END_LIST)
            self._expected = _A_VALUE_OR_END

    def _string(self, size: int) -> bool:
        position = self._position = _match(_IN_STRING, self._buffer, self._position).end()
        if position == size:
            return False
        byte = self._buffer[position]
        if byte == _BACKSLASH:
            self._inside = _Inside.ESCAPE
        elif byte == _QUOTE:
            self._inside = _Inside.NOTHING
        else:
            raise _BrokenAt(position)
        self._position = position + 1
        return byte == _QUOTE and self._string_ends()

    def _escape(self) -> bool:
        if self._buffer[self._position] < 0x20:
            raise _BrokenAt(self._position)
        self._position += 1
        self._inside = _Inside.STRING
        return False

    def _string_ends(self) -> bool:
        if self._expected in (_A_KEY, _A_KEY_OR_END):
            self._expected = _A_COLON
            return False
        return self._value_ends()

    def _word(self, size: int) -> bool:
        self._position = _match(_IN_WORD, self._buffer, self._position).end()
        if self._position == size:
            return False
        self._inside = _Inside.NOTHING
        return self._value_ends()

    def _value_ends(self) -> bool:
        if not self._closers:
            return True
        self._expected = _MORE[self._closers[-1]]
        return False

    # What becomes of it

    def _complete(self, end: int) -> Message | BadInput:
        document = bytes(self._buffer[self._start : end])
        self._over(end)
        if len(document) > self._limit:
            return self._too_long()
        if document[0] not in b"{[":
            # Words: what else is in the line is no more a message than the first.
            self._drop_line(end)
        item = self._decode(document)
        if isinstance(item, BadInput) and not item.is_json:
            return self._strike(str(item))
        self._strikes = 0
        return item

    def _unfinished(self) -> Message | BadInput | None:
        if self._overlong:
            self._start = self._position
            return None
        size = len(self._buffer)
        if self._inside is _Inside.WORD and not self._closers:
            # A number has no end of its own: that of the chunk must do.
            return self._complete(size)
        if size - self._start <= self._limit:
            return None
        self._overlong = True
        self._start = self._position
        return self._too_long()

    def _give_up(self, broken: _BrokenAt) -> None:
        """Go on behind a document that is none."""
        self._over(broken.position)
        if not broken.fresh:
            self._drop_line(broken.position)

    def _drop_line(self, position: int) -> None:
        newline = self._buffer.find(b"\n", position)
        self._expect_document(len(self._buffer) if newline < 0 else newline)

    def _too_long(self) -> BadInput:
        return self._strike(f"A message has at most {self._limit} bytes")

    def _strike(self, reason: str) -> BadInput:
        self._strikes += 1
        return BadInput(reason, last=self._strikes >= self._most_strikes)


def _match(pattern: re.Pattern[bytes], buffer: bytearray, position: int) -> re.Match[bytes]:
    """Match a *pattern* that also matches nothing, so that it always matches."""
    match = pattern.match(buffer, position)
    assert match is not None
    return match
