"""One server uses a data directory at a time, and nobody replaces its files meanwhile."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tertulia.storage.errors import StorageError


def take_lock(data: Path) -> int:
    """Make the directory *data* if need be, and lock it; return what to close to let go of it.

    Raises `StorageError`.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StorageError(f"cannot use {data}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        if isinstance(error, BlockingIOError):
            raise StorageError(f"another server uses {data}; stop it, or give --data") from error
        raise StorageError(f"cannot use {data}: {error.strerror}") from error
    return lock


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Hold the lock of *data*. Raises `StorageError` if a server does."""
    lock = take_lock(data)
    try:
        yield
    finally:
        os.close(lock)
