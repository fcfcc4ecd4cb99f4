"""Backups that the server makes: every day by itself, and when an operator asks for one."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from tertulia.server.settings import BackupSettings
from tertulia.storage.backup import FOLDER, Stopped, back_up
from tertulia.storage.errors import StorageError
from tertulia.storage.files import free_path

GRACE_S = 300.0
"""A start is no moment for a backup: first the people come back."""
LOOK_S = 600.0
RETRY_S = 900.0
PAUSE_S = 0.002
_DAY_S = 86_400.0
_DAILY = re.compile(r"daily-([0-9]{8}-[0-9]{6})(-[0-9]+)?\.db", re.ASCII)

logger = structlog.get_logger()


class Backups:
    """Makes backups of *database* in the folder ``backups`` of the data directory *data*.

    *clock* returns Unix seconds; *wait* waits for so many, or until it is told to stop.
    """

    def __init__(
        self,
        database: Path,
        data: Path,
        settings: BackupSettings,
        *,
        clock: Callable[[], float] = time.time,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._database = database
        self._folder = data / FOLDER
        self._settings = settings
        self._clock = clock
        self._stop = threading.Event()
        self._wait = wait or self._stop.wait
        self._one_at_a_time = threading.Lock()
        self._started = clock()
        self._not_before = 0.0
        """After a failure: when to try again."""
        self._thread = threading.Thread(target=self._run, name="backup", daemon=True)

    def configure(self, settings: BackupSettings) -> None:
        """From now on, go by *settings*. May be called in any thread."""
        self._settings = settings

    def start(self) -> None:
        """Begin to look whether a daily backup is due."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and give up a backup that is under way."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def take(self) -> Path:
        """Make a backup now and return where it is; raises `StorageError`.

        It takes seconds: for a thread, not for the event loop. The daily pruning leaves it alone.
        """
        return self._make("tertulia-")

    def step(self) -> float:
        """Make the daily backup if it is due; return after how many seconds to look again."""
        now = self._clock()
        self._started = min(self._started, now)  # where the clock was set back
        if not self._settings.daily:
            return LOOK_S
        soonest = self._soonest(now)
        if soonest > now:
            return min(LOOK_S, soonest - now)
        try:
            self._prune(self._make("daily-"))
        except Stopped:
            pass
        except StorageError as error:
            logger.warning("the daily backup failed; it is tried again", reason=str(error))
            self._not_before = now + RETRY_S
        return min(LOOK_S, max(0.0, self._soonest(now) - now))

    # When one is due

    def _soonest(self, now: float) -> float:
        """Return when the next daily backup is to be made, *now* or earlier if it is due."""
        last = max((made for made in self._made() if made <= now), default=None)
        moment = self._last_moment(now)
        if moment > self._started:
            due = moment if last is None or last < moment else self._next_moment(now)
        else:
            # What was missed while the server did not run waits until the last is a day old.
            missed = self._started + GRACE_S
            if last is not None:
                missed = max(missed, last + _DAY_S)
            due = min(missed, self._next_moment(now))
        return max(due, self._not_before)

    def _last_moment(self, now: float) -> float:
        """Return when the time of day of the daily backup was last."""
        local = datetime.fromtimestamp(now)
        moment = datetime.combine(local.date(), self._settings.moment)
        if moment > local:
            moment = datetime.combine(local.date() - timedelta(days=1), self._settings.moment)
        return moment.timestamp()

    def _next_moment(self, now: float) -> float:
        tomorrow = datetime.fromtimestamp(self._last_moment(now)).date() + timedelta(days=1)
        return datetime.combine(tomorrow, self._settings.moment).timestamp()

    def _made(self) -> list[float]:
        """Return when the daily backups that are there were made."""
        found = []
        for path in self._dailies():
            stamp = path.name.removeprefix("daily-")[:15]
            found.append(time.mktime(time.strptime(stamp, "%Y%m%d-%H%M%S")))
        return found

    def _dailies(self) -> list[Path]:
        """Return the daily backups that are there, the oldest first."""
        if not self._folder.is_dir():
            return []
        return sorted(path for path in self._folder.iterdir() if _is_daily(path.name))

    # Making one

    def _make(self, prefix: str) -> Path:
        with self._one_at_a_time:
            started = time.monotonic()
            try:
                self._folder.mkdir(mode=0o700, exist_ok=True)
            except OSError as error:
                raise StorageError(f"cannot use {self._folder}: {error.strerror}") from error
            path = free_path(self._folder, prefix, ".db", self._clock())
            is_stopped = self._stop.is_set
            size = back_up(self._database, path, is_stopped=is_stopped, pause_s=PAUSE_S)
            seconds = round(time.monotonic() - started, 1)
            logger.info("backup made", file=str(path), megabytes=size >> 20, seconds=seconds)
            return path

    def _prune(self, newest: Path) -> None:
        """Remove the oldest daily backups, and what ones that were cut off have left."""
        keep = self._settings.keep
        older = [path for path in self._dailies() if path != newest]
        surplus = older[: max(0, len(older) + 1 - keep)] if keep else []
        for path in [*surplus, *self._folder.glob(".daily-*.db.*.partial*")]:
            try:
                path.unlink()
            except OSError as error:
                logger.warning("cannot remove a backup", file=str(path), reason=error.strerror)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wait(self.step())


def _is_daily(name: str) -> bool:
    match = _DAILY.fullmatch(name)
    if match is None:
        return False
    try:
        time.strptime(match[1], "%Y%m%d-%H%M%S")
    except ValueError:
        return False
    return True
