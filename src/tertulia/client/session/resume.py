"""Going on where one left off, on our servers (RESUME; docs/irc.md).

A token says all that one has up to a moment; a server gives out another now and then. It is worth
something only if one is in all one's channels and was brought what was missed there: until then
the older one is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tertulia.domain.resume import Token, decode_token

if TYPE_CHECKING:
    from tertulia.client.session.session import Session

PIECE = 400
LONGEST = 64 * 1024


class Resume:
    """The token that one has; *is_going_on* while a server brings what it does not cover."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._token: Token | None = None
        self._parts = ""
        self._is_settled = False
        self._is_fresh = False
        """Whether a token came that covers all, since one was settled."""
        self.is_going_on = False

    def begin(self) -> None:
        """Say what one has, or ask to be told later."""
        self._is_settled = self._is_fresh = self.is_going_on = False
        self._parts = ""
        if not self._session.is_ours:
            return
        if self._token is None:
            self._session.send("RESUME")
            return
        text = self._token.encode()
        while len(text) > PIECE:
            self._session.send("RESUME", "*", text[:PIECE])
            text = text[PIECE:]
        self._session.send("RESUME", text)

    def accepted(self) -> None:
        """The server brings into each channel what is missing."""
        self.is_going_on = True

    def refused(self) -> None:
        """The server does not understand the token."""
        self._token = None
        self.is_going_on = False

    def settled(self) -> None:
        """One is in all one's channels; tokens are worth something from now on."""
        self._is_settled = True

    def take(self, text: str) -> None:
        """A token came, or the part of one before ``*``."""
        if len(self._parts) > LONGEST:
            self._parts = ""
        token = decode_token(self._parts + text)
        self._parts = ""
        if token is None or self._session.history.lacks:
            return
        if self._is_settled or self._token is None:
            self._token = token
            self._is_fresh = self._is_settled

    def ask(self) -> None:
        """Something was missing, and has come: a token of now is worth something."""
        session = self._session
        if session.is_ours and self._is_settled and not (self._is_fresh or session.history.lacks):
            session.send("RESUME")

    def take_part(self, text: str) -> None:
        """The beginning of a token came, that is too long for a line."""
        if len(self._parts) <= LONGEST:
            self._parts += text

    def heard(self, msgid: str) -> None:
        """A message came live: what its source wrote before it came as well."""
        if self._is_fresh and self._token is not None and msgid:
            self._token = self._token.with_messages([msgid])
