"""Taking another nickname."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from tertulia.domain import events as e
from tertulia.domain.commands.connect import number_of
from tertulia.domain.errors import NicknameInUse
from tertulia.domain.names import Nickname
from tertulia.domain.state import User
from tertulia.domain.world import World


class Rename(Struct, frozen=True):
    """Be called *nick* from now on."""

    nick: Nickname


def rename(world: World, actor: User, intent: Rename) -> list[e.Fact]:
    """Decide `Rename`; nothing happens for the nickname that the user has."""
    nick = intent.nick
    if nick.text == actor.nick.text:
        return []
    if world.state.lookalike(nick, besides=actor) is not None:
        raise NicknameInUse(nick.text)
    facts, number = number_of(world, nick)
    mask = f"{nick}!{actor.username}@{actor.host}"
    now = replace(actor.face, nick=nick.text, number=number, mask=mask)
    return [*facts, e.Renamed(actor.face, now)]
