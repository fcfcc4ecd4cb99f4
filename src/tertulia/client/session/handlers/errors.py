"""Refusals: error numerics, and standard replies (ircv3.net/specs/extensions/standard-replies)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tertulia.client.session import events as ev
from tertulia.client.session.handlers.table import Context, on
from tertulia.client.session.wire import ServerLine

if TYPE_CHECKING:
    from tertulia.client.session.session import Session

CANNOT_ENTER = frozenset(
    {"403", "405", "437", "471", "473", "474", "475", "476", "477", "479", "489", "520"}
)
NOT_SENT = frozenset({"401", "402", "403", "404", "407", "411", "412", "413", "417", "442", "477"})


def refused(session: Session, line: ServerLine, context: Context) -> None:
    """The server does not do something: ``<nick> [<what>…] <text>``."""
    why = line.params[-1] if line.params else line.command
    target = line.param(1) if len(line.params) > 2 else ""
    if line.command in CANNOT_ENTER and _not_entered(session, target, why):
        session.tell(ev.Refused(line.command, why, target))
        return
    if context.label:
        if session.outbox.refused(why, context.label, ""):
            return
    elif not session.has_labels and line.command in NOT_SENT:
        if session.outbox.refused(why, "", target):
            return
    session.tell(ev.Refused(line.command, why, target))


def _not_entered(session: Session, name: str, why: str) -> bool:
    """A channel cannot be joined; return whether that is what this is about."""
    buffer = session.model.get(name)
    if buffer is None or not buffer.is_channel or buffer.is_joined or not buffer.wants_in:
        return False
    buffer.wants_in = False
    session.outbox.cannot_enter(buffer, why)
    session.tell(ev.BufferChanged(buffer))
    return True


@on("401", params=2)
def no_such_nick(session: Session, line: ServerLine, context: Context) -> None:
    """ERR_NOSUCHNICK; the end of a WHOIS may come behind it."""
    refused(session, line, context)


@on("FAIL", params=3)
def fail(session: Session, line: ServerLine, context: Context) -> None:
    """``FAIL <command> <code> [<context>…] <text>``."""
    command, code, why = line.param(0), line.param(1), line.params[-1]
    target = line.param(2) if len(line.params) > 3 else ""
    if command == "RESUME":
        session.resume.refused()
    elif command == "CHATHISTORY":
        session.history.failed(context.label)
    elif context.label and session.outbox.refused(why, context.label, ""):
        return
    else:
        session.tell(ev.Refused(code, why, target))


@on("WARN", "NOTE", params=3)
def note(session: Session, line: ServerLine, _context: Context) -> None:
    """``WARN <command> <code> [<context>…] <text>``."""
    if line.param(0) != "IDENTITY":
        session.tell(ev.Reply(line.param(1), line.params[-1]))
