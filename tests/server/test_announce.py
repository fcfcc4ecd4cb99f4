"""The old announcement: from where it is sent, and what is said when it cannot be."""

import errno
import ipaddress
import os
import socket
import struct

import pytest
import structlog

from tertulia.server import announce
from tertulia.server.announce import Announcer, sources
from tertulia.server.interfaces import Held
from tertulia.server.offers import Offer

NO_ROUTE = OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))


def rech(*bound):
    return Offer("rech", 4242, tuple(ipaddress.ip_address(address) for address in bound))


def held(name, index, *addresses):
    return [Held(name, index, ipaddress.ip_interface(address), 0x80) for address in addresses]


HERE = [
    *held("lo", 1, "127.0.0.1/8", "::1/128"),
    *held("eth0", 2, "192.0.2.2/24", "fe80::2/64", "2001:470:1::2/64", "fd00::2/64"),
    *held("wlan0", 3, "fe80::3/64"),
    *held("tun0", 4, "fd00::4/64"),
]


@pytest.fixture(autouse=True)
def interfaces(monkeypatch):
    """All but the tunnel carry multicast."""
    monkeypatch.setattr(announce, "speaks_multicast", lambda name: name != "tun0")


class Wire:
    """A socket that notes what it sends, and fails on some interfaces."""

    def __init__(self):
        self.sent = []
        self.failing = {}
        self.closed = False

    def sendmsg(self, buffers, ancillary, flags, address):
        [(level, kind, info)] = ancillary
        assert (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO)
        source = socket.inet_ntop(socket.AF_INET6, info[:16])
        [index] = struct.unpack("@I", info[16:])
        if index in self.failing:
            raise self.failing[index]
        self.sent.append((b"".join(buffers), source, index, address))

    def close(self):
        self.closed = True


@pytest.fixture
def wire(monkeypatch):
    wire = Wire()
    monkeypatch.setattr(announce, "_open", lambda: wire)
    return wire


@pytest.fixture
def log(monkeypatch):
    monkeypatch.setattr(announce, "logger", structlog.get_logger())
    with structlog.testing.capture_logs() as entries:
        yield entries


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        (["::"], ["::1", "fd00::2", "fe80::3"]),
        (["0.0.0.0", "::"], ["::1", "fd00::2", "fe80::3"]),
        (["::1"], ["::1"]),
        (["2001:470:1::2"], ["2001:470:1::2"]),
        (["0.0.0.0"], []),
        (["127.0.0.1"], []),
    ],
)
def test_one_address_an_interface_and_only_where_it_is_listened(bound, expected):
    assert sorted(str(one.at.ip) for one in sources(rech(*bound), HERE)) == expected


def test_something_else_is_announced_to_another_group(wire):
    announcer = Announcer(rech("::1"), ("ff15::7447", 7447))
    for data in (b"one", b"two"):
        assert announcer.announce(HERE, data) is None
    to = ("ff15::7447", 7447)
    assert wire.sent == [(b"one", "::1", 1, to), (b"two", "::1", 1, to)]


def test_an_announcement(wire):
    announcer = Announcer(rech("::"))
    assert announcer.announce(HERE) is None
    to = ("ff15::1", 1900)
    assert sorted(wire.sent, key=lambda sent: sent[2]) == [
        (b"RECH_4242\0", "::1", 1, to),
        (b"RECH_4242\0", "fd00::2", 2, to),
        (b"RECH_4242\0", "fe80::3", 3, to),
    ]
    announcer.close()
    assert wire.closed


def test_interfaces_come_and_go(wire):
    announcer = Announcer(rech("::"))
    announcer.announce(held("eth0", 2, "fe80::2/64"))
    announcer.announce(held("eth0", 2, "fe80::2/64", "fd00::2/64"))
    announcer.announce(held("eth1", 5, "fe80::5/64"))
    assert [source for _, source, _, _ in wire.sent] == ["fe80::2", "fd00::2", "fe80::5"]


def test_an_interface_that_fails_is_logged_once(wire, log):
    announcer = Announcer(rech("::"))
    wire.failing = {3: NO_ROUTE, 1: NO_ROUTE}
    for _ in range(3):
        assert announcer.announce(HERE) is None
    [entry] = log
    assert (entry["log_level"], entry["interface"]) == ("warning", "wlan0")
    assert entry["reason"] == NO_ROUTE.strerror
    wire.failing = {}
    announcer.announce(HERE)
    wire.failing = {3: NO_ROUTE}
    announcer.announce(HERE)
    assert len(log) == 2


def test_full_buffers_are_no_failure(wire, log):
    wire.failing = {2: BlockingIOError(errno.EAGAIN, "again")}
    assert Announcer(rech("::")).announce(HERE) is None
    assert log == []


def test_no_interface_at_all(wire, log):
    wire.failing = {1: NO_ROUTE}
    announcer = Announcer(rech("::"))
    assert announcer.announce([]) == "no interface carries multicast over IPv6"
    assert announcer.announce(HERE[:2]) == "no interface carries multicast over IPv6"
    assert log == []
    # Who listens on this machine only has no network in mind.
    assert Announcer(rech("::1")).announce(HERE[:2]) is None


def test_no_ipv6(monkeypatch):
    def refused():
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    monkeypatch.setattr(announce, "_open", refused)
    problem = Announcer(rech("::")).announce(HERE)
    assert problem == "no IPv6: Address family not supported by protocol"


def test_the_datagram_goes_no_farther_than_the_link():
    try:
        opened = announce._open()
    except OSError as error:
        pytest.skip(f"no IPv6: {error}")
    with opened:
        assert opened.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS) == 1
        assert not opened.getblocking()
