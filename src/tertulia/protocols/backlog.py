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
from tertulia.domain.ids import Hlc, milliseconds
from tertulia.protocols.session import Drain, ReadWaiting, Session

PAGE = 100


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
    """Begin to show the user of *session*, who has just come, what waited for them."""
    assert session.user is not None
    if session.user.catching_up:
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
        self._until = self._waiting.handed(self._uid)
        self._last = Hlc(0)

    def ask(self) -> None:
        """Read the next page, when all that was said so far is on disk."""
        self._last = self._waiting.last(self._uid)
        request = ReadWaiting(self._uid, self._until, PAGE)
        self._session.shell.perform(request, self._show)

    def _show(self, answer: list[Change] | BaseException) -> None:
        if isinstance(answer, BaseException):
            raise answer
        session = self._session
        if session.closing:
            return
        if answer:
            self._until = answer[-1].hlc
            # What is read from disk depends on nothing that is still to be written.
            session.shell.command_over()
            session.shell.send(b"".join([session.flavour.render(change) for change in answer]))
            session.shell.perform(Drain(), lambda _: self._received(answer))
        elif self._waiting.last(self._uid) != self._last:
            self.ask()  # something was said since it was read
        else:
            session.core.execute(session, CatchUp())
            session.shell.command_over()

    def _received(self, page: list[Change]) -> None:
        session = self._session
        if not session.closing:
            session.core.execute(session, Receive(self._until, len(page)))
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
        self._until = session.core.state.waiting.handed(self._user.uid)
        self._page: deque[Change] = deque()
        self._busy = False
        self._more = False

    def look(self) -> None:
        """Hand over what is there; called when something was put by."""
        self._more = True
        if not self._busy:
            self._ask()

    def _ask(self) -> None:
        self._busy, self._more = True, False
        request = ReadWaiting(self._user.uid, self._until, PAGE)
        self._session.shell.perform(request, self._take)

    def _take(self, answer: list[Change] | BaseException) -> None:
        if isinstance(answer, BaseException):
            raise answer
        self._page.extend(answer)
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
        self._until = change.hlc
        self._session.core.execute(self._session, Receive(change.hlc, 1))
