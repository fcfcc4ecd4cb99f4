"""What is said: PRIVMSG, NOTICE, TAGMSG."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tertulia.client.session import events as ev
from tertulia.client.session.handlers.table import Context, on, time_of
from tertulia.client.session.model import Buffer, BufferKind, Delivery, Kind, Message
from tertulia.client.session.wire import ServerLine
from tertulia.domain.text import unformatted

if TYPE_CHECKING:
    from tertulia.client.session.session import Session

POKE_TAG = "+tertulia/poke"
DELIVERED_TAG = "+tertulia/delivered"
SEEN_TAG = "+tertulia/seen"
TYPING_TAG = "+typing"
_WORD = r"[^\W_]"


@on("PRIVMSG", "NOTICE", params=2)
def said(session: Session, line: ServerLine, context: Context) -> None:
    """Somebody said something."""
    kind, text = _kind_of(session, line)
    if kind is None:
        if context.page is None and not session.is_me(line.nick):
            _ctcp(session, line, text)
        return
    status, target = session.features.split_status(line.param(0))
    message = _message(session, line, kind, text, status)
    where = _where(session, message, target, line)
    if not message.own and session.is_ignored(line.nick, line.source):
        return
    if context.page is not None:
        context.page.append((where, message))
    elif not (message.own and session.outbox.echoed(message, line.param(0), context.label)):
        _show(session, where, message, line)


def _kind_of(session: Session, line: ServerLine) -> tuple[Kind | None, str]:
    """Return what it is, and its words; no kind where it is for programs (CTCP)."""
    text = line.param(1)
    if POKE_TAG in line.tags:
        return Kind.POKE, line.tags[POKE_TAG]
    if not text.startswith("\x01"):
        return (Kind.NOTICE if line.command == "NOTICE" else Kind.SAY), text.replace("\x01", "")
    text = text.strip("\x01").replace("\x01", "")
    if text[:7].upper() == "ACTION " and line.command == "PRIVMSG":
        return Kind.ACTION, text[7:]
    return None, text


def _message(session: Session, line: ServerLine, kind: Kind, text: str, status: str) -> Message:
    own = session.is_me(line.nick)
    is_poke = kind is Kind.POKE
    return Message(
        session.model.next_number(),
        kind,
        line.nick,
        "" if is_poke else text,
        time_of(session, line),
        msgid=line.tags.get("msgid", ""),
        own=own,
        mention=not own and (session.is_me(text) if is_poke else _is_mention(session, text)),
        delivery=Delivery.SENT if own else Delivery.NONE,
        whom=text if is_poke else "",
        account=line.tags.get("account", ""),
        status=status,
    )


def _is_mention(session: Session, text: str) -> bool:
    """Whether one's nickname, or a word that one wants to be told of, is in *text*."""
    plain = unformatted(text).casefold()
    for word in (session.nick, *session.settings.highlights):
        if word and word.casefold() in plain:
            found = rf"(?<!{_WORD}){re.escape(word.casefold())}(?!{_WORD})"
            if re.search(found, plain):
                return True
    return False


def _where(session: Session, message: Message, target: str, line: ServerLine) -> str:
    """Return the name of the buffer that it belongs to, empty for that of the server."""
    if session.features.is_channel(target):
        return target
    if target.startswith("$") or not message.by or _is_of_server(session, line):
        return ""
    if message.own:
        return target
    return message.by


def _is_of_server(session: Session, line: ServerLine) -> bool:
    return "!" not in line.source and (line.source == session.server_name or "." in line.source)


def _show(session: Session, where: str, message: Message, line: ServerLine) -> None:
    buffer = _buffer(session, where, message)
    if buffer.kind is BufferKind.SERVER and _is_of_server(session, line):
        session.tell(ev.Reply(line.command, message.text))
        return
    session.resume.heard(message.msgid)
    if not session.is_me(message.by):
        session.pulse.spoke(message.by, buffer.name)
        if message.account and (user := session.model.users.get(session.model.fold(message.by))):
            user.account = message.account
    session.happened(buffer, message)


def _buffer(session: Session, where: str, message: Message) -> Buffer:
    model = session.model
    known = model.get(where) if where else model.server
    if known is not None:
        return known
    if session.features.is_channel(where):
        return session.open_channel(where)
    if message.kind is Kind.NOTICE and message.status == "":
        return model.server  # services and programs answer so; nobody wants a buffer for it
    buffer = session.open_query(where)
    buffer.read_at = buffer.read_at or max(1, message.at - 1)
    return buffer


def _ctcp(session: Session, line: ServerLine, text: str) -> None:
    """Programs ask programs (modern.ircdocs.horse/ctcp); an answer is shown."""
    query, _, argument = text.partition(" ")
    if line.command == "NOTICE":
        session.tell(ev.Reply("CTCP", text, line.nick))
        return
    if session.is_ignored(line.nick, line.source) or not session.pulse.may_answer():
        return
    answers = {"VERSION": session.settings.version, "PING": argument, "CLIENTINFO": _CTCPS}
    if query.upper() in answers and line.nick:
        session.send("NOTICE", line.nick, f"\x01{query.upper()} {answers[query.upper()]}\x01")


_CTCPS = "ACTION CLIENTINFO PING VERSION"


@on("TAGMSG", params=1)
def tags(session: Session, line: ServerLine, context: Context) -> None:
    """Somebody is typing, has a message, or has seen it."""
    if context.page is not None or session.is_me(line.nick):
        return
    if session.is_ignored(line.nick, line.source):
        return
    if msgid := line.tags.get(SEEN_TAG):
        session.replies.receipt(line.nick, msgid, seen=True)
    elif msgid := line.tags.get(DELIVERED_TAG):
        session.replies.receipt(line.nick, msgid, seen=False)
    elif what := line.tags.get(TYPING_TAG):
        _, target = session.features.split_status(line.param(0))
        where = target if session.features.is_channel(target) else line.nick
        session.pulse.types(line.nick, where, what)
