"""The control socket: who can open it, and what it makes of whatever is said on it."""

import asyncio
import json
import socket
import stat
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tertulia.domain.errors import NoSuchUser
from tertulia.server import control
from tertulia.server import control_messages as m
from tertulia.server.control import ControlServer
from tertulia.server.control_messages import REQUEST_BYTES, address_of

STATS = b'{"do":"stats"}\n'


class Console:
    """Answers with the request itself; what is said to `nobody` and `trouble` is not done."""

    def __init__(self):
        self.held = asyncio.Event()
        self.held.set()

    async def answer(self, request):
        await self.held.wait()
        if isinstance(request, m.Say) and request.target == "nobody":
            raise NoSuchUser("nobody")
        if isinstance(request, m.Say) and request.target == "trouble":
            raise ZeroDivisionError
        return type(request).__name__


@pytest.fixture
def console():
    return Console()


@pytest.fixture
async def server(tmp_path, console):
    one = ControlServer(tmp_path / "control", console.answer)
    await one.start()
    yield one
    await one.close()


@asynccontextmanager
async def visit(path):
    with address_of(path) as address:
        reader, writer = await asyncio.open_unix_connection(address, limit=1 << 24)
    try:
        yield reader, writer
    finally:
        writer.close()


async def ask(connection, line):
    reader, writer = connection
    writer.write(line)
    async with asyncio.timeout(10):
        return json.loads(await reader.readline())


async def test_only_its_owner_can_open_it(server, tmp_path):
    status = (tmp_path / "control").stat()
    assert stat.S_ISSOCK(status.st_mode)
    assert stat.S_IMODE(status.st_mode) == 0o600


async def test_many_requests_on_many_connections(server, tmp_path):
    async with visit(tmp_path / "control") as one, visit(tmp_path / "control") as other:
        for _ in range(3):
            assert await ask(one, STATS) == {"ok": "Stats"}
            assert await ask(other, b'{"do":"users","channel":"#tea"}\n') == {"ok": "Users"}
        one[1].write(STATS + b'{"do":"channels"}\n')
        assert [json.loads(await one[0].readline())["ok"] for _ in range(2)] == [
            "Stats",
            "Channels",
        ]


async def test_what_is_refused_is_told_and_nothing_ends(server, tmp_path):
    async with visit(tmp_path / "control") as one:
        said = b'{"do":"say","target":"%s","text":"x"}\n'
        assert await ask(one, said % b"nobody") == {"error": "There is no user nobody"}
        assert await ask(one, said % b"trouble") == {"error": "Internal error"}
        assert await ask(one, STATS) == {"ok": "Stats"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", "no request"),
        (b"garbage", "no request"),
        (b"\xff\xfe\x00", "no request"),
        (b"[]", "no request"),
        (b'{"do":"dance"}', "dance"),
        (b'{"channel":"#tea"}', "do"),
        (b'{"do":"users","chanel":"#tea"}', "chanel"),
        (b'{"do":"say","target":"#tea"}', "text"),
        (b'{"do":"say","target":5,"text":"x"}', "target"),
        (b'{"do":"say","target":"#tea","text":"\\ud800"}', "no request"),
        (b"[" * 60_000, "no request"),
        (b'{"do":"users","channel":' + b"[" * 60_000, "no request"),
        (b"x" * (REQUEST_BYTES + 1), str(REQUEST_BYTES)),
        (b"x" * (REQUEST_BYTES * 20), str(REQUEST_BYTES)),
        (STATS[:-1] + b" " * REQUEST_BYTES, str(REQUEST_BYTES)),
    ],
)
async def test_what_is_no_request_is_told_and_nothing_ends(server, tmp_path, line, words):
    async with visit(tmp_path / "control") as one:
        answer = await ask(one, line + b"\n")
        assert list(answer) == ["error"]
        assert words in answer["error"]
        assert "\n" not in answer["error"]
        assert await ask(one, STATS) == {"ok": "Stats"}


@given(st.lists(st.one_of(st.binary(max_size=200), st.just(STATS[:-1])), max_size=8))
@example([b'{"do":"say","target":"' + b"\xc3" + b'","text":"x"}'])
def test_each_line_gets_one_answer(lines):
    lines = [line.replace(b"\n", b" ") for line in lines]

    async def answers():
        server: Any = ControlServer(Path("nowhere"), Console().answer)
        server._listener = "listening"
        reader = asyncio.StreamReader(limit=100)
        reader.feed_data(b"\n".join([*lines, b""]))
        reader.feed_eof()
        found = []
        for _ in lines:
            found.append(await server._answer(await control._next_line(reader)))
        assert reader.at_eof()
        return found

    found = asyncio.run(answers())
    assert [answer.error is None for answer in found] == [line == STATS[:-1] for line in lines]


async def test_half_a_line_and_a_reset_hurt_nobody(server, tmp_path):
    async with visit(tmp_path / "control") as one:
        one[1].write(b'{"do":')
        await one[1].drain()
    async with visit(tmp_path / "control") as one:
        one[1].write(STATS * 1000)
        one[1].transport.abort()
    async with visit(tmp_path / "control") as one:
        assert await ask(one, STATS) == {"ok": "Stats"}


async def test_one_connection_too_many_is_closed(server, tmp_path, monkeypatch):
    monkeypatch.setattr(control, "CONNECTIONS_MOST", 1)
    async with visit(tmp_path / "control") as one:
        assert await ask(one, STATS) == {"ok": "Stats"}
        async with visit(tmp_path / "control") as other:
            assert await other[0].read() == b""
        assert await ask(one, STATS) == {"ok": "Stats"}


async def test_a_stale_socket_is_replaced(tmp_path):
    stale = socket.socket(socket.AF_UNIX)
    with address_of(tmp_path / "control") as address:
        stale.bind(address)
    stale.close()
    server = ControlServer(tmp_path / "control", Console().answer)
    await server.start()
    async with visit(tmp_path / "control") as one:
        assert await ask(one, STATS) == {"ok": "Stats"}
    await server.close()
    assert not (tmp_path / "control").exists()


async def test_what_is_no_socket_is_left_alone(tmp_path, capsys):
    (tmp_path / "control").write_text("mine")
    server = ControlServer(tmp_path / "control", Console().answer)
    await server.start()
    assert "no control socket" in capsys.readouterr().out
    await server.close()
    assert (tmp_path / "control").read_text() == "mine"


async def test_a_path_that_no_address_can_hold(tmp_path):
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    server = ControlServer(folder / "control", Console().answer)
    await server.start()
    async with visit(folder / "control") as one:
        assert await ask(one, STATS) == {"ok": "Stats"}
    await server.close()
    assert list(folder.iterdir()) == []


async def test_at_the_end_it_refuses_then_closes(server, console, tmp_path):
    async with visit(tmp_path / "control") as one, visit(tmp_path / "control") as slow:
        assert await ask(one, STATS) == {"ok": "Stats"}
        assert await ask(slow, STATS) == {"ok": "Stats"}
        console.held.clear()
        slow[1].write(STATS)
        assert await ask(one, b"{}\n")
        server.refuse()
        assert not (tmp_path / "control").exists()
        assert await ask(one, STATS) == {"error": "The server is shutting down"}
        console.held.set()
        assert json.loads(await slow[0].readline()) == {"ok": "Stats"}
        await server.close()
        assert await one[0].read() == b""
        assert await slow[0].read() == b""


async def test_who_waits_does_not_hold_up_the_end(server, console, tmp_path, caplog):
    async with visit(tmp_path / "control") as one:
        console.held.clear()
        one[1].write(STATS)
        await one[1].drain()
        async with visit(tmp_path / "control") as other:
            await ask(other, b"{}\n")
        async with asyncio.timeout(10):
            await server.close()
        assert await one[0].read() == b""
    assert caplog.records == []
