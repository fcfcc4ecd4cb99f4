"""Who comes, goes, and is called how: JOIN, PART, KICK, QUIT, NICK, and what is known of people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tertulia.client.session import events as ev
from tertulia.client.session.handlers.table import Context, on, time_of
from tertulia.client.session.model import Buffer, Kind, Message
from tertulia.client.session.wire import ServerLine

if TYPE_CHECKING:
    from tertulia.client.session.session import Session


def act(
    session: Session, buffer: Buffer, line: ServerLine, kind: Kind, text: str = "", whom: str = ""
) -> None:
    """Put what somebody did into a buffer, as a message of its own."""
    message = Message(
        session.model.next_number(), kind, line.nick, text, time_of(session, line),
        msgid=line.tags.get("msgid", ""), own=session.is_me(line.nick), whom=whom,
        account=line.tags.get("account", ""),
    )  # fmt: skip
    session.happened(buffer, message)


@on("JOIN", params=1)
def joined(session: Session, line: ServerLine, context: Context) -> None:
    """``JOIN <channel> [<account> <realname>]`` (extended-join)."""
    own = session.is_me(line.nick)
    buffer = session.open_channel(line.param(0)) if own else session.model.get(line.param(0))
    if buffer is None or not buffer.is_channel or not line.nick:
        return
    if own:
        _came_in(session, buffer, line)
    session.model.enter(buffer, line.nick)
    _learn(session, line)
    if context.crowd is not None:
        context.crowd.setdefault(buffer.name, []).append(line.nick)
    else:
        act(session, buffer, line, Kind.JOIN)
    session.tell(ev.Joined(buffer, line.nick, own))
    session.tell(ev.MembersChanged(buffer))
    if own:
        session.history.entered(buffer)
        session.outbox.flush()


def _came_in(session: Session, buffer: Buffer, line: ServerLine) -> None:
    if "!" in line.source:
        session.own_mask = line.source
    buffer.name = line.param(0)
    buffer.is_joined = buffer.wants_in = True
    buffer.members.clear()
    buffer.modes.clear()
    buffer.topic = None
    buffer.has_all_history = False
    buffer.read_at = buffer.read_at or time_of(session, line)
    session.send("MODE", buffer.name)
    session.tell(ev.BufferChanged(buffer))


def _learn(session: Session, line: ServerLine) -> None:
    """Remember what a line says of who it comes from."""
    user = session.model.user(line.nick)
    _, _, rest = line.source.partition("!")
    user.username, _, user.host = rest.partition("@")
    if line.command == "JOIN" and len(line.params) > 2:
        user.account = "" if line.param(1) == "*" else line.param(1)
        user.realname = line.param(2)


@on("PART", params=1)
def parted(session: Session, line: ServerLine, _context: Context) -> None:
    """``PART <channel> [reason]``."""
    buffer = session.model.get(line.param(0))
    if buffer is not None and buffer.is_channel:
        act(session, buffer, line, Kind.PART, line.param(1))
        left(session, buffer, line.nick, line.param(1))


@on("KICK", params=2)
def kicked(session: Session, line: ServerLine, _context: Context) -> None:
    """``KICK <channel> <nickname> [reason]``."""
    buffer = session.model.get(line.param(0))
    if buffer is not None and buffer.is_channel:
        act(session, buffer, line, Kind.KICK, line.param(2), line.param(1))
        left(session, buffer, line.param(1), line.param(2), by=line.nick)


def left(session: Session, buffer: Buffer, nick: str, why: str = "", by: str = "") -> None:
    """Somebody is in a channel no more."""
    own = session.is_me(nick)
    if own:
        buffer.is_joined = buffer.wants_in = False
        strangers = list(buffer.members)
        buffer.members.clear()
        buffer.typing.clear()
        session.model.forget_strangers(strangers)
        session.tell(ev.BufferChanged(buffer))
        session.outbox.cannot_enter(buffer, why or "not in the channel")
    else:
        session.model.leave(buffer, nick)
        session.pulse.spoke(nick, buffer.name)
    session.tell(ev.Left(buffer, nick, own, why, by))
    session.tell(ev.MembersChanged(buffer))


@on("QUIT")
def quit_(session: Session, line: ServerLine, context: Context) -> None:
    """``QUIT [reason]``."""
    if session.is_me(line.nick):
        return  # the end of the connection says it better
    for buffer in session.model.channels_of(line.nick):
        if context.crowd is not None:
            context.crowd.setdefault(buffer.name, []).append(line.nick)
        else:
            act(session, buffer, line, Kind.QUIT, line.param(0))
        left(session, buffer, line.nick, line.param(0))
    query = session.model.get(line.nick)
    if query is not None and context.crowd is None:
        act(session, query, line, Kind.QUIT, line.param(0))


@on("NICK", params=1)
def renamed(session: Session, line: ServerLine, _context: Context) -> None:
    """``NICK <nickname>``."""
    old, new = line.nick, line.param(0)
    if not old or not new:
        return
    own = session.is_me(old)
    buffers = session.model.channels_of(old)
    query = session.model.get(old)
    session.model.rename(old, new)
    if own:
        session.nick = new
        session.own_mask = f"{new}!{session.own_mask.partition('!')[2]}" if session.own_mask else ""
        session.registration.renamed(new)
    if query is not None and query.name == new:
        session.outbox.renamed(query, old)
        buffers.append(query)
    for buffer in buffers:
        act(session, buffer, line, Kind.NICK, whom=new)
        session.tell(ev.MembersChanged(buffer) if buffer.is_channel else ev.BufferChanged(buffer))
    session.tell(ev.NickChanged(old, new, own))


@on("AWAY")
def away(session: Session, line: ServerLine, _context: Context) -> None:
    """``AWAY [message]`` of somebody else (away-notify)."""
    set_away(session, line.nick, line.param(0) if line.params else None)


def set_away(session: Session, nick: str, message: str | None) -> None:
    """Somebody is away, or back."""
    user = session.model.users.get(session.model.fold(nick))
    if user is None or user.away == message:
        return
    user.away = message
    for buffer in session.model.channels_of(nick):
        session.tell(ev.MembersChanged(buffer))
    if (query := session.model.get(nick)) is not None:
        session.tell(ev.BufferChanged(query))


@on("ACCOUNT", params=1)
def account(session: Session, line: ServerLine, _context: Context) -> None:
    """``ACCOUNT <name>``, ``*`` for none."""
    user = session.model.users.get(session.model.fold(line.nick))
    if user is not None:
        user.account = "" if line.param(0) == "*" else line.param(0)


@on("CHGHOST", params=2)
def chghost(session: Session, line: ServerLine, _context: Context) -> None:
    """``CHGHOST <user> <host>``."""
    if session.is_me(line.nick):
        session.own_mask = f"{line.nick}!{line.param(0)}@{line.param(1)}"
    user = session.model.users.get(session.model.fold(line.nick))
    if user is not None:
        user.username, user.host = line.params[:2]


@on("SETNAME", params=1)
def setname(session: Session, line: ServerLine, _context: Context) -> None:
    """``SETNAME <realname>``."""
    user = session.model.users.get(session.model.fold(line.nick))
    if user is not None:
        user.realname = line.param(0)


@on("INVITE", params=2)
def invited(session: Session, line: ServerLine, _context: Context) -> None:
    """``INVITE <nickname> <channel>``: oneself, or (invite-notify) somebody else."""
    whom, channel = line.params[:2]
    buffer = session.model.get(channel)
    if session.is_me(whom):
        if not session.is_ignored(line.nick, line.source):
            session.tell(ev.Invited(line.nick, channel))
    elif buffer is not None:
        act(session, buffer, line, Kind.INVITE, whom=whom)
