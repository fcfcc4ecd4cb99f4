"""The links to peers, as a server offers them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from tertulia.protocols.peer.session import NotTaken, PeerSession
from tertulia.protocols.session import Core, Shell, TokenBucket

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?", re.ASCII)


class PeerConfig(Struct, frozen=True, kw_only=True):
    """What peers are allowed: *login_s* seconds to log in, *ping_s* of silence before they are
    asked for a sign of life, *document_bytes* a document, and so many requests a second.

    *server* is the name of this server.
    """

    server: str
    login_s: float = 60
    ping_s: float = 120
    document_bytes: int = 163_840
    requests_per_second: float = 100
    requests_burst: int = 400


class PeerService:
    """Makes the sessions of peers, and knows which are linked.

    *report* is told, with a few words and what they are about, when a link begins or ends.
    """

    def __init__(self, core: Core, config: PeerConfig, report: Callable[..., Any]) -> None:
        self.core = core
        self.config = config
        self._report = report
        self._links: dict[str, PeerSession] = {}
        self.links = self._links.values()
        """The links there are, now and later."""

    def session(self, shell: Shell, bucket: TokenBucket | None) -> PeerSession:
        """Return a session for a new connection; a peer speaks for many, so that it may say
        more than what *bucket* allows."""
        if bucket is not None:
            config = self.config
            bucket = TokenBucket(config.requests_per_second, config.requests_burst)
        return PeerSession(self, shell, bucket)

    def link(self, session: PeerSession, name: str) -> None:
        """Let *session* be the link to the peer called *name*, or raise `NotTaken`."""
        if not _NAME.fullmatch(name):
            raise NotTaken("The name of a server has letters, digits, dots and hyphens, at most 63")
        key = name.lower()
        if key == self.config.server.lower():
            raise NotTaken(f"{name} is the name of this server")
        if key in self._links:
            raise NotTaken(f"A server called {name} is linked already")
        self._links[key] = session
        session.name = name
        self._report("peer linked", peer=name, address=session.shell.peer.host)

    def forget(self, session: PeerSession, reason: str) -> None:
        """*session* ends."""
        if session.name:
            del self._links[session.name.lower()]
            self._report("peer gone", peer=session.name, reason=reason)
