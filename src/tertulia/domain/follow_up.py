"""What a server has to do when others have done something that concerns its users."""

from __future__ import annotations

from tertulia.domain import events as e
from tertulia.domain.channels import Channel
from tertulia.domain.ids import Uid
from tertulia.domain.names import fold_name
from tertulia.domain.state import State
from tertulia.domain.users import User


def follow_up(state: State, event: e.Event) -> list[e.Fact]:
    """Return the facts by which the users of this server follow what *event* tells."""
    match event.fact:
        case e.ChannelEnded(channel=name):
            return _keep(state, state.channels.get(fold_name(name)))
        case e.Gathered(channel=name, members=members):
            return _come_in(state, name, members)
        case e.MemberKicked():
            return _go_out(state, event.fact)
        case _:
            return []


def _here(state: State, uid: Uid) -> User | None:
    user = state.users.get(uid)
    return None if user is None or user.server else user


def _keep(state: State, channel: Channel | None) -> list[e.Fact]:
    """Another server took a channel for forgotten that somebody here is in."""
    if channel is None or channel.is_alive:
        return []
    if not any(_here(state, uid) for uid in channel.occupants):
        return []
    return [e.ChannelKept(channel.name.text)]


def _come_in(state: State, name: str, members: tuple[e.Face, ...]) -> list[e.Fact]:
    """Users who were made members of a channel are in it when they are here."""
    channel = state.channels.get(fold_name(name))
    if channel is None:
        return []
    users = [_here(state, face.uid) for face in members]
    return [
        e.Joined(user.face, channel.name.text)
        for user in users
        if user is not None and user.uid not in channel.occupants and user.uid in channel.members
    ]


def _go_out(state: State, fact: e.MemberKicked) -> list[e.Fact]:
    """A member who was expelled leaves the channel; the log has that already."""
    user, channel = _here(state, fact.whom.uid), state.channels.get(fold_name(fact.channel))
    if user is None or channel is None or user.uid not in channel.occupants:
        return []
    return [e.PutOut(fact.by, fact.channel, user.face, fact.reason)]
