"""DNS-SD: what is published, when it is said anew, and what is said when it cannot be."""

import asyncio
import errno
import ipaddress
import os

import pytest

from tertulia.protocols.announcement import Card, from_txt
from tertulia.server import dnssd
from tertulia.server.dnssd import MOST_ADDRESSES, Publisher, published
from tertulia.server.interfaces import Held
from tertulia.server.offers import Offer

LO = ("lo", 1, "127.0.0.1/8", "::1/128")
ETH = ("eth0", 2, "192.168.0.2/24", "fe80::2/64", "fd00::2/64")
WLAN = ("wlan0", 3, "10.0.0.3/24", "fe80::3/64")
ID = "0123456789abcdef" * 2


def held(*interfaces):
    return [
        Held(name, index, ipaddress.ip_interface(address), 0x80)
        for name, index, *addresses in interfaces
        for address in addresses
    ]


def offer(protocol, port, *bound):
    return Offer(protocol, port, tuple(ipaddress.ip_address(address) for address in bound))


EVERYWHERE = ("0.0.0.0", "::")


@pytest.fixture(autouse=True)
def interfaces(monkeypatch):
    monkeypatch.setattr(dnssd, "speaks_multicast", lambda name: name != "tun0")


class Network:
    """What is registered, and what is done; failures are raised when something is begun."""

    def __init__(self):
        self.done = []
        self.services = {}
        self.failure = None
        self.hangs = False

    def open(self, interfaces):
        if self.failure is not None:
            raise self.failure
        self.done.append(("open", interfaces))
        return self

    async def async_register_service(self, info, *, allow_name_change):
        assert allow_name_change
        if self.hangs:
            await asyncio.Event().wait()
        return self._put("register", info)

    async def async_update_service(self, info):
        return self._put("update", info)

    def _put(self, what, info):
        self.done.append((what, info.type))
        self.services[info.type] = info
        announced = asyncio.get_running_loop().create_future()
        announced.set_result(None)
        return announced

    async def async_close(self):
        self.done.append(("close",))
        self.services.clear()


@pytest.fixture
def network(monkeypatch):
    network = Network()
    monkeypatch.setattr(dnssd, "AsyncZeroconf", network.open)
    return network


class Now:
    """What is so now: the time, and the number of users."""

    def __init__(self):
        self.time = 1000.0
        self.users = 0

    def publisher(self, *offers):
        ports = {offer.protocol: offer.port for offer in offers}
        return Publisher(
            offers,
            lambda: Card(name="tea.example", server_id=ID, ports=ports, users=self.users),
            lambda: self.time,
        )


@pytest.mark.parametrize(
    ("bound", "here", "expected"),
    [
        (EVERYWHERE, [LO, ETH, WLAN], ["192.168.0.2", "fd00::2", "10.0.0.3", "fe80::3"]),
        (["::"], [LO, ETH], ["fd00::2"]),
        (["192.168.0.2"], [LO, ETH, WLAN], ["192.168.0.2"]),
        (EVERYWHERE, [LO], ["127.0.0.1", "::1"]),
        (EVERYWHERE, [LO, ("tun0", 4, "fd00::4/64")], ["127.0.0.1", "::1"]),
        (EVERYWHERE, [], []),
    ],
)
def test_which_addresses(bound, here, expected):
    assert [str(one.at.ip) for one in published([offer("irc", 1, *bound)], held(*here))] == expected


def test_not_more_addresses_than_a_packet_holds():
    many = [(f"veth{n}", n, f"fe80::{n}/64") for n in range(100)]
    kept = published([offer("irc", 1, "::")], held(*many, ETH))
    assert len(kept) == MOST_ADDRESSES
    assert str(kept[0].at.ip) == "fd00::2"


async def test_the_services(network):
    publisher = Now().publisher(
        offer("json", 12000, "0.0.0.0"),
        offer("irc", 6667, *EVERYWHERE),
        offer("ircs", 6697, "192.168.0.2"),
    )
    assert await publisher.publish(held(LO, ETH)) is None
    assert network.done[0] == ("open", ["192.168.0.2", 2])
    seen = {
        type_: (info.name, info.port, info.server, info.parsed_addresses())
        for type_, info in network.services.items()
    }
    assert seen == {
        "_tertulia._tcp.local.": (
            "tea-example._tertulia._tcp.local.",
            12000,
            f"tertulia-{ID}.local.",
            ["192.168.0.2", "fd00::2"],
        ),
        "_irc._tcp.local.": (
            "tea-example._irc._tcp.local.",
            6667,
            f"irc-{ID}.local.",
            ["192.168.0.2", "fd00::2"],
        ),
        "_ircs._tcp.local.": (
            "tea-example._ircs._tcp.local.",
            6697,
            f"ircs-{ID}.local.",
            ["192.168.0.2"],
        ),
    }
    card = from_txt(network.services["_irc._tcp.local."].properties)
    ports = {"json": 12000, "irc": 6667, "ircs": 6697}
    assert card == Card(name="tea.example", server_id=ID, ports=ports, users=0)
    await publisher.close()
    assert network.done[-1] == ("close",)


async def test_what_only_this_machine_reaches_is_not_published(network):
    publisher = Now().publisher(offer("irc", 6667, "127.0.0.1"), offer("json", 12000, "::1"))
    assert await publisher.publish(held(LO, ETH)) is None
    assert network.done == []


async def test_users_are_said_anew_seldom_and_only_when_they_changed(network):
    now = Now()
    publisher = now.publisher(offer("irc", 6667, *EVERYWHERE))
    here = held(LO, ETH)
    await publisher.publish(here)
    network.services["_irc._tcp.local."].name = "tea-example-2._irc._tcp.local."
    network.done.clear()
    now.time += 61
    await publisher.publish(here)
    assert network.done == []
    now.users = 3
    await publisher.publish(here)
    assert network.done == [("update", "_tertulia._tcp.local."), ("update", "_irc._tcp.local.")]
    info = network.services["_irc._tcp.local."]
    assert from_txt(info.properties).users == 3
    # The name that it got when it registered, which may not be the one that it asked for.
    assert info.name == "tea-example-2._irc._tcp.local."
    now.users = 4
    now.time += 59
    await publisher.publish(here)
    assert len(network.done) == 2


async def test_with_other_addresses_it_begins_anew(network):
    publisher = Now().publisher(offer("irc", 6667, *EVERYWHERE))
    await publisher.publish(held(LO))
    assert network.done[0] == ("open", ["127.0.0.1", 1])
    network.done.clear()
    assert await publisher.publish(held(LO, WLAN)) is None
    assert network.done[:2] == [("close",), ("open", ["10.0.0.3", 3])]
    addresses = ["10.0.0.3", "fe80::3"]
    assert network.services["_irc._tcp.local."].parsed_addresses() == addresses


async def test_without_an_address_it_says_so_and_tries_again(network):
    publisher = Now().publisher(offer("irc", 6667, *EVERYWHERE))
    assert await publisher.publish([]) == "no address to publish"
    assert network.done == []
    assert await publisher.publish(held(LO, ETH)) is None
    assert await publisher.publish([]) == "no address to publish"
    assert network.done[-1] == ("close",)


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE)), "port 5353: Address already"),
        (RuntimeError("No interfaces\nto listen on"), "No interfaces to listen on"),
        (AssertionError(), "AssertionError"),
    ],
)
async def test_what_fails_is_one_line_and_is_tried_again(network, failure, words):
    publisher = Now().publisher(offer("irc", 6667, *EVERYWHERE))
    network.failure = failure
    problem = await publisher.publish(held(LO, ETH))
    assert problem is not None
    assert problem.startswith(words)
    assert "\n" not in problem
    network.failure = None
    assert await publisher.publish(held(LO, ETH)) is None
    assert network.services


async def test_nobody_can_hold_it_up(network, monkeypatch):
    monkeypatch.setattr(dnssd, "PATIENCE_S", 0)
    network.hangs = True
    publisher = Now().publisher(offer("irc", 6667, *EVERYWHERE))
    assert await publisher.publish(held(LO, ETH)) == "the network does not agree to a name"
    assert network.done[-1] == ("close",)
