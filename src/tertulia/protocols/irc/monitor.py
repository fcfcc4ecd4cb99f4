"""Who waits for whom (ircv3.net/specs/extensions/monitor)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tertulia.domain.names import fold_name

if TYPE_CHECKING:
    from tertulia.protocols.irc.session import IrcSession


class Monitor:
    """The nicknames that sessions follow, by their folded form."""

    __slots__ = ("_followed", "_watchers")

    def __init__(self) -> None:
        self._watchers: dict[str, dict[IrcSession, None]] = {}
        self._followed: dict[IrcSession, dict[str, str]] = {}

    def add(self, session: IrcSession, nickname: str) -> None:
        """Let *session* follow *nickname*."""
        folded = fold_name(nickname)
        self._followed.setdefault(session, {})[folded] = nickname
        self._watchers.setdefault(folded, {})[session] = None

    def remove(self, session: IrcSession, nickname: str) -> None:
        """Let *session* follow *nickname* no more."""
        folded = fold_name(nickname)
        followed = self._followed.get(session, {})
        if followed.pop(folded, None) is not None:
            self._forget(session, folded)
        if not followed:
            self._followed.pop(session, None)

    def clear(self, session: IrcSession) -> None:
        """Let *session* follow nobody."""
        for folded in self._followed.pop(session, {}):
            self._forget(session, folded)

    def follows(self, session: IrcSession, nickname: str) -> bool:
        """Whether *session* follows *nickname*."""
        return fold_name(nickname) in self._followed.get(session, {})

    def followed(self, session: IrcSession) -> list[str]:
        """Return the nicknames that *session* follows, as it wrote them."""
        return list(self._followed.get(session, {}).values())

    def watchers(self, nickname: str) -> Iterable[IrcSession]:
        """Return the sessions that follow *nickname*."""
        return tuple(self._watchers.get(fold_name(nickname), ()))

    def _forget(self, session: IrcSession, folded: str) -> None:
        watchers = self._watchers[folded]
        del watchers[session]
        if not watchers:
            del self._watchers[folded]
