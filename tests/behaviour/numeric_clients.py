"""Numeric clients: with the habits of the old program, one that pads, one that reads by line."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from typing import ClassVar, NoReturn

from tests.behaviour.clients import PATIENCE_S, Client, Seen

READ_BYTES = 1024
STRICT_BYTES = 256
PAUSE_S = 0.1
"""Behind what has no other end; ten times what `GAP_MS` asks for."""
GAP_MS = 10
SENT = "1600000000"
"""The time that the clock of every client shows."""

_WIDTHS = {"02": 15, "07": READ_BYTES, "09": READ_BYTES}
_HEAD = re.compile(r"06[01]\d{12}[01]\d{12}\d{10}|0[79][01]\d{12}\d{10} |11[01]\d{12}\d{10}")


class NumericClient(Client):
    """The old program: it sends one frame at a time, and takes what it reads for one.

    Its `nick` is what others call it; *by* and *where* of what it sees are numbers, and its
    own `nick` where something was meant for it alone.
    """

    protocol = "numeric"
    scheme = "numeric"
    end: ClassVar[str] = ""
    pauses: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self.number = ""
        self._outbox: deque[str] = deque()
        self._sending: asyncio.Task[None] | None = None
        self._glued: deque[str] = deque()

    # What it sends

    def send(self, frame: str) -> None:
        """Send a frame, with a pause behind it if its kind needs one."""
        if not self.pauses:
            self.raw(self._wire(frame))
            return
        self._outbox.append(frame)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all())

    async def _send_all(self) -> None:
        while self._outbox and not self.writer.is_closing():
            self.raw(self._wire(self._outbox.popleft()))
            await asyncio.sleep(PAUSE_S)

    def _wire(self, frame: str) -> bytes:
        return f"{frame}{self.end}".encode()

    # What it is sent

    async def next_seen(self) -> Seen | None:
        frame = self._glued.popleft() if self._glued else await self._next_frame()
        return self._seen(frame) if frame else None

    async def _next_frame(self) -> str:
        text = (await self.reader.read(READ_BYTES)).decode()
        first, *others = _parted(text) or [""]
        if first[:2] in ("07", "09"):
            assert len(first) == READ_BYTES, first
        elif others and others[-1][:2] in ("07", "09"):
            rest = await self.reader.readexactly(READ_BYTES - len(others[-1]))
            others[-1] += rest.decode()
        self._glued += others
        return first

    def _seen(self, frame: str) -> Seen:
        code, first, second = frame[:2], frame[2:15], frame[15:28]
        match code:
            case "02":
                return Seen("reply", whom="02", text=first.strip(), raw=frame)
            case "06":
                text = self._text(frame[38:])
                if text.startswith("fence"):
                    return Seen("fence", text=text, raw=frame)
                if second == self.number:
                    return Seen("told", first, self.nick, text, raw=frame)
                return Seen("said", first, second, text, raw=frame)
            case "07":
                kind = "reply" if first == self.number else "delivered"
                return Seen(kind, where=first, raw=frame)
            case "09":
                return Seen("read", by=first, text=frame[15:].strip(), raw=frame)
            case "11":
                digits = frame[25:].strip()
                members = [digits[i : i + 13] for i in range(0, len(digits), 13)]
                return Seen("gathered", where=first, whom=" ".join(members), raw=frame)
        raise AssertionError(frame)

    def _text(self, field: str) -> str:
        return field

    # What is done

    async def log_in(self, nick: str = "") -> None:
        """Be somebody new."""
        self.send("01")
        await self.log_in_as((await self.expect_seen("reply", whom="02")).text)

    async def log_in_as(self, number: str) -> None:
        """Be *number* again; what waits may be expected."""
        self.number, self.nick = number, f"n{number}"
        self.send(f"03{number}")
        await self.fence_ahead()

    def ask_fence(self, token: str) -> None:
        self.say(self.number, token)

    def say(self, where: str, text: str) -> None:
        self.send(f"05{self.number}{where}{SENT}{text}")

    def tell_read(self, author: str, until: str = SENT) -> None:
        """Have read what *author* sent up to that time."""
        self.send(f"08{author}{until}")

    async def gather(self, *members: str) -> str:
        """Make a group, and return its number."""
        self.send(f"10{self.number}{SENT}{''.join(members)}")
        return (await self.expect_seen("gathered")).where

    async def expect_delivered(self, where: str) -> Seen:
        return await self.expect_seen("delivered", where=where)

    def quit(self, reason: str = "") -> None:
        self.writer.write_eof()

    async def all_sent(self) -> None:
        """Wait until all frames are on their way."""
        async with asyncio.timeout(PATIENCE_S):
            if self._sending is not None:
                await self._sending

    # What the protocol has no words for

    def _cannot(self, *_: object) -> NoReturn:
        raise NotImplementedError("the numeric protocol has no words for this")

    def try_to_log_in(self, nick: str) -> None:
        self._cannot()

    async def expect_refusal(self, *words: str) -> None:
        self._cannot()

    def join(self, channel: str, password: str | None = None) -> None:
        self._cannot()

    def part(self, channel: str, reason: str = "") -> None:
        self._cannot()

    def rename(self, nick: str) -> None:
        self._cannot()

    def kick(self, channel: str, whom: str, reason: str = "") -> None:
        self._cannot()

    def promote(self, channel: str, whom: str) -> None:
        self._cannot()

    async def users(self, channel: str | None = None) -> set[str]:
        self._cannot()

    async def channels(self) -> set[str]:
        self._cannot()


def _parted(text: str) -> list[str]:
    """Part frames that are found glued: who is slow finds those that are not padded so.

    The texts that are said in these tests do not look like the head of a frame.
    """
    found = []
    while text:
        end = _WIDTHS.get(text[:2], len(text))
        if text[:2] == "06" and (head := _HEAD.search(text, 38)):
            end = head.start()
        found.append(text[:end])
        text = text[end:]
    return found


class NumericStrict(NumericClient):
    """A program that takes the table at its word: every message is 256 bytes, both ways."""

    protocol = "numeric-strict"
    pauses = False

    def _wire(self, frame: str) -> bytes:
        return frame.encode().ljust(STRICT_BYTES)

    async def _next_frame(self) -> str:
        return (await self.reader.readexactly(STRICT_BYTES)).decode()

    def _text(self, field: str) -> str:
        return field.rstrip(" ")


class NumericProgram(NumericClient):
    """A new program, which sends lines and is sent lines."""

    protocol = "numeric-lines"
    pauses = False
    end = "\n"

    async def _next_frame(self) -> str:
        line = (await self.reader.readline()).decode()
        assert not line or line.endswith("\n")
        return line.removesuffix("\n")
