"""Asking someone into a channel."""

from __future__ import annotations

from msgspec import Struct

from tertulia.domain import errors as x
from tertulia.domain import events as e
from tertulia.domain import policy
from tertulia.domain.state import Channel, User
from tertulia.domain.world import World


class Invite(Struct, frozen=True):
    """Ask *whom* into *channel*; where it is invite-only, only its admins may."""

    channel: Channel
    whom: User


def invite(_world: World, actor: User, intent: Invite) -> list[e.Fact]:
    """Decide `Invite`."""
    channel, whom = intent.channel, intent.whom
    policy.must_be_in(channel, actor)
    if "i" in channel.flags:
        policy.must_be_admin(channel, actor)
    if whom.uid in channel.occupants:
        raise x.AlreadyInChannel(whom.nick.text, channel.name.text)
    return [e.Invited(actor.face, whom.face, channel.name.text)]
