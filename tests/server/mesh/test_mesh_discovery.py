"""When servers announce themselves, and what is heard of others."""

import ipaddress
import itertools
import socket
from typing import Any

import pytest
import structlog

from tertulia.replication.announcement import Announced, Foreign, decode, encode
from tertulia.server.interfaces import Held
from tertulia.server.mesh import discovery as mesh_discovery
from tertulia.server.mesh import ipv4
from tertulia.server.mesh.discovery import DATAGRAMS_MOST, MeshDiscovery
from tertulia.server.offers import Offer

ONE, TWO = bytes(32), bytes(31) + b"x"
ME, OTHER = "a" * 32, "b" * 32
HERE = [
    Held("lo", 1, ipaddress.ip_interface("::1/128")),
    Held("eth0", 2, ipaddress.ip_interface("fe80::2/64")),
    Held("tun0", 3, ipaddress.ip_interface("fd00::3/64")),
    Held("lo", 1, ipaddress.ip_interface("127.0.0.1/8")),
    Held("eth0", 2, ipaddress.ip_interface("192.0.2.2/24")),
    Held("tun0", 3, ipaddress.ip_interface("192.0.2.3/24")),
]


def offer(port, *bound):
    return Offer("mesh", port, tuple(ipaddress.ip_address(address) for address in bound))


class Ear:
    """A socket that hears what the test says."""

    def __init__(self):
        self.coming = []
        self.joined = []
        self.closed = False

    def setsockopt(self, level, option, request):
        if level == socket.IPPROTO_IP:
            self.joined.append(request[4:])
            return
        self.joined.append(int.from_bytes(request[16:], "little"))
        if request[16:] == b"\1\0\0\0":
            raise OSError("it is in the group already")

    def recvfrom(self, most):
        if not self.coming:
            raise BlockingIOError
        data, sender = self.coming.pop(0)
        return data[:most], sender

    def close(self):
        self.closed = True


class World:
    def __init__(self, monkeypatch):
        self.ear, self.other_ear = Ear(), Ear()
        self.held = HERE
        self.sent: list[Any] = []
        self.sent_4: list[Any] = []
        self.heard: list[Any] = []
        self.secrets = [ONE]
        self.problem = self.problem_4 = None
        world = self

        class Announcer:
            def __init__(self, offer, to):
                assert to == ("ff15::7447", 7447)

            def announce(self, held, data):
                world.sent.append(data)
                return world.problem

            def close(self):
                pass

        class Announcer4:
            def __init__(self, offer):
                pass

            def announce(self, held, data):
                world.sent_4.append(data)
                return world.problem_4

            def close(self):
                pass

        monkeypatch.setattr(mesh_discovery, "Announcer", Announcer)
        monkeypatch.setattr(ipv4, "Announcer4", Announcer4)
        monkeypatch.setattr(ipv4, "open_ear", lambda: self.other_ear)
        monkeypatch.setattr(ipv4, "speaks_multicast", lambda name: name != "tun0")
        monkeypatch.setattr(mesh_discovery, "_open_ear", lambda: self.ear)
        monkeypatch.setattr(mesh_discovery, "held_addresses", lambda: self.held)
        monkeypatch.setattr(mesh_discovery, "speaks_multicast", lambda name: name != "tun0")
        monkeypatch.setattr(mesh_discovery, "logger", structlog.get_logger())
        self.discovery = MeshDiscovery(
            lambda port: Announced(ME, 7, port, 1, "north"),
            lambda: self.secrets,
            lambda said, host: self.heard.append((said, host)),
        )

    def coming(self, data, host="fd00::9", scope=0):
        self.ear.coming.append((data, (host, 1, 0, scope)))


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch)


def test_it_announces_about_every_five_seconds_with_the_newest_secret(world):
    world.discovery.add(offer(7447, "::"))
    world.discovery.switch(True)
    world.secrets = [TWO, ONE]
    times = []
    for n in range(4000):
        before = len(world.sent)
        world.discovery.tick(n * 0.25)
        if len(world.sent) > before:
            times.append(n * 0.25)
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert times[0] == 0
    assert 4 <= min(gaps) < 4.6
    assert 5.4 < max(gaps) <= 6.25
    assert decode(world.sent[0], [TWO]) == Announced(ME, 7, 7447, 1, "north")


def test_every_listener_as_it_can_be_reached(world):
    world.discovery.add(offer(1, "0.0.0.0"))
    world.discovery.add(offer(2, "0.0.0.0", "::"))
    world.discovery.add(offer(3, "fd00::3"))
    world.discovery.switch(True)
    world.discovery.tick(0)
    said: list[Any] = [decode(data, [ONE]) for data in world.sent]
    assert [one.port for one in said] == [2, 3]
    over_ipv4: list[Any] = [decode(data, [ONE]) for data in world.sent_4]
    assert [one.port for one in over_ipv4] == [1, 2]


def test_what_is_heard_over_ipv4(world):
    world.discovery.switch(True)
    announced = Announced(OTHER, 1, 7447, 1, "south")
    world.other_ear.coming.append((encode(announced, ONE), ("192.0.2.9", 7447)))
    world.discovery.tick(0)
    assert world.heard == [(announced, "192.0.2.9")]
    assert world.other_ear.joined == [socket.inet_aton("192.0.2.2") + b"\2\0\0\0"]


def test_one_kind_of_addresses_is_enough(world, monkeypatch):
    def none():
        raise OSError(97, "Address family not supported by protocol")

    world.discovery.add(offer(7447, "0.0.0.0", "::"))
    world.problem = "no interface carries multicast over IPv6"
    monkeypatch.setattr(mesh_discovery, "_open_ear", none)
    world.discovery.switch(True)
    with structlog.testing.capture_logs() as logs:
        world.discovery.tick(0)
        monkeypatch.setattr(ipv4, "open_ear", none)
        world.discovery.close()
        world.discovery.switch(True)
        world.problem_4 = "no interface carries multicast over IPv4"
        world.discovery.hurry()
        world.discovery.tick(10)
    [line] = logs
    assert "not supported" in line["listening"]
    assert line["announcement"] == world.problem


def test_without_a_listener_it_only_listens(world):
    world.discovery.switch(True)
    world.coming(encode(Announced(OTHER, 1, 7447, 1, "south"), ONE))
    world.discovery.tick(0)
    assert world.sent == []
    assert len(world.heard) == 1


def test_what_is_heard(world):
    world.discovery.switch(True)
    announced = Announced(OTHER, 1, 7447, 1, "south")
    world.coming(encode(announced, ONE))
    world.coming(encode(announced, TWO), "fe80::9", 1)
    world.coming(encode(announced, ONE), "fe80::9", 999_999)
    world.coming(b"noise")
    world.coming(b"")
    world.discovery.tick(0)
    assert world.heard == [
        (announced, "fd00::9"),
        (Foreign(OTHER, "south"), "fe80::9%lo"),
        (announced, "fe80::9%999999"),
    ]


def test_a_flood_waits_for_its_turn(world):
    world.discovery.switch(True)
    for _ in range(DATAGRAMS_MOST + 10):
        world.coming(b"noise")
    world.discovery.tick(0)
    assert len(world.ear.coming) == 10


def test_groups_are_joined_wherever_there_is_an_interface(world):
    world.discovery.switch(True)
    world.discovery.tick(0)
    assert world.ear.joined == [1, 2]
    world.held = [*HERE, Held("eth1", 4, ipaddress.ip_interface("fe80::4/64"))]
    world.discovery.hurry()
    world.discovery.tick(1)
    assert world.ear.joined == [1, 2, 1, 2, 4]


def test_what_does_not_work_is_one_warning(world, monkeypatch):
    def taken():
        raise OSError(98, "Address already in use")

    world.discovery.add(offer(7447, "::"))
    world.problem = "no interface carries multicast over IPv6"
    monkeypatch.setattr(mesh_discovery, "_open_ear", taken)
    monkeypatch.setattr(ipv4, "open_ear", taken)
    world.discovery.switch(True)
    with structlog.testing.capture_logs() as logs:
        for n in range(5):
            world.discovery.tick(10 * n)
    [line] = logs
    assert line["log_level"] == "warning"
    assert "Address already in use" in line["listening"]
    assert line["announcement"] == world.problem


def test_it_is_switched_off_and_on(world):
    world.discovery.add(offer(7447, "::"))
    world.discovery.tick(0)
    assert world.sent == []
    world.discovery.switch(True)
    world.discovery.tick(0)
    world.discovery.switch(False)
    assert world.ear.closed
    world.discovery.tick(100)
    assert len(world.sent) == 1
    world.discovery.switch(True)
    world.discovery.tick(200)
    assert len(world.sent) == 2
