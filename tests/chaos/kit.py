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
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

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
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TERTULIA__")}
        environment["PYTHONPATH"] = os.pathsep.join(
            [str(SOURCE), *filter(None, [environment.get("PYTHONPATH")])]
        )
        environment.update({f"TERTULIA__{key}": str(value) for key, value in settings.items()})
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tertulia", "serve", "--data", str(data)),
                *("--listen", "irc://127.0.0.1:0", "--listen", "json://127.0.0.1:0", *flags),
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
            scheme, _, port = line.removeprefix("listening ").partition("://127.0.0.1:")
            self.ports[scheme] = int(port)
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

    async def until_end(self) -> None:
        """Wait until the other end has closed the connection."""
        async with asyncio.timeout(PATIENCE_S):
            await self._task

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
        client.nick = nick
        client.send("CAP LS 302")
        if caps:
            client.send(f"CAP REQ :{' '.join(caps)}")
        client.send(f"NICK {nick}")
        client.send(f"USER {nick} 0 * :{nick}")
        client.send("CAP END")
        await client.until(lambda line: line.command in ("376", "422"))
        return client

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
        client.nick = nick
        client.say("LOGIN", name=nick)
        await client.until(lambda document: document["op"] == "LOGIN")
        return client

    def say(self, op: str, **fields: object) -> None:
        self.send(json.dumps({"op": op, **fields}))

    async def ask(self, op: str, answer: str = "MESSAGE", **fields: object) -> dict[str, Any]:
        """Send a document; return the first one of that op that comes then, or an ERROR."""
        since = len(self.items)
        self.say(op, **fields)
        return await self.until(lambda document: document["op"] in (answer, "ERROR"), since)


async def close_all(*clients: Client[Any]) -> None:
    await asyncio.gather(*(client.close() for client in clients))


async def gathered(*tasks: Awaitable[object]) -> None:
    """Run all *tasks*, each of which may end because the server does."""
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, BaseException) and not isinstance(result, EOFError):
            raise result
