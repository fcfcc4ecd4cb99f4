"""``tertulia search``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from tertulia.cli.common import (
    conversations_of,
    data_of_a_server,
    moment,
    open_log,
    time_of,
    told_in_one_line,
)
from tertulia.cli.errors import CommandError
from tertulia.cli.tables import shown
from tertulia.domain.events import Said
from tertulia.domain.ids import msgid
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
        The folder of the server's data, by default ~/.local/share/tertulia.
    """
    if limit < 1:
        raise CommandError(f"--limit {limit}: must be 1 or more")
    folder = data_of_a_server(data)
    with told_in_one_line():
        db = open_log(folder)
        index = SearchIndex(folder / "search.db")
        while index.catch_up(db, CATCH_UP_ROWS):
            pass
        found = index.search(
            db,
            words,
            conversations=None if channel is None else conversations_of(db, channel),
            sender=from_,
            after_ms=moment("--after", after),
            before_ms=moment("--before", before),
            limit=min(limit, sys.maxsize),
        )
    for stored in reversed(found):
        _show(stored, json)
    if not found:
        print("nothing found", file=sys.stderr)
    return 0 if found else 1


def _show(stored: Stored, as_json: bool) -> None:
    said = stored.fact
    assert isinstance(said, Said)
    when = time_of(stored.hlc)
    if as_json:
        row = {
            "time": when.isoformat(timespec="milliseconds"),
            "msgid": msgid(stored.hlc, stored.tag),
            "target": said.target,
            "from": said.by.nick,
            "text": said.text,
        }
        print(msgspec.json.encode(row).decode())
    else:
        local = when.astimezone()
        print(f"{local:%Y-%m-%d %H:%M:%S}  {said.target}  <{said.by.nick}> {shown(said.text)}")
