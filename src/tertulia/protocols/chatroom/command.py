"""What a command of the chat room is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from tertulia.protocols.chatroom.language import Both, Language, both
from tertulia.protocols.session import Steps

if TYPE_CHECKING:
    from tertulia.protocols.chatroom.session import ChatRoomSession


class Command(Struct, frozen=True):
    """A command: its names (without ``/``) and arguments in both languages, what it does, how
    many words it *needs*, and what it costs (`Session.cost`)."""

    names: Both
    arguments: Both
    does: Both
    handler: Callable[[ChatRoomSession, str], Steps | None]
    needs: int = 0
    cost: int = 1

    def usage(self, language: Language) -> str:
        """Return how the command is written."""
        head = both("Write it so:", "Escreva assim:")[language]
        return f"{head} /{self.names[language]} {self.arguments[language]}"

    def explained(self, language: Language) -> str:
        """Return the line of ``/help``."""
        other: Language = "pt" if language == "en" else "en"
        names = dict.fromkeys(f"/{self.names[name]}" for name in (language, other))
        usage = " ".join(filter(None, [", ".join(names), self.arguments[language]]))
        return f"{usage}: {self.does[language]}"
