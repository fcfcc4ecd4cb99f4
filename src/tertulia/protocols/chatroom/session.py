"""A chat room client's end of a connection: who it is, and where it talks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct

from tertulia.domain import errors as x
from tertulia.domain.changes import Change
from tertulia.domain.channels import LOBBY_NAME, Channel
from tertulia.domain.commands.connect import Connect
from tertulia.domain.commands.join import Join
from tertulia.domain.commands.say import Say
from tertulia.domain.events import Fact
from tertulia.domain.names import ChannelName, Nickname
from tertulia.domain.text import cut, message_text, neutral
from tertulia.domain.users import User
from tertulia.protocols.chatroom.commands import NOT_A_COMMAND, find
from tertulia.protocols.chatroom.flavour import ChatRoomFlavour, LocalTime, cut_frames
from tertulia.protocols.chatroom.language import Both, Language, NowhereToTalk, in_words
from tertulia.protocols.chatroom.telnet import Telnet, edited
from tertulia.protocols.lines import BadLine, Line, LineSession
from tertulia.protocols.operators import Operator
from tertulia.protocols.session import Shell, Steps, TokenBucket
from tertulia.protocols.words import not_done

if TYPE_CHECKING:
    from tertulia.protocols.chatroom.service import ChatRoomService

GREETING = (
    "Welcome to Tertulia. You are {0}: type and you are heard. /nick NAME chooses a name, "
    "/help helps.",
    "Bem-vindo ao Tertulia. Você é {0}: digite e será ouvido. /apelido NOME escolhe um nome, "
    "/ajuda ajuda.",
)
_FIRST_GUEST, _ERROR_BYTES = 1000, 400


class ChatRoomConfig(Struct, frozen=True, kw_only=True):
    """What the chat room needs to know; a pause of *gap_s* seconds ends a message of a client
    that frames nothing, *is_logged* tells whether a channel has text logs."""

    local_time: LocalTime
    is_logged: Callable[[ChannelName], bool]
    gap_s: float = 0.05
    operators: tuple[Operator, ...] = ()


class ChatRoomSession(LineSession):
    """One connection to the chat room. Whoever comes is a guest in ``#lobby`` at once."""

    __slots__ = ("_current", "_end", "_is_old", "_quiet", "_telnet", "language", "service")

    protocol: ClassVar[str] = "chatroom"
    flavour: ChatRoomFlavour

    def __init__(self, service: ChatRoomService, shell: Shell, bucket: TokenBucket | None) -> None:
        super().__init__(service.core, shell, bucket, service.config.gap_s)
        self.service = service
        self.language: Language = "en"
        """The language of the last command that was used."""
        self._telnet = Telnet()
        self._current = LOBBY_NAME
        # Until it is known what the client wants: a terminal without CR shows stairs.
        self._end = "\r\n"
        self._is_old = False
        self._quiet = False
        self.flavour = service.flavour(self._current, self._end, self._is_old)

    # What the connection says

    def greet(self) -> None:
        """Let somebody in and tell them who they are."""
        self._come()
        for line in GREETING:
            self.info(line.format(self.me.nick))
        try:
            self.core.execute(self, Join(self.core.state.channels[LOBBY_NAME].name))
        except x.ChatError as error:
            self.failed(error)
        self.finished()

    def _come(self) -> None:
        peer, count = self.shell.peer, 9 * _FIRST_GUEST
        while self.user is None:
            name = f"guest{_FIRST_GUEST + self.core.world.random_below(count)}"
            nick = Nickname.parse(name)
            intent = Connect(nick, self.protocol, peer.host, name, peer.secure, self.protocol)
            try:
                self.core.connect(self, intent)
            except x.NicknameInUse:
                count *= 2

    def receive(self, data: bytes) -> None:
        """Take bytes off the wire."""
        text, answers = self._telnet.feed(data)
        if answers:
            self.shell.send(answers)
        if self._telnet.negotiated:
            self.lines.expect_ends()
        super().receive(text)

    def adapt(self) -> None:
        """Send lines that end like those of the client; to an old one, one at a time."""
        if not self.lines.by_line:
            self._is_old = True
            self.shell.pace(cut_frames, self.flavour.skipped)
        if not (self._telnet.negotiated or self.lines.crlf):
            self._end = "\n"
        self._look()

    def eof(self) -> None:
        """The other end sends nothing more."""
        self._quiet = True
        super().eof()

    def tick(self, now: float) -> None:
        """Talk elsewhere if the channel was lost."""
        self._settle()

    def farewell(self, reason: str) -> None:
        """Tell why the connection is being closed."""
        if not self._quiet:
            self.info(reason)

    # What became of a command

    def finished(self) -> None:
        """A command is done."""
        self._settle()
        super().finished()

    def failed(self, error: x.ChatError) -> None:
        """Tell that a command was refused."""
        self.shell.send(self.flavour.error(cut(in_words(error, self.language), _ERROR_BYTES)))

    def refused(self, fact: Fact, label: str | None) -> None:
        """Tell that *fact* could not be written to disk and did not happen."""
        self.shell.send(self.flavour.error(not_done(fact, str)))

    def echoes(self, change: Change) -> bool:
        """What one types is on the screen already."""
        return False

    def cost(self, command: Line) -> int:
        """How many tokens *command* takes from the bucket."""
        found = None if isinstance(command, BadLine) else find(_typed(command))
        return 1 if found is None else found[0].cost

    def handle(self, command: Line) -> Steps | None:
        """Say what was typed, or do what it says."""
        if isinstance(command, BadLine):
            raise command
        text = _typed(command)
        if not text:
            return None
        if text.startswith("//"):
            text = text[1:]
        elif text.startswith("/"):
            return self._do(text)
        self.core.execute(self, Say(self.channel, message_text(text)))
        return None

    def _do(self, text: str) -> Steps | None:
        found = find(text)
        if found is None:
            word = cut(text.partition(" ")[0], _ERROR_BYTES // 4)
            raise x.ChatError(NOT_A_COMMAND[self.language].format(word))
        command, language = found
        self.language = language or self.language
        argument = text.partition(" ")[2].strip(" ")
        if len(list(filter(None, argument.split(" ")))) < command.needs:
            raise x.ChatError(command.usage(self.language))
        return command.handler(self, argument)

    # For the commands

    @property
    def me(self) -> User:
        """The user at this connection."""
        assert self.user is not None
        return self.user

    @property
    def channel(self) -> Channel:
        """Where one talks, or `NowhereToTalk`."""
        self._settle()
        channel = self.me.channels.get(self._current)
        if channel is None:
            raise NowhereToTalk
        return channel

    def talk_in(self, channel: Channel) -> None:
        """Talk in *channel* from now on."""
        self._current = channel.name.folded
        self._look()

    def leave(self, reason: str) -> None:
        """Go, and be told nothing more."""
        self._quiet = True
        self.end(reason)

    def info(self, text: str) -> None:
        """Tell something."""
        self.shell.send(self.flavour.info(text))

    def tell(self, sentence: Both, *values: object) -> None:
        """Tell *sentence* in the language of the command, with *values* in it."""
        self.info(sentence[self.language].format(*values))

    # Inside

    def _settle(self) -> None:
        """Who lost the channel where they talked, talks where they came in last."""
        channels = self.me.channels
        if self._current not in channels and channels and not self.closing:
            self.talk_in(channels[next(reversed(channels))])

    def _look(self) -> None:
        flavour = self.service.flavour(self._current, self._end, self._is_old)
        self.core.reflavour(self, flavour)


def _typed(line: str) -> str:
    """Return what was meant to be typed."""
    return neutral(edited(line)).rstrip(" ")
