"""How a server says on the local network that it is there: the two wire formats.

The old announcement is a UDP datagram to a multicast group, ``RECH_<port>`` in ASCII and one
NUL. The new one is DNS-SD (RFC 6763): a service whose TXT record is a `Card`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from msgspec import Struct

from tertulia.domain.text import undirected

GROUP = "ff15::1"
PORT = 1900
INTERVAL_S = 5.0

SERVICE = "_tertulia._tcp.local."
# IRC clients that browse for servers look for these two.
SERVICE_OF = {"irc": "_irc._tcp.local.", "ircs": "_ircs._tcp.local."}

_DATAGRAM = re.compile(rb"RECH_([1-9][0-9]{0,4})\0*", re.ASCII)
_PROTOCOL = re.compile(r"[a-z][a-z0-9]{0,14}", re.ASCII)
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_TEXT_MOST = 63
_PROTOCOLS_MOST = 32
_USERS_MOST = 10**9


def datagram(port: int) -> bytes:
    """Return the old announcement of a listener for the discovery dialect on *port*.

    COMPAT: the discovery client strips the NUL and connects to the address of the sender.
    """
    return b"RECH_%d\0" % port


def parse_datagram(data: bytes) -> int | None:
    """Return the port that an old announcement names, None if *data* is none."""
    match = _DATAGRAM.fullmatch(data)
    port = int(match[1]) if match else 0
    return port if 0 < port < 1 << 16 else None


class Card(Struct, frozen=True, kw_only=True):
    """What a server says of itself; *server_id* is 32 hexadecimal digits, *ports* are by
    protocol. What it does not say is empty, None for *users*."""

    name: str
    network: str = ""
    version: str = ""
    server_id: str = ""
    ports: dict[str, int] = {}
    users: int | None = None


_WORDS = {"name": "name", "network": "network", "version": "version", "id": "server_id"}


def to_txt(card: Card) -> dict[str, str]:
    """Return the TXT record of *card*: a key for each thing known, and one a protocol."""
    words = {key: getattr(card, field) for key, field in _WORDS.items()}
    ports = {protocol: str(port) for protocol, port in card.ports.items()}
    users = {} if card.users is None else {"users": str(card.users)}
    return {key: text for key, text in words.items() if text} | users | ports


def from_txt(record: Mapping[bytes, bytes | None]) -> Card:
    """Return the card in a TXT *record*; what is not in order in it is left out."""
    words: dict[str, str] = {}
    ports: dict[str, int] = {}
    users = None
    for raw_key, raw in record.items():
        key, text = _text(raw_key).lower(), _text(raw or b"")
        if key in _WORDS:
            words[_WORDS[key]] = text
        elif key == "users":
            users = _number(text, 0, _USERS_MOST)
        elif _PROTOCOL.fullmatch(key) and len(ports) < _PROTOCOLS_MOST:
            if (port := _number(text, 1, (1 << 16) - 1)) is not None:
                ports[key] = port
    words["server_id"] = words.get("server_id", "").lower()
    if not _ID.fullmatch(words["server_id"]):
        del words["server_id"]
    return Card(**({"name": ""} | words), ports=ports, users=users)


def _text(raw: bytes) -> str:
    """Return *raw* as text that can be shown; empty if it cannot."""
    text = raw.decode("utf-8", "replace")
    # What joins emoji, or says which way a word runs, is no letter, but harmless.
    letters = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return undirected(text) if letters.isprintable() and len(text) <= _TEXT_MOST else ""


def _number(text: str, least: int, most: int) -> int | None:
    if not (text.isascii() and text.isdecimal()):
        return None
    number = int(text)
    return number if least <= number <= most else None
