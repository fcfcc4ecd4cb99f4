"""What servers say to each other: one JSON object a line, told apart by ``op``.

A request has a ``hash``, a name that the one who asks chose; it is answered by ``ACK`` with the
same hash, after whatever else answers it. Servers are named by the 32 hexadecimal digits of their
id. What users said and did travels as `Item`, whose body is not looked into here.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Raw, Struct

VERSION = 1
"""Of this protocol."""
LINE_BYTES = 1024 * 1024
"""The longest line that a link takes."""
BODY_BYTES = 64 * 1024
"""The longest body of an item."""


class Item(Struct, frozen=True, array_like=True, gc=False, omit_defaults=True):
    """What happened: its hybrid clock value, the history it belongs to, and what it was.

    *stamp* is that of a write that came after one with a later clock (0: the clock itself),
    *retry* the client's own id of a message.
    """

    hlc: int
    conversation: int
    body: Raw
    stamp: int = 0
    retry: str | None = None


class Run(Struct, frozen=True, gc=False):
    """Consecutive events of one source, a server's epoch: numbers *first*, *first* + 1, …"""

    server: str
    epoch: int
    first: int
    items: list[Item]

    @property
    def last(self) -> int:
        """The number of the last one."""
        return self.first + len(self.items) - 1


class Message(Struct, frozen=True, tag_field="op", omit_defaults=True):
    """Anything that servers say."""


class Hello(Message, frozen=True, tag="HELLO"):
    """The first line of both ends: who speaks. *nonce* is 32 random bytes of this connection,
    *process* 16 random bytes of this start of the server, both in hexadecimal; *cluster* is
    the name of the network, for people."""

    server: str
    epoch: int
    name: str
    nonce: str
    process: str
    versions: tuple[int, ...] = (VERSION,)
    cluster: str = ""


class Proof(Message, frozen=True, tag="PROOF"):
    """The second line of both ends, the initiator first: for each secret that is in use one
    HMAC-SHA256, in hexadecimal (see `handshake`)."""

    macs: tuple[str, ...]


class Ack(Message, frozen=True, tag="ACK"):
    """A request was fulfilled, or not: then *message* says why."""

    hash: str
    success: bool
    message: str = ""


class Error(Message, frozen=True, tag="ERROR"):
    """What was said is refused; a link whose handshake fails is closed after it."""

    message: str
    hash: str = ""


class Events(Message, frozen=True, tag="EVENTS"):
    """Events as they happen, or with a *hash* those that were pulled.

    *gone* tells, for sources (server, epoch) of which the first events are kept no more, the
    number of the first one that there still is. With *more* there is more than fitted.
    """

    runs: list[Run]
    hash: str = ""
    gone: list[tuple[str, int, int]] = []
    more: bool = False


class Pull(Message, frozen=True, tag="PULL"):
    """Request: the events of sources (server, epoch) after a number, in the order of their
    clocks. Answered by one `Events` and `Ack`."""

    hash: str
    want: list[tuple[str, int, int]]


class Heard(Struct, frozen=True, array_like=True):
    """How far somebody has what a server wrote: up to number *seq* of its *epoch*, and of its
    earlier epochs what *digest* says (see `vectors.digest`). Of who is there, *present* changes
    of that epoch; -1 if that is not known."""

    epoch: int
    seq: int
    digest: str = ""
    present: int = -1


class LinkState(Struct, frozen=True, array_like=True):
    """With whom a server is directly linked, as it said itself, *count* times in its *epoch*.

    *process* is that of its `Hello`. *gone*: it said `Bye`, and its users are gone.
    """

    epoch: int
    count: int
    process: str
    name: str
    links: list[str]
    gone: bool = False


class Vector(Message, frozen=True, tag="VECTOR"):
    """What the speaker has on disk, of every server it knows of, by id; and who is linked with
    whom: the speaker, and the servers that it can reach and the other end is not linked with.

    Said when a link comes up, when links change, and every five seconds.
    """

    heard: dict[str, Heard]
    links: dict[str, LinkState]


class Epochs(Message, frozen=True, tag="EPOCHS"):
    """Request: how many events there are of every epoch of *server* (see `EpochsAre`)."""

    hash: str
    server: str


class EpochsAre(Message, frozen=True, tag="EPOCHS_ARE"):
    """The answer: each epoch of *server* with the number of its last event."""

    hash: str
    server: str
    epochs: list[tuple[int, int]]


class Presence(Message, frozen=True, tag="PRESENCE"):
    """Changes of who is where on *server*, as they happen; counted in each epoch from 1."""

    server: str
    epoch: int
    first: int
    items: list[Item]


class WhoIsThere(Message, frozen=True, tag="WHO_IS_THERE"):
    """Request: everybody on *server* (see `Snapshot`)."""

    hash: str
    server: str


class Snapshot(Message, frozen=True, tag="SNAPSHOT"):
    """Everybody on *server* after *count* changes of its *epoch*, in parts, in order; the last
    one is not *more*. Said of the speaker when a link comes up, and of any server when asked;
    *taking* tells apart the parts of different answers of one speaker."""

    server: str
    epoch: int
    count: int
    users: list[Raw]
    taking: int = 0
    part: int = 0
    more: bool = False


class Ask(Message, frozen=True, tag="ASK"):
    """Something is wanted of a user of the server *to*, who alone can do it (a kick, say)."""

    to: str
    by: str
    item: Item
    id: str


class Ping(Message, frozen=True, tag="PING"):
    """Is anyone there? Answered by `Pong`."""

    n: int


class Pong(Message, frozen=True, tag="PONG"):
    """The answer to `Ping`."""

    n: int


class Bye(Message, frozen=True, tag="BYE"):
    """The speaker stops in an orderly way: its users are gone, not cut off."""

    reason: str = ""


AnyMessage: TypeAlias = (
    Hello | Proof | Ack | Error | Events | Pull | Vector | Epochs | EpochsAre | Presence
    | WhoIsThere | Snapshot | Ask | Ping | Pong | Bye
)  # fmt: skip
