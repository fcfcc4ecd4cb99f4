"""What is done with what servers send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tertulia.client.session import events as ev
from tertulia.client.session.handlers import (
    batch,
    channels,
    errors,
    people,
    registration,
    replies,
    talk,
)
from tertulia.client.session.handlers.table import HANDLERS, Context
from tertulia.client.session.wire import ServerLine

if TYPE_CHECKING:
    from tertulia.client.session.session import Session

# They put themselves in the table.
_MODULES = (batch, channels, errors, people, registration, replies, talk)


def handle(session: Session, line: ServerLine) -> None:
    """Take a line from the server: alone, or as part of a batch."""
    if session.wants_close:
        return  # what comes behind the end of it all is about a session that is none any more
    if line.command == "BATCH":
        _batch(session, line)
        return
    inside = session.batches.of(line)
    if inside is not None and session.batches.hold(inside, line):
        return
    label = line.tags.get("label", "") or ("" if inside is None else inside.label)
    take(session, line, Context(label))
    if label and "label" in line.tags:
        session.outbox.answered(label)
        session.history.failed(label)  # if that is what was asked for, nothing came


def _batch(session: Session, line: ServerLine) -> None:
    sign = line.param(0)[:1]
    if sign == "+":
        session.batches.begin(line)
    elif sign == "-":
        ended = session.batches.end(line.param(0)[1:])
        if ended is not None:
            batch.ended(session, ended, take)


def take(session: Session, line: ServerLine, context: Context) -> None:
    """Do what a line says."""
    handler, params = HANDLERS.get(line.command, (_other, 0))
    if len(line.params) >= params:
        handler(session, line, context)


def _other(session: Session, line: ServerLine, context: Context) -> None:
    """A line that has no handler: an answer, or a refusal, in the words of the server."""
    if line.command.isdigit():
        rest = line.params[1:]
        if line.command[0] in "45":
            errors.refused(session, line, context)
            return
        session.tell(ev.Reply(line.command, " ".join(rest)))
