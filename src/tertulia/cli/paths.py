"""Where things are by default (XDG Base Directory Specification)."""

from __future__ import annotations

import os
from pathlib import Path


def data_folder() -> Path:
    """Return where a server keeps its data."""
    return _base("XDG_DATA_HOME", ".local/share") / "tertulia"


def config_file() -> Path:
    """Return where the settings are, if there are any."""
    return _base("XDG_CONFIG_HOME", ".config") / "tertulia" / "tertulia.toml"


def _base(variable: str, default: str) -> Path:
    given = os.environ.get(variable, "")
    # The specification: relative paths are to be ignored.
    return Path(given) if given.startswith("/") else Path.home() / default
