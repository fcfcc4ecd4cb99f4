"""``tertulia restore``."""

from __future__ import annotations

from pathlib import Path

from tertulia.cli.common import told_in_one_line
from tertulia.cli.paths import data_folder
from tertulia.storage.restore import restore as put_in_place


def restore(file: Path, *, data: Path | None = None) -> int:
    """Go back to a backup. The server must not run; what was there is kept.

    Parameters
    ----------
    file
        The backup.
    data
        The folder of the server's data, by default ~/.local/share/tertulia; it may be a new one.
    """
    folder = data or data_folder()
    with told_in_one_line():
        aside = put_in_place(file, folder)
    print(f"restored {file} to {folder}")
    if aside is not None:
        print(f"what was there before is in {aside}")
    print("the next start makes the search index and the text logs again")
    return 0
