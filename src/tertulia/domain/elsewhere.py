"""Lets happen here what other servers tell of their users.

What concerns a user of another server than the one that tells is left alone. A nickname that
two have at once, because their servers could not reach each other, is kept by one of them; the
other gets another one, the same on every server, and is not disconnected.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from tertulia.domain import events as e
from tertulia.domain.changes import Change
from tertulia.domain.ids import NOWHERE, Hlc, Uid, msgid, parse_msgid
from tertulia.domain.names import Nickname
from tertulia.domain.presence import (
    Resident,
    another_nickname,
    arrival,
    changed,
    concerned,
    is_first,
    resident,
    subject,
)
from tertulia.domain.state import State
from tertulia.domain.users import User

AGAIN = "Connected again from elsewhere"


class Elsewhere:
    """What other servers tell, for one *state*.

    *present* lets an event take effect, *now* tells the time. *call* gives a user here another
    nickname, and *end* ends the session of one who has connected to another server since.
    """

    def __init__(
        self,
        state: State,
        present: Callable[[e.Event], list[Change]],
        now: Callable[[], Hlc],
        call: Callable[[User, e.Face], None],
        end: Callable[[User], None],
    ) -> None:
        self._state = state
        self._present = present
        self._now = now
        self._call = call
        self._end = end
        self._coming: Uid | None = None
        """Who is just coming, and so has not gone, though they are not shown."""

    def tell(self, server: str, event: e.Event) -> list[Change]:
        """Let *event*, which *server* tells, happen; return what can be seen of it."""
        changes = self._tell(server, event)
        settles = isinstance(event.fact, e.Connected | e.Disconnected | e.Renamed)
        if settles and self.is_waited_for:
            changes += self.returning()
        return changes

    @property
    def is_waited_for(self) -> bool:
        """Whether there is anybody to whom `returning` could be something."""
        return bool(self._state.displaced or self._state.shadows)

    def returning(self) -> list[Change]:
        """Somebody has gone, or given up a nickname: let who waits for that be shown."""
        changes: list[Change] = []
        users = self._state.users
        gone = [uid for uid in self._state.shadows if uid not in users and uid != self._coming]
        for uid in gone:
            shadows = self._state.shadows.pop(uid)
            newest = max(shadows, key=lambda server: (shadows[server].at, server))
            for event in arrival(shadows.pop(newest), tag=0, now=self._now()):
                changes += self._tell(newest, event)
            if shadows:
                self._state.shadows[uid] = shadows
        for uid, face in list(self._state.displaced.items()):
            user = users.get(uid)
            if user is None:
                del self._state.displaced[uid]
            elif self._state.lookalike(Nickname.parse(face.nick), besides=user) is None:
                del self._state.displaced[uid]
                changes += self._present(_called(user, face))
        return changes

    def shade(self, user: User) -> list[Change]:
        """Show *user*, who is on another server, no more, because they are here again."""
        told = self._state.shadows.setdefault(user.uid, {})
        told[user.server] = resident(self._state, user)
        self._state.displaced.pop(user.uid, None)
        return self._present(self._gone(user))

    def displace(self, user: User) -> list[Change]:
        """Show *user*, who is on another server, under another nickname than there."""
        self._state.displaced.setdefault(user.uid, user.face)
        return self._present(_called(user, another_nickname(self._state, user.face)))

    def _tell(self, server: str, event: e.Event) -> list[Change]:
        fact = event.fact
        if isinstance(fact, e.Connected):
            return self._come(server, event, fact)
        self._note_shadow(server, event)
        match fact:
            case e.RanksSet():
                return self._rank(server, event, fact)
            case e.Renamed():
                return self._rename(server, event, fact)
            case e.Invited() | e.Signalled():
                return self._present(event) if self._is_on(server, fact.by.uid) else []
            case _:
                uid = subject(fact)
                return self._present(event) if uid and self._is_on(server, uid) else []

    def _note_shadow(self, server: str, event: e.Event) -> None:
        """Keep up with those who are not shown."""
        for uid in concerned(event.fact):
            shadows = self._state.shadows.get(uid)
            if shadows is None or server not in shadows:
                continue
            if isinstance(event.fact, e.Disconnected):
                del shadows[server]
                if not shadows:
                    del self._state.shadows[uid]
            else:
                shadows[server] = changed(shadows[server], event)

    def _is_on(self, server: str, uid: Uid) -> bool:
        user = self._state.users.get(uid)
        return user is not None and user.server == server

    def _come(self, server: str, event: e.Event, fact: e.Connected) -> list[Change]:
        changes: list[Change] = []
        claim = fact.claim or msgid(event.hlc, event.tag)
        came = Hlc(max(event.hlc, fact.after))
        fact = replace(fact, server=server, claim=claim)
        # Behind one who gives way there may be another, who is shown then.
        while (known := self._state.users.get(fact.face.uid)) is not None:
            if known.server == server:
                return changes
            if (came, server) < (known.came, known.server or self._state.server):
                told = self._state.shadows.setdefault(known.uid, {})
                told[server] = Resident(replace(fact, server=""), came)
                return changes
            changes += self._give_way(known)
        newcomer = User(fact, Nickname.parse(fact.face.nick), came, server, claim)
        self._coming = newcomer.uid
        newcomer, seen = self._settle(newcomer, event)
        self._coming = None
        as_shown = replace(event, fact=replace(fact, face=newcomer.face))
        return changes + seen + self._present(as_shown)

    def _give_way(self, known: User) -> list[Change]:
        """The same identity has connected to another server since."""
        if known.server:
            return self.shade(known)
        self._end(known)
        gone = self._state.users.get(known.uid) is not known
        return [] if gone else self._present(self._gone(known))

    def _gone(self, user: User) -> e.Event:
        return e.Event(self._now(), NOWHERE, e.Disconnected(user.face, AGAIN))

    def _rename(self, server: str, event: e.Event, fact: e.Renamed) -> list[Change]:
        user = self._state.users.get(fact.by.uid)
        if user is None or user.server != server:
            return []
        self._state.displaced.pop(user.uid, None)
        renamed = _renamed(user, fact.now, msgid(event.hlc, event.tag))
        renamed, seen = self._settle(renamed, event, besides=user)
        return seen + self._present(replace(event, fact=e.Renamed(user.face, renamed.face)))

    def _settle(
        self, newcomer: User, event: e.Event, besides: User | None = None
    ) -> tuple[User, list[Change]]:
        """See to it that nobody else is called like *newcomer*, or that they are not."""
        changes: list[Change] = []
        asked: set[Uid] = set()
        # Where one gives up the nickname, another may be called so again who waited for that.
        while (other := self._state.lookalike(newcomer.nick, besides)) is not None:
            if is_first(other, newcomer):
                self._state.displaced[newcomer.uid] = newcomer.face
                face = another_nickname(self._state, newcomer.face)
                return _renamed(newcomer, face, newcomer.claim), changes
            if other.uid in asked:
                break
            asked.add(other.uid)
            if other.server:
                changes += self.displace(other)
            else:
                self._call(other, another_nickname(self._state, other.face))
        return newcomer, changes

    def _rank(self, server: str, event: e.Event, fact: e.RanksSet) -> list[Change]:
        ranks = tuple(one for one in fact.ranks if self._is_on(server, one.whom.uid))
        if not ranks:
            return []
        return self._present(replace(event, fact=e.RanksSet(fact.by, fact.channel, ranks)))


def _called(user: User, face: e.Face) -> e.Event:
    """Return the event by which *user* is called so, as of when they took their nickname."""
    hlc, tag = parse_msgid(user.claim) or (Hlc(0), 0)
    return e.Event(hlc, NOWHERE, e.Renamed(user.face, face), tag=tag)


def _renamed(user: User, face: e.Face, claim: str) -> User:
    came = e.Connected(face, user.username, user.host, user.realname, user.secure, user.protocol)
    return User(came, Nickname.parse(face.nick), user.came, user.server, claim)
