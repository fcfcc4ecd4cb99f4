"""What two sources say of the same server is put together."""

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from tertulia.client.servers import GRACE_S, MOST_ADDRESSES, MOST_SERVERS, Servers
from tertulia.protocols.announcement import Card

ID = "0123456789abcdef" * 2
CARD = Card(name="tea.example", server_id=ID, ports={"irc": 6667, "rech": 4242})
KEY = "tea-example._tertulia._tcp.local."


def servers(*ours):
    return Servers(lambda address: address in ours)


def ready(heard, now=0.0):
    return [(found.card, found.addresses) for found in heard.ready(now)]


def test_a_server_that_is_described_is_said_at_once_and_once():
    heard = servers()
    heard.describe(KEY, CARD, ["192.0.2.2", "fd00::2"])
    heard.describe("tea-example-2._tertulia._tcp.local.", CARD, ["192.0.2.2"])
    assert ready(heard) == [(CARD, ["192.0.2.2", "fd00::2"])]
    assert ready(heard) == []


def test_without_an_id_it_is_the_name_of_the_service():
    heard = servers()
    heard.describe("a", Card(name="a"), ["192.0.2.2"])
    heard.describe("b", Card(name="b"), ["192.0.2.2"])
    assert len(ready(heard)) == 2


def test_without_an_address_it_is_not_said():
    heard = servers()
    heard.describe(KEY, CARD, [])
    assert ready(heard) == []
    heard.describe(KEY, CARD, ["192.0.2.2"])
    assert len(ready(heard)) == 1


def test_an_announcement_waits_for_a_description():
    heard = servers()
    assert heard.next_due() == float("inf")
    heard.announce("fe80::2%eth0", 4242, now=10.0)
    assert ready(heard, 10.0) == []
    assert heard.next_due() == 10.0 + GRACE_S
    [found] = heard.ready(10.0 + GRACE_S)
    assert (found.card.name, found.ports, found.addresses) == ("", {"rech": 4242}, ["fe80::2%eth0"])
    assert heard.next_due() == float("inf")
    # A description that comes later is of a server that was said.
    heard.describe(KEY, CARD, ["fe80::2"])
    assert ready(heard, 20.0) == []


def test_an_announcement_and_a_description_in_either_order():
    heard = servers()
    heard.announce("fe80::2%eth0", 4242, now=0.0)
    heard.describe(KEY, CARD, ["192.0.2.2", "fe80::2"])
    assert ready(heard, 99.0) == [(CARD, ["192.0.2.2", "fe80::2%eth0"])]
    heard.announce("fe80::2%wlan0", 4242, now=0.0)
    assert ready(heard, 99.0) == []


def test_another_port_or_address_is_another_server():
    heard = servers()
    heard.describe(KEY, CARD, ["fd00::2"])
    heard.announce("fd00::2", 4243, now=0.0)
    heard.announce("fd00::3", 4242, now=0.0)
    assert len(ready(heard, 99.0)) == 3


def test_the_loopback_address_is_that_of_a_server_on_this_machine():
    heard = servers("fd00::2")
    heard.announce("::1", 4242, now=0.0)
    heard.describe(KEY, CARD, ["fd00::2"])
    assert ready(heard, 99.0) == [(CARD, ["fd00::2", "::1"])]
    heard = servers()
    heard.announce("::1", 4242, now=0.0)
    heard.describe(KEY, CARD, ["fd00::2"])
    assert len(ready(heard, 99.0)) == 2


def test_of_a_link_local_address_the_one_with_its_scope():
    heard = servers()
    heard.describe(KEY, CARD, ["fe80::2", "fd00::2"])
    heard.describe(KEY, CARD, ["fe80::2%eth0", "fe80::2"])
    assert ready(heard) == [(CARD, ["fe80::2%eth0", "fd00::2"])]


ADDRESSES = st.ip_addresses().map(str) | st.integers(0, 1000).map(lambda n: f"fe80::{n}%eth{n}")
HEARD = st.lists(st.tuples(st.integers(0, 600), ADDRESSES, st.integers(1, 65535)), max_size=30)


@given(HEARD)
def test_each_is_said_once_whatever_is_heard(heard_by_chance):
    heard = servers()
    said = []
    for n, address, port in heard_by_chance:
        heard.announce(address, port, now=0.0)
        heard.describe(f"{n}", Card(name=f"{n}", ports={"rech": port}), [address])
        said += list(heard.ready(99.0))
    named = [found.card.name for found in said if found.card.name]
    announced = [(found.addresses[0], found.ports["rech"]) for found in said if not found.card.name]
    assert len(named) == len(set(named))
    assert len(announced) == len(set(announced))
    assert all(ipaddress.ip_address(address) for found in said for address in found.addresses)
    assert list(heard.ready(99.0)) == []


def test_what_is_remembered_is_bounded():
    heard = servers()
    for n in range(2 * MOST_SERVERS):
        heard.announce(f"2001:db8::{n:x}", 1, now=0.0)
        heard.describe(f"{n}", Card(name="x"), ["192.0.2.1"])
        heard.describe("0", Card(name="x"), [f"2001:db8:1::{n:x}"])
    said = list(heard.ready(99.0))
    assert len(said) == MOST_SERVERS
    assert max(len(found.addresses) for found in said) == MOST_ADDRESSES
