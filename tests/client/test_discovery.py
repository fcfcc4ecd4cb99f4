"""Listening: what is said when one of the two ways does not work, and addresses."""

import asyncio
import contextlib
import socket

import pytest

from tertulia.client import discovery
from tertulia.client.discovery import Finder, find_servers, is_ours
from tertulia.protocols.announcement import datagram


@pytest.fixture
def deaf(monkeypatch):
    """Neither way works."""

    def refused(*_arguments, **_more):
        raise OSError(98, "Address already in use")

    monkeypatch.setattr(discovery, "join_group", refused)
    monkeypatch.setattr("zeroconf.asyncio.AsyncZeroconf", refused)


@pytest.fixture
async def finder(monkeypatch):
    """Hears announcements that come to a port of this machine's loopback address."""
    opened = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        opened.bind(("::1", 0))
    except OSError as error:
        pytest.skip(f"no IPv6: {error}")
    opened.setblocking(False)
    monkeypatch.setattr(discovery, "join_group", lambda: opened)
    monkeypatch.setattr(Finder, "_browse", lambda _self: asyncio.sleep(0))
    finder = Finder()
    await finder.listen(pytest.fail)
    yield finder, opened.getsockname()
    await finder.close()


async def test_what_does_not_work_is_a_line_each(deaf):
    lines: list[str] = []
    async with contextlib.aclosing(find_servers(0.01, lines.append)) as servers:
        assert [found async for found in servers] == []
    announcements, dns_sd = lines
    assert announcements.startswith("port 1900 cannot be listened on")
    assert dns_sd.startswith("DNS-SD does not work")
    assert all(line.endswith(": Address already in use") for line in lines)


async def test_announcements_among_garbage(finder):
    finder, address = finder
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        for data in (b"", b"\xff" * 1500, b"M-SEARCH * HTTP/1.1", b"RECH_x\0", datagram(4242)):
            sender.sendto(data, address)
    await finder.news.wait()
    [found] = finder.servers.ready(float("inf"))
    assert (found.addresses, found.ports) == (["::1"], {"rech": 4242})


def test_the_scope_is_the_name_of_the_interface():
    [(index, name), *_] = socket.if_nameindex()
    heard = []
    listener = discovery._Listener(lambda data, address: heard.append(address))
    listener.datagram_received(b"", ("fe80::1", 4242, 0, index))
    listener.datagram_received(b"", (f"fe80::1%{name}", 4242, 0, index))
    listener.datagram_received(b"", ("fd00::1", 4242, 0, 0))
    assert heard == [f"fe80::1%{name}", f"fe80::1%{name}", "fd00::1"]
    # The interface has gone meanwhile.
    assert discovery._with_name("fe80::1%4294967") == "fe80::1"


@pytest.mark.parametrize(
    ("address", "ours"),
    [("127.0.0.1", True), ("192.0.2.77", False), ("2001:db8::77", False), ("nonsense%x", False)],
)
def test_whose_an_address_is(address, ours):
    assert is_ours(address) is ours
