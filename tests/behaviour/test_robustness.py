"""What is bad, half, too much or too late costs one connection, and nobody else."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tertulia.protocols.session import Peer
from tertulia.server import app
from tertulia.server.connection import Connection
from tertulia.server.listeners import SCHEMES
from tertulia.server.settings import NetworkSettings, ServerSettings
from tests.behaviour.clients import PATIENCE_S, Client
from tests.behaviour.irc_clients import IrcClient
from tests.behaviour.json_clients import DiscoveryProgram, JsonClient
from tests.behaviour.places import CLIENTS, PROTOCOLS, SERVER, Place, running, settings

TEA = "#tea"
OLD_JSON = ["json", "rech"]
JSON = [p for p in PROTOCOLS if issubclass(CLIENTS[p], JsonClient)]
NAMELESS = [p for p in PROTOCOLS if not CLIENTS[p].comes_as_guest]
IRC = [p for p in PROTOCOLS if issubclass(CLIENTS[p], IrcClient)]


async def is_served(client: Client) -> None:
    """Check that *client* is still there."""
    await client.fence()
    assert not client.is_closed


# Bad input


@pytest.mark.parametrize("protocol", IRC)
@pytest.mark.parametrize(
    ("line", "numeric"),
    [
        (b"FROBNICATE x", "421"),
        (b"PRIVMSG", "411"),
        (b"PRIVMSG #tea", "412"),
        (b"JOIN", "461"),
        (b"KICK #tea", "461"),
        (b"PRIVMSG #tea :" + b"x" * 600, "417"),
        (b"@a=" + b"x" * 5000 + b" PRIVMSG #tea :x", "417"),
        (b"x" * 100_000, "417"),
        (b"PRIVMSG #tea :\xff\xfe", "FAIL"),
        (b"USER a 0 * :again", "462"),
    ],
)
async def test_bad_lines_are_answered(
    place: Place, protocol: str, line: bytes, numeric: str
) -> None:
    ana = await place.meet(protocol, "ana")
    await ana.enter(TEA)
    ana.raw(line + b"\r\n")
    assert (await ana.expect_error()).raw.command == numeric
    assert await ana.rest() == []
    ana.raw(b"\r\n\n  \r\n:\r\n@\r\n@a=b\r\n:x \r\n")
    await is_served(ana)


async def test_lines_may_end_and_arrive_as_they_like(place: Place) -> None:
    ana, rui = await place.irc("ana"), await place.irc("rui")
    await ana.enter(TEA)
    await rui.enter(TEA)
    for byte in b"PRIVMSG #tea :drop by drop\r\n":
        ana.raw(bytes([byte]))
        await ana.writer.drain()
    await rui.expect_said("ana", TEA, "drop by drop")
    ana.raw(b"PRIVMSG #tea :one\nprivmsg #tea :two\r\n:ana!a@b PRIVMSG   #tea   three\r\nPRIV")
    for text in ("one", "two", "three"):
        await rui.expect_said("ana", TEA, text)
    ana.raw(b"MSG #tea :four\n")
    await rui.expect_said("ana", TEA, "four")
    ana.raw(b"PRIVMSG #tea :never ended")
    await ana.close()
    assert [s.kind for s in await rui.rest() if s.kind != "quit"] == []


@pytest.mark.parametrize("protocol", JSON)
@pytest.mark.parametrize(
    "document",
    [
        {"op": "FROBNICATE"},
        {"op": 5},
        {},
        {"message": "no op"},
        {"op": "MESSAGE"},
        {"op": "MESSAGE", "target": TEA},
        {"op": "MESSAGE", "target": TEA, "message": 5},
        {"op": "MESSAGE", "target": TEA, "message": ""},
        {"op": "MESSAGE", "target": [TEA], "message": "x"},
        {"op": "JOIN"},
        {"op": "JOIN", "channel": ""},
        {"op": "KICK", "channel": TEA},
        {"op": "LOGIN"},
        {"op": "PART", "channel": TEA, "hash": "x" * 200},
        ["op", "MESSAGE"],
        "op",
        7,
        None,
    ],
    ids=json.dumps,
)
async def test_bad_documents_are_answered(place: Place, protocol: str, document: Any) -> None:
    ana, rui = await place.meet(protocol, "ana"), await place.meet(protocol, "rui")
    await ana.enter(TEA)
    await rui.enter(TEA)
    await rui.rest()
    for _ in range(5):  # what is JSON does not count as unreadable
        ana.raw(json.dumps(document).encode() + b"\n")
        error = await ana.expect_error()
        assert len(error.text) > 10
    await is_served(ana)
    assert await rui.rest() == []


@pytest.mark.parametrize("protocol", JSON)
@pytest.mark.parametrize("junk", [b"hello", b'{"op":}', b"\xff\xfe", b"}", b'{"a\x01b":1}'])
async def test_three_unreadable_messages_in_a_row_are_enough(
    place: Place, protocol: str, junk: bytes
) -> None:
    ana, rui = await place.meet(protocol, "ana"), await place.irc("rui")
    await ana.enter(TEA)
    await rui.enter(TEA)
    for _ in range(4):  # what can be read in between makes it good again
        ana.raw(junk + b"\n")
        await ana.expect_error()
        ana.raw(junk + b"\n")
        await ana.expect_error()
        await is_served(ana)
    for _ in range(3):
        ana.raw(junk + b"\n")
        await ana.writer.drain()
    await ana.expect_goodbye("3 messages in a row")
    await rui.expect_quit("ana")


@pytest.mark.parametrize("protocol", JSON)
async def test_documents_may_arrive_as_they_like(place: Place, protocol: str) -> None:
    ana, rui = await place.meet(protocol, "ana"), await place.irc("rui")
    await ana.enter(TEA)
    await rui.enter(TEA)
    document = json.dumps({"op": "MESSAGE", "target": TEA, "message": "gota a gota: ç"}).encode()
    for byte in document:
        ana.raw(bytes([byte]))
        await ana.writer.drain()
    await rui.expect_said("ana", TEA, "gota a gota: ç")
    ana.raw(document * 3)
    for _ in range(3):
        await rui.expect_said("ana", TEA, "gota a gota: ç")
    ana.raw(document[:20])
    await ana.close()
    await rui.expect_quit("ana")


@pytest.mark.parametrize("protocol", JSON)
async def test_a_document_without_end_is_refused(place: Place, protocol: str) -> None:
    ana = await place.meet(protocol, "ana")
    ana.raw(b'{"op":"MESSAGE","target":"#tea","message":"' + b"x" * 100_000)
    await ana.expect_error("at most")
    ana.raw(b'"}\n')
    await is_served(ana)


@pytest.mark.parametrize("protocol", NAMELESS)
async def test_nothing_can_be_done_before_one_has_a_name(place: Place, protocol: str) -> None:
    rui = await place.irc("rui")
    await rui.enter(TEA)
    stranger = await place.knock(CLIENTS[protocol])
    stranger.join(TEA)
    await stranger.expect_error()
    stranger.say(TEA, "hello")
    await stranger.expect_error()
    assert await rui.rest() == []


@pytest.mark.parametrize("scheme", ["irc", "json", "rech", "pychat", "chatroom"])
@pytest.mark.parametrize("verb", ["GET", "POST", "OPTIONS", "CONNECT"])
async def test_a_browser_is_sent_away(place: Place, scheme: str, verb: str) -> None:
    rui = await place.irc("rui")
    reader, writer = await asyncio.open_connection("127.0.0.1", place.ports[scheme])
    writer.write(f"{verb} / HTTP/1.1\r\n".encode())
    writer.write(b"Host: x\r\n\r\nNICK ana\r\nUSER ana 0 * :x\r\n")
    writer.write(b'{"op":"LOGIN","name":"ana"}\n')
    try:
        async with asyncio.timeout(PATIENCE_S):
            assert b"ana" not in await reader.read(1 << 16)
    except ConnectionError:
        pass
    writer.close()
    assert await rui.users() == {"rui"}


# Too much, too late


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_flood_is_slowed_down_and_nothing_of_it_is_lost(
    tmp_path: Path, protocol: str
) -> None:
    limits = {"commands_per_second": 500, "commands_burst": 20}
    async with running(tmp_path, settings(limits=limits)) as place:
        ana, rui = await place.meet(protocol, "ana"), await place.irc("rui")
        await ana.enter(TEA)
        await rui.enter(TEA)
        for i in range(100):
            ana.say(TEA, f"flood {i}")
        for i in range(100):
            await rui.expect_said("ana", TEA, f"flood {i}")
        await is_served(ana)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_while_a_flood_is_held_back_others_are_served(tmp_path: Path, protocol: str) -> None:
    # So slow that none of what is over the limit is done in this test.
    limits = {"commands_per_second": 0.0001, "commands_burst": 30}
    async with running(tmp_path, settings(limits=limits)) as place:
        ana, rui = await place.meet(protocol, "ana"), await place.irc("rui")
        await ana.enter(TEA)
        await rui.enter(TEA)
        for i in range(5_000):
            ana.say(TEA, f"flood {i}")
        await rui.expect_said("ana", TEA, "flood 0")
        eva = await place.irc("eva")
        eva.tell("rui", "what a noise")
        await rui.expect_told("eva", "what a noise")
        assert len([s for s in rui.seen if s.text.startswith("flood")]) <= 30
        # That it is gone is seen when something is to be sent to it: it is not read from.
        await ana.drop()
        rui.say(TEA, "are you all right?")
        await rui.expect_quit("ana")


@pytest.mark.parametrize("protocol", NAMELESS)
async def test_who_does_not_say_who_they_are_is_sent_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    monkeypatch.setattr(app, "SWEEP_S", 0.01)
    limits = {"login_s": 0.05, "legacy_login_s": 0.05}
    async with running(tmp_path, settings(limits=limits)) as place:
        stranger = await place.knock(CLIENTS[protocol])
        await stranger.expect_goodbye()


async def test_who_says_nothing_is_asked_and_then_sent_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "SWEEP_S", 0.01)
    async with running(tmp_path, settings(limits={"ping_s": 0.5})) as place:
        ana = await place.irc("ana")
        await ana.expect(lambda s: s.whom == "PING", "a PING")
        ana.send("PONG x")
        await ana.expect(lambda s: s.whom == "PING", "a PING")
        await ana.expect_goodbye("ping timeout")


@pytest.mark.parametrize("scheme", ["irc", "rech"])
async def test_who_does_not_read_is_sent_away_and_others_see_why(
    tmp_path: Path, scheme: str
) -> None:
    async with running(tmp_path, settings(limits={"output_bytes": 50_000})) as place:
        ana = await place.come(DiscoveryProgram, "ana")
        rui = await place.irc("rui")
        await ana.enter(TEA)
        await rui.enter(TEA)
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", place.ports[scheme]))
        if scheme == "irc":
            deaf.sendall(b"NICK eva\r\nUSER eva 0 * :x\r\nJOIN #tea\r\n")
        else:
            deaf.sendall(b'{"op":"LOGIN","name":"eva"}\n{"op":"JOIN","channel":"#tea"}\n')
        await rui.expect_joined("eva", TEA)
        while not any(s.kind == "quit" for s in rui.seen):
            for _ in range(100):
                ana.say(TEA, "x" * 4000)
            await ana.fence()
            await rui.fence_ahead()
        assert "Output queue exceeded" in (await rui.expect_quit("eva")).text
        deaf.close()
        await is_served(ana)


async def test_slow_old_clients_get_one_frame_at_a_time(tmp_path: Path) -> None:
    async with running(tmp_path, settings(limits={"legacy_pacing_ms": 5})) as place:
        ana = await place.irc("ana")
        old = [await place.meet(protocol, f"old{protocol}") for protocol in OLD_JSON]
        await ana.enter(TEA)
        for client in old:
            await client.enter(TEA)
        for i in range(30):
            ana.say(TEA, f"line {i}")
        for client in old:
            for i in range(30):
                await client.expect_said("ana", TEA, f"line {i}")


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_connection_that_was_closed_is_gone_at_once(
    place: Place, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    closed = asyncio.Event()
    original = app.Server.closed

    def note(server: app.Server, connection: Connection) -> None:
        original(server, connection)
        closed.set()

    monkeypatch.setattr(app.Server, "closed", note)
    # The server lingers only for those who may still have something to read.
    monkeypatch.setattr("tertulia.server.connection.LINGER_S", 3600.0)
    ana = await place.meet(protocol, "ana")
    await ana.close()
    async with asyncio.timeout(PATIENCE_S):
        await closed.wait()


# Who may come


class FakeServer:
    """As much of a server as `Server.admit` and `Server.closed` look at."""

    admit = app.Server.admit
    closed = app.Server.closed

    def __init__(
        self, allow_public: bool = False, peers: tuple[str, ...] = (), **limits: int
    ) -> None:
        self._settings = settings(
            limits=limits,
            server=ServerSettings(name=SERVER, allow_public=allow_public),
            network=NetworkSettings(discovery=False, table_peers=peers),
        )
        self._stopping = False
        self._connections: set[Any] = set()
        self._per_address: dict[str, int] = {}

    def knock(self, host: str, *, secure: bool = False, scheme: str = "irc") -> Connection | None:
        """Return the connection if it is let in."""
        chosen = SCHEMES["ircs" if secure else scheme]
        connection = cast("Connection", SimpleNamespaceWithHash(peer=Peer(host, 4000, secure)))
        server = cast("app.Server", self)
        session = app.Server.admit(server, connection, lambda *_: cast("Any", "session"), chosen)
        if session is None:
            app.Server.closed(server, connection)
            return None
        return connection

    def leave(self, connection: Connection) -> None:
        app.Server.closed(cast("app.Server", self), connection)


class SimpleNamespaceWithHash(SimpleNamespace):
    __hash__ = object.__hash__  # type: ignore[assignment]


@pytest.mark.parametrize("host", ["10.0.0.7", "fd00::7"])
def test_one_address_has_only_so_many_connections(host: str) -> None:
    server = FakeServer(connections_per_address=3)
    first, *others = [server.knock(host) for _ in range(3)]
    assert first and all(others)
    assert server.knock(host) is None
    assert server.knock("10.0.0.8") is not None
    server.leave(first)
    assert server.knock(host) is not None
    assert server.knock(host) is None


def test_this_machine_has_as_many_as_it_likes() -> None:
    server = FakeServer(connections_per_address=1)
    assert all(server.knock("127.0.0.1") for _ in range(10))
    assert all(server.knock("::1") for _ in range(10))


def test_no_limit_is_none() -> None:
    server = FakeServer(connections_per_address=0, connections=0)
    assert all(server.knock("10.0.0.7") for _ in range(200))


def test_all_together_are_limited_too() -> None:
    server = FakeServer(connections=2)
    assert server.knock("10.0.0.1")
    assert server.knock("10.0.0.2")
    assert server.knock("10.0.0.3") is None


@pytest.mark.parametrize("host", ["8.8.8.8", "2a00:1450:4001::1"])
def test_strangers_from_afar_are_let_in_only_where_that_was_said(host: str) -> None:
    assert FakeServer().knock(host) is None
    assert FakeServer(allow_public=True).knock(host) is not None
    assert FakeServer().knock(host, secure=True) is not None


@pytest.mark.parametrize(
    ("peers", "host", "taken"),
    [
        ((), "127.0.0.1", False),
        (("10.0.0.7",), "10.0.0.7", True),
        (("10.0.0.7",), "10.0.0.8", False),
        (("10.0.0.7",), "127.0.0.1", False),
        (("192.0.2.1", "10.0.0.0/24"), "10.0.0.8", True),
        (("fd00::/64",), "fd00::1", True),
        (("fd00::/64",), "10.0.0.8", False),
        (("8.8.8.8",), "8.8.8.8", True),
    ],
)
def test_only_servers_that_are_listed_may_link(
    peers: tuple[str, ...], host: str, taken: bool
) -> None:
    for allow_public in (False, True):
        server = FakeServer(allow_public, peers)
        assert (server.knock(host, scheme="peer") is not None) is taken


def test_a_stranger_who_is_turned_away_leaves_nothing_behind() -> None:
    server = FakeServer()
    assert server.knock("8.8.8.8") is None
    assert not server._connections and not server._per_address
