"""A session without a shell: the test is its server, its clock and its network."""

from __future__ import annotations

from typing import Any, TypeVar

from tertulia.client.session import events as ev
from tertulia.client.session import intents as i
from tertulia.client.session.model import Buffer, Message
from tertulia.client.session.session import Session
from tertulia.client.session.settings import Address, SessionSettings, Wish

E = TypeVar("E", bound=ev.Event)

HERE = Address("127.0.0.1", 6667)
THERE = Address("192.0.2.7", 6667)
OURS = (
    "message-tags server-time batch labeled-response echo-message draft/chathistory away-notify"
    " account-tag extended-join multi-prefix sasl=PLAIN tertulia/receipts tertulia/identity=5e1f"
    " standard-replies"
)
MODERN = "message-tags server-time batch labeled-response echo-message draft/chathistory"
NOW_MS = 1_800_000_000_000


class FakeClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> float:
        return self.seconds

    def wall_ms(self) -> int:
        return NOW_MS + round(self.seconds * 1000)


class Table:
    """A session, and the server that it talks with."""

    def __init__(self, *, caps: str = "", addresses: tuple[Address, ...] = (HERE,), **more: Any):
        self.caps = caps
        self.clock = FakeClock()
        channels = tuple(Wish(name) for name in more.pop("channels", ()))
        settings = SessionSettings(nick="ana", addresses=addresses, channels=channels, **more)
        self.session = Session(settings, self.clock, "seed0")
        self.session.start()
        self.events: list[ev.Event] = []

    # The network

    def dial(self) -> Address | None:
        """Wait until it wants to connect; return where to."""
        due = self.session.link.retry_at
        self.clock.seconds = max(self.clock.seconds, due or 0.0)
        return self.session.dial()

    def open(self) -> list[str]:
        """Let it connect; return what it says."""
        assert self.dial() is not None
        self.session.opened()
        return self.got()

    def says(self, *lines: str) -> list[str]:
        """The server says something; return what is answered."""
        for line in lines:
            self.session.receive(f"{line}\r\n".encode())
        return self.got()

    def got(self) -> list[str]:
        """Return the lines that were sent since this was last asked."""
        return self.session.take_output().decode().split("\r\n")[:-1]

    def come(self, nick: str = "ana", *, isupport: str = "CASEMAPPING=ascii") -> list[str]:
        """Connect, and be welcomed; return what is sent at the welcome."""
        self.open()
        self.negotiate()
        return self.says(
            f":irc.example 001 {nick} :Welcome, {nick}!u@host",
            f":irc.example 005 {nick} {isupport} NETWORK=Example :are supported",
            f":irc.example 422 {nick} :no MOTD",
        )

    def negotiate(self) -> list[str]:
        """Answer what it asks of capabilities."""
        sent = self.says(f":irc.example CAP * LS :{self.caps}")
        answer: list[str] = []
        for line in sent:
            if line.startswith("CAP REQ "):
                answer += self.says(
                    f":irc.example CAP * ACK :{line.removeprefix('CAP REQ ').lstrip(':')}"
                )
        return sent + answer

    def settle(self) -> list[str]:
        """Answer the PING behind all that was asked for at the welcome."""
        return self.says(":irc.example PONG irc.example settled")

    def enter(self, channel: str, *others: str, nick: str = "ana") -> Buffer:
        """Be in a channel with others."""
        self.session.do(i.Join(channel))
        self.says(
            f":{nick}!u@host JOIN {channel}",
            f":irc.example 353 {nick} = {channel} :{' '.join([nick, *others])}",
            f":irc.example 366 {nick} {channel} :End",
        )
        buffer = self.session.model.get(channel)
        assert buffer is not None
        return buffer

    # What is seen

    def take(self) -> list[ev.Event]:
        """Return what happened since this was last asked."""
        return self.session.take_events()

    def took(self, kind: type[E]) -> list[E]:
        """Return what happened of that kind; the rest is forgotten."""
        return [event for event in self.take() if isinstance(event, kind)]

    def buffer(self, name: str) -> Buffer:
        buffer = self.session.model.get(name)
        assert buffer is not None
        return buffer

    def texts(self, name: str) -> list[str]:
        """Return what was said there."""
        return [m.text for m in self.buffer(name).messages if m.is_spoken]

    def pending(self, name: str) -> list[Message]:
        return self.buffer(name).pending


def table(**more: Any) -> Table:
    """Return a session that is on a server and has been told all at first."""
    one = Table(**more)
    one.come()
    one.settle()
    one.take()
    return one
