"""What is said on the control socket: one JSON object a line, a request or its answer.

A request is ``{"do": "users", …}``, its answer ``{"ok": …}`` or ``{"error": "…"}`` with a
sentence. What a request is answered with is said at each; times are ISO 8601, in UTC.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias

from msgspec import Raw, Struct

SOCKET = "control"
"""The name of the socket in the data directory."""
REQUEST_BYTES = 64 * 1024
"""The longest line that the server takes."""
Health: TypeAlias = Literal["ok", "degraded", "isolated"]
"""How a server is connected with the others that it knows of: with all, some, or none."""
_ADDRESS_BYTES = 100
"""What fits in the address of a socket everywhere (unix(7): 108 bytes, elsewhere 104)."""


class Request(Struct, frozen=True, tag_field="do", forbid_unknown_fields=True, omit_defaults=True):
    """What the operator wants. Channels are given by name, with or without ``#``, or number."""


class Users(Request, frozen=True, tag="users"):
    """List those who are here, or in *channel*; with *absent* also the identities that are
    not here, or that belong to the channel: a list of `UserRow`."""

    channel: str | None = None
    absent: bool = False


class Channels(Request, frozen=True, tag="channels"):
    """List the channels: a list of `ChannelRow`."""


class Say(Request, frozen=True, tag="say"):
    """Say *text* to a channel, a nickname, a number, ``*`` or ``&``: a sentence."""

    target: str
    text: str


class Kick(Request, frozen=True, tag="kick"):
    """Expel a user from a channel: a sentence."""

    channel: str
    user: str
    reason: str = ""


class Kill(Request, frozen=True, tag="kill"):
    """Disconnect a user from the server: a sentence."""

    user: str
    reason: str = ""


class Ban(Request, frozen=True, tag="ban"):
    """Put *mask* on the ban list of a channel, or with *on* false take it off: a sentence.

    A nickname is the mask ``nickname!*@*``.
    """

    channel: str
    mask: str
    on: bool = True


class Op(Request, frozen=True, tag="op"):
    """Make a user an admin of a channel, or with *on* false no longer: a sentence."""

    channel: str
    user: str
    on: bool = True


class Topic(Request, frozen=True, tag="topic"):
    """Set the topic of a channel, if one is given: `ChannelTopic`. An empty one takes it away."""

    channel: str
    topic: str | None = None


class Stats(Request, frozen=True, tag="stats"):
    """Tell how the server is: `ServerStats`."""


class Servers(Request, frozen=True, tag="servers"):
    """List the other servers that share this chat: `Network`."""


class Join(Request, frozen=True, tag="join"):
    """Take *secrets* (64 hexadecimal digits each, one or two, the new one first) for those of the
    network, from now on, and look for servers at *peers* (``host:port``): a sentence."""

    secrets: tuple[str, ...]
    peers: tuple[str, ...] = ()


class Forget(Request, frozen=True, tag="forget"):
    """Forget a *server* that is not linked, given by name or id: a sentence."""

    server: str


class Shutdown(Request, frozen=True, tag="shutdown"):
    """Stop the server: a sentence, and then the end of the connection when all is on disk
    and another server can use the data directory."""

    reason: str = ""


AnyRequest = (
    Users | Channels | Say | Kick | Kill | Ban | Op | Topic | Stats | Servers | Join | Forget
    | Shutdown
)  # fmt: skip


class Answer(Struct, frozen=True, omit_defaults=True):
    """What came of a request: what it is answered with, or why it was refused."""

    ok: Raw = Raw(b"null")
    error: str | None = None


class UserRow(Struct, frozen=True, kw_only=True):
    """A user, or an identity that is not *here*, of which no more is known than its names;
    *waiting* is how many messages wait to be handed to either. *server* is the one they are on,
    if that is another one; *cut_off* says whether that cannot be reached."""

    nick: str
    number: str
    here: bool
    protocol: str | None = None
    secure: bool = False
    address: str | None = None
    since: datetime | None = None
    channels: tuple[str, ...] = ()
    away: str | None = None
    operator: bool = False
    waiting: int = 0
    server: str | None = None
    cut_off: bool = False


class ChannelRow(Struct, frozen=True, kw_only=True):
    """A channel; *password* says whether there is one, *admins* are nicknames."""

    name: str
    number: str
    users: int
    modes: str
    password: bool
    topic: str | None
    created: datetime
    admins: tuple[str, ...]


class ChannelTopic(Struct, frozen=True, kw_only=True):
    """The topic of a channel, who set it and when; None if it has none."""

    channel: str
    topic: str | None
    by: str | None
    at: datetime | None


class ServerStats(Struct, frozen=True, kw_only=True):
    """How a server is. *users* are those on it; *events* were written since it started, *waiting*
    are the messages for people who are not here. *servers* are the other ones that can be reached;
    *health* is None if none is looked for. Some messages before *dropped_until* are no longer kept.
    *state* is the fingerprint of all that servers share and that lasts: the same where they have
    the same events. It is that of no one moment while something changes, and None where there are
    no other servers."""

    server: str
    version: str
    started: datetime
    uptime_s: float
    users: int
    protocols: dict[str, int]
    channels: int
    events: int
    waiting: int
    connections: int
    memory_bytes: int
    database_bytes: int
    servers: int = 0
    health: Health | None = None
    dropped_until: datetime | None = None
    state: str | None = None


class ServerRow(Struct, frozen=True, kw_only=True):
    """Another server, or an address where nobody was met yet, which has no *id*.

    *state* says whether it is linked, or reached *via* another one, or cannot be reached, and then
    *why* says what is known of that. *lag* is how many of its events are known to be missing here,
    *behind* how many of ours are missing there; *queued* is in bytes.
    """

    name: str
    id: str
    state: Literal["linked", "via", "away"]
    via: str | None = None
    why: str | None = None
    users: int = 0
    address: str | None = None
    latency_ms: float | None = None
    lag: int = 0
    behind: int = 0
    queued: int = 0


class Network(Struct, frozen=True, kw_only=True):
    """The other servers, and how this one is connected with them: *health* is None if it looks
    for none. Others come in at *ports*; the network's secret is in *secret_file*."""

    health: Health | None
    ports: tuple[int, ...]
    secret_file: str
    servers: tuple[ServerRow, ...]


@contextmanager
def address_of(path: Path) -> Iterator[str]:
    """Yield the address of the socket at *path*, which may be longer than addresses can be."""
    if len(os.fsencode(path)) <= _ADDRESS_BYTES:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
