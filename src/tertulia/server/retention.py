"""Dropping what is older than it is to be kept, once a day, behind everybody's back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path

import apsw
import structlog

from tertulia.domain.ids import Hlc, at_milliseconds
from tertulia.storage.database import connect, keep_from, kept_from
from tertulia.storage.errors import StorageError
from tertulia.storage.log import Log
from tertulia.storage.records import Write
from tertulia.storage.retention import erase, old_messages
from tertulia.storage.search import SearchIndex
from tertulia.storage.textlog import TextLogs

LOOK_S = 600.0
RETRY_S = 900.0
PAUSE_S = 0.05
"""Between two transactions, which others may have to wait for."""
ANSWER_S = 60.0

logger = structlog.get_logger()


class Retention:
    """Drops messages older than *keep_days* days (0: none) from the log at *database*, through
    *log*; from *index*, if there is one, and from the text logs in *data*.

    Whole days are dropped, as local time has them. *told* is called, in the thread, with the
    clock value from which on messages are kept. *clock* returns Unix seconds; *wait* waits for
    so many, or until it is told to stop.
    """

    def __init__(
        self,
        database: Path,
        data: Path,
        log: Log,
        index: SearchIndex | None,
        keep_days: int,
        told: Callable[[Hlc], object],
        *,
        clock: Callable[[], float] = time.time,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._database = database
        self._log = log
        self._index = index
        self._text_logs = TextLogs(data)
        self._keep_days = keep_days
        self._told = told
        self._clock = clock
        self._stop = threading.Event()
        self._woken = threading.Event()
        self._wait = wait or self._woken.wait
        self._done: date | None = None
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def configure(self, keep_days: int) -> None:
        """From now on, keep messages for *keep_days*. May be called in any thread."""
        self._keep_days = keep_days
        self._woken.set()

    def start(self) -> None:
        """Begin to look for what is too old."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, between two transactions."""
        self._stop.set()
        self._woken.set()
        if self._thread.ident is not None:
            self._thread.join()

    def step(self) -> float:
        """Drop what is too old, once a day; return after how many seconds to look again."""
        if not self._keep_days:
            return LOOK_S
        first = date.fromtimestamp(self._clock()) - timedelta(days=self._keep_days)
        if first == self._done:
            return LOOK_S
        try:
            self._drop_before(first)
        except (StorageError, apsw.Error, OSError) as error:
            logger.warning("old messages cannot be dropped; it is tried again", reason=str(error))
            return RETRY_S
        return LOOK_S

    def _drop_before(self, first: date) -> None:
        """Drop what was said before the day *first*, as far as it is not told to stop."""
        midnight = datetime.combine(first, datetime.min.time()).timestamp()
        before = at_milliseconds(round(midnight * 1000))
        with closing(connect(self._database, read_only=True)) as db:
            if before > kept_from(db):
                # From here on nobody is shown it, and nothing is made of it any more.
                self._write([keep_from(before)])
            self._told(before)
            count = self._erase(db, before)
        files = self._text_logs.drop_before(first)
        if count or files:
            logger.info(
                "old messages dropped", before=first.isoformat(), messages=count, text_logs=files
            )
        if not self._stop.is_set():
            self._done = first

    def _erase(self, db: apsw.Connection, before: Hlc) -> int:
        count = 0
        for messages in old_messages(db, before):
            if self._stop.is_set():
                break
            if self._index is not None:
                self._index.forget([one.id for one in messages])
            self._write(erase(messages))
            count += len(messages)
            self._stop.wait(PAUSE_S)
        return count

    def _write(self, writes: list[Write]) -> None:
        """Let the log's thread execute *writes*, and wait for it. Raises `StorageError`."""
        answered = threading.Event()
        answers: list[StorageError | None] = []

        def done(error: StorageError | None) -> None:
            answers.append(error)
            answered.set()

        self._log.append((), writes, done)
        if not answered.wait(ANSWER_S):
            raise StorageError("the log does not answer")
        [error] = answers
        if error is not None:
            raise error

    def _run(self) -> None:
        while not self._stop.is_set():
            self._woken.clear()
            pause_s = self.step()
            if not self._stop.is_set():
                self._wait(pause_s)
