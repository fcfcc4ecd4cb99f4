"""What commands are decided against: the state, the rules, the time, and fresh identifiers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from tertulia.domain.errors import InvalidNickname
from tertulia.domain.events import Face
from tertulia.domain.identities import TOKEN_BITS
from tertulia.domain.ids import Conversation, Uid
from tertulia.domain.names import Nickname, Number
from tertulia.domain.state import State


class Rules(Struct, frozen=True, kw_only=True):
    """What a server allows; lengths in bytes of UTF-8.

    As many *group_members* as can be told to an old client in one message of 1,024 bytes.
    """

    channels_per_user: int = 100
    masks_per_list: int = 100
    topic_bytes: int = 390
    reason_bytes: int = 390
    away_bytes: int = 200
    realname_bytes: int = 200
    broadcast: Literal["everyone", "operators"] = "everyone"
    broadcast_burst: int = 5
    channel_grace_s: int = 24 * 3600
    waiting_messages: int = 100_000
    identities: int = 100_000
    group_members: int = 76


class World:
    """What commands are decided against.

    *now* returns Unix milliseconds; *random_below* returns a random integer of at least 0
    that is less than its argument. *server* is the name of the server.
    """

    __slots__ = ("_number_prefix", "now", "random_below", "rules", "server_nick", "state")

    def __init__(
        self,
        state: State,
        rules: Rules,
        server_id: bytes,
        now: Callable[[], int],
        random_below: Callable[[int], int],
        server: str = "",
    ) -> None:
        self.state = state
        self.rules = rules
        self.now = now
        self.random_below = random_below
        state.server = server_id.hex()
        state.server_face = Face(Uid("server"), server, "0" * 13, server)
        self.server_nick = _nickname(server)
        """What the server is called, if a user could be called so, which none can."""
        # Four digits from the server keep two servers that are cut apart from giving out
        # the same number.
        self._number_prefix = f"{int.from_bytes(server_id, 'big') % 10_000:04}"

    def fresh_uid(self) -> Uid:
        """Return the uid of a new session."""
        return Uid(f"s{self.random_below(1 << 64):016x}")

    def fresh_incarnation(self) -> Conversation:
        """Return the id of a new channel's history."""
        return Conversation(self.random_below((1 << 62) - 1024) + 1024)

    def fresh_token(self) -> str:
        """Return a new secret token, in hexadecimal digits."""
        return f"{self.random_below(1 << TOKEN_BITS):0{TOKEN_BITS // 4}x}"

    def fresh_number(self, kind: Literal["0", "1"]) -> Number:
        """Return a free number of a user (``0``) or a channel (``1``)."""
        while True:
            number = f"{kind}{self._number_prefix}{self.random_below(10**8):08}"
            if not self.state.number_taken(number):
                return Number(number)

    def gave_out(self, number: str) -> bool:
        """Whether it was this server that gave out *number*."""
        return number[1:5] == self._number_prefix


def _nickname(name: str) -> Nickname | None:
    try:
        return Nickname.parse(name)
    except InvalidNickname:
        return None
