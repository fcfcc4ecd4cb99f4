"""The log of events: one writer thread, one transaction for all that waits.

A batch is on disk (``synchronous = FULL``) before its writer hears that it is. The thread
never touches the chat's state: it gets facts and finished statements, and gives back what
became of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue

import apsw
import msgspec

from tertulia.domain.events import Event, Said
from tertulia.domain.history import is_visible
from tertulia.storage.errors import StorageError
from tertulia.storage.records import Write

CHECKPOINT_PAGES = 2_000
PAGES_PER_STATEMENT = 4
_SEQ_BITS = 40
_COLUMNS = 6
# Many rows a statement: each statement gives up the interpreter once, and taking it back
# from a busy event loop is what costs.
_INSERTS = tuple(
    (rows * _COLUMNS, "INSERT INTO event VALUES " + ",".join(["(?,?,?,?,?,?)"] * rows))
    for rows in (32, 8, 1)
)

_encode = msgspec.json.Encoder().encode

Done = Callable[[StorageError | None], None]


class Log:
    """The writer. *source* is the id of this server's epoch (see `database.open_epoch`)."""

    def __init__(self, db: apsw.Connection, source: int) -> None:
        self._db = db
        self._first_id = self._next_id = (source << _SEQ_BITS) | 1
        self._queue: SimpleQueue[tuple[Sequence[Event], Sequence[Write], Done] | None]
        self._queue = SimpleQueue()
        # Checkpoints are made between commits, never by one, so that none waits for one.
        db.wal_autocheckpoint(0)
        self._wal_pages = 0
        """How many pages were written since the last checkpoint, at most."""
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    @property
    def written(self) -> int:
        """How many events were written since the server started."""
        return self._next_id - self._first_id

    def append(self, events: Sequence[Event], writes: Sequence[Write], done: Done) -> None:
        """Write a batch; *done* is called in the writer's thread when it is on disk or not."""
        self._queue.put((events, writes, done))

    def close(self) -> None:
        """Finish what waits, and close the database."""
        self._queue.put(None)
        self._thread.join()
        self._db.close()

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            events, writes, done = item
            done(self._try_commit(events, writes))
            if self._wal_pages > CHECKPOINT_PAGES:
                self._checkpoint()

    def _try_commit(self, events: Sequence[Event], writes: Sequence[Write]) -> StorageError | None:
        try:
            values = _rows(events, self._next_id)
            try:
                self._commit(values, writes)
            except apsw.ConstraintError:
                self._commit(self._as_new(values), writes)
        except Exception as error:
            # Whatever it was: without this thread the server would wait for ever.
            return StorageError(str(error))
        self._next_id += len(events)
        return None

    def _as_new(self, values: list[object]) -> list[object]:
        """Return the rows without the client's ids of those that the log has already.

        The chat answers retries from memory; one that it has forgotten happens again. Leaving
        it out would leave a hole among the ids, and nothing of what was shown.
        """
        known = "SELECT 1 FROM event WHERE retry = ?"
        seen: set[object] = set()
        for i in range(_COLUMNS - 1, len(values), _COLUMNS):
            retry = values[i]
            if retry in seen or self._db.execute(known, (retry,)).fetchone() is not None:
                values[i] = None
            seen.add(retry)
        return values

    def _commit(self, values: Sequence[object], writes: Sequence[Write]) -> None:
        execute = self._db.execute
        if self._db.in_transaction:  # the last one could not even be rolled back
            execute("ROLLBACK")
        statements = [*_inserts(values), *writes]
        self._wal_pages += PAGES_PER_STATEMENT * len(statements)
        if len(statements) == 1:  # a transaction by itself
            execute(*statements[0])
            return
        execute("BEGIN IMMEDIATE")
        try:
            for sql, bindings in statements:
                execute(sql, bindings)
            execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                execute("ROLLBACK")
            raise

    def _checkpoint(self) -> None:
        try:
            pages, done = self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error:
            # A disk without room for the checkpoint: the log itself has what was written.
            return
        self._wal_pages = pages - done


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
        fact = event.fact
        kind = 0 if type(fact) is Said else 1 if is_visible(fact) else 2
        retry = event.client_id
        if retry is not None and type(fact) is Said:
            retry = f"{fact.by.uid}/{retry}"
        body = _encode(fact).decode()
        values += (row_id, event.hlc, event.conversation, kind, body, retry)
    return values
