"""What a person or a program wants: given to `Session.do`."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Intent(Struct, frozen=True):
    """Something to do."""


class Say(Intent, frozen=True):
    """Say *text* in a channel or to somebody; lines of it are messages of their own, and what is
    too long for one is split."""

    target: str
    text: str
    kind: Literal["say", "action", "notice"] = "say"


class Join(Intent, frozen=True):
    """Come into a channel, and again after a lost connection."""

    channel: str
    password: str = ""


class Part(Intent, frozen=True):
    """Leave a channel."""

    channel: str
    reason: str = ""


class OpenQuery(Intent, frozen=True):
    """Have a buffer for what is said with somebody."""

    nick: str


class Close(Intent, frozen=True):
    """Leave the channel, or forget the query."""

    name: str


class Nick(Intent, frozen=True):
    """Be called so."""

    nick: str


class SetTopic(Intent, frozen=True):
    """Say what a channel is about."""

    channel: str
    topic: str


class Kick(Intent, frozen=True):
    """Put somebody out of a channel."""

    channel: str
    nick: str
    reason: str = ""


class Ban(Intent, frozen=True):
    """Keep those out who match *mask*, or whoever has that nickname; or not any more."""

    channel: str
    mask: str
    on: bool = True


class Invite(Intent, frozen=True):
    """Ask somebody into a channel."""

    nick: str
    channel: str


class SetRank(Intent, frozen=True):
    """Give somebody a rank in a channel, or take it; *mode* is its letter."""

    channel: str
    nick: str
    mode: str = "o"
    on: bool = True


class SetModes(Intent, frozen=True):
    """Set modes of a channel: ``+k secret``."""

    channel: str
    modes: str


class Poke(Intent, frozen=True):
    """Poke somebody, in a channel if one is given."""

    nick: str
    channel: str = ""


class Away(Intent, frozen=True):
    """Be away; with an empty message, be back."""

    message: str


class Whois(Intent, frozen=True):
    """Ask who somebody is (`WhoisReply`)."""

    nick: str


class Who(Intent, frozen=True):
    """Ask who is there: in a channel, or who matches (`WhoList`)."""

    mask: str


class Names(Intent, frozen=True):
    """Ask who is in a channel (`NamesList`)."""

    channel: str


class ListChannels(Intent, frozen=True):
    """Ask which channels there are (`ChannelList`)."""

    mask: str = ""


class Search(Intent, frozen=True):
    """Look for *words*, in one buffer or in all (`Found`): on the server where it can, else in
    what the client has."""

    words: str
    target: str = ""


class LoadOlder(Intent, frozen=True):
    """Ask for older history of a buffer (`Merged`)."""

    target: str


class MarkRead(Intent, frozen=True):
    """All of a buffer was read; who wrote a direct message is told so."""

    target: str


class Typing(Intent, frozen=True):
    """Somebody is typing to a buffer, or has stopped without sending."""

    target: str
    is_typing: bool = True


class SendAgain(Intent, frozen=True):
    """Send a FAILED message again; *number* is its own."""

    number: int


class Drop(Intent, frozen=True):
    """Give up a message that the server does not have."""

    number: int


class Clear(Intent, frozen=True):
    """Forget the messages of a buffer, on the screen only."""

    target: str


class Ignore(Intent, frozen=True):
    """Hear nothing of whoever has that nickname, or matches that mask; or hear them again."""

    mask: str
    on: bool = True


class Contact(Intent, frozen=True):
    """Have a *name* of one's own for a nickname or number; for an empty one, not any more."""

    name: str
    whom: str


class Sync(Intent, frozen=True):
    """Be told (`Synced`) when the server has done all that was asked before."""

    token: str


class Raw(Intent, frozen=True):
    """Send a line as it is."""

    line: str


class Quit(Intent, frozen=True):
    """Leave the server, and do not come again."""

    reason: str = ""


class Reconnect(Intent, frozen=True):
    """Try now, without waiting; or give up this connection and make another."""
