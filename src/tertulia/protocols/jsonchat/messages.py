"""What JSON clients say: one `Message` a document, with the fields in either spelling."""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec
from msgspec import Struct

from tertulia.domain.errors import ChatError
from tertulia.domain.identities import Credential, hash_token

Hash = str | int | None
"""What a program calls its request; it comes back in the answer and means nothing here."""

NAME_CHARACTERS = 100
HASH_BYTES = 128
ID_BYTES = 64
_WIDEST_INT = 1 << 63


class Refused(ChatError):
    """A document that is JSON, but does not say what its op needs."""


class BadInput(Exception):
    """What came is no message; ``str()`` is a sentence for whoever sent it.

    *is_json* tells whether it could be read at all; *last* that it was one too many in a
    row that could not, and the parser takes in nothing more.
    """

    def __init__(self, reason: str, *, is_json: bool = False, last: bool = False) -> None:
        super().__init__(reason)
        self.is_json = is_json
        self.last = last


class Message(Struct, frozen=True, gc=False):
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
    number: str | None = None
    token: str | None = None
    hash: Hash = None
    id: str | None = None
    receipt: bool = False
    seen: list[str] | None = None

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

    def credential(self) -> Credential | None:
        """Return what proves an identity, None if the client does not claim to have one."""
        if self.number is None and self.token is None:
            return None
        if self.number is None or self.token is None:
            raise Refused(f"{self.op} needs both a number and a token, or neither")
        return Credential(self.number, hash_token(self.token))

    def client_id(self) -> str | None:
        """Return the id that the client gave its message, None if it gave none."""
        if self.id and len(self.id.encode()) > ID_BYTES:
            raise Refused(f"The id of a message has at most {ID_BYTES} bytes")
        return self.id or None

    def checked_hash(self) -> Hash:
        """Return the hash, if it is one that fits into an answer."""
        if isinstance(self.hash, int):
            fits = -_WIDEST_INT <= self.hash < _WIDEST_INT
        else:
            fits = self.hash is None or len(msgspec.json.encode(self.hash)) - 2 <= HASH_BYTES
        if not fits:
            raise Refused(f"A hash has at most {HASH_BYTES} bytes")
        return self.hash


def _name(field: str, value: str) -> str:
    """Return *value*, if it is not so long that no name is."""
    if len(value) > NAME_CHARACTERS:
        raise Refused(f"The {field} is longer than {NAME_CHARACTERS} characters")
    return value


_decode = msgspec.json.Decoder(Message).decode
_WRONG_TYPE = re.compile(r"Expected `.*`, got `(\w+)` - at `\$\.(\w+)`")
_NO_OBJECT = re.compile(r"Expected `object`, got `(\w+)`")
_WHAT_IT_IS = {"int": "a number", "float": "a number", "str": "a text", "array": "a list"}
_EXPECTED = {"hash": "a text or a whole number", "receipt": "true or false"}


def decode(document: bytes) -> Message | BadInput:
    """Return what *document*, which is complete, says."""
    try:
        return _decode(document)
    except msgspec.ValidationError as error:
        return BadInput(_sentence(str(error)), is_json=True)
    except (msgspec.DecodeError, ValueError, RecursionError):
        # ValueError: bytes that are not UTF-8.
        return BadInput("This is not JSON")


@lru_cache(maxsize=256)
def _sentence(problem: str) -> str:
    if found := _WRONG_TYPE.fullmatch(problem):
        kind, field = found.groups()
        expected = _EXPECTED.get(field, "a text")
        return f"The field {field} must be {expected}, not {_WHAT_IT_IS.get(kind, kind)}"
    if found := _NO_OBJECT.fullmatch(problem):
        kind = found[1]
        return f"A message is a JSON object, not {_WHAT_IT_IS.get(kind, kind)}"
    if "required field" in problem:
        return "A message has a field op that says what it is"
    return "A number in this message is out of range"
