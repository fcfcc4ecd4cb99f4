"""What channels there are, what they are set to, and who belongs to them.

A channel is the first of the incarnations of its name that are alive. What is written under
another one stays with that one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from tertulia.domain import changes as c
from tertulia.domain import events as e
from tertulia.domain.channels import LISTS, Channel, ListEntry, Topic
from tertulia.domain.effects.places import put_in, regraded
from tertulia.domain.history import describe
from tertulia.domain.ids import Hlc, Uid, is_durable, is_of_channel, milliseconds, parse_msgid
from tertulia.domain.names import ChannelName, Number
from tertulia.domain.state import State
from tertulia.domain.text import Text

INITIAL_FLAGS = "nt"


def created(state: State, event: e.Event, msgid: str, fact: e.ChannelCreated) -> list[c.Change]:
    """An incarnation of a channel begins. Later events of it may be known already."""
    channel = state.incarnation(fact.incarnation, fact.channel)
    if channel.origin:
        return []
    channel.origin = msgid
    channel.name = ChannelName.parse(fact.channel)
    channel.number = Number(fact.number)
    channel.created = channel.emptied = milliseconds(event.hlc)
    if "k" not in channel.stamps:
        channel.key = fact.key
    written = frozenset(channel.stamps)
    channel.flags |= frozenset(fact.flags or INITIAL_FLAGS) - written
    channel.flags -= frozenset(INITIAL_FLAGS) - frozenset(fact.flags or INITIAL_FLAGS) - written
    if is_durable(fact.by.uid) and f"o:{fact.by.uid}" not in channel.stamps:
        _set_admin(state, channel, fact.by.uid, True)
    state.changed_channels[channel.incarnation] = None
    return _settle(state, channel, event.hlc, msgid)


def ended(state: State, event: e.Event, msgid: str, fact: e.ChannelEnded) -> list[c.Change]:
    """An incarnation is over, unless something happens in it later."""
    conversation = fact.incarnation or event.conversation
    if not conversation:
        return []
    channel = state.incarnation(conversation, fact.channel)
    channel.ended = max(channel.ended, event.stamp or event.hlc)
    state.changed_channels[channel.incarnation] = None
    return _settle(state, channel, event.hlc, msgid)


def kept(state: State, event: e.Event, msgid: str, fact: e.ChannelKept) -> list[c.Change]:
    """Somebody is in it: it is not over."""
    channel = state.incarnation(event.conversation, fact.channel)
    state.changed_channels[channel.incarnation] = None
    channel.last = max(channel.last, event.stamp or event.hlc)
    return _settle(state, channel, event.hlc, msgid)


def happened(state: State, event: e.Event) -> list[c.Change]:
    """Something happened in a channel: it is not over, if it was said to be before that.

    That may be known before the channel is.
    """
    channel = state.incarnations.get(event.conversation)
    if channel is None:
        if not (is_of_channel(event.conversation) and (name := _channel_of(event.fact))):
            return []
        channel = state.incarnation(event.conversation, name)
        state.changed_channels[channel.incarnation] = None
    if event.hlc <= channel.last:
        return []
    channel.last = event.hlc
    if not channel.ended:
        return []
    state.changed_channels[channel.incarnation] = None
    return _settle(state, channel, event.hlc, event.write)


def _channel_of(fact: e.Fact) -> str:
    name = fact.target if isinstance(fact, e.Said) else getattr(fact, "channel", "")
    return name if name.startswith("#") else ""


def _settle(state: State, channel: Channel, hlc: Hlc, msgid: str) -> list[c.Change]:
    """See which incarnation is the channel of that name now."""
    name = channel.name.folded
    winner, before = state.winner(name), state.channels.get(name)
    if winner is before:
        return []
    if winner is None:
        assert before is not None
        # Who is in it is on a server that will say that it is not over, or make it anew.
        if not before.occupants:
            state.forget_channel(before)
        return []
    state.put_channel(winner)
    if before is not None:
        return _replace(state, before, winner, hlc, msgid)
    # Who is in it may have been told before that it exists.
    absent = state.pending.pop(name, {})
    return [put_in(state, winner, state.users[uid], hlc, msgid) for uid in absent]


def _replace(
    state: State, before: Channel, winner: Channel, hlc: Hlc, msgid: str
) -> list[c.Change]:
    """Let those who are in *before* be in *winner* instead, with no rank but what it gives."""
    name = winner.name.folded
    ranks: list[c.ShownMode] = []
    for uid, rank in before.occupants.items():
        user = state.users[uid]
        user.channels[name] = winner
        winner.occupants[uid] = user.rank_in(winner)
        ranks += regraded(user.face, rank, winner.occupants[uid])
    winner.invited |= before.invited
    winner.shut_out |= before.shut_out
    winner.revision = before.revision + 1
    winner.emptied = before.emptied
    before.invited, before.occupants = set(), {}
    for one in (before, winner):
        state.changed_channels[one.incarnation] = None
    return _differences(state, before, winner, ranks, hlc, msgid)


def _differences(
    state: State,
    before: Channel,
    winner: Channel,
    ranks: list[c.ShownMode],
    hlc: Hlc,
    msgid: str,
) -> list[c.Change]:
    """Return what those in the channel see when another incarnation takes its place, in which
    they have other *ranks*."""
    face, name = state.server_face, winner.name.text
    found: list[c.Change] = []
    if before.topic != winner.topic:
        text = Text("") if winner.topic is None else winner.topic.text
        found.append(c.TopicChanged(hlc, msgid, face, name, text))
    modes = [c.ShownMode(True, flag) for flag in sorted(winner.flags - before.flags)]
    modes += [c.ShownMode(False, flag) for flag in sorted(before.flags - winner.flags)]
    if before.key != winner.key:
        modes.append(c.ShownMode(winner.key is not None, "k", "*"))
    if before.limit != winner.limit:
        limit = None if winner.limit is None else str(winner.limit)
        modes.append(c.ShownMode(winner.limit is not None, "l", limit))
    modes += ranks
    if modes:
        found.append(c.ModesChanged(hlc, msgid, face, name, tuple(modes)))
    return found


def topic_set(state: State, event: e.Event, msgid: str, fact: e.TopicSet) -> list[c.Change]:
    """A channel has another topic."""
    channel = state.incarnation(event.conversation, fact.channel)
    if not channel.takes("topic", event.write):
        return []
    at = milliseconds(event.hlc)
    channel.topic = Topic(fact.topic, fact.by.mask, at) if fact.topic else None
    return _written(state, channel, event, msgid, fact)


def modes_set(state: State, event: e.Event, msgid: str, fact: e.ModesSet) -> list[c.Change]:
    """A channel is set otherwise."""
    channel = state.incarnation(event.conversation, fact.channel)
    # One event may switch the same thing twice.
    taking = {one for one in map(_register, fact.modes) if channel.takes(one, event.write)}
    taken = [change for change in fact.modes if _register(change) in taking]
    for change in taken:
        _set_mode(channel, change, by=fact.by.mask, at=milliseconds(event.hlc))
    if not taken:
        return []
    shown = e.ModesSet(fact.by, fact.channel, tuple(taken))
    return _written(state, channel, event, msgid, shown)


def _register(change: e.ModeChange) -> str:
    return f"{change.mode}:{change.value}" if change.mode in LISTS else change.mode


def _set_mode(channel: Channel, change: e.ModeChange, *, by: str, at: int) -> None:
    mode, value = change.mode, change.value
    if mode in LISTS:
        masks = channel.lists[mode]
        if change.on:
            masks[cast(str, value)] = ListEntry(by, at)
        else:
            masks.pop(cast(str, value), None)
    elif mode == "k":
        channel.key = value if change.on else None
    elif mode == "l":
        channel.limit = int(cast(str, value)) if change.on else None
    elif change.on:
        channel.flags |= {mode}
    else:
        channel.flags -= {mode}


def admins_set(state: State, event: e.Event, msgid: str, fact: e.AdminsSet) -> list[c.Change]:
    """Others are admins of a channel, wherever they are."""
    channel = state.incarnation(event.conversation, fact.channel)
    taking = {one.whom.uid for one in fact.ranks if _takes_admin(channel, one, event.write)}
    taken = [one for one in fact.ranks if one.whom.uid in taking]
    for change in taken:
        _set_admin(state, channel, change.whom.uid, change.on)
    if not taken:
        return []
    return _written(state, channel, event, msgid, e.AdminsSet(fact.by, fact.channel, tuple(taken)))


def _takes_admin(channel: Channel, change: e.RankChange, write: str) -> bool:
    uid = change.whom.uid
    return change.mode == "o" and is_durable(uid) and channel.takes(f"o:{uid}", write)


def _set_admin(state: State, channel: Channel, uid: Uid, on: bool) -> None:
    channel.admins = channel.admins | {uid} if on else channel.admins - {uid}
    if uid in channel.occupants:
        channel.occupants[uid] = state.users[uid].rank_in(channel)
        channel.revision += 1


def gathered(state: State, event: e.Event, msgid: str, fact: e.Gathered) -> list[c.Change]:
    """Users belong to a channel."""
    channel = state.incarnation(event.conversation, fact.channel)
    taken = [f for f in fact.members if channel.takes(f"m:{f.uid}", event.write)]
    state.set_members(channel, channel.members.union(face.uid for face in taken))
    for face in fact.members:  # whose identities are bare, though that may not be known yet
        state.waiting.add(face.uid, msgid, fact)
    return _written(state, channel, event, msgid, fact)


def member_kicked(state: State, event: e.Event, msgid: str, fact: e.MemberKicked) -> list[c.Change]:
    """A user belongs to a channel no more; who is in it is put out by their own server."""
    channel, uid = state.incarnation(event.conversation, fact.channel), fact.whom.uid
    if channel.takes(f"m:{uid}", event.write):
        state.set_members(channel, channel.members - {uid})
    if channel.takes(f"o:{uid}", event.write):
        _set_admin(state, channel, uid, False)
    state.waiting.add(uid, msgid, fact)
    state.changed_channels[channel.incarnation] = None
    if uid in channel.occupants:
        return []
    return _written(state, channel, event, msgid, fact)


def _written(
    state: State, channel: Channel, event: e.Event, msgid: str, fact: e.Fact
) -> list[c.Change]:
    """Return what is seen of *fact* if *channel* is the one of its name."""
    state.changed_channels[channel.incarnation] = None
    if state.channels.get(channel.name.folded) is not channel:
        return []
    return [describe(event.hlc, msgid, fact)]


def latest(state: State, event: e.Event) -> Hlc:
    """Return the latest stamp of the registers that *event* writes, 0 if there is none."""
    channel = state.incarnations.get(event.conversation)
    if channel is None:
        return Hlc(0)
    if isinstance(event.fact, e.ChannelKept):
        return channel.ended
    if isinstance(event.fact, e.ChannelEnded):
        return channel.last
    stamp = max((channel.stamps.get(name, "") for name in _registers(event.fact)), default="")
    parsed = parse_msgid(stamp)
    return Hlc(0) if parsed is None else parsed[0]


def _registers(fact: e.Fact) -> Iterable[str]:
    match fact:
        case e.TopicSet():
            return ("topic",)
        case e.ModesSet():
            return map(_register, fact.modes)
        case e.AdminsSet():
            return (f"o:{one.whom.uid}" for one in fact.ranks)
        case e.Gathered():
            return (f"m:{face.uid}" for face in fact.members)
        case e.MemberKicked():
            return (f"m:{fact.whom.uid}", f"o:{fact.whom.uid}")
        case _:
            return ()
