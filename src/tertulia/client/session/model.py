"""What a client knows: people, channels, and what was said. Read by interfaces, changed by the
session alone."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from enum import Enum

from msgspec import Struct

MESSAGES_MOST = 200_000
"""How many messages of one buffer are kept; the oldest go first."""
TRIMMED = 10_000


class Kind(Enum):
    """What a message is. Those up to POKE were said by somebody; the others tell what happened."""

    SAY = "say"
    ACTION = "action"
    NOTICE = "notice"
    POKE = "poke"
    JOIN = "join"
    PART = "part"
    QUIT = "quit"
    KICK = "kick"
    NICK = "nick"
    TOPIC = "topic"
    MODE = "mode"
    INVITE = "invite"
    NETSPLIT = "netsplit"
    NETJOIN = "netjoin"
    INFO = "info"
    ERROR = "error"


SPOKEN = frozenset({Kind.SAY, Kind.ACTION, Kind.NOTICE, Kind.POKE})


class Delivery(Enum):
    """What became of an own message. NONE: it is somebody else's, or nobody tells."""

    NONE = "none"
    UNSENT = "unsent"
    """It waits for a connection, or for a place to be said in."""
    PENDING = "pending"
    """It was sent, and the server has not said that it has it."""
    FAILED = "failed"
    SENT = "sent"
    """The server has it: ours has it on disk."""
    DELIVERED = "delivered"
    SEEN = "seen"


class Message(Struct, frozen=True, gc=False):
    """One message in a buffer.

    *number* tells it apart from all others of this session, and stays. *at* is in Unix
    milliseconds. *whom* is whom an act was done to: kicked, poked, invited, the new nickname, or
    of a netsplit everyone. *why* tells why one FAILED. *client_id* is what it is called while the
    server has not given it a *msgid*. *account* is of who said it (on our servers their number).
    """

    number: int
    kind: Kind
    by: str
    text: str
    at: int
    msgid: str = ""
    own: bool = False
    mention: bool = False
    delivery: Delivery = Delivery.NONE
    whom: str = ""
    why: str = ""
    client_id: str = ""
    account: str = ""
    status: str = ""
    """``@`` or ``+`` where only those of that rank in the channel were meant."""

    @property
    def is_spoken(self) -> bool:
        """Whether somebody said it."""
        return self.kind in SPOKEN


class User:
    """Somebody whom the client knows of. *away* is their message, None if they are not; *account*
    is empty where it is not known."""

    __slots__ = ("account", "away", "host", "is_bot", "nick", "realname", "username")

    def __init__(self, nick: str) -> None:
        self.nick = nick
        self.username = ""
        self.host = ""
        self.account = ""
        self.realname = ""
        self.away: str | None = None
        self.is_bot = False

    def __repr__(self) -> str:
        return f"User({self.nick!r})"


class Member:
    """Somebody in a channel; *ranks* are their signs there, the highest first (``@+``)."""

    __slots__ = ("ranks", "user")

    def __init__(self, user: User, ranks: str = "") -> None:
        self.user = user
        self.ranks = ranks

    @property
    def nick(self) -> str:
        """What they are called."""
        return self.user.nick

    def __repr__(self) -> str:
        return f"Member({self.ranks}{self.nick})"


class Topic(Struct, frozen=True):
    """What a channel is about; *at* is in Unix milliseconds, 0 where it is not known."""

    text: str
    by: str = ""
    at: int = 0


class BufferKind(Enum):
    """Where one talks."""

    SERVER = "server"
    CHANNEL = "channel"
    QUERY = "query"


class Log:
    """Messages in order. What comes live goes to the end; what comes late, in its place by time."""

    __slots__ = ("_keys", "_known", "messages", "most")

    def __init__(self, most: int = MESSAGES_MOST) -> None:
        self.most = most
        self.messages: list[Message] = []
        self._keys: list[int] = []
        """By which they are in order: times that never go backwards."""
        self._known: set[str] = set()

    def __len__(self) -> int:
        return len(self.messages)

    def knows(self, message: Message) -> bool:
        """Whether it is there: by its id, or where that is not known, by what it says and when."""
        if message.msgid:
            return message.msgid in self._known
        start = bisect_left(self._keys, message.at)
        end = bisect_right(self._keys, message.at)
        same = (message.kind, message.by, message.text, message.at)
        return any((m.kind, m.by, m.text, m.at) == same for m in self.messages[start:end])

    def append(self, message: Message) -> None:
        """Put what has just happened at the end."""
        key = max(message.at, self._keys[-1]) if self._keys else message.at
        self.messages.append(message)
        self._keys.append(key)
        self._remember(message)
        if len(self.messages) > self.most + TRIMMED:
            self._trim()

    def insert(self, message: Message) -> int:
        """Put it in its place by time, behind those of the same moment; return where that is."""
        index = bisect_right(self._keys, message.at)
        self.messages.insert(index, message)
        self._keys.insert(index, message.at)
        self._remember(message)
        return index

    def prepend(self, messages: list[Message]) -> None:
        """Put a page of history in front; none of it is later than what is there."""
        self.messages[:0] = messages
        self._keys[:0] = [message.at for message in messages]
        for message in messages:
            self._remember(message)

    def is_before_all(self, messages: list[Message]) -> bool:
        """Whether *messages*, in order, are older than all that is there."""
        return not self._keys or not messages or messages[-1].at <= self._keys[0]

    def replace(self, old: Message, new: Message) -> None:
        """Put *new* in the place of *old*, if that is still there."""
        index = self.find(old)
        if index is not None:
            self.messages[index] = new
            self._remember(new)

    def find(self, message: Message) -> int | None:
        """Return where *message* is, by its number."""
        # What was appended late has a key that is later than its time.
        for index in range(bisect_left(self._keys, message.at), len(self.messages)):
            if self.messages[index].number == message.number:
                return index
        return None

    def with_msgid(self, msgid: str) -> Message | None:
        """Return the message of that id."""
        if msgid not in self._known:
            return None
        return next((one for one in reversed(self.messages) if one.msgid == msgid), None)

    def index_after(self, at: int) -> int:
        """Return where the first one is that is later than *at*."""
        return bisect_right(self._keys, at)

    def key_of(self, index: int) -> int:
        """Return the time by which the one at *index* is in order."""
        return self._keys[index]

    def clear(self) -> None:
        """Forget all of them; those that come again are not shown again."""
        self.messages.clear()
        self._keys.clear()

    def _remember(self, message: Message) -> None:
        if message.msgid:
            self._known.add(message.msgid)

    def _trim(self) -> None:
        for message in self.messages[:TRIMMED]:
            self._known.discard(message.msgid)
        del self.messages[:TRIMMED]
        del self._keys[:TRIMMED]


class Buffer:
    """A place to talk: a channel, somebody, or the server itself.

    *messages* are those that the server has, in order; *pending* the own ones that it does not
    have yet, or refused, to be shown behind them.
    """

    def __init__(self, kind: BufferKind, name: str) -> None:
        self.kind = kind
        self.name = name
        self.log = Log()
        self.pending: list[Message] = []
        self.is_joined = False
        """Of a channel: whether one is in it now."""
        self.wants_in = False
        """Of a channel: whether to join it again after a lost connection."""
        self.password = ""
        self.topic: Topic | None = None
        self.modes: dict[str, str] = {}
        """Of a channel: the letters that are set, with their parameters."""
        self.members: dict[str, Member] = {}
        """Who is in the channel, by folded nickname."""
        self.unread = 0
        self.mentions = 0
        self.read_at = 0
        """Until when all was read (Unix ms); 0 where nothing is known."""
        self.typing: dict[str, float] = {}
        """Who is typing, by nickname, and until when that is believed (monotonic)."""
        self.told_seen = ""
        """The id of the last message that its author was told to be seen."""
        self.is_loading = False
        """Whether older history was asked for."""
        self.has_all_history = False
        """Whether there is nothing older on the server, as far as it tells."""

    @property
    def messages(self) -> list[Message]:
        """What was said, in order."""
        return self.log.messages

    @property
    def is_channel(self) -> bool:
        """Whether it is a channel."""
        return self.kind is BufferKind.CHANNEL

    @property
    def first_unread(self) -> int:
        """Return the index of the first message after the last one read; ``len(messages)`` if all
        were read."""
        return self.log.index_after(self.read_at) if self.read_at else len(self.log)

    def __repr__(self) -> str:
        return f"Buffer({self.name!r})"


class Model:
    """Everything that is known. *fold* is by which names are the same (ISUPPORT CASEMAPPING)."""

    def __init__(self, server: str = "") -> None:
        self.fold: Callable[[str], str] = str.lower
        self.server = Buffer(BufferKind.SERVER, server)
        self._buffers: dict[str, Buffer] = {}
        self.users: dict[str, User] = {}
        self._numbers = 0

    def __iter__(self) -> Iterator[Buffer]:
        """Yield the server, then channels and queries in the order in which they were opened."""
        yield self.server
        yield from self._buffers.values()

    def next_number(self) -> int:
        """Return the number of a new message."""
        self._numbers += 1
        return self._numbers

    def get(self, name: str) -> Buffer | None:
        """Return the channel or query of that name."""
        return self._buffers.get(self.fold(name))

    def open(self, kind: BufferKind, name: str) -> Buffer:
        """Return the channel or query of that name; it is made if there is none."""
        buffer = self.get(name)
        if buffer is None:
            buffer = self._buffers[self.fold(name)] = Buffer(kind, name)
        return buffer

    def close(self, buffer: Buffer) -> None:
        """Forget a channel or query."""
        self._buffers.pop(self.fold(buffer.name), None)
        self.forget_strangers(buffer.members)

    def channels_of(self, nick: str) -> list[Buffer]:
        """Return the channels that somebody is in."""
        folded = self.fold(nick)
        return [one for one in self._buffers.values() if folded in one.members]

    # People

    def user(self, nick: str) -> User:
        """Return who is called so; they are known from now on."""
        folded = self.fold(nick)
        user = self.users.get(folded)
        if user is None:
            user = self.users[folded] = User(nick)
        return user

    def enter(self, buffer: Buffer, nick: str, ranks: str = "") -> Member:
        """Somebody is in a channel."""
        member = buffer.members[self.fold(nick)] = Member(self.user(nick), ranks)
        return member

    def leave(self, buffer: Buffer, nick: str) -> None:
        """Somebody is in a channel no more."""
        if buffer.members.pop(self.fold(nick), None) is not None:
            self.forget_strangers([self.fold(nick)])

    def forget_strangers(self, folded: Iterable[str]) -> None:
        """Forget those of whom nothing is heard any more: no channel is shared with them."""
        for one in list(folded):
            query = self._buffers.get(one)
            if query is None and not any(one in b.members for b in self._buffers.values()):
                self.users.pop(one, None)

    def rename(self, old: str, new: str) -> None:
        """Somebody is called otherwise; a query with them goes along."""
        before, after = self.fold(old), self.fold(new)
        user = self.users.pop(before, None)
        if user is not None:
            user.nick = new
            self.users[after] = user
        for buffer in self._buffers.values():
            if (member := buffer.members.pop(before, None)) is not None:
                buffer.members[after] = member
                member.user = self.user(new)
            if old in buffer.typing:
                buffer.typing[new] = buffer.typing.pop(old)
        query = self._buffers.get(before)
        if query is not None and (before == after or after not in self._buffers):
            query.name = new
            self._buffers = {
                after if key == before else key: one for key, one in self._buffers.items()
            }

    def refold(self, fold: Callable[[str], str]) -> None:
        """Names are compared otherwise from now on."""
        self.fold = fold
        self._buffers = {fold(one.name): one for one in self._buffers.values()}
        self.users = {fold(one.nick): one for one in self.users.values()}
        for buffer in self._buffers.values():
            buffer.members = {fold(one.nick): one for one in buffer.members.values()}
