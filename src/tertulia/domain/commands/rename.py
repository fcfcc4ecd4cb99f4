"""Taking another nickname."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from tertulia.domain import events as e
from tertulia.domain.commands.connect import call, check_nickname, number_of
from tertulia.domain.names import Nickname
from tertulia.domain.users import User
from tertulia.domain.world import World


class Rename(Struct, frozen=True):
    """Be called *nick* from now on."""

    nick: Nickname


def rename(world: World, actor: User, intent: Rename) -> list[e.Fact]:
    """Decide `Rename`; nothing happens for the nickname that the user has."""
    nick = intent.nick
    if nick.text == actor.nick.text:
        return []
    identity = world.state.identities.get(actor.identity)
    check_nickname(world, nick, identity, actor)
    if actor.durable and identity is not None:
        facts, number = call(identity, nick), identity.number
    else:
        facts, number = number_of(world, nick)
    mask = f"{nick}!{actor.username}@{actor.host}"
    now = replace(actor.face, nick=nick.text, number=number, mask=mask)
    return [*facts, e.Renamed(actor.face, now)]
