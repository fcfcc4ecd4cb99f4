"""``tertulia backup``."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tertulia.cli.common import DATABASE, data_of_a_server, keep_off, told_in_one_line
from tertulia.storage.backup import FOLDER, back_up
from tertulia.storage.files import free_path


def backup(
    file: Path | None = None,
    *,
    data: Path | None = None,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Make a backup of everything said and set. It works while the server runs, too.

    Parameters
    ----------
    file
        Where to; by default tertulia-DATE-TIME.db in the folder backups of the server's data.
    data
        The folder of the server's data, by default ~/.local/share/tertulia.
    force
        Replace FILE if it exists.
    """
    folder = data_of_a_server(data)
    with told_in_one_line():
        if file is None:
            (folder / FOLDER).mkdir(mode=0o700, exist_ok=True)
            file = free_path(folder / FOLDER, "tertulia-", ".db", time.time())
        keep_off(folder, file)
        progress = _on_terminal if sys.stderr.isatty() else _quiet
        try:
            size = back_up(folder / DATABASE, file, force=force, progress=progress)
        finally:
            if progress is _on_terminal:
                print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    print(f"{file} ({size / (1 << 20):.1f} MiB)")
    return 0


def _quiet(done: int, pages: int) -> None:
    pass


def _on_terminal(done: int, pages: int) -> None:
    text = f"{100 * done // max(pages, 1)} %" if done < pages else "checking"
    print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
