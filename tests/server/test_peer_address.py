"""Addresses of servers, as people write them."""

import pytest

from tertulia.server.peer_address import peer_address, shown_address


@pytest.mark.parametrize(
    ("text", "address", "shown"),
    [
        ("chat.example:7448", ("chat.example", 7448), "chat.example:7448"),
        ("chat.example", ("chat.example", 7447), "chat.example:7447"),
        ("192.0.2.1:1", ("192.0.2.1", 1), "192.0.2.1:1"),
        ("[fd00::1]:65535", ("fd00::1", 65535), "[fd00::1]:65535"),
        ("[fd00::1]", ("fd00::1", 7447), "[fd00::1]:7447"),
        ("[fe80::1%enP7s7]:7447", ("fe80::1%enP7s7", 7447), "[fe80::1%enP7s7]:7447"),
    ],
)
def test_an_address(text, address, shown):
    assert peer_address(text) == address
    assert shown_address(*address) == shown
    assert peer_address(shown) == address


@pytest.mark.parametrize(
    "text",
    ["", ":", ":7447", "host:", "host:x", "host:0", "host:65536", "host:-1", "fd00::1", "[fd00::1",
     "[]:1", "a b", "mesh://host:1", "me@host", "host\n", "host/x", "[fd00::1]:"],
)  # fmt: skip
def test_what_is_none(text):
    with pytest.raises(ValueError, match=r"write|port"):
        peer_address(text)
