"""The text logs: what is in them, and that nothing is missing or twice whatever is cut off."""

import contextlib
import errno
import os
import stat
import sys
import threading
import time
from datetime import date
from pathlib import Path
from urllib.parse import unquote

import apsw
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from tertulia.domain import events as e
from tertulia.domain.errors import InvalidChannelName
from tertulia.domain.ids import Conversation, Hlc, at_milliseconds
from tertulia.domain.names import ChannelName
from tertulia.storage import files, follower
from tertulia.storage import textlog as module
from tertulia.storage.database import connect
from tertulia.storage.errors import StorageError
from tertulia.storage.textlog import TextLogs, TextLogWriter, day_file, folder_name
from tests.storage.kit import ANA, BOB, Disk, joined, number, said

DAY = 86_400_000
NOON = 1_700_000_000_000 // DAY * DAY + DAY // 2  # 2023-11-14, 12:00 UTC
FIRST, SECOND = "2023-11-14", "2023-11-15"
TALK = [
    said(NOON, "oi"),
    joined(NOON + 1000),
    number(NOON + 1001),
    said(NOON + 2000, "pours tea", BOB, style=e.Style.ACTION),
    said(NOON + 3000, "secret", target="bob", where=1 << 62 | 5),
    said(NOON + 4000, "to all", target="*", where=1),
    said(NOON + 5000, "to all here", target="&", where=2),
    said(NOON + DAY, "the next day"),
    said(NOON + DAY, "elsewhere", where=6000, target="#Café/x"),
]
EXPECTED = {
    f"#tea/{FIRST}.log": "12:00:00 <ana> oi\n12:00:01 -!- ana joined\n12:00:02 * bob pours tea\n",
    f"everyone/{FIRST}.log": "12:00:04 <ana> to all\n",
    f"here/{FIRST}.log": "12:00:05 <ana> to all here\n",
    f"#tea/{SECOND}.log": "12:00:00 <ana> the next day\n",
    f"#café%2Fx/{SECOND}.log": "12:00:00 <ana> elsewhere\n",
}


@pytest.fixture(autouse=True)
def universal_time(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No test cuts the power."""
    monkeypatch.setattr(files, "sync", lambda _descriptor: None)
    monkeypatch.setattr(module, "sync", lambda _descriptor: None)
    real = connect
    monkeypatch.setattr(module, "connect", lambda path: real(path, synchronous="OFF"))


@pytest.fixture
def talk(disk):
    disk.append(*TALK)
    return disk


def fill(disk: Disk, limit=1000, **more) -> TextLogs:
    logs = TextLogs(disk.path.parent, **more)
    while logs.catch_up(disk.read(), limit):
        pass
    return logs


def read(data: Path, folder="logs") -> dict[str, str]:
    return {
        str(path.relative_to(data / folder)): path.read_text("utf-8")
        for path in (data / folder).glob("*/*")
    }


# What is in them


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_a_file_a_channel_and_a_day(talk, tmp_path, limit):
    fill(talk, limit)
    assert read(tmp_path) == EXPECTED


def test_what_comes_later_is_added(talk, tmp_path):
    logs = fill(talk)
    talk.append(said(NOON + DAY + 1000, "more"))
    assert logs.catch_up(talk.read()) == 1
    assert logs.catch_up(talk.read()) == 0
    more = EXPECTED[f"#tea/{SECOND}.log"] + "12:00:01 <ana> more\n"
    assert read(tmp_path) == {**EXPECTED, f"#tea/{SECOND}.log": more}


def test_a_restart_goes_on_where_it_was(talk, tmp_path):
    fill(talk).close()
    talk.start()
    talk.append(said(NOON + DAY + 1000, "after the restart"))
    fill(talk)
    assert read(tmp_path)[f"#tea/{SECOND}.log"].endswith("12:00:01 <ana> after the restart\n")
    assert read(tmp_path)[f"#tea/{FIRST}.log"] == EXPECTED[f"#tea/{FIRST}.log"]


def test_days_are_local(talk, tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Etc/GMT-14")
    time.tzset()
    fill(talk)
    assert read(tmp_path)["#tea/2023-11-15.log"].startswith("02:00:00 <ana> oi\n")


def test_only_the_owner_may_read_them(talk, tmp_path):
    fill(talk)
    for path in (tmp_path / "logs").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    assert stat.S_IMODE((tmp_path / "logs").stat().st_mode) == 0o700


def test_channels_can_be_left_out(talk, tmp_path):
    logs = fill(talk, unlogged=["#TEA"])
    assert {path.partition("/")[0] for path in read(tmp_path)} == {"#café%2Fx", "everyone", "here"}
    logs.leave_out(["#café/x"])
    talk.append(
        said(NOON + 9000, "now"), said(NOON + 9000, "not now", where=6000, target="#café/x")
    )
    logs.catch_up(talk.read())
    assert read(tmp_path)[f"#tea/{FIRST}.log"] == "12:00:09 <ana> now\n"
    assert read(tmp_path)[f"#café%2Fx/{SECOND}.log"] == EXPECTED[f"#café%2Fx/{SECOND}.log"]


@pytest.mark.parametrize(
    ("target", "folder"),
    [
        ("#Tea", "#tea"),
        ("*", "everyone"),
        ("&", "here"),
        ("#", "#"),
        ("#..", "#.."),
        ("#../../etc", "#..%2F..%2Fetc"),
        ("#a%2fb", "#a%252fb"),
        ("#a:b\\c*?", "#a%3Ab%5Cc%2A%3F"),
        ("#Ação", "#ação"),
    ],
)
def test_names_of_folders(target, folder):
    assert folder_name(target) == folder


@given(st.text(max_size=63), st.text(max_size=63))
def test_no_two_channels_share_a_folder(one, other):
    try:
        names = [ChannelName.parse("#" + text) for text in (one, other)]
    except InvalidChannelName:
        return
    folders = [folder_name(name.text) for name in names]
    assert (folders[0] == folders[1]) is (names[0] == names[1])
    for name, folder in zip(names, folders, strict=True):
        assert unquote(folder) == name.folded
        assert len(folder.encode()) <= 255
        assert not set(folder) & set("/\0")
        assert folder not in (".", "..", "everyone", "here")


def test_the_longest_name_fits(tmp_path):
    for letter in ("~", "\U0001f600", "é"):
        (tmp_path / folder_name("#" + letter * 63)).mkdir()


# Cut off anywhere


class Cut(BaseException):
    """The end of the process."""


def cut_at(count, run):
    """Run, and end at the *count*th line of the code; return whether it came so far."""
    left = count
    watched = {module.__file__, files.__file__, follower.__file__}

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
        for descriptor in os.listdir("/proc/self/fd"):  # as the end of a process lets go of it
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/self/fd/{descriptor}").endswith("/logs.lock"):
                    os.close(int(descriptor))
    return False


def test_whatever_step_it_is_cut_off_at_nothing_is_missing_or_twice(tmp_path):
    count, was_cut = 0, True
    while was_cut:
        data = tmp_path / str(count)
        data.mkdir()
        disk = Disk(data)
        disk.append(*TALK)
        was_cut = cut_at(count, lambda disk=disk: fill(disk, 4))
        fill(disk).close()
        assert read(data) == EXPECTED
        disk.close()
        count += 7
    assert count > 150  # it was cut off in more than a few places


def test_cut_off_again_and_again(talk, tmp_path):
    """Each time a little later; what is written is there only once in the end."""
    count = 0
    while cut_at(count, lambda: fill(talk, 2)):
        count += 1
    assert read(tmp_path) == EXPECTED


def test_a_write_that_is_cut_off_in_the_middle(talk, tmp_path, monkeypatch):
    real, left = os.write, 2

    def half(descriptor, data):
        nonlocal left
        left -= 1
        if left == 0:
            real(descriptor, data[: len(data) // 2])
            raise OSError(28, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", half)
    logs = TextLogs(tmp_path)
    with pytest.raises(OSError, match="No space"):
        logs.catch_up(talk.read())
    assert read(tmp_path) != EXPECTED
    while logs.catch_up(talk.read(), 3):  # with the same object as well as with another
        pass
    assert read(tmp_path) == EXPECTED


def test_short_writes(talk, tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:3]))
    fill(talk)
    assert read(tmp_path) == EXPECTED


def test_a_file_that_somebody_removed_is_no_fault(talk, tmp_path):
    logs = fill(talk)
    (tmp_path / "logs" / f"#tea/{SECOND}.log").unlink()
    talk.append(said(NOON + DAY + 5000, "new"))
    logs.catch_up(talk.read())
    assert read(tmp_path)[f"#tea/{SECOND}.log"] == "12:00:05 <ana> new\n"


# When what is known of them does not fit


def lost(data):
    for path in data.glob("logs.db*"):
        path.unlink()


def garbage(data):
    (data / "logs.db").write_bytes(b"not a database at all " * 300)


def foreign(data):
    lost(data)
    with apsw.Connection(str(data / "logs.db")) as db:
        db.execute("CREATE TABLE pending (x)")


@pytest.mark.parametrize("damage", [lost, garbage, foreign])
def test_files_of_which_nothing_is_known_are_kept(talk, tmp_path, damage):
    fill(talk).close()
    damage(tmp_path)
    with structlog.testing.capture_logs() as said:
        fill(talk)
    assert read(tmp_path) == EXPECTED
    [kept] = tmp_path.glob("logs-before-*")
    assert read(tmp_path, kept.name) == EXPECTED
    assert [entry["the_old_ones"] for entry in said] == [str(kept)]


def test_a_log_that_was_set_back(talk, tmp_path):
    with talk.read() as db, apsw.Connection(str(tmp_path / "backup.db")) as backup:
        with backup.backup("main", db, "main") as copy:
            copy.step()
    talk.append(said(NOON + 9000, "lost"))
    fill(talk).close()
    talk.close()
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"tertulia.db{suffix}").unlink(missing_ok=True)
    (tmp_path / "backup.db").rename(talk.path)
    restored = Disk(tmp_path)
    restored.append(said(NOON + 9000, "found"))
    fill(restored)
    assert read(tmp_path)[f"#tea/{FIRST}.log"].endswith("12:00:09 <ana> found\n")
    [kept] = tmp_path.glob("logs-before-*")
    assert read(tmp_path, kept.name)[f"#tea/{FIRST}.log"].endswith("12:00:09 <ana> lost\n")
    restored.close()


def test_a_place_where_nothing_can_be_written(talk, tmp_path):
    fill(talk).close()
    (tmp_path / "logs.db").chmod(0o600)
    with pytest.raises((OSError, StorageError)):
        TextLogs(tmp_path / "nowhere").catch_up(talk.read())


# Made again


def spoil(data):
    (data / f"logs/#tea/{FIRST}.log").write_text("nonsense")
    (data / f"logs/everyone/{FIRST}.log").unlink()
    (data / "logs/#gone").mkdir()
    (data / f"logs/#gone/{FIRST}.log").write_text("what the log does not have")
    (data / "logs/#gone/notes.txt").write_text("a stranger's")
    (data / "logs/#empty").mkdir()


def test_all_are_made_again(talk, tmp_path):
    fill(talk)
    spoil(tmp_path)
    talk.append(said(NOON + DAY + 1000, "more"))
    assert TextLogs(tmp_path).rebuild(talk.read()) == len(EXPECTED)
    more = EXPECTED[f"#tea/{SECOND}.log"] + "12:00:01 <ana> more\n"
    strangers = {"#gone/notes.txt": "a stranger's"}
    assert read(tmp_path) == {**EXPECTED, **strangers, f"#tea/{SECOND}.log": more}
    assert not (tmp_path / "logs/#empty").exists()
    talk.append(said(NOON + DAY + 2000, "even more"))
    fill(talk)
    assert read(tmp_path)[f"#tea/{SECOND}.log"] == more + "12:00:02 <ana> even more\n"


def test_those_of_one_channel_are_made_again(talk, tmp_path):
    fill(talk)
    spoil(tmp_path)
    assert TextLogs(tmp_path).rebuild(talk.read(), "#TEA") == 2
    found = read(tmp_path)
    assert found[f"#tea/{FIRST}.log"] == EXPECTED[f"#tea/{FIRST}.log"]
    assert f"everyone/{FIRST}.log" not in found
    assert f"#gone/{FIRST}.log" in found


def test_what_the_server_leaves_out_is_not_made_again(talk, tmp_path):
    logs = fill(talk)
    logs.leave_out(["#tea"])
    talk.append(said(NOON + DAY + 1000, "secret"))
    logs.catch_up(talk.read())
    assert read(tmp_path) == EXPECTED
    TextLogs(tmp_path).rebuild(talk.read())
    assert set(read(tmp_path)) == {path for path in EXPECTED if not path.startswith("#tea")}


def test_making_again_that_is_cut_off(talk, tmp_path):
    fill(talk)
    spoil(tmp_path)
    count = 0
    while cut_at(count, lambda: TextLogs(tmp_path).rebuild(talk.read(), "#tea")):
        assert read(tmp_path)[f"#tea/{FIRST}.log"] in ("nonsense", EXPECTED[f"#tea/{FIRST}.log"])
        assert read(tmp_path)[f"#tea/{SECOND}.log"] == EXPECTED[f"#tea/{SECOND}.log"]
        count += 5
    TextLogs(tmp_path).rebuild(talk.read())
    (tmp_path / "logs/#gone/notes.txt").unlink()
    assert read(tmp_path) == EXPECTED
    assert not (tmp_path / "logs.rebuild").exists()


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_making_again_that_fails_leaves_nothing_behind(talk, tmp_path, monkeypatch, error):
    fill(talk)

    def fail(path, data, *, durable=True):
        append_synced(path, data, durable=durable)
        raise error

    append_synced = files.append_synced
    monkeypatch.setattr(module, "append_synced", fail)
    with pytest.raises(type(error)):
        TextLogs(tmp_path).rebuild(talk.read())
    assert not (tmp_path / "logs.rebuild").exists()
    assert read(tmp_path) == EXPECTED


def test_one_at_a_time(talk, tmp_path):
    logs = TextLogs(tmp_path)
    with logs._locked(2):  # LOCK_EX
        with pytest.raises(BlockingIOError):
            TextLogs(tmp_path).catch_up(talk.read())
        writer = TextLogWriter(talk.path, tmp_path)
        with structlog.testing.capture_logs() as said:
            assert writer.take(talk.read())
        assert said == []
    assert not writer.take(talk.read())
    assert read(tmp_path) == EXPECTED
    writer.stop()


# The thread


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_it_waits_for_quiet(talk, tmp_path):
    clock = Clock()
    writer = TextLogWriter(talk.path, tmp_path, clock=clock)
    writer.poke()
    assert writer.step() == pytest.approx(module.QUIET_S)
    assert not (tmp_path / "logs").exists()
    clock.now += module.QUIET_S
    writer.step()
    assert read(tmp_path) == EXPECTED
    assert writer.step() is None
    writer.stop()


def test_where_there_is_no_quiet_it_takes_some_portions_now_and_then(talk, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 1)
    monkeypatch.setattr(TextLogs.catch_up, "__defaults__", (1,))
    clock = Clock()
    writer = TextLogWriter(talk.path, tmp_path, clock=clock)
    taken = []
    real = writer.take

    def take(log_db):
        taken.append(clock.now)
        return real(log_db)

    monkeypatch.setattr(writer, "take", take)
    for _ in range(300):
        writer.poke()
        writer.step()
        clock.now += 0.1
    first = [at for at in taken if at < 115]
    assert len(first) == module.PORTIONS
    assert first[0] == pytest.approx(110, abs=0.2)
    assert first[-1] < 111
    writer.stop()


def test_a_full_disk_is_one_warning_and_made_up_for(talk, tmp_path, monkeypatch):
    clock = Clock()
    writer = TextLogWriter(talk.path, tmp_path, clock=clock)

    def full(*_more):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, structlog.testing.capture_logs() as said:
        patch.setattr(os, "write", full)
        for _ in range(5):
            writer.poke()
            clock.now += 100
            writer.step()
    assert [entry["log_level"] for entry in said] == ["warning"]
    assert "No space left" in said[0]["reason"]
    clock.now += 100
    writer.step()
    assert read(tmp_path) == EXPECTED
    writer.stop()


def test_an_orderly_end_leaves_nothing_out(talk, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "QUIET_S", 0.0)
    idle = threading.Event()
    writer = TextLogWriter(talk.path, tmp_path)
    real = writer._wait

    def wait(seconds):
        if seconds is None:
            idle.set()
        real(seconds)

    writer._wait = wait
    writer.start()
    assert idle.wait(30)
    assert read(tmp_path) == EXPECTED
    talk.append(said(NOON + DAY + 1000, "the last words"))
    writer.poke()
    writer.stop()
    assert read(tmp_path)[f"#tea/{SECOND}.log"].endswith("the last words\n")


def test_where_a_day_is(tmp_path):
    assert day_file(tmp_path, "#Tea", date(2023, 11, 14)) == tmp_path / "logs/#tea/2023-11-14.log"


def test_two_lives_of_a_channel_share_a_folder(talk, tmp_path):
    talk.append(said(NOON + DAY + 1000, "born again", where=Conversation(7777)))
    fill(talk)
    assert read(tmp_path)[f"#tea/{SECOND}.log"].endswith("12:00:01 <ana> born again\n")


def test_what_belongs_to_no_channel_is_not_shown(disk, tmp_path):
    disk.append(e.Event(Hlc(at_milliseconds(NOON)), Conversation(0), e.Parted(ANA, "#tea", "")))
    fill(disk)
    assert not (tmp_path / "logs").exists()
