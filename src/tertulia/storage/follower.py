"""Following the log: what is made from it behind the gate, and can be made again.

The search index and the text logs are such copies. Each remembers how far it has taken in what
every source wrote, and has a thread that takes in what is new when the log is quiet.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import msgspec
import structlog
from msgspec import Struct

from tertulia.storage.database import connect
from tertulia.storage.errors import StorageError

PROGRESS_SCHEMA = """
    -- How far each source of the log is taken in. hlc is that of the event: where the log
    -- says otherwise it was set back, and other events have those ids now.
    CREATE TABLE progress (source INTEGER PRIMARY KEY, last INTEGER NOT NULL, hlc INTEGER NOT NULL)
        STRICT;
"""
_SEQ_BITS = 40

logger = structlog.get_logger()


class LogWasSetBack(Exception):
    """What was taken in is not what the log says."""


@contextmanager
def transaction(db: apsw.Connection) -> Iterator[None]:
    """Like ``with db``, which keeps the interpreter from all other threads while it waits.

    Another process may be filling the same file: IMMEDIATE waits for it at the beginning.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def new_rows(
    db: apsw.Connection, log_db: apsw.Connection, columns: str, limit: int
) -> Iterator[tuple[int, list[Any]]]:
    """Yield up to *limit* rows of the log at *log_db* that the progress in *db* is before.

    They come by source, in the order of their ids: ``(id, hlc, *columns)``. Raises
    `LogWasSetBack`.
    """
    progress = {source: (last, hlc) for source, last, hlc in db.execute("SELECT * FROM progress")}
    sources = [source for (source,) in log_db.execute("SELECT id FROM source ORDER BY id")]
    if not progress.keys() <= set(sources):
        raise LogWasSetBack
    for source in sources:
        if limit <= 0:
            return
        rows = _rows_of(log_db, source, progress.get(source), columns, limit)
        limit -= len(rows)
        if rows:
            yield source, rows


def _rows_of(
    log_db: apsw.Connection, source: int, known: tuple[int, int] | None, columns: str, limit: int
) -> list[Any]:
    sql = f"SELECT id, hlc, {columns} FROM event WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
    first = source << _SEQ_BITS if known is None else known[0]
    end = (source + 1) << _SEQ_BITS
    rows: list[Any] = log_db.execute(sql, (first, end, limit + 1)).fetchall()
    if known is not None:
        if not rows or rows[0][:2] != known:
            raise LogWasSetBack
        del rows[0]
    del rows[limit:]
    return rows


def advance(db: apsw.Connection, source: int, rows: list[Any]) -> None:
    """Remember in *db* that *rows* of *source* are taken in."""
    sql = "INSERT OR REPLACE INTO progress VALUES (?, ?, ?)"
    db.execute(sql, (source, *rows[-1][:2]))


class Pace(Struct, frozen=True):
    """When a follower takes in what is new; times in seconds.

    It waits for the log to be quiet for *quiet_s*. Where there is no quiet it takes a little
    (so many *portions*) every *patience_s*. Between two portions it rests for *pause_s*, after
    a failure for *retry_s*.
    """

    quiet_s: float
    patience_s: float
    pause_s: float = 0.02
    retry_s: float = 60.0
    portions: int = 1


class Follower(ABC):
    """A thread that follows the log at *log_path*.

    *clock* returns seconds; *wait* waits for so many (None: for a poke).
    """

    complaint = "the log cannot be followed"
    """What is logged, once, when something is wrong."""

    def __init__(
        self,
        name: str,
        log_path: Path,
        pace: Pace,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float | None], object] | None = None,
    ) -> None:
        self._log_path = log_path
        self._log: apsw.Connection | None = None
        self._pace = pace
        self._clock = clock
        self._woken = threading.Event()
        self._wait = wait or self._woken.wait
        self._stopping = False
        self._poked_at = 0.0
        self._behind_since: float | None = None
        """Since when there may be something new, None if there is not."""
        self._not_before = 0.0
        self._portions = 0
        self._is_failing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def take(self, log_db: apsw.Connection) -> bool:
        """Take in a portion of what is new; return whether there may be more."""

    @abstractmethod
    def close(self) -> None:
        """Close the files."""

    def start(self) -> None:
        """Begin, with what was left over the last time."""
        self.poke()
        self._thread.start()

    def poke(self) -> None:
        """Something was committed. Cheap, and may be called in any thread."""
        self._poked_at = self._clock()
        self._fall_behind(self._poked_at)

    def _fall_behind(self, since: float) -> None:
        if self._behind_since is None:
            self._behind_since = since
            self._woken.set()

    def stop(self) -> None:
        """Finish what is under way, and close the files."""
        self._stopping = True
        self._woken.set()
        if self._thread.ident is not None:
            self._thread.join()
        self.close()
        if self._log is not None:
            self._log.close()

    def step(self) -> float | None:
        """Do a little, if it is time; return how long to wait (None: until there is a poke)."""
        since = self._behind_since
        if since is None:
            return None
        now, pace = self._clock(), self._pace
        due = max(self._not_before, min(self._poked_at + pace.quiet_s, since + pace.patience_s))
        if due > now:
            return due - now
        # Before looking, so that a poke from now on is not forgotten.
        self._behind_since = None
        if self._more_is_left():
            self._portions = (self._portions + 1) % pace.portions
            # In the middle of a turn the next portion has no need to wait for quiet.
            self._fall_behind(now - pace.patience_s if self._portions else now)
        else:
            self._portions = 0
        return pace.pause_s

    @property
    def log_db(self) -> apsw.Connection:
        """The log, opened when it is first needed. Raises `StorageError`."""
        if self._log is None:
            self._log = connect(self._log_path, read_only=True)
        return self._log

    def _more_is_left(self) -> bool:
        now = self._clock()
        try:
            more = self.take(self.log_db)
        except (StorageError, apsw.Error, msgspec.MsgspecError, OSError) as error:
            if not self._is_failing:
                logger.warning(self.complaint, reason=str(error))
            self._is_failing = True
            self._not_before = now + self._pace.retry_s
            return True
        self._is_failing = False
        self._not_before = now + self._pace.pause_s
        return more

    def _run(self) -> None:
        while not self._stopping:
            delay = self.step()
            self._wait(delay)
            self._woken.clear()
