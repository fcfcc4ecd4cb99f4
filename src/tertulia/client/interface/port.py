"""What the interface needs of the rest of the client: everything else of it may change."""

from __future__ import annotations

from typing import Protocol

from tertulia.client.session.events import State
from tertulia.client.session.intents import Intent
from tertulia.client.session.model import Model


class Offers(Protocol):
    """What the server of the moment can do."""

    history: bool
    search: bool


class Seen(Protocol):
    """A session, as it is looked at; `tertulia.client.session.session.Session` is one."""

    model: Model
    nick: str
    server_name: str

    @property
    def state(self) -> State:
        """How the connection is."""

    @property
    def retry_at(self) -> float | None:
        """When the next attempt to connect is (monotonic)."""

    @property
    def lag_s(self) -> float | None:
        """How long the server took to answer."""

    @property
    def network(self) -> str:
        """What the network calls itself."""

    @property
    def is_away(self) -> bool:
        """Whether one is away."""

    @property
    def offers(self) -> Offers:
        """What the server of the moment can do."""

    @property
    def has_unsent(self) -> bool:
        """Whether there is anything to say that the server does not have."""

    def show_name(self, nick: str, account: str = "") -> str:
        """Return what somebody is called here."""


class Port(Protocol):
    """A connection: what is wanted goes in, and what happens comes as events."""

    @property
    def session(self) -> Seen:
        """What is known."""

    def do(self, intent: Intent) -> None:
        """Do what somebody wants."""
