"""A numeric client's end of a connection: what each frame does.

The protocol has no errors, so nothing is answered to what cannot be done: it is noted.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from msgspec import Struct

from tertulia.domain import changes as c
from tertulia.domain import errors as x
from tertulia.domain.changes import Change
from tertulia.domain.channels import Channel
from tertulia.domain.chat import direct_conversation
from tertulia.domain.commands.acknowledge import Acknowledge
from tertulia.domain.commands.connect import Connect, Rejoin
from tertulia.domain.commands.gather import Gather
from tertulia.domain.commands.say import Say
from tertulia.domain.events import SENT_TAG, Fact
from tertulia.domain.history import FIRST_TAG, Page
from tertulia.domain.identities import Credential, Identity
from tertulia.domain.ids import Uid, at_milliseconds
from tertulia.domain.text import message_text
from tertulia.domain.users import User
from tertulia.protocols.backlog import Postbox
from tertulia.protocols.numeric.frames import (
    STRICT_BYTES,
    Frames,
    NumericFlavour,
    assigned,
    cut_frames,
)
from tertulia.protocols.numeric.parser import (
    BadFrame,
    Frame,
    Group,
    Online,
    Parser,
    Read,
    Register,
    Send,
)
from tertulia.protocols.session import Core, Session, Shell, TokenBucket

DEAR = 5
LOOKED_BACK = 100
"""How many messages are searched for the one that was read last."""


class NotAnnounced(x.ChatError):
    """A frame in somebody else's name."""

    def __init__(self) -> None:
        super().__init__("The sender is not the number that was announced")


class NumericConfig(Struct, frozen=True, kw_only=True):
    """*login_s* seconds to say who one is; a pause of *gap_s* seconds ends a frame."""

    login_s: float = 900
    gap_s: float = 0.05


class NumericSession(Session[Frame]):
    """One connection of a numeric client."""

    __slots__ = ("_config", "_frames", "_parser", "_postbox")

    protocol: ClassVar[str] = "numeric"

    def __init__(
        self,
        core: Core,
        shell: Shell,
        bucket: TokenBucket | None,
        flavour: NumericFlavour,
        config: NumericConfig,
    ) -> None:
        super().__init__(core, shell, bucket)
        self.flavour = flavour
        self._config = config
        self._parser = Parser()
        self._frames: Frames | None = None
        self._postbox: Postbox | None = None

    # What the connection says

    def greet(self) -> None:
        """Send one frame at a time."""
        self.shell.pace(cut_frames, _nothing)

    def receive(self, data: bytes) -> None:
        """Take bytes off the wire."""
        was_by_line = self._parser.by_line
        found = self._parser.feed(data)
        if self._parser.by_line and not was_by_line:
            self.shell.pace(None, _nothing)
        if self._parser.is_incomplete:
            self.listen_for_silence(self._config.gap_s)
        self._adapt()
        if found:
            self.take(found)

    def silence(self) -> None:
        """A pause ended what came before, if that has no other end."""
        if self._parser.is_incomplete:
            self._take_rest()

    def _take_rest(self) -> None:
        found = self._parser.silence()
        self._adapt()
        if found:
            self.take(found)

    def _adapt(self) -> None:
        """Send such frames as the client sends."""
        if self._frames is not None:
            if self._parser.by_line:
                self._frames.pad(0)
            elif self._parser.is_strict:
                self._frames.pad(STRICT_BYTES)

    def eof(self) -> None:
        """The other end sends nothing more, which ends what it sent."""
        self._take_rest()
        super().eof()

    def tick(self, now: float) -> None:
        """Close the connection of who does not say who they are."""
        if self.user is None and now - self.since >= self._config.login_s:
            self.end("Nobody came")

    # What became of a command

    def cost(self, command: Frame) -> int:
        """A number and a group stay, and who comes comes into all their groups: that costs more."""
        return DEAR if isinstance(command, Register | Group | Online) else 1

    def failed(self, error: x.ChatError) -> None:
        """Note it; there is nothing that the client could be told."""
        self.core.note(self, f"{type(error).__name__}: {error}")

    def refused(self, fact: Fact, label: str | None) -> None:
        """Note that *fact* could not be stored."""
        self.core.note(self, f"not stored: {type(fact).__name__}")

    def echoes(self, change: Change) -> bool:
        """Nothing is shown of what the user says."""
        return False

    def something_waits(self) -> None:
        """Hand over what was put by."""
        if self._postbox is not None:
            self._postbox.look()

    def handle(self, command: Frame) -> None:
        """Do what a frame says."""
        match command:
            case BadFrame(reason):
                self.core.note(self, reason)
            case Register():
                number = self.core.register(self)
                self.shell.send(assigned(number, STRICT_BYTES if self._parser.is_strict else 0))
            case Online(number):
                self._come(number)
            case Send():
                self._say(command)
            case Group():
                self._gather(command)
            case Read():
                self._look_for_read(command)

    @property
    def _me(self) -> User:
        if self.user is None:
            raise NotAnnounced
        return self.user

    # One frame each

    def _come(self, number: str) -> None:
        identity = self.core.state.identities.get(number)
        if identity is None or not identity.is_bare:
            raise x.WrongCredential
        if self.user is not None:
            if self.user.number == number:
                return
            self.core.disconnect(self, "Came as somebody else")
            self.user = self._postbox = None
        peer, nick = self.shell.peer, identity.nick
        intent = Connect(
            nick, self.protocol, peer.host, nick.text, peer.secure, self.protocol,
            Credential(number, None),
        )  # fmt: skip
        user = self.core.connect(self, intent)
        self.core.execute(self, Rejoin())
        self._frames = Frames(self.core.state, user)
        self._adapt()
        self._postbox = Postbox(self, self._frames.render)
        self._postbox.look()

    def _check_source(self, number: str) -> None:
        if number != self._me.number:
            raise NotAnnounced

    def _say(self, frame: Send) -> None:
        self._check_source(frame.source)
        target: Channel | User | Identity
        if frame.target[0] == "0":
            target = self._person(frame.target)
        else:
            target = self._group(frame.target)
        sent = {SENT_TAG: frame.timestamp}
        self.core.execute(self, Say(target, message_text(frame.text), tags=sent, receipt=True))

    def _person(self, number: str) -> User | Identity:
        person = self.core.state.recipient(number)
        if person is None:
            raise x.NoSuchUser(number)
        return person

    def _group(self, number: str) -> Channel:
        channel = self.core.state.channel_numbered(number)
        if channel is None:
            raise x.NoSuchChannel(number)
        return channel

    def _gather(self, frame: Group) -> None:
        self._check_source(frame.source)
        others = tuple(self._person(number) for number in frame.members)
        self.core.execute(self, Gather(others))

    def _look_for_read(self, frame: Read) -> None:
        """Find the message that was read last.

        Meanwhile the connection is read on: the pauses between frames must not be lost.
        """
        me, author = self._me, self._person(frame.author)
        page = Page(
            (direct_conversation(me.uid, author.uid),),
            LOOKED_BACK,
            before=(at_milliseconds((int(frame.timestamp) + 1) * 1000), FIRST_TAG),
            latest=True,
        )
        self.shell.perform(page, partial(self._acknowledge, me, author.uid, int(frame.timestamp)))

    def _acknowledge(
        self, me: User, author: Uid, seconds: int, page: list[Change] | BaseException
    ) -> None:
        if isinstance(page, BaseException):
            raise page
        still = self.core.state.user_or_identity(author)
        if still is None or self.user is not me or self.closing:
            return
        read = [s.msgid for s in page if isinstance(s, c.Spoken) and s.by.uid == author]
        last = read[-1] if read else ""
        self.core.execute(self, Acknowledge(still, me.number, last, seconds * 1000, seen=True))
        self.finished()


def _nothing(_count: int) -> bytes:
    return b""
