"""What is known of channels: topics, modes, who is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tertulia.client.session import events as ev
from tertulia.client.session.handlers.people import act
from tertulia.client.session.handlers.table import Context, on, time_of
from tertulia.client.session.model import Buffer, Kind, Topic
from tertulia.client.session.wire import ServerLine

if TYPE_CHECKING:
    from tertulia.client.session.session import Session

WHO_MOST = 200
"""In a channel of more members it is not asked who is away."""
TOPIC_AT_MOST = 1 << 41


def _channel(session: Session, name: str) -> Buffer | None:
    buffer = session.model.get(name)
    return buffer if buffer is not None and buffer.is_channel else None


@on("TOPIC", params=2)
def topic(session: Session, line: ServerLine, _context: Context) -> None:
    """``TOPIC <channel> <topic>``."""
    buffer = _channel(session, line.param(0))
    if buffer is not None:
        at = time_of(session, line)
        buffer.topic = Topic(line.param(1), line.nick, at) if line.param(1) else None
        act(session, buffer, line, Kind.TOPIC, line.param(1))
        session.tell(ev.BufferChanged(buffer))


@on("332", params=3)
def topic_is(session: Session, line: ServerLine, context: Context) -> None:
    """RPL_TOPIC."""
    _set_topic(session, line, Topic(line.param(2)))


@on("331", params=2)
def no_topic(session: Session, line: ServerLine, _context: Context) -> None:
    """RPL_NOTOPIC."""
    _set_topic(session, line, None)


def _set_topic(session: Session, line: ServerLine, known: Topic | None) -> None:
    buffer = _channel(session, line.param(1))
    if buffer is None:
        session.tell(ev.Reply(line.command, line.params[-1], line.param(1)))
        return
    buffer.topic = known
    session.tell(ev.BufferChanged(buffer))


@on("333", params=4)
def topic_by(session: Session, line: ServerLine, _context: Context) -> None:
    """RPL_TOPICWHOTIME: ``<channel> <nick> <Unix seconds>``."""
    buffer, seconds = _channel(session, line.param(1)), line.param(3)
    if buffer is not None and buffer.topic is not None and seconds.isascii() and seconds.isdigit():
        at = min(int(seconds[:12]), TOPIC_AT_MOST) * 1000
        buffer.topic = Topic(buffer.topic.text, line.param(2).partition("!")[0], at)
        session.tell(ev.BufferChanged(buffer))


@on("353", params=4)
def names(session: Session, line: ServerLine, _context: Context) -> None:
    """RPL_NAMREPLY."""
    session.replies.add_names(line.param(2), line.param(3).split())


@on("366", params=2)
def end_of_names(session: Session, line: ServerLine, _context: Context) -> None:
    """RPL_ENDOFNAMES: those who are in a channel that one is in, or the answer to a question."""
    listed, was_asked = session.replies.end_names(line.param(1))
    split = [session.features.split_ranks(name.partition("!")[0]) for name in listed]
    buffer = _channel(session, line.param(1))
    if buffer is not None and buffer.is_joined and listed:
        _set_members(session, buffer, split)
        if not was_asked and len(split) <= WHO_MOST and "away-notify" in session.caps:
            session.replies.ask_who(buffer.name, quiet=True)
    if was_asked:
        shown = tuple([signs + nick for signs, nick in split])
        session.tell(ev.NamesList(line.param(1), shown))


def _set_members(session: Session, buffer: Buffer, split: list[tuple[str, str]]) -> None:
    before = list(buffer.members)
    buffer.members.clear()
    for signs, nick in split:
        if nick:
            session.model.enter(buffer, nick, session.features.sort_ranks(signs))
    session.model.forget_strangers(one for one in before if one not in buffer.members)
    session.tell(ev.MembersChanged(buffer))


@on("324", params=3)
def modes_are(session: Session, line: ServerLine, _context: Context) -> None:
    """RPL_CHANNELMODEIS."""
    buffer = _channel(session, line.param(1))
    if buffer is not None:
        buffer.modes.clear()
        _apply_modes(session, buffer, line.param(2), list(line.params[3:]))
        session.tell(ev.BufferChanged(buffer))


@on("329")
def created(_session: Session, _line: ServerLine, _context: Context) -> None:
    """RPL_CREATIONTIME: of no interest."""


@on("MODE", params=2)
def mode(session: Session, line: ServerLine, _context: Context) -> None:
    """``MODE <channel or nickname> <modes> [parameters]``."""
    buffer = _channel(session, line.param(0))
    if buffer is None:
        return
    act(session, buffer, line, Kind.MODE, " ".join(line.params[1:]))
    if _apply_modes(session, buffer, line.param(1), list(line.params[2:])):
        session.tell(ev.MembersChanged(buffer))
    session.tell(ev.BufferChanged(buffer))


def _apply_modes(session: Session, buffer: Buffer, modes: str, values: list[str]) -> bool:
    """Change what is known; return whether a rank did."""
    features, ranked = session.features, False
    signs = {letter: sign for sign, letter in features.prefixes.items()}
    for on_, letter, value in features.mode_changes(modes, values):
        member = buffer.members.get(session.model.fold(value))
        if letter in signs:
            if member is not None:
                rest = member.ranks.replace(signs[letter], "")
                member.ranks = features.sort_ranks(rest + signs[letter] if on_ else rest)
                ranked = True
        elif letter in features.list_modes:
            continue
        elif on_:
            buffer.modes[letter] = value
        else:
            buffer.modes.pop(letter, None)
        if letter == "k" and on_ and value != "*":
            buffer.password = value
    return ranked
