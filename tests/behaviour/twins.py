"""Two servers of all protocols in this process, linked by a wire that can be cut."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from tertulia.protocols.operators import Operator
from tertulia.server.settings import NetworkSettings, ServerSettings
from tests.behaviour.irc_clients import IrcClient
from tests.behaviour.networks import at, data_of, until
from tests.behaviour.numeric_clients import GAP_MS
from tests.behaviour.places import SERVER, Place, running, settings

SCHEMES = ("irc", "json", "rech", "pychat", "chatroom", "numeric", "mesh")
THE_OTHER = "cup.example"
_crossings = itertools.count(1)


@contextlib.asynccontextmanager
async def a_place(
    data: Path, name: str = SERVER, *peers: int, **network: Any
) -> AsyncIterator[Place]:
    """A server of all protocols that looks for others at these ports; root is an operator."""
    operator = Operator("root", PasswordHasher(time_cost=1, memory_cost=64).hash("secret"))
    chosen = settings(
        limits={"legacy_gap_ms": GAP_MS, "legacy_pacing_ms": 1},
        operators=(operator,),
        server=ServerSettings(name=name),
        network=NetworkSettings(discovery=False, peers=tuple(map(at, peers)), **network),
    )
    async with running(data, chosen, SCHEMES) as place:
        yield place


class Wire:
    """What two servers are linked by: the one connects here and reaches the *port* of the other,
    unless it is cut."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._is_cut = False
        self._ends: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server
        self.port = 0

    async def open(self) -> None:
        """Be there."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.close()
            return
        away_reader, away = await asyncio.open_connection("127.0.0.1", self._port)
        self._ends |= {writer, away}
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(self._carry(reader, away), self._carry(away_reader, writer))
        self._ends -= {writer, away}

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()

    def cut(self) -> None:
        """Carry nothing any more, and let nobody connect."""
        self._is_cut = True
        for end in self._ends:
            end.transport.abort()

    def mend(self) -> None:
        """Let the servers link again."""
        self._is_cut = False

    async def close(self) -> None:
        """Be there no more."""
        self.cut()
        self._server.close()
        await self._server.wait_closed()


@dataclass
class Twins:
    """Two servers, and the wire between them."""

    here: Place
    there: Place
    wire: Wire

    async def together(self) -> None:
        """Wait until they are linked, and have told each other who is there."""
        await until(lambda: _knows(self.here, self.there), "one knows who is on the other")
        await until(lambda: _knows(self.there, self.here), "the other knows who is here")

    async def apart(self) -> None:
        """Cut the wire, and wait until both have noticed."""
        self.wire.cut()
        await until(lambda: not (_reaches(self.here) or _reaches(self.there)), "they are cut off")

    async def heal(self) -> None:
        """Mend the wire, and wait until they are linked and have the same."""
        self.wire.mend()
        await self.together()
        await until(lambda: _has_all(self.here, self.there), "they have the same")

    async def settle(self) -> None:
        """Wait until both have shown all that happened on either."""
        one = await self.here.irc(f"settle{next(_crossings)}")
        other = await self.there.irc(f"settle{next(_crossings)}")
        for speaker, hearer in ((one, other), (other, one)) * 2:
            await cross(speaker, hearer)
        for client in (one, other):
            await client.drop()
        gone = {one.nick, other.nick}
        await until(lambda: not gone & (_nicks(self.here) | _nicks(self.there)), "they are gone")


def _knows(one: Place, other: Place) -> bool:
    """Whether *one* is linked with *other* and knows who is there."""
    server = other.server._store.server_id.hex()
    users = one.server.hub.state.users.values()
    here = {u.uid for u in users if u.server == server and not u.is_cut_off}
    there = {u.uid for u in other.server.hub.state.users.values() if not u.server}
    return any(status.linked for status in one.server.hub.servers()) and here == there


def _nicks(one: Place) -> set[str]:
    return {user.nick.text for user in one.server.hub.state.users.values()}


def _reaches(one: Place) -> bool:
    return any(status.reachable for status in one.server.hub.servers())


def _has_all(one: Place, other: Place) -> bool:
    return one.server.hub.heard == other.server.hub.heard


@contextlib.asynccontextmanager
async def twins(home: Path, **network: Any) -> AsyncIterator[Twins]:
    """Two servers that are linked."""
    async with a_place(data_of(home, "here"), **network) as here:
        wire = Wire(here.ports["mesh"])
        await wire.open()
        try:
            data = data_of(home, "there")
            async with a_place(data, THE_OTHER, wire.port, **network) as there:
                pair = Twins(here, there, wire)
                await pair.together()
                yield pair
        finally:
            await wire.close()


async def cross(one: IrcClient, other: IrcClient) -> None:
    """Wait until *other* is shown what *one* says, behind all that happened before."""
    text = f"crossing {next(_crossings)}"
    one.tell(other.nick, text)
    await other.expect_told(one.nick, text)
