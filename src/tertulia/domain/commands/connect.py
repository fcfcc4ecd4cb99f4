"""Coming to the server, and leaving it."""

from __future__ import annotations

from msgspec import Struct

from tertulia.domain import events as e
from tertulia.domain.errors import NicknameInUse
from tertulia.domain.names import Nickname, Number
from tertulia.domain.state import User
from tertulia.domain.text import short_text
from tertulia.domain.world import World


class Connect(Struct, frozen=True):
    """Be here under *nick*; *host* is what others see of the address."""

    nick: Nickname
    username: str
    host: str
    realname: str
    secure: bool
    protocol: str


def connect(world: World, intent: Connect) -> list[e.Fact]:
    """Decide `Connect`."""
    if world.state.lookalike(intent.nick) is not None:
        raise NicknameInUse(intent.nick.text)
    facts, number = number_of(world, intent.nick)
    # A host that began with a colon could not stand as a parameter in IRC.
    host = f"0{intent.host}" if intent.host.startswith(":") else intent.host
    mask = f"{intent.nick}!{intent.username}@{host}"
    face = e.Face(world.fresh_uid(), intent.nick.text, number, mask)
    realname = short_text(intent.realname, world.rules.realname_bytes)
    return [
        *facts,
        e.Connected(face, intent.username, host, realname, intent.secure, intent.protocol),
    ]


def number_of(world: World, nick: Nickname) -> tuple[list[e.Fact], Number]:
    """Return the number of *nick*, and what must be recorded for it to be so."""
    number = world.state.numbers.get(nick.folded)
    if number is not None:
        return [], number
    number = world.fresh_number("0")
    return [e.NumberAssigned(nick.folded, number)], number


class Disconnect(Struct, frozen=True):
    """Be here no more."""

    reason: str


def disconnect(world: World, actor: User, intent: Disconnect) -> list[e.Fact]:
    """Decide `Disconnect`."""
    reason = short_text(intent.reason, world.rules.reason_bytes)
    parts = [
        e.Parted(actor.face, channel.name.text, reason, quit=True)
        for channel in actor.channels.values()
    ]
    return [*parts, e.Disconnected(actor.face, reason)]
