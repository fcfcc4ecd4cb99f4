"""Telling who said something that it was delivered, where they want to know."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice

from tertulia.domain import changes as c
from tertulia.protocols.backlog import acknowledge_delivery
from tertulia.protocols.session import Drain
from tertulia.server.fanout import AnySession, Audience
from tertulia.server.gate import Gate

ASKED_MOST = 16
"""How many of those in a channel are watched for the first who has a message."""


class Receipts:
    """Notes when the system at the other end has taken a message.

    Only for those who are shown it at once: what was put by is acknowledged by whoever
    hands it over. *acting* returns the session whose command is being handled.
    """

    def __init__(self, gate: Gate, acting: Callable[[], AnySession | None]) -> None:
        self._gate = gate
        self._acting = acting

    def expect_from(self, audience: Audience, change: c.Spoken) -> None:
        """Note who in *audience* is the first to have the message *change*."""
        everyone = (session for _, group in audience.groups() for session in group)
        self.expect(islice(filter(self._is_shown, everyone), ASKED_MOST), change)

    def _is_shown(self, session: AnySession) -> bool:
        user = session.user
        return user is not None and not user.catching_up and session is not self._acting()

    def expect(self, sessions: Iterable[AnySession], change: c.Spoken) -> None:
        """Note which of *sessions* is the first to have the message *change*, unless it cannot
        be written and is sent to nobody."""
        noted = False
        batch = self._gate.batch

        def note(session: AnySession, _answer: None) -> None:
            nonlocal noted
            if not noted and not session.closing and batch.error is None:
                noted = True
                acknowledge_delivery(session, change)
                session.shell.command_over()

        for session in sessions:
            session.shell.perform(Drain(), partial(note, session))
