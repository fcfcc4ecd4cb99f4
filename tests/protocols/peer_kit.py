"""Peers on a hub without sockets: what they are sent is kept until a test asks for it."""

import itertools
import json
from collections.abc import Callable
from typing import Any

from tertulia.domain.names import Nickname
from tertulia.protocols.peer import PeerConfig, PeerService, PeerSession
from tertulia.protocols.session import (
    HashPassword,
    Peer,
    Request,
    TokenBucket,
    VerifyPassword,
    Written,
)
from tests.server.kit import Place, Shell

OURS = "tea.example"
REQUESTS = ("LOGIN", "MESSAGE", "JOIN", "PART", "ADMIN", "KICK", "USERS", "CHANNELS")


class LinkShell(Shell):
    """A connection whose clock is that of the loop."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.hub)
        self.place = place

    def perform(self, request: Request, resume: Callable[[Any], None]) -> None:
        loop = self.place.loop

        def soon() -> None:
            loop.call_soon(resume, None)

        match request:
            case Written():
                self.place.batch().after.append(soon)
                self.place.gate.touch()
            case HashPassword(password):
                loop.call_soon(resume, f"hash of {password}")
            case VerifyPassword(hashed, password):
                loop.call_soon(resume, hashed == f"hash of {password}")
            case _:
                super().perform(request, resume)

    def wake_in(self, seconds: float) -> None:
        self.place.loop.call_later(seconds, self.session.advance)

    def now(self) -> float:
        return self.place.loop.now


class Network:
    """A hub and the peers that link to it."""

    def __init__(self, **config: Any) -> None:
        self.place = Place(instant=True)
        self.place.world.server_nick = Nickname.parse("tea")
        self.reports: list[tuple[str, dict[str, str]]] = []
        self.service = PeerService(
            self.place.hub,
            PeerConfig(server=OURS, **config),
            lambda words, **about: self.reports.append((words, about)),
        )
        self.place.hub.onlookers = self.service.links

    def peer(self, bucket: TokenBucket | None = None) -> "Link":
        """A peer that has said nothing."""
        return Link(self, bucket)

    def linked(self, name: str = "far.example") -> "Link":
        """A peer that has logged in, and read what that led to."""
        link = self.peer()
        assert link.asks("LOGIN", name=name) is True
        link.got()
        return link

    def nicks(self) -> set[str]:
        return {user.nick.text for user in self.place.state.users.values()}

    def inside(self, channel: str) -> set[str]:
        """The nicknames of those in a channel."""
        state = self.place.state
        found = state.channel_named(channel)
        return set() if found is None else {user.nick.text for user, _ in state.occupants(found)}


class Link:
    """The other end of a link; it answers only what a test answers."""

    def __init__(self, network: Network, bucket: TokenBucket | None = None) -> None:
        self.network = network
        self.shell = LinkShell(network.place)
        self.shell.peer = Peer("192.0.2.7", 40_000)
        self.session: PeerSession = network.service.session(self.shell, bucket)
        self.shell.session = self.session
        self.wire = bytearray()
        self.session.write = self.wire.extend
        self.session.greet()
        self._hashes = itertools.count(1)
        self._read: list[dict[str, Any]] = []

    def raw(self, data: bytes) -> None:
        """Send *data*, which is not read once the connection is closed."""
        if not self.session.closing:
            self.session.last_heard = self.shell.now()
            self.session.receive(data)

    def send(self, op: str, **fields: Any) -> None:
        """Send a document."""
        self.raw(json.dumps({"op": op, **fields}).encode() + b"\n")

    def answer(self, op: str, **fields: Any) -> dict[str, Any]:
        """Send a request, and return the ACK; what else came is kept."""
        request = f"h{next(self._hashes)}"
        self.send(op, hash=request, **fields)
        self.network.place.settle()
        self._fetch()
        [ack] = [d for d in self._read if d["op"] == "ACK" and d["hash"] == request]
        self._read.remove(ack)
        return ack

    def asks(self, op: str, **fields: Any) -> bool:
        """Send a request; whether it was done."""
        success: bool = self.answer(op, **fields)["success"]
        return success

    def refusal(self, op: str, **fields: Any) -> str:
        """Send a request that is refused; why."""
        ack = self.answer(op, **fields)
        assert ack["success"] is False
        message: str = ack["message"]
        return message

    def _fetch(self) -> None:
        data = bytes(self.wire)
        self.wire.clear()
        assert not data or data.endswith(b"\n")
        for line in data.splitlines():
            document = json.loads(line)
            assert (document["op"] in REQUESTS) <= ("hash" in document), document
            self._read.append(document)

    def documents(self) -> list[dict[str, Any]]:
        """What came since this was last asked."""
        self.network.place.settle()
        self._fetch()
        documents, self._read = self._read, []
        return documents

    def got(self) -> list[str]:
        """The same, in a form that is easy to compare."""
        return [shown(document) for document in self.documents()]


def shown(document: dict[str, Any]) -> str:
    """One document in words; both spellings must say the same."""
    op, channel, text = document["op"], document.get("channel"), document.get("message")
    match op:
        case "LOGIN":
            words = [document["name"]]
        case "USERS":
            assert document["userList"] == document["users"]
            words = [channel, *sorted(document["users"])]
        case "CHANNELS":
            assert document["channelList"] == document["channels"]
            words = sorted(document["channels"])
        case "MESSAGE":
            assert document["username"] == document["name"]
            words = [document["name"], document["target"], text]
        case "JOIN" | "PART" | "ADMIN" | "KICK":
            assert document["username"] == document["user"]
            words = [document["user"], channel, text]
        case _:
            words = [text]
    return " ".join([op, *(word for word in words if word)])
