"""What all IRC sessions of a server share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from tertulia.domain import changes as c
from tertulia.domain.users import User
from tertulia.protocols.guesses import Guesses
from tertulia.protocols.irc import numerics as n
from tertulia.protocols.irc.caps import RENDERING, Cap
from tertulia.protocols.irc.config import IrcConfig
from tertulia.protocols.irc.flavour import IrcFlavour
from tertulia.protocols.irc.isupport import isupport
from tertulia.protocols.irc.monitor import Monitor
from tertulia.protocols.irc.names import NamesCache
from tertulia.protocols.irc.session import IrcSession
from tertulia.protocols.irc.whowas import Former, Whowas
from tertulia.protocols.session import Core, Session, Shell, TokenBucket


class IrcService:
    """The IRC side of a server.

    *rehash* reads the settings again; it returns None, or one line that says why not.
    """

    def __init__(
        self, core: Core, config: IrcConfig, rehash: Callable[[], str | None] | None = None
    ) -> None:
        self.core = core
        self.config = config
        self.rehash = rehash or (lambda: "there are no settings to read")
        self.started = core.world.now()
        self.monitor = Monitor()
        self.whowas = Whowas()
        self.names = NamesCache()
        self.guesses = Guesses()
        self.commands_seen: dict[str, int] = {}
        self.registering = 0
        """How many connections have not said who they are."""
        self.most_users = 0
        self._flavours: dict[int, IrcFlavour] = {}

    def session(self, shell: Shell, bucket: TokenBucket | None) -> IrcSession:
        """Return the session for a new connection."""
        self.registering += 1
        return IrcSession(self, shell, bucket)

    def configure(self, config: IrcConfig) -> None:
        """Use other settings from now on; the server keeps its name."""
        self.config = replace(config, server=self.config.server)

    def flavour(self, caps: int) -> IrcFlavour:
        """Return the one flavour of clients with *caps*."""
        caps &= RENDERING
        if caps not in self._flavours:
            self._flavours[caps] = IrcFlavour(caps, self.config.server)
        return self._flavours[caps]

    def isupport(self) -> list[str]:
        """Return the tokens of RPL_ISUPPORT."""
        return isupport(self.config, self.core.world.rules)

    def watchers_of(self, user: User) -> Iterable[Session[Any]]:
        """Return the sessions that follow *user* with extended-monitor."""
        return [
            session
            for session in self.monitor.watchers(user.nick.text)
            if session.caps & Cap.EXTENDED_MONITOR
        ]

    def observe(self, change: c.Change) -> None:
        """Someone came, left, or is called otherwise."""
        match change:
            case c.Arrived():
                self.most_users = max(self.most_users, len(self.core.state.users))
                self._tell(change.by.nick, n.RPL_MONONLINE, change.by.mask)
            case c.Gone():
                self._remember(change.by.mask, change.realname)
                self._tell(change.by.nick, n.RPL_MONOFFLINE, change.by.nick)
            case c.NickChanged() if change.by.nick.lower() != change.now.nick.lower():
                user = self.core.state.users[change.now.uid]
                self._remember(change.by.mask, user.realname)
                self._tell(change.by.nick, n.RPL_MONOFFLINE, change.by.nick)
                self._tell(change.now.nick, n.RPL_MONONLINE, change.now.mask)

    def _tell(self, nickname: str, numeric: str, text: str) -> None:
        for session in self.monitor.watchers(nickname):
            session.reply(numeric, text)

    def _remember(self, mask: str, realname: str) -> None:
        nick, _, rest = mask.partition("!")
        username, _, host = rest.partition("@")
        now = self.core.world.now()
        self.whowas.remember(Former(nick, username, host, realname, now))
