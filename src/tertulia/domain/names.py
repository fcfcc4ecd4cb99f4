"""Names that are valid by construction and carry the form they are compared by.

A nickname is up to 32 letters and digits of any script and the special characters of IRC
nicknames (Modern IRC, "Clients"); names are compared by the PRECIS profile
UsernameCaseMapped (RFC 8265 section 3.3), which for ASCII is lower case.
"""

from __future__ import annotations

import json
import re
import unicodedata
from functools import lru_cache
from importlib import resources
from typing import NewType, Self

from tertulia.domain.errors import InvalidChannelName, InvalidNickname

NICKNAME_LENGTH = 32
CHANNEL_LENGTH = 64

_ASCII_NICKNAME = re.compile(r"[A-Za-z\[\]\\`_^{|}][A-Za-z0-9\[\]\\`_^{|}-]{0,31}", re.ASCII)
_NICKNAME_SPECIALS = frozenset("[]\\`_^{|}-")
_ASCII_CHANNEL = re.compile(r"#[!-+\--~]{0,63}", re.ASCII)
_NUMBER = re.compile(r"[01][0-9]{12}", re.ASCII)
# What shows nothing, though its category says that it does.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0").union(
    map(chr, [*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)])
)
# What looks alike in ASCII, by the table that `_prototypes` reads.
_ASCII_PROTOTYPES = str.maketrans("I1|0`", "lllO'")


def _widths() -> dict[int, str]:
    """The letters and digits of other width with the usual ones (RFC 8265, section 3.3.2).

    Only those: a wide ``*`` or ``,`` must not become one that means something.
    """
    forms = {}
    for code in range(0xFF00, 0xFFF0):
        kind, _, usual = unicodedata.decomposition(chr(code)).partition(" ")
        if kind in ("<wide>", "<narrow>") and unicodedata.category(chr(code))[0] in "LN":
            forms[code] = chr(int(usual, 16))
    return forms


_WIDTHS = _widths()


class Name:
    """A name and the form it is compared by; equal names have equal folded forms."""

    __slots__ = ("folded", "text")

    def __init__(self, text: str, folded: str) -> None:
        self.text = text
        self.folded = folded

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.folded == self.folded

    def __hash__(self) -> int:
        return hash(self.folded)


class Nickname(Name):
    """What a user is called."""

    __slots__ = ()

    @classmethod
    def parse(cls, raw: str) -> Self:
        """Return the nickname that *raw* spells, or raise `InvalidNickname`."""
        if _ASCII_NICKNAME.fullmatch(raw):
            return cls(raw, raw.lower())
        text = unicodedata.normalize("NFC", raw)
        if not text:
            raise InvalidNickname(raw, "it is empty")
        if len(text) > NICKNAME_LENGTH:
            raise InvalidNickname(raw, f"it is longer than {NICKNAME_LENGTH} characters")
        if text[0].isdigit() or text[0] == "-":
            raise InvalidNickname(raw, "it starts with a digit or a hyphen")
        if not all(_is_nickname_character(c) for c in text):
            raise InvalidNickname(raw, "only letters, digits and []\\`_^{|}- are allowed")
        return cls(text, _fold_username(text))

    @property
    def skeletons(self) -> tuple[str, ...]:
        """The forms that it shares with nicknames that look like it (Unicode TR39, section 4).

        Cyrillic ``ѕ`` looks like ``s`` and its capital ``Ѕ`` like ``S``, but Greek ``ν`` like
        ``v`` and its capital like ``N``: so as it is written, and as it is compared.
        """
        written, compared = _skeleton(self.text), _skeleton(self.folded)
        return (written,) if written == compared else (written, compared)

    def looks_like(self, other: Nickname) -> bool:
        """Whether one of the two could be taken for the other.

        Among ASCII names only case is ignored: people know those letters, and ``bot1`` and
        ``botl`` are two.
        """
        if self.folded == other.folded:
            return True
        if self.text.isascii() and other.text.isascii():
            return False
        return not set(self.skeletons).isdisjoint(other.skeletons)


class ChannelName(Name):
    """What a channel is called: ``#`` and up to 63 characters."""

    __slots__ = ()

    @classmethod
    def parse(cls, raw: str) -> Self:
        """Return the channel name that *raw* spells, or raise `InvalidChannelName`."""
        if _ASCII_CHANNEL.fullmatch(raw):
            return cls(raw, raw.lower())
        text = unicodedata.normalize("NFC", raw)
        if not text.startswith("#"):
            raise InvalidChannelName(raw, "a channel name starts with #")
        if len(text) > CHANNEL_LENGTH:
            raise InvalidChannelName(raw, f"it is longer than {CHANNEL_LENGTH} characters")
        if "," in text or not all(_is_visible(c) for c in text):
            raise InvalidChannelName(raw, "spaces, commas and invisible characters are not allowed")
        return cls(text, fold_name(text))


Number = NewType("Number", str)
"""The 13 digits of a user (first digit 0) or a channel (first digit 1)."""


def is_number(raw: str) -> bool:
    """Whether *raw* has the form of a number."""
    return _NUMBER.fullmatch(raw) is not None


def fold_name(raw: str) -> str:
    """Return what a nickname or channel name *raw*, valid or not, is looked up by."""
    if raw.isascii():
        return raw.lower()
    text = unicodedata.normalize("NFC", raw).translate(_WIDTHS)
    return unicodedata.normalize("NFC", text.lower())


def _is_nickname_character(c: str) -> bool:
    return c in _NICKNAME_SPECIALS or unicodedata.category(c) in {
        "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd",
    }  # fmt: skip


def _is_visible(c: str) -> bool:
    return unicodedata.category(c)[0] not in "CZ" and c not in _BLANK


@lru_cache(maxsize=4096)
def _fold_username(text: str) -> str:
    # The profile's tables are slow to load, and most servers never need them.
    from precis_i18n import get_profile

    try:
        folded: str = get_profile("UsernameCaseMapped").enforce(text)
    except UnicodeEncodeError as error:
        raise InvalidNickname(text, "it mixes characters that cannot go together") from error
    return folded


def _skeleton(text: str) -> str:
    if text.isascii():
        return text.translate(_ASCII_PROTOTYPES).lower()
    return text.translate(_prototypes()).lower()


@lru_cache(maxsize=1)
def _prototypes() -> dict[int, str]:
    """Each character that can be mistaken for another, with the one that stands for all."""
    source = resources.files("confusable_homoglyphs").joinpath("confusables.json")
    table: dict[str, list[dict[str, str]]] = json.loads(source.read_text("utf-8"))
    # The table lists pairs; what looks like the same character looks alike too.
    groups: dict[str, set[str]] = {}
    for character, lookalikes in table.items():
        members = {character, *(entry["c"] for entry in lookalikes)}
        members.update(*(groups.get(member, ()) for member in tuple(members)))
        for member in members:
            groups[member] = members
    return {
        ord(character): min(members, key=_prototype_rank)
        for character, members in groups.items()
        if len(character) == 1
    }


def _prototype_rank(candidate: str) -> tuple[bool, int, bool, bool, str]:
    """ASCII first, of that one lower-case letter."""
    return (
        not candidate.isascii(),
        len(candidate),
        not candidate.isalpha(),
        not candidate.islower(),
        candidate,
    )
