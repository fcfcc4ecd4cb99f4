"""What somebody has chosen for the client: a TOML file that it only reads."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from tertulia.client.words import is_known

FILE = "client.toml"


class PreferencesError(Exception):
    """The file is not in order; one line that says what is wrong with it."""


class Preferences(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``client.toml``. An empty *nick*, *realname* and *language* are those of the system.

    *seen* and *typing* are whether others are told what one has read, and that one is typing;
    *history* is how many messages are loaded when a channel is joined.
    """

    nick: str = ""
    realname: str = ""
    language: str = ""
    highlights: tuple[str, ...] = ()
    history: int = 50
    seen: bool = True
    typing: bool = True
    theme: Literal["auto", "light", "dark", "terminal"] = "auto"
    notify: Literal["bell", "osc", "off"] = "bell"


def load(folder: Path) -> Preferences:
    """Return what the file in *folder* says, if there is one. Raises `PreferencesError`."""
    path = folder / FILE
    try:
        chosen = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Preferences)
    except FileNotFoundError:
        return Preferences()
    except OSError as error:
        raise PreferencesError(f"cannot read {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PreferencesError(f"{path} is not TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise PreferencesError(f"{path}: {error}") from error
    if chosen.history < 0:
        raise PreferencesError(f"{path}: history: must be 0 or more")
    if chosen.language and not is_known(chosen.language):
        raise PreferencesError(
            f"{path}: language: there is no {chosen.language!r}; write en or pt_BR"
        )
    return chosen
