"""What users say of themselves: away, real name, modes."""

from __future__ import annotations

from msgspec import Struct

from tertulia.domain import events as e
from tertulia.domain.text import short_text
from tertulia.domain.users import User
from tertulia.domain.world import World


class SetAway(Struct, frozen=True):
    """Be away, with a *message*; be back with none."""

    message: str | None


class SetRealname(Struct, frozen=True):
    """Have another real name."""

    realname: str


class SetUserMode(Struct, frozen=True):
    """Switch a mode of oneself. Whether one may is for who asks to know (an operator's
    password, say)."""

    mode: str
    on: bool


def set_away(world: World, actor: User, intent: SetAway) -> list[e.Fact]:
    """Decide `SetAway`."""
    message = intent.message
    if message is not None:
        message = short_text(message, world.rules.away_bytes)
    return [] if message == actor.away else [e.AwaySet(actor.face, message)]


def set_realname(world: World, actor: User, intent: SetRealname) -> list[e.Fact]:
    """Decide `SetRealname`."""
    realname = short_text(intent.realname, world.rules.realname_bytes)
    return [e.RealnameSet(actor.face, realname)]


def set_user_mode(_world: World, actor: User, intent: SetUserMode) -> list[e.Fact]:
    """Decide `SetUserMode`."""
    if intent.on == (intent.mode in actor.modes):
        return []
    return [e.UserModeSet(actor.face, intent.mode, intent.on)]
