"""What a server says of itself (RPL_ISUPPORT; modern.ircdocs.horse, "Feature Advertisement")."""

from __future__ import annotations

import re
from collections.abc import Callable

from tertulia.client.session.wire import harmless
from tertulia.domain.names import fold_name

_ESCAPE = re.compile(r"\\x([0-9A-Fa-f]{2})")
_RFC1459 = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ[]\\~", "abcdefghijklmnopqrstuvwxyz{}|^")
_STRICT = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ[]\\", "abcdefghijklmnopqrstuvwxyz{}|")


def _rfc1459(name: str) -> str:
    return name.translate(_RFC1459)


def _rfc1459_strict(name: str) -> str:
    return name.translate(_STRICT)


# Names in other scripts are folded as our servers do; others leave those letters alone, but have
# no two names that differ in them only, or are not compared by their case at all.
_FOLDS: dict[str, Callable[[str], str]] = {
    "ascii": fold_name,
    "rfc1459": _rfc1459,
    "rfc1459-strict": _rfc1459_strict,
    "strict-rfc1459": _rfc1459_strict,
}


class Features:
    """The tokens of ISUPPORT, with what holds where a server says nothing."""

    def __init__(self) -> None:
        self._tokens: dict[str, str] = {}
        self.fold: Callable[[str], str] = _rfc1459
        self.prefixes: dict[str, str] = {"@": "o", "+": "v"}
        """The letters of ranks by their signs, the highest first."""
        self.list_modes, self.always, self.when_set = "beI", "k", "l"
        """Channel modes: lists, those that always have a parameter, those that have one if set."""

    def take(self, tokens: list[str] | tuple[str, ...]) -> None:
        """Take the parameters of a line of RPL_ISUPPORT."""
        for token in tokens:
            key, _, raw = token.partition("=")
            if key.startswith("-"):
                self._tokens.pop(key[1:], None)
            elif key:
                self._tokens[key] = harmless(_ESCAPE.sub(lambda m: chr(int(m[1], 16)), raw))
        self.fold = _FOLDS.get(self.text("CASEMAPPING", "rfc1459").lower(), fold_name)
        self._take_modes()

    def _take_modes(self) -> None:
        letters, paren, signs = self.text("PREFIX", "(ov)@+").removeprefix("(").partition(")")
        self.prefixes = dict(zip(signs, letters, strict=False)) if paren else {}
        groups = self.text("CHANMODES", "beI,k,l,").split(",")
        self.list_modes, self.always, self.when_set = (*groups, "", "", "")[:3]

    def has(self, key: str) -> bool:
        """Whether the server said *key*."""
        return key in self._tokens

    def text(self, key: str, otherwise: str = "") -> str:
        """Return what the server said for *key*."""
        return self._tokens.get(key, otherwise)

    def number(self, key: str, otherwise: int) -> int:
        """Return what the server said for *key*, if it is a number above 0."""
        text = self._tokens.get(key, "")
        is_number = text.isascii() and text.isdigit() and len(text) < 10
        return (int(text) if is_number else 0) or otherwise

    def is_channel(self, name: str) -> bool:
        """Whether *name* is that of a channel."""
        return name[:1] != "" and name[0] in self.text("CHANTYPES", "#&")

    def split_status(self, target: str) -> tuple[str, str]:
        """Return the sign of a rank and the channel of ``@#channel``."""
        if target[:1] and target[0] in self.text("STATUSMSG") and self.is_channel(target[1:]):
            return target[0], target[1:]
        return "", target

    def split_ranks(self, name: str) -> tuple[str, str]:
        """Return the signs and the rest of ``@+nick``."""
        rest = name.lstrip("".join(self.prefixes))
        return name[: len(name) - len(rest)], rest

    def sort_ranks(self, signs: str) -> str:
        """Return *signs* with the highest first."""
        return "".join([sign for sign in self.prefixes if sign in signs])

    def mode_changes(self, modes: str, values: list[str]) -> list[tuple[bool, str, str]]:
        """Return what ``+ov-l`` with *values* changes: on or off, the letter, its value."""
        changes, on, ranks = [], True, "".join(self.prefixes.values())
        rest = list(values)
        for letter in modes:
            if letter in "+-":
                on = letter == "+"
                continue
            takes = letter in ranks + self.list_modes + self.always
            takes = takes or (on and letter in self.when_set)
            changes.append((on, letter, rest.pop(0) if takes and rest else ""))
        return changes
