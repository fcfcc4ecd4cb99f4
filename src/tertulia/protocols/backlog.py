"""Handing over what was put by for somebody."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from tertulia.domain import changes as c
from tertulia.domain.changes import Change
from tertulia.domain.commands.acknowledge import Acknowledge
from tertulia.domain.commands.catch_up import CatchUp, Receive
from tertulia.domain.history import FIRST_TAG, Place
from tertulia.domain.ids import Hlc, Uid, milliseconds, parse_msgid
from tertulia.domain.waiting import Waiting
from tertulia.protocols.session import Drain, ReadWaiting, Session

PAGE = 100
BEGINNING: Place = (Hlc(0), FIRST_TAG)


def place_of(change: Change) -> Place:
    """Return the place in time of *change*."""
    place = parse_msgid(change.msgid)
    assert place is not None
    return place


def not_handed(waiting: Waiting, uid: Uid, page: list[Change]) -> list[Change]:
    """Return what of *page* was not handed over yet: what was may still be on disk."""
    return [change for change in page if not waiting.is_handed(uid, change.msgid)]


def acknowledge_delivery(session: Session[Any], change: Change) -> None:
    """Tell who said *change*, if they want to know, that the user of *session* has it."""
    if not isinstance(change, c.Spoken) or not change.receipt:
        return
    state, user = session.core.state, session.user
    assert user is not None
    author = state.user_or_identity(change.by.uid)
    if author is None or author.uid == user.uid:
        return
    channel = state.channel_named(change.target)
    about = user.number if channel is None else channel.number
    receipt = Acknowledge(author, about, change.msgid, milliseconds(change.hlc))
    session.core.execute(session, receipt)


def hand_over_backlog(session: Session[Any]) -> None:
    """Begin to show the user of *session* what waits for them.

    They have just come, or another server has put something by for them.
    """
    assert session.user is not None
    if session.user.catching_up and not session.handing_over:
        session.handing_over = True
        _Backlog(session).ask()


class _Backlog:
    """What waits for the user of *session*, a page at a time.

    A page is counted as received when the other end has it, and only then the next is read:
    where the server is killed in between it comes again. All this goes on beside what the
    user does; what others say to them meanwhile waits too, and so comes in its place.
    """

    def __init__(self, session: Session[Any]) -> None:
        assert session.user is not None
        self._session = session
        self._uid = session.user.uid
        self._waiting = session.core.state.waiting
        self._revision = 0

    def ask(self, after: Place = BEGINNING) -> None:
        """Read the next page, when all that was said so far is on disk.

        From the beginning again: what another server brings may be older than what was read.
        """
        self._revision = self._waiting.revision(self._uid)
        request = ReadWaiting(self._uid, after, PAGE)
        self._session.shell.perform(request, self._show)

    def _show(self, answer: list[Change] | BaseException) -> None:
        if isinstance(answer, BaseException):
            raise answer
        session = self._session
        if session.closing:
            return
        if fresh := not_handed(self._waiting, self._uid, answer):
            # What is read from disk depends on nothing that is still to be written.
            session.shell.command_over()
            if data := b"".join([session.flavour.render(change) for change in fresh]):
                session.shell.send(data)
            session.shell.perform(Drain(), lambda _: self._received(fresh))
        elif len(answer) == PAGE:
            self.ask(place_of(answer[-1]))
        elif self._waiting.revision(self._uid) != self._revision:
            self.ask()  # something was said since it was read
        else:
            session.handing_over = False
            session.core.execute(session, CatchUp())
            session.shell.command_over()
            if session.resumption is not None:
                session.resumption.tick()

    def _received(self, page: list[Change]) -> None:
        session = self._session
        if not session.closing:
            session.core.execute(session, Receive(tuple([change.msgid for change in page])))
            for change in page:
                acknowledge_delivery(session, change)
            session.shell.command_over()
            self.ask()


class Postbox:
    """What is put by for the user of *session*, who is handed everything this way.

    One at a time for as long as the session lasts: only when the other end has it, it
    counts as received and who said it is told; where the server is killed in between, that
    one comes again. *render* returns what is sent for a change, empty for nothing.
    """

    def __init__(self, session: Session[Any], render: Callable[[Change], bytes]) -> None:
        assert session.user is not None
        self._session = session
        self._user = session.user
        self._render = render
        self._waiting = session.core.state.waiting
        self._page: deque[Change] = deque()
        self._busy = False
        self._more = False

    def look(self) -> None:
        """Hand over what is there; called when something was put by."""
        self._more = True
        if not self._busy:
            self._ask()

    def _ask(self, after: Place = BEGINNING) -> None:
        self._busy, self._more = True, False
        request = ReadWaiting(self._user.uid, after, PAGE)
        self._session.shell.perform(request, self._take)

    def _take(self, answer: list[Change] | BaseException) -> None:
        if isinstance(answer, BaseException):
            raise answer
        fresh = not_handed(self._waiting, self._user.uid, answer)
        if len(answer) == PAGE and not fresh and not self._is_closed:
            self._ask(place_of(answer[-1]))
            return
        self._page.extend(fresh)
        self._more = self._more or len(answer) == PAGE
        self._next()

    @property
    def _is_closed(self) -> bool:
        return self._session.closing or self._session.user is not self._user

    def _next(self) -> None:
        """Hand over the next that is to be shown at all."""
        session = self._session
        while self._page and not self._is_closed:
            change = self._page.popleft()
            if data := self._render(change):
                # What is read from disk depends on nothing that is still to be written.
                session.shell.command_over()
                session.shell.send(data)
                session.shell.perform(Drain(), partial(self._arrived, change))
                return
            self._received(change)
        if self._is_closed:
            return
        if self._more:
            self._ask()
        else:
            self._busy = False

    def _arrived(self, change: Change, _answer: None) -> None:
        if not self._is_closed:
            self._received(change)
            acknowledge_delivery(self._session, change)
            self._session.shell.command_over()
            self._next()

    def _received(self, change: Change) -> None:
        self._session.core.execute(self._session, Receive((change.msgid,)))
