"""Backups that the server makes: when, how many are kept, and what happens when one fails."""

import shutil
import threading
import time
from datetime import datetime

import pytest
import structlog

from tertulia.server import backups as module
from tertulia.server.backups import GRACE_S, LOOK_S, RETRY_S, Backups
from tertulia.server.settings import BackupSettings
from tertulia.storage.backup import back_up, check
from tertulia.storage.errors import StorageError
from tests.storage.kit import Disk, said

HOUR, DAY = 3600.0, 86_400.0


def at(text):
    return datetime.fromisoformat(text).timestamp()


class Clock:
    def __init__(self, text):
        self.now = at(text)

    def __call__(self):
        return self.now

    def run(self, backups, seconds):
        """Let time pass as the thread does, waiting for as long as it is told."""
        end = self.now + seconds
        while True:
            wait = backups.step()
            assert 0 <= wait <= max(LOOK_S, RETRY_S)
            if self.now + wait > end:
                self.now = end
                return
            self.now += wait or 1


@pytest.fixture(autouse=True)
def local_time(monkeypatch):
    monkeypatch.setenv("TZ", "America/Sao_Paulo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def disk(tmp_path):
    disk = Disk(tmp_path)
    disk.append(said(1, "hello"))
    yield disk
    disk.close()


@pytest.fixture
def make(disk, tmp_path):
    def make(clock, **settings):
        return Backups(disk.path, tmp_path, BackupSettings(**settings), clock=clock)

    return make


def names(tmp_path):
    return sorted(path.name for path in (tmp_path / "backups").glob("*"))


def test_every_day_at_its_time(make, tmp_path):
    clock = Clock("2026-11-20T00:00")
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups/daily-20261119-235900.db").write_bytes(b"")
    backups = make(clock)
    clock.run(backups, 3 * DAY)
    assert names(tmp_path)[1:] == [f"daily-202611{day}-040000.db" for day in (20, 21, 22)]
    check(tmp_path / "backups/daily-20261122-040000.db")


def test_at_another_time(make, tmp_path):
    clock = Clock("2026-11-20T04:30")
    clock.run(make(clock, time="23:15"), 20 * HOUR)
    assert names(tmp_path)[-1] == "daily-20261120-231500.db"


def test_the_first_start_waits_a_little(make, tmp_path):
    clock = Clock("2026-11-20T10:00")
    backups = make(clock)
    assert backups.step() == GRACE_S
    assert not (tmp_path / "backups").exists()
    clock.run(backups, GRACE_S)
    assert names(tmp_path) == ["daily-20261120-100500.db"]


@pytest.mark.parametrize(
    ("last", "start", "expected"),
    [
        # Missed, and more than a day old: soon after the start.
        ("20261118-040000", "2026-11-20T10:00", "20261120-100500"),
        # Missed, but not a day old yet: when it is.
        ("20261119-120000", "2026-11-20T10:00", "20261120-120000"),
        # Not missed.
        ("20261120-040000", "2026-11-20T10:00", "20261121-040000"),
        # The time comes while a start is young.
        ("20261119-040000", "2026-11-20T03:59", "20261120-040000"),
    ],
)
def test_after_a_start(make, tmp_path, last, start, expected):
    (tmp_path / "backups").mkdir()
    (tmp_path / f"backups/daily-{last}.db").write_bytes(b"")
    clock = Clock(start)
    clock.run(make(clock), at("2026-11-21T04:00") - clock.now)
    assert names(tmp_path)[1] == f"daily-{expected}.db"


def test_the_last_ones_are_kept_and_strangers_files_too(make, tmp_path):
    clock = Clock("2026-11-01T00:00")
    backups = make(clock, keep=3)
    folder = tmp_path / "backups"
    folder.mkdir()
    strangers = {
        "tertulia-20200101-000000.db", "daily-notes.txt", "daily-20200101-000000.db.txt",
        "daily-20209999-000000.db", "my daily-20200101-000000.db", "daily-20200101-000000",
    }  # fmt: skip
    for name in strangers:
        (folder / name).write_text("a stranger's")
    (folder / ".daily-20200101-000000.db.abc.partial").write_text("cut off")
    manual = backups.take()
    clock.run(backups, 6 * DAY)
    dailies = {f"daily-202611{day:02}-040000.db" for day in (4, 5, 6)}
    assert set(names(tmp_path)) == {*strangers, manual.name, *dailies}


def test_all_are_kept_if_so_wished(make, tmp_path):
    clock = Clock("2026-11-01T00:00")
    clock.run(make(clock, keep=0), 12 * DAY)
    assert len(names(tmp_path)) == 13


def test_none_are_made_if_so_wished(make, tmp_path):
    clock = Clock("2026-11-01T00:00")
    backups = make(clock, daily=False)
    clock.run(backups, 3 * DAY)
    assert not (tmp_path / "backups").exists()
    backups.configure(BackupSettings())
    clock.run(backups, DAY)
    assert names(tmp_path)


def test_a_failure_is_told_and_tried_again(make, disk, tmp_path, monkeypatch):
    clock = Clock("2026-11-20T10:00")
    backups = make(clock)

    def full(*_args, **_more):
        raise StorageError("database or disk is full")

    with monkeypatch.context() as patch, structlog.testing.capture_logs() as logged:
        patch.setattr(module, "back_up", full)
        clock.run(backups, GRACE_S + RETRY_S)
    assert [entry["log_level"] for entry in logged] == ["warning"] * 2
    assert logged[0]["reason"] == "database or disk is full"
    clock.run(backups, RETRY_S)
    assert names(tmp_path) == ["daily-20261120-103500.db"]


def test_a_clock_that_was_set_back(make, tmp_path):
    clock = Clock("2026-11-20T10:00")
    backups = make(clock)
    clock.run(backups, DAY)
    clock.now -= 10 * DAY
    clock.run(backups, DAY)
    assert names(tmp_path)[:2] == ["daily-20261111-100500.db", "daily-20261112-040000.db"]


def test_when_an_operator_asks(make, tmp_path):
    backups = make(Clock("2026-11-20T10:00"))
    first, second = backups.take(), backups.take()
    assert [first.name, second.name] == [
        "tertulia-20261120-100000.db",
        "tertulia-20261120-100000-2.db",
    ]
    check(second)


def test_a_place_that_cannot_be_used(make, tmp_path):
    (tmp_path / "backups").write_text("")
    with pytest.raises(StorageError, match="backups"):
        make(Clock("2026-11-20T10:00")).take()


def test_a_stop_gives_up_what_is_under_way(disk, tmp_path, monkeypatch):
    under_way, asked = threading.Event(), threading.Event()
    clock = Clock("2026-11-20T10:00")
    backups = Backups(disk.path, tmp_path, BackupSettings(), clock=clock)
    real = back_up

    def slow(*args, **more):
        under_way.set()
        assert asked.wait(30)
        monkeypatch.setattr("tertulia.storage.backup.PAGES_A_STEP", 1)
        return real(*args, **more)

    monkeypatch.setattr(module, "back_up", slow)
    clock.now += GRACE_S
    with structlog.testing.capture_logs() as logged:
        backups.start()
        assert under_way.wait(30)
        backups._stop.set()
        asked.set()
        backups.stop()
    assert not backups._thread.is_alive()
    assert names(tmp_path) == []
    assert logged == []


def test_what_was_not_started_can_be_stopped(make):
    make(Clock("2026-11-20T10:00")).stop()


def test_a_folder_that_somebody_removed(make, tmp_path):
    clock = Clock("2026-11-20T10:00")
    backups = make(clock)
    clock.run(backups, DAY)
    shutil.rmtree(tmp_path / "backups")
    clock.run(backups, DAY)
    assert names(tmp_path)
