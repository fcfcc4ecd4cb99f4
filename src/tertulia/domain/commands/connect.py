"""Coming to the server, and leaving it."""

from __future__ import annotations

from msgspec import Struct

from tertulia.domain import events as e
from tertulia.domain.commands.identify import make_room
from tertulia.domain.errors import NicknameInUse, NicknameReserved, WrongCredential
from tertulia.domain.identities import Credential, Identity
from tertulia.domain.ids import Hlc, Uid
from tertulia.domain.names import Nickname, Number
from tertulia.domain.text import short_text
from tertulia.domain.users import User
from tertulia.domain.world import World


class Connect(Struct, frozen=True):
    """Be here under *nick*; *host* is what others see of the address.

    With a *credential* as the user whose identity that is; with *issue* as that of a new one,
    which is proven by the token of that hash.
    """

    nick: Nickname
    username: str
    host: str
    realname: str
    secure: bool
    protocol: str
    credential: Credential | None = None
    issue: str | None = None


def connect(world: World, intent: Connect) -> list[e.Fact]:
    """Decide `Connect`; whoever `gives_way` must be gone.

    Raises `TooManyIdentities` where a new one is wanted and there is no room.
    """
    if gives_way(world, intent.nick, intent.credential) is not None:
        raise NicknameInUse(intent.nick.text)
    after = Hlc(0)
    issued: list[e.Fact] = []
    if intent.credential is None and intent.issue is not None:
        issued = make_room(world)
        facts, number = number_of(world, intent.nick)
        uid = Uid(number)
    elif intent.credential is None:
        uid = world.fresh_uid()
        facts, number = number_of(world, intent.nick)
    else:
        identity = proven(world, intent.credential)
        uid, number = identity.uid, identity.number
        shadows = world.state.shadows.get(uid, {}).values()
        after = max((one.at for one in shadows), default=after)
        facts = [*_used(identity), *call(identity, intent.nick)]
    # A host that began with a colon could not stand as a parameter in IRC.
    host = f"0{intent.host}" if intent.host.startswith(":") else intent.host
    mask = f"{intent.nick}!{intent.username}@{host}"
    face = e.Face(uid, intent.nick.text, number, mask)
    if intent.credential is None and intent.issue is not None:
        issued.append(e.IdentityIssued(face, number, intent.nick.text, intent.issue))
    realname = short_text(intent.realname, world.rules.realname_bytes)
    return [
        *facts,
        *issued,
        e.Connected(
            face,
            intent.username,
            host,
            realname,
            intent.secure,
            intent.protocol,
            after=Hlc(after + 1) if after else after,
        ),
    ]


def gives_way(world: World, nick: Nickname, credential: Credential | None) -> User | None:
    """Return who must leave so that somebody can come as *nick*: the same identity.

    Raises `NicknameInUse` or `WrongCredential` if nobody leaving would help.
    """
    identity = older = None
    if credential is not None:
        identity = proven(world, credential)
        # Also under the nickname alone, if it was issued in that very session.
        older = world.state.users.get(identity.uid) or world.state.user_named(identity.nick.text)
    check_nickname(world, nick, identity, older)
    return older


def proven(world: World, credential: Credential) -> Identity:
    """Return the identity that *credential* proves, or raise `WrongCredential`."""
    identity = world.state.identities.proven(credential)
    if identity is None:
        raise WrongCredential
    return identity


def check_nickname(
    world: World, nick: Nickname, identity: Identity | None, besides: User | None
) -> None:
    """Raise `NicknameInUse` if who has *identity*, or none, cannot be called *nick*.

    That the user *besides* has it, or one like it, does not matter.
    """
    server = world.server_nick
    if server is not None and nick.looks_like(server):
        raise NicknameInUse(nick.text)
    if world.state.lookalike(nick, besides) is not None:
        raise NicknameInUse(nick.text)
    if world.state.identities.lookalike(nick, identity) is not None:
        raise NicknameReserved(nick.text)


def _used(identity: Identity) -> list[e.Fact]:
    return [] if identity.unused_since is None else [e.IdentityUsed(identity.number)]


def call(identity: Identity, nick: Nickname) -> list[e.Fact]:
    """Return what must be recorded for *identity* to have the nickname *nick*."""
    if identity.nick.text == nick.text:
        return []
    return [e.IdentityRenamed(identity.number, nick.text)]


def number_of(world: World, nick: Nickname) -> tuple[list[e.Fact], Number]:
    """Return the number of *nick*, and what must be recorded for it to be so."""
    identity = world.state.identities.named(nick.text)
    if identity is not None:
        return [], identity.number
    number = world.state.numbers.get(nick.folded)
    # An identity that is called otherwise now has taken its number along.
    if number is not None and number not in world.state.identities:
        return [], number
    number = world.fresh_number("0")
    return [e.NumberAssigned(nick.folded, number)], number


class Rejoin(Struct, frozen=True):
    """Come back into the channels that one belongs to."""


def rejoin(world: World, actor: User, _intent: Rejoin) -> list[e.Fact]:
    """Decide `Rejoin`."""
    channels = [world.state.channels[name] for name in world.state.memberships.get(actor.uid, ())]
    return [
        e.Joined(actor.face, channel.name.text, admin=actor.uid in channel.admins)
        for channel in channels
        if actor.uid not in channel.occupants
    ]


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
