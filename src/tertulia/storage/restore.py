"""Putting a backup in the place of a database.

What can be cut off at any step: until the one renaming that puts the new database in its place
everything is as it was, and from then on everything is done. Only what can be made again (the
search index, the text logs) is moved after it, and notices by itself that it does not fit.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import apsw

from tertulia.storage import textlog
from tertulia.storage.backup import check, copy_database
from tertulia.storage.database import connect, last_epoch, raise_epoch_floor
from tertulia.storage.errors import StorageError
from tertulia.storage.files import free_path, sync_folder, written_whole
from tertulia.storage.lock import locked

DATABASE = "tertulia.db"
_DERIVED = ("search.db", textlog.STATE)


def restore(backup: Path, data: Path, now: float | None = None) -> Path | None:
    """Put *backup* in the place of the database in the directory *data*.

    What was there is kept in a folder ``before-restore-…`` in *data*, whose path is returned,
    or None if nothing was there. Raises `StorageError`; then nothing has changed.
    """
    if not backup.is_file():
        raise StorageError(f"there is no file {backup}")
    with _none_left_over(data), locked(data):
        database = data / DATABASE
        for cut_off in data.glob(f".{DATABASE}.*.partial*"):  # by the end of an earlier one
            cut_off.unlink()
        with written_whole(database, force=True) as fresh:
            copy_database(backup, fresh)
            check(fresh, name=backup)
            _keep_epochs(database, fresh)
            aside = _set_aside(data, time.time() if now is None else now)
        if aside is not None:
            _move_derived(data, aside)
    return aside


@contextmanager
def _none_left_over(data: Path) -> Iterator[None]:
    """Take away the directory *data* if it is made for what fails."""
    made = [folder for folder in (data, *data.parents) if not folder.exists()]
    try:
        yield
    except BaseException:
        if made:
            (data / "lock").unlink(missing_ok=True)
        with suppress(OSError):
            for folder in made:
                folder.rmdir()
        raise


def _keep_epochs(database: Path, fresh: Path) -> None:
    """See to it that *fresh* never begins an epoch that the present *database* has had."""
    floor = 0
    # One that cannot be read any more may be the reason for restoring: then the time decides.
    with suppress(StorageError, apsw.Error):
        if database.exists():
            with closing(connect(database, read_only=True)) as db:
                floor = last_epoch(db)
    try:
        with closing(apsw.Connection(str(fresh))) as db:
            raise_epoch_floor(db, floor)
    except apsw.Error as error:
        raise StorageError(f"cannot write to {fresh.parent}: {error}") from error


def _set_aside(data: Path, now: float) -> Path | None:
    """Keep the present database in a folder of its own, too; return that folder."""
    database = data / DATABASE
    if not any(_present(data)):
        return None
    aside = free_path(data, "before-restore-", "", now)
    _fold_in(database)
    aside.mkdir(mode=0o700)
    for name in (DATABASE, f"{DATABASE}-wal"):
        if (data / name).exists():
            _link_or_copy(data / name, aside / name)
    # A log beside a database that it does not belong to would be taken for a part of it. That
    # of the old one is empty by now, or the old one is no database any more.
    for suffix in ("-wal", "-shm"):
        (data / f"{DATABASE}{suffix}").unlink(missing_ok=True)
    sync_folder(aside)
    sync_folder(data)
    return aside


def _fold_in(database: Path) -> None:
    """Write what the write-ahead log of *database* holds into it, if it can be read."""
    if not database.exists():
        return
    try:
        with closing(connect(database)) as db:
            db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except apsw.BusyError as error:
        raise StorageError(
            f"another program reads {database}; wait for it, or end it, and try again"
        ) from error
    except (StorageError, apsw.Error) as error:
        cause = error.__cause__ if isinstance(error, StorageError) else error
        if not isinstance(cause, apsw.NotADBError | apsw.CorruptError):
            raise StorageError(f"cannot set {database} aside: {error}") from error


def _present(data: Path) -> Iterator[Path]:
    """Yield what a server has left in *data* that a restore moves."""
    for name in (DATABASE, *_DERIVED):
        for suffix in ("", "-wal", "-shm"):
            if (data / f"{name}{suffix}").exists():
                yield data / f"{name}{suffix}"
    if (data / textlog.FOLDER).exists():
        yield data / textlog.FOLDER


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copy2(source, target)


def _move_derived(data: Path, aside: Path) -> None:
    for path in list(_present(data)):
        if path.name != DATABASE:
            path.rename(aside / path.name)
