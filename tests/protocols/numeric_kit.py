"""Numeric clients on a hub without sockets, with IRC clients beside them.

What is put by is in a database in memory, because it comes from there. The other end has what
it was sent when it `reads`, and the clocks are in the hands of the test.
"""

from collections.abc import Callable
from typing import Any

import apsw

from tertulia.domain.changes import Change
from tertulia.domain.history import describe
from tertulia.domain.ids import Uid, msgid
from tertulia.domain.names import Number
from tertulia.domain.users import User
from tertulia.domain.world import Rules
from tertulia.protocols.backlog import BEGINNING
from tertulia.protocols.numeric import NumericConfig, NumericService
from tertulia.protocols.numeric.session import NumericSession
from tertulia.protocols.session import Drain, ReadWaiting, Request, TokenBucket
from tertulia.server.recovery import DurableState
from tertulia.storage.database import migrate
from tertulia.storage.history import History
from tertulia.storage.records import load_channels, load_waiting
from tests.protocols.irc_kit import CONFIG, Irc
from tests.server.kit import START_MS, HeldLog, Shell

NOW = f"{START_MS // 1000:010}"
"""The server's time in a frame."""
SENT = "1600000000"
"""The time that a client's own clock shows."""


class Disk(HeldLog):
    """A log with the tables of a server."""

    def __init__(self, *, instant: bool = False) -> None:
        super().__init__(instant=instant)
        self.db = apsw.Connection(":memory:")
        migrate(self.db)

    def commit(self) -> None:
        events, writes, done = self._waiting.popleft()
        self.events += events
        for sql, values in writes:
            self.db.execute(sql, values)
        done(None)


class Numeric(Irc):
    """A server for numeric and for IRC clients."""

    def __init__(self, config: NumericConfig | None = None, rules: Rules | None = None) -> None:
        super().__init__(CONFIG, rules)
        self.numeric = NumericService(self.hub, config or NumericConfig())
        self.phones: list[Phone] = []

    def new_log(self, instant: bool) -> Disk:
        self.disk = Disk(instant=instant)
        return self.disk

    def _durable(self) -> DurableState:
        db = self.disk.db
        return DurableState(load_channels(db), load_waiting(db))

    def answer(self, request: Request) -> Any:
        match request:
            case ReadWaiting(uid, after, limit):
                found = History(self.disk.db).waiting(uid, after, limit)
                return [describe(one.hlc, msgid(one.hlc, one.tag), one.fact) for one in found]
            case Drain():
                return None
        return super().answer(request)

    def quiet(self) -> None:
        """Let everything that was begun be done."""
        self.run()
        while any(one.settle_some() for one in self.phones) or self._irc_requests():
            self.run()

    def _irc_requests(self) -> bool:
        asked = [client for client in self.clients if client.shell.requests]
        for client in asked:
            client.settle()
        return bool(asked)

    def phone(self, **more: Any) -> "Phone":
        """A numeric client that has said nothing yet."""
        phone = Phone(self, **more)
        self.phones.append(phone)
        return phone

    def here(self, number: str | None = None, **more: Any) -> "Phone":
        """A numeric client that is here, as somebody new or as *number*."""
        phone = self.phone(**more)
        if number is None:
            number = self.hub.register(phone.session)
            self.quiet()
        phone.number = number
        phone.send(f"03{number}")
        assert phone.session.user is not None
        return phone

    def number(self) -> Number:
        """The number of somebody who is not here."""
        return self.hub.register(self.phone().session)

    def waits(self, number: str) -> list[Change]:
        """What is on disk for somebody."""
        found: list[Change] = self.answer(ReadWaiting(Uid(number), BEGINNING, 1000))
        return found

    def left_alone(self) -> dict[str, int]:
        """Why something was left alone, and how often."""
        return {reason: count for (_, reason), count in self.hub.left_alone.items()}


class PhoneShell(Shell):
    """A connection that cuts what is sent into frames."""

    cut: Callable[[bytes], list[bytes]] | None = None

    def pace(
        self, frames: Callable[[bytes], list[bytes]] | None, skipped: Callable[[int], bytes]
    ) -> None:
        self.cut = frames


class Phone:
    """A program that speaks the numeric protocol."""

    def __init__(self, place: Numeric, *, bucket: TokenBucket | None = None) -> None:
        self.place = place
        self.number = ""
        self.shell = PhoneShell(place.hub)
        self.session: NumericSession = place.numeric.session(self.shell, bucket)
        self.shell.session = self.session
        self.reads = True
        """Whether its system takes what it is sent."""
        self.frames: list[bytes] = []
        self.session.write = self._on_the_wire
        self.session.greet()

    def _on_the_wire(self, data: bytes) -> None:
        self.frames += self.shell.cut(data) if self.shell.cut else [data]

    @property
    def user(self) -> User:
        user = self.session.user
        assert user is not None
        return user

    def settle_some(self) -> bool:
        """Answer what can be answered; tell whether anything could."""
        requests, self.shell.requests = self.shell.requests, type(self.shell.requests)()
        answered = False
        for request, resume in requests:
            if isinstance(request, Drain) and not self.reads:
                self.shell.requests.append((request, resume))
            else:
                resume(self.place.answer(request))
                self.place.run()
                answered = True
        return answered

    def raw(self, data: bytes) -> None:
        """Send a segment."""
        if not self.shell.closed:
            self.session.last_heard = self.shell.clock
            self.session.receive(data)
        self.place.quiet()

    def pause(self, seconds: float = 1.0) -> None:
        """Send nothing for a while."""
        self.shell.clock += seconds
        self.session.advance()
        self.place.quiet()

    def send(self, *frames: str) -> None:
        """Send frames, with a pause behind each."""
        for frame in frames:
            self.raw(frame.encode())
            self.pause()

    def say(self, to: str, text: str, sent: str = SENT) -> None:
        self.send(f"05{self.number}{to}{sent}{text}")

    def got(self) -> list[str]:
        """The frames that came since this was last asked."""
        self.place.quiet()
        frames, self.frames = self.frames, []
        return [frame.decode() for frame in frames]

    def leave(self) -> None:
        """Close the connection."""
        self.session.end("Connection closed")
        self.place.quiet()
