"""A network that breaks: connections go through, and are cut at any byte."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator


class Flaky:
    """Passes connections on to *port*; cuts `cuts` of them, each after less than *most* bytes."""

    def __init__(self, port: int, chance: random.Random, most: int = 4000) -> None:
        self._target = port
        self._chance = chance
        self.cuts = 0
        self._most = most
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        there_reader, there = await asyncio.open_connection("127.0.0.1", self._target)
        ways = self._pass(reader, there, writer), self._pass(there_reader, writer, there)
        await asyncio.gather(*ways, return_exceptions=True)

    async def _pass(
        self, reader: asyncio.StreamReader, to: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        left = self._chance.randrange(self._most)
        while data := await reader.read(4096):
            if self.cuts and len(data) >= left:
                self.cuts -= 1
                to.write(data[:left])
                with contextlib.suppress(OSError):
                    await to.drain()
                break
            left -= len(data)
            to.write(data)
            await to.drain()
        to.close()
        back.close()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Flaky]:
        """Take connections at *port*."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
