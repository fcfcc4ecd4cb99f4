"""Which addresses are near."""

import ipaddress

import pytest

from tertulia.server import addresses, interfaces
from tertulia.server.addresses import is_near, own_addresses, shortest

NEAR = [
    "127.0.0.1", "127.1.2.3", "::1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.1.1",
    "fe80::1", "fe80::1%eth0", "fd00::1", "::ffff:127.0.0.1", "::ffff:192.168.1.1",
]  # fmt: skip
FAR = [
    "8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "2606:4700::1", "::ffff:8.8.8.8",
    "100.64.0.1",
]  # fmt: skip


@pytest.fixture
def links(monkeypatch):
    """The networks that this machine is on."""
    found: list = []
    monkeypatch.setattr(addresses, "_links", lambda _minute: tuple(found))
    return found


@pytest.mark.parametrize("host", NEAR)
def test_near(links, host):
    assert is_near(shortest(host))


@pytest.mark.parametrize("host", FAR)
def test_far(links, host):
    assert not is_near(shortest(host))


def test_what_is_on_a_link_of_this_machine_is_near(links):
    links += [ipaddress.ip_network("8.8.8.0/24"), ipaddress.ip_network("2606:4700::/64")]
    assert is_near(shortest("8.8.8.8"))
    assert is_near(shortest("2606:4700::1"))
    assert not is_near(shortest("8.8.9.8"))
    assert not is_near(shortest("2606:4700:1::1"))


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:0DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("192.0.2.1", "192.0.2.1"),
    ],
)
def test_the_shortest_form(host, name):
    assert str(shortest(host)) == name


def test_this_machines_links_hold_its_addresses():
    networks = addresses._links.__wrapped__(0)
    assert any(ipaddress.ip_address("127.0.0.1") in network for network in networks)
    for address in own_addresses():
        parsed = ipaddress.ip_address(address)
        assert any(parsed in network for network in networks)
        assert not parsed.is_loopback


def test_where_the_kernel_does_not_list_ipv6(monkeypatch, tmp_path):
    monkeypatch.setattr(interfaces, "Path", lambda _path: tmp_path / "missing")
    assert interfaces.held_v6() == []
    assert all("." in address for address in own_addresses())
