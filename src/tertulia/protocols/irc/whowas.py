"""Who used which nickname before (WHOWAS)."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from tertulia.domain.names import fold_name

ENTRIES_PER_NICKNAME = 10
NICKNAMES_MOST = 10_000


class Former(NamedTuple):
    """Someone who was here; *until* is Unix milliseconds."""

    nick: str
    username: str
    host: str
    realname: str
    until: int


class Whowas:
    """The last users of each nickname; the longest unused nicknames are forgotten."""

    __slots__ = ("_formers",)

    def __init__(self) -> None:
        self._formers: OrderedDict[str, list[Former]] = OrderedDict()

    def remember(self, former: Former) -> None:
        """Note that someone does not use a nickname any more."""
        folded = fold_name(former.nick)
        formers = self._formers.setdefault(folded, [])
        formers.append(former)
        del formers[:-ENTRIES_PER_NICKNAME]
        self._formers.move_to_end(folded)
        if len(self._formers) > NICKNAMES_MOST:
            self._formers.popitem(last=False)

    def of(self, nickname: str) -> list[Former]:
        """Return who used *nickname*, the last one first."""
        return self._formers.get(fold_name(nickname), [])[::-1]
