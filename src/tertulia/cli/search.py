"""``tertulia search``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import apsw
import msgspec
from cyclopts import Parameter

from tertulia.cli.errors import CommandError
from tertulia.cli.paths import data_folder
from tertulia.domain.events import Said
from tertulia.domain.ids import milliseconds, msgid
from tertulia.domain.names import fold_name
from tertulia.storage import database, records
from tertulia.storage.errors import StorageError
from tertulia.storage.history import Stored
from tertulia.storage.search import SearchIndex

CATCH_UP_ROWS = 5_000


def search(
    words: str,
    *,
    channel: str | None = None,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    after: str | None = None,
    before: str | None = None,
    limit: int = 50,
    json: Annotated[bool, Parameter(negative="")] = False,
    data: Path | None = None,
) -> int:
    """Search what was said. It works while the server runs, and while it does not.

    Parameters
    ----------
    words
        All of these must occur; "a phrase" in quotes; word* for words that begin so.
    channel
        Only in this channel.
    from_
        Only what this nickname said.
    after
        Only after this moment: 2026-11-20 or 2026-11-20T15:30 (local time).
    before
        Only before this moment.
    limit
        At most so many, the newest.
    json
        One JSON object a line.
    data
        The folder of the server's data.
    """
    if limit < 1:
        raise CommandError(f"--limit {limit}: must be 1 or more")
    folder = data or data_folder()
    path = folder / "tertulia.db"
    if not path.exists():
        raise CommandError(f"there is no server's data in {folder}; say where with --data")
    try:
        db = database.connect(path, read_only=True)
        index = SearchIndex(folder / "search.db")
        while index.catch_up(db, CATCH_UP_ROWS):
            pass
        found = index.search(
            db,
            words,
            conversations=_conversations(db, channel),
            sender=from_,
            after_ms=_moment("--after", after),
            before_ms=_moment("--before", before),
            limit=limit,
        )
    except (StorageError, apsw.Error) as error:
        raise CommandError(str(error)) from error
    for stored in reversed(found):
        _show(stored, json)
    if not found:
        print("nothing found", file=sys.stderr)
    return 0 if found else 1


def _conversations(db: apsw.Connection, channel: str | None) -> list[int] | None:
    if channel is None:
        return None
    folded = fold_name(channel if channel.startswith(("#", "*", "&")) else f"#{channel}")
    for one in records.load_channels(db):
        if one.name.folded == folded:
            return [one.incarnation]
    raise CommandError(f"there is no channel {channel}")


def _moment(option: str, text: str | None) -> int | None:
    """Return the Unix milliseconds of *text*, local time unless it says otherwise."""
    if text is None:
        return None
    try:
        return round(datetime.fromisoformat(text).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise CommandError(
            f"{option} {text}: write it like 2026-11-20 or 2026-11-20T15:30"
        ) from None


def _show(stored: Stored, as_json: bool) -> None:
    said = stored.fact
    assert isinstance(said, Said)
    moment = datetime.fromtimestamp(milliseconds(stored.hlc) / 1000, UTC)
    if as_json:
        row = {
            "time": moment.isoformat(timespec="milliseconds"),
            "msgid": msgid(stored.hlc, stored.origin_tag),
            "target": said.target,
            "from": said.by.nick,
            "text": said.text,
        }
        print(msgspec.json.encode(row).decode())
    else:
        local = moment.astimezone()
        print(f"{local:%Y-%m-%d %H:%M:%S}  {said.target}  <{said.by.nick}> {said.text}")
