"""Being given an identity."""

from __future__ import annotations

from msgspec import Struct

from tertulia.domain import events as e
from tertulia.domain.errors import AlreadyIssued, TooManyIdentities
from tertulia.domain.identities import Identity
from tertulia.domain.names import Nickname, Number
from tertulia.domain.state import User
from tertulia.domain.world import World


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
    _check_room(world)
    while True:
        number = world.fresh_number("0")
        nick = Nickname.parse(f"n{number}")
        taken = world.state.lookalike(nick) or world.state.identities.lookalike(nick)
        if taken is None:
            face = Identity(number, nick, "").face
            return [e.IdentityIssued(face, number, nick.text, "")], number


def issue_identity(world: World, actor: User, intent: IssueIdentity) -> list[e.Fact]:
    """Decide `IssueIdentity`; a session is issued one at most."""
    if actor.identity is not None:
        raise AlreadyIssued(actor.identity)
    _check_room(world)
    # Nobody can hold the nickname of somebody else's identity, nor its number.
    assert world.state.identities.named(actor.nick.text) is None
    return [e.IdentityIssued(actor.face, actor.number, actor.nick.text, intent.token_hash)]


def _check_room(world: World) -> None:
    if len(world.state.identities) >= world.rules.identities:
        raise TooManyIdentities
