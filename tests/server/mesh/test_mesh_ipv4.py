"""Announcements over IPv4, on this machine's own interfaces."""

import ipaddress
import socket
from typing import Any

import pytest

from tertulia.server.interfaces import Held
from tertulia.server.mesh import ipv4
from tertulia.server.mesh.ipv4 import GROUP, Announcer4
from tertulia.server.offers import Offer

HELD = [
    Held("lo", 1, ipaddress.ip_interface("127.0.0.1/8")),
    Held("eth0", 2, ipaddress.ip_interface("192.0.2.2/24")),
    Held("eth0", 2, ipaddress.ip_interface("fe80::2/64")),
    Held("eth1", 3, ipaddress.ip_interface("198.51.100.3/24")),
]


class Mouth:
    """A socket that keeps what is sent through it."""

    def __init__(self) -> None:
        self.by: Any = None
        self.sent: list[Any] = []
        self.problem: OSError | None = None
        self.closed = False

    def setsockopt(self, _level: int, option: int, request: bytes) -> None:
        assert option == socket.IP_MULTICAST_IF
        self.by = (socket.inet_ntoa(request[4:8]), int.from_bytes(request[8:], "little"))

    def sendto(self, data: bytes, to: Any) -> None:
        if self.problem is not None:
            raise self.problem
        self.sent.append((data, to, self.by))

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def mouth(monkeypatch: pytest.MonkeyPatch) -> Mouth:
    mouth = Mouth()
    monkeypatch.setattr(ipv4, "_open", lambda: mouth)
    monkeypatch.setattr(ipv4, "speaks_multicast", lambda _name: True)
    return mouth


def announcer(*bound: str) -> Announcer4:
    return Announcer4(Offer("mesh", 7447, tuple(ipaddress.ip_address(at) for at in bound)))


def test_it_is_said_on_every_interface_from_its_own_address(mouth: Mouth) -> None:
    assert announcer("0.0.0.0").announce(HELD, b"here") is None
    to = (GROUP, 7447)
    assert mouth.sent == [
        (b"here", to, ("192.0.2.2", 2)),
        (b"here", to, ("198.51.100.3", 3)),
    ]


def test_only_from_where_others_can_come_in(mouth: Mouth) -> None:
    assert announcer("198.51.100.3").announce(HELD, b"here") is None
    assert [by for _, _, by in mouth.sent] == [("198.51.100.3", 3)]


@pytest.mark.parametrize("held", [[], HELD[:1]])
def test_without_a_network_nobody_hears_it(mouth: Mouth, held: list[Held]) -> None:
    assert (
        announcer("0.0.0.0").announce(held, b"here") == "no interface carries multicast over IPv4"
    )


@pytest.mark.parametrize(
    ("problem", "is_heard"), [(BlockingIOError(), True), (OSError(101, "unreachable"), False)]
)
def test_full_buffers_are_no_failure(mouth: Mouth, problem: OSError, is_heard: bool) -> None:
    mouth.problem = problem
    assert (announcer("0.0.0.0").announce(HELD, b"here") is None) is is_heard


def test_it_ends(mouth: Mouth) -> None:
    one = announcer("0.0.0.0")
    one.close()
    one.announce(HELD, b"here")
    one.close()
    assert mouth.closed
