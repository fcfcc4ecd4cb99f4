"""A JSON client's end of a connection: what each op does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar, Literal

from msgspec import Struct

from tertulia.domain import changes as c
from tertulia.domain import errors as x
from tertulia.domain.changes import Change
from tertulia.domain.channels import Channel
from tertulia.domain.commands.acknowledge import Acknowledge
from tertulia.domain.commands.connect import Connect
from tertulia.domain.commands.identify import IssueIdentity
from tertulia.domain.commands.kick import Kick
from tertulia.domain.commands.modes import SetRank
from tertulia.domain.commands.part import Part
from tertulia.domain.commands.poke import Poke
from tertulia.domain.commands.rename import Rename
from tertulia.domain.commands.say import Say
from tertulia.domain.events import Fact
from tertulia.domain.identities import Identity, hash_token
from tertulia.domain.ids import milliseconds, parse_msgid
from tertulia.domain.names import ChannelName, Nickname, fold_name
from tertulia.domain.resume import decode_token
from tertulia.domain.text import cut, message_text
from tertulia.domain.users import User
from tertulia.protocols.backlog import hand_over_backlog
from tertulia.protocols.guesses import Guesses
from tertulia.protocols.joining import join_with
from tertulia.protocols.json_documents import BadInput, Hash, Refused
from tertulia.protocols.json_parser import STRIKES, Parser
from tertulia.protocols.jsonchat.documents import cut_frames
from tertulia.protocols.jsonchat.flavour import JsonFlavour
from tertulia.protocols.jsonchat.messages import Message, decode
from tertulia.protocols.resume import Resume
from tertulia.protocols.session import Core, Session, Shell, Steps, TokenBucket
from tertulia.protocols.words import readable

_SHOWN_OP_BYTES = 40


class JsonConfig(Struct, frozen=True, kw_only=True):
    """What JSON clients are allowed: *login_s* seconds to log in, *document_bytes* a document.

    These clients connect before the person has typed a name, hence the patience.
    """

    login_s: float = 900
    document_bytes: int = 16384


class Flavours(Struct, frozen=True):
    """The two that a client can have: for old clients, and for those that read by line."""

    padded: JsonFlavour
    lines: JsonFlavour


class JsonSession(Session[Message | BadInput]):
    """One connection of a JSON client."""

    __slots__ = ("_config", "_flavours", "_guesses", "_hash", "_parser", "_quiet", "_token_hash")

    protocol: ClassVar[str] = "json"
    flavour: JsonFlavour

    def __init__(
        self,
        core: Core,
        shell: Shell,
        bucket: TokenBucket | None,
        flavours: Flavours,
        config: JsonConfig,
        guesses: Guesses,
    ) -> None:
        super().__init__(core, shell, bucket)
        self._guesses = guesses
        self.flavour = flavours.padded
        self._flavours = flavours
        self._config = config
        self._parser = Parser(config.document_bytes, decode)
        self._hash: Hash = None
        """What the client calls the request that is being answered."""
        self._token_hash: Hash = None
        """What it calls its request for a token, until that is answered."""
        self._quiet = False
        """Whether the client knows that the connection ends."""

    # What the connection says

    def greet(self) -> None:
        """Speak first, if the dialect wants that."""
        self.shell.pace(cut_frames, self.flavour.skipped)
        self._send(self.flavour.greet())

    def receive(self, data: bytes) -> None:
        """Take bytes off the wire."""
        found = self._parser.feed(data)
        if self._parser.newline and self.flavour is self._flavours.padded:
            self.core.reflavour(self, self._flavours.lines)
            self.shell.pace(None, self.flavour.skipped)
        if found:
            self.take(found)

    def eof(self) -> None:
        """The other end will send nothing more."""
        self._quiet = True
        super().eof()

    def tick(self, now: float) -> None:
        """Close the connection of who does not log in."""
        if self.resumption is not None:
            self.resumption.tick()
        if self.user is None and now - self.since >= self._config.login_s:
            self.end(f"Nobody logged in within {self._config.login_s:g} seconds")

    def farewell(self, reason: str) -> None:
        """Tell why the connection is being closed."""
        if not self._quiet:
            self._send(self.flavour.farewell(reason))

    # What became of a command

    def failed(self, error: x.ChatError) -> None:
        """Tell that a command was refused."""
        no_name = isinstance(error, x.NicknameInUse | x.InvalidNickname | x.WrongCredential)
        if no_name and self.user is None and self.flavour.refuses_by_closing:
            self.end(str(error))
        else:
            self._send(self.flavour.error(str(error), self._hash))

    def refused(self, fact: Fact, label: str | None) -> None:
        """Tell that *fact* could not be written to disk and did not happen."""
        self._send(self.flavour.not_done(fact))

    def something_waits(self) -> None:
        """Another server has put something by for the user."""
        hand_over_backlog(self)

    def echoes(self, change: Change) -> bool:
        """Whether the session is shown this message of its own user: not a direct one."""
        return isinstance(change, c.Spoken) and change.target[0] in "#*&"

    def show(self, change: Change) -> None:
        """Send what *change* looks like here."""
        self._send(self.flavour.render(change))

    def handle(self, command: Message | BadInput) -> Steps | None:
        """Do what *command* says."""
        self._hash = None
        if isinstance(command, BadInput):
            self._unreadable(command)
            return None
        self._hash = command.checked_hash()
        verb = _VERBS.get(command.op)
        if verb is None:
            raise Refused(f"There is no op {cut(command.op, _SHOWN_OP_BYTES)!r}")
        if self.user is None and verb not in _BEFORE_LOGIN:
            raise Refused("Log in first, with the op LOGIN and a name")
        return verb(self, command)

    def _unreadable(self, problem: BadInput) -> None:
        if problem.last:
            self.end(f"{STRIKES} messages in a row could not be read: {problem}")
        else:
            raise Refused(str(problem))

    def _send(self, data: bytes) -> None:
        if data:
            self.shell.send(data)

    @property
    def _me(self) -> User:
        assert self.user is not None
        return self.user

    def _channel(self, name: str) -> Channel:
        channel = self.core.state.channel_named(name)
        if channel is None:
            raise x.NoSuchChannel(name)
        return channel

    def _sees(self, channel: Channel) -> bool:
        return not channel.is_hidden or self._me.uid in channel.occupants

    def _user(self, name: str) -> User:
        user = self.core.state.user_named(name)
        if user is None:
            raise x.NoSuchUser(name)
        return user

    def _recipient(self, name: str) -> User | Identity:
        recipient = self.core.state.recipient(name)
        if recipient is None:
            raise x.NoSuchUser(name)
        return recipient

    # One op each

    def _login(self, message: Message) -> None:
        nick = Nickname.parse(message.nickname())
        credential = message.credential()
        if self.user is not None:
            if credential is not None:
                raise Refused("Number and token are for the first LOGIN of a connection")
            self.core.execute(self, Rename(nick))
            return
        peer = self.shell.peer
        name, host, secure = nick.text, peer.host, peer.secure
        intent = Connect(nick, self.protocol, host, name, secure, self.protocol, credential)
        if credential is not None and self._guesses.is_barred(host, self.shell.now()):
            raise Refused("Too many wrong tokens came from your address; try again in a minute")
        try:
            self.core.connect(self, intent)
        except x.WrongCredential:
            self._guesses.wrong(host, self.shell.now())
            raise
        self._send(self.flavour.logged_in(nick.text, self._hash))
        hand_over_backlog(self)

    def _identity(self, _message: Message) -> None:
        token = self.core.world.fresh_token()
        self.core.execute(self, IssueIdentity(hash_token(token)))
        number = self._me.identity
        assert number is not None
        self._send(self.flavour.identity(self._me.nick.text, number, token, self._hash))

    def _message(self, message: Message) -> None:
        name, text = message.target_name(), message_text(message.text())
        target: Channel | User | Identity | Literal["*", "&"]
        if name == "*":
            target = "*"
        elif name == "&":
            target = "&"
        elif name.startswith("#"):
            target = self._channel(name)
        else:
            target = self._recipient(name)
        # Who is told that a message waits is told too when it does so no more.
        receipt = message.receipt or isinstance(target, Identity)
        self.core.execute(self, Say(target, text, client_id=message.client_id(), receipt=receipt))
        if isinstance(target, Identity):
            self._send(self.flavour.message_waits(target.nick.text))

    def _seen(self, message: Message) -> None:
        author, read = self._recipient(message.nickname()), parse_msgid(message.id or "")
        if read is None:
            raise Refused("SEEN needs the id of a message")
        at = milliseconds(read[0])
        seen = Acknowledge(author, self._me.number, message.id or "", at, seen=True)
        self.core.execute(self, seen)

    def _poke(self, message: Message) -> None:
        whom = self._recipient(message.nickname())
        channel = self._channel(message.channel_name()) if message.channel else None
        self.core.execute(self, Poke(whom, channel))
        if isinstance(whom, Identity):
            self._send(self.flavour.message_waits(whom.nick.text))

    def _join(self, message: Message) -> Steps:
        name = ChannelName.parse(message.channel_name())
        if name.folded in self._me.channels:
            raise x.AlreadyInChannel(self._me.nick.text, name.text)
        intent = yield from join_with(self.core.state, name, message.secret())
        self.core.execute(self, intent)
        channel = self._channel(name.text)
        self._show_topic(channel)
        if self.resumption is not None:
            self.resumption.joined(channel)

    def _go_on(self, message: Message) -> None:
        if self.resumption is None:
            self.resumption = Resume(self, self._tell_token)
        assert isinstance(self.resumption, Resume)
        if message.token is None:
            self._token_hash = self._hash
            self.resumption.ask()
            return
        token = decode_token(message.token)
        if token is None:
            raise Refused("RESUME needs a token that a server of Tertulia gave out")
        self.resumption.go_on_from(token.with_messages(message.seen or ()))

    def _tell_token(self, token: str) -> None:
        request, self._token_hash = self._token_hash, None
        self._send(self.flavour.token(token, request))

    def _show_topic(self, channel: Channel) -> None:
        if channel.topic is not None:
            name = channel.name.text
            topic = f"The topic of {self.flavour.named(name)} is: {readable(channel.topic.text)}"
            self._send(self.flavour.line(topic, name))

    def _part(self, message: Message) -> None:
        self.core.execute(self, Part(self._channel(message.channel_name()), message.message or ""))

    def _admin(self, message: Message) -> None:
        channel = self._channel(message.channel_name())
        whom = self._user(message.nickname())
        self.core.execute(self, SetRank(channel, ((True, "o", whom),)))

    def _kick(self, message: Message) -> None:
        channel = self._channel(message.channel_name())
        whom = self._user(message.nickname())
        self.core.execute(self, Kick(channel, whom, message.message or ""))

    def _users(self, message: Message) -> None:
        state = self.core.state
        if not message.channel:
            nicks = _sorted(user.nick.text for user in state.users.values())
            self._send(self.flavour.users(None, nicks, self._hash))
            return
        channel = self._channel(message.channel_name())
        if not self._sees(channel):
            raise x.NoSuchChannel(channel.name.text)
        nicks = _sorted(user.nick.text for user, _ in state.occupants(channel))
        self._send(self.flavour.users(channel.name.text, nicks, self._hash))

    def _channels(self, _message: Message) -> None:
        channels = self.core.state.channels.values()
        names = _sorted(channel.name.text for channel in channels if self._sees(channel))
        self._send(self.flavour.channels(names, self._hash))

    def _disconnect(self, message: Message) -> None:
        self._quiet = True
        self.end(message.message or "Disconnected")

    def _nothing(self, _message: Message) -> None:
        """What only servers have a use for."""


_VERBS: dict[str, Callable[[JsonSession, Message], Steps | None]] = {
    "ACK": JsonSession._nothing,
    "ADMIN": JsonSession._admin,
    "CHANNELS": JsonSession._channels,
    "DISCONNECT": JsonSession._disconnect,
    "ERROR": JsonSession._nothing,
    "IDENTITY": JsonSession._identity,
    "JOIN": JsonSession._join,
    "KICK": JsonSession._kick,
    "LOGIN": JsonSession._login,
    "MESSAGE": JsonSession._message,
    "PART": JsonSession._part,
    "POKE": JsonSession._poke,
    "RESUME": JsonSession._go_on,
    "SEEN": JsonSession._seen,
    "USERS": JsonSession._users,
}
_BEFORE_LOGIN = (
    JsonSession._login, JsonSession._disconnect, JsonSession._go_on, JsonSession._nothing,
)  # fmt: skip


def _sorted(names: Iterable[str]) -> list[str]:
    return sorted(names, key=fold_name)
