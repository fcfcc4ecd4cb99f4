"""As much of telnet (RFC 854, RFC 855) as a server needs that wants none of its options."""

from __future__ import annotations

from enum import Enum

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
SUBNEGOTIATION_BYTES = 1024
"""After so many bytes of a subnegotiation that has no end it has none."""

_ERASING = "\b\x7f"


class _In(Enum):
    """What the next byte is part of."""

    TEXT = 0
    COMMAND = 1
    OPTION = 2
    SUBNEGOTIATION = 3
    SUBNEGOTIATION_COMMAND = 4


class Telnet:
    """Takes the text out of what a telnet client sends, and refuses each option once.

    What is refused once is not answered again (RFC 854, "General considerations"), so two
    ends cannot keep each other busy.
    """

    __slots__ = ("_in", "_refused", "_skipped", "_verb", "negotiated")

    def __init__(self) -> None:
        self.negotiated = False
        """Whether the other end has shown that it speaks telnet."""
        self._in = _In.TEXT
        self._verb = 0
        self._skipped = 0
        self._refused: set[tuple[int, int]] = set()

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Return the text in *data*, and what is to be answered."""
        if self._in is _In.TEXT and IAC not in data:
            return data, b""
        text, answers = bytearray(), bytearray()
        for byte in data:
            self._take(byte, text, answers)
        return bytes(text), bytes(answers)

    def _take(self, byte: int, text: bytearray, answers: bytearray) -> None:
        if self._in is _In.TEXT:
            if byte == IAC:
                self._in = _In.COMMAND
            else:
                text.append(byte)
        elif self._in is _In.COMMAND:
            self._take_command(byte, text)
        elif self._in is _In.OPTION:
            self._in = _In.TEXT
            self._refuse(byte, answers)
        else:
            self._skip(byte)

    def _take_command(self, byte: int, text: bytearray) -> None:
        self._in = _In.TEXT
        if byte == IAC:
            text.append(IAC)
        elif byte < SE:
            text += bytes((IAC, byte))  # this is no telnet, and will be no UTF-8 either
        elif byte >= SB:
            self.negotiated = True
            self._verb, self._skipped = byte, 0
            self._in = _In.SUBNEGOTIATION if byte == SB else _In.OPTION

    def _refuse(self, option: int, answers: bytearray) -> None:
        answer = {WILL: DONT, DO: WONT}.get(self._verb)
        if answer is not None and (answer, option) not in self._refused:
            self._refused.add((answer, option))
            answers += bytes((IAC, answer, option))

    def _skip(self, byte: int) -> None:
        self._skipped += 1
        if self._in is _In.SUBNEGOTIATION_COMMAND:
            self._in = _In.TEXT if byte == SE else _In.SUBNEGOTIATION
        elif byte == IAC:
            self._in = _In.SUBNEGOTIATION_COMMAND
        if self._skipped > SUBNEGOTIATION_BYTES:
            self._in = _In.TEXT


def edited(line: str) -> str:
    """Return *line* as it was meant, where a terminal sends each key, also those that erase."""
    if not any(key in line for key in _ERASING):
        return line
    kept: list[str] = []
    for character in line:
        if character not in _ERASING:
            kept.append(character)
        elif kept:
            kept.pop()
    return "".join(kept)
