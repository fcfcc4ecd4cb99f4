"""Asking someone into a channel."""

from __future__ import annotations

from msgspec import Struct

from tertulia.domain import errors as x
from tertulia.domain import events as e
from tertulia.domain import policy
from tertulia.domain.channels import Channel
from tertulia.domain.commands.gather import take_in
from tertulia.domain.identities import Identity
from tertulia.domain.users import User
from tertulia.domain.world import World


class Invite(Struct, frozen=True):
    """Ask *whom* into *channel*; where it is invite-only, or keeps *whom* out, only its admins
    may.

    Who has a bare identity cannot answer, and is made a member.
    """

    channel: Channel
    whom: User | Identity


def invite(world: World, actor: User, intent: Invite) -> list[e.Fact]:
    """Decide `Invite`."""
    channel, whom = intent.channel, intent.whom
    policy.can_invite(channel, actor, whom, world.now())
    if whom.uid in channel.occupants or whom.uid in channel.members:
        raise x.AlreadyInChannel(whom.nick.text, channel.name.text)
    if world.state.identities.is_bare(whom.uid):
        return take_in(world, actor, channel, whom)
    if isinstance(whom, Identity):
        raise x.NoSuchUser(whom.nick.text)
    return [e.Invited(actor.face, whom.face, channel.name.text)]
