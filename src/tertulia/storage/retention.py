"""Retention: what was said is dropped from the log when it has become old.

The event stays, with its number, its place and its time, and says that something was there
(`Erased`): logs are copied between servers by number, so that a server which comes later is told
what it cannot have, and does not take it for a hole that somebody else may fill.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import apsw

from tertulia.domain.codec import encode
from tertulia.domain.events import Erased
from tertulia.domain.ids import Hlc
from tertulia.storage.database import SEQ_BITS
from tertulia.storage.history import first_id_after
from tertulia.storage.log import HIDDEN
from tertulia.storage.records import Write

PORTION = 200
"""How many messages are dropped in one transaction."""
_ROWS_PER_STATEMENT = 20
# Messages, and those that a client said again to another server (see `Writer`).
_SAID = '{"k":"said",'
_OLD = (
    "SELECT id, hlc, conversation, tag FROM event WHERE id >= ? AND id < ? AND hlc < ?"
    f" AND kind IN (0, 2) AND substr(body, 1, {len(_SAID)}) = '{_SAID}' ORDER BY id LIMIT ?"
)
_ERASED = encode(Erased()).decode()


class Old(NamedTuple):
    """An event that is to be dropped."""

    id: int
    hlc: int
    conversation: int
    tag: int


def old_messages(db: apsw.Connection, before: Hlc, limit: int = PORTION) -> Iterator[list[Old]]:
    """Yield the messages earlier than *before*, so many at a time, in the order of ids.

    No transaction is held between them. What is yielded may be erased before the next.
    """
    sources = [source for (source,) in db.execute("SELECT id FROM source ORDER BY id")]
    for source in sources:
        first = source << SEQ_BITS
        end = first_id_after(db, source, Hlc(before - 1))
        while rows := [Old(*row) for row in db.execute(_OLD, (first, end, before, limit))]:
            yield rows
            first = rows[-1].id + 1


def erase(messages: Sequence[Old]) -> list[Write]:
    """Return the statements that drop what these *messages* say.

    They are deleted and put in again: SQLite joins pages that have become empty when rows are
    deleted, not when they are made shorter, and only whole pages are used again.
    """
    writes: list[Write] = []
    for start in range(0, len(messages), _ROWS_PER_STATEMENT):
        some = messages[start : start + _ROWS_PER_STATEMENT]
        marks = ",".join("?" * len(some))
        ids = tuple(one.id for one in some)
        writes.append((f"DELETE FROM event WHERE id IN ({marks})", ids))
        rows = ",".join(["(?,?,?,?,?,NULL,?,0)"] * len(some))
        values = [(one.id, one.hlc, one.conversation, HIDDEN, _ERASED, one.tag) for one in some]
        writes.append((f"INSERT INTO event VALUES {rows}", tuple(itertools.chain(*values))))
    return writes
