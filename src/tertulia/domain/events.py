"""What happened: the unit of the log and of replication.

A *fact* says what happened; an `Event` is a fact with its place in time. There are three
kinds of fact. *Durable* facts make the state that survives a restart; where they cannot be
written they did not happen. *Activity* is logged as history and shown, but who is here is
known from the connections alone. *Presence* is never logged.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from tertulia.domain.ids import NOWHERE, Conversation, Hlc, Uid, msgid
from tertulia.domain.text import Text

Durability = Literal["durable", "activity", "presence"]


class Face(Struct, frozen=True, gc=False, omit_defaults=True):
    """A user as others saw them at some moment; *mask* is ``nick!user@host``."""

    uid: Uid
    nick: str
    number: str
    mask: str
    account: str = ""
    bot: bool = False


class Fact(Struct, frozen=True, gc=False, omit_defaults=True, tag_field="k"):
    """What happened, without its place in time."""

    durability: ClassVar[Durability] = "presence"

    @property
    def can_be_refused(self) -> bool:
        """Whether it did not happen where it cannot be written, and who wanted it is told."""
        return self.durability == "durable"


class Said(Fact, frozen=True, gc=False, tag="said", omit_defaults=True):
    """A message. *style* is a `Style`; *target* a channel, a nickname, ``*`` or ``&``.

    *to* is the uid of the one it was for; *tags* are client-only tags (IRCv3 message-tags).
    What *waits* is shown to that one later, because they are not here; in a channel it is
    *put_by* for these members. With *receipt* who said it is to be told when it was delivered.
    """

    durability: ClassVar[Durability] = "durable"
    by: Face
    target: str
    style: int
    text: Text
    to: Uid | None = None
    tags: dict[str, str] | None = None
    status: str = ""
    waits: bool = False
    receipt: bool = False
    put_by: tuple[Uid, ...] = ()


SENT_TAG = "+tertulia/sent"
"""The client-only tag with the time (Unix seconds) that the sender's own clock showed."""


class Style:
    """How a message is said."""

    SAY = 0
    NOTICE = 1
    ACTION = 2
    REQUEST = 3
    """A CTCP request other than ACTION; *text* is what stands between the \\x01."""
    RESPONSE = 4
    """A CTCP response."""
    TAGS = 5
    """Tags alone; never logged (see `Signalled`)."""
    POKE = 6
    """A poke; *text* is the nickname of who is poked."""


WAITING_STYLES = frozenset({Style.SAY, Style.NOTICE, Style.ACTION, Style.POKE})
"""What can wait; who is asked by CTCP must be here to answer."""


class Erased(Fact, frozen=True, gc=False, tag="erased"):
    """Something was said here that is no longer kept."""

    durability: ClassVar[Durability] = "activity"


class Signalled(Fact, frozen=True, gc=False, tag="signalled"):
    """Client-only tags without a message, such as ``+typing``."""

    by: Face
    target: str
    tags: dict[str, str]
    to: Uid | None = None
    status: str = ""


class NumberAssigned(Fact, frozen=True, gc=False, tag="number"):
    """A nickname was given its number."""

    durability: ClassVar[Durability] = "activity"
    nickname: str
    number: str


class IdentityIssued(Fact, frozen=True, gc=False, tag="identity"):
    """A user was given an identity; *token* is the hash of its secret token."""

    durability: ClassVar[Durability] = "durable"
    by: Face
    number: str
    nickname: str
    token: str


class IdentityUsed(Fact, frozen=True, gc=False, tag="used"):
    """A bare identity is no longer one that nobody came as, or for which nothing was meant."""

    durability: ClassVar[Durability] = "activity"
    number: str


class IdentityForgotten(Fact, frozen=True, gc=False, tag="forgotten"):
    """A bare identity that was never used is none any more, and its number free."""

    durability: ClassVar[Durability] = "activity"
    number: str


class IdentityRenamed(Fact, frozen=True, gc=False, tag="called"):
    """An identity has another nickname, because its user has."""

    durability: ClassVar[Durability] = "activity"
    number: str
    nickname: str


class Received(Fact, frozen=True, gc=False, tag="received", omit_defaults=True):
    """A user was handed *messages* that had waited, by their ids.

    The first version told only how many, and *until* when.
    """

    durability: ClassVar[Durability] = "activity"
    by: Face
    messages: tuple[str, ...] = ()
    until: Hlc = Hlc(0)
    count: int = 0


class Acknowledged(Fact, frozen=True, gc=False, tag="receipt", omit_defaults=True):
    """A message was delivered to *by*, or *seen* by them; its author *to* is told.

    *target* is the author's nickname, *about* the number that the message was addressed to,
    *message* its id (empty where it is not known), and *at* until when all was seen (Unix ms).
    Where the author is not here it *waits*. That it was delivered remains so, whether or not it
    can be written; that it was seen somebody says.
    """

    durability: ClassVar[Durability] = "durable"
    by: Face
    to: Uid
    target: str
    about: str
    message: str
    at: int
    seen: bool = False
    waits: bool = False

    @property
    def can_be_refused(self) -> bool:
        """Whether somebody says it who can be told."""
        return self.seen

    @property
    def is_of_group(self) -> bool:
        """Whether it tells that the first in a group has a message, which is told once."""
        return not self.seen and self.about.startswith("1")


class CaughtUp(Fact, frozen=True, gc=False, tag="caught-up"):
    """A user was handed everything that had waited."""

    by: Face


class Connected(Fact, frozen=True, gc=False, tag="connected", omit_defaults=True):
    """Someone is here, or on another *server*. *claim* is the place in time at which they took
    their nickname, if that was earlier. They count as having come *after* others of the same
    identity whose servers have clocks that are ahead."""

    face: Face
    username: str
    host: str
    realname: str
    secure: bool
    protocol: str
    server: str = ""
    claim: str = ""
    after: Hlc = Hlc(0)


class Disconnected(Fact, frozen=True, gc=False, tag="disconnected"):
    """Someone is here no more."""

    face: Face
    reason: str


class ChannelCreated(Fact, frozen=True, gc=False, tag="created"):
    """A channel began."""

    durability: ClassVar[Durability] = "durable"
    by: Face
    channel: str
    number: str
    incarnation: Conversation
    key: str | None = None
    flags: str | None = None


class Gathered(Fact, frozen=True, gc=False, tag="gathered"):
    """Users became members of a channel: they belong to it whether or not they are here.

    *group* is the channel's number, *everyone* the numbers of all who belong to it now.
    """

    durability: ClassVar[Durability] = "durable"
    by: Face
    channel: str
    group: str
    members: tuple[Face, ...]
    everyone: tuple[str, ...]


class ChannelEnded(Fact, frozen=True, gc=False, tag="ended", omit_defaults=True):
    """A channel (one *incarnation* of it) is over, and its name free."""

    durability: ClassVar[Durability] = "durable"
    channel: str
    incarnation: Conversation = NOWHERE


class ChannelKept(Fact, frozen=True, gc=False, tag="kept"):
    """Somebody is in a channel that another server took for forgotten: it is not over."""

    durability: ClassVar[Durability] = "activity"
    channel: str


class Joined(Fact, frozen=True, gc=False, tag="joined", omit_defaults=True):
    """A user came into a channel, as its admin or not."""

    durability: ClassVar[Durability] = "activity"
    by: Face
    channel: str
    admin: bool = False


class Parted(Fact, frozen=True, gc=False, tag="parted", omit_defaults=True):
    """A user left a channel; *quit* if the server too."""

    durability: ClassVar[Durability] = "activity"
    by: Face
    channel: str
    reason: str
    quit: bool = False


class Kicked(Fact, frozen=True, gc=False, tag="kicked"):
    """A user was expelled from a channel."""

    durability: ClassVar[Durability] = "activity"
    by: Face
    channel: str
    whom: Face
    reason: str


class MemberKicked(Kicked, frozen=True, gc=False, tag="member-kicked"):
    """The same for a member, who is none any more."""

    durability: ClassVar[Durability] = "durable"


class PutOut(Kicked, frozen=True, gc=False, tag="put-out"):
    """The same where another server has logged it."""

    durability: ClassVar[Durability] = "presence"


class Renamed(Fact, frozen=True, gc=False, tag="renamed"):
    """A user has another nickname."""

    durability: ClassVar[Durability] = "activity"
    by: Face
    now: Face


class TopicSet(Fact, frozen=True, gc=False, tag="topic"):
    """A channel has another topic; empty for none."""

    durability: ClassVar[Durability] = "durable"
    by: Face
    channel: str
    topic: Text


class ModeChange(Struct, frozen=True, gc=False, omit_defaults=True):
    """One mode switched. *value* is the limit, the password's hash, or the mask."""

    on: bool
    mode: str
    value: str | None = None


class ModesSet(Fact, frozen=True, gc=False, tag="modes"):
    """Settings or mask lists of a channel were changed."""

    durability: ClassVar[Durability] = "durable"
    by: Face
    channel: str
    modes: tuple[ModeChange, ...]


class RankChange(Struct, frozen=True, gc=False):
    """An occupant was made admin (*mode* ``o``) or given voice (``v``), or no longer is."""

    on: bool
    mode: str
    whom: Face


class RanksSet(Fact, frozen=True, gc=False, tag="ranks"):
    """Occupants of a channel have another rank."""

    durability: ClassVar[Durability] = "activity"
    by: Face
    channel: str
    ranks: tuple[RankChange, ...]


class AdminsSet(RanksSet, frozen=True, gc=False, tag="admins"):
    """The same for admins who stay admins when they leave."""

    durability: ClassVar[Durability] = "durable"


class Invited(Fact, frozen=True, gc=False, tag="invited"):
    """A user was asked to come into a channel."""

    by: Face
    whom: Face
    channel: str


class AwaySet(Fact, frozen=True, gc=False, tag="away"):
    """A user is away (*message*) or back (None)."""

    by: Face
    message: str | None


class RealnameSet(Fact, frozen=True, gc=False, tag="realname"):
    """A user has another real name."""

    by: Face
    realname: str


class UserModeSet(Fact, frozen=True, gc=False, tag="usermode"):
    """A user mode was switched."""

    by: Face
    mode: str
    on: bool


class Unknown(Fact, frozen=True, gc=False, tag="unknown"):
    """A fact of a kind that only later versions know: kept as it came, and without effect."""


class Wanted(Fact, frozen=True, gc=False, tag="wanted"):
    """Something is to happen to users of *server* (empty: this one), which alone can do it."""

    server: str
    fact: Kicked | RanksSet | Disconnected


LoggedFact = (
    Said | NumberAssigned | ChannelCreated | ChannelEnded | ChannelKept | Joined | Parted | Kicked
    | Renamed | TopicSet | ModesSet | RanksSet | AdminsSet | IdentityIssued | IdentityUsed
    | IdentityForgotten | IdentityRenamed | Received | Acknowledged | Gathered | MemberKicked
    | Erased
)  # fmt: skip
SharedFact = (
    Connected | Disconnected | Joined | Parted | Kicked | MemberKicked | PutOut | Renamed | RanksSet
    | Invited | AwaySet | RealnameSet | UserModeSet | Signalled
)  # fmt: skip
"""What tells other servers who is where."""
WantedFact = Kicked | RanksSet | Disconnected
"""What other servers can want of this one."""


class Event(Struct, frozen=True, gc=False):
    """A fact with its place in time; *conversation* is the history it belongs to.

    *tag* names the server and epoch where it happened. *stamp* is set where something was
    written over that has a later clock; it is what counts among writes.
    """

    hlc: Hlc
    conversation: Conversation
    fact: Fact
    client_id: str | None = None
    tag: int = 0
    stamp: Hlc = Hlc(0)

    @property
    def write(self) -> str:
        """The place in time that counts among writes."""
        return msgid(self.stamp or self.hlc, self.tag)
