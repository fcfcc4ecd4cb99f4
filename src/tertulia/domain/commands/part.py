"""Leaving a channel."""

from __future__ import annotations

from msgspec import Struct

from tertulia.domain import events as e
from tertulia.domain import policy
from tertulia.domain.channels import Channel
from tertulia.domain.text import short_text
from tertulia.domain.users import User
from tertulia.domain.world import World


class Part(Struct, frozen=True):
    """Leave *channel*."""

    channel: Channel
    reason: str = ""


def part(world: World, actor: User, intent: Part) -> list[e.Fact]:
    """Decide `Part`."""
    policy.must_be_in(intent.channel, actor)
    reason = short_text(intent.reason, world.rules.reason_bytes)
    return [e.Parted(actor.face, intent.channel.name.text, reason)]
