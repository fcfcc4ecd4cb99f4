"""Identities: a number and a nickname that belong to whoever knows a secret token."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator

from msgspec import Struct

from tertulia.domain.events import Face
from tertulia.domain.ids import Uid
from tertulia.domain.lookalikes import Lookalikes
from tertulia.domain.names import Nickname, Number, fold_name

TOKEN_BITS = 128


class Credential(Struct, frozen=True):
    """What somebody proves an identity with; *token_hash* as `hash_token` returns it.

    None where the number is all there is: it proves a bare identity, and no other.
    """

    number: str
    token_hash: str | None


class Identity:
    """A user who can come back as the same one; *nick* is the nickname as last used.

    A *bare* one has no token: whoever knows its number is that user, which is how the numeric
    messenger has it. What is said to such a user waits on disk until they have it. *unused_since*
    is when (Unix ms) a bare one was issued, as long as nobody came as it.
    """

    __slots__ = ("nick", "number", "token_hash", "unused_since")

    def __init__(
        self, number: Number, nick: Nickname, token_hash: str, unused_since: int | None = None
    ) -> None:
        self.number = number
        self.nick = nick
        self.token_hash = token_hash
        self.unused_since = unused_since

    @property
    def uid(self) -> Uid:
        """The uid of whoever proves the identity."""
        return Uid(self.number)

    @property
    def is_bare(self) -> bool:
        """Whether the number alone proves it."""
        return not self.token_hash

    @property
    def face(self) -> Face:
        """How the user is shown while they are not here."""
        return Face(self.uid, self.nick.text, self.number, f"{self.nick}!{self.nick}@{self.number}")


class Identities:
    """All identities there are."""

    def __init__(self) -> None:
        self.changed: dict[Number, None] = {}
        """Those that are newer than their record on disk, or are none any more."""
        self.unused: dict[Number, Identity] = {}
        """The bare ones that nobody came as, the oldest first."""
        self._by_number: dict[str, Identity] = {}
        self._by_nickname: dict[str, Identity] = {}
        self._lookalikes: Lookalikes[Identity] = Lookalikes()

    def __contains__(self, number: str) -> bool:
        return number in self._by_number

    def __iter__(self) -> Iterator[Identity]:
        return iter(self._by_number.values())

    def get(self, number: str | None) -> Identity | None:
        """Return the identity of that number."""
        return None if number is None else self._by_number.get(number)

    def named(self, raw: str) -> Identity | None:
        """Return the identity of that nickname, or of that number."""
        return self._by_nickname.get(fold_name(raw)) or self._by_number.get(raw)

    def is_bare(self, number: str) -> bool:
        """Whether *number* is that of a bare identity."""
        identity = self._by_number.get(number)
        return identity is not None and identity.is_bare

    def __len__(self) -> int:
        return len(self._by_number)

    def lookalike(self, nick: Nickname, besides: Identity | None = None) -> Identity | None:
        """Return the identity, *besides* this one, that has *nick* or one that looks like it."""
        return self._lookalikes.find(nick, besides)

    def proven(self, credential: Credential) -> Identity | None:
        """Return the identity that *credential* proves, None if it proves none."""
        identity = self._by_number.get(credential.number)
        if identity is None:
            return None
        if credential.token_hash is None or identity.is_bare:
            return identity if credential.token_hash is None and identity.is_bare else None
        return identity if hmac.compare_digest(credential.token_hash, identity.token_hash) else None

    # What changes them

    def restore(self, identities: Iterable[Identity]) -> None:
        """Put back identities as they are on disk, those longest unused first."""
        for identity in identities:
            self._by_number[identity.number] = identity
            self._by_nickname[identity.nick.folded] = identity
            self._lookalikes.add(identity)
            if identity.unused_since is not None:
                self.unused[identity.number] = identity

    def add(self, identity: Identity) -> None:
        """Take in a new one."""
        self.restore((identity,))
        self.changed[identity.number] = None

    def use(self, number: Number) -> None:
        """Somebody came as an identity, or something is meant for it: it is kept."""
        if (identity := self.unused.pop(number, None)) is not None:
            identity.unused_since = None
            self.changed[number] = None

    def rename(self, number: Number, nick: Nickname) -> None:
        """Give an identity another nickname."""
        identity = self._by_number[number]
        self._forget_nickname(identity)
        identity.nick = nick
        self.add(identity)

    def forget(self, number: Number) -> None:
        """Drop an identity that does not exist after all, or any more."""
        if (identity := self._by_number.pop(number, None)) is not None:
            self._forget_nickname(identity)
            self.unused.pop(number, None)
            self.changed[number] = None

    def _forget_nickname(self, identity: Identity) -> None:
        del self._by_nickname[identity.nick.folded]
        self._lookalikes.remove(identity)


def hash_token(token: str) -> str:
    """Return what is kept of a secret token, in hexadecimal digits.

    A token has `TOKEN_BITS` random bits, so nobody can try them all: a fast hash is enough,
    which it is not for a password that a person chose.
    """
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
