"""A user: someone who is here now, on this server or another."""

from __future__ import annotations

from tertulia.domain import events as e
from tertulia.domain.channels import Channel
from tertulia.domain.ids import Uid, is_durable
from tertulia.domain.names import Nickname, Number

BOT = "B"
"""The user mode of programs."""
PARTNERS_MOST = 200
BROADCAST_INTERVAL_MS = 10_000
"""How long one message to everyone takes to be paid for."""


class User:
    """Someone who is here now."""

    __slots__ = (
        "away", "broadcasts_until", "catching_up", "channels", "claim", "durable", "face", "host",
        "identity", "invited_to", "is_cut_off", "modes", "nick", "number", "partners", "protocol",
        "realname", "secure", "server", "since", "uid", "username",
    )  # fmt: skip

    def __init__(
        self, connected: e.Connected, nick: Nickname, since: int, server: str = "", claim: str = ""
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
        self.since = since
        self.modes: frozenset[str] = frozenset()
        self.channels: dict[str, Channel] = {}
        self.invited_to: frozenset[str] = frozenset()
        self.partners: dict[Uid, None] = {}
        """Users with whom there were direct messages, the last ones."""
        self.broadcasts_until = 0
        """When the messages to everyone that this user has sent are paid for (Unix ms)."""

    @property
    def is_operator(self) -> bool:
        """Whether the user is an operator of the server."""
        return "o" in self.modes
