"""Who is in which channel now, and as what."""

from __future__ import annotations

from tertulia.domain import changes as c
from tertulia.domain import events as e
from tertulia.domain.channels import ADMIN, LOBBY_SHUT_MS, RANKS, Channel
from tertulia.domain.history import describe
from tertulia.domain.ids import Conversation, Hlc, Uid, is_durable, milliseconds
from tertulia.domain.names import fold_name
from tertulia.domain.state import State
from tertulia.domain.users import User


def joined(state: State, event: e.Event, msgid: str, fact: e.Joined) -> list[c.Change]:
    """A user is in a channel, which may be known only later."""
    name, uid = fold_name(fact.channel), fact.by.uid
    channel = state.channels.get(name)
    if channel is None:
        as_what = (event.conversation, ADMIN if fact.admin else 0)
        state.pending.setdefault(name, {})[uid] = as_what
        return []
    if uid in channel.occupants:
        return []
    rank = ADMIN if fact.admin else 0
    return [put_in(state, channel, uid, event.conversation, rank, event.hlc, msgid)]


def put_in(
    state: State,
    channel: Channel,
    uid: Uid,
    incarnation: Conversation,
    rank: int,
    hlc: Hlc,
    msgid: str,
) -> c.Change:
    """Let a user be in *channel*, of *rank* if they are in the same *incarnation*.

    Whether somebody is an admin for good the channel itself knows, if that was ever said.
    """
    user, name = state.users[uid], channel.name.folded
    if incarnation != channel.incarnation:
        rank = 0
    if is_durable(uid):
        rank = rank | ADMIN if uid in channel.admins else rank & ~_taken_away(channel, uid)
    channel.occupants[uid] = rank
    user.channels[name] = channel
    channel.invited.discard(uid)
    user.invited_to -= {name}
    if channel.emptied is not None:
        channel.emptied = None
        state.changed_channels[channel.incarnation] = None
    face, is_admin = user.face, bool(rank & ADMIN)
    return c.Entered(hlc, msgid, face, channel.name.text, user.realname, user.away, is_admin)


def _taken_away(channel: Channel, uid: Uid) -> int:
    return ADMIN if f"o:{uid}" in channel.stamps else 0


def parted(state: State, event: e.Event, msgid: str, fact: e.Parted) -> list[c.Change]:
    """A user left a channel."""
    if fact.quit:  # the Disconnected that goes with it takes effect
        return []
    if not _leave(state, fact.by.uid, fact.channel, event.hlc):
        return []
    return [describe(event.hlc, msgid, fact)]


def kicked(state: State, event: e.Event, msgid: str, fact: e.Kicked) -> list[c.Change]:
    """A user was expelled from a channel."""
    channel = state.channels.get(fold_name(fact.channel))
    was_in = _leave(state, fact.whom.uid, fact.channel, event.hlc)
    if channel is not None and channel.is_lobby:
        now = milliseconds(event.hlc)
        still = {key: until for key, until in channel.shut_out.items() if until > now}
        still[fact.whom.uid] = still[fold_name(fact.whom.nick)] = now + LOBBY_SHUT_MS
        channel.shut_out = still
    return [describe(event.hlc, msgid, fact)] if was_in else []


def _leave(state: State, uid: Uid, raw: str, hlc: Hlc) -> bool:
    """Take a user out of a channel; return whether they were in it."""
    name = fold_name(raw)
    user: User | None = state.users.get(uid)
    channel = None if user is None else user.channels.pop(name, None)
    if channel is None or user is None:
        state.pending.get(name, {}).pop(uid, None)
        return False
    state.take_out(user, channel, hlc)
    return True


def ranks_set(state: State, event: e.Event, msgid: str, fact: e.RanksSet) -> list[c.Change]:
    """Occupants of a channel have another rank."""
    channel = state.channels.get(fold_name(fact.channel))
    if channel is None or event.conversation != channel.incarnation:
        return []
    channel.revision += 1
    for change in fact.ranks:
        held = channel.occupants.get(change.whom.uid)
        if held is not None:
            rank = RANKS[change.mode]
            channel.occupants[change.whom.uid] = held | rank if change.on else held & ~rank
    return [describe(event.hlc, msgid, fact)]


def invited(state: State, event: e.Event, msgid: str, fact: e.Invited) -> list[c.Change]:
    """A user was asked into a channel."""
    channel = state.channels.get(fold_name(fact.channel))
    whom = state.users.get(fact.whom.uid)
    if channel is None or whom is None:
        return []
    channel.invited.add(whom.uid)
    whom.invited_to |= {channel.name.folded}
    return [c.Summoned(event.hlc, msgid, fact.by, fact.whom, fact.channel)]
