"""The log of events: one writer thread, one transaction for all that waits.

A batch is on disk (``synchronous = FULL``) before its writer hears that it is. The thread
never touches the chat's state: it gets facts and finished statements, and gives back what
became of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from typing import Any

import apsw
from msgspec import Struct

from tertulia.domain.codec import encode
from tertulia.domain.events import Event, Said
from tertulia.domain.history import VISIBLE
from tertulia.storage.database import SEQ_BITS, add_source, sources
from tertulia.storage.errors import StorageError
from tertulia.storage.records import Write

CHECKPOINT_PAGES = 2_000
PAGES_PER_STATEMENT = 4
_COLUMNS = 8
_RETRY = 5
# Many rows a statement: each statement gives up the interpreter once, and taking it back
# from a busy event loop is what costs.
_INSERTS = tuple(
    (rows * _COLUMNS, "INSERT INTO event VALUES " + ",".join(["(?,?,?,?,?,?,?,?)"] * rows))
    for rows in (32, 8, 1)
)
MESSAGE, SHOWN, HIDDEN = 0, 1, 2

Done = Callable[[StorageError | None], None]


class Copied(Struct, frozen=True, gc=False):
    """An event of another server, the one of number *seq* of its *epoch*; *body* is its fact."""

    server: bytes
    epoch: int
    seq: int
    event: Event
    body: str


class Writer:
    """Writes to *db*. *source* is the id of this server's epoch (see `database.open_epoch`)."""

    def __init__(self, db: apsw.Connection, source: int) -> None:
        self._db = db
        self._first_id = self._next_id = (source << SEQ_BITS) | 1
        self._sources = {(server, epoch): key for key, server, epoch, _, _ in sources(db)}
        # Checkpoints are made between commits, never by one, so that none waits for one.
        db.wal_autocheckpoint(0)
        self._wal_pages = 0
        """How many pages were written since the last checkpoint, at most."""

    @property
    def written(self) -> int:
        """How many events of this server were written since it started."""
        return self._next_id - self._first_id

    def write(
        self, events: Sequence[Event], writes: Sequence[Write], copied: Sequence[Copied] = ()
    ) -> StorageError | None:
        """Write a batch, whole or not at all; return why it could not be written, if so."""
        try:
            values = _rows(events, self._next_id)
            try:
                self._commit(values, writes, copied)
            except apsw.ConstraintError:
                self._forget_sources()
                self._commit(self._as_new(values), writes, copied, one_by_one=True)
        except Exception as error:
            # Whatever it was: without this thread the server would wait for ever.
            self._forget_sources()
            return StorageError(str(error))
        self._next_id += len(events)
        return None

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def _forget_sources(self) -> None:
        """Those that were made in a transaction that failed were not."""
        known = {(server, epoch): key for key, server, epoch, _, _ in sources(self._db)}
        self._sources = known

    def _as_new(self, values: list[object]) -> list[object]:
        """Return the rows without the client's ids of those that the log has already.

        The chat answers retries from memory; one that it has forgotten happens again. Leaving
        it out would leave a hole among the ids, and nothing of what was shown.
        """
        known = "SELECT 1 FROM event WHERE retry = ?"
        seen: set[object] = set()
        for i in range(_RETRY, len(values), _COLUMNS):
            retry = values[i]
            if retry in seen or self._db.execute(known, (retry,)).fetchone() is not None:
                values[i] = None
            seen.add(retry)
        return values

    def _commit(
        self,
        values: Sequence[object],
        writes: Sequence[Write],
        copied: Sequence[Copied],
        one_by_one: bool = False,
    ) -> None:
        execute = self._db.execute
        if self._db.in_transaction:  # the last one could not even be rolled back
            execute("ROLLBACK")
        statements = [*_inserts(values), *writes]
        self._wal_pages += PAGES_PER_STATEMENT * (len(statements) + len(copied) // 8)
        if len(statements) == 1 and not copied:  # a transaction by itself
            execute(*statements[0])
            return
        execute("BEGIN IMMEDIATE")
        try:
            for sql, bindings in statements:
                execute(sql, bindings)
            if copied:
                self._copy(copied, one_by_one)
            execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                execute("ROLLBACK")
            raise

    def _copy(self, copied: Sequence[Copied], one_by_one: bool) -> None:
        values: list[object] = []
        for one in copied:
            row_id = self._source(one.server, one.epoch) << SEQ_BITS | one.seq
            values += _row(row_id, one.event, one.body)
        if not one_by_one:
            for sql, bindings in _inserts(values):
                self._db.execute(sql, bindings)
            return
        for start in range(0, len(values), _COLUMNS):
            self._copy_one(values[start : start + _COLUMNS])

    def _copy_one(self, row: list[Any]) -> None:
        """Write an event of another server, which may be one that a client has said again.

        Of those that are the same the first in the order of all events is shown.
        """
        if self._db.execute("SELECT 1 FROM event WHERE id = ?", (row[0],)).fetchone() is not None:
            return
        query = "SELECT id, hlc, tag FROM event WHERE retry = ? AND kind = 0"
        known: Any = self._db.execute(query, (row[_RETRY],)).fetchone()
        if known is not None and row[3] == MESSAGE:
            if (known[1], known[2]) < (row[1], row[6]):
                row[3] = HIDDEN
            else:
                self._db.execute("UPDATE event SET kind = ? WHERE id = ?", (HIDDEN, known[0]))
        self._db.execute(_INSERTS[-1][1], row)

    def _source(self, server: bytes, epoch: int) -> int:
        key = (server, epoch)
        if key not in self._sources:
            self._sources[key] = add_source(self._db, server, epoch)
        return self._sources[key]

    def checkpoint_if_due(self) -> None:
        """Move what was written from the write-ahead log into the database, now and then."""
        if self._wal_pages <= CHECKPOINT_PAGES:
            return
        try:
            pages, done = self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error:
            # A disk without room for the checkpoint: the log itself has what was written.
            return
        self._wal_pages = pages - done


class Log:
    """The thread that writes (see `Writer`)."""

    def __init__(self, db: apsw.Connection, source: int) -> None:
        self._writer = Writer(db, source)
        self._queue: SimpleQueue[
            tuple[Sequence[Event], Sequence[Write], Sequence[Copied], Done] | None
        ]
        self._queue = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    @property
    def written(self) -> int:
        """How many events of this server were written since it started."""
        return self._writer.written

    def append(
        self,
        events: Sequence[Event],
        writes: Sequence[Write],
        done: Done,
        copied: Sequence[Copied] = (),
    ) -> None:
        """Write a batch; *done* is called in the writer's thread when it is on disk or not."""
        self._queue.put((events, writes, copied, done))

    def close(self) -> None:
        """Finish what waits, and close the database."""
        self._queue.put(None)
        self._thread.join()
        self._writer.close()

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            events, writes, copied, done = item
            done(self._writer.write(events, writes, copied))
            self._writer.checkpoint_if_due()


def _inserts(values: Sequence[object]) -> Iterator[tuple[str, Sequence[object]]]:
    """Yield the statements that insert rows, with their values."""
    start = 0
    for size, sql in _INSERTS:
        while len(values) - start >= size:
            yield sql, values[start : start + size]
            start += size


def _rows(events: Sequence[Event], first_id: int) -> list[object]:
    """Return the values of all rows, one after the other."""
    values: list[object] = []
    for row_id, event in enumerate(events, first_id):
        values += _row(row_id, event, encode(event.fact).decode())
    return values


def _row(row_id: int, event: Event, body: str) -> tuple[object, ...]:
    fact = event.fact
    retry = event.client_id
    if type(fact) is Said:
        kind = MESSAGE
        if retry is not None:
            retry = f"{fact.by.uid}/{retry}"
    else:
        kind = SHOWN if type(fact) in VISIBLE else HIDDEN
    hlc, conversation, tag, stamp = event.hlc, event.conversation, event.tag, event.stamp
    return row_id, hlc, conversation, kind, body, retry, tag, stamp
