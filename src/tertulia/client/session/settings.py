"""What a session is told when it is made."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct


class Address(Struct, frozen=True):
    """Where a server is; *tls* whether it speaks that at once."""

    host: str
    port: int
    tls: bool = False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'ircs' if self.tls else 'irc'}://{host}:{self.port}"


class Wish(Struct, frozen=True):
    """A channel to be in."""

    name: str
    password: str = ""


class Credential(Struct, frozen=True):
    """An identity: its number, and the secret token that proves it."""

    number: str
    token: str


class Unsent(Struct, frozen=True):
    """A message that no server has yet, as it is kept over a restart."""

    target: str
    kind: str
    text: str
    client_id: str
    at: int


class SessionSettings(Struct, frozen=True, kw_only=True):
    """Who one is, where to, and what is wanted there.

    *credential* is shown to whatever server one comes to, by SASL; those in *identities* only to
    the server of ours that has that id. Where there is none for it, *wants_identity* asks for one.
    *queries*, *unsent*, *read_at* and *heard_at* go on from an earlier session: the conversations
    that were open, what no server had yet, until when (Unix ms) each channel and query was read,
    and until when it is known who said something to one.
    *history* is how many messages are asked for when a channel is joined or a query opened, 0 for
    none. *ignored* are nicknames or masks (``*!*@host``), *highlights* words that are a mention
    besides the nickname. *tells_seen* and *tells_typing* are about what others are told.
    """

    nick: str
    addresses: tuple[Address, ...] = ()
    username: str = ""
    realname: str = ""
    channels: tuple[Wish, ...] = ()
    queries: tuple[str, ...] = ()
    unsent: tuple[Unsent, ...] = ()
    heard_at: int = 0
    read_at: dict[str, int] = {}
    credential: Credential | None = None
    wants_identity: bool = False
    password: str = ""
    identities: dict[str, Credential] = {}
    history: int = 50
    ignored: tuple[str, ...] = ()
    contacts: dict[str, str] = {}
    highlights: tuple[str, ...] = ()
    tells_seen: bool = True
    tells_typing: bool = True
    is_bot: bool = False
    quit_reason: str = ""
    version: str = "tertulia"


class Clock(Protocol):
    """The time, as the shell has it."""

    def now(self) -> float:
        """Return a monotonic clock, in seconds."""

    def wall_ms(self) -> int:
        """Return Unix milliseconds."""
