"""Files that are there whole or not at all, and stay when the power goes."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tertulia.storage.errors import StorageError

sync = os.fsync


def sync_folder(folder: Path) -> None:
    """Put the names in *folder* on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def append_synced(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Append *data* to the file at *path*, made if need be with its two innermost folders.

    Only the owner may read what is made. It is on disk afterwards if *durable*.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
        is_new = False
    except FileNotFoundError:
        for folder in (path.parent.parent, path.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(path, flags | os.O_CREAT, 0o600)
        is_new = True
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if durable:
            sync(descriptor)
    finally:
        os.close(descriptor)
    if is_new and durable:
        for folder in (path.parent, path.parent.parent):
            sync_folder(folder)


def free_path(folder: Path, before: str, after: str, now: float) -> Path:
    """Return a path in *folder* that is free: *before*, the local time, and *after*."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    path, count = folder / f"{before}{stamp}{after}", 1
    while path.exists():
        count += 1
        path = folder / f"{before}{stamp}-{count}{after}"
    return path


@contextmanager
def written_whole(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Yield the path of an empty file beside *path* that takes its place if all goes well.

    Only its owner may read it. A file at *path* is only replaced with *force*; a folder, a
    device or a pipe never is. Raises `StorageError`.
    """
    if path.exists() and not path.is_file():
        raise StorageError(f"{path} is no ordinary file; give the name of one")
    if path.exists() and not force:
        raise _exists(path)
    try:
        descriptor, name = tempfile.mkstemp(".partial", f".{path.name}.", path.parent)
    except OSError as error:
        raise StorageError(f"cannot write to {path.parent}: {error.strerror}") from error
    partial = Path(name)
    with suppress(OSError):  # a file system without locks
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield partial
        sync(descriptor)
        _publish(partial, path, force)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        os.close(descriptor)
        partial.unlink(missing_ok=True)
    sync_folder(path.parent)


def remove_cut_off(folder: Path, name: str) -> None:
    """Remove what a kill left in *folder* of files *name*, a pattern, that were to be whole."""
    for path in folder.glob(f".{name}.*.partial"):
        with suppress(OSError), path.open("rb") as file:
            # Who writes one holds it locked.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def _publish(partial: Path, path: Path, force: bool) -> None:
    if not force:
        try:
            # Unlike a renaming, this never replaces what came there meanwhile.
            os.link(partial, path)
            return
        except FileExistsError as error:
            raise _exists(path) from error
        except OSError:  # a file system without links
            if path.exists():
                raise _exists(path) from None
    partial.replace(path)


def _exists(path: Path) -> StorageError:
    return StorageError(f"{path} exists already; it is only replaced with --force")
