"""A connection with another server, from the handshake to its end; both ends are here."""

import asyncio
import hashlib
import secrets
from typing import Any

import pytest

from tertulia.replication.handshake import Accepted, Handshake, Refused
from tertulia.replication.messages import Hello
from tertulia.server.mesh import link as mesh_link
from tertulia.server.mesh.link import MeshLink

SECRET = bytes(32)
CERTIFICATE = b"the certificate"


class TlsObject:
    def getpeercert(self, binary_form):
        assert binary_form
        return CERTIFICATE


class Socket:
    def setsockopt(self, *_):
        pass


class Transport:
    """One end of a pipe that is emptied by the test."""

    def __init__(self, name=("192.0.2.1", 7447)):
        self.extra = {"peername": name, "ssl_object": TlsObject(), "socket": Socket()}
        self.written = b""
        self.closing = False
        self.aborted = False

    def get_extra_info(self, key):
        return self.extra[key]

    def set_write_buffer_limits(self, high, low):
        assert high > low

    def get_write_buffer_size(self):
        return len(self.written)

    def write(self, data):
        assert not self.closing
        self.written += data

    def is_closing(self):
        return self.closing

    def close(self):
        self.closing = True

    def abort(self):
        self.closing = self.aborted = True


class End:
    """A server with one connection."""

    def __init__(self, role, secret=SECRET, unwanted="", name=("192.0.2.1", 7447)):
        self.me = Hello(
            secrets.token_hex(16), 1, role, secrets.token_hex(32), secrets.token_hex(16)
        )
        self.secret = secret
        self.why_unwanted = unwanted
        self.results: list[Any] = []
        self.events: list[Any] = []
        certificate = hashlib.sha256(CERTIFICATE).digest()
        given = certificate if role == "responder" else b""
        self.link = MeshLink(self, role, lambda link, result: self.results.append(result), given)
        self.transport: Any = Transport(name)

    def connect(self):
        self.link.connection_made(self.transport)

    def handshake(self, role, certificate):
        return Handshake(role, self.me, [self.secret], certificate)

    def unwanted(self, peer):
        return self.why_unwanted

    def opened(self, link):
        self.events.append("opened")

    def data(self, link, data):
        self.events.append(data)

    def drained(self, link):
        self.events.append("drained")

    def closed(self, link, why):
        self.events.append(("closed", why))

    def take(self):
        data, self.transport.written = self.transport.written, b""
        return data


def flow(one, other, size=None):
    """Bring everything that is written over, in pieces."""
    while one.transport.written or other.transport.written:
        for source, target in ((one, other), (other, one)):
            data = source.take()
            for i in range(0, len(data), size or len(data) or 1):
                target.link.data_received(data[i : i + (size or len(data))])


@pytest.fixture(params=[None, 1])
def size(request):
    return request.param


async def met(size=None, **responder):
    one, other = End("initiator"), End("responder", **responder)
    one.connect()
    other.connect()
    flow(one, other, size)
    return one, other


async def test_both_ends_open(size):
    one, other = await met(size)
    for end, peer in ((one, other), (other, one)):
        [result] = end.results
        assert isinstance(result, Accepted)
        assert end.link.peer == peer.me
        assert end.events == ["opened"]
    assert (one.link.initiated, other.link.initiated) == (True, False)


async def test_what_is_said_at_once_is_not_lost():
    one, other = End("initiator"), End("responder")
    one.connect()
    other.connect()
    other.link.data_received(one.take())
    one.link.data_received(other.take())
    other.link.data_received(one.take() + b"more\n")
    assert other.events == ["opened", b"more\n"]
    other.link.send(b"hello\n")
    one.link.data_received(other.take())
    assert one.events == ["opened", b"hello\n"]


async def test_another_secret(size):
    one, other = await met(size, secret=bytes(31) + b"x")
    for end in (one, other):
        [result] = end.results
        assert isinstance(result, Refused)
        assert end.transport.closing
        assert end.events == []
        end.link.connection_lost(None)
        assert len(end.results) == 1
        assert end.events == []
    assert one.results[0].by_peer


async def test_one_who_is_not_wanted_is_told(size):
    one, other = await met(size, unwanted="not you")
    assert (other.results[0].why, other.results[0].text) == ("banned", "not you")
    assert (one.results[0].by_peer, one.results[0].text) == (True, "not you")
    assert one.events == other.events == []


async def test_a_lost_connection_is_told_once():
    one, _ = await met()
    one.link.connection_lost(ConnectionResetError())
    assert one.events[1:] == [("closed", "the connection was lost")]


async def test_after_a_close_nothing_more_is_heard(monkeypatch):
    monkeypatch.setattr(mesh_link, "FLUSH_S", 0.0)
    one, _ = await met()
    one.link.close("enough")
    one.link.close("again")
    one.link.send(b"too late")
    one.link.data_received(b"too late")
    assert one.transport.closing
    assert not one.transport.aborted
    await asyncio.sleep(0.01)
    assert one.transport.aborted
    one.link.connection_lost(None)
    assert one.events == ["opened", ("closed", "enough")]


@pytest.mark.parametrize("how", ["eof", "lost", "late", "noise"])
async def test_a_handshake_that_comes_to_nothing(monkeypatch, how):
    monkeypatch.setattr(mesh_link, "HANDSHAKE_S", 0.0)
    end = End("responder")
    end.connect()
    if how == "eof":
        assert end.link.eof_received() is False
    elif how == "late":
        await asyncio.sleep(0.01)
        assert end.transport.aborted
    elif how == "noise":
        end.link.data_received(b"x" * 5000)
    end.link.connection_lost(None)
    [result] = end.results
    assert isinstance(result, Refused)
    assert end.events == []


async def test_there_is_no_time_limit_on_a_link(monkeypatch):
    monkeypatch.setattr(mesh_link, "HANDSHAKE_S", 0.005)
    one, _ = await met()
    await asyncio.sleep(0.02)
    assert not one.transport.closing


async def test_room_is_told_in_a_turn_of_its_own():
    one, _ = await met()
    one.link.resume_writing()
    assert one.events == ["opened"]
    await asyncio.sleep(0)
    assert one.events == ["opened", "drained"]


@pytest.mark.parametrize(
    ("name", "address"),
    [
        (("192.0.2.1", 7447), "192.0.2.1:7447"),
        (("fd00::1", 7447, 0, 0), "[fd00::1]:7447"),
        (("::ffff:192.0.2.1", 7447, 0, 0), "192.0.2.1:7447"),
        (("fe80::1", 7447, 0, 1), "[fe80::1%lo]:7447"),
        (("fe80::1", 7447, 0, 999_999), "[fe80::1%999999]:7447"),
    ],
)
async def test_where_the_other_end_is(name, address):
    end = End("responder", name=name)
    end.connect()
    assert end.link.address == address


async def test_a_connection_that_is_gone_when_it_is_made():
    end = End("responder", name=None)
    end.connect()
    assert isinstance(end.results[0], Refused)
    assert end.transport.aborted
