"""Going on where a client left off, on this server or another one of the network.

The client shows a token of what it has (`domain.resume`). Into each channel that it joins again it
is brought what it lacks, and it is shown nothing that it has, though it may arrive here later.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec.structs import replace

from tertulia.domain import changes as c
from tertulia.domain.changes import Change
from tertulia.domain.channels import Channel
from tertulia.domain.history import Place
from tertulia.domain.ids import Conversation, Hlc
from tertulia.domain.resume import TOKEN_BYTES, Token
from tertulia.protocols.backlog import BEGINNING, place_of
from tertulia.protocols.session import Flavour, ReadMissed, Session

PAGE = 500


class Unrepeated:
    """What a client sees that has all that *token* covers."""

    def __init__(self, flavour: Flavour, token: Token) -> None:
        self.flavour = flavour
        self._token = token
        self.is_paced = flavour.is_paced

    def __getattr__(self, name: str) -> Any:
        return getattr(self.flavour, name)

    def render(self, change: Change) -> bytes:
        """Return what is sent for *change*; empty if the client has it."""
        if isinstance(change, c.Together):
            lacking = tuple([one for one in change.changes if not self._is_known(one)])
            return self.flavour.render(replace(change, changes=lacking)) if lacking else b""
        return b"" if self._is_known(change) else self.flavour.render(change)

    def _is_known(self, change: Change) -> bool:
        if not isinstance(change, c.Spoken):
            return False
        covers = self._token.covers if change.to is None else self._token.covers_direct
        return covers(change.msgid)


class Resume:
    """Tells the client of *session* how to go on, and brings its user what they lack.

    *tell* sends a token.
    """

    def __init__(self, session: Session[Any], tell: Callable[[str], None]) -> None:
        self._session = session
        self._tell = tell
        self._told: dict[int, Hlc] | None = None
        self._token: Token | None = None
        self._pieces = ""
        self._searches = 0
        """How many channels are being looked through for what the client lacks."""

    def add_piece(self, text: str) -> None:
        """The beginning of a token came, that is too long for a line."""
        if len(self._pieces) <= TOKEN_BYTES:
            self._pieces += text

    def whole(self, text: str) -> str:
        """Return the token that *text* is the end of."""
        whole, self._pieces = self._pieces + text, ""
        return whole

    def ask(self) -> None:
        """Send a token, as soon as the client has everything up to then."""
        self._told = None
        self.tick()

    def go_on_from(self, token: Token) -> None:
        """The client has what *token* covers."""
        self._token = token
        session = self._session
        session.core.reflavour(session, self.wrap(session.flavour))

    def wrap(self, flavour: Flavour) -> Flavour:
        """Return *flavour* without what the client has."""
        if self._token is None:
            return flavour
        bare = flavour.flavour if isinstance(flavour, Unrepeated) else flavour
        return Unrepeated(bare, self._token)

    def tick(self) -> None:
        """Send a token, if there is anything new; see all, when nothing can come any more that
        the client has."""
        session = self._session
        state, user = session.core.state, session.user
        if user is None or user.catching_up:
            return
        if state.heard != self._told and not self._searches:
            token = session.core.token()
            self._told = token.heard
            self._tell(token.encode())
            session.shell.command_over()
        if self._token is not None and self._token.is_within(state.heard):
            self._token = None
            if isinstance(session.flavour, Unrepeated):
                session.core.reflavour(session, session.flavour.flavour)

    def joined(self, channel: Channel) -> None:
        """The user has just come into *channel*, and sees what happens from now on."""
        if self._token is None:
            return
        state = self._session.core.state
        self._searches += 1
        self._ask(channel.name.text, state.histories(channel), dict(state.heard), BEGINNING)

    def _ask(
        self, name: str, histories: tuple[Conversation, ...], until: dict[int, Hlc], after: Place
    ) -> None:
        if self._token is None:
            self._found()
            return
        request = ReadMissed(histories, self._token, until, after, PAGE)
        answered = partial(self._show, name, histories, until)
        self._session.shell.perform(request, answered)

    def _show(
        self,
        name: str,
        histories: tuple[Conversation, ...],
        until: dict[int, Hlc],
        page: list[Change] | BaseException,
    ) -> None:
        if isinstance(page, BaseException):
            raise page
        session = self._session
        if session.closing or not page:
            self._found()
            return
        now = Hlc(session.core.world.now() << 16)
        # What is read from disk depends on nothing that is still to be written.
        session.shell.command_over()
        late = c.Together(now, "", "late", name, tuple(page))
        if data := session.flavour.render(late):
            session.shell.send(data)
        if len(page) == PAGE:
            self._ask(name, histories, until, place_of(page[-1]))
        else:
            self._found()

    def _found(self) -> None:
        self._searches -= 1
        self.tick()
