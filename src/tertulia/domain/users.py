"""A user: someone who is here now, on this server or another."""

from __future__ import annotations

from msgspec import Struct

from tertulia.domain import events as e
from tertulia.domain.channels import ADMIN, RANKS, Channel
from tertulia.domain.ids import Conversation, Hlc, Uid, is_durable, milliseconds
from tertulia.domain.names import Nickname, Number

BOT = "B"
"""The user mode of programs."""
PARTNERS_MOST = 200
BROADCAST_INTERVAL_MS = 10_000
"""How long one message to everyone takes to be paid for."""


class Place(Struct, frozen=True, array_like=True):
    """Being in a channel: in which incarnation of it, and of what rank there."""

    channel: str
    incarnation: Conversation
    rank: int


def graded(place: Place, incarnation: Conversation, change: e.RankChange) -> Place:
    """Return *place* after *change*, which is about one incarnation of the channel."""
    held, rank = place.rank if place.incarnation == incarnation else 0, RANKS[change.mode]
    return Place(place.channel, incarnation, held | rank if change.on else held & ~rank)


class User:
    """Someone who is here now."""

    __slots__ = (
        "away", "broadcasts_until", "came", "catching_up", "channels", "claim", "durable", "face",
        "host", "identity", "invited_to", "is_cut_off", "modes", "nick", "number", "partners",
        "places", "protocol", "realname", "secure", "server", "since", "uid", "username",
    )  # fmt: skip

    def __init__(
        self, connected: e.Connected, nick: Nickname, came: Hlc, server: str = "", claim: str = ""
    ) -> None:
        self.uid = connected.face.uid
        self.face = connected.face
        self.nick = nick
        self.number = Number(connected.face.number)
        self.username = connected.username
        self.host = connected.host
        self.realname = connected.realname
        self.secure = connected.secure
        self.protocol = connected.protocol
        self.durable = is_durable(self.uid)
        """Whether the user has proven an identity, and comes again as the same one."""
        self.identity = self.number if self.durable else None
        """The number of the identity that the user has proven, or was issued just now."""
        self.server = server
        """The id of the server that the user is on; empty for this one."""
        self.is_cut_off = False
        """Whether that server cannot be reached."""
        self.claim = claim
        """The place in time at which the nickname was taken."""
        self.catching_up = False
        """Whether the user is being handed what has waited; what is new waits behind it."""
        self.away: str | None = None
        self.came = came
        self.since = milliseconds(came)
        """Since when the user is here (Unix ms)."""
        self.modes: frozenset[str] = frozenset()
        self.places: dict[str, Place] = {}
        """Where the user is by the word of their own server: by the folded name of the channel."""
        self.channels: dict[str, Channel] = {}
        """The channels of those that are known here."""
        self.invited_to: frozenset[str] = frozenset()
        self.partners: dict[Uid, None] = {}
        """Users with whom there were direct messages, the last ones."""
        self.broadcasts_until = 0
        """When the messages to everyone that this user has sent are paid for (Unix ms)."""

    def rank_in(self, channel: Channel) -> int:
        """Return the rank of the user in *channel*, which they are in.

        The rank that lasts no longer than they stay is that in one incarnation. Whether who has
        an identity is an admin the channel knows, if that was ever said.
        """
        place = self.places[channel.name.folded]
        rank = place.rank if place.incarnation == channel.incarnation else 0
        if self.uid in channel.admins:
            return rank | ADMIN
        return rank & ~ADMIN if channel.has_judged(self.uid) else rank

    @property
    def is_operator(self) -> bool:
        """Whether the user is an operator of the server."""
        return "o" in self.modes
