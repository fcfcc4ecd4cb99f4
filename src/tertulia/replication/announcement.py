"""The datagram by which servers of one network find each other on a local one.

    5  b"TERT" and the version
    16 server id
    8  epoch
    2  TCP port
    8  Unix milliseconds
    1  length of the name in bytes, at most 63
       name in UTF-8
    32 HMAC-SHA256 of all of it with the network's secret

Integers are big-endian. It is sent to a group of its own every five seconds with hop limit 1, and
never answered by a datagram.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Sequence

from msgspec import Struct

from tertulia.domain.text import cut
from tertulia.replication.bounds import EPOCH_END, NAME_MOST, is_name

GROUP = "ff15::7447"
PORT = 7447
INTERVAL_S = 5.0
INTERVAL_SPREAD = 0.2
"""An interval differs by up to this part of it, so that servers do not speak all at once."""
DATAGRAM_BYTES = 200

_MAGIC = b"TERT\1"
_HEAD = struct.Struct(">5s16sQHQB")
_MAC_BYTES = hashlib.sha256().digest_size


class Announced(Struct, frozen=True):
    """A server of this network is there, and takes links at the TCP *port* of the sender's
    address. *at_ms* is what its clock says, in Unix milliseconds."""

    server: str
    epoch: int
    port: int
    at_ms: int
    name: str


class Foreign(Struct, frozen=True):
    """A server that does not share a secret with this one, so that nothing it says is proven."""

    server: str
    name: str


def encode(announced: Announced, secret: bytes) -> bytes:
    """Return the datagram, of at most `DATAGRAM_BYTES`; a long name is cut."""
    name = cut(announced.name, NAME_MOST).encode()
    server = bytes.fromhex(announced.server)
    head = _HEAD.pack(_MAGIC, server, announced.epoch, announced.port, announced.at_ms, len(name))
    return head + name + _mac(head + name, secret)


def decode(data: bytes, secrets: Sequence[bytes]) -> Announced | Foreign | None:
    """Return what *data* announces, None if it is no announcement of a server."""
    if not _HEAD.size + _MAC_BYTES <= len(data) <= DATAGRAM_BYTES:
        return None
    magic, server, epoch, port, at_ms, length = _HEAD.unpack_from(data)
    end = _HEAD.size + length
    if magic != _MAGIC or len(data) != end + _MAC_BYTES or not 0 < epoch < EPOCH_END or not port:
        return None
    name = data[_HEAD.size : end].decode(errors="replace")
    if not is_name(name):
        return None
    matches = [hmac.compare_digest(_mac(data[:end], secret), data[end:]) for secret in secrets]
    if not any(matches):
        return Foreign(server.hex(), name)
    return Announced(server.hex(), epoch, port, at_ms, name)


def _mac(data: bytes, secret: bytes) -> bytes:
    return hmac.new(secret, data, hashlib.sha256).digest()
