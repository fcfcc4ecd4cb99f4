"""``tertulia log``."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tertulia.cli.common import data_of_a_server, full_target, open_log, told_in_one_line
from tertulia.cli.errors import CommandError
from tertulia.storage.textlog import FOLDER, STATE, TextLogs, day_file

LOOK_S = 0.5

log = App(name="log", help="Show the text log of a channel, or make the text logs again.")


@log.default
def show(
    channel: str,
    *,
    day: str | None = None,
    follow: Annotated[bool, Parameter(negative="", alias="-f")] = False,
    data: Path | None = None,
) -> int:
    """Print what was said in a channel on a day. It works while the server runs, and while not.

    Parameters
    ----------
    channel
        The channel, or * or & for what was said to everyone.
    day
        The day, like 2026-11-20; today by default.
    follow
        Go on printing what is said, until Ctrl-C.
    data
        The folder of the server's data, by default ~/.local/share/tertulia.
    """
    folder = data_of_a_server(data)
    if follow and day is not None:
        raise CommandError("--follow is about today: leave out --day")
    target = full_target(channel)
    with told_in_one_line():
        if follow:
            _follow(lambda: day_file(folder, target, date.today()))
        path = day_file(folder, target, _day(day))
        if not path.exists():
            print(f"nothing in {path}", file=sys.stderr)
            return 1
        with path.open("rb") as file:
            for line in file:
                sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
    return 0


@log.command
def rebuild(*, channel: str | None = None, data: Path | None = None) -> int:
    """Make the text logs again from the database. It works while the server runs, too.

    Parameters
    ----------
    channel
        Only those of this channel.
    data
        The folder of the server's data, by default ~/.local/share/tertulia.
    """
    folder = data_of_a_server(data)
    if not (folder / STATE).exists():
        raise CommandError(
            "the server has written no text logs here; it does when it runs with"
            " history.text_logs = true"
        )
    with told_in_one_line():
        logs = TextLogs(folder)
        db = open_log(folder)
        count = logs.rebuild(db, None if channel is None else full_target(channel))
        logs.close()
        db.close()
    print(f"{count} {'file' if count == 1 else 'files'} made again in {folder / FOLDER}")
    return 0


def _day(text: str | None) -> date:
    if text is None:
        return date.today()
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise CommandError(f"--day {text}: write it like 2026-11-20") from None


def _follow(todays: Callable[[], Path], wait: Callable[[float], object] = time.sleep) -> None:
    """Print what is in the file that *todays* returns, and what is added to it, for ever."""
    current, position = todays(), 0
    while True:
        path = todays()
        position = _print_from(current, position)
        if path != current:
            current, position = path, _print_from(path, 0)
        sys.stdout.buffer.flush()
        wait(LOOK_S)


def _print_from(path: Path, position: int) -> int:
    """Print the whole lines of the file at *path* from *position*; return where they end."""
    try:
        with path.open("rb") as file:
            if file.seek(0, os.SEEK_END) < position:
                position = 0  # another one, in the place of one that was removed
            file.seek(position)
            data = file.read()
    except FileNotFoundError:
        return 0
    whole = data[: data.rfind(b"\n") + 1]
    sys.stdout.buffer.write(whole)
    return position + len(whole)
