"""Facts as JSON, as they are on disk and between servers.

What comes from another server was checked there. It is looked at again for what would make a
line protocol mistake a part of it for something else, because one server that is wrong is not to
harm the clients of others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from tertulia.domain.events import LoggedFact, SharedFact, WantedFact
from tertulia.domain.presence import Resident

encode = msgspec.json.Encoder().encode
decode_logged = msgspec.json.Decoder(LoggedFact).decode
_decode_shared = msgspec.json.Decoder(SharedFact).decode
_decode_wanted = msgspec.json.Decoder(WantedFact).decode
_decode_resident = msgspec.json.Decoder(Resident).decode

# All control characters but those of IRC's formatting; see `text`.
_HARMFUL = re.compile("[\x00\x01\x05-\x0e\x10\x12-\x15\x17-\x1c\x7f-\x9f\u2028\u2029]")
_ESCAPES = b"\\"
_WORDS = frozenset({"nick", "mask", "target", "channel", "username", "host", "number", "status"})


class Unusable(ValueError):
    """What another server says is of a kind that is not known here, or would do harm."""


def logged(body: bytes) -> LoggedFact:
    """Return the fact of an event of another server, or raise `Unusable`."""
    fact: LoggedFact = _checked(decode_logged, body)
    return fact


def shared(body: bytes) -> SharedFact:
    """Return a fact about who is on another server, or raise `Unusable`."""
    fact: SharedFact = _checked(_decode_shared, body)
    return fact


def wanted(body: bytes) -> WantedFact:
    """Return what another server wants, or raise `Unusable`."""
    fact: WantedFact = _checked(_decode_wanted, body)
    return fact


def resident(body: bytes) -> Resident:
    """Return somebody on another server, or raise `Unusable`."""
    found: Resident = _checked(_decode_resident, body)
    return found


def _checked(decode: Callable[[bytes], Any], body: bytes) -> Any:
    try:
        found = decode(body)
        if not _is_harmless(msgspec.json.decode(body), body):
            raise Unusable("control characters, or spaces in a name")
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Unusable(str(error)) from error
    return found


def _is_harmless(tree: Any, body: bytes) -> bool:
    # JSON needs no escape for DEL, which is ASCII.
    plain = body.isascii() and _ESCAPES not in body and b"\x7f" not in body
    for key, text in _texts("", tree):
        if not plain and _HARMFUL.search(text):
            return False
        if key in _WORDS and (" " in text or text.startswith(":")):
            return False
    return True


def _texts(key: str, tree: Any) -> Iterator[tuple[str, str]]:
    """Yield the texts in *tree*, each with what it is called."""
    if isinstance(tree, str):
        yield key, tree
    elif isinstance(tree, dict):
        for name, value in tree.items():
            yield from _texts(name, value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _texts(key, value)
