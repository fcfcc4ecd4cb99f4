"""Poking someone."""

from __future__ import annotations

from msgspec import Struct

from tertulia.domain import events as e
from tertulia.domain.channels import Channel
from tertulia.domain.commands.say import Say, say
from tertulia.domain.identities import Identity
from tertulia.domain.text import Text
from tertulia.domain.users import User
from tertulia.domain.world import World


class Poke(Struct, frozen=True):
    """Poke *whom*; with a *channel* before the eyes of those in it."""

    whom: User | Identity
    channel: Channel | None = None


def poke(world: World, actor: User, intent: Poke) -> list[e.Fact]:
    """Decide `Poke`; who is not in the channel feels it all the same."""
    whom, channel = intent.whom, intent.channel
    text = Text(whom.nick.text)
    facts: list[e.Fact] = []
    if channel is not None:
        facts += say(world, actor, Say(channel, text, e.Style.POKE))
    if channel is None or not (whom.uid in channel.occupants or whom.uid in channel.members):
        facts += say(world, actor, Say(whom, text, e.Style.POKE))
    return facts
