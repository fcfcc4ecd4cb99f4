"""What --listen understands, and what it says otherwise."""

import pytest

from tertulia.server.listeners import SCHEMES, defaults, parse
from tertulia.server.settings import SettingsError


@pytest.mark.parametrize(
    ("uri", "host", "port", "printed"),
    [
        ("irc://127.0.0.1:6667", "127.0.0.1", 6667, "irc://127.0.0.1:6667"),
        ("irc://127.0.0.1", "127.0.0.1", 6667, "irc://127.0.0.1:6667"),
        ("irc://", None, 6667, "irc://*:6667"),
        ("irc://*", None, 6667, "irc://*:6667"),
        ("irc://*:0", None, 0, "irc://*:0"),
        ("ircs://:7000", None, 7000, "ircs://*:7000"),
        ("ircs://[::1]:6697", "::1", 6697, "ircs://[::1]:6697"),
        ("ircs://[::1]", "::1", 6697, "ircs://[::1]:6697"),
        ("irc://[2001:DB8::1]:65535", "2001:db8::1", 65535, "irc://[2001:db8::1]:65535"),
        ("json://chat.example", "chat.example", 12000, "json://chat.example:12000"),
        ("rech://localhost/", "localhost", 0, "rech://localhost:0"),
        ("mesh://192.0.2.1", "192.0.2.1", 7447, "mesh://192.0.2.1:7447"),
    ],
)
def test_what_can_be_listened_on(uri, host, port, printed):
    endpoint = parse(uri)
    assert (endpoint.host, endpoint.port, endpoint.uri) == (host, port, printed)
    assert endpoint.chosen
    assert parse(endpoint.uri) == endpoint


@pytest.mark.parametrize("uri", ["ircs://x", "irc://x", "json://x", "rech://x", "mesh://x"])
def test_what_is_secure(uri):
    assert parse(uri).scheme.secure is uri.startswith(("ircs", "mesh"))


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "6667",
        "127.0.0.1:6667",
        "http://127.0.0.1",
        "IRC://127.0.0.1",
        "irc:127.0.0.1",
        "irc:/127.0.0.1",
        "irc://127.0.0.1:x",
        "irc://127.0.0.1:-1",
        "irc://127.0.0.1:65536",
        "irc://127.0.0.1:6667/channel",
        "irc://127.0.0.1:6667?x",
        "irc://127.0.0.1:6667#x",
        "irc://me@127.0.0.1",
        "irc://:secret@127.0.0.1",
        "irc://[::1",
        "irc://::1",
        "irc://::1]:6667",
        "irc://here and there:6667",
        "irc://\u2100:6667",
        "irc://127.0.0.1\n:6667",
    ],
)
def test_what_cannot(uri):
    with pytest.raises(SettingsError) as raised:
        parse(uri)
    text = str(raised.value)
    assert text.startswith("--listen ")
    assert "\n" not in text


def test_the_default_ports():
    endpoints = defaults(None)
    assert [e.uri for e in endpoints] == [
        "irc://*:6667",
        "ircs://*:6697",
        "json://*:12000",
        "rech://*:0",
        "pychat://*:5000",
        "chatroom://*:6666",
        "numeric://*:19033",
        "mesh://*:7447",
    ]
    assert {e.scheme.name for e in endpoints} == SCHEMES.keys() - {"peer"}
    assert not any(e.chosen for e in endpoints)
    assert {e.host for e in defaults("::1")} == {"::1"}


def test_the_port_for_pychat_can_be_chosen():
    (chosen,) = [e for e in defaults("::1", 5001) if e.chosen]
    assert chosen.uri == "pychat://[::1]:5001"
    for port in (-1, 65536):
        with pytest.raises(SettingsError, match="--port"):
            defaults(None, port)
