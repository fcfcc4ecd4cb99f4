"""The interface in the terminal, with Textual: it draws what a session knows, and asks it for what
somebody wants. Imports of it are late, because a command line has no use for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tertulia.client.commands import Here, Local
    from tertulia.client.interface.choosing import Candidate
    from tertulia.client.interface.port import Port
    from tertulia.client.preferences import Preferences
    from tertulia.client.session.events import Event
    from tertulia.client.words import Words


class Prepared(Protocol):
    """A session that is ready to go on a server."""

    def connect(self, on_events: Callable[[Sequence[Event]], None]) -> Port:
        """Return the connection; *on_events* is told what happens."""

    def local(self, wish: Local, here: Here) -> list[str]:
        """Do a command that is left to an interface; return the lines to show."""


def run(prepared: Prepared, preferences: Preferences, words: Words) -> int:
    """Show the chat until somebody leaves; return the exit status. Starts an event loop."""
    from tertulia.client.interface.app import ChatApp
    from tertulia.client.interface.terminal import know_alt_keys

    know_alt_keys()

    def take(happened: Sequence[Event]) -> None:
        app.take(happened)

    app = ChatApp(prepared.connect(take), words, preferences, prepared.local)
    return app.run() or app.return_code or 0


def choose(
    candidates: AsyncIterator[Candidate], preferences: Preferences, words: Words
) -> Candidate | None:
    """Let somebody choose a server; None if they leave. Starts an event loop."""
    from tertulia.client.interface.choosing import Chooser

    return Chooser(candidates, preferences, words).run()
