"""A channel: what it is set to, who belongs to it, and who is in it.

Each setting is a *register*: of all writes, on whatever server, the one with the latest stamp
counts, in whatever order they arrive.
"""

from __future__ import annotations

from msgspec import Struct

from tertulia.domain.ids import LOBBY, Conversation, Hlc, Uid, msgid
from tertulia.domain.names import ChannelName, Number
from tertulia.domain.text import Text

VOICE = 1
ADMIN = 2
RANKS = {"o": ADMIN, "v": VOICE}

FLAGS = "Cimnst"
LISTS = "beI"
LOBBY_NAME = "#lobby"
LOBBY_ORIGIN = msgid(0, 0)
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
    """A channel: its settings are durable, its occupants are those who are in it now.

    Two servers that cannot reach each other may each make a channel of one name: these are two
    *incarnations*, of which the earlier one wins when they meet. One that ended is kept, because
    it comes back if it turns out that something was said in it later.
    """

    __slots__ = (
        "admins", "created", "emptied", "ended", "flags", "incarnation", "invited", "key", "last",
        "limit", "lists", "members", "name", "number", "occupants", "origin", "revision",
        "shut_out", "stamps", "topic",
    )  # fmt: skip

    def __init__(
        self, name: ChannelName, number: Number, incarnation: Conversation, created: int
    ) -> None:
        self.name = name
        self.number = number
        self.incarnation = incarnation
        self.created = created
        self.origin = LOBBY_ORIGIN if incarnation == LOBBY else ""
        """The place in time at which it was made; empty while only later events are known."""
        self.ended = Hlc(0)
        """When it was last said to be over, 0 for never."""
        self.last = Hlc(0)
        """When something last happened in it."""
        self.stamps: dict[str, str] = {}
        """When each register was last written."""
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
    def is_alive(self) -> bool:
        """Whether it was made, and is not over."""
        return bool(self.origin) and (not self.ended or self.last > self.ended)

    def takes(self, register: str, write: str) -> bool:
        """Note that *register* was written at the place *write* in time, unless that is past."""
        if self.stamps.get(register, "") >= write:
            return False
        self.stamps[register] = write
        return True

    def has_judged(self, uid: Uid) -> bool:
        """Whether it was ever said that a user is an admin for good, or is none."""
        return f"o:{uid}" in self.stamps

    @property
    def is_lobby(self) -> bool:
        """Whether this is ``#lobby``, which always exists and belongs to nobody."""
        return self.incarnation == LOBBY

    @property
    def is_hidden(self) -> bool:
        """Whether the channel is shown only to those in it (+s)."""
        return "s" in self.flags
