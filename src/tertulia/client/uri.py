"""What one writes to say where to: ``irc://host[:port]/#channel``, ``ircs://``, or just a host."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import unquote

from msgspec import Struct

from tertulia.client.session.settings import Address, Wish

PORTS = {"irc": 6667, "ircs": 6697}
_URI = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?"
    r"(?:\[(?P<bracketed>[^\]]+)\]|(?P<host>[^:/#\[\]\s]+))"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/(?P<channels>.*))?",
    re.ASCII | re.DOTALL,
)


class BadUri(ValueError):
    """This does not say where to."""


class Place(Struct, frozen=True):
    """A server, and the channels to come into."""

    address: Address
    channels: tuple[Wish, ...] = ()


def parse(text: str) -> Place:
    """Return where *text* leads. Raises `BadUri`."""
    found = _URI.fullmatch(text.strip())
    if found is None:
        raise BadUri(f"{text}: write it like irc://host:6667/#channel")
    scheme = (found["scheme"] or "irc").lower()
    if scheme not in PORTS:
        raise BadUri(f"{text}: it begins with irc:// or ircs://")
    host = found["bracketed"] or found["host"]
    if found["bracketed"]:
        _check_ipv6(text, host)
    port = int(found["port"] or PORTS[scheme])
    if not 0 < port < 1 << 16:
        raise BadUri(f"{text}: there is no port {port}")
    return Place(Address(host, port, scheme == "ircs"), _wishes(found["channels"] or ""))


def _check_ipv6(text: str, host: str) -> None:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        raise BadUri(f"{text}: there is no IPv6 address in the brackets") from None


def _wishes(path: str) -> tuple[Wish, ...]:
    names, _, query = path.partition("?")
    password = query.removeprefix("key=") if query.startswith("key=") else ""
    wishes = []
    for raw in names.split(","):
        name = unquote(raw).strip()
        if name:
            full = name if name[0] in "#&+!" else f"#{name}"
            wishes.append(Wish(full, unquote(password)))
    return tuple(wishes)
