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
_VERSION = 2
_HEAD, _ENTRY = struct.Struct(">BQ"), struct.Struct(">IQQ")


class Token(Struct, frozen=True):
    """What a client has: of each source (by its tag) all up to a time; *at* is in Unix ms."""

    heard: dict[int, Hlc]
    at: int
    told: dict[int, Hlc] | None = None
    """The same of what was said to its user alone, where that is something else."""
    messages: frozenset[str] = frozenset()
    """Ids of messages that it has besides."""

    def since(self, tag: int) -> Hlc:
        """Return up to when the client has what a source wrote."""
        return self.heard.get(tag, at_milliseconds(self.at - KEPT_MS))

    def covers(self, msgid: str) -> bool:
        """Whether the client has the message of that id."""
        place = parse_msgid(msgid)
        return place is not None and place[0] <= self.since(place[1])

    def covers_direct(self, msgid: str) -> bool:
        """Whether the client has that message, which was said to its user alone."""
        told = self.heard if self.told is None else self.told
        place = parse_msgid(msgid)
        return msgid in self.messages or (place is not None and place[0] <= told.get(place[1], 0))

    def is_within(self, heard: Mapping[int, Hlc]) -> bool:
        """Whether a server that has *heard* so much has all that the client has."""
        return all(heard.get(tag, Hlc(0)) >= hlc for tag, hlc in self.heard.items())

    def with_messages(self, msgids: Iterable[str]) -> Token:
        """Return the token of a client that has these messages as well."""
        heard, messages = dict(self.heard), frozenset(msgids)
        for msgid in messages:
            if (place := parse_msgid(msgid)) is not None:
                hlc, tag = place
                heard[tag] = max(hlc, heard.get(tag, Hlc(0)))
        # What was said to a user alone may have waited while later messages were shown, of which
        # none tells that it came.
        told = self.heard if self.told is None else self.told
        return Token(heard, self.at, told, self.messages | messages)

    def encode(self) -> str:
        """Return it as URL-safe text, without *messages*."""
        oldest = self.at - KEPT_MS
        told = self.heard if self.told is None else self.told
        kept = [
            (tag, hlc, told.get(tag, 0))
            for tag, hlc in self.heard.items()
            if milliseconds(hlc) >= oldest
        ]
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
        entries = list(_ENTRY.iter_unpack(data[_HEAD.size :]))
    except (binascii.Error, ValueError, zlib.error, struct.error):
        return None
    if version != _VERSION or inflate.unconsumed_tail or at >= 1 << 47:
        return None
    heard = {tag: Hlc(hlc) for tag, hlc, _ in entries}
    told = {tag: Hlc(hlc) for tag, _, hlc in entries}
    return Token(heard, at, None if told == heard else told)
