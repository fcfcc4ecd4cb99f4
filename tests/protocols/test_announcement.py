"""The wire formats of an announced server."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.protocols.announcement import Card, datagram, from_txt, parse_datagram, to_txt

PORTS = st.integers(1, 65535)
WORDS = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=63)
PROTOCOL = st.from_regex(r"\A[a-z][a-z0-9]{0,14}\Z").filter(
    lambda word: word not in ("name", "network", "version", "id", "users")
)
CARDS = st.builds(
    Card,
    name=WORDS,
    network=WORDS,
    version=WORDS,
    server_id=st.sampled_from(["", "0123456789abcdef" * 2]),
    ports=st.dictionaries(PROTOCOL, PORTS, max_size=32),
    users=st.none() | st.integers(0, 10**9),
)


def as_read(record):
    return {key.encode(): text.encode() for key, text in record.items()}


def test_the_datagram_is_that_of_the_old_server():
    assert datagram(12345) == b"RECH_12345\x00"


@given(PORTS, st.integers(0, 5))
def test_a_datagram_is_read_back(port, more):
    assert parse_datagram(datagram(port) + b"\0" * more) == port


@pytest.mark.parametrize(
    "data",
    [
        b"", b"RECH_", b"RECH_\0", b"RECH_0\0", b"RECH_65536\0", b"RECH_123456\0", b"RECH_01\0",
        b"rech_1\0", b"RECH_1 \0", b"RECH_1\0x", b"RECH_-1\0", b"RECH_1\n", b" RECH_1\0",
        "RECH_١".encode(), b"NOTIFY * HTTP/1.1\r\n", b"\xff\xfe", b"RECH_1" * 1000,
    ],
)  # fmt: skip
def test_what_is_no_announcement(data):
    assert parse_datagram(data) is None


@given(st.binary() | st.binary().map(lambda rest: b"RECH_" + rest))
def test_any_datagram_is_a_port_or_nothing(data):
    port = parse_datagram(data)
    assert port is None or data.rstrip(b"\0") == b"RECH_%d" % port


@given(CARDS)
def test_a_card_is_read_back(card):
    assert from_txt(as_read(to_txt(card))) == card


@given(st.dictionaries(st.binary(max_size=80), st.none() | st.binary(max_size=300), max_size=80))
def test_any_record_is_a_card_that_can_be_shown(record):
    card = from_txt(record)
    for text in (card.name, card.network, card.version, card.server_id, *card.ports):
        assert text.isprintable()
        assert len(text) <= 63
    assert len(card.ports) <= 32
    assert all(0 < port < 65536 for port in card.ports.values())


def test_what_is_not_in_order_is_left_out():
    record = {
        b"name": b"tea\x1b[2J",
        b"network": b"n" * 64,
        b"ID": b"ABCDEF0123456789" * 2,
        b"users": b"-1",
        b"irc": b"6667",
        b"ircs": b"0",
        b"json": b"65536",
        b"rech": None,
        b"b\xff": b"1",
        b"path": b"/x",
    }
    assert from_txt(record) == Card(name="", server_id="abcdef0123456789" * 2, ports={"irc": 6667})


def test_each_thing_known_has_a_key():
    card = Card(name="tea.example", network="Tea", version="1", ports={"irc": 6667}, users=0)
    txt = {"name": "tea.example", "network": "Tea", "version": "1", "users": "0", "irc": "6667"}
    assert to_txt(card) == txt


def at_length(test: Any) -> Any:
    """What a property test does with one example."""
    return test.hypothesis.inner_test


@pytest.mark.fuzz
@given(st.binary() | st.binary().map(lambda rest: b"RECH_" + rest), CARDS)
def test_announcements_at_length(data, card):
    at_length(test_any_datagram_is_a_port_or_nothing)(data)
    at_length(test_a_card_is_read_back)(card)


def test_a_name_may_have_joined_emoji_but_changes_no_direction():
    name = "caf\u00e9 \U0001f469\u200d\U0001f680 \u202exyz"
    assert from_txt({b"name": name.encode()}).name == name.replace("\u202e", "")
    assert from_txt({b"name": b"a\x1b[31m"}).name == ""
