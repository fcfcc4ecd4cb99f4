"""Expelling someone from a channel."""

from __future__ import annotations

from msgspec import Struct

from tertulia.domain import errors as x
from tertulia.domain import events as e
from tertulia.domain import policy
from tertulia.domain.channels import Channel
from tertulia.domain.identities import Identity
from tertulia.domain.text import short_text
from tertulia.domain.users import User
from tertulia.domain.world import World


class Kick(Struct, frozen=True):
    """Expel *whom* from *channel*; only its admins may, in the lobby only operators.

    A member who is expelled belongs to the channel no more.
    """

    channel: Channel
    whom: User | Identity
    reason: str = ""


def kick(world: World, actor: User, intent: Kick) -> list[e.Fact]:
    """Decide `Kick`."""
    channel, whom = intent.channel, intent.whom
    policy.must_be_admin(channel, actor)
    is_member = whom.uid in channel.members
    if whom.uid not in channel.occupants and not is_member:
        raise x.UserNotInChannel(whom.nick.text, channel.name.text)
    reason = short_text(intent.reason, world.rules.reason_bytes) or actor.nick.text
    if is_member:
        return [e.MemberKicked(actor.face, channel.name.text, whom.face, reason)]
    assert isinstance(whom, User)
    kicked = e.Kicked(actor.face, channel.name.text, whom.face, reason)
    policy.can_be_reached(whom)
    return [e.Wanted(whom.server, kicked) if whom.server else kicked]
