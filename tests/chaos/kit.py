"""A server in a process of its own, and clients that keep all that they are sent.

The clients share no code with the server, so that both cannot be wrong in the same way.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import tertulia
from bench.procs import memory, process_cpu_seconds

SOURCE = Path(tertulia.__file__).parents[1]
PATIENCE_S = 30.0
CAPS = (
    "message-tags",
    "server-time",
    "batch",
    "labeled-response",
    "draft/chathistory",
    "draft/event-playback",
)
ECHO = (*CAPS, "echo-message")
_ESCAPE = re.compile(r"\\(.?)")
_UNESCAPED = {":": ";", "s": " ", "r": "\r", "n": "\n"}
MIB = 1 << 20


class Server:
    """``tertulia serve`` on free ports of the loopback interface."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self.pid = process.pid
        self.ports: dict[str, int] = {}
        self.ready_cpu_s = 0.0
        self._log = log

    @classmethod
    async def start(cls, data: Path, log: Path, *flags: str, **settings: object) -> Server:
        """Start and wait until it is ready; *settings* as in ``LIMITS__LOGIN_S=2``."""
        flags = ("--listen", "irc://127.0.0.1:0", "--listen", "json://127.0.0.1:0", *flags)
        return await cls.launch(data, log, flags, settings)

    @classmethod
    async def launch(
        cls,
        data: Path,
        log: Path,
        flags: Sequence[str],
        settings: Mapping[str, object],
        within: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
    ) -> Server:
        """Start *within* a command that runs another one, with these *variables* of the
        environment, and wait until it is ready."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TERTULIA__")}
        environment["PYTHONPATH"] = os.pathsep.join(
            [str(SOURCE), *filter(None, [environment.get("PYTHONPATH")])]
        )
        environment.update(variables or {})
        environment.update({f"TERTULIA__{key}": str(value) for key, value in settings.items()})
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *(*within, sys.executable, "-m", "tertulia", "serve", "--data", str(data)),
                *flags,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env=environment,
            )
        server = cls(process, log)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await server._until_ready()
        except BaseException:
            await server.kill()
            raise
        return server

    async def _until_ready(self) -> None:
        assert self.process.stdout is not None
        async for raw in self.process.stdout:
            line = raw.decode().strip()
            if line == "ready":
                self.ready_cpu_s = process_cpu_seconds(self.pid)
                return
            uri = urlsplit(line.removeprefix("listening "))
            self.ports[uri.scheme] = uri.port or 0
        raise AssertionError(f"the server did not start: {self._log.read_text()[-2000:]}")

    async def kill(self) -> None:
        """Let it end at once, as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()

    async def stop(self) -> None:
        """Ask it to end, and see that it does so well."""
        self.process.terminate()
        try:
            async with asyncio.timeout(PATIENCE_S):
                assert await self.process.wait() == 0
        finally:
            await self.kill()
        assert self.faults() == []

    def faults(self) -> list[str]:
        """Return what it said of faults of its own."""
        lines = self._log.read_text().splitlines()
        return [line for line in lines if "fault" in line or "Traceback" in line]

    def rss(self) -> int:
        """Return the bytes of memory it has."""
        return memory(self.pid).rss * 1024

    def peak(self) -> int:
        """Return the most bytes of memory that it ever had."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024


class Line:
    """A line of IRC."""

    __slots__ = ("command", "params", "source", "tags")

    def __init__(self, raw: str) -> None:
        self.tags: dict[str, str] = {}
        if raw.startswith("@"):
            tags, _, raw = raw[1:].partition(" ")
            for tag in tags.split(";"):
                key, _, value = tag.partition("=")
                self.tags[key] = _ESCAPE.sub(lambda m: _UNESCAPED.get(m[1], m[1]), value)
        self.source = ""
        if raw.startswith(":"):
            self.source, _, raw = raw[1:].partition(" ")
        middle, colon, text = raw.partition(" :")
        self.command, *self.params = middle.split(" ")
        if colon:
            self.params.append(text)

    @property
    def nick(self) -> str:
        return self.source.partition("!")[0]

    @property
    def batch(self) -> str:
        """The batch that it is part of, history for example; empty if none."""
        return self.tags.get("batch", "")

    def __repr__(self) -> str:
        return f"<{self.tags} {self.source} {self.command} {self.params}>"


Item = TypeVar("Item")


class Client(Generic[Item]):
    """A connection that is read all the time, and all that came over it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.items: list[Item] = []
        self.ended = False
        self._reader = reader
        self._writer = writer
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        with contextlib.suppress(OSError):
            # What has no line end was cut off by the server's end: nobody can read it.
            while (raw := await self._reader.readline()).endswith(b"\n"):
                self.items.append(self.parse(raw))
                self._news.set()
        self.ended = True
        self._news.set()

    def parse(self, raw: bytes) -> Item:
        raise NotImplementedError

    def send(self, data: str) -> None:
        """Send a line, if the connection is still there."""
        if not self._writer.is_closing():
            self._writer.write(data.encode() + b"\r\n")

    async def drain(self) -> None:
        with contextlib.suppress(OSError):
            await self._writer.drain()

    async def find(self, wanted: Callable[[Item], bool], since: int = 0) -> int:
        """Wait for what is *wanted*, and return its place; `EOFError` if it never comes."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for i in range(since, len(self.items)):
                    if wanted(self.items[i]):
                        return i
                since = max(since, len(self.items))
                if self.ended:
                    raise EOFError
                self._news.clear()
                await self._news.wait()

    async def until(self, wanted: Callable[[Item], bool], since: int = 0) -> Item:
        return self.items[await self.find(wanted, since)]

    async def until_end(self, seconds: float | None = PATIENCE_S) -> None:
        """Wait until the other end has closed the connection, for ever if *seconds* is None."""
        async with asyncio.timeout(seconds):
            # Who is waiting may be stopped, and the client go on.
            await asyncio.shield(self._task)

    async def close(self) -> None:
        self._task.cancel()
        self._writer.close()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._writer.wait_closed()
            await self._task


class Irc(Client[Line]):
    """An IRC client."""

    nick = ""
    _tokens = itertools.count()

    def parse(self, raw: bytes) -> Line:
        line = Line(raw.decode().removesuffix("\r\n"))
        if line.command == "PING":
            self.send(f"PONG :{line.params[-1]}")
        return line

    @classmethod
    async def open(cls, port: int, nick: str, *caps: str) -> Irc:
        """Connect and register."""
        client = cls(*await asyncio.open_connection("127.0.0.1", port, limit=MIB))
        await client.register(nick, *caps)
        return client

    async def register(self, nick: str, *caps: str) -> None:
        """Say who one is."""
        self.nick = nick
        self.send("CAP LS 302")
        if caps:
            self.send(f"CAP REQ :{' '.join(caps)}")
        self.send(f"NICK {nick}")
        self.send(f"USER {nick} 0 * :{nick}")
        self.send("CAP END")
        await self.until(lambda line: line.command in ("376", "422"))

    async def ask(self, line: str) -> list[Line]:
        """Send *line*; return all that came until it was dealt with."""
        since, token = len(self.items), f"fence{next(self._tokens)}"
        self.send(line)
        self.send(f"PING {token}")
        end = await self.find(lambda x: x.command == "PONG" and x.params[-1] == token, since)
        return self.items[since:end]


class Json(Client[dict[str, Any]]):
    """A JSON client that reads by line."""

    nick = ""

    def parse(self, raw: bytes) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(raw)
        return document

    @classmethod
    async def open(cls, port: int, nick: str) -> Json:
        """Connect and log in."""
        client = cls(*await asyncio.open_connection("127.0.0.1", port, limit=MIB))
        await client.log_in(nick)
        return client

    async def log_in(self, nick: str) -> None:
        """Say who one is."""
        self.nick = nick
        self.say("LOGIN", name=nick)
        await self.until(lambda document: document["op"] == "LOGIN")

    def say(self, op: str, **fields: object) -> None:
        self.send(json.dumps({"op": op, **fields}))

    async def ask(self, op: str, answer: str = "MESSAGE", **fields: object) -> dict[str, Any]:
        """Send a document; return the first one of that op that comes then, or an ERROR."""
        since = len(self.items)
        self.say(op, **fields)
        return await self.until(lambda document: document["op"] in (answer, "ERROR"), since)


class Numeric(Client[str]):
    """A numeric client that reads by line."""

    SENT = "1600000000"
    """The time that the clock of every client shows."""

    number = ""
    _fences = 0

    def parse(self, raw: bytes) -> str:
        return raw.decode().removesuffix("\n")

    @classmethod
    async def open(cls, port: int, number: str = "") -> Numeric:
        """Connect, as somebody new or as *number*."""
        client = cls(*await asyncio.open_connection("127.0.0.1", port, limit=MIB))
        await client.log_in(number)
        return client

    async def log_in(self, number: str = "") -> None:
        """Be *number*, or somebody new."""
        if not number:
            self.send("01")
            number = (await self.until(lambda frame: frame[:2] == "02"))[2:]
        self.number = number
        self.send(f"03{number}")

    def say(self, to: str, text: str) -> None:
        self.send(f"05{self.number}{to}{self.SENT}{text}")

    async def fence(self) -> None:
        """Wait until all that was said is on disk, and all that waited before has come."""
        self._fences += 1
        token = f"fence{self._fences}"
        since = len(self.items)
        self.say(self.number, token)
        await self.until(lambda frame: frame[38:] == token and frame[:2] == "06", since)

    def texts(self) -> list[str]:
        """The texts of all messages that came, fences left out."""
        found = [frame[38:] for frame in self.items if frame[:2] == "06"]
        return [text for text in found if not text.startswith("fence")]


class Lines(Client[str]):
    """Somebody who reads lines of text."""

    _tokens = itertools.count()

    def parse(self, raw: bytes) -> str:
        return raw.decode().rstrip("\r\n")

    async def fence(self, ask: str) -> None:
        """Wait until what was sent before is dealt with: nobody has the name that is asked for."""
        since, name = len(self.items), f"fence{next(self._tokens)}"
        self.send(f"{ask} {name}")
        await self.until(lambda line: line.endswith(f"There is no user {name}"), since)


async def close_all(*clients: Client[Any]) -> None:
    await asyncio.gather(*(client.close() for client in clients))


async def gathered(*tasks: Awaitable[object]) -> None:
    """Run all *tasks*, each of which may end because the server does."""
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, BaseException) and not isinstance(result, EOFError):
            raise result
