"""Being handed the messages that waited."""

from __future__ import annotations

from msgspec import Struct

from tertulia.domain import events as e
from tertulia.domain.users import User
from tertulia.domain.world import World


class Receive(Struct, frozen=True):
    """Have been handed *messages* (their ids): they wait no more."""

    messages: tuple[str, ...]


class CatchUp(Struct, frozen=True):
    """Have been handed everything: what is said from now on is shown at once."""


def receive(_world: World, actor: User, intent: Receive) -> list[e.Fact]:
    """Decide `Receive`."""
    return [e.Received(actor.face, intent.messages)]


def catch_up(_world: World, actor: User, _intent: CatchUp) -> list[e.Fact]:
    """Decide `CatchUp`."""
    return [e.CaughtUp(actor.face)] if actor.catching_up else []
