"""Before a client is a user: PASS, CAP, NICK and USER, in any order."""

from __future__ import annotations

import re

from tertulia.domain.identities import Credential, hash_token
from tertulia.domain.names import Nickname

_PASS = re.compile(r"(?:(.*)/)?(0[0-9]{12}):([^/]*)", re.ASCII)


class Registration:
    """What a client has said of itself so far."""

    __slots__ = (
        "cap_version", "credential", "negotiating", "nick", "password", "realname", "sasl",
        "token", "username",
    )  # fmt: skip

    def __init__(self) -> None:
        self.nick: Nickname | None = None
        self.username: str | None = None
        self.realname = ""
        self.password = ""
        """The server's password."""
        self.credential: Credential | None = None
        self.negotiating = False
        """Whether CAP was begun and not ended."""
        self.cap_version = 301
        self.sasl: str | None = None
        """What AUTHENTICATE has said so far; None before it has begun."""
        self.token: str | None = None
        """The secret token of the identity that the client is given as it comes."""

    def take_pass(self, raw: str) -> None:
        """Take what PASS says: ``password``, ``number:token`` or ``password/number:token``."""
        found = _PASS.fullmatch(raw)
        if found is None:
            self.password = raw
        else:
            password, number, token = found.groups()
            self.password = password or ""
            self.credential = Credential(number, hash_token(token))

    @property
    def is_complete(self) -> bool:
        """Whether the client may become a user now."""
        return self.nick is not None and self.username is not None and not self.negotiating
