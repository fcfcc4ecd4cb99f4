"""What the clients of all protocols have in common: things to do, and things to expect.

What is done is sent at once and waits for nothing. What is expected is looked for behind what
was expected before, and waited for; nothing here sleeps.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import ssl
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

PATIENCE_S = 10
_tokens = itertools.count(1)


@dataclass(frozen=True)
class Seen:
    """What a client was shown, in the words of no protocol.

    *kind* is said, action, notice, told (to the client itself), joined, left, quit, kicked,
    promoted, renamed, topic, error, goodbye, fence, or reply for all else. *where* is a
    channel, ``*`` or ``&``; *raw* is what came.
    """

    kind: str
    by: str = ""
    where: str = ""
    text: str = ""
    whom: str = ""
    raw: Any = field(default=None, compare=False, repr=False)


class Client(ABC):
    """A program that somebody uses; *scheme* is the listener that it connects to."""

    protocol: ClassVar[str]
    scheme: ClassVar[str]
    can_act: ClassVar[bool] = False
    """Whether it can say what its user does, and send notices."""
    shows_notices: ClassVar[bool] = False
    """Whether a notice is shown otherwise than a message."""

    any_room: ClassVar[bool] = True
    """Whether it can be elsewhere than in ``#lobby``."""
    can_identify: ClassVar[bool] = False
    """Whether it can have an identity."""
    comes_as_guest: ClassVar[bool] = False
    """Whether it has a name from the beginning."""

    def __init__(self) -> None:
        self.nick = ""
        self.strict = True
        """Whether it checks that nothing it is sent would hurt a terminal."""
        self.seen: list[Seen] = []
        self.is_closed = False
        self._looked = 0
        self._news = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    # The connection

    async def open(
        self, port: int, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
    ) -> None:
        """Connect, and say nothing yet."""
        self.reader, self.writer = await asyncio.open_connection(host, port, ssl=tls)
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            while (seen := await self.next_seen()) is not None:
                self.seen.append(seen)
                self._news.set()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            # Whoever waits is told, also if what came was not well-formed.
            self.is_closed = True
            self._news.set()
            self.writer.close()

    @abstractmethod
    async def next_seen(self) -> Seen | None:
        """Read one message, check that it is well-formed, and return what it says."""

    async def close(self) -> None:
        """Close the connection without a word; what was wrong with what came is raised."""
        self.writer.close()
        if self._reading is not None:
            await self._reading

    async def drop(self) -> None:
        """Reset the connection; what was wrong with what came is raised."""
        if not self.writer.is_closing():
            sock = self.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await self.close()

    def raw(self, data: bytes) -> None:
        """Send *data* as it is."""
        self.writer.write(data)

    # What is expected

    async def expect(self, wanted: Callable[[Seen], bool], what: str) -> Seen:
        """Wait for something to be seen, behind what was waited for before."""
        async with asyncio.timeout(PATIENCE_S):
            at = self._looked
            while True:
                for i in range(at, len(self.seen)):
                    if wanted(self.seen[i]):
                        self._looked = i + 1
                        return self.seen[i]
                at = len(self.seen)
                if self.is_closed:
                    if self._reading is not None and self._reading.done():
                        self._reading.result()
                    raise AssertionError(
                        f"{self} waits for {what}; since then it saw {self.seen[self._looked :]}"
                    )
                self._news.clear()
                try:
                    await self._news.wait()
                except asyncio.CancelledError:
                    print(f"{self} waits for {what}; it saw {self.seen[self._looked :]}")
                    raise

    async def expect_seen(self, kind: str, **fields: str) -> Seen:
        """Wait for what is of that kind and has those fields."""
        return await self.expect(
            lambda s: s.kind == kind and all(getattr(s, k) == v for k, v in fields.items()),
            f"{kind} {fields}",
        )

    async def expect_said(self, by: str, where: str, text: str) -> Seen:
        return await self.expect_seen("said", by=by, where=where, text=text)

    async def expect_notice(self, by: str, where: str, text: str) -> Seen:
        kind = "notice" if self.shows_notices else "said"
        return await self.expect_seen(kind, by=by, where=where, text=text)

    async def expect_action(self, by: str, where: str, text: str) -> Seen:
        return await self.expect_seen("action", by=by, where=where, text=text)

    async def expect_poked(self, by: str, whom: str) -> Seen:
        """Wait for a poke in the lobby."""
        return await self.expect_action(by, "#lobby", f"pokes {whom}")

    async def expect_told(self, by: str, text: str) -> Seen:
        return await self.expect_seen("told", by=by, where=self.nick, text=text)

    async def expect_joined(self, who: str, channel: str) -> Seen:
        return await self.expect_seen("joined", by=who, where=channel)

    async def expect_left(self, who: str, channel: str, reason: str = "") -> Seen:
        return await self.expect_seen("left", by=who, where=channel, text=reason)

    async def expect_quit(self, who: str) -> Seen:
        return await self.expect_seen("quit", by=who)

    async def expect_kicked(self, whom: str, channel: str, reason: str) -> Seen:
        return await self.expect_seen("kicked", whom=whom, where=channel, text=reason)

    async def expect_promoted(self, whom: str, channel: str) -> Seen:
        return await self.expect_seen("promoted", whom=whom, where=channel)

    async def expect_renamed(self, old: str, new: str) -> Seen:
        return await self.expect_seen("renamed", by=old, whom=new)

    async def expect_topic(self, channel: str, text: str) -> Seen:
        return await self.expect_seen("topic", where=channel, text=text)

    async def expect_error(self, *words: str) -> Seen:
        """Wait for an error, and look for *words* in it."""
        seen = await self.expect_seen("error")
        for word in words:
            assert word.lower() in seen.text.lower(), seen
        return seen

    async def expect_goodbye(self, *words: str) -> Seen:
        """Wait for the end of the connection, which must be told with *words*."""
        seen = await self.expect_seen("goodbye")
        for word in words:
            assert word.lower() in seen.text.lower(), seen
        await self.expect_closed()
        return seen

    async def expect_closed(self) -> None:
        """Wait for the end of the connection."""
        async with asyncio.timeout(PATIENCE_S):
            while not self.is_closed:
                self._news.clear()
                await self._news.wait()

    async def expect_absent(self, nick: str) -> None:
        """Wait until the server knows that *nick* is gone."""
        async with asyncio.timeout(PATIENCE_S):
            while nick in await self.users():
                pass

    async def fence(self) -> None:
        """Wait until the server has done all that was sent, and all that it sent has come."""
        await self._fence()

    async def fence_behind(self, other: Client) -> None:
        """Wait until all that *other* sent has been done and, if it shows here, has come."""
        await other.fence_ahead()
        await self.fence_ahead()

    async def fence_ahead(self) -> None:
        """Like `fence`, but what came before it may still be expected."""
        looked = self._looked
        await self.fence()
        self._looked = looked

    async def _fence(self) -> int:
        token = f"fence{next(_tokens)}"
        self.ask_fence(token)
        start = self._looked
        await self.expect_seen("fence", text=token)
        return start

    async def rest(self) -> list[Seen]:
        """Return all that came besides replies and was not yet looked at."""
        start = await self._fence()
        return [s for s in self.seen[start : self._looked] if s.kind not in ("fence", "reply")]

    # What is done

    async def enter(self, channel: str, password: str | None = None) -> None:
        """Join, and wait until that is so."""
        self.join(channel, password)
        await self.expect_joined(self.nick, channel)
        await self.fence()

    async def enter_with_password(self, channel: str, password: str) -> None:
        """Make a channel that has a password."""
        await self.enter(channel, password)

    @abstractmethod
    def try_to_log_in(self, nick: str) -> None:
        """Say who one is, and wait for nothing."""

    @abstractmethod
    async def expect_refusal(self, *words: str) -> None:
        """Wait until the server says, with *words*, that one cannot be called so."""

    @abstractmethod
    async def log_in(self, nick: str) -> None:
        """Come to the server, and wait until that is so."""

    @abstractmethod
    def ask_fence(self, token: str) -> None: ...

    @abstractmethod
    def join(self, channel: str, password: str | None = None) -> None: ...

    @abstractmethod
    def part(self, channel: str, reason: str = "") -> None: ...

    @abstractmethod
    def say(self, where: str, text: str) -> None: ...

    def tell(self, whom: str, text: str) -> None:
        self.say(whom, text)

    @abstractmethod
    def rename(self, nick: str) -> None: ...

    @abstractmethod
    def kick(self, channel: str, whom: str, reason: str = "") -> None: ...

    @abstractmethod
    def promote(self, channel: str, whom: str) -> None: ...

    @abstractmethod
    def quit(self, reason: str = "") -> None: ...

    @abstractmethod
    async def users(self, channel: str | None = None) -> set[str]: ...

    @abstractmethod
    async def channels(self) -> set[str]: ...

    def __repr__(self) -> str:
        return f"{self.nick or 'somebody'} ({self.protocol})"
