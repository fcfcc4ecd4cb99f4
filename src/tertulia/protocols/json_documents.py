"""What the protocols that speak JSON share of their messages: one `Document` each, with the
fields in either spelling, and what is said of a document that is none."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from tertulia.domain.errors import ChatError

Hash = str | int | None
"""What a program calls its request; it comes back in the answer and means nothing here."""

NO_REQUESTS = ("ACK", "DISCONNECT", "ERROR")
"""Ops that are never answered, so that two programs cannot answer each other for ever."""
NAME_CHARACTERS = 100
HASH_BYTES = 128
_WIDEST_INT = 1 << 63


class Refused(ChatError):
    """A document that is JSON, but does not say what its op needs."""


class BadInput(Exception):
    """What came is no message; ``str()`` is a sentence for whoever sent it.

    *is_json* tells whether it could be read at all, and *hash* is the one that it had then;
    *last* that it was one too many in a row that could not, and the parser takes in nothing
    more.
    """

    def __init__(
        self, reason: str, *, is_json: bool = False, last: bool = False, hash: Hash = None
    ) -> None:
        super().__init__(reason)
        self.is_json = is_json
        self.last = last
        self.hash = hash


class Document(Struct, frozen=True, gc=False):
    """One document, as it came; what it does not know is ignored."""

    op: str
    name: str | None = None
    username: str | None = None
    user: str | None = None
    password: str | None = None
    pass_: str | None = msgspec.field(default=None, name="pass")
    channel: str | None = None
    target: str | None = None
    message: str | None = None
    hash: Hash = None

    def nickname(self) -> str:
        """Return who is meant: the newcomer of a LOGIN, the one to promote or to kick."""
        for field in (self.username, self.user, self.name):
            if field:
                return _name("name", field)
        raise Refused(f"{self.op} needs a name")

    def target_name(self) -> str:
        """Return who or what a MESSAGE is for."""
        if not self.target:
            raise Refused(f"{self.op} needs a target")
        return _name("target", self.target)

    def channel_name(self) -> str:
        """Return the channel that is meant, always with its ``#``."""
        if not self.channel:
            raise Refused(f"{self.op} needs a channel")
        name = _name("channel", self.channel)
        # COMPAT: the classic client says JOIN and PART without the #.
        return name if name.startswith("#") else f"#{name}"

    def text(self) -> str:
        """Return what a MESSAGE says."""
        if self.message is None:
            raise Refused(f"{self.op} needs a message")
        return self.message

    def secret(self) -> str | None:
        """Return the password, None if there is none."""
        return self.password or self.pass_ or None

    def checked_hash(self) -> Hash:
        """Return the hash, if it is one that fits into an answer."""
        if not _fits(self.hash):
            raise Refused(f"A hash has at most {HASH_BYTES} bytes")
        return self.hash


def _fits(hash: Hash) -> bool:
    if isinstance(hash, int):
        return -_WIDEST_INT <= hash < _WIDEST_INT
    return hash is None or len(msgspec.json.encode(hash)) - 2 <= HASH_BYTES


def _name(field: str, value: str) -> str:
    """Return *value*, if it is not so long that no name is."""
    if len(value) > NAME_CHARACTERS:
        raise Refused(f"The {field} is longer than {NAME_CHARACTERS} characters")
    return value


class _Asked(Struct, gc=False):
    """All that is read of a document that does not say what it should."""

    op: Any = None
    hash: Hash = None


_decode_asked = msgspec.json.Decoder(_Asked).decode
_WRONG_TYPE = re.compile(r"Expected `.*`, got `(\w+)` - at `\$\.(\w+)(\[\d+\])?`")
_NO_OBJECT = re.compile(r"Expected `object`, got `(\w+)`")
_WHAT_IT_IS = {"int": "a number", "float": "a number", "str": "a text", "array": "a list"}
_A_LIST, _A_SWITCH = "a list of texts", "true or false"
_EXPECTED = {
    "hash": "a text or a whole number",
    "receipt": _A_SWITCH,
    "success": _A_SWITCH,
    "users": _A_LIST,
    "userList": _A_LIST,
    "channels": _A_LIST,
    "channelList": _A_LIST,
}

Kind = TypeVar("Kind", bound=Document)


def decoder(kind: type[Kind]) -> Callable[[bytes], Kind | BadInput]:
    """Return what reads a document, which is complete, as one of *kind*."""
    read = msgspec.json.Decoder(kind).decode

    def decode(document: bytes) -> Kind | BadInput:
        try:
            return read(document)
        except msgspec.ValidationError as error:
            return BadInput(_sentence(str(error)), is_json=True, hash=_hash_of(document))
        except (msgspec.DecodeError, ValueError, RecursionError):
            # ValueError: bytes that are not UTF-8.
            return BadInput("This is not JSON")

    return decode


def _hash_of(document: bytes) -> Hash:
    """Return what a *document* that is wrong calls its request, None if it asks for nothing."""
    try:
        asked = _decode_asked(document)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        # What is wrong behind the first fault is found only here.
        return None
    return asked.hash if asked.op not in NO_REQUESTS and _fits(asked.hash) else None


@lru_cache(maxsize=256)
def _sentence(problem: str) -> str:
    if found := _WRONG_TYPE.fullmatch(problem):
        kind, field, inside = found.groups()
        expected = _EXPECTED.get(field, "a text")
        where = "What is in the field" if inside else "The field"
        expected = "texts" if inside else expected
        return f"{where} {field} must be {expected}, not {_WHAT_IT_IS.get(kind, kind)}"
    if found := _NO_OBJECT.fullmatch(problem):
        kind = found[1]
        return f"A message is a JSON object, not {_WHAT_IT_IS.get(kind, kind)}"
    if "required field" in problem:
        return "A message has a field op that says what it is"
    return "A number in this message is out of range"
