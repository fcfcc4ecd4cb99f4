"""Who is in which channel now, and as what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tertulia.domain import changes as c
from tertulia.domain import events as e
from tertulia.domain.channels import ADMIN, LOBBY_SHUT_MS, RANKS, Channel
from tertulia.domain.history import describe
from tertulia.domain.ids import Conversation, Hlc, Uid, milliseconds
from tertulia.domain.names import fold_name
from tertulia.domain.state import State
from tertulia.domain.users import Place, User, graded


def joined(state: State, event: e.Event, msgid: str, fact: e.Joined) -> list[c.Change]:
    """A user is in a channel, which may be known only later."""
    name, user = fold_name(fact.channel), state.users[fact.by.uid]
    user.places[name] = Place(fact.channel, event.conversation, ADMIN if fact.admin else 0)
    channel = state.channels.get(name)
    if channel is None:
        state.pending.setdefault(name, {})[user.uid] = None
        return []
    if user.uid in channel.occupants:
        before = channel.occupants[user.uid]
        rank = channel.occupants[user.uid] = user.rank_in(channel)
        channel.revision += 1
        # Whether they may speak is told apart from this.
        modes = regraded(user.face, before & ADMIN, rank & ADMIN)
        return _seen_regraded(state, channel, modes, event.hlc, msgid)
    return [put_in(state, channel, user, event.hlc, msgid)]


def put_in(state: State, channel: Channel, user: User, hlc: Hlc, msgid: str) -> c.Change:
    """Let a user be in *channel*, where they say that they are."""
    name, rank = channel.name.folded, user.rank_in(channel)
    channel.occupants[user.uid] = rank
    user.channels[name] = channel
    channel.invited.discard(user.uid)
    user.invited_to -= {name}
    if channel.emptied is not None:
        channel.emptied = None
        state.changed_channels[channel.incarnation] = None
    is_admin, is_alone = bool(rank & ADMIN), len(channel.occupants) == 1
    return c.Entered(
        hlc, msgid, user.face, channel.name.text, user.realname, user.away, is_admin, is_alone
    )


def regraded(face: e.Face, before: int, after: int) -> Iterator[c.ShownMode]:
    """Return what is seen when a user has another rank in a channel."""
    for mode, rank in RANKS.items():
        if (before ^ after) & rank:
            yield c.ShownMode(bool(after & rank), mode, face.nick, face)


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
    name, user = fold_name(raw), state.users.get(uid)
    if user is None:
        return False
    user.places.pop(name, None)
    channel = user.channels.pop(name, None)
    if channel is None:
        state.pending.get(name, {}).pop(uid, None)
        return False
    state.take_out(user, channel, hlc)
    return True


def ranks_set(state: State, event: e.Event, msgid: str, fact: e.RanksSet) -> list[c.Change]:
    """Occupants of a channel have another rank in one incarnation of it."""
    name = fold_name(fact.channel)
    modes: list[c.ShownMode] = []
    for change in fact.ranks:
        modes += _grade(state, name, event.conversation, change)
    channel = state.channels.get(name)
    if channel is None:
        return []
    if event.conversation == channel.incarnation:
        channel.revision += 1
        return [describe(event.hlc, msgid, fact)]
    return _seen_regraded(state, channel, modes, event.hlc, msgid)


def _grade(
    state: State, name: str, incarnation: Conversation, change: e.RankChange
) -> Iterator[c.ShownMode]:
    user = state.users.get(change.whom.uid)
    place = None if user is None else user.places.get(name)
    if user is None or place is None:
        return
    user.places[name] = graded(place, incarnation, change)
    if (channel := user.channels.get(name)) is not None:
        before = channel.occupants[user.uid]
        rank = channel.occupants[user.uid] = user.rank_in(channel)
        yield from regraded(user.face, before, rank)


def _seen_regraded(
    state: State, channel: Channel, modes: Iterable[c.ShownMode], hlc: Hlc, msgid: str
) -> list[c.Change]:
    """Return what is seen when nobody here knows who set *modes*."""
    shown = tuple(modes)
    if not shown:
        return []
    channel.revision += 1
    return [c.ModesChanged(hlc, msgid, state.server_face, channel.name.text, shown)]


def invited(state: State, event: e.Event, msgid: str, fact: e.Invited) -> list[c.Change]:
    """A user was asked into a channel."""
    channel = state.channels.get(fold_name(fact.channel))
    whom = state.users.get(fact.whom.uid)
    if channel is None or whom is None:
        return []
    channel.invited.add(whom.uid)
    whom.invited_to |= {channel.name.folded}
    return [c.Summoned(event.hlc, msgid, fact.by, fact.whom, fact.channel)]
