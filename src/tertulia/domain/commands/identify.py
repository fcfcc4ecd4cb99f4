"""Being given an identity."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from msgspec import Struct

from tertulia.domain import events as e
from tertulia.domain.errors import AlreadyIssued, NicknameReserved, TooManyIdentities
from tertulia.domain.identities import Identity
from tertulia.domain.names import Nickname, Number
from tertulia.domain.users import User
from tertulia.domain.world import World

UNUSED_MS = 24 * 3600 * 1000
"""How long a bare identity is kept that nobody comes as."""
LOOKED_AT = 100
"""Of how many a new identity looks for one whose place it can take."""


class IssueIdentity(Struct, frozen=True):
    """Have an identity, with the present nickname and its number.

    *token_hash* is that of the secret token by which it is proven (`identities.hash_token`).
    The user stays who they are until they come again with that token.
    """

    token_hash: str


def register(world: World) -> tuple[list[e.Fact], Number]:
    """Return the number of a new bare identity, and what must be recorded for it to exist.

    Nobody need be here for it: who knows the number is its user. Raises `TooManyIdentities`.
    """
    forgotten = make_room(world)
    while True:
        number = world.fresh_number("0")
        nick = Nickname.parse(f"n{number}")
        taken = world.state.lookalike(nick) or world.state.identities.lookalike(nick)
        if taken is None:
            face = Identity(number, nick, "").face
            return [*forgotten, e.IdentityIssued(face, number, nick.text, "")], number


def issue_identity(world: World, actor: User, intent: IssueIdentity) -> list[e.Fact]:
    """Decide `IssueIdentity`; a session is issued one at most."""
    if actor.identity is not None:
        raise AlreadyIssued(actor.identity)
    forgotten = make_room(world)
    if world.state.identities.lookalike(actor.nick) is not None:
        # It was issued on another server meanwhile.
        raise NicknameReserved(actor.nick.text)
    issued = e.IdentityIssued(actor.face, actor.number, actor.nick.text, intent.token_hash)
    return [*forgotten, issued]


def sift_unused(world: World, most: int) -> list[e.Fact]:
    """Return what must be recorded of the *most* identities that are unused for longest.

    Those are forgotten that were not used for too long, and those kept that somebody counts on.
    """
    too_long = world.now() - UNUSED_MS
    oldest = islice(_unused(world), most)
    sifted = [(one.unused_since or 0, _sifted(world, one)) for one in oldest]
    return [f for since, f in sifted if since <= too_long or isinstance(f, e.IdentityUsed)]


def _unused(world: World) -> Iterator[Identity]:
    """Yield the unused identities that were issued here: what others forgot of them could arrive
    before it is known that there are any."""
    unused = world.state.identities.unused.values()
    return (one for one in unused if world.gave_out(one.number))


def _sifted(world: World, identity: Identity) -> e.Fact:
    """Forget *identity*, unless somebody counts on it."""
    if world.state.waiting.count(identity.uid) or identity.uid in world.state.memberships:
        return e.IdentityUsed(identity.number)
    return e.IdentityForgotten(identity.number)


def make_room(world: World) -> list[e.Fact]:
    """Return what must be recorded for one more identity to have room; `TooManyIdentities`."""
    if not _is_full(world):
        return []
    for identity in islice(_unused(world), LOOKED_AT):
        fact = _sifted(world, identity)
        if isinstance(fact, e.IdentityForgotten):
            return [fact]
    raise TooManyIdentities


def _is_full(world: World) -> bool:
    return len(world.state.identities) >= world.rules.identities
