"""Text logs: what was said in each channel, a file a day, for people and their tools.

``logs/<folder>/<YYYY-MM-DD>.log``, local dates, in the order of the log. They hold nothing that
the log does not and are made again from it. `TextLogs` adds what is new in steps that may be
cut off anywhere: what files are about to grow is written down first, with their lengths
(``pending``), and how far the log is taken in last. Whoever comes next cuts what is pending
back and adds it again. Direct messages are not in them.
"""

from __future__ import annotations

import fcntl
import heapq
import itertools
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import apsw
import msgspec
import structlog

from tertulia.domain.events import LoggedFact
from tertulia.domain.history import describe
from tertulia.domain.ids import EVERYONE, EVERYONE_HERE, Hlc
from tertulia.domain.names import fold_name
from tertulia.domain.transcript import line
from tertulia.storage.database import KEPT_FROM, connect
from tertulia.storage.errors import StorageError
from tertulia.storage.files import append_synced, free_path, sync, sync_folder
from tertulia.storage.follower import (
    PROGRESS_SCHEMA,
    Follower,
    LogWasSetBack,
    Pace,
    advance,
    new_rows,
    transaction,
)

EVERYONE_FOLDER = "everyone"
HERE_FOLDER = "here"
FOLDER = "logs"
STATE = "logs.db"

# When the files grow (see `Pace`), and how many events a time.
QUIET_S = 1.0
PATIENCE_S = 10.0
PORTIONS = 5
CHUNK = 1_000
REBUILD_CHUNK = 20_000
GOODBYE_S = 1.0
FOLDERS_REMEMBERED = 10_000

_VERSION = 1
_SCHEMA = f"""
    {PROGRESS_SCHEMA}
    -- The files that are growing, with the lengths that they had.
    CREATE TABLE pending (path TEXT PRIMARY KEY, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    -- The channels that the server was told to leave out, by their folded names.
    CREATE TABLE unlogged (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    PRAGMA user_version = {_VERSION};
"""
# What is shown of a channel, or of everyone; not what two users say to each other.
_COLUMNS = (
    "conversation, iif(kind <= 1 AND conversation BETWEEN 1 AND (1 << 62) - 1"
    f" AND hlc >= {KEPT_FROM}, body, NULL)"
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\.log", re.ASCII)
_SAFE = frozenset("#._-0123456789abcdefghijklmnopqrstuvwxyz")
_UNSAFE = {chr(i): f"%{i:02X}" for i in range(128) if chr(i) not in _SAFE}
_LONE = {EVERYONE: EVERYONE_FOLDER, EVERYONE_HERE: HERE_FOLDER}
_TARGETS = {"*": EVERYONE_FOLDER, "&": HERE_FOLDER}

logger = structlog.get_logger()
_decode = msgspec.json.Decoder(LoggedFact).decode


def folder_name(target: str) -> str:
    """Return the name of the folder of *target*: a channel, ``*`` or ``&``.

    That of a channel is its folded name, of whose ASCII characters all but letters, digits
    and ``#._-`` are percent-encoded: two channels never share one, it has at most 255 bytes,
    and it begins with ``#``, which the other two do not.
    """
    if target in _TARGETS:
        return _TARGETS[target]
    return "".join(_UNSAFE.get(c, c) for c in fold_name(target))


def day_file(data: Path, target: str, day: date) -> Path:
    """Return where the text log of *target* and *day* is, in the data directory *data*."""
    return data / FOLDER / folder_name(target) / f"{day.isoformat()}.log"


class _Renderer:
    """Makes lines of the log's rows, but for channels that are *unlogged*.

    *given* is what was said about those, to see when something else is.
    """

    def __init__(self, given: tuple[str, ...] | None, unlogged: Iterable[str]) -> None:
        self.given = given
        self._unlogged = {folder_name(name) for name in unlogged}
        self._folders: dict[str, str] = {}
        self._second = -1
        self._day = self._clock = ""

    def lines(self, rows: Iterable[Any], only: str | None = None) -> dict[str, list[str]]:
        """Return the lines for *rows* of ``(id, hlc, *_COLUMNS)`` by the paths of their files.

        With *only*, those of that folder.
        """
        found: dict[str, list[str]] = {}
        for _id, hlc, conversation, body in rows:
            if body is None:
                continue
            fact = _decode(body)
            folder = _LONE.get(conversation) or self._folder(fact)
            if folder is None or folder in self._unlogged or only not in (None, folder):
                continue
            self._tell_time(hlc)
            path = f"{folder}/{self._day}.log"
            text = f"{self._clock} {line(describe(hlc, '', fact))}\n"
            if path in found:
                found[path].append(text)
            else:
                found[path] = [text]
        return found

    def _folder(self, fact: Any) -> str | None:
        target: str = getattr(fact, "channel", None) or fact.target
        folder = self._folders.get(target)
        if folder is None and target.startswith("#"):
            if len(self._folders) >= FOLDERS_REMEMBERED:
                self._folders.clear()
            folder = self._folders[target] = folder_name(target)
        return folder

    def _tell_time(self, hlc: Hlc) -> None:
        second = (hlc >> 16) // 1000
        if second != self._second:
            self._second = second
            local = time.localtime(second)
            self._day = time.strftime("%Y-%m-%d", local)
            self._clock = time.strftime("%H:%M:%S", local)


class TextLogs:
    """The text logs in the data directory *data*; one thread at a time uses this.

    Several processes may: a lock keeps them apart. *unlogged* are the channels to leave out;
    if it is None, those that the server was last told.
    """

    def __init__(self, data: Path, unlogged: Iterable[str] | None = None) -> None:
        self._data = data
        self._folder = data / FOLDER
        self._state: apsw.Connection | None = None
        self._renderer: _Renderer | None = None
        self._given = None if unlogged is None else tuple(unlogged)

    def leave_out(self, unlogged: Iterable[str]) -> None:
        """From now on, leave these channels out. May be called in any thread."""
        self._given = tuple(unlogged)

    def catch_up(self, log_db: apsw.Connection, limit: int = CHUNK) -> int:
        """Add what is new among the next *limit* events of the log at *log_db*.

        Returns the number of events looked at, 0 when there are no more. Raises
        `BlockingIOError` if another process is at it, `OSError`, `StorageError`, and what apsw
        raises.
        """
        with self._locked(fcntl.LOCK_EX | fcntl.LOCK_NB):
            return self._catch_up(log_db, limit)

    def rebuild(self, log_db: apsw.Connection, target: str | None = None) -> int:
        """Make all files again, or those of *target*; return how many there are.

        What the log does not have (any more), or what is to be left out, goes. Cut off in the
        middle, some files are new and the others as they were.
        """
        with self._locked(fcntl.LOCK_EX):
            while self._catch_up(log_db, REBUILD_CHUNK):
                pass
            only = None if target is None else folder_name(target)
            scratch = self._data / f"{FOLDER}.rebuild"
            with suppress(FileNotFoundError):
                shutil.rmtree(scratch)
            try:
                self._write_again(log_db, scratch, only)
                return self._put_in_place(scratch, only)
            finally:
                # A disk that it has filled is not to stay full.
                shutil.rmtree(scratch, ignore_errors=True)

    def drop_before(self, day: date) -> int:
        """Remove the files of earlier days; return how many there were. Raises `OSError`."""
        with self._locked(fcntl.LOCK_EX):
            old = [
                path
                for path in self._folder.glob("*/*.log")
                if _DAY.fullmatch(path.name) and path.stem < day.isoformat()
            ]
            for path in old:
                path.unlink(missing_ok=True)
            for folder in {path.parent for path in old}:
                with suppress(OSError):  # it has later ones
                    folder.rmdir()
            return len(old)

    def close(self) -> None:
        """Close the file that says how far the log is taken in."""
        if self._state is not None:
            self._state.close()
            self._state = None

    # How far it is

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        lock = os.open(self._data / f"{FOLDER}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, how)
            yield
        finally:
            os.close(lock)

    @property
    def _db(self) -> apsw.Connection:
        if self._state is None:
            self._state = self._open_state()
        return self._state

    def _open_state(self) -> apsw.Connection:
        path = self._data / STATE
        try:
            db = connect(path)
        except StorageError as error:
            if not isinstance(error.__cause__, apsw.NotADBError | apsw.CorruptError):
                raise
            return self._start_again()
        if db.pragma("user_version") == _VERSION and db.pragma("quick_check") == "ok":
            return db
        db.close()
        return self._start_again()

    def _start_again(self) -> apsw.Connection:
        """Begin at the log's beginning. Files that are there are somebody's: they are kept."""
        self.close()
        if self._folder.exists():
            kept = free_path(self._data, f"{FOLDER}-before-", "", time.time())
            self._folder.rename(kept)
            logger.warning("text logs are made again", the_old_ones=str(kept))
        for suffix in ("", "-wal", "-shm"):
            (self._data / f"{STATE}{suffix}").unlink(missing_ok=True)
        db = connect(self._data / STATE)
        with transaction(db):
            db.execute(_SCHEMA)
        return db

    def _current(self) -> _Renderer:
        """Return what makes the lines, and remember which channels are left out."""
        renderer, given = self._renderer, self._given
        if renderer is None or renderer.given is not given:
            if given is None:
                names = [name for (name,) in self._db.execute("SELECT name FROM unlogged")]
            else:
                names = sorted({fold_name(name) for name in given})
                with transaction(self._db):
                    self._db.execute("DELETE FROM unlogged")
                    insert = "INSERT INTO unlogged VALUES (?)"
                    self._db.executemany(insert, [(name,) for name in names])
            renderer = self._renderer = _Renderer(given, names)
        return renderer

    # Adding what is new

    def _catch_up(self, log_db: apsw.Connection, limit: int) -> int:
        try:
            return self._add(log_db, limit)
        except LogWasSetBack:
            self._state, self._renderer = self._start_again(), None
            return self._add(log_db, limit)

    def _add(self, log_db: apsw.Connection, limit: int) -> int:
        self._cut_back()
        portions = list(new_rows(self._db, log_db, _COLUMNS, limit))
        renderer = self._current()
        lines = renderer.lines(row for _, rows in portions for row in rows)
        if lines:
            self._announce(lines)
            for path, texts in lines.items():
                append_synced(self._folder / path, "".join(texts).encode())
        if portions:
            with transaction(self._db):
                for source, rows in portions:
                    advance(self._db, source, rows)
                self._db.execute("DELETE FROM pending")
        return sum(len(rows) for _, rows in portions)

    def _announce(self, paths: Iterable[str]) -> None:
        """Write down how long the files at *paths* are."""
        lengths = [(path, _length(self._folder / path)) for path in paths]
        with transaction(self._db):
            self._db.executemany("INSERT INTO pending VALUES (?, ?)", lengths)

    def _cut_back(self) -> None:
        """Take back what was cut off."""
        pending: list[Any] = self._db.execute("SELECT path, bytes FROM pending").fetchall()
        for path, length in pending:
            with suppress(FileNotFoundError), (self._folder / path).open("r+b") as file:
                if os.fstat(file.fileno()).st_size > length:
                    file.truncate(length)
                    sync(file.fileno())
        if pending:
            self._db.execute("DELETE FROM pending")

    # Making them again

    def _write_again(self, log_db: apsw.Connection, scratch: Path, only: str | None) -> None:
        """Write to *scratch* what has been taken in."""
        renderer = self._current()
        scratch.mkdir(mode=0o700)
        done: list[Any] = self._db.execute("SELECT source, last FROM progress").fetchall()
        streams = [_rows_up_to(log_db, source, last) for source, last in done]
        # In the order of all events, which is not that in which those of others came.
        merged = heapq.merge(*streams, key=lambda row: row[1])
        while rows := list(itertools.islice(merged, REBUILD_CHUNK)):
            for path, texts in renderer.lines(rows, only).items():
                append_synced(scratch / path, "".join(texts).encode(), durable=False)

    def _put_in_place(self, scratch: Path, only: str | None) -> int:
        paths = {str(path.relative_to(scratch)) for path in scratch.glob("*/*.log")}
        for path in sorted(paths):
            with (scratch / path).open("rb") as file:
                sync(file.fileno())
            target = self._folder / path
            for folder in (self._folder, target.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
            (scratch / path).replace(target)
        for folder in self._folder.iterdir() if self._folder.exists() else ():
            if folder.is_dir() and only in (None, folder.name):
                self._drop_others(folder, paths)
        return len(paths)

    @staticmethod
    def _drop_others(folder: Path, paths: set[str]) -> None:
        """Remove the logs in *folder* that are not among *paths*, and it, if it is empty then."""
        for file in folder.iterdir():
            if _DAY.fullmatch(file.name) and f"{folder.name}/{file.name}" not in paths:
                file.unlink()
        sync_folder(folder)
        with suppress(OSError):
            folder.rmdir()


def _rows_up_to(log_db: apsw.Connection, source: int, last: int) -> Iterator[Any]:
    """Yield the rows of *source* up to the id *last*, and hold no transaction between them."""
    sql = f"SELECT id, hlc, {_COLUMNS} FROM event WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
    rows: list[Any] = [(source << 40,)]
    while rows := log_db.execute(sql, (rows[-1][0], last, REBUILD_CHUNK)).fetchall():
        yield from rows


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


class TextLogWriter(Follower):
    """The thread that writes the text logs in *data* from the log at *log_path*."""

    complaint = "text logs cannot be written; it is tried again"

    def __init__(
        self,
        log_path: Path,
        data: Path,
        unlogged: Iterable[str] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float | None], object] | None = None,
    ) -> None:
        pace = Pace(QUIET_S, PATIENCE_S, portions=PORTIONS)
        super().__init__("textlog", log_path, pace, clock, wait)
        self.logs = TextLogs(data, unlogged)

    def take(self, log_db: apsw.Connection) -> bool:
        """Write a little; return whether there may be more."""
        try:
            return self.logs.catch_up(log_db) == CHUNK
        except BlockingIOError:
            return True  # they are being made again, which is no fault

    def close(self) -> None:
        """Write what is left, if it is not much, and close the files."""
        until = time.monotonic() + GOODBYE_S
        with suppress(StorageError, apsw.Error, msgspec.MsgspecError, OSError):
            while not self._is_failing and time.monotonic() < until and self.take(self.log_db):
                pass
        self.logs.close()
