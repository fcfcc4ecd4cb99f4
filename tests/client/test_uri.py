"""Where one writes to go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.client.session.settings import Address, Wish
from tertulia.client.uri import BadUri, Place, parse


@pytest.mark.parametrize(
    ("text", "address", "channels"),
    [
        ("irc://host", Address("host", 6667), ()),
        ("ircs://host", Address("host", 6697, True), ()),
        ("host", Address("host", 6667), ()),
        ("host:7000", Address("host", 7000), ()),
        ("IRC://host:7000/#tea", Address("host", 7000), (Wish("#tea"),)),
        ("irc://host/tea,%23coffee", Address("host", 6667), (Wish("#tea"), Wish("#coffee"))),
        ("irc://host/#tea?key=a%20b", Address("host", 6667), (Wish("#tea", "a b"),)),
        ("irc://[::1]:7000/", Address("::1", 7000), ()),
        ("irc://[fe80::1%eth0]", Address("fe80::1%eth0", 6667), ()),
        ("192.0.2.1", Address("192.0.2.1", 6667), ()),
    ],
)
def test_where(text: str, address: Address, channels: tuple[Wish, ...]) -> None:
    assert parse(text) == Place(address, channels)
    assert parse(str(address)).address == address


@pytest.mark.parametrize(
    "text", ["", "http://host", "irc://", "irc://host:0", "irc://host:65536", "irc://[x]", "a b"]
)
def test_nowhere(text: str) -> None:
    with pytest.raises(BadUri) as raised:
        parse(text)
    assert "\n" not in str(raised.value)


@given(st.text())
def test_whatever_is_written(text: str) -> None:
    try:
        place = parse(text)
    except BadUri:
        return
    assert 0 < place.address.port < 65536
