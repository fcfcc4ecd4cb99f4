"""The operator of a server in the test's own process, at its control socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tertulia.server.control_messages import SOCKET, address_of
from tests.behaviour.clients import PATIENCE_S


class Operator:
    """A connection to a control socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """Ask for something, and return the whole answer."""
        self.begin(do, **fields)
        return await self.answer()

    def begin(self, do: str, **fields: Any) -> None:
        """Ask for something, and wait for nothing."""
        self.writer.write(json.dumps({"do": do, **fields}).encode() + b"\n")

    async def answer(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            answer: dict[str, Any] = json.loads(await self.reader.readline())
        return answer

    async def do(self, do: str, **fields: Any) -> Any:
        """Ask for something that is not refused."""
        answer = await self.ask(do, **fields)
        assert "error" not in answer, answer
        return answer["ok"]

    async def refused(self, do: str, **fields: Any) -> str:
        """Ask for something that is refused; return why."""
        answer = await self.ask(do, **fields)
        assert list(answer) == ["error"], answer
        error: str = answer["error"]
        return error


@contextlib.asynccontextmanager
async def operator_of(data: Path) -> AsyncIterator[Operator]:
    """Come to the control socket of the server with its data there."""
    with address_of(data / SOCKET) as address:
        reader, writer = await asyncio.open_unix_connection(address, limit=1 << 24)
    try:
        yield Operator(reader, writer)
    finally:
        writer.close()
