"""What a session tells: each event is frozen, and true of the model at the moment it is taken."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from tertulia.client.session.model import Buffer, Message


class State(Enum):
    """How the connection is."""

    OFFLINE = "offline"
    """None is wanted: before the start, after `Quit`, or after what trying again cannot help."""
    CONNECTING = "connecting"
    REGISTERING = "registering"
    ONLINE = "online"
    WAITING = "waiting"
    """It was lost, or did not come about, and is tried again at `Session.retry_at`."""


class Event(Struct, frozen=True):
    """Something happened."""


class StateChanged(Event, frozen=True):
    """The connection is in another state; *why* in the words of the server or the system."""

    state: State
    why: str = ""


class Welcome(Event, frozen=True):
    """One is on a server, as *nick*; *resumed* if this goes on where one left off."""

    nick: str
    network: str
    resumed: bool = False


class Settled(Event, frozen=True):
    """The channels of before were joined again, as far as that can be (``Session.is_settled``)."""


class Issued(Event, frozen=True):
    """The server gave out an identity: keep it, it is told once. *server* is the server's id."""

    number: str
    token: str
    server: str


class KnownAt(Event, frozen=True):
    """The identity one has is known to another server of the network as well: *server* is its id,
    *name* what it is called."""

    number: str
    server: str
    name: str


class CredentialRefused(Event, frozen=True):
    """The server does not know the identity, or not with that token; the session is OFFLINE."""

    why: str


class NickChanged(Event, frozen=True):
    """Somebody is called otherwise; *own* if it is oneself."""

    old: str
    new: str
    own: bool


class NickTaken(Event, frozen=True):
    """A nickname could not be had; *instead* is tried now, empty if one keeps what one has."""

    nick: str
    instead: str
    why: str


class Opened(Event, frozen=True):
    """There is another channel or query."""

    buffer: Buffer


class Closed(Event, frozen=True):
    """A channel or query is there no more."""

    buffer: Buffer


class Added(Event, frozen=True):
    """A message is at the end of ``buffer.messages``: something just happened, or was said."""

    buffer: Buffer
    message: Message


class Merged(Event, frozen=True):
    """Messages came late, or from history, and are in their places in ``buffer.messages``.

    *older*: they are all in front, the first ``len(messages)``; others are where they belong.
    An empty one ends what was asked for.
    """

    buffer: Buffer
    messages: tuple[Message, ...]
    older: bool = False


class PendingAdded(Event, frozen=True):
    """An own message is in ``buffer.pending``."""

    buffer: Buffer
    message: Message


class PendingRemoved(Event, frozen=True):
    """It is there no more: the server has it (and `Added` says so), or it was dropped."""

    buffer: Buffer
    message: Message


class Changed(Event, frozen=True):
    """A message in ``messages`` or ``pending`` was replaced by *message*, of the same number:
    it was delivered, seen, or refused."""

    buffer: Buffer
    message: Message


class Joined(Event, frozen=True):
    """Somebody came into a channel; *own* if it is oneself."""

    buffer: Buffer
    nick: str
    own: bool


class Left(Event, frozen=True):
    """Somebody left a channel, was kicked by *by*, or quit; *own* if it is oneself."""

    buffer: Buffer
    nick: str
    own: bool
    why: str = ""
    by: str = ""


class MembersChanged(Event, frozen=True):
    """Who is in a channel, of which rank, or who is away, is otherwise."""

    buffer: Buffer


class BufferChanged(Event, frozen=True):
    """Topic, modes, unread counts, or whether one is in it: something about a buffer that is no
    message."""

    buffer: Buffer


class TypingChanged(Event, frozen=True):
    """Who is typing in a buffer is otherwise."""

    buffer: Buffer


class AwayChanged(Event, frozen=True):
    """Whether one is away oneself."""

    away: bool


class WishesChanged(Event, frozen=True):
    """Who is ignored, or who one's contacts are, is otherwise (``Session.settings``)."""


class Synced(Event, frozen=True):
    """The server has done all that was asked before `Sync` with that *token*."""

    token: str


class Invited(Event, frozen=True):
    """One was invited into a channel."""

    by: str
    channel: str


class Reply(Event, frozen=True):
    """A line from the server that belongs to no buffer: an answer, a notice, the MOTD.

    *code* is the numeric or the command; *target* the name that it is about, if it is about one.
    """

    code: str
    text: str
    target: str = ""


class Refused(Event, frozen=True):
    """The server did not do something. *code* is a numeric, or that of a standard reply."""

    code: str
    text: str
    target: str = ""


class ListRow(Struct, frozen=True):
    """A channel in a list."""

    channel: str
    users: int
    topic: str


class ChannelList(Event, frozen=True):
    """The answer to `ListChannels`."""

    rows: tuple[ListRow, ...]


class WhoRow(Struct, frozen=True):
    """Somebody in the answer to `Who`."""

    nick: str
    username: str
    host: str
    realname: str
    channel: str = ""
    away: bool = False
    account: str = ""


class WhoList(Event, frozen=True):
    """The answer to `Who`."""

    mask: str
    rows: tuple[WhoRow, ...]


class NamesList(Event, frozen=True):
    """The answer to `Names`: nicknames with the signs of their ranks."""

    channel: str
    names: tuple[str, ...]


class WhoisReply(Event, frozen=True):
    """The answer to `Whois`: what is known, by ``user``, ``host``, ``realname``, ``channels``,
    ``server``, ``account``, ``away``, ``idle_s``, ``since``, ``secure``, ``bot``, ``operator``,
    ``number``; *more* are lines that are none of these. Empty *fields*: there is nobody."""

    nick: str
    fields: dict[str, str]
    more: tuple[str, ...] = ()


class Found(Event, frozen=True):
    """The answer to `Search`: messages, the latest last; *on_server* tells who looked."""

    words: str
    hits: tuple[tuple[str, Message], ...]
    on_server: bool


class CertificateNew(Event, frozen=True):
    """Nobody vouches for the certificate of a server to which one came for the first time: it is
    remembered. *fingerprint* is its SHA-256, which the server's operator can tell."""

    address: str
    fingerprint: str


class CertificateChanged(Event, frozen=True):
    """The certificate is another one than that which is remembered: somebody may be in between.
    There is no connection until it is trusted (`Connection.trust`)."""

    address: str
    old: str
    new: str
