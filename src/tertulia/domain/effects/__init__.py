"""What each fact does to the state, and what can be seen of it: the only thing that changes it.

A fact has a *lasting* effect, an effect on who is *present*, or both. What happens here has all
its effects at once. Of what happened on another server, the log brings the lasting ones: they
come out the same in whatever order the events of several servers arrive. Who is present there is
told besides, by that server alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from tertulia.domain import changes as c
from tertulia.domain import events as e
from tertulia.domain.effects import channels, identities, places, talk, users
from tertulia.domain.ids import Hlc
from tertulia.domain.names import Number
from tertulia.domain.state import State

_Handler = Callable[[State, e.Event, str, e.Fact], list[c.Change]]

_LASTING = cast(
    "dict[type[e.Fact], _Handler]",
    {
        e.NumberAssigned: identities.number_assigned,
        e.IdentityIssued: identities.issued,
        e.IdentityUsed: identities.used,
        e.IdentityForgotten: identities.forgotten,
        e.IdentityRenamed: identities.renamed,
        e.ChannelCreated: channels.created,
        e.ChannelEnded: channels.ended,
        e.ChannelKept: channels.kept,
        e.TopicSet: channels.topic_set,
        e.ModesSet: channels.modes_set,
        e.AdminsSet: channels.admins_set,
        e.Gathered: channels.gathered,
        e.MemberKicked: channels.member_kicked,
        e.Said: talk.said,
        e.Erased: talk.erased,
        e.Acknowledged: talk.acknowledged,
        e.Received: talk.received,
    },
)
_PRESENT = cast(
    "dict[type[e.Fact], _Handler]",
    {
        e.Connected: users.connected,
        e.Disconnected: users.disconnected,
        e.Renamed: users.renamed,
        e.AwaySet: users.away_set,
        e.RealnameSet: users.realname_set,
        e.UserModeSet: users.usermode_set,
        e.CaughtUp: users.caught_up,
        e.Joined: places.joined,
        e.Parted: places.parted,
        e.Kicked: places.kicked,
        e.MemberKicked: places.kicked,
        e.PutOut: places.kicked,
        e.RanksSet: places.ranks_set,
        e.Invited: places.invited,
        e.Signalled: talk.signalled,
    },
)


def apply(state: State, event: e.Event, msgid: str) -> list[c.Change]:
    """Let *event*, which happened here, take effect; return what others can see of it."""
    changes = merge(state, event, msgid)
    handler = _PRESENT.get(type(event.fact))
    if handler is None:
        return changes
    return changes + handler(state, event, msgid, event.fact)


def merge(state: State, event: e.Event, msgid: str) -> list[c.Change]:
    """Let the lasting effects of *event*, of whatever server, happen; return what can be seen."""
    fact = event.fact
    state.heard[event.tag] = event.hlc
    handler = _LASTING.get(type(fact))
    changes = [] if handler is None else handler(state, event, msgid, fact)
    if state.waiting.early:
        state.waiting.arrived(msgid)
    if fact.durability == "presence":
        return changes
    channel = state.incarnations.get(event.conversation)
    if channel is None or channel.ended:
        return happened(state, event) + changes
    if event.hlc > channel.last:
        channel.last = event.hlc
    return changes


def happened(state: State, event: e.Event) -> list[c.Change]:
    """Note only that *event*, which was logged, happened when and where it did."""
    return channels.happened(state, event)


def present(state: State, event: e.Event, msgid: str) -> list[c.Change]:
    """Let the effects of *event* on who is present happen; return what can be seen."""
    return _PRESENT[type(event.fact)](state, event, msgid, event.fact)


def rewrite(state: State, event: e.Event, msgid: str) -> None:
    """*event* could not be written, but remains so: its record is to be written again.

    What waits is as it was on disk before.
    """
    fact: Any = event.fact
    if isinstance(fact, e.NumberAssigned):
        state.changed_numbers[Number(fact.number)] = None
    elif isinstance(fact, e.IdentityRenamed | e.IdentityUsed | e.IdentityForgotten):
        state.identities.changed[Number(fact.number)] = None
    elif isinstance(fact, e.Received):
        state.waiting.receive(fact.by.uid, fact.messages)
    elif isinstance(fact, e.Acknowledged):
        talk.rewrite(state, msgid, fact)


def latest(state: State, event: e.Event) -> Hlc:
    """Return the latest stamp of what *event* writes over, 0 if nothing."""
    fact = event.fact
    if isinstance(fact, e.IdentityRenamed):
        return state.identities.latest(fact.number)
    if isinstance(fact, e.NumberAssigned):
        return identities.latest_number(state, fact)
    return channels.latest(state, event)
