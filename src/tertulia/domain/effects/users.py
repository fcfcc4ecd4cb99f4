"""Who is on which server, and what they say of themselves."""

from __future__ import annotations

from msgspec.structs import replace

from tertulia.domain import changes as c
from tertulia.domain import events as e
from tertulia.domain.ids import Hlc
from tertulia.domain.names import Nickname, Number
from tertulia.domain.state import State
from tertulia.domain.users import BOT, User


def connected(state: State, event: e.Event, msgid: str, fact: e.Connected) -> list[c.Change]:
    """A user is on the server that says so."""
    nick = Nickname.parse(fact.face.nick)
    came = Hlc(max(event.hlc, fact.after))
    user = User(fact, nick, came, fact.server, fact.claim or msgid)
    if user.server:
        pass  # what waits for them is the business of that server
    elif state.identities.is_bare(user.uid):
        state.put_by[user.uid] = None
        user.catching_up = True
    else:
        user.catching_up = user.durable and state.waiting.count(user.uid) > 0
    state.add_user(user)
    return [c.Arrived(event.hlc, msgid, fact.face)]


def disconnected(state: State, event: e.Event, msgid: str, fact: e.Disconnected) -> list[c.Change]:
    """They are not, and so in no channel."""
    user = state.users.pop(fact.face.uid)
    state.put_by.pop(user.uid, None)
    state.forget_nickname(user)
    left = tuple(user.channels)
    for channel in user.channels.values():
        state.take_out(user, channel, event.hlc)
    user.channels, user.places = {}, {}
    for absent in state.pending.values():
        absent.pop(user.uid, None)
    for name in user.invited_to:
        if (inviting := state.channels.get(name)) is not None:
            inviting.invited.discard(user.uid)
    return [c.Gone(event.hlc, msgid, user.face, fact.reason, left, user.realname)]


def renamed(state: State, event: e.Event, msgid: str, fact: e.Renamed) -> list[c.Change]:
    """They have another nickname."""
    user = state.users[fact.by.uid]
    before = user.face
    state.forget_nickname(user)
    user.nick = Nickname.parse(fact.now.nick)
    user.number = Number(fact.now.number)
    user.face = fact.now
    user.claim = msgid
    for channel in user.channels.values():
        channel.revision += 1
    state.add_nickname(user)
    if before == fact.now:
        return []
    return [c.NickChanged(event.hlc, msgid, before, fact.now)]


def away_set(state: State, event: e.Event, msgid: str, fact: e.AwaySet) -> list[c.Change]:
    """They are away, or back."""
    state.users[fact.by.uid].away = fact.message
    return [c.AwayChanged(event.hlc, msgid, fact.by, fact.message)]


def realname_set(state: State, event: e.Event, msgid: str, fact: e.RealnameSet) -> list[c.Change]:
    """They have another real name."""
    state.users[fact.by.uid].realname = fact.realname
    return [c.RealnameChanged(event.hlc, msgid, fact.by, fact.realname)]


def usermode_set(state: State, event: e.Event, msgid: str, fact: e.UserModeSet) -> list[c.Change]:
    """A mode of theirs was switched."""
    user = state.users[fact.by.uid]
    user.modes = user.modes | {fact.mode} if fact.on else user.modes - {fact.mode}
    if fact.mode == BOT:
        user.face = replace(user.face, bot=fact.on)
    return [c.UserModeChanged(event.hlc, msgid, fact.by, fact.mode, fact.on)]


def caught_up(state: State, _event: e.Event, _msgid: str, fact: e.CaughtUp) -> list[c.Change]:
    """They were handed everything that had waited."""
    state.waiting.forget(fact.by.uid)
    state.users[fact.by.uid].catching_up = False
    return []
