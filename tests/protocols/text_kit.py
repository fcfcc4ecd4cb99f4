"""Clients of the protocols of lines, on a chat without a server."""

from typing import Any

from tertulia.domain import changes as c
from tertulia.domain.commands.kick import Kick
from tertulia.domain.commands.profile import SetUserMode
from tertulia.domain.events import Face, Style
from tertulia.domain.ids import Hlc, Uid
from tertulia.domain.text import Text
from tertulia.domain.users import User
from tertulia.protocols.chatroom import ChatRoomConfig, ChatRoomService
from tertulia.protocols.operators import Operator
from tertulia.protocols.pychat import PyChatConfig, PyChatService
from tertulia.protocols.session import TokenBucket
from tests.protocols.jsonchat_kit import Core
from tests.protocols.jsonchat_kit import Shell as JsonShell

ANA = Face(Uid("sa"), "ana", "0000000000001", "ana!u@h")
BIA = Face(Uid("sb"), "bia", "0000000000002", "bia!u@h")
_AT, _ID = Hlc(1_700_000_000_000 << 16), "id"
_EVIL = Text("\x02!exit\x03 04,1now")

SAMPLES: list[c.Change] = [
    *(
        c.Spoken(_AT, _ID, ANA, target, style, _EVIL, None, "")
        for target in ("#lobby", "#tea", "bia", "*", "&")
        for style in (Style.SAY, Style.NOTICE, Style.ACTION, Style.POKE, Style.REQUEST)
    ),
    c.Acknowledged(_AT, _ID, ANA, BIA.uid, "bia", BIA.number, "id", 0, True),
    c.Gathered(_AT, _ID, ANA, "#g1", "1000000000001", (ANA, BIA), (ANA.number, BIA.number)),
    c.TagsSpoken(_AT, _ID, ANA, "#lobby", {"+typing": "active"}, ""),
    c.Entered(_AT, _ID, ANA, "#lobby", "Ana", None, True),
    c.Departed(_AT, _ID, ANA, "#lobby", _EVIL),
    c.Expelled(_AT, _ID, ANA, "#lobby", BIA, _EVIL),
    c.TopicChanged(_AT, _ID, ANA, "#lobby", _EVIL),
    c.ModesChanged(_AT, _ID, ANA, "#lobby", (c.ShownMode(True, "o", "bia", BIA),)),
    c.Arrived(_AT, _ID, ANA),
    c.Gone(_AT, _ID, ANA, _EVIL, ("#lobby",)),
    c.NickChanged(_AT, _ID, ANA, BIA),
    c.Together(
        _AT, _ID, "late", "#lobby", (c.Spoken(_AT, _ID, ANA, "#lobby", 0, _EVIL, None, ""),)
    ),
    c.Together(_AT, _ID, "netsplit", "", (c.Gone(_AT, _ID, ANA, _EVIL, ("#lobby",)),), "server"),
    c.CutOff(_AT, _ID, "server", "#lobby", ("ana", "bia")),
    c.CutOff(_AT, _ID, "server", "#lobby", ("ana", "bia"), back=True),
    c.Summoned(_AT, _ID, ANA, BIA, "#tea"),
    c.AwayChanged(_AT, _ID, ANA, _EVIL),
    c.RealnameChanged(_AT, _ID, ANA, _EVIL),
    c.UserModeChanged(_AT, _ID, ANA, "o", True),
    c.Together(_AT, _ID, "late", "#lobby", (c.Departed(_AT, _ID, ANA, "#lobby", _EVIL),)),
    c.CutOff(_AT, _ID, "b.example", "#lobby", ("ana", "bia")),
]
"""At least one of each kind of change."""
assert {type(sample) for sample in SAMPLES} == set(c.Change.__subclasses__())


class Shell(JsonShell):
    """A connection whose requests for history and backups are answered as told."""

    def __init__(self) -> None:
        super().__init__()
        self.answer: Any = None
        self.asked: list[Any] = []

    def settle(self) -> None:
        for request, resume in [*self.requests]:
            if not hasattr(request, "password"):
                self.requests.remove((request, resume))
                self.asked.append(request)
                resume(self.answer)
        super().settle()


class Client:
    """A connection; what was sent is asked for with `got`."""

    session: Any

    def __init__(self) -> None:
        self.shell = Shell()

    def raw(self, data: bytes) -> None:
        """Send *data*, which is not read once the connection is closed."""
        if not self.shell.closed:
            self.session.last_heard = self.shell.clock
            self.session.receive(data)
            self.shell.settle()

    def pause(self) -> None:
        """Let the pause pass that ends a message."""
        self.shell.clock += 1
        self.session.advance()
        self.shell.settle()

    def send(self, line: str) -> None:
        """Send a line."""
        self.raw(f"{line}\n".encode())

    def frames(self) -> list[bytes]:
        """Return what came, as it is cut for the socket."""
        data = bytes(self.shell.sent)
        self.shell.sent.clear()
        return [data] if self.shell.frames is None else self.shell.frames(data)

    def got(self) -> list[str]:
        """Return the lines that came since this was last asked."""
        text = b"".join(frame.rstrip(b"\r\n") + b"\n" for frame in self.frames()).decode()
        return [line.rstrip("\r") for line in text.split("\n") if line]

    def asks(self, line: str) -> list[str]:
        """Send a line, and return what comes back."""
        self.got()
        self.send(line)
        return self.got()


class PyChat(Client):
    """A new program that speaks PyChat in lines."""

    def __init__(self, core: Core, bucket: TokenBucket | None = None, **config: Any) -> None:
        super().__init__()
        self.session = PyChatService(core, PyChatConfig(**config)).session(self.shell, bucket)
        self.session.greet()


class OldPyChat(PyChat):
    """The original client: it ends nothing."""

    def send(self, line: str) -> None:
        self.raw(line.encode())
        self.pause()


def local_time(ms: int) -> str:
    """A place where a day has a thousand seconds and a minute ten."""
    seconds = ms // 1000
    return f"2026-01-{1 + seconds // 1000 % 28:02} {seconds % 1000 // 60:02}:{seconds % 60:02}"


class Room(Client):
    """Somebody in the chat room."""

    def __init__(
        self, core: Core, bucket: TokenBucket | None = None, operators: tuple[Operator, ...] = ()
    ) -> None:
        super().__init__()
        self.core = core
        config = ChatRoomConfig(
            local_time=local_time,
            is_logged=lambda channel: channel.text == "#lobby",
            operators=operators,
        )
        self.service = ChatRoomService(core, config)
        self.session = self.service.session(self.shell, bucket)
        self.session.greet()

    def named(self, nick: str) -> "Room":
        """Return the same one with that name."""
        self.send(f"/nick {nick}")
        self.got()
        return self


def operator_of(core: Core, nick: str = "boss") -> User:
    """Return an operator of another protocol."""
    user = core.user(nick)
    core.do(user, SetUserMode("o", True))
    return user


def kick(core: Core, by: User, channel: str, whom: str, reason: str = "") -> None:
    """Let *by* kick *whom* out of *channel*."""
    user = core.state.user_named(whom)
    assert user is not None
    core.do(by, Kick(core.channel(channel), user, reason))
