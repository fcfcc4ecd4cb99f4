"""Lets happen here what other servers tell of their users.

What concerns a user of another server than the one that tells is left alone. A nickname that
two have at once, because their servers could not reach each other, is kept by one of them; the
other gets another one, the same on every server, and is not disconnected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from tertulia.domain import events as e
from tertulia.domain.changes import Change
from tertulia.domain.ids import Uid, milliseconds, msgid
from tertulia.domain.names import Nickname
from tertulia.domain.presence import another_nickname, is_first, subject
from tertulia.domain.state import State
from tertulia.domain.users import User


class Elsewhere:
    """What other servers tell, for one *state*.

    *present* lets an event take effect, *record* lets facts of this server happen. *displace*
    is told of a user here who has connected to another server since.
    """

    def __init__(
        self,
        state: State,
        present: Callable[[e.Event], list[Change]],
        record: Callable[[Sequence[e.Fact]], object],
        displace: Callable[[User], None],
    ) -> None:
        self._state = state
        self._present = present
        self._record = record
        self._displace = displace

    def tell(self, server: str, event: e.Event) -> list[Change]:
        """Let *event*, which *server* tells, happen; return what can be seen of it."""
        match event.fact:
            case e.Connected():
                return self._come(server, event, event.fact)
            case e.RanksSet():
                return self._rank(server, event, event.fact)
            case e.Renamed():
                return self._rename(server, event, event.fact)
            case e.Invited() | e.Signalled():
                is_theirs = self._is_on(server, event.fact.by.uid)
                return self._present(event) if is_theirs else []
            case fact:
                uid = subject(fact)
                return self._present(event) if uid and self._is_on(server, uid) else []

    def _is_on(self, server: str, uid: Uid) -> bool:
        user = self._state.users.get(uid)
        return user is not None and user.server == server

    def _come(self, server: str, event: e.Event, fact: e.Connected) -> list[Change]:
        changes: list[Change] = []
        known = self._state.users.get(fact.face.uid)
        if known is not None:
            if known.server == server or milliseconds(event.hlc) <= known.since:
                return []
            changes += self._leave(known, event)
        claim = fact.claim or msgid(event.hlc, event.tag)
        fact = replace(fact, server=server, claim=claim)
        newcomer = User(
            fact, Nickname.parse(fact.face.nick), milliseconds(event.hlc), server, claim
        )
        newcomer, seen = self._settle(newcomer, event)
        return (
            changes + seen + self._present(replace(event, fact=replace(fact, face=newcomer.face)))
        )

    def _leave(self, known: User, event: e.Event) -> list[Change]:
        """The same identity has connected to another server since."""
        if not known.server:
            self._displace(known)
            if self._state.users.get(known.uid) is not known:
                return []
        gone = e.Disconnected(known.face, "Connected again from elsewhere")
        return self._present(replace(event, fact=gone))

    def _rename(self, server: str, event: e.Event, fact: e.Renamed) -> list[Change]:
        user = self._state.users.get(fact.by.uid)
        if user is None or user.server != server:
            return []
        renamed = _renamed(user, fact.now, msgid(event.hlc, event.tag))
        renamed, seen = self._settle(renamed, event, besides=user)
        return seen + self._present(replace(event, fact=e.Renamed(user.face, renamed.face)))

    def _settle(
        self, newcomer: User, event: e.Event, besides: User | None = None
    ) -> tuple[User, list[Change]]:
        """See to it that nobody else is called like *newcomer*, or that they are not."""
        other = self._state.lookalike(newcomer.nick, besides)
        if other is None:
            return newcomer, []
        if is_first(self._state, other, newcomer):
            face = another_nickname(self._state, newcomer.face)
            return _renamed(newcomer, face, newcomer.claim), []
        renamed = e.Renamed(other.face, another_nickname(self._state, other.face))
        if not other.server:
            self._record([renamed])
            return newcomer, []
        return newcomer, self._present(replace(event, fact=renamed))

    def _rank(self, server: str, event: e.Event, fact: e.RanksSet) -> list[Change]:
        ranks = tuple(one for one in fact.ranks if self._is_on(server, one.whom.uid))
        if not ranks:
            return []
        return self._present(replace(event, fact=e.RanksSet(fact.by, fact.channel, ranks)))


def _renamed(user: User, face: e.Face, claim: str) -> User:
    came = e.Connected(face, user.username, user.host, user.realname, user.secure, user.protocol)
    return User(came, Nickname.parse(face.nick), user.since, user.server, claim)
