"""What stands between two servers: it holds back what they say, or lets it through slowly.

Kernels that cannot shape traffic are common, in containers above all, so a slow wire is a program.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Coroutine
from typing import Any

CHUNK = 256
"""What a slow wire takes at once."""
BUFFER = 4096
"""Of sockets, so that who speaks too fast for a slow wire notices."""


class Relay:
    """Takes connections on *listener* and passes them on to *target*, from *make*'s sockets."""

    def __init__(
        self,
        listener: socket.socket,
        target: tuple[str, int],
        make: Callable[[], socket.socket],
        rate: int | None = None,
    ) -> None:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        listener.listen()
        listener.setblocking(False)
        self._listener = listener
        self._target = target
        self._make = make
        self.rate = rate
        """Bytes a second in each direction; None: as fast as can be."""
        self._through = asyncio.Event()
        self._through.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.passed = 0
        """How many bytes went through, both ways."""
        self._begin(self._accept())

    @property
    def is_cut(self) -> bool:
        """Whether nothing comes through: it waits, as it would in the retries of TCP."""
        return not self._through.is_set()

    @is_cut.setter
    def is_cut(self, cut: bool) -> None:
        if cut:
            self._through.clear()
        else:
            self._through.set()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(self._listener)
            self._begin(self._serve(sock))

    async def _serve(self, incoming: socket.socket) -> None:
        await self._through.wait()
        outgoing = self._make()
        outgoing.setblocking(False)
        outgoing.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(outgoing, self._target)
            pumps = {
                asyncio.create_task(self._pump(incoming, outgoing)),
                asyncio.create_task(self._pump(outgoing, incoming)),
            }
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.wait(pumps)
        except OSError:
            pass
        finally:
            incoming.close()
            outgoing.close()

    async def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while data := await loop.sock_recv(source, 1 << 16 if self.rate is None else CHUNK):
                if self.rate is not None:
                    await asyncio.sleep(len(data) / self.rate)
                await self._through.wait()
                await loop.sock_sendall(sink, data)
                self.passed += len(data)

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._listener.close()
