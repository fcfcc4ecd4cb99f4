"""Identities: a number and a nickname that belong to whoever knows a secret token."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator

from msgspec import Struct

from tertulia.domain.events import Face
from tertulia.domain.ids import Hlc, Uid, parse_msgid
from tertulia.domain.lookalikes import Lookalikes
from tertulia.domain.names import Nickname, Number, fold_name

TOKEN_BITS = 128
EARLIEST, _LATEST = "", "~"
"""Before and behind all places in time."""


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

    *wanted* is the nickname that its user took, at the place *claim* in time; where another
    identity took one like it before, on a server that could not be reached, it is called by its
    number. *issued* is the place at which it was issued; it may be renamed before that is known.
    """

    __slots__ = (
        "claim", "issued", "nick", "number", "partners", "token_hash", "unused_since", "wanted",
    )  # fmt: skip

    def __init__(
        self,
        number: Number,
        nick: Nickname,
        token_hash: str,
        unused_since: int | None = None,
        issued: str = "",
        claim: str = "",
    ) -> None:
        self.number = number
        self.nick = self.wanted = nick
        self.token_hash = token_hash
        self.unused_since = unused_since
        self.issued = issued
        self.claim = claim
        self.partners: dict[Uid, None] = {}
        """Users with whom there were direct messages, the last ones."""

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
        self.unissued: dict[Number, Identity] = {}
        """Those that were renamed, and of which nothing else is known yet."""
        self.displaced: dict[Number, Identity] = {}
        """Those that are called by their number, because another one has their nickname."""
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

    def record_of(self, number: Number) -> Identity | None:
        """Return what is to be on disk for that number."""
        return self._by_number.get(number) or self.unissued.get(number)

    def latest(self, number: str) -> Hlc:
        """Return the clock value at which an identity was last named, 0 if it never was."""
        identity = self.record_of(Number(number))
        parsed = None if identity is None else parse_msgid(identity.claim)
        return Hlc(0) if parsed is None else parsed[0]

    # What changes them

    def restore(self, identities: Iterable[Identity]) -> None:
        """Put back identities as they are on disk, those longest unused first."""
        for identity in identities:
            if identity.issued:
                self._add(identity)
            else:
                self.unissued[identity.number] = identity

    def _add(self, identity: Identity) -> None:
        self._by_number[identity.number] = identity
        if identity.unused_since is not None:
            self.unused[identity.number] = identity
        self._place(identity)

    def issue(self, identity: Identity) -> None:
        """Take in a new one. Of two with one number the first is it, called as the last was."""
        number = identity.number
        known = self._by_number.get(number)
        if known is not None and known.issued <= identity.issued:
            self.rename(number, identity.wanted, identity.claim)
            return
        named = self.unissued.pop(number, None) or known
        if known is not None:
            self._drop(known)
        if named is not None:
            if named.claim > identity.claim:
                identity.wanted, identity.claim = named.wanted, named.claim
            if named.unused_since is None:
                identity.unused_since = None
        self._add(identity)
        self.changed[number] = None

    def use(self, number: Number) -> None:
        """Somebody came as an identity, or something is meant for it: it is kept.

        One that nobody had used has the nickname that all of them have first, so that it can
        be made anew where it was just forgotten.
        """
        identity = self._by_number.get(number)
        if identity is None:
            nick = Nickname.parse(f"n{number}")
            claim = EARLIEST
            if (named := self.unissued.pop(number, None)) is not None:
                nick, claim = named.wanted, named.claim
            self._add(Identity(number, nick, "", None, _LATEST, claim))
        else:
            identity.unused_since = None
            self.unused.pop(number, None)
        self.changed[number] = None

    def rename(self, number: Number, nick: Nickname, claim: str) -> None:
        """Give an identity another nickname, at the place *claim* in time."""
        identity = self.record_of(number)
        if identity is None:
            identity = Identity(number, nick, "", None, "", "")
            self.unissued[number] = identity
        if claim <= identity.claim:
            return
        self.changed[number] = None
        if number in self.unissued:
            identity.wanted = identity.nick = nick
            identity.claim = claim
            return
        # Who names it uses it, also where that is not known yet.
        identity.unused_since = None
        self.unused.pop(number, None)
        self._unplace(identity)
        identity.wanted, identity.claim = nick, claim
        self._place(identity)

    def forget_unused(self, number: Number) -> None:
        """Drop an identity that nobody used."""
        if number in self.unused:
            self.forget(number)

    def forget(self, number: Number) -> None:
        """Drop an identity that does not exist after all, or any more."""
        if (identity := self._by_number.get(number)) is not None:
            self._drop(identity)
            self.changed[number] = None

    def _drop(self, identity: Identity) -> None:
        del self._by_number[identity.number]
        self.unused.pop(identity.number, None)
        self._unplace(identity)

    # Who has which nickname

    def _place(self, identity: Identity) -> None:
        """Let *identity* be called as its user wants, unless one that took it first is."""
        self._settle([identity])

    def _unplace(self, identity: Identity) -> None:
        self._forget_nickname(identity)
        self.displaced.pop(identity.number, None)
        if self.displaced:
            self._settle([])

    def _settle(self, unnamed: list[Identity]) -> None:
        """Find out what those who are *unnamed*, or displaced, are called.

        Of those who want nicknames that look alike the one that took it first has it. The
        outcome does not depend on the order in which they are looked at.
        """
        while unnamed or (unnamed := self._returning()):
            unnamed.sort(key=_by_claim, reverse=True)
            identity = unnamed.pop()
            rivals = self._rivals(identity)
            if any(_by_claim(rival) < _by_claim(identity) for rival in rivals):
                self.displaced[identity.number] = identity
                self._name(identity, Nickname.parse(f"n{identity.number}"))
                continue
            for rival in rivals:
                self._forget_nickname(rival)
            unnamed += rivals
            self._name(identity, identity.wanted)

    def _returning(self) -> list[Identity]:
        """Return those whose nickname nobody has any more who took it first, without a name."""
        found = [
            one
            for one in self.displaced.values()
            if all(_by_claim(rival) > _by_claim(one) for rival in self._rivals(one))
        ]
        for one in found:
            del self.displaced[one.number]
            self._forget_nickname(one)
        return found

    def _rivals(self, identity: Identity) -> list[Identity]:
        """Return the others whose nickname is what *identity* wants, or looks like it."""
        found: dict[Number, Identity] = {}
        for skeleton in identity.wanted.skeletons:
            for one in self._lookalikes.by_skeleton.get(skeleton, ()):
                if one is not identity and identity.wanted.looks_like(one.nick):
                    found[one.number] = one
        return list(found.values())

    def _name(self, identity: Identity, nick: Nickname) -> None:
        identity.nick = nick
        self._by_nickname[nick.folded] = identity
        self._lookalikes.add(identity)

    def _forget_nickname(self, identity: Identity) -> None:
        if self._by_nickname.get(identity.nick.folded) is identity:
            del self._by_nickname[identity.nick.folded]
        self._lookalikes.remove(identity)


def _by_claim(identity: Identity) -> tuple[str, str]:
    return identity.claim, identity.number


def hash_token(token: str) -> str:
    """Return what is kept of a secret token, in hexadecimal digits.

    A token has `TOKEN_BITS` random bits, so nobody can try them all: a fast hash is enough,
    which it is not for a password that a person chose.
    """
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
