"""A channel: what it is set to, who belongs to it, and who is in it."""

from __future__ import annotations

from msgspec import Struct

from tertulia.domain.ids import LOBBY, Conversation, Uid
from tertulia.domain.names import ChannelName, Number
from tertulia.domain.text import Text

VOICE = 1
ADMIN = 2
RANKS = {"o": ADMIN, "v": VOICE}

FLAGS = "Cimnst"
LISTS = "beI"
LOBBY_NAME = "#lobby"
LOBBY_SHUT_MS = 60_000
"""How long who was kicked out of ``#lobby``, where everyone may be, stays out."""


class ListEntry(Struct, frozen=True):
    """A mask in a list of a channel: who put it there, and when (Unix ms)."""

    by: str
    at: int


class Topic(Struct, frozen=True):
    """The topic of a channel: text, who set it, and when (Unix ms)."""

    text: Text
    by: str
    at: int


class Channel:
    """A channel: its settings are durable, its occupants are those who are in it now."""

    __slots__ = (
        "admins", "created", "emptied", "flags", "incarnation", "invited", "key", "limit",
        "lists", "members", "name", "number", "occupants", "revision", "shut_out", "topic",
    )  # fmt: skip

    def __init__(
        self, name: ChannelName, number: Number, incarnation: Conversation, created: int
    ) -> None:
        self.name = name
        self.number = number
        self.incarnation = incarnation
        self.created = created
        self.topic: Topic | None = None
        self.key: str | None = None
        self.limit: int | None = None
        self.flags: frozenset[str] = frozenset("nt")
        self.lists: dict[str, dict[str, ListEntry]] = {mode: {} for mode in LISTS}
        self.admins: frozenset[Uid] = frozenset()
        self.members: frozenset[Uid] = frozenset()
        """Durable users who belong to the channel, whether or not they are here."""
        self.emptied: int | None = created
        self.occupants: dict[Uid, int] = {}
        self.invited: set[Uid] = set()
        self.shut_out: dict[str, int] = {}
        """Until when (Unix ms) users, by uid and by nickname (folded), may not come back."""
        self.revision = 0
        """Grows when an occupant leaves, or is called or ranked otherwise; not when one
        comes, so that a list of occupants can be kept and appended to."""

    @property
    def is_lobby(self) -> bool:
        """Whether this is ``#lobby``, which always exists and belongs to nobody."""
        return self.incarnation == LOBBY

    @property
    def is_hidden(self) -> bool:
        """Whether the channel is shown only to those in it (+s)."""
        return "s" in self.flags
