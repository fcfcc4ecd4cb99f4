"""What happens to many at once, because servers reach each other or do not, is shown together."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from tertulia.domain import changes as c
from tertulia.domain.ids import Hlc
from tertulia.domain.names import fold_name

TOGETHER = 3
"""From how many on those who come at once are shown together."""


def late(changes: Sequence[c.Change], now: Hlc) -> list[c.Change]:
    """Return *changes*, which come late, with what was said in one channel put together."""
    found: list[c.Change] = []
    said: dict[str, list[c.Change]] = {}
    for change in changes:
        if isinstance(change, c.Spoken) and change.target.startswith("#"):
            said.setdefault(fold_name(change.target), []).append(change)
        else:
            found.append(change)
    for name, some in said.items():
        some.sort(key=lambda change: change.msgid)
        found.append(c.Together(now, "", "late", name, tuple(some), ""))
    return found


def crowds(changes: Sequence[c.Change], mine: str, other: str, now: Hlc) -> list[c.Change]:
    """Return *changes* with those who go put together, and those who come into one channel, if
    they are many; they are users of the *other* server, as seen on *mine* (their names)."""
    found: list[c.Change] = []
    crowd: list[c.Change] = []
    for change in changes:
        if isinstance(change, c.NickChanged):
            # Who goes or comes has the nickname that it is told under.
            found += [*_crowd(crowd, mine, other, now), change]
            crowd = []
        else:
            crowd.append(change)
    return found + _crowd(crowd, mine, other, now)


def _crowd(changes: Sequence[c.Change], mine: str, other: str, now: Hlc) -> list[c.Change]:
    found: list[c.Change] = []
    gone: list[c.Change] = []
    came: dict[str, list[c.Change]] = {}
    for change in changes:
        if isinstance(change, c.Entered):
            came.setdefault(fold_name(change.channel), []).append(change)
        elif isinstance(change, c.Gone):
            gone.append(replace(change, reason=f"{mine} {other}"))
        else:
            found.append(change)
    # Who comes may be one of those who went.
    if gone:
        found.insert(0, c.Together(now, "", "netsplit", "", tuple(gone), other))
    for channel, some in came.items():
        if len(some) >= TOGETHER:
            # Each is counted among those who are in it by itself.
            found.append(c.Together(now, "", "netjoin", channel, tuple(some), other))
        else:
            found += some
    return found
