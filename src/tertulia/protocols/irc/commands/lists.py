"""LIST, with the conditions of ELIST=CMNTU (modern.ircdocs.horse, "ELIST Parameter")."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tertulia.domain.channels import Channel
from tertulia.domain.masks import matches
from tertulia.protocols.irc import numerics as n
from tertulia.protocols.irc.commands.channels import is_in
from tertulia.protocols.irc.commands.lookup import find_channel
from tertulia.protocols.irc.commands.table import command
from tertulia.protocols.irc.parser import Line

if TYPE_CHECKING:
    from tertulia.protocols.irc.session import IrcSession

Condition = Callable[[Channel], bool]


@command("LIST", cost=5)
def list_(session: IrcSession, line: Line) -> None:
    """``LIST [channels and conditions]``."""
    words = line.params[0].split(",") if line.params and line.params[0] else []
    named = [w for w in words if w.startswith("#") and "*" not in w and "?" not in w]
    now = session.core.world.now()
    conditions = [_condition(word, now) for word in words if word not in named]
    session.reply(n.RPL_LISTSTART, "Channel", "Users  Name")
    if named:
        found = [c for name in named if (c := find_channel(session, name)) is not None]
    else:
        found = list(session.core.state.channels.values())
    for channel in found:
        if _is_listed(session, channel) and all(holds(channel) for holds in conditions):
            topic = channel.topic.text if channel.topic else ""
            count = str(len(channel.occupants))
            session.reply(n.RPL_LIST, channel.name.text, count, topic)
    session.reply(n.RPL_LISTEND, "End of /LIST")


def _is_listed(session: IrcSession, channel: Channel) -> bool:
    """Whether the channel is alive and the user may know of it."""
    if channel.is_hidden and not is_in(session, channel):
        return False
    return bool(channel.occupants)


def _condition(word: str, now_ms: int) -> Condition:
    """Return what a word of the list of conditions asks of a channel."""
    if word.startswith("!"):
        return lambda channel: not matches(word[1:], channel.name.text)
    kind, comparison, rest = word[:1].upper(), word[1:2], word[2:]
    if kind in ("<", ">"):
        kind, comparison, rest = "U", kind, word[1:]
    if kind not in ("U", "C", "T") or comparison not in ("<", ">") or not _is_count(rest):
        return lambda channel: matches(word, channel.name.text)
    number = int(rest)
    if kind == "U":
        return lambda channel: _compare(len(channel.occupants), comparison, number)
    age_of = _topic_time if kind == "T" else _creation_time

    def is_of_age(channel: Channel) -> bool:
        at = age_of(channel)
        return at is not None and _compare(now_ms - at, comparison, number * 60_000)

    return is_of_age


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _compare(value: int, comparison: str, other: int) -> bool:
    return value < other if comparison == "<" else value > other


def _topic_time(channel: Channel) -> int | None:
    return None if channel.topic is None else channel.topic.at


def _creation_time(channel: Channel) -> int | None:
    return channel.created
