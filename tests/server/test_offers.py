"""What is offered where, and which addresses are the best to be found at."""

import ipaddress
import socket

import pytest

from tertulia.server.interfaces import Held
from tertulia.server.offers import Offer, offer_of, preferred


def offer(*bound):
    return Offer("irc", 6667, tuple(ipaddress.ip_address(address) for address in bound))


@pytest.mark.parametrize(
    ("bound", "address", "takes"),
    [
        ("0.0.0.0", "192.0.2.1", True),
        ("0.0.0.0", "2001:db8::1", False),
        ("::", "2001:db8::1", True),
        ("::", "::1", True),
        ("::", "192.0.2.1", False),
        ("fd00::1", "fd00::1", True),
        ("fd00::1", "fd00::2", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "192.0.2.1", False),
    ],
)
def test_what_a_listener_takes(bound, address, takes):
    assert offer(bound).takes(ipaddress.ip_address(address)) is takes
    assert not offer().takes(ipaddress.ip_address(address))


def test_what_others_can_reach():
    assert not offer("127.0.0.1", "::1").is_open
    assert offer("127.0.0.1", "::").is_open
    assert offer("192.0.2.1").is_open


def test_an_offer_is_where_the_sockets_are():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert offer_of("json", [listener]) == Offer(
            "json", port, (ipaddress.ip_address("127.0.0.1"),)
        )


def test_the_best_address_first():
    in_order = [
        ("fd00::1/64", 0x80),
        ("2001:470:1::1/64", 0x80),
        ("fd00::2/64", 0x01),
        ("2001:470:1::2/64", 0x20),
        ("fe80::1/64", 0x80),
    ]
    tentative = ("fd00::3/64", 0x40)
    held = [
        Held("eth0", 2, ipaddress.ip_interface(address), flags)
        for address, flags in [tentative, *reversed(in_order)]
    ]
    assert [str(one.at) for one in preferred(held)] == [address for address, _ in in_order]
