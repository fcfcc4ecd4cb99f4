"""Commands that the interface does itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tertulia.client import commands
from tertulia.client.session import intents
from tertulia.client.words import _

if TYPE_CHECKING:
    from tertulia.client.interface.app import ChatApp


class Locals:
    """Does what `commands.parse` leaves to the interface."""

    def __init__(self, app: ChatApp) -> None:
        self._app = app
        self._table: dict[str, Callable[[str], None]] = {
            "help": lambda argument: app.action_help(),
            "quit": app.leave,
            "clear": self._clear,
        }

    def do(self, wish: commands.Local) -> None:
        """Do *wish*."""
        done = self._table.get(wish.name)
        if done is None:
            self._app.desk.note(_("/{name} does not work here.").format(name=wish.name))
        else:
            done(wish.argument)

    def _clear(self, argument: str) -> None:
        buffer = self._app.desk.current
        self._app.port.do(intents.Clear(buffer.name))
        self._app.desk.talk.clear()
