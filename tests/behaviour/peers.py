"""A server of another make: what it knows is the table of ops, and no more.

LOGIN name hash · MESSAGE target message username hash · JOIN channel username password? hash ·
PART channel username hash · ADMIN channel username hash · KICK channel username message? hash ·
USERS userList channel? hash · CHANNELS channelList hash · ACK success hash · ERROR message ·
DISCONNECT message?. Whatever has a hash, and is no ACK, is answered by an ACK with that hash.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from typing import Any

from tests.behaviour.clients import PATIENCE_S

FIELDS = {
    "LOGIN": {"name"},
    "MESSAGE": {"target", "message", "username"},
    "JOIN": {"channel", "username"},
    "PART": {"channel", "username"},
    "ADMIN": {"channel", "username"},
    "KICK": {"channel", "username"},
    "USERS": {"userList"},
    "CHANNELS": {"channelList"},
    "ACK": {"success", "hash"},
    "ERROR": {"message"},
    "DISCONNECT": set(),
}
NO_REQUESTS = ("ACK", "ERROR", "DISCONNECT")

Document = dict[str, Any]


class TablePeer:
    """The server *name*; it does what it is asked, unless *refuses* says that it does not."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.refuses: Callable[[Document], bool] = lambda _document: False
        self.server = ""
        """What the other server is called."""
        self.users: set[str] = set()
        """Who is on the other server, and those behind it."""
        self.inside: dict[str, set[str]] = {}
        self.admins: dict[str, set[str]] = {}
        self.heard: list[Document] = []
        """Requests and errors that came."""
        self.is_closed = False
        self._acks: dict[str, Document] = {}
        self._looked = 0
        self._hashes = itertools.count(1)
        self._news = asyncio.Event()
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._reading: asyncio.Task[None]

    async def open(self, port: int) -> None:
        """Connect, and say nothing."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        self._reading = asyncio.create_task(self._read())

    async def close(self) -> None:
        """Close the connection; what was wrong with what came is raised."""
        self._writer.close()
        await self._reading

    async def _read(self) -> None:
        try:
            while line := await self._reader.readline():
                self._take(json.loads(line))
                self._news.set()
        except ConnectionError:
            pass
        finally:
            self.is_closed = True
            self._news.set()
            self._writer.close()

    def _take(self, document: Document) -> None:
        op = document["op"]
        assert FIELDS[op] <= document.keys(), document
        if op == "ACK":
            assert document["hash"] not in self._acks, "one answer a request"
            self._acks[document["hash"]] = document
            return
        self.heard.append(document)
        if op in NO_REQUESTS:
            return
        success = not self.refuses(document)
        if success:
            self._obey(document)
        self.write({"op": "ACK", "success": success, "hash": document["hash"]})

    def _obey(self, document: Document) -> None:
        """Keep who is where, by what the other server says."""
        nick, channel = document.get("username", ""), document.get("channel", "")
        inside = self.inside.setdefault(channel, set()) if channel else set()
        match document["op"]:
            case "LOGIN":
                self.server = document["name"]
            case "USERS" if channel:
                self.inside[channel] = set(document["userList"])
                self.admins[channel] = set()
            case "USERS":
                self.users = set(document["userList"])
            case "JOIN":
                assert nick not in inside, "told once"
                inside.add(nick)
            case "PART" | "KICK":
                inside.discard(nick)
                self.admins.get(channel, set()).discard(nick)
            case "ADMIN":
                self.admins.setdefault(channel, set()).add(nick)

    # What it does

    def write(self, document: Document) -> None:
        """Send a document as it is."""
        self._writer.write(json.dumps(document).encode() + b"\n")

    async def ask(self, op: str, **fields: Any) -> Document:
        """Send a request, and wait for its ACK."""
        request = f"{self.name}/{next(self._hashes)}"
        self.write({"op": op, "hash": request, **fields})
        await self._wait(lambda: request in self._acks, f"the ACK of {op} {fields}")
        return self._acks[request]

    async def do(self, op: str, **fields: Any) -> None:
        """Send a request that is done."""
        ack = await self.ask(op, **fields)
        assert ack["success"] is True, ack

    async def refused(self, op: str, **fields: Any) -> str:
        """Send a request that is refused; return why."""
        ack = await self.ask(op, **fields)
        assert ack["success"] is False, ack
        message: str = ack["message"]
        return message

    # What it expects

    async def _wait(self, wanted: Callable[[], bool], what: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not wanted():
                assert not self.is_closed, f"{self.name} waits for {what}; it heard {self.heard}"
                self._news.clear()
                await self._news.wait()

    async def expect(self, op: str, **fields: Any) -> Document:
        """Wait for a document, behind what was waited for before."""

        def found() -> bool:
            for i in range(self._looked, len(self.heard)):
                document = self.heard[i]
                if document["op"] == op and fields.items() <= document.items():
                    self._looked = i + 1
                    return True
            return False

        await self._wait(found, f"{op} {fields}")
        return self.heard[self._looked - 1]

    async def expect_users(self, *nicks: str) -> None:
        """Wait until it knows just these to be on the other server."""
        await self._wait(lambda: self.users == set(nicks), f"the users {nicks}")

    async def expect_closed(self) -> None:
        """Wait for the end of the connection."""
        async with asyncio.timeout(PATIENCE_S):
            await self._reading

    async def rest(self) -> list[Document]:
        """Return what came and was not looked at, but for lists of all users."""
        await self.do("CHANNELS", channelList=[])
        rest = self.heard[self._looked :]
        self._looked = len(self.heard)
        return [d for d in rest if d["op"] != "USERS" or "channel" in d]
