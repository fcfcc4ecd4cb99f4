"""Masks of users, ``nick!user@host`` with ``*`` and ``?`` (Modern IRC, "Masks")."""

from __future__ import annotations

import re
from functools import lru_cache

from tertulia.domain.names import fold_name


def normal_mask(raw: str) -> str:
    """Return *raw* with the parts that it leaves out: ``ana`` is ``ana!*@*``."""
    nick, bang, rest = raw.partition("!")
    if not bang and "@" in nick:
        nick, rest = "*", nick
    user, _, host = rest.partition("@")
    return f"{nick or '*'}!{user or '*'}@{host or '*'}"


@lru_cache(maxsize=1024)
def _pattern(mask: str) -> re.Pattern[str]:
    # Each piece between stars is found at its first place and never tried elsewhere (the
    # atomic groups), so that no mask makes matching slower than length x length.
    first, *rest = (_literal(piece) for piece in re.split(r"\*+", fold_name(mask)))
    if not rest:
        return re.compile(first, re.DOTALL)
    *middle, last = rest
    found = "".join(f"(?>.*?{piece})" for piece in middle)
    return re.compile(f"{first}{found}.*{last}", re.DOTALL)


def _literal(piece: str) -> str:
    return "".join("." if c == "?" else re.escape(c) for c in piece)


def matches(mask: str, text: str) -> bool:
    """Whether *text* is one that *mask* describes; upper and lower case are the same."""
    return _pattern(mask).fullmatch(fold_name(text)) is not None
