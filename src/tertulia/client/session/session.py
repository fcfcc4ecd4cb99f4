"""The client's end of IRC, without a socket, a clock or a disk.

Bytes and what a person wants go in; bytes for the server, events, and a model of what is known
come out. The shell asks `dial` where to connect to, tells `opened`, `unreachable`, `receive` and
`lost`, calls `tick` at `due`, and sends what `take_output` returns.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from tertulia.client.session import events as ev
from tertulia.client.session.batches import Batches
from tertulia.client.session.doing import do
from tertulia.client.session.handlers import handle
from tertulia.client.session.history import History
from tertulia.client.session.intents import Intent
from tertulia.client.session.isupport import Features
from tertulia.client.session.link import Link
from tertulia.client.session.model import Buffer, BufferKind, Message, Model
from tertulia.client.session.outbox import Outbox
from tertulia.client.session.pulse import Pulse
from tertulia.client.session.registration import OURS, SETTLED, Registration
from tertulia.client.session.replies import Replies
from tertulia.client.session.resume import Resume
from tertulia.client.session.settings import Address, Clock, Credential, SessionSettings
from tertulia.client.session.wire import LineBuffer, line, parse, raw_line
from tertulia.domain.masks import matches, normal_mask

JOINED_AT_ONCE = 10
SERVERS_MOST = 1000
DISPLACED = "Connected again from elsewhere"
"""What our servers say to the older one of two connections of one identity."""
REFUSED_S = 10.0
"""How long to wait after a server that let one connect, and then not in."""


class Offers:
    """What the server of the moment can do."""

    def __init__(self, caps: set[str], *, is_ours: bool) -> None:
        self.history = "draft/chathistory" in caps and "batch" in caps
        self.search = "soju.im/search" in caps and "batch" in caps
        self.typing = "message-tags" in caps
        self.receipts = "tertulia/receipts" in caps
        self.pokes = is_ours


class Session:
    """One person's, or program's, presence on one network.

    *seed* is different for every run: what the ids of messages begin with.
    """

    def __init__(self, settings: SessionSettings, clock: Clock, seed: str) -> None:
        self.settings = settings
        self.clock = clock
        self.seed = seed
        self.model = Model(str(settings.addresses[0]) if settings.addresses else "")
        self.link = Link(settings.addresses, seed)
        self.caps: set[str] = set()
        self.offered: dict[str, str] = {}
        self.features = Features()
        self.nick = settings.nick
        self.account = "" if settings.credential is None else settings.credential.number
        self.own_mask = ""
        """``nick!user@host`` as others see it, where it is known."""
        self.away = ""
        """The message while one is away."""
        self.server_name = ""
        self.is_settled = False
        """Whether the channels of before were joined again, as far as that can be."""
        self.wants_close = False
        """Whether the shell is to close the connection, when all is sent."""
        self.registration = Registration(self)
        self.resume = Resume(self)
        self.outbox = Outbox(self)
        self.history = History(self)
        self.replies = Replies(self)
        self.batches = Batches()
        self.pulse = Pulse(self)
        self._lines = LineBuffer()
        self._output = bytearray()
        self._events: list[ev.Event] = []
        self._ids = 0
        self._why_lost = ""
        self._was_here = False
        self._remember(settings)

    def _remember(self, settings: SessionSettings) -> None:
        for wish in settings.channels:
            buffer = self._open(BufferKind.CHANNEL, wish.name)
            buffer.wants_in, buffer.password = True, wish.password
        for nick in settings.queries:
            self._open(BufferKind.QUERY, nick)
        for unsent in settings.unsent:
            self.outbox.restore(unsent)

    def _open(self, kind: BufferKind, name: str) -> Buffer:
        buffer = self.model.open(kind, name)
        buffer.read_at = buffer.read_at or self.settings.read_at.get(name, 0)
        return buffer

    # For the interface

    @property
    def state(self) -> ev.State:
        """How the connection is."""
        return self.link.state

    @property
    def retry_at(self) -> float | None:
        """When the next attempt to connect is (monotonic)."""
        return self.link.retry_at

    @property
    def lag_s(self) -> float | None:
        """How long the server took to answer, None where it has not been asked."""
        return self.pulse.lag_s

    @property
    def is_ours(self) -> bool:
        """Whether the server is one of Tertulia."""
        return any(name.startswith(OURS) for name in self.offered)

    @property
    def offers(self) -> Offers:
        """What the server of the moment can do."""
        return Offers(self.caps, is_ours=self.is_ours)

    @property
    def server_id(self) -> str:
        """The id of a server of ours, by which it knows identities; empty elsewhere."""
        return self.offered.get("tertulia/identity", "")

    @property
    def network(self) -> str:
        """What the network calls itself."""
        return self.features.text("NETWORK")

    @property
    def is_away(self) -> bool:
        """Whether one is away."""
        return bool(self.away)

    @property
    def has_unsent(self) -> bool:
        """Whether there is anything to say that the server does not have, and did not refuse."""
        return self.outbox.is_waiting

    @property
    def has_labels(self) -> bool:
        """Whether the server's answers can be told apart by labels."""
        return {"message-tags", "labeled-response", "batch"} <= self.caps

    def do(self, intent: Intent) -> None:
        """Do what somebody wants. What cannot be done is told as an event."""
        do(self, intent)

    def take_events(self) -> list[ev.Event]:
        """Return what happened since this was last asked."""
        events, self._events = self._events, []
        return events

    # For the shell

    def start(self) -> None:
        """Be on a server from now on."""
        self.link.start(self.clock.now())
        self._tell_state()

    def dial(self) -> Address | None:
        """Return where to connect to now; the shell then tells `opened` or `unreachable`."""
        address = self.link.dial(self.clock.now())
        if address is not None:
            self.model.server.name = str(address)
            self._tell_state()
        return address

    def opened(self) -> None:
        """There is a connection."""
        self._forget_connection()
        self.link.opened()
        self._tell_state()
        self.registration.begin()

    def unreachable(self, why: str) -> None:
        """There is none, because *why*."""
        self.link.lost(self.clock.now())
        self._tell_state(why)

    def receive(self, data: bytes) -> None:
        """Take bytes off the wire; whatever they are, nothing is raised."""
        self.pulse.heard()
        for raw in self._lines.feed(data):
            parsed = parse(raw)
            if parsed is not None:
                handle(self, parsed)

    def lost(self, why: str = "") -> None:
        """The connection is gone."""
        if self.link.state in (ev.State.OFFLINE, ev.State.WAITING, ev.State.CONNECTING):
            return
        was_in = self.link.state is ev.State.ONLINE
        if was_in and self.is_ours and DISPLACED in self._why_lost:
            self.stop(self._why_lost)  # whoever came here instead would be put out in turn
            return
        if not was_in and self.registration.asked_identity and self._why_lost:
            # The server may have no room, or no disk, for one: come without.
            self.settings = replace(self.settings, wants_identity=False)
        self.link.lost(self.clock.now(), 0.0 if was_in else REFUSED_S * bool(self._why_lost))
        self._leave_all()
        self._tell_state(self._why_lost or why)

    def tick(self) -> None:
        """Do what is due."""
        now = self.clock.now()
        if self.link.state is ev.State.REGISTERING or self.link.state is ev.State.ONLINE:
            self.registration.tick(now)
            self.pulse.tick(now)

    def due(self) -> float | None:
        """Return when `tick` is to be called (monotonic), None if there is no need.

        When to `dial` is told by `retry_at`.
        """
        moments = [self.registration.deadline, self.registration.regain_at, self.pulse.due()]
        return min((one for one in moments if one is not None), default=None)

    def take_output(self) -> bytes:
        """Return what is to be sent."""
        output = bytes(self._output)
        self._output.clear()
        return output

    def give_up(self, why: str) -> None:
        """End this connection, and try another."""
        self._why_lost = why
        self.wants_close = True
        self.lost(why)

    def stop(self, why: str = "") -> None:
        """Be on no server any more."""
        self.link.stop()
        self.wants_close = True
        self._leave_all()
        self._tell_state(why)

    # For the other parts of the session

    def tell(self, event: ev.Event) -> None:
        """Put *event* among what happened."""
        self._events.append(event)

    def _tell_state(self, why: str = "") -> None:
        self.tell(ev.StateChanged(self.link.state, why))

    def send(self, command: str, *params: str, tags: dict[str, str] | None = None) -> None:
        """Send a line, if there is a connection."""
        if self.link.state in (ev.State.REGISTERING, ev.State.ONLINE):
            self._output += line(command, *params, tags=tags)

    def send_raw(self, text: str) -> None:
        """Send a line as it is."""
        if self.link.state in (ev.State.REGISTERING, ev.State.ONLINE) and text.strip():
            self._output += raw_line(text)

    def fresh_id(self) -> str:
        """Return an id for an own message that none ever had."""
        self._ids += 1
        return f"{self.seed}-{self._ids}"

    def say_why(self, why: str) -> None:
        """The server says why it ends the connection."""
        self._why_lost = why

    def is_me(self, nick: str) -> bool:
        """Whether that is one's own nickname."""
        return self.model.fold(nick) == self.model.fold(self.nick)

    def is_ignored(self, nick: str, mask: str = "") -> bool:
        """Whether nothing is to be heard of somebody."""
        return any(
            self.model.fold(one) == self.model.fold(nick)
            or matches(normal_mask(one), mask or f"{nick}!*@*")
            for one in self.settings.ignored
        )

    def show_name(self, nick: str, account: str = "") -> str:
        """Return what one's own contacts call somebody, else the nickname."""
        user = self.model.users.get(self.model.fold(nick))
        account = account or ("" if user is None else user.account)
        for name, meant in self.settings.contacts.items():
            if meant == account or self.model.fold(meant) == self.model.fold(nick):
                return name
        return nick

    def resolve(self, name: str) -> str:
        """Return the nickname or number of a contact; other names are what they are."""
        for contact, meant in self.settings.contacts.items():
            if contact.casefold() == name.casefold():
                return meant
        return name

    def open_query(self, nick: str) -> Buffer:
        """Return the buffer for what is said with somebody."""
        known = self.model.get(nick)
        if known is not None:
            return known
        buffer = self._open(BufferKind.QUERY, nick)
        self.tell(ev.Opened(buffer))
        return buffer

    def open_channel(self, name: str) -> Buffer:
        """Return the buffer of a channel."""
        known = self.model.get(name)
        if known is not None:
            return known
        buffer = self._open(BufferKind.CHANNEL, name)
        self.tell(ev.Opened(buffer))
        return buffer

    def buffer_for(self, target: str) -> Buffer:
        """Return where what is said to *target* belongs."""
        _, name = self.features.split_status(target)
        if self.features.is_channel(name):
            return self.open_channel(name)
        return self.model.server if target.startswith("$") else self.open_query(target)

    def happened(self, buffer: Buffer, message: Message) -> None:
        """A message is new, and goes to the end of a buffer, unless it is there already."""
        if message.msgid and buffer.log.knows(message):
            return
        self.history.heard(message.at)
        buffer.log.append(message)
        if message.is_spoken and not message.own:
            buffer.unread += 1
            buffer.mentions += message.mention
        self.tell(ev.Added(buffer, message))

    def stored(self, buffer: Buffer, message: Message) -> None:
        """The server has an own message."""
        self.happened(buffer, self.replies.with_receipt(message))

    def welcomed(self) -> None:
        """The server has said all that it says at first: go back to where one was."""
        if self.link.state is not ev.State.REGISTERING:
            return
        self.link.welcomed()
        self.registration.welcomed(self.nick)
        self.pulse.begin()
        self._tell_state()
        self.tell(ev.Welcome(self.nick, self.network, self._was_here))
        self._was_here = True
        if self.settings.is_bot and self.features.text("BOT"):
            self.send("MODE", self.nick, f"+{self.features.text('BOT')}")
        if self.away:
            self.send("AWAY", self.away)
        self._join_all()
        self.history.returned()
        if self.server_id and self.registration.credential is not None:
            self.send("IDENTITY", "SERVERS")
        self.send("PING", SETTLED)

    def _join_all(self) -> None:
        wanted = [one for one in self.model if one.is_channel and one.wants_in]
        # Those with passwords go first, because passwords are told in the order of channels.
        wanted.sort(key=lambda one: not one.password)
        for start in range(0, len(wanted), JOINED_AT_ONCE):
            some = wanted[start : start + JOINED_AT_ONCE]
            passwords = ",".join([one.password for one in some if one.password])
            names = ",".join([one.name for one in some])
            self.send("JOIN", names, *([passwords] if passwords else []))

    def settled(self) -> None:
        """All that was asked for at the welcome has been answered."""
        self.is_settled = True
        self.tell(ev.Settled())
        self.resume.settled()
        self.outbox.flush()

    def issued(self, credential: Credential) -> None:
        """The server gave out an identity: it is proven from the next connection on."""
        self.registration.credential = credential
        self.account = credential.number
        self._trust(self.server_id, credential)
        self.tell(ev.Issued(credential.number, credential.token, self.server_id))
        if self.server_id:
            # They know it, too: where this one is lost, one can go there.
            self.send("IDENTITY", "SERVERS")

    def known_at(self, server: str, name: str) -> None:
        """Another server knows the identity that one has."""
        credential = self.registration.credential
        if credential is not None and self.is_ours and len(self.settings.identities) < SERVERS_MOST:
            self._trust(server, credential)
            self.tell(ev.KnownAt(credential.number, server, name))

    def _trust(self, server: str, credential: Credential) -> None:
        identities = {**self.settings.identities, server: credential}
        self.settings = replace(self.settings, identities=identities)

    def wants_nick(self, nick: str) -> None:
        """Be called so, on this connection and the next ones."""
        self.settings = replace(self.settings, nick=nick)
        self.registration.tried = nick
        self.registration.regain_at = None
        self.send("NICK", nick)

    def reconnect(self) -> None:
        """Connect now; a connection that there is is given up."""
        if self.link.state in (ev.State.REGISTERING, ev.State.ONLINE):
            self.give_up("")
        self.link.start(self.clock.now())
        self._tell_state()

    def add_addresses(self, addresses: Iterable[Address]) -> None:
        """Know other servers of the network."""
        self.link.add(addresses)

    # Losing it

    def _forget_connection(self) -> None:
        """Nothing of what was true of the last connection is true of the next."""
        self.caps, self.offered, self.features = set(), {}, Features()
        self._lines, self.batches = LineBuffer(), Batches()
        self._output.clear()
        self.registration = Registration(self)
        self.replies = Replies(self)
        self.pulse = Pulse(self)
        self.is_settled = self.wants_close = False
        self._why_lost = self.own_mask = ""
        self.nick = self.settings.nick

    def _leave_all(self) -> None:
        self.is_settled = False
        self.registration.deadline = self.registration.regain_at = None
        self.pulse.stop()
        self.outbox.lost()
        self.history.lost()
        for buffer in self.model:
            buffer.members.clear()
            buffer.typing.clear()
            if buffer.is_joined:
                buffer.is_joined = False
                self.tell(ev.BufferChanged(buffer))
        self.model.users.clear()
