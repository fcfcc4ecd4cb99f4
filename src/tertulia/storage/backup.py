"""Backups: a copy of the database as it was at one moment, made while the server writes.

A read transaction is held from the first page to the last, so that the copy is of one moment
and nothing that is committed meanwhile makes it begin again (sqlite.org/backup.html, "If the
source database is modified"). What is committed meanwhile stays in the write-ahead log until
then, which grows by as much.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from glob import escape
from pathlib import Path

import apsw

from tertulia.storage.database import MIGRATIONS, connect
from tertulia.storage.errors import StorageError
from tertulia.storage.files import remove_cut_off, sync, written_whole

FOLDER = "backups"
PAGES_A_STEP = 256
SYNC_BYTES = 8 * 1024 * 1024
_LOOK_EVERY = 1_000_000
_TABLES = frozenset({"meta", "source", "event", "channel", "number"})

Progress = Callable[[int, int], None]
"""Is told how many pages are copied, and of how many."""


class Stopped(StorageError):
    """It was asked to stop."""

    def __init__(self) -> None:
        super().__init__("the backup was stopped")


def back_up(
    database: Path,
    target: Path,
    *,
    force: bool = False,
    progress: Progress = lambda _done, _all: None,
    is_stopped: Callable[[], bool] = lambda: False,
    pause_s: float = 0.0,
) -> int:
    """Copy *database* to *target*, and check the copy; return its size in bytes.

    *target* is there whole or not at all, and replaced only with *force*. Between two steps it
    rests for *pause_s*. Raises `StorageError`.
    """
    for name in (escape(target.name), "tertulia-*.db"):
        remove_cut_off(target.parent, name)
    with written_whole(target, force=force) as partial:
        try:
            with closing(connect(database, read_only=True)) as source:
                _copy(source, partial, progress, is_stopped, pause_s)
            check(partial, is_stopped)
        except apsw.Error as error:
            raise StorageError(f"cannot back up {database}: {error}") from error
        return partial.stat().st_size


def copy_database(source: Path, target: Path) -> None:
    """Copy the database *source*, with what its write-ahead log holds, into the file *target*.

    Raises `StorageError`.
    """
    try:
        with closing(connect(source, read_only=True)) as db:
            _copy(db, target, lambda _done, _all: None, lambda: False, 0.0)
    except apsw.Error as error:
        raise StorageError(f"cannot read {source}: {error}") from error


def check(
    path: Path, is_stopped: Callable[[], bool] = lambda: False, name: Path | None = None
) -> None:
    """Raise `StorageError` unless the file at *path* is a whole database of this program.

    Older ones are; they are brought up to date when a server starts on them. What is wrong is
    said of *name*, if that is given.
    """
    name = name or path
    try:
        with closing(connect(path, read_only=True)) as db:
            _check_kind(db, name)
            db.set_progress_handler(is_stopped, _LOOK_EVERY)
            [(found,)] = db.execute("PRAGMA integrity_check(1)").fetchall()
    except apsw.InterruptError as error:
        raise Stopped from error
    except apsw.Error as error:
        raise StorageError(f"{name} is not a whole database: {error}") from error
    if found != "ok":
        raise StorageError(f"{name} is damaged: {' '.join(str(found).split())}")


def _check_kind(db: apsw.Connection, name: Path) -> None:
    version = db.pragma("user_version")
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if version < 1 or not tables >= _TABLES:
        raise StorageError(f"{name} is no database of tertulia")
    if version > len(MIGRATIONS):
        raise StorageError(f"{name} was written by a newer version of tertulia; use that version")


@contextmanager
def _full_disk_told(target: Path) -> Iterator[None]:
    try:
        yield
    except apsw.FullError as error:
        # The words that come with it are those of the other database: "not an error".
        raise StorageError(f"cannot write to {target.parent}: the disk is full") from error


def _copy(
    source: apsw.Connection,
    target: Path,
    progress: Progress,
    is_stopped: Callable[[], bool],
    pause_s: float,
) -> None:
    with (
        _full_disk_told(target),
        closing(apsw.Connection(str(target))) as copy,
        target.open("rb") as file,
    ):
        # What is cut off is thrown away, and what is not is synced at the end.
        copy.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
        source.execute("BEGIN")
        source.execute("SELECT 1 FROM sqlite_schema").fetchall()  # the moment of the copy
        synced = 0
        with copy.backup("main", source, "main") as backup:
            while not backup.step(PAGES_A_STEP):
                progress(backup.page_count - backup.remaining, backup.page_count)
                if is_stopped():
                    raise Stopped
                # A little at a time: one large sync would hold up those of the server.
                size = os.fstat(file.fileno()).st_size
                if size - synced > SYNC_BYTES:
                    sync(file.fileno())
                    synced = size
                time.sleep(pause_s)
            progress(backup.page_count, backup.page_count)
        source.execute("COMMIT")
        # One file, which can be read where nothing can be written.
        copy.execute("PRAGMA journal_mode = DELETE")
