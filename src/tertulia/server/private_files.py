"""Files that are never there in part, nor readable by more people than they are for."""

from __future__ import annotations

import os
from pathlib import Path

PRIVATE = 0o600


def write_file(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """Write *path*, whole or not at all, with the permissions *mode*. Raises `OSError`.

    Where root writes it for another, it belongs to whoever owns the folder.
    """
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        if os.geteuid() == 0:
            folder = path.parent.stat()
            os.fchown(descriptor, folder.st_uid, folder.st_gid)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
