"""What a client has seen, as a token with which it goes on at any server of the network.

What one server shows a client of another server's events it shows in the order in which they were
written there. So a time for each source (an epoch of a server) says exactly what the client has,
which no time alone could: what was said elsewhere while two servers could not reach each other is
older than what was said here, and comes later. The id of a message bears its source and its time:
a client that has a token, and the ids of the messages that came after it, knows all there is to
know.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Iterable, Mapping

from msgspec import Struct

from tertulia.domain.ids import Hlc, at_milliseconds, milliseconds, parse_msgid

KEPT_MS = 30 * 24 * 3600 * 1000
"""Sources that wrote nothing for so long are left out of tokens."""
TOKEN_BYTES = 64 * 1024
_VERSION = 1
_HEAD, _ENTRY = struct.Struct(">BQ"), struct.Struct(">IQ")


class Token(Struct, frozen=True):
    """What a client has: of each source (by its tag) all up to a time; *at* is in Unix ms."""

    heard: dict[int, Hlc]
    at: int

    def since(self, tag: int) -> Hlc:
        """Return up to when the client has what a source wrote."""
        return self.heard.get(tag, at_milliseconds(self.at - KEPT_MS))

    def covers(self, msgid: str) -> bool:
        """Whether the client has the message of that id."""
        place = parse_msgid(msgid)
        return place is not None and place[0] <= self.since(place[1])

    def is_within(self, heard: Mapping[int, Hlc]) -> bool:
        """Whether a server that has *heard* so much has all that the client has."""
        return all(heard.get(tag, Hlc(0)) >= hlc for tag, hlc in self.heard.items())

    def with_messages(self, msgids: Iterable[str]) -> Token:
        """Return the token of a client that has these messages as well."""
        heard = dict(self.heard)
        for msgid in msgids:
            if (place := parse_msgid(msgid)) is not None:
                hlc, tag = place
                heard[tag] = max(hlc, heard.get(tag, Hlc(0)))
        return Token(heard, self.at)

    def encode(self) -> str:
        """Return it as URL-safe text."""
        oldest = self.at - KEPT_MS
        kept = [(t, hlc) for t, hlc in self.heard.items() if milliseconds(hlc) >= oldest]
        data = _HEAD.pack(_VERSION, self.at) + b"".join([_ENTRY.pack(*one) for one in sorted(kept)])
        return base64.urlsafe_b64encode(zlib.compress(data)).rstrip(b"=").decode()


def decode_token(text: str) -> Token | None:
    """Return the token that *text* is, None if it is none."""
    if not text.isascii() or len(text) > TOKEN_BYTES:
        return None
    try:
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        inflate = zlib.decompressobj()
        data = inflate.decompress(packed, TOKEN_BYTES)
        version, at = _HEAD.unpack_from(data)
        entries = dict(_ENTRY.iter_unpack(data[_HEAD.size :]))
    except (binascii.Error, ValueError, zlib.error, struct.error):
        return None
    if version != _VERSION or inflate.unconsumed_tail or at >= 1 << 47:
        return None
    return Token({tag: Hlc(hlc) for tag, hlc in entries.items()}, at)
