"""Backups: of one moment, checked, whole or not at all. Restoring them: all or nothing."""

import contextlib
import os
import shutil
import stat
import sys
import threading

import apsw
import pytest

from tertulia.storage import backup as module
from tertulia.storage import database, files, lock
from tertulia.storage import restore as restore_module
from tertulia.storage.backup import Stopped, back_up, check
from tertulia.storage.database import connect, last_epoch, open_epoch
from tertulia.storage.errors import StorageError
from tertulia.storage.files import written_whole
from tertulia.storage.restore import restore
from tests.storage.kit import Disk, said


def texts(path):
    with connect(path, read_only=True) as db:
        rows = db.execute("SELECT json_extract(body, '$.text') FROM event ORDER BY id")
        return [text for (text,) in rows]


@pytest.fixture
def talk(disk):
    disk.append(*(said(i, f"message {i}") for i in range(500)))
    return disk


@pytest.fixture
def copy(talk, tmp_path):
    """A backup of 500 messages."""
    back_up(talk.path, tmp_path / "copy.db")
    return tmp_path / "copy.db"


ALL = [f"message {i}" for i in range(500)]


def test_a_backup_is_one_file_with_everything(talk, tmp_path):
    path = tmp_path / "copy.db"
    assert back_up(talk.path, path) == path.stat().st_size
    assert texts(path) == ALL
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir() if "copy" in p.name] == ["copy.db"]
    check(path)


def test_of_a_database_that_nobody_has_open(talk, tmp_path):
    talk.close()
    back_up(talk.path, tmp_path / "copy.db")
    assert texts(tmp_path / "copy.db") == ALL


def test_a_file_that_exists_is_kept(talk, tmp_path):
    path = tmp_path / "copy.db"
    path.write_text("a stranger's")
    with pytest.raises(StorageError, match=r"copy\.db exists already; .*--force"):
        back_up(talk.path, path)
    assert path.read_text() == "a stranger's"
    back_up(talk.path, path, force=True)
    assert texts(path) == ALL


def test_a_file_that_comes_meanwhile_is_kept(talk, tmp_path, monkeypatch):
    path = tmp_path / "copy.db"
    monkeypatch.setattr(module, "check", lambda *_more: path.write_text("a stranger's"))
    with pytest.raises(StorageError, match="exists already"):
        back_up(talk.path, path)
    assert path.read_text() == "a stranger's"
    assert not list(tmp_path.glob(".copy*"))


def test_without_links_it_is_renamed(talk, tmp_path, monkeypatch):
    def refuse(*_more):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    back_up(talk.path, tmp_path / "copy.db")
    assert texts(tmp_path / "copy.db") == ALL


def test_it_does_not_begin_again_while_somebody_writes(talk, tmp_path, monkeypatch):
    """What is committed while it is made is not in it, and does not hold it up."""
    monkeypatch.setattr(module, "PAGES_A_STEP", 1)
    steps = []

    def write_more(done, pages):
        steps.append((done, pages))
        if len(steps) % 5 == 0:
            talk.append(said(1000 + len(steps), "later"))

    back_up(talk.path, tmp_path / "copy.db", progress=write_more)
    assert steps == [(i + 1, steps[0][1]) for i in range(len(steps))]
    assert steps[-1][0] == steps[-1][1]
    assert texts(tmp_path / "copy.db") == ALL
    assert len(talk.rows()) > len(ALL)
    check(tmp_path / "copy.db")


def test_checkpoints_meanwhile_do_no_harm(talk, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PAGES_A_STEP", 1)

    def checkpoint(done, _pages):
        talk.append(said(1000 + done, "later"))
        with contextlib.closing(connect(talk.path)) as db:
            db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)

    back_up(talk.path, tmp_path / "copy.db", progress=checkpoint)
    assert texts(tmp_path / "copy.db") == ALL
    check(tmp_path / "copy.db")


def test_everything_acknowledged_before_is_there_under_load(talk, tmp_path):
    """One thread writes without a pause; what it was told is on disk is in each backup."""
    acknowledged, stop = list(ALL), threading.Event()

    def write():
        while not stop.is_set():
            text = f"message {len(acknowledged)}"
            assert talk.append(said(len(acknowledged), text)) is None
            acknowledged.append(text)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for i in range(5):
            before = list(acknowledged)
            back_up(talk.path, tmp_path / f"{i}.db", pause_s=0.001)
            found = texts(tmp_path / f"{i}.db")
            assert found[: len(before)] == before
            assert found == [f"message {j}" for j in range(len(found))]
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize("when", ["copying", "checking"])
def test_it_can_be_stopped(talk, tmp_path, monkeypatch, when):
    monkeypatch.setattr(module, "PAGES_A_STEP", 1)
    monkeypatch.setattr(module, "_LOOK_EVERY", 1)
    done: list[bool] = []

    def is_stopped():
        return when == "copying" or bool(done)

    def progress(part, whole):
        if part == whole:
            done.append(True)

    with pytest.raises(Stopped):
        back_up(talk.path, tmp_path / "copy.db", is_stopped=is_stopped, progress=progress)
    assert not list(tmp_path.glob("*copy*"))


@pytest.mark.parametrize("target", ["nowhere/copy.db", "file/copy.db"])
def test_a_place_that_cannot_be_written_to(talk, tmp_path, target):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write to") as raised:
        back_up(talk.path, tmp_path / target)
    assert "\n" not in str(raised.value)


def test_a_damaged_database_gives_no_backup(talk, tmp_path):
    talk.close()
    damage(talk.path)
    with pytest.raises(StorageError):
        back_up(talk.path, tmp_path / "copy.db")
    assert not list(tmp_path.glob("*copy*"))


# What is no backup


def damage(path):
    data = bytearray(path.read_bytes())
    data[8192:] = b"\xff" * len(data[8192:])
    path.write_bytes(data)


def garbage(path):
    path.write_bytes(b"not a database at all " * 500)


def empty(path):
    path.write_bytes(b"")


def half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def foreign(path):
    path.unlink()
    with apsw.Connection(str(path)) as db:
        db.execute("CREATE TABLE event (x); PRAGMA user_version = 1")


def newer(path):
    with apsw.Connection(str(path)) as db:
        db.execute("PRAGMA user_version = 99")


def missing(path):
    path.unlink()


def folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (damage, "copy.db"), (garbage, "copy.db"), (empty, "no database of tertulia"),
        (half, "copy.db"), (foreign, "no database of tertulia"), (newer, "newer version"),
        (missing, "there is no file"), (folder, "there is no file"),
    ],
)  # fmt: skip
def test_what_is_no_backup_is_refused(talk, copy, tmp_path, spoil, words):
    spoil(copy)
    talk.close()
    before = talk.path.read_bytes()
    with pytest.raises(StorageError) as raised:
        restore(copy, tmp_path)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)
    assert talk.path.read_bytes() == before
    assert not list(tmp_path.glob("before-restore-*"))
    assert not list(tmp_path.glob("*.partial*"))


def test_a_refused_one_leaves_no_new_directory(talk, tmp_path):
    bad = tmp_path / "bad.db"
    bad.write_text("no database")
    with pytest.raises(StorageError):
        restore(bad, tmp_path / "some" / "where")
    assert not (tmp_path / "some").exists()


def test_what_a_kill_left_is_removed_by_the_next_backup_but_not_what_is_being_written(
    talk, tmp_path
):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name in (".chat.db.abc.partial", ".tertulia-20260101-000000.db.abc.partial"):
        (folder / name).write_text("cut off")
    (folder / ".other.partial").write_text("somebody else's")
    with written_whole(folder / "tertulia-20260102-000000.db") as partial:
        back_up(talk.path, folder / "chat.db")
        left = {path.name for path in folder.iterdir()}
        assert left == {"chat.db", ".other.partial", partial.name}


# Restoring


def test_into_an_empty_place(copy, tmp_path):
    (tmp_path / "some/where").mkdir(parents=True, mode=0o700)
    (tmp_path / "some/where/.tertulia.db.abc.partial").write_text("cut off")
    assert restore(copy, tmp_path / "some/where") is None
    assert {path.name for path in (tmp_path / "some/where").iterdir()} == {"lock", "tertulia.db"}
    assert stat.S_IMODE((tmp_path / "some/where").stat().st_mode) == 0o700
    assert texts(tmp_path / "some/where/tertulia.db") == ALL


def test_what_was_there_is_kept(talk, copy, tmp_path):
    talk.append(said(1000, "later"))
    shutil.copy(talk.path.with_name("tertulia.db-wal"), tmp_path / "wal")
    talk.close()
    for name in ("search.db", "search.db-wal", "logs.db"):
        (tmp_path / name).write_text(name)
    (tmp_path / "logs").mkdir()
    aside = restore(copy, tmp_path, now=0)
    assert aside is not None
    assert aside.name.startswith("before-restore-19")
    assert {"tertulia.db", "search.db", "search.db-wal", "logs.db", "logs"} == {
        path.name for path in aside.iterdir() if path.name != "lock"
    }
    assert texts(aside / "tertulia.db") == [*ALL, "later"]
    assert texts(talk.path) == ALL
    again = restore(aside / "tertulia.db", tmp_path, now=0)
    assert again is not None
    assert again.name == f"{aside.name}-2"
    assert texts(talk.path) == [*ALL, "later"]


def test_what_only_the_write_ahead_log_holds_is_kept(talk, copy, tmp_path):
    """A server that was killed leaves the log beside the database."""
    talk.append(said(1000, "later"))
    dead = tmp_path / "dead"
    dead.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(f"{talk.path}{suffix}", dead)
    aside = restore(copy, dead)
    assert aside is not None
    assert texts(aside / "tertulia.db") == [*ALL, "later"]
    assert texts(dead / "tertulia.db") == ALL
    # The same of a backup that somebody made by copying both files.
    (tmp_path / "raw").mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(f"{talk.path}{suffix}", tmp_path / "raw")
    restore(tmp_path / "raw/tertulia.db", tmp_path / "new")
    assert texts(tmp_path / "new/tertulia.db") == [*ALL, "later"]


def test_a_broken_database_is_kept_as_it_is(talk, copy, tmp_path):
    talk.close()
    garbage(talk.path)
    (tmp_path / "tertulia.db-wal").write_bytes(b"wal")
    aside = restore(copy, tmp_path)
    assert aside is not None
    assert (aside / "tertulia.db").read_bytes().startswith(b"not a database")
    assert (aside / "tertulia.db-wal").read_bytes() == b"wal"
    assert texts(talk.path) == ALL


def test_not_while_a_server_runs(copy, tmp_path):
    with lock.locked(tmp_path):
        with pytest.raises(StorageError, match="another server uses"):
            restore(copy, tmp_path)
    assert not list(tmp_path.glob("before-restore-*"))


def test_not_while_somebody_reads(talk, copy, tmp_path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_MS", 1)
    talk.append(said(1000, "later"))
    with contextlib.closing(connect(talk.path, read_only=True)) as reader:
        reader.execute("BEGIN; SELECT * FROM meta").fetchall()
        talk.append(said(1001, "latest"))
        talk.close()
        with pytest.raises(StorageError, match="another program reads"):
            restore(copy, tmp_path)
    assert texts(talk.path) == [*ALL, "later", "latest"]
    assert not list(tmp_path.glob("before-restore-*"))


# Epochs


def epochs(path):
    with connect(path, read_only=True) as db:
        return [epoch for (epoch,) in db.execute("SELECT epoch FROM source ORDER BY id")]


def test_no_epoch_comes_twice_even_if_the_clock_was_set_back(talk, copy, tmp_path):
    late = 9_000_000_000
    with contextlib.closing(connect(talk.path)) as db:
        open_epoch(db, talk.server, late)
    talk.close()
    restore(copy, tmp_path)
    assert epochs(talk.path) == [1]
    # A second time, before any server ran: the floor is known from the first.
    restore(copy, tmp_path)
    with contextlib.closing(connect(talk.path)) as db:
        assert last_epoch(db) == late
        assert open_epoch(db, talk.server, 5)[1] == late + 1
        assert open_epoch(db, talk.server, 5)[1] == late + 2


def test_another_servers_backup(copy, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    Disk(other).close()
    restore(copy, other)
    assert texts(other / "tertulia.db") == ALL


# Cut off anywhere


class Cut(BaseException):
    """The end of the process."""


def cut_at(count, run):
    left = count
    watched = {restore_module.__file__, files.__file__, module.__file__}

    def trace(frame, event, _arg):
        nonlocal left
        if frame.f_code.co_filename not in watched:
            return None
        if event == "line":
            left -= 1
            if left < 0:
                raise Cut
        return trace

    sys.settrace(trace)
    try:
        run()
    except Cut:
        return True
    finally:
        sys.settrace(None)
    return False


def test_whatever_step_it_is_cut_off_at_it_is_all_or_nothing(talk, copy, tmp_path):
    talk.append(said(1000, "later"))
    before, count, seen = tmp_path / "before", 0, set()
    before.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(f"{talk.path}{suffix}", before)
    while True:
        data = tmp_path / f"cut{count}"
        shutil.copytree(before, data)
        (data / "search.db").write_text("index")
        was_cut = cut_at(count, lambda data=data: restore(copy, data))
        found = texts(data / "tertulia.db")
        assert found in (ALL, [*ALL, "later"]), count
        seen.add(len(found))
        if found == ALL:  # then what was there is somewhere
            [aside] = data.glob("before-restore-*")
            assert texts(aside / "tertulia.db") == [*ALL, "later"]
        shutil.rmtree(data)
        if not was_cut:
            break
        count += 1
    assert seen == {500, 501}
    assert count > 50


def test_only_an_ordinary_file_is_replaced(talk, tmp_path):
    pipe, folder = tmp_path / "pipe", tmp_path / "folder"
    os.mkfifo(pipe)
    folder.mkdir()
    for path in (pipe, folder):
        with pytest.raises(StorageError, match="is no ordinary file"):
            back_up(talk.path, path, force=True)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert folder.is_dir()


def test_a_full_disk_is_called_so(talk, tmp_path, monkeypatch):
    real = apsw.Connection

    def small(path, **how):
        db = real(path, **how)
        if not how:  # the copy is the one that is opened without flags
            db.execute("PRAGMA max_page_count = 4")
        return db

    monkeypatch.setattr(apsw, "Connection", small)
    with pytest.raises(StorageError) as raised:
        back_up(talk.path, tmp_path / "copy.db")
    assert str(raised.value) == f"cannot write to {tmp_path}: the disk is full"
    assert not (tmp_path / "copy.db").exists()
