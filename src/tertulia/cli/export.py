"""``tertulia export``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Literal

from cyclopts import Parameter

from tertulia.cli.common import (
    conversations_of,
    data_of_a_server,
    full_target,
    keep_off,
    moment,
    open_log,
    told_in_one_line,
)
from tertulia.cli.exported import FORMATS
from tertulia.domain.ids import Hlc, at_milliseconds
from tertulia.storage.files import written_whole
from tertulia.storage.history import History


def export(
    *,
    channel: str,
    format: Literal["jsonl", "txt", "html"] = "jsonl",
    after: str | None = None,
    before: str | None = None,
    output: Path | None = None,
    force: Annotated[bool, Parameter(negative="")] = False,
    data: Path | None = None,
) -> int:
    """Print all that history shows of a channel. It works while the server runs, too.

    Parameters
    ----------
    channel
        The channel as it is now, not one of that name that ended; * or & for what was said to
        everyone.
    format
        jsonl (one JSON object a line), txt, or html (one page that needs nothing else).
    after
        Only from this moment on: 2026-11-20 or 2026-11-20T15:30 (local time).
    before
        Only before this moment.
    output
        A file to write, instead of standard output.
    force
        Replace the file if it exists.
    data
        The folder of the server's data, by default ~/.local/share/tertulia.
    """
    folder = data_of_a_server(data)
    first = moment("--after", after)
    end = moment("--before", before)
    with told_in_one_line():
        if output is not None:
            keep_off(folder, output)
        db = open_log(folder)
        history = History(db)
        events = history.everything(
            conversations_of(db, channel),
            Hlc(0) if first is None else at_milliseconds(first),
            Hlc((1 << 63) - 1) if end is None else at_milliseconds(end),
        )
        with _destination(output, force) as file:
            for text in FORMATS[format](full_target(channel), events):
                file.write(text)
        history.close()
    return 0


@contextmanager
def _destination(output: Path | None, force: bool) -> Iterator[IO[str]]:
    if output is None:
        sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
        yield sys.stdout
        return
    with written_whole(output, force=force) as partial, partial.open("w", encoding="utf-8") as file:
        yield file
