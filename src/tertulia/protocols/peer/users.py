"""The users of a peer, who have no connections of their own."""

from __future__ import annotations

from typing import ClassVar, NoReturn, Protocol

from tertulia.domain.changes import Change
from tertulia.domain.events import Fact
from tertulia.protocols.session import Core, Session, Shell


class Silent:
    """The flavour of sessions that are shown nothing."""

    is_paced = False

    def render(self, change: Change) -> bytes:
        """Return nothing."""
        return b""


SILENT = Silent()


class Link(Protocol):
    """What the users of a peer need to know of the link to it."""

    core: Core
    shell: Shell

    def not_written(self, fact: Fact, label: str | None) -> None:
        """*fact*, which the request of that label led to, could not be written to disk."""

    def lost(self, user: PeerUser) -> None:
        """*user* was taken off this server, and not because the peer said so."""


class PeerUser(Session[NoReturn]):
    """Somebody on a peer, to the hub like anybody else.

    Nothing is sent through it: the link is told of everything itself, once.
    """

    __slots__ = ("_link",)

    protocol: ClassVar[str] = "peer"
    is_shown: ClassVar[bool] = False

    def __init__(self, link: Link) -> None:
        super().__init__(link.core, link.shell, None)
        self.flavour = SILENT
        self._link = link

    def refused(self, fact: Fact, label: str | None) -> None:
        """Tell that *fact* could not be written to disk and did not happen."""
        self._link.not_written(fact, label)

    def echoes(self, change: Change) -> bool:
        """Whether the session is shown this message of its own user: never."""
        return False

    def show(self, change: Change) -> None:
        """Send nothing."""

    def end(self, reason: str) -> None:
        """Take the user off this server; the connection is the peer's, and stays."""
        if not self.closing:
            self.closing = True
            self.core.disconnect(self, reason)
            self._link.lost(self)
