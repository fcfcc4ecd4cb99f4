"""What every protocol's end of a connection has in common.

A session gets bytes from its connection (`Session.receive`), turns them into commands, and
handles these one after the other. A handler that needs something slow (a password hash, a
page of history) is a generator that yields a request and is given the answer; until then
the commands behind it wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from typing import Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar

from msgspec import Struct

from tertulia.domain.changes import Change
from tertulia.domain.channels import Channel
from tertulia.domain.chat import Intent
from tertulia.domain.commands.connect import Connect
from tertulia.domain.errors import ChatError
from tertulia.domain.events import Fact
from tertulia.domain.history import Page, Place
from tertulia.domain.ids import Conversation, Hlc, Uid
from tertulia.domain.names import Number
from tertulia.domain.resume import Token
from tertulia.domain.servers import ServerStatus
from tertulia.domain.state import State
from tertulia.domain.users import User
from tertulia.domain.world import World


class Peer(Struct, frozen=True):
    """Who is at the other end; *host* is an address in its shortest form."""

    host: str
    port: int
    secure: bool = False


class HashPassword(Struct, frozen=True):
    """Request: the argon2id hash of a password (str)."""

    password: str


class VerifyPassword(Struct, frozen=True):
    """Request: whether *password* is the one that was hashed (bool)."""

    hash: str
    password: str


class ReadLatest(Struct, frozen=True):
    """Request: the time of the last message of each conversation that has one between
    *after* and *before* (dict of `Conversation` to `Hlc`)."""

    conversations: tuple[Conversation, ...]
    after: Hlc
    before: Hlc


class ReadWaiting(Struct, frozen=True):
    """Request: the first *limit* messages that wait for *uid*, of those later than *after*
    (list of `Change`), oldest first."""

    uid: Uid
    after: Place
    limit: int


class ReadMissed(Struct, frozen=True):
    """Request: the first *limit* messages of *conversations* that *token* does not cover and
    that were written *until* (by source), of those later than *after* (list of `Change`)."""

    conversations: tuple[Conversation, ...]
    token: Token
    until: dict[int, Hlc]
    after: Place
    limit: int


class Search(Struct, frozen=True):
    """Request: the newest *limit* messages of *conversations* with all of *words*, of those that
    *sender* (a nickname) said in *after_ms* <= time < *before_ms* (Unix milliseconds), the oldest
    first (list of `Change`). Answered with `NoSearch` where nothing can be looked for."""

    words: str
    conversations: tuple[Conversation, ...]
    limit: int
    sender: str | None = None
    after_ms: int | None = None
    before_ms: int | None = None


class Drain(Struct, frozen=True):
    """Request: nothing (None), when the system at the other end has taken all that was sent."""


class Written(Struct, frozen=True):
    """Request: nothing (None), when what has happened so far is on disk, or the disk refused it
    and whoever it concerns was told (`Session.refused`)."""


class TakeBackup(Struct, frozen=True):
    """Request: a backup of the chat, now (str: where it is); an operator has asked for it."""


Request = (
    HashPassword | VerifyPassword | Page | ReadLatest | ReadWaiting | ReadMissed | Drain | Written
    | TakeBackup | Search
)  # fmt: skip
Steps: TypeAlias = Generator[Request, Any, None]
"""A handler that waits for answers."""


class Flavour(Protocol):
    """What one kind of client sees; all sessions of one kind share one object."""

    is_paced: bool
    """Whether its clients are sent one frame at a time (`Shell.pace`)."""

    def render(self, change: Change) -> bytes:
        """Return what is sent for *change*; empty if this kind of client is not told."""


class Later:
    """What paced clients are to be shown of *changes*, rendered when the first of them is.

    A room may say more than they can be told in time: what is left out is never rendered.
    """

    __slots__ = ("_changes", "_data", "_flavour", "count")

    def __init__(self, flavour: Flavour, changes: list[Change]) -> None:
        self._flavour = flavour
        self._changes = changes
        self._data: bytes | None = None
        self.count = len(changes)

    def extend(self, later: Later) -> None:
        """Show what *later* shows as well, behind the rest; nothing may have been rendered."""
        assert self._data is None
        self._changes += later._changes
        self.count += later.count

    @property
    def data(self) -> bytes:
        """What is sent; may be empty."""
        if self._data is None:
            self._data = b"".join([self._flavour.render(change) for change in self._changes])
        return self._data


class Shell(Protocol):
    """What a connection offers to the session on it."""

    peer: Peer

    def send(self, data: bytes) -> None:
        """Send *data* after all that was sent before, when that is on disk."""

    def close(self) -> None:
        """Close the connection after what was sent."""

    def perform(self, request: Request, resume: Callable[[Any], None]) -> None:
        """Fulfil *request*; *resume* is called with the answer, or with an exception."""

    def hold(self, held: bool) -> None:
        """Stop reading from the connection, or go on."""

    def pace(
        self, frames: Callable[[bytes], list[bytes]] | None, skipped: Callable[[int], bytes]
    ) -> None:
        """From now on cut what is sent into *frames*, and send them one at a time with a pause
        between; None: all at once.

        When too many frames wait they are replaced by what *skipped* returns for their number,
        cut as well.
        """

    def wake_in(self, seconds: float) -> None:
        """Call the session's `advance` later."""

    def now(self) -> float:
        """Return a monotonic clock, in seconds."""

    def command_over(self) -> None:
        """What is sent from now on does not depend on what the last command did."""


class Resumption(Protocol):
    """See `resume`."""

    def joined(self, channel: Channel) -> None:
        """The user has just come into *channel*."""

    def tick(self) -> None:
        """Some seconds have passed."""


class Core(Protocol):
    """What a session can do with the chat."""

    state: State
    world: World

    def connect(self, session: Session[Any], intent: Connect) -> User:
        """Let the person at *session* come to the server."""

    def register(self, session: Session[Any]) -> Number:
        """Give out the number of a new bare identity, or raise `TooManyIdentities`."""

    def execute(self, session: Session[Any], intent: Intent) -> None:
        """Do what the person at *session* wants, or raise a `ChatError`."""

    def disconnect(self, session: Session[Any], reason: str) -> None:
        """Let the person at *session* leave the server."""

    def reflavour(self, session: Session[Any], flavour: Flavour) -> None:
        """From now on *session* sees *flavour*."""

    def note(self, session: Session[Any], reason: str) -> None:
        """What came from *session* was left alone, without its being told; *reason* is for
        the operator."""

    def token(self) -> Token:
        """Return the token of a client that sees what it was sent up to now; what is sent next
        is sent only if all of that is on disk."""

    def servers(self) -> list[ServerStatus]:
        """Return how the other servers of the network are."""

    def session_of(self, user: User) -> Session[Any] | None:
        """Return the session of *user*, if it is on this server."""


class TokenBucket:
    """*rate* tokens a second, at most *burst* of them saved up."""

    __slots__ = ("_burst_s", "_due", "_interval")

    def __init__(self, rate: float, burst: int) -> None:
        self._interval = 1 / rate
        self._burst_s = burst / rate
        self._due = 0.0

    def take(self, now: float, tokens: int = 1) -> None:
        """Take tokens, on credit if need be."""
        self._due = max(self._due, now) + tokens * self._interval

    def debt(self, now: float) -> float:
        """Return the seconds until the credit is paid back, 0 or less if there is none."""
        return self._due - now - self._burst_s


Command = TypeVar("Command")

TIMER_S = 0.005
"""How much too early a timer may be."""


class Session(Generic[Command]):
    """One connection's conversation in one protocol."""

    __slots__ = (
        "_gap_s", "_pending", "_silent_at", "_steps", "bucket", "capturing", "closing", "core",
        "flavour", "handing_over", "label", "last_heard", "resumption", "shell", "since", "user",
        "write",
    )  # fmt: skip

    protocol: ClassVar[str]
    is_shown: ClassVar[bool] = True
    """Whether what happens is sent through it; if not, it is in no audience."""
    flavour: Flavour

    def __init__(self, core: Core, shell: Shell, bucket: TokenBucket | None) -> None:
        self.core = core
        self.shell = shell
        self.bucket = bucket
        self.user: User | None = None
        self.write: Callable[[Any], None] = _ignore
        """Puts bytes on the socket, `Later` ones too where the flavour is paced. Only the gate
        calls this; sessions use `shell.send`."""
        self.capturing = False
        """Whether what this session sees of its own actions goes through `show`."""
        self.label: str | None = None
        """What the client calls the command that is being handled, if it has a name for it."""
        self.resumption: Resumption | None = None
        """What sees to it that the client goes on where it left off, if it wants that."""
        self.closing = False
        self.handing_over = False
        """Whether the user is being handed what had waited (see `backlog`)."""
        self.since = self.last_heard = shell.now()
        self._pending: deque[Command] | None = None
        self._steps: Steps | None = None
        self._gap_s: float | None = None
        self._silent_at = 0.0

    # What a protocol says

    def greet(self) -> None:
        """The connection is there."""

    def receive(self, data: bytes) -> None:
        """Take bytes off the wire."""
        raise NotImplementedError

    def silence(self) -> None:
        """Nothing more came for as long as `listen_for_silence` was told."""

    def eof(self) -> None:
        """The other end will send nothing more."""
        self.end("Connection closed")

    def handle(self, command: Command) -> Steps | None:
        """Do what *command* says."""
        raise NotImplementedError

    def cost(self, command: Command) -> int:
        """How many tokens *command* takes from the bucket."""
        return 1

    def failed(self, error: ChatError) -> None:
        """Tell that a command was refused."""
        raise NotImplementedError

    def refused(self, fact: Fact, label: str | None) -> None:
        """Tell that *fact* could not be written to disk and did not happen.

        *label* is the `label` that the session had when it asked for it.
        """
        raise NotImplementedError

    def echoes(self, change: Change) -> bool:
        """Whether the session is shown this message of its own user."""
        raise NotImplementedError

    def something_waits(self) -> None:
        """Something was put by for the user, to be read with `ReadWaiting`."""

    def show(self, change: Change) -> None:
        """Send what *change* looks like here; for sessions that are `capturing`."""
        self.shell.send(self.flavour.render(change))

    def farewell(self, reason: str) -> None:
        """Tell why the connection is being closed."""

    def tick(self, now: float) -> None:
        """Some seconds have passed; see to what is overdue."""

    # What all protocols do

    def take(self, commands: list[Command]) -> None:
        """Handle *commands* in order, as the limits allow."""
        if self._pending:
            self._pending.extend(commands)
        else:
            self._work(deque(commands))

    def listen_for_silence(self, gap_s: float) -> None:
        """Call `silence` when nothing more has come for *gap_s* seconds.

        COMPAT: the original clients frame nothing; where one of their messages ends only
        the pause behind it can tell.
        """
        if self._gap_s is None:
            self._gap_s = gap_s
            self._wake_when_silent(gap_s)

    def _wake_when_silent(self, seconds: float) -> None:
        self._silent_at = self.shell.now() + seconds
        self.shell.wake_in(seconds)

    def _listen(self, gap_s: float) -> None:
        now = self.shell.now()
        if now < self._silent_at - TIMER_S:
            return  # woken for something else; the timer for this is still to come
        rest = self.last_heard + gap_s - now
        if rest > TIMER_S:
            self._wake_when_silent(rest)
        else:
            self._gap_s = None
            self.silence()

    def advance(self) -> None:
        """Go on with what waits."""
        if self._gap_s is not None:
            self._listen(self._gap_s)
        if self._pending and self._steps is None:
            pending, self._pending = self._pending, None
            self._work(pending)
            if self._pending is None:
                self.shell.hold(False)

    def _work(self, pending: deque[Command]) -> None:
        bucket, now = self.bucket, self.shell.now()
        while pending and not self.closing:
            if bucket is not None:
                if (debt := bucket.debt(now)) > 0:
                    self._pending = pending
                    self.shell.hold(True)
                    self.shell.wake_in(debt)
                    return
                bucket.take(now, self.cost(pending[0]))
            self._start(pending.popleft())
            if self._steps is not None:
                self._pending = pending
                self.shell.hold(True)
                return
        if self._pending is not None or bucket is not None:
            self._pending = None
            self.shell.hold(False)

    def _start(self, command: Command) -> None:
        try:
            steps = self.handle(command)
        except ChatError as error:
            self.failed(error)
            self.finished()
            return
        if steps is None:
            self.finished()
        else:
            self._steps = steps
            self._step(lambda: next(steps))

    def _step(self, step: Callable[[], Request]) -> None:
        try:
            request = step()
        except StopIteration:
            self._steps = None
        except ChatError as error:
            self._steps = None
            self.failed(error)
        else:
            self.shell.perform(request, self._resume)
            return
        self.finished()

    def _resume(self, answer: Any) -> None:
        steps = self._steps
        if steps is None or self.closing:
            return
        if isinstance(answer, BaseException):
            self._step(lambda: steps.throw(answer))
        else:
            self._step(lambda: steps.send(answer))
        if self._steps is None:
            if self._pending:
                self.advance()
            else:
                self._pending = None
                self.shell.hold(False)

    def finished(self) -> None:
        """A command is done."""
        self.shell.command_over()

    def end(self, reason: str) -> None:
        """Leave the server and close the connection; *reason* is what others are told."""
        if self.closing:
            return
        self.closing = True
        if self.user is not None:
            self.core.disconnect(self, reason)
        self.farewell(reason)
        self.shell.close()


class Onlooker(Session[Command]):
    """A session that is told once of all that happens, whoever is to see it: another server's."""

    __slots__ = ()

    def overhear(self, change: Change) -> bytes:
        """Return what is sent of *change*, which has just taken effect; may be empty."""
        raise NotImplementedError


def _ignore(_data: bytes) -> None:
    """What is sent to a connection that is gone."""
