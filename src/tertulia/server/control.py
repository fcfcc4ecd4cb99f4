"""The control socket, through which the operator's commands reach a running server.

It is a Unix socket in the data directory that only its owner can open, and whoever can open it
may do everything. What is said on it is in `tertulia.server.control_messages`.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import structlog

from tertulia.domain.errors import ChatError
from tertulia.server.control_messages import REQUEST_BYTES, Answer, AnyRequest, address_of

logger = structlog.get_logger()

CONNECTIONS_MOST = 64

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(AnyRequest).decode


class ControlServer:
    """Answers requests at the socket *path*.

    *done* does what a request asks and returns what it is answered with, or raises `ChatError`.
    The data directory belongs to one server, so whatever socket lies there is nobody's.
    """

    def __init__(self, path: Path, done: Callable[[AnyRequest], Awaitable[Any]]) -> None:
        self._path = path
        self._done = done
        self._listener: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; a server whose socket cannot be made runs without, and warns of it."""
        try:
            sock = self._bound()
        except OSError as error:
            logger.warning("no control socket", path=str(self._path), reason=str(error))
            return
        self._listener = await asyncio.start_unix_server(
            self._serve, sock=sock, limit=REQUEST_BYTES
        )

    def _bound(self) -> socket.socket:
        if self._path.is_socket():
            self._path.unlink()
        sock = socket.socket(socket.AF_UNIX)
        try:
            with address_of(self._path) as address:
                sock.bind(address)
            # Nobody can connect before it listens.
            self._path.chmod(0o600)
        except OSError:
            sock.close()
            raise
        return sock

    def refuse(self) -> None:
        """Take no more connections and requests."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            self._path.unlink(missing_ok=True)

    async def close(self) -> None:
        """Close all connections; whoever waits for the end of the server sees it."""
        self.refuse()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while len(self._connections) <= CONNECTIONS_MOST:
                answer = await self._answer(await _next_line(reader))
                writer.write(_encode(answer) + b"\n")
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # Only `close` cancels it; asyncio's streams would log a task that ended so.
            pass
        finally:
            self._connections.remove(task)
            writer.close()

    async def _answer(self, line: bytes | None) -> Answer:
        if line is None:
            return Answer(error=f"A request has at most {REQUEST_BYTES} bytes")
        try:
            request = _decode(line)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            return Answer(error=f"This is no request: {error}")
        if self._listener is None:
            return Answer(error="The server is shutting down")
        return await self._answer_to(request)

    async def _answer_to(self, request: AnyRequest) -> Answer:
        try:
            told = await self._done(request)
        except ChatError as error:
            return Answer(error=str(error))
        except Exception:
            logger.exception("fault", protocol="control")
            return Answer(error="Internal error")
        return Answer(told if isinstance(told, msgspec.Raw) else msgspec.Raw(_encode(told)))


async def _next_line(reader: asyncio.StreamReader) -> bytes | None:
    """Return the next line, None for one that is too long; raise `IncompleteReadError` at the
    end."""
    is_too_long = False
    while True:
        try:
            line = await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError as error:
            is_too_long = True
            await reader.readexactly(error.consumed)
        else:
            return None if is_too_long else line
