"""Before a client is a user: PASS, CAP, NICK and USER, in any order."""

from __future__ import annotations

from tertulia.domain.names import Nickname


class Registration:
    """What a client has said of itself so far."""

    __slots__ = ("cap_version", "negotiating", "nick", "password", "realname", "username")

    def __init__(self) -> None:
        self.nick: Nickname | None = None
        self.username: str | None = None
        self.realname = ""
        self.password: str | None = None
        self.negotiating = False
        """Whether CAP was begun and not ended."""
        self.cap_version = 301

    @property
    def is_complete(self) -> bool:
        """Whether the client may become a user now."""
        return self.nick is not None and self.username is not None and not self.negotiating
