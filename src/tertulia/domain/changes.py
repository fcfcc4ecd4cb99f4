"""What became observable: what every protocol renders, live and from history."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from tertulia.domain.events import Face
from tertulia.domain.ids import Hlc, Uid
from tertulia.domain.text import Text


class Change(Struct, frozen=True, gc=False):
    """Something that others can see, with its time and the id it has on the wire."""

    hlc: Hlc
    msgid: str


class Spoken(Change, frozen=True, gc=False):
    """A message to *target*: a channel, a nickname, ``*`` or ``&``; *style* is a `Style`.

    *status* is ``@`` or ``+`` where only those of that rank in the channel were meant.
    """

    by: Face
    target: str
    style: int
    text: Text
    tags: dict[str, str] | None
    status: str
    receipt: bool = False
    """Whether who said it wants to be told when it was delivered."""
    to: Uid | None = None
    """The uid of the one it was for."""


class Acknowledged(Change, frozen=True, gc=False):
    """A message was delivered to *by*, or *seen* by them; told to its author.

    *to* is the author's uid, *target* their nickname, *about* the number that the message was
    addressed to, *message* its id (may be empty), *at* until when all was seen (Unix ms).
    """

    by: Face
    to: Uid
    target: str
    about: str
    message: str
    at: int
    seen: bool


class Gathered(Change, frozen=True, gc=False):
    """Users became members of a channel; *group* is its number, *everyone* the numbers of all
    who belong to it."""

    by: Face
    channel: str
    group: str
    members: tuple[Face, ...]
    everyone: tuple[str, ...]


class TagsSpoken(Change, frozen=True, gc=False):
    """Client-only tags without a message."""

    receipt: ClassVar[bool] = False
    by: Face
    target: str
    tags: dict[str, str]
    status: str
    to: Uid | None = None


class Entered(Change, frozen=True, gc=False):
    """A user came into a channel; *admin* if it is theirs, *alone* if nobody is there who is to
    be told that."""

    by: Face
    channel: str
    realname: str
    away: str | None
    admin: bool
    alone: bool = True


class Departed(Change, frozen=True, gc=False):
    """A user left a channel; with *quit* the server too (seen in history only)."""

    by: Face
    channel: str
    reason: str
    quit: bool = False


class Expelled(Change, frozen=True, gc=False):
    """A user was kicked out of a channel."""

    by: Face
    channel: str
    whom: Face
    reason: str


class TopicChanged(Change, frozen=True, gc=False):
    """A channel has another topic."""

    by: Face
    channel: str
    topic: Text


class ShownMode(Struct, frozen=True, gc=False):
    """A mode as all may see it: a rank with the face it went to, a password as ``*``."""

    on: bool
    mode: str
    value: str | None = None
    whom: Face | None = None


class ModesChanged(Change, frozen=True, gc=False):
    """Modes of a channel, or ranks of those in it, changed."""

    by: Face
    channel: str
    modes: tuple[ShownMode, ...]


class Arrived(Change, frozen=True, gc=False):
    """A user is on the server."""

    by: Face


class Gone(Change, frozen=True, gc=False):
    """A user left the server, and with it *channels*."""

    by: Face
    reason: str
    channels: tuple[str, ...]
    realname: str = ""


class NickChanged(Change, frozen=True, gc=False):
    """A user has another nickname."""

    by: Face
    now: Face


class Together(Change, frozen=True, gc=False):
    """Several changes that belong together: *kind* is ``late`` for what another server brought
    after a time without a connection, ``netsplit`` or ``netjoin`` for users of *server* who
    went or came with it. All are about *channel*, or are `Gone` where there is none."""

    kind: str
    channel: str
    changes: tuple[Change, ...]
    server: str = ""


class CutOff(Change, frozen=True, gc=False):
    """A server cannot be reached, or can again (*back*); of the channel's users *nicks* are
    there."""

    server: str
    channel: str
    nicks: tuple[str, ...]
    back: bool = False


class Summoned(Change, frozen=True, gc=False):
    """A user was invited to a channel; *overheard* by those who are in it already."""

    by: Face
    whom: Face
    channel: str
    overheard: bool = False


class AwayChanged(Change, frozen=True, gc=False):
    """A user is away (*message*) or back (None)."""

    by: Face
    message: str | None


class RealnameChanged(Change, frozen=True, gc=False):
    """A user has another real name."""

    by: Face
    realname: str


class UserModeChanged(Change, frozen=True, gc=False):
    """A mode of a user was switched; only they are told."""

    by: Face
    mode: str
    on: bool
