"""A PyChat client's end of a connection: what each command does."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from msgspec import Struct

from tertulia.domain import changes as c
from tertulia.domain import errors as x
from tertulia.domain.changes import Change
from tertulia.domain.channels import LOBBY_NAME, Channel
from tertulia.domain.commands.connect import Connect
from tertulia.domain.commands.join import Join
from tertulia.domain.commands.poke import Poke
from tertulia.domain.commands.rename import Rename
from tertulia.domain.commands.say import Say
from tertulia.domain.events import Fact, Style
from tertulia.domain.identities import Identity
from tertulia.domain.names import Nickname, fold_name
from tertulia.domain.text import cut, message_text, neutral
from tertulia.domain.users import User
from tertulia.protocols.lines import BadLine, Line, LineSession
from tertulia.protocols.pychat.flavour import PyChatFlavour, cut_frames
from tertulia.protocols.session import Core, Shell, Steps, TokenBucket
from tertulia.protocols.words import readable, waits

_SHOWN_BYTES, _NAME_BYTES, _ERROR_BYTES = 40, 200, 400


class PyChatConfig(Struct, frozen=True, kw_only=True):
    """What PyChat's clients are allowed, in seconds: *login_s* to say ``!nick``; a pause of
    *gap_s* ends a message of those that frame nothing."""

    login_s: float = 900
    gap_s: float = 0.05


class Flavours(Struct, frozen=True):
    """The two that a client can have: for old clients, and for those that read by line."""

    old: PyChatFlavour
    lines: PyChatFlavour


class BadCommand(x.ChatError):
    """A command that does not exist, or is written otherwise."""


class PyChatSession(LineSession):
    """One connection of a PyChat client, whose user is always in ``#lobby``."""

    __slots__ = ("_config", "_flavours", "_is_out", "_quiet")

    protocol: ClassVar[str] = "pychat"
    flavour: PyChatFlavour

    def __init__(
        self,
        core: Core,
        shell: Shell,
        bucket: TokenBucket | None,
        flavours: Flavours,
        config: PyChatConfig,
    ) -> None:
        super().__init__(core, shell, bucket, config.gap_s)
        self.flavour = flavours.old
        self.capturing = True
        self._flavours = flavours
        self._config = config
        self._is_out = False
        """Whether the user was told that they are back later."""
        self._quiet = False
        """Whether the client is not told that the connection ends."""

    # What the connection says

    def greet(self) -> None:
        """Say nothing: the client speaks first."""
        self.shell.pace(cut_frames, self.flavour.skipped)

    def adapt(self) -> None:
        """Send lines to who sends lines."""
        if self.lines.by_line:
            self.core.reflavour(self, self._flavours.lines)
            self.shell.pace(None, self.flavour.skipped)

    def eof(self) -> None:
        """The other end sends nothing more."""
        self.take_rest()
        self._leave("Connection closed")

    def tick(self, now: float) -> None:
        """Close the connection of who does not log in; bring back who may come back."""
        if self.user is not None:
            self._come_back()
        elif now - self.since >= self._config.login_s:
            self._leave(f"Nobody logged in within {self._config.login_s:g} seconds")

    def farewell(self, reason: str) -> None:
        """Tell why the connection is being closed."""
        if self.user is not None and not self._quiet:
            self._tell(reason)

    def _leave(self, reason: str) -> None:
        self._quiet = True
        self.end(reason)

    # What became of a command

    def failed(self, error: x.ChatError) -> None:
        """Tell that a command was refused."""
        self._tell(cut(str(error), _ERROR_BYTES))

    def refused(self, fact: Fact, label: str | None) -> None:
        """Tell that *fact* could not be written to disk and did not happen."""
        self.shell.send(self.flavour.not_done(fact))

    def echoes(self, change: Change) -> bool:
        """Whether the session is shown this message of its own user: a poke before all."""
        return (
            isinstance(change, c.Spoken) and change.style == Style.POKE and change.target[0] == "#"
        )

    def show(self, change: Change) -> None:
        """Send what *change* looks like here.

        COMPAT: that one is in the room is told by the list of users, which the original
        client expects before all else.
        """
        if not isinstance(change, c.Entered):
            self._send(self.flavour.render(change))

    def handle(self, command: Line) -> Steps | None:
        """Do what *command* says."""
        if isinstance(command, BadLine):
            self._unreadable(command)
            return None
        word, _, rest = neutral(command).strip(" ").partition(" ")
        known = COMMANDS.get(word)
        if self.user is None and word not in _BEFORE_LOGIN:
            self._leave("Something else was said before !nick")
        elif known is None:
            raise BadCommand(f"There is no command {cut(word, _SHOWN_BYTES)}; try !help")
        elif bool(rest.strip(" ")) is not bool(known.argument):
            raise BadCommand(f"Write it so: {known.usage(word)}")
        else:
            known.handler(self, rest.strip(" "))
        return None

    def _unreadable(self, problem: BadLine) -> None:
        if self.user is None:
            self._leave("Something else was said before !nick")
        else:
            raise problem

    def _send(self, data: bytes) -> None:
        if data:
            self.shell.send(data)

    def _tell(self, text: str) -> None:
        self._send(self.flavour.plain(readable(text)))

    @property
    def _me(self) -> User:
        assert self.user is not None
        return self.user

    @property
    def _lobby(self) -> Channel:
        return self.core.state.channels[LOBBY_NAME]

    def _enter(self) -> None:
        """Be in the lobby, or raise what says why not."""
        if LOBBY_NAME not in self._me.channels:
            self.core.execute(self, Join(self._lobby.name))

    def _come_back(self) -> None:
        if LOBBY_NAME in self._me.channels:
            return
        try:
            self._enter()
        except x.ShutOut as refusal:
            if not self._is_out:
                self._is_out = True
                self._tell(f"You will be back in {refusal.wait_s} seconds")
        except x.ChatError:
            return  # not yet
        else:
            self._is_out = False
            self._tell(f"You are back in {LOBBY_NAME}")
        self.finished()

    # One command each

    def _nick(self, name: str) -> None:
        if self.user is not None:
            raise BadCommand("You have a nickname; !changenickname gives you another")
        nick = _nickname(name)
        peer = self.shell.peer
        intent = Connect(nick, self.protocol, peer.host, nick.text, peer.secure, self.protocol)
        self.core.connect(self, intent)
        try:
            self._enter()
        finally:
            self._users("")

    def _users(self, _argument: str) -> None:
        nicks = [user.nick.text for user, _ in self.core.state.occupants(self._lobby)]
        self._send(self.flavour.users(sorted(nicks, key=fold_name)))

    def _change_nickname(self, name: str) -> None:
        self.core.execute(self, Rename(_nickname(name)))

    def _poke(self, name: str) -> None:
        whom = self.core.state.recipient(name)
        if whom is None:
            raise x.NoSuchUser(name)
        self._enter()
        self.core.execute(self, Poke(whom, self._lobby))
        if isinstance(whom, Identity):
            self._tell(waits(whom.nick.text, str))

    def _send_message(self, text: str) -> None:
        said = message_text(text)
        self._enter()
        self.core.execute(self, Say(self._lobby, said))

    def _help(self, _argument: str) -> None:
        for word, command in COMMANDS.items():
            # Not as it is typed: a client could take that for the command.
            self._tell(f"{word.removeprefix('!')}: {command.description};")

    def _exit(self, _argument: str) -> None:
        self._leave("Left")


class PyChatCommand(Struct, frozen=True):
    """A command: the name of its *argument*, if it has one, and what it does."""

    handler: Callable[[PyChatSession, str], None]
    description: str
    argument: str = ""

    def usage(self, word: str) -> str:
        """Return how it is written."""
        return f"{word} <{self.argument}>" if self.argument else word


COMMANDS = {
    "!nick": PyChatCommand(PyChatSession._nick, "says who you are, first of all", "name"),
    "!users": PyChatCommand(PyChatSession._users, "lists who is here"),
    "!changenickname": PyChatCommand(
        PyChatSession._change_nickname, "gives you another nickname", "new"
    ),
    "!poke": PyChatCommand(PyChatSession._poke, "pokes somebody before all", "name"),
    "!sendmsg": PyChatCommand(PyChatSession._send_message, "says something to all", "text"),
    "!help": PyChatCommand(PyChatSession._help, "lists the commands"),
    "!exit": PyChatCommand(PyChatSession._exit, "leaves"),
}
_BEFORE_LOGIN = ("!nick", "!help")


def _nickname(name: str) -> Nickname:
    if " " in name:
        raise BadCommand("A nickname is one word")
    return Nickname.parse(cut(name, _NAME_BYTES))
