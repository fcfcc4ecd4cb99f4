"""What comes together: history, the answer to a label, what befell many at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tertulia.client.session.batches import LABELLED, Batch
from tertulia.client.session.handlers.table import Context, on, parse_time, time_of
from tertulia.client.session.history import Page, reference_of
from tertulia.client.session.model import Kind, Message
from tertulia.client.session.wire import ServerLine

if TYPE_CHECKING:
    from tertulia.client.session.session import Session

Take = Callable[["Session", ServerLine, Context], None]
NETSPLITS = {"netsplit": Kind.NETSPLIT, "netjoin": Kind.NETJOIN}


def ended(session: Session, batch: Batch, take: Take) -> None:
    """A batch is complete."""
    if batch.kind == LABELLED:
        session.outbox.answered(batch.label)
    elif batch.kind in ("chathistory", "znc.in/playback"):
        _history(session, batch, take)
    elif batch.kind == "draft/chathistory-targets":
        _targets(session, batch)
    elif batch.kind == "soju.im/search":
        _search(session, batch, take)
    elif batch.kind in NETSPLITS:
        _crowd(session, batch, take)
    else:
        for line in batch.lines:
            take(session, line, Context(batch.label))


def _page(session: Session, batch: Batch, take: Take) -> list[tuple[str, Message]]:
    """Return the messages in *batch*, each with where it belongs; nothing else is history."""
    context = Context("", page=[])
    for line in batch.lines:
        if line.command in ("PRIVMSG", "NOTICE"):
            take(session, line, context)
    assert context.page is not None
    return context.page


def _history(session: Session, batch: Batch, take: Take) -> None:
    page = _page(session, batch, take)
    name = batch.params[0] if batch.params else ""
    buffer = session.model.get(name)
    if buffer is None and page:
        buffer = session.buffer_for(page[0][0])
    if buffer is None:
        session.history.failed(batch.label)
        return
    lines = list(batch.lines)
    last = reference_of(lines[-1].tags) if lines else ""
    messages = [message for _, message in page]
    session.history.take(buffer, Page(messages, len(lines), last), batch.label)


def _search(session: Session, batch: Batch, take: Take) -> None:
    session.replies.found(_page(session, batch, take), batch.label)


def _targets(session: Session, batch: Batch) -> None:
    rows = []
    for line in batch.lines:
        if line.command == "CHATHISTORY" and line.param(0) == "TARGETS" and line.param(1):
            rows.append((line.param(1), parse_time(line.param(2)) or 0))
    session.history.targets(rows, batch.label)


def _crowd(session: Session, batch: Batch, take: Take) -> None:
    """Many came or went at once: one message a channel."""
    crowd: dict[str, list[str]] = {}
    at = session.clock.wall_ms()
    for line in batch.lines:
        at = time_of(session, line)
        take(session, line, Context(batch.label, crowd=crowd))
    for name, nicks in crowd.items():
        buffer = session.model.get(name)
        if buffer is not None:
            message = Message(
                session.model.next_number(), NETSPLITS[batch.kind], "", " ".join(batch.params), at,
                whom=", ".join(nicks),
            )  # fmt: skip
            session.happened(buffer, message)


@on("CHATHISTORY")
def chathistory(_session: Session, _line: ServerLine, _context: Context) -> None:
    """Outside of a batch it says nothing."""
