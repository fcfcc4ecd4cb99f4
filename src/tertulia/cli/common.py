"""What commands that read a server's data have in common."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import apsw

from tertulia.cli.errors import CommandError
from tertulia.cli.paths import config_file, data_folder
from tertulia.domain.ids import EVERYONE, EVERYONE_HERE, Conversation, Hlc, milliseconds
from tertulia.domain.names import fold_name
from tertulia.server.settings import Settings, load
from tertulia.storage import database, records
from tertulia.storage.errors import StorageError

DATABASE = "tertulia.db"


def data_of_a_server(given: Path | None) -> Path:
    """Return the data directory *given*, or the default one; there is a database in it."""
    folder = given or data_folder()
    if not (folder / DATABASE).exists():
        raise CommandError(f"there is no server's data in {folder}; say where with --data")
    return folder


def settings_of(config: Path | None) -> Settings:
    """Return the settings in the file *config*, or the default one if there is one.

    Raises `SettingsError`.
    """
    default = config_file()
    return load(config or (default if default.exists() else None))


def keep_off(folder: Path, output: Path) -> None:
    """Refuse to write *output* over what is in the data directory *folder*: a running server
    would go on with the old file, and whoever comes next take the new one for its own."""
    if output.exists() and output.parent.resolve() == folder.resolve():
        raise CommandError(
            f"{output} is among the server's own files, which are not replaced; write it elsewhere"
        )


def open_log(folder: Path) -> apsw.Connection:
    """Return the database in *folder*, for reading. Raises `StorageError`."""
    return database.connect(folder / DATABASE, read_only=True)


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Turn what the disk or the database refuses into a `CommandError`."""
    try:
        yield
    except (StorageError, apsw.Error) as error:
        raise CommandError(str(error)) from error
    except BrokenPipeError:
        raise  # not a fault, and told nobody
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise CommandError(f"{where}{error.strerror or error}") from error


def full_target(channel: str) -> str:
    """Return *channel* with the ``#`` that it may be written without."""
    return channel if channel.startswith(("#", "*", "&")) else f"#{channel}"


def conversations_of(db: apsw.Connection, channel: str) -> list[Conversation]:
    """Return the histories of *channel* as it is now, which may be ``*`` or ``&``."""
    target = full_target(channel)
    if target in ("*", "&"):
        return [EVERYONE if target == "*" else EVERYONE_HERE]
    folded = fold_name(target)
    found = [one for one in records.load_channels(db) if one.name.folded == folded]
    if alive := [one.incarnation for one in found if one.is_alive]:
        return alive
    raise CommandError(f"there is no channel {channel}")


def moment(option: str, text: str | None) -> int | None:
    """Return the Unix milliseconds of *text*, local time unless it says otherwise."""
    if text is None:
        return None
    try:
        return round(datetime.fromisoformat(text).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise CommandError(
            f"{option} {text}: write it like 2026-11-20 or 2026-11-20T15:30"
        ) from None


def time_of(hlc: Hlc) -> datetime:
    """Return when *hlc* was, in UTC."""
    return datetime.fromtimestamp(milliseconds(hlc) / 1000, UTC)
