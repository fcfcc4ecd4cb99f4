"""Two servers of one network, and what passes between them and those who use them.

They reach each other through a relay, which can be cut or slow; both are on 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
import socket
import sys
import tempfile
import time
from array import array
from collections.abc import AsyncIterator, Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench.peers import free_port
from bench.procs import memory
from bench.relay import Relay

PATIENCE_S = 60.0
CHUNK = 500
"""Lines that are sent before it is seen to that the server has taken them."""
PROBE_S = 0.05
CONTROL = "control"
"""The operator's socket, in the data directory."""


class Server:
    """A server; the other one is reached at *peer*, if it is for this one to connect."""

    def __init__(self, folder: Path, name: str, peer: int | None = None) -> None:
        self.name = f"{name}.example"
        self.mesh = free_port()
        self.irc = 0
        self._folder = folder
        self._data = folder / name
        self._peers = "[]" if peer is None else f'["127.0.0.1:{peer}"]'
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start, and wait until it takes connections."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TERTULIA__")}
        environment |= {
            "TERTULIA__LIMITS__COMMANDS_PER_SECOND": "0",
            "TERTULIA__NETWORK__DISCOVERY": "false",
            "TERTULIA__NETWORK__PEERS": self._peers,
            "TERTULIA__NETWORK__SECRET_FILE": str(self._folder / "secret"),
            "XDG_CONFIG_HOME": str(self._folder / "config"),
        }
        words = ["serve", "--data", str(self._data), "--name", self.name]
        words += ["--listen", "irc://127.0.0.1:0", "--listen", f"mesh://127.0.0.1:{self.mesh}"]
        with (self._folder / f"{self.name}.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tertulia", *words),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=environment,
            )
        assert self._process.stdout is not None
        async for raw in self._process.stdout:
            line = raw.decode().strip()
            if line.startswith("listening irc:"):
                self.irc = int(line.rpartition(":")[2])
            if line == "ready":
                return
        raise SystemExit(f"{self.name} did not start: see {log.name}")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def rss(self) -> int:
        """Return the bytes of memory that it has."""
        return memory(self.pid).rss * 1024

    async def stop(self) -> None:
        """Stop in an orderly way."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    async def ask(self, what: str) -> Any:
        """Ask what its operator can ask."""
        reader, writer = await asyncio.open_unix_connection(self._data / CONTROL, limit=1 << 24)
        writer.write(json.dumps({"do": what}).encode() + b"\n")
        answer = json.loads(await reader.readline())
        writer.close()
        return answer["ok"]

    async def link(self) -> dict[str, Any]:
        """Return what it knows of the other one, nothing if there is none."""
        rows = [row for row in (await self.ask("servers"))["servers"] if row["id"]]
        return rows[0] if rows else {"state": "away", "queued": 0}


class User(asyncio.Protocol):
    """An IRC user who counts messages."""

    def __init__(self, nick: str) -> None:
        self._nick = nick
        self._rest = b""
        self._changed = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._seen: dict[bytes, int] = {}
        self._fences = 0

    @classmethod
    async def come(cls, server: Server, nick: str, channel: str) -> User:
        """Come, and go into a channel."""
        loop = asyncio.get_running_loop()
        _, user = await loop.create_connection(lambda: cls(nick), "127.0.0.1", server.irc)
        user.send(f"NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\nJOIN {channel}\r\n".encode())
        await user.fence()
        return user

    def count(self, pattern: bytes) -> None:
        """Count *pattern* from now on."""
        self._seen[pattern] = 0

    def seen(self, pattern: bytes) -> int:
        """Return how often it came."""
        return self._seen[pattern]

    def send(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    async def say(self, channel: str, count: int, size: int) -> None:
        """Say something so many times, of *size* bytes each."""
        text = "x" * size
        for first in range(0, count, CHUNK):
            some = range(first, min(count, first + CHUNK))
            self.send(b"".join([f"PRIVMSG {channel} :{n:08} {text}\r\n".encode() for n in some]))
            await self.fence()

    async def fence(self) -> None:
        """Wait until the server has dealt with everything."""
        self._fences += 1
        token = b"fence%d\r" % self._fences
        self.count(token)
        self.send(b"PING " + token + b"\n")
        await self.until(token, 1)
        del self._seen[token]

    async def until(self, pattern: bytes, count: int) -> None:
        """Wait until *pattern* has come so often."""
        async with asyncio.timeout(PATIENCE_S):
            while self._seen[pattern] < count:
                self._changed.clear()
                await self._changed.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        end = data.rfind(b"\n") + 1
        self._rest = data[end:]
        for pattern in self._seen:
            self._seen[pattern] += data.count(pattern, 0, end)
        if data.startswith(b"PING") or b"\nPING" in data:
            self.send(b"PONG :x\r\n")
        self._changed.set()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Pair:
    """Two servers, `here` and `there`, and the wire between them."""

    def __init__(self, here: Server, there: Server, relay: Relay) -> None:
        self.here = here
        self.there = there
        self.relay = relay

    async def linked(self) -> None:
        """Wait until there is a link."""
        await until(self._is_linked, "there is a link")

    async def _is_linked(self) -> bool:
        return [(await s.link())["state"] for s in (self.here, self.there)] == ["linked"] * 2

    async def apart(self) -> None:
        """Cut the wire, and wait until both have noticed."""
        self.relay.is_cut = True
        await until(self._are_apart, "both are alone")

    async def _are_apart(self) -> bool:
        return [(await s.link())["state"] for s in (self.here, self.there)] == ["away"] * 2

    async def same(self) -> None:
        """Wait until both have the same state, and nothing is under way."""
        await until(self._are_same, "both have the same state")

    async def _are_same(self) -> bool:
        links = [await server.link() for server in (self.here, self.there)]
        states = {(await server.ask("stats"))["state"] for server in (self.here, self.there)}
        return len(states) == 1 and not any(link["lag"] + link["behind"] for link in links)


async def until(wanted: Callable[[], Any], what: str) -> None:
    """Wait until something is so that nobody tells. Raises `TimeoutError`."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not await wanted():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise TimeoutError(f"not within {PATIENCE_S:.0f} s: {what}") from None


@contextlib.asynccontextmanager
async def pair(parent: Path | None, rate: int | None = None) -> AsyncIterator[Pair]:
    """Two servers that are linked, over a wire of *rate* bytes a second."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as name:
        folder = Path(name)
        secret = folder / "secret"
        secret.touch(0o600)
        secret.write_text(os.urandom(32).hex() + "\n")
        here = Server(folder, "here")
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        relay = Relay(listener, ("127.0.0.1", here.mesh), socket.socket, rate)
        there = Server(folder, "there", listener.getsockname()[1])
        made = Pair(here, there, relay)
        try:
            await here.start()
            await there.start()
            await made.linked()
            yield made
        finally:
            await asyncio.gather(here.stop(), there.stop())
            await relay.close()


def _probe(port: int, prefix: str, results: Connection) -> None:
    """Say something every `PROBE_S` to somebody on the same server, and time it, until told to
    stop. What should have been said while an answer was late counts as late too."""
    speaker, listener = (_visitor(port, f"{prefix}{role}") for role in ("say", "hear"))
    times = array("d")
    due = time.perf_counter()
    while not results.poll(max(0.0, due - time.perf_counter())):
        speaker.sendall(b"PRIVMSG #live :probe\r\n")
        rest = b""
        while b":probe" not in rest:
            rest += listener.recv(1 << 16)
        times.append(time.perf_counter() - due)
        due += PROBE_S
    results.send(times)


def _visitor(port: int, nick: str) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(f"NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\nJOIN #live\r\nPING ready\r\n".encode())
    said = b""
    while b"ready\r\n" not in said:
        said += sock.recv(1 << 16)
    return sock


class Probe:
    """Somebody in a process of their own who times what is said on one server."""

    def __init__(self, server: Server, prefix: str) -> None:
        self._ours, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.Process(
            target=_probe, args=(server.irc, prefix, theirs), daemon=True
        )
        self._process.start()

    async def stop(self) -> array[float]:
        """Return the seconds that each message took."""
        self._ours.send(None)
        times: array[float] = await asyncio.to_thread(self._ours.recv)
        self._process.join()
        return times
