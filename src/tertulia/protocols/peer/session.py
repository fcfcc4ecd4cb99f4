"""The link to a peer: another server that knows only a table of JSON ops (docs/peers.md).

The peer's users are users here like all others, each with a session of its own (`PeerUser`)
through which nothing is sent. What happens is told to the link itself, as an `Onlooker` of the
hub: once for each change, whoever of the peer is to see it, by what `Teller` makes of it. So
nothing has to be recognised as the same and left out, a channel with a thousand users of the
peer costs one document, and what the peer asked for is known as such, because it happens while
the link is *busy* with it.

A request is answered when what it led to is on disk (`Written`), or refused by it. What the
peer is sent has numbers for hashes; the last `UNANSWERED_MOST` are remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from tertulia.domain import errors as x
from tertulia.domain.changes import Arrived, Change, Gone, NickChanged
from tertulia.domain.channels import ADMIN, Channel
from tertulia.domain.chat import Intent
from tertulia.domain.commands.connect import Connect
from tertulia.domain.commands.join import Join
from tertulia.domain.commands.kick import Kick
from tertulia.domain.commands.modes import SetRank
from tertulia.domain.commands.part import Part
from tertulia.domain.commands.say import Say
from tertulia.domain.events import Fact
from tertulia.domain.identities import Identity
from tertulia.domain.ids import Uid
from tertulia.domain.names import ChannelName, Nickname
from tertulia.domain.text import cut, message_text
from tertulia.domain.users import User
from tertulia.protocols.joining import join_with
from tertulia.protocols.json_documents import NO_REQUESTS, BadInput, Hash, Refused
from tertulia.protocols.json_parser import Parser
from tertulia.protocols.peer import wire
from tertulia.protocols.peer.messages import Message, decode
from tertulia.protocols.peer.telling import Teller
from tertulia.protocols.peer.users import SILENT, PeerUser
from tertulia.protocols.peer.wire import Fields
from tertulia.protocols.session import (
    TIMER_S,
    Onlooker,
    Shell,
    Steps,
    TokenBucket,
    Written,
)
from tertulia.protocols.words import not_done, readable

if TYPE_CHECKING:
    from tertulia.protocols.peer.service import PeerService

UNANSWERED_MOST = 1_000
USERS_MOST = 2_000
"""So many users may a peer have here."""
USERS_EVERY_S = 0.5
"""How long is waited for others to come and go before the peer is told who is here."""
STRIKES = 20
_SLICE = 100
"""So many names of a list are seen to before what they led to is written."""
_SHOWN_OP_BYTES = 40
_SHOWN_PROBLEMS = 5


class Request:
    """Something that the peer wants; *hash* is what the peer calls it."""

    __slots__ = ("answered", "hash", "label", "newcomers", "problem")

    def __init__(self, label: str, hash: Hash) -> None:
        self.label = label
        self.hash = hash
        self.newcomers: list[PeerUser] = []
        """Who is here because of it, and would not be if it were refused."""
        self.problem = ""
        """Why it is refused after all."""
        self.answered = False


class NotTaken(x.ChatError):
    """Something that a peer may not do, or not all of what it asked for."""


class PeerSession(Onlooker[Message | BadInput]):
    """One connection of a peer."""

    __slots__ = (
        "_asked", "_busy", "_count", "_open", "_parser", "_probed", "_quiet", "_request",
        "_service", "_teller", "_unanswered", "_users_due", "name", "users",
    )  # fmt: skip

    protocol: ClassVar[str] = "peer"

    def __init__(self, service: PeerService, shell: Shell, bucket: TokenBucket | None) -> None:
        super().__init__(service.core, shell, bucket)
        self.flavour = SILENT
        self.name = ""
        """What the peer is called, once it has said so."""
        self.users: dict[Uid, PeerUser] = {}
        """The peer's users."""
        self._service = service
        self._teller = Teller(service.core.state, self.users)
        self._parser = Parser(service.config.document_bytes, decode, STRIKES)
        self._asked = 0
        self._open: dict[str, Request] = {}
        """Requests of the peer that are being written, by label."""
        self._request = Request("", None)
        """The one that is being handled."""
        self._busy = False
        """Whether what happens now happens because the peer said so."""
        self._count = 0
        self._unanswered: dict[str, str] = {}
        """The ops of what the peer was sent and has not answered, by hash."""
        self._users_due: float | None = None
        self._probed = False
        self._quiet = False
        """Whether the peer knows that the connection ends."""

    # What the connection says

    def receive(self, data: bytes) -> None:
        """Take bytes off the wire."""
        self._probed = False
        if found := self._parser.feed(data):
            self.take(found)

    def eof(self) -> None:
        """The other end will send nothing more."""
        self._quiet = True
        super().eof()

    def cost(self, command: Message | BadInput) -> int:
        """How many tokens *command* takes from the bucket."""
        return 1 if isinstance(command, BadInput) else 1 + command.length // 10

    def tick(self, now: float) -> None:
        """Close the connection of who does not log in, or is not there any more."""
        config = self._service.config
        if not self.name:
            if now - self.since >= config.login_s:
                self.end(f"No server logged in within {config.login_s:g} seconds")
        elif now - self.last_heard > 2 * config.ping_s:
            self.end(f"Nothing was heard for {2 * config.ping_s:g} seconds")
        elif now - self.last_heard > config.ping_s and not self._probed:
            # A table without a ping; but whatever is said is answered.
            self._probed = True
            self.shell.command_over()
            self._say((self._teller.channels(),))

    def advance(self) -> None:
        """Go on with what waits."""
        if self._users_due is not None and self.shell.now() >= self._users_due - TIMER_S:
            self._users_due = None
            self.shell.command_over()
            self._say((self._teller.everyone(),))
        super().advance()

    def end(self, reason: str) -> None:
        """Take the peer's users off this server and close the connection."""
        if self.closing:
            return
        self._service.forget(self, reason)
        for user in list(self.users.values()):
            self._vanish(user, f"{self.name} is no longer linked")
        super().end(reason)

    def farewell(self, reason: str) -> None:
        """Tell why the connection is being closed."""
        if not self._quiet:
            self.shell.send(wire.line(wire.goodbye(reason)))

    # What the peer is told

    def overhear(self, change: Change) -> bytes:
        """Return what the peer is told of *change*."""
        if self._busy:
            return self._numbered(self._teller.consequences(change))
        if isinstance(change, Arrived | Gone | NickChanged) and self._users_due is None:
            self._users_due = self.shell.now() + USERS_EVERY_S
            self.shell.wake_in(USERS_EVERY_S)
        return self._numbered(self._teller.tell(change))

    def _say(self, requests: Iterable[Fields]) -> None:
        if data := self._numbered(requests):
            self.shell.send(data)

    def _numbered(self, requests: Iterable[Fields]) -> bytes:
        return b"".join([wire.line(self._with_hash(fields)) for fields in requests])

    def _with_hash(self, fields: Fields) -> Fields:
        self._count += 1
        request = str(self._count)
        self._unanswered[request] = fields["op"]
        if len(self._unanswered) > UNANSWERED_MOST:
            del self._unanswered[next(iter(self._unanswered))]
        return {**fields, "hash": request}

    def lost(self, user: PeerUser) -> None:
        """*user* was taken off this server, and not because the peer said so."""
        assert user.user is not None
        del self.users[user.user.uid]

    # What becomes of a request

    def handle(self, command: Message | BadInput) -> Steps | None:
        """Do what *command* says."""
        self._asked += 1
        request = self._request = Request(str(self._asked), None)
        if isinstance(command, BadInput):
            self._unreadable(command, request)
            return None
        if (hear := _HEARD.get(command.op)) is not None:
            hear(self, command)
            return None
        request.hash = command.checked_hash()
        verb = _VERBS.get(command.op)
        if verb is None:
            raise Refused(f"There is no op {cut(command.op, _SHOWN_OP_BYTES)!r}")
        if not self.name and verb is not PeerSession._login:
            raise Refused("Log in first, with the op LOGIN and the name of your server")
        self._open[request.label] = request
        steps = verb(self, command)
        if steps is not None:
            return self._to_the_end(steps, request)
        self._answer_when_written(request)
        return None

    def _to_the_end(self, steps: Steps, request: Request) -> Steps:
        yield from steps
        self._answer_when_written(request)

    def _answer_when_written(self, request: Request) -> None:
        if not request.answered:
            self.shell.perform(Written(), partial(self._written, request))

    def _written(self, request: Request, _answer: None) -> None:
        if self.closing:
            return
        self.shell.command_over()
        if request.problem:
            self._refuse(request, request.problem)
        else:
            self._accept(request)

    def _accept(self, request: Request) -> None:
        request.answered = True
        self._open.pop(request.label, None)
        if request.hash is not None:
            self.shell.send(wire.line(wire.ack(request.hash)))

    def _refuse(self, request: Request, reason: str, *, understood: bool = True) -> None:
        request.answered = True
        self._open.pop(request.label, None)
        for newcomer in request.newcomers:
            assert newcomer.user is not None
            if not newcomer.closing and not newcomer.user.channels:
                self._vanish(newcomer, "Refused")
        reason = readable(reason)
        if request.hash is None or not understood:
            self.shell.send(wire.line(wire.error(reason, request.hash)))
        if request.hash is not None:
            self.shell.send(wire.line(wire.ack(request.hash, reason)))

    def failed(self, error: x.ChatError) -> None:
        """Tell that a request was refused."""
        self._refuse(self._request, str(error), understood=not isinstance(error, Refused))

    def refused(self, fact: Fact, label: str | None) -> None:
        """Nothing is asked for in the name of the peer itself."""
        raise AssertionError

    def echoes(self, change: Change) -> bool:
        """Whether the session is shown this message of its own user: it has none."""
        return False

    def not_written(self, fact: Fact, label: str | None) -> None:
        """*fact*, which the request of that label led to, could not be written to disk."""
        request = self._open.get(label or "")
        if request is not None:
            request.problem = not_done(fact, str)

    def _unreadable(self, problem: BadInput, request: Request) -> None:
        if problem.last:
            self.end(f"{STRIKES} messages in a row could not be read: {problem}")
        else:
            request.hash = problem.hash
            raise Refused(str(problem))

    # Who and what is meant

    def _do(self, user: PeerUser, intent: Intent) -> None:
        user.label = self._request.label
        self._busy = True
        try:
            self.core.execute(user, intent)
        finally:
            self._busy = False

    def _vanish(self, user: PeerUser, reason: str) -> None:
        assert user.user is not None
        user.closing = True
        self._busy = True
        try:
            self.core.disconnect(user, reason)
        finally:
            self._busy = False
        del self.users[user.user.uid]

    def _known(self, name: str) -> PeerUser | None:
        user = self.core.state.user_named(name)
        return None if user is None else self.users.get(user.uid)

    def _user(self, name: str) -> PeerUser:
        """Return the peer's user of that name, who comes here if need be."""
        nick = Nickname.parse(name)
        known = self._known(nick.text)
        if known is not None:
            return known
        if len(self.users) >= USERS_MOST:
            raise NotTaken(f"A server may have {USERS_MOST} users here")
        user = PeerUser(self)
        self._busy = True
        try:
            came = self.core.connect(
                user, Connect(nick, self.protocol, self.name, nick.text, False, self.protocol)
            )
        finally:
            self._busy = False
        self.users[came.uid] = user
        self._request.newcomers.append(user)
        return user

    def _channel(self, name: str) -> Channel:
        channel = self.core.state.channel_named(name)
        if channel is None:
            raise x.NoSuchChannel(name)
        return channel

    def _anybody(self, name: str) -> User:
        user = self.core.state.user_named(name)
        if user is None:
            raise x.NoSuchUser(name)
        return user

    def _admin_of(self, channel: Channel, whom: User) -> PeerUser:
        """Return in whose name the peer acts on *whom*: the table does not say who does."""
        for uid, rank in channel.occupants.items():
            if rank & ADMIN and uid in self.users and uid != whom.uid:
                return self.users[uid]
        if whom.uid in self.users and channel.occupants.get(whom.uid, 0) & ADMIN:
            return self.users[whom.uid]
        raise NotTaken(f"None of your users is an admin of {channel.name}")

    # One op each

    def _login(self, message: Message) -> None:
        name = message.nickname()
        if self.name:
            if name.lower() != self.name.lower():
                raise NotTaken(f"You are {self.name}; another name takes another connection")
            return
        self._service.link(self, name)
        self._accept(self._request)
        self._say((wire.login(self._service.config.server), self._teller.everyone()))
        self._say(self._teller.all_channels())

    def _message(self, message: Message) -> None:
        nick, name, text = message.nickname(), message.target_name(), message_text(message.text())
        if name == "&":
            return  # those on the peer itself are meant
        target: Channel | User | Identity | Literal["*"] | None
        if name == "*":
            target = "*"
        elif name.startswith("#"):
            target = self._channel(name)
        else:
            target = self.core.state.recipient(name)
            if target is None:
                raise x.NoSuchUser(name)
        self._do(self._user(nick), Say(target, text))

    def _join(self, message: Message) -> Steps:
        nick, name = message.nickname(), ChannelName.parse(message.channel_name())
        known = self._known(nick)
        if known is None or known.user is None or name.folded not in known.user.channels:
            intent = yield from join_with(self.core.state, name, message.secret())
            self._do(self._user(nick), intent)

    def _part(self, message: Message) -> None:
        nick, channel = message.nickname(), self._channel(message.channel_name())
        known = self._known(nick)
        if known is None:
            raise x.NoSuchUser(nick)
        self._do(known, Part(channel))

    def _admin(self, message: Message) -> None:
        channel = self._channel(message.channel_name())
        whom = self._anybody(message.nickname())
        actor = self._admin_of(channel, whom)
        self._do(actor, SetRank(channel, ((True, "o", whom),)))

    def _kick(self, message: Message) -> None:
        channel = self._channel(message.channel_name())
        whom = self._anybody(message.nickname())
        self._do(self._admin_of(channel, whom), Kick(channel, whom, message.message or ""))

    def _list_users(self, message: Message) -> Steps | None:
        names = message.listed_users()
        if names is None:
            self._tell_users(message)
            return None
        if message.channel:
            return self._take_occupants(ChannelName.parse(message.channel_name()), names)
        return self._take_users(names)

    def _tell_users(self, message: Message) -> None:
        if not message.channel:
            self._say((self._teller.everyone(),))
            return
        channel = self._channel(message.channel_name())
        if not self._teller.sees(channel):
            raise x.NoSuchChannel(channel.name.text)
        self._say(self._teller.occupants(channel))

    def _take_users(self, names: list[str]) -> Steps:
        """Who is not listed and in no channel is gone."""
        listed: set[PeerUser] = set()
        problems = yield from self._take_each(names, listed.add)
        for user in list(self.users.values()):
            if user not in listed and user.user is not None and not user.user.channels:
                self._vanish(user, f"No longer on {self.name}")
        _complain(problems)

    def _take_occupants(self, name: ChannelName, names: list[str]) -> Steps:
        """Who is not listed is no longer in the channel."""
        listed: set[PeerUser] = set()

        def let_in(user: PeerUser) -> None:
            listed.add(user)
            self._do(user, Join(name))

        problems = yield from self._take_each(names, let_in)
        channel = self.core.state.channel_named(name.text)
        for user in list(self.users.values()):
            if channel is not None and user not in listed and user.user is not None:
                if user.user.uid in channel.occupants:
                    self._do(user, Part(channel))
        _complain(problems)

    def _take_each(
        self, names: list[str], take: Callable[[PeerUser], None]
    ) -> Generator[Written, None, list[str]]:
        """Do that for each name, and return what was wrong with some: who cannot be taken does
        not keep out the others."""
        problems: list[str] = []
        for i, name in enumerate(names, 1):
            try:
                take(self._user(name))
            except x.ChatError as error:
                problems.append(str(error))
            if i % _SLICE == 0:
                yield Written()
        self._request.newcomers.clear()
        return problems

    def _list_channels(self, message: Message) -> None:
        # A channel is there when somebody is in it: of a list there is nothing to be done.
        if message.listed_channels() is None:
            self._say((self._teller.channels(),))

    # What is no request

    def _acknowledged(self, message: Message) -> None:
        op = self._unanswered.pop(str(message.hash), "something")
        if message.success is False:
            self.core.note(self, f"refused by a peer: {op}, by {self.name or self.shell.peer.host}")

    def _error(self, _message: Message) -> None:
        self.core.note(self, f"error from a peer: {self.name or self.shell.peer.host}")

    def _disconnect(self, message: Message) -> None:
        self._quiet = True
        self.end(message.message or "Disconnected")


_VERBS: dict[str, Callable[[PeerSession, Message], Steps | None]] = {
    "ADMIN": PeerSession._admin,
    "CHANNELS": PeerSession._list_channels,
    "JOIN": PeerSession._join,
    "KICK": PeerSession._kick,
    "LOGIN": PeerSession._login,
    "MESSAGE": PeerSession._message,
    "PART": PeerSession._part,
    "USERS": PeerSession._list_users,
}
_HEARD: dict[str, Callable[[PeerSession, Message], None]] = {
    "ACK": PeerSession._acknowledged,
    "DISCONNECT": PeerSession._disconnect,
    "ERROR": PeerSession._error,
}
assert _HEARD.keys() == set(NO_REQUESTS)


def _complain(problems: list[str]) -> None:
    """Raise `NotTaken` if something of a list was not."""
    if problems:
        more = len(problems) - _SHOWN_PROBLEMS
        rest = f"; and {more} more" if more > 0 else ""
        raise NotTaken("; ".join(problems[:_SHOWN_PROBLEMS]) + rest)
