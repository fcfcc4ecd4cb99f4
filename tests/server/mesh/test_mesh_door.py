"""Who is let in to show that they know the secret."""

import asyncio
import contextlib
import errno
import ipaddress
import secrets
import socket
from typing import Any

import pytest

from tertulia.replication.handshake import Accepted, Handshake, Refused
from tertulia.replication.messages import Hello
from tertulia.server.mesh import door as mesh_door
from tertulia.server.mesh.dial import dial
from tertulia.server.mesh.door import Door
from tertulia.server.mesh.tls import MeshTls


class Owner:
    """Whose door it is, and who comes to it."""

    def __init__(self, name, secret):
        self.me = Hello(
            secrets.token_hex(16), 1, name, secrets.token_hex(32), secrets.token_hex(16)
        )
        self.secret = secret
        self.links = []

    def handshake(self, role, certificate):
        return Handshake(role, self.me, [self.secret], certificate)

    def unwanted(self, peer):
        return ""

    def opened(self, link):
        self.links.append(link)

    def data(self, link, data):
        pass

    def drained(self, link):
        pass

    def closed(self, link, why):
        self.links.remove(link)


class Place:
    def __init__(self, tls):
        self.tls = tls
        self.results: list[Any] = []
        self.failures: list[tuple[str, str]] = []
        self.allowed = True
        self.owner = Owner("north", bytes(32))
        self.door = Door(
            self.owner,
            tls,
            lambda address: self.allowed,
            lambda link, result: self.results.append(result),
            lambda address, reason: self.failures.append((address, reason)),
        )

    async def open(self):
        [listener] = await self.door.open("127.0.0.1", 0)
        self.port = listener.getsockname()[1]


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return MeshTls(tmp_path_factory.mktemp("tls"), "north.example")


@pytest.fixture
async def place(tls):
    place = Place(tls)
    await place.open()
    yield place
    place.door.close()
    for link in place.owner.links:
        link.abort()
    await asyncio.sleep(0)


async def closed(reader):
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""


async def knock(place):
    return await asyncio.open_connection("127.0.0.1", place.port)


async def test_who_knows_the_secret_comes_in(place):
    visitor = Owner("south", bytes(32))
    link, result = await dial(visitor, place.tls, "127.0.0.1", place.port)
    assert isinstance(result, Accepted)
    assert link.certificate == place.tls.digest
    [inside] = place.owner.links
    assert inside.peer == visitor.me
    # Those inside are no strangers any more.
    async with asyncio.timeout(10):
        while place.door._visits:
            await asyncio.sleep(0.01)
    link.abort()


async def test_who_does_not_is_told_and_closed(place):
    _, result = await dial(Owner("south", b"x" * 32), place.tls, "127.0.0.1", place.port)
    assert isinstance(result, Refused)
    assert "do not share a secret" in result.text
    [here] = place.results
    assert here.why == "secret"


async def test_from_afar_nobody_comes(place):
    place.allowed = False
    reader, writer = await knock(place)
    await closed(reader)
    writer.close()
    assert place.failures == [("127.0.0.1", "not a near address, nor one of network.peers")]


async def test_one_address_has_few_strangers(place, monkeypatch):
    monkeypatch.setattr(mesh_door, "shortest", lambda host: ipaddress.ip_address("192.0.2.1"))
    idle = [await knock(place) for _ in range(mesh_door.STRANGERS_PER_ADDRESS + 2)]
    for reader, _ in idle[-2:]:
        await closed(reader)
    assert {reason for _, reason in place.failures} == {"too many connections from this address"}
    for _, writer in idle:
        writer.close()


async def test_there_are_few_strangers_and_the_oldest_goes(place, monkeypatch):
    monkeypatch.setattr(mesh_door, "STRANGERS_MOST", 3)
    idle = [await knock(place) for _ in range(5)]
    for reader, _ in idle[:2]:
        await closed(reader)
    link, result = await dial(Owner("south", bytes(32)), place.tls, "127.0.0.1", place.port)
    assert isinstance(result, Accepted)
    link.abort()
    for _, writer in idle:
        writer.close()


async def test_who_never_begins_is_closed(place, monkeypatch):
    monkeypatch.setattr(mesh_door, "TLS_S", 0.1)
    reader, writer = await knock(place)
    await closed(reader)
    writer.close()
    async with asyncio.timeout(10):
        while not place.failures:
            await asyncio.sleep(0.01)
    assert "TLS" in place.failures[0][1]


async def test_a_taken_port_is_an_error(place):
    with pytest.raises(OSError, match="in use"):
        await place.door.open("127.0.0.1", place.port)


async def test_a_machine_without_ipv6(place, monkeypatch):
    bound = mesh_door._bound

    def without_ipv6(family, name):
        if family == socket.AF_INET6:
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        return bound(family, name)

    monkeypatch.setattr(mesh_door, "_bound", without_ipv6)
    [listener] = await place.door.open(None, 0)
    assert listener.family == socket.AF_INET
    with pytest.raises(OSError, match="assign"):
        await place.door.open("::1", 0)


async def test_a_closed_door(place):
    reader, writer = await knock(place)
    await asyncio.sleep(0.05)
    place.door.close()
    await closed(reader)
    writer.close()
    await asyncio.sleep(0)
    with pytest.raises(OSError):
        await knock(place)
