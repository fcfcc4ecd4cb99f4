"""Coming into a channel, and making one."""

from __future__ import annotations

from msgspec import Struct

from tertulia.domain import errors as x
from tertulia.domain import events as e
from tertulia.domain import policy
from tertulia.domain.channels import Channel
from tertulia.domain.names import ChannelName
from tertulia.domain.users import User
from tertulia.domain.world import World


class Join(Struct, frozen=True):
    """Come into *channel*, which is made if it does not exist.

    *proof* is the hash that the password was verified against; *new_key* the hash of the
    password that a new channel gets.
    """

    channel: ChannelName
    proof: str | None = None
    new_key: str | None = None


def join(world: World, actor: User, intent: Join) -> list[e.Fact]:
    """Decide `Join`; nothing happens for a channel that the user is in."""
    if intent.channel.folded in actor.channels:
        return []
    if len(actor.channels) >= world.rules.channels_per_user:
        raise x.TooManyChannels(intent.channel.text, world.rules.channels_per_user)
    channel = world.state.channels.get(intent.channel.folded)
    if channel is None:
        return _create(world, actor, intent)
    policy.can_join(channel, actor, intent.proof, world.now())
    name = channel.name.text
    joined = e.Joined(actor.face, name, _is_theirs(channel, actor))
    if not channel.is_alive:  # but for others who are in it
        return [e.ChannelKept(name), joined]
    if joined.admin and actor.uid not in channel.admins and channel.has_judged(actor.uid):
        # They were none any more, but what lies empty and is nobody's is theirs.
        ranks = (e.RankChange(True, "o", actor.face),)
        return [e.AdminsSet(actor.face, name, ranks), joined]
    return [joined]


def _create(world: World, actor: User, intent: Join) -> list[e.Fact]:
    number = world.fresh_number("1")
    name = intent.channel.text
    return [
        e.ChannelCreated(actor.face, name, number, world.fresh_incarnation(), intent.new_key),
        e.Joined(actor.face, name, admin=True),
    ]


def _is_theirs(channel: Channel, actor: User) -> bool:
    """Whether who comes into *channel* is its admin: durably, or because it lies empty and is
    nobody else's."""
    if actor.uid in channel.admins:
        return True
    return not channel.occupants and not channel.admins and not channel.is_lobby
