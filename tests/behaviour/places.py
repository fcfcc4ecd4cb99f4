"""Servers to come to: in the test's own process, and as a process of their own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import apsw

import tertulia
from tertulia.server import listeners
from tertulia.server.app import Server
from tertulia.server.settings import (
    BackupSettings,
    HistorySettings,
    Limits,
    NetworkSettings,
    ServerSettings,
    Settings,
)
from tests.behaviour.clients import PATIENCE_S, Client
from tests.behaviour.irc_clients import IrcClient, Ircv3Client
from tests.behaviour.json_clients import (
    ClassicClient,
    ClassicProgram,
    DiscoveryClient,
    DiscoveryProgram,
)
from tests.behaviour.text_clients import (
    ChatRoomClient,
    PyChatClient,
    PyChatProgram,
    TelnetClient,
)

C = TypeVar("C", bound=Client)

CLIENTS: dict[str, type[Client]] = {
    kind.protocol: kind
    for kind in (
        IrcClient,
        Ircv3Client,
        ClassicClient,
        DiscoveryClient,
        ClassicProgram,
        DiscoveryProgram,
        ChatRoomClient,
        TelnetClient,
        PyChatClient,
        PyChatProgram,
    )
}
ALL_PROTOCOLS = sorted(CLIENTS)
PROTOCOLS = [name for name in ALL_PROTOCOLS if CLIENTS[name].any_room]
IDENTIFIED = [name for name in PROTOCOLS if CLIENTS[name].can_identify]
SERVER = "tea.example"


def settings(*, limits: dict[str, Any] | None = None, **sections: Any) -> Settings:
    """Return settings for tests: no rate limit, no pauses, no index, logs or backups; nobody
    is told."""
    return Settings(
        **{
            "server": ServerSettings(name=SERVER),
            "limits": Limits(**{"commands_per_second": 0, "legacy_pacing_ms": 0, **(limits or {})}),
            "history": HistorySettings(search=False, text_logs=False),
            "backup": BackupSettings(daily=False),
            "network": NetworkSettings(discovery=False),
            **sections,
        }
    )


class Visitors:
    """Those who come to a server whose ports are known, by scheme."""

    def __init__(self, ports: dict[str, int]) -> None:
        self.ports = ports
        self._clients: list[Client] = []

    async def meet(self, protocol: str, nick: str) -> Client:
        """Return a client of that protocol that is logged in."""
        return await self.come(CLIENTS[protocol], nick)

    async def come(self, kind: type[C], nick: str, **more: Any) -> C:
        """Return a client of that kind that is logged in."""
        client = await self.knock(kind, **more)
        await client.log_in(nick)
        return client

    async def irc(self, nick: str) -> IrcClient:
        return await self.come(IrcClient, nick)

    async def ircv3(self, nick: str) -> Ircv3Client:
        return await self.come(Ircv3Client, nick)

    async def refused_at_the_door(self, protocol: str, nick: str, *words: str) -> None:
        """Check that nobody can log in as *nick*, and is told so with *words*."""
        client = await self.knock(CLIENTS[protocol])
        client.try_to_log_in(nick)
        await client.expect_refusal(*words)
        await client.close()

    async def knock(
        self, kind: type[C], scheme: str | None = None, tls: ssl.SSLContext | None = None
    ) -> C:
        """Return a client that is connected and has said nothing."""
        client = kind()
        await client.open(self.ports[scheme or kind.scheme], tls=tls)
        self._clients.append(client)
        return client

    async def leave(self) -> None:
        """Let all go, and raise what was wrong with what they were sent."""
        clients, self._clients = self._clients, []
        for client in clients:
            await client.drop()


class Place(Visitors):
    """A server in this process, and those who come to it."""

    def __init__(self, server: Server, uris: list[str]) -> None:
        super().__init__(ports_of(uris))
        self.server = server


def ports_of(uris: list[str]) -> dict[str, int]:
    """Return the ports of *uris* by their schemes."""
    parts = [urlsplit(uri) for uri in uris]
    return {part.scheme: part.port for part in parts if part.port is not None}


@contextlib.asynccontextmanager
async def running(
    data: Path,
    chosen: Settings | None = None,
    schemes: tuple[str, ...] = ("irc", "json", "rech", "pychat", "chatroom"),
    reload: Callable[[], Settings] | None = None,
) -> AsyncIterator[Place]:
    """Run a server on free ports of this machine, or on those that are given: ``mesh:7447``."""
    server = Server(chosen or settings(), data, reload)
    place = None
    try:
        parts = [scheme.partition(":") for scheme in schemes]
        endpoints = [listeners.parse(f"{name}://127.0.0.1:{port or 0}") for name, _, port in parts]
        place = Place(server, await server.start(endpoints))
        yield place
    finally:
        try:
            if place is not None:
                await place.leave()
        finally:
            await server.stop()


class Process(Visitors):
    """``tertulia`` as a process of its own; what it says is kept."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        super().__init__({})
        self.process = process
        self.uris: list[str] = []
        self.errors = ""

    async def ready(self) -> None:
        """Wait until it says that it is; what it says before must be where it listens."""
        while (line := await self._line(self.process.stdout)) != "ready\n":
            assert line.startswith("listening "), (line, await self.said())
            self.uris.append(line.removeprefix("listening ").strip())
        self.ports = ports_of(self.uris)

    async def logged(self, words: str) -> str:
        """Wait for a line with *words* in its log."""
        while words not in (line := await self._line(self.process.stderr)):
            assert line, f"it ended without saying {words!r}: {self.errors}"
        return line

    async def _line(self, stream: asyncio.StreamReader | None) -> str:
        assert stream is not None
        async with asyncio.timeout(PATIENCE_S):
            line = (await stream.readline()).decode()
        if stream is self.process.stderr:
            self.errors += line
        return line

    async def said(self) -> tuple[int, str, str]:
        """Wait for its end; return its exit status, standard output and standard error."""
        async with asyncio.timeout(PATIENCE_S):
            out, errors = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, out.decode(), self.errors + errors.decode()

    async def terminate(self) -> tuple[int, str, str]:
        """Ask it to stop, and wait for that."""
        self.process.send_signal(signal.SIGTERM)
        return await self.said()


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return an environment in which no settings of this machine are found."""
    source = str(Path(tertulia.__file__).parent.parent)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TERTULIA__")}
    xdg = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CONFIG", "DATA", "STATE")}
    return {**kept, **xdg, "PYTHONPATH": source, "NO_COLOR": "1", "TZ": "UTC", **more}


TERTULIA = (sys.executable, "-m", "tertulia")


@contextlib.asynccontextmanager
async def tertulia_process(
    home: Path, *arguments: str, given: str | None = None, **variables: str
) -> AsyncIterator[Process]:
    """Run ``tertulia`` with *arguments*, and what is *given* on standard input; it is killed if
    it has not ended by itself."""
    command = (*TERTULIA, *arguments)
    async with process_of(command, environment(home, **variables), given) as process:
        yield process


@contextlib.asynccontextmanager
async def process_of(
    command: tuple[str, ...], variables: dict[str, str], given: str | None = None
) -> AsyncIterator[Process]:
    """Run *command* with these environment *variables*; it is killed if it has not ended."""
    nothing, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE
    process = Process(
        await asyncio.create_subprocess_exec(
            *command,
            stdin=nothing if given is None else pipe,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=variables,
        )
    )
    try:
        if given is not None:
            assert process.process.stdin is not None
            process.process.stdin.write(given.encode())
            process.process.stdin.close()
        yield process
    finally:
        await process.leave()
        if process.process.returncode is None:
            process.process.kill()
            await process.process.wait()


async def tertulia_says(home: Path, *arguments: str, **variables: str) -> tuple[int, str, str]:
    """Run ``tertulia`` to its end; return its exit status, output and errors."""
    async with tertulia_process(home, *arguments, **variables) as process:
        return await process.said()


class Disk:
    """The log's database, on a disk that can be filled and emptied."""

    def __init__(self, place: Place) -> None:
        self.is_full = False
        self.refused = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        log: Any = place.server._store.log
        self._db: apsw.Connection = log._writer._db
        log._writer._db = self

    def execute(self, sql: str, bindings: Any = None) -> apsw.Cursor:
        if self.is_full and sql.startswith(("INSERT", "UPDATE", "DELETE", "COMMIT")):
            self._loop.call_soon_threadsafe(self.refused.set)
            raise apsw.FullError("database or disk is full")
        return self._db.execute(sql, bindings)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)
