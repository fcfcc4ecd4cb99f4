"""Groups: channels whose members belong to them whether or not they are here."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from tertulia.domain import errors as x
from tertulia.domain import events as e
from tertulia.domain.channels import Channel
from tertulia.domain.identities import Identity
from tertulia.domain.names import Number
from tertulia.domain.users import User
from tertulia.domain.world import World

GROUP_FLAGS = "inst"


class Gather(Struct, frozen=True):
    """Make a group of oneself and *others*.

    Those with a bare identity are its members at once, others who are here are invited.
    """

    others: tuple[User | Identity, ...]


def gather(world: World, actor: User, intent: Gather) -> list[e.Fact]:
    """Decide `Gather`."""
    others = {one.uid: one for one in intent.others if one.uid != actor.uid}
    members = [actor, *(one for one in others.values() if _is_bare(world, one))]
    guests = [u for u in others.values() if isinstance(u, User) and not _is_bare(world, u)]
    if len(members) + len(guests) < 2:
        raise x.EmptyGroup
    name, number = _fresh_name(world)
    _check_room(world, name, len(members) + len(guests))
    for one in members:
        _check_memberships(world, name, one)
    everyone = [one.number for one in (*members, *guests)]
    faces = tuple(one.face for one in members)
    return [
        e.ChannelCreated(actor.face, name, number, world.fresh_incarnation(), flags=GROUP_FLAGS),
        e.Gathered(actor.face, name, number, faces, tuple(everyone)),
        e.Joined(actor.face, name, admin=True),
        *_joined(name, [one for one in members if one is not actor]),
        *(e.Invited(actor.face, guest.face, name) for guest in guests),
    ]


def take_in(world: World, actor: User, channel: Channel, whom: User | Identity) -> list[e.Fact]:
    """Return what must be recorded for *actor* to make *whom*, whose identity is bare, a member."""
    name, nick = channel.name.text, whom.nick.text
    if channel.is_lobby:
        raise x.CannotBeMember(nick, name, "everyone there came by themselves")
    _check_room(world, name, len(channel.members) + 1)
    _check_memberships(world, name, whom)
    everyone = (*sorted(channel.members), whom.number)
    return [
        e.Gathered(actor.face, name, channel.number, (whom.face,), everyone),
        *_joined(name, [whom]),
    ]


def _fresh_name(world: World) -> tuple[str, Number]:
    while True:
        number = world.fresh_number("1")
        name = f"#g{number}"
        if world.state.channel_named(name) is None:
            return name, number


def _is_bare(world: World, one: User | Identity) -> bool:
    return world.state.identities.is_bare(one.uid)


def _check_room(world: World, name: str, members: int) -> None:
    if members > world.rules.group_members:
        raise x.ChannelFull(name)


def _check_memberships(world: World, name: str, whom: User | Identity) -> None:
    """Channels that have members never end, so nobody is made a member of ever more."""
    most = world.rules.channels_per_user
    if len(world.state.memberships.get(whom.uid, ())) >= most:
        raise x.TooManyMemberships(whom.nick.text, name, most)


def _joined(name: str, members: Sequence[User | Identity]) -> list[e.Fact]:
    here = [one for one in members if isinstance(one, User) and not one.server]
    return [e.Joined(one.face, name) for one in here]
