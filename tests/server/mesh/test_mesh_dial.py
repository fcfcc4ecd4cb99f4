"""Connecting to where nobody is, and to who is no server."""

import asyncio
import ipaddress
import socket
from typing import Any

import pytest

from tertulia.server.mesh import dial as mesh_dial
from tertulia.server.mesh.dial import Unreachable, addresses_of, dial_any
from tertulia.server.mesh.tls import MeshTls


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return MeshTls(tmp_path_factory.mktemp("tls"), "north.example")


async def refusal(tls, host, port):
    learnt: list[Any] = []
    owner: Any = None
    with pytest.raises(Unreachable) as raised:
        await dial_any(owner, tls, host, port, learnt.extend)
    return str(raised.value), learnt


async def test_nobody_is_there(tls):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        text, learnt = await refusal(tls, "127.0.0.1", bound.getsockname()[1])
    assert "refused" in text
    assert learnt == [ipaddress.ip_address("127.0.0.1")]


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 300, "\udc80", "."])
async def test_there_is_no_such_host(tls, host):
    text, learnt = await refusal(tls, host, 7447)
    assert "there is no address" in text
    assert learnt == []


async def test_who_says_nothing_is_not_waited_for(tls, monkeypatch):
    monkeypatch.setattr(mesh_dial, "CONNECT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        text, _ = await refusal(tls, "127.0.0.1", silent.getsockname()[1])
    assert text


async def test_who_does_not_speak_tls(tls):
    async def chatter(reader, writer):
        writer.write(b"220 mail.example\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(chatter, "127.0.0.1", 0)
    async with server:
        text, _ = await refusal(tls, "127.0.0.1", server.sockets[0].getsockname()[1])
    assert text


async def test_a_link_local_address_keeps_its_interface():
    assert await addresses_of("fe80::1%lo", 1) == [("fe80::1%lo", ipaddress.ip_address("fe80::1"))]
