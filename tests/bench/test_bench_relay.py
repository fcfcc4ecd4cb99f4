"""What stands between two servers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

from bench.relay import Relay

PATIENCE_S = 10


@contextlib.asynccontextmanager
async def through(rate: int | None = None) -> AsyncIterator[tuple[Relay, int]]:
    """A relay to a server that says again what it is told; yields its port too."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    target = server.sockets[0].getsockname()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    relay = Relay(listener, target, socket.socket, rate)
    try:
        yield relay, listener.getsockname()[1]
    finally:
        await relay.close()
        server.close()


async def test_what_is_said_while_it_is_cut_comes_later() -> None:
    async with through() as (relay, port), asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"one")
        assert await reader.readexactly(3) == b"one"
        relay.is_cut = True
        writer.write(b"two")
        read = asyncio.create_task(reader.readexactly(3))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not read.done()
        relay.is_cut = False
        assert await read == b"two"
        assert relay.passed == 12
        writer.close()


async def test_who_ends_ends_the_other() -> None:
    async with through() as (_, port), asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()


async def test_slow_is_whole() -> None:
    async with through(rate=1 << 20) as (_, port), asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        said = bytes(range(256)) * 8
        writer.write(said)
        assert await reader.readexactly(len(said)) == said
        writer.close()
