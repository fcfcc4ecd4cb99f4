"""Handing over what was said to somebody who was not here."""

from __future__ import annotations

from typing import Any

from tertulia.domain.changes import Change
from tertulia.domain.commands.catch_up import CatchUp, Receive
from tertulia.domain.ids import Hlc
from tertulia.protocols.session import Drain, ReadWaiting, Session

PAGE = 100


def hand_over_backlog(session: Session[Any]) -> None:
    """Begin to show the user of *session*, who has just come, what waited for them."""
    assert session.user is not None
    if session.user.catching_up:
        _Backlog(session).ask()


class _Backlog:
    """What waits for the user of *session*, a page at a time.

    A page is counted as received when the system has it, and only then the next is read:
    where the server is killed in between it comes again. All this goes on beside what the
    user does; what others say to them meanwhile waits too, and so comes in its place.
    """

    def __init__(self, session: Session[Any]) -> None:
        assert session.user is not None
        self._session = session
        self._uid = session.user.uid
        self._waiting = session.core.state.waiting
        self._until = Hlc(0)
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
            session.shell.perform(Drain(), lambda _: self._received(len(answer)))
        elif self._waiting.last(self._uid) != self._last:
            self.ask()  # something was said since it was read
        else:
            session.core.execute(session, CatchUp())
            session.shell.command_over()

    def _received(self, count: int) -> None:
        session = self._session
        if not session.closing:
            session.core.execute(session, Receive(self._until, count))
            session.shell.command_over()
            self.ask()
