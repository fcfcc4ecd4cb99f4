"""Telling the author of a message that it was delivered, or seen."""

from __future__ import annotations

from msgspec import Struct

from tertulia.domain import events as e
from tertulia.domain.commands.say import waits_for
from tertulia.domain.identities import Identity
from tertulia.domain.users import User
from tertulia.domain.world import World


class Acknowledge(Struct, frozen=True):
    """Have received a message of *author*, or *seen* what they said up to the time *at*.

    *about* is the number that the message was addressed to, *message* its id, empty where it
    is not known; *at* is in Unix milliseconds.
    """

    author: User | Identity
    about: str
    message: str
    at: int
    seen: bool = False


def acknowledge(world: World, actor: User, intent: Acknowledge) -> list[e.Fact]:
    """Decide `Acknowledge`; a receipt waits for an author who is not here.

    Of those in a group only the first who has a message tells its author.
    """
    author = intent.author
    waits = waits_for(author)
    receipt = e.Acknowledged(
        actor.face, author.uid, author.nick.text, intent.about, intent.message, intent.at,
        intent.seen, waits,
    )  # fmt: skip
    if waits and world.state.waiting.count(author.uid) >= world.rules.waiting_messages:
        return []
    if receipt.is_of_group and intent.message in world.state.acknowledged:
        return []
    return [receipt]
