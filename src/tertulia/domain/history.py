"""From what happened to what is seen of it, the same live and later; how history is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, cast

from msgspec import Struct

from tertulia.domain import changes as c
from tertulia.domain import events as e
from tertulia.domain.ids import Conversation, Hlc

Place: TypeAlias = "tuple[Hlc, int]"
"""A place in the order of all events: a clock value, and the tag of who wrote it."""
FIRST_TAG, LAST_TAG = -1, 1 << 32
"""Before and behind all that happened at one clock value."""


class Page(Struct, frozen=True):
    """A question to history: up to *limit* events, between *after* and
    *before* (both exclusive, places in time), from the end if *latest*, else from the beginning.

    What belongs together may be several *conversations*. With *messages_only* joins, modes and
    the like are left out.
    """

    conversations: tuple[Conversation, ...]
    limit: int
    after: Place | None = None
    before: Place | None = None
    latest: bool = False
    messages_only: bool = True


def describe(hlc: Hlc, msgid: str, fact: e.Fact) -> c.Change:
    """Return what is seen of a *fact* that `is_visible`, or that waited for somebody."""
    return _DESCRIPTIONS[type(fact)](hlc, msgid, fact)


def is_visible(fact: e.Fact) -> bool:
    """Whether *fact* is one that history shows."""
    return type(fact) in VISIBLE


def _spoken(hlc: Hlc, msgid: str, fact: e.Said) -> c.Change:
    return c.Spoken(
        hlc, msgid, fact.by, fact.target, fact.style, fact.text, fact.tags, fact.status,
        fact.receipt, fact.to,
    )  # fmt: skip


def _acknowledged(hlc: Hlc, msgid: str, fact: e.Acknowledged) -> c.Change:
    return c.Acknowledged(
        hlc, msgid, fact.by, fact.to, fact.target, fact.about, fact.message, fact.at, fact.seen
    )


def _gathered(hlc: Hlc, msgid: str, fact: e.Gathered) -> c.Change:
    return c.Gathered(hlc, msgid, fact.by, fact.channel, fact.group, fact.members, fact.everyone)


def _entered(hlc: Hlc, msgid: str, fact: e.Joined) -> c.Change:
    return c.Entered(hlc, msgid, fact.by, fact.channel, fact.by.nick, None, fact.admin)


def _departed(hlc: Hlc, msgid: str, fact: e.Parted) -> c.Change:
    return c.Departed(hlc, msgid, fact.by, fact.channel, fact.reason, fact.quit)


def _expelled(hlc: Hlc, msgid: str, fact: e.Kicked) -> c.Change:
    return c.Expelled(hlc, msgid, fact.by, fact.channel, fact.whom, fact.reason)


def _topic_changed(hlc: Hlc, msgid: str, fact: e.TopicSet) -> c.Change:
    return c.TopicChanged(hlc, msgid, fact.by, fact.channel, fact.topic)


def _modes_changed(hlc: Hlc, msgid: str, fact: e.ModesSet) -> c.Change:
    # Nobody is shown a password, not even its hash.
    shown = tuple(c.ShownMode(m.on, m.mode, "*" if m.mode == "k" else m.value) for m in fact.modes)
    return c.ModesChanged(hlc, msgid, fact.by, fact.channel, shown)


def _ranks_changed(hlc: Hlc, msgid: str, fact: e.RanksSet) -> c.Change:
    shown = tuple(c.ShownMode(r.on, r.mode, r.whom.nick, r.whom) for r in fact.ranks)
    return c.ModesChanged(hlc, msgid, fact.by, fact.channel, shown)


_DESCRIPTIONS = cast(
    "dict[type[e.Fact], Callable[[Hlc, str, e.Fact], c.Change]]",
    {
        e.Said: _spoken,
        e.Joined: _entered,
        e.Parted: _departed,
        e.Kicked: _expelled,
        e.MemberKicked: _expelled,
        e.PutOut: _expelled,
        e.Acknowledged: _acknowledged,
        e.Gathered: _gathered,
        e.TopicSet: _topic_changed,
        e.ModesSet: _modes_changed,
        e.RanksSet: _ranks_changed,
        e.AdminsSet: _ranks_changed,
    },
)
_PERSONAL = frozenset({e.Acknowledged, e.Gathered, e.PutOut})
"""What only those are shown whom it concerns, or what is told elsewhere."""
VISIBLE = frozenset(_DESCRIPTIONS) - _PERSONAL
"""The kinds of fact that history shows."""
