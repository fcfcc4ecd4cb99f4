"""The tables of durable state, made again from the log.

They are a function of the set of its events, so what they say can be lost. What waits for people
who are not here is left as it is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import apsw
import msgspec

from tertulia.domain import effects
from tertulia.domain.channels import Channel
from tertulia.domain.codec import decode_logged
from tertulia.domain.events import Event, Received
from tertulia.domain.ids import Conversation, Hlc, msgid
from tertulia.domain.state import State
from tertulia.storage.errors import StorageError
from tertulia.storage.records import take_writes

_TABLES = ("channel", "number", "identity")
_FACTS = (
    "SELECT hlc, tag, conversation, stamp, body FROM event WHERE kind <> 0 ORDER BY hlc, tag, id"
)
# Of what was said in a channel only the last matters.
_LAST = (
    "SELECT max(hlc), tag, conversation, stamp, body FROM event"
    " WHERE conversation <> 0 AND kind = 0 GROUP BY conversation"
)


def rebuild(db: apsw.Connection, lobby: Channel) -> None:
    """Make the tables of durable state again, with *lobby* among the channels.

    Raises `StorageError`; then nothing has changed.
    """
    try:
        _write(db, _read(db, lobby))
    except apsw.Error as error:
        raise StorageError(f"cannot use the database: {error}") from error


def _read(db: apsw.Connection, lobby: Channel) -> State:
    state = State()
    state.restore_channel(lobby)
    for event in _events(db, _FACTS):
        if not isinstance(event.fact, Received):
            effects.merge(state, event, msgid(event.hlc, event.tag))
    for event in _events(db, _LAST):
        effects.happened(state, event)
    for channel in state.incarnations.values():
        # Who was in it is not known: it counts as left at the next start.
        channel.emptied = None
    state.waiting.reset(())
    state.waiting.changed_early.clear()
    state.changed_channels |= dict.fromkeys(state.incarnations)
    return state


def _events(db: apsw.Connection, query: str) -> Iterator[Event]:
    for hlc, tag, conversation, stamp, body in db.execute(query):
        # Other servers may have logged what only later versions know.
        with contextlib.suppress(msgspec.MsgspecError):
            fact = decode_logged(body)
            yield Event(Hlc(hlc), Conversation(conversation), fact, None, tag, Hlc(stamp))


def _write(db: apsw.Connection, state: State) -> None:
    with db:
        for table in _TABLES:
            db.execute(f"DELETE FROM {table}")
        for sql, bindings in take_writes(state):
            db.execute(sql, bindings)
        db.execute("DELETE FROM meta WHERE key = 'rebuild'")
