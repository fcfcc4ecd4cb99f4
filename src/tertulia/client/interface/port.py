"""What the interface needs of the rest of the client."""

from __future__ import annotations

from typing import Protocol

from tertulia.client.session.intents import Intent
from tertulia.client.session.session import Session


class Port(Protocol):
    """A connection, such as `tertulia.client.connection.Connection`: what is wanted goes in, and
    what happens comes as events. The session is read, and never changed but through `do`."""

    @property
    def session(self) -> Session:
        """What is known."""

    def do(self, intent: Intent) -> None:
        """Do what somebody wants."""

    def trust(self, address: str) -> None:
        """The certificate of a server that was refused is right: connect."""

    async def run(self) -> None:
        """Be on a server until the session wants none; it can be run again."""
