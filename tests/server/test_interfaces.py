"""The addresses of this machine."""

import socket

from tertulia.server import interfaces
from tertulia.server.interfaces import held_addresses, held_v6, speaks_multicast

TABLE = """\
fe8000000000000000fc00fffe000001 04 40 20 80     eth0
00000000000000000000000000000001 01 80 10 80       lo
fd000000000000000000000000000002 04 40 00 c0     eth0
"""


def test_the_loopback_address_is_held():
    [held] = [held for held in held_addresses() if str(held.at.ip) == "127.0.0.1"]
    assert socket.if_indextoname(held.index) == held.name
    assert held.is_usable
    assert speaks_multicast(held.name)
    assert not speaks_multicast("nonsense0")


def test_a_port_of_a_bridge_speaks_with_the_bridge(monkeypatch, tmp_path):
    [name] = [held.name for held in held_addresses() if str(held.at.ip) == "127.0.0.1"]
    monkeypatch.setattr(interfaces, "Path", lambda path: tmp_path / path.removeprefix("/"))
    assert speaks_multicast(name)
    (tmp_path / "sys/class/net" / name / "brport").mkdir(parents=True)
    assert not speaks_multicast(name)


def test_the_kernels_list_of_ipv6_addresses(monkeypatch, tmp_path):
    (tmp_path / "if_inet6").write_text(TABLE)
    monkeypatch.setattr(interfaces, "Path", lambda _path: tmp_path / "if_inet6")
    link, loopback, tentative = held_v6()
    assert (link.name, link.index, str(link.at)) == ("eth0", 4, "fe80::fc:ff:fe00:1/64")
    assert (loopback.name, loopback.index, str(loopback.at)) == ("lo", 1, "::1/128")
    assert link.is_usable
    assert link.is_lasting
    assert not tentative.is_usable


def test_a_machine_without_ipv6(monkeypatch, tmp_path):
    monkeypatch.setattr(interfaces, "Path", lambda _path: tmp_path / "missing")
    assert held_v6() == []
