import threading

import apsw
import msgspec
import pytest

from tertulia.domain import events as e
from tertulia.storage import log as module
from tertulia.storage.log import Log
from tests.storage.kit import ANA, BOB, joined, number, said


def test_events_are_on_disk_in_order_with_the_ids_of_their_epoch(disk):
    assert disk.append(said(1, "a"), joined(2), number(3)) is None
    assert disk.append(said(4, "d")) is None
    rows = disk.rows("id >> 40, id & 0xffffffffff, hlc >> 16, kind, conversation")
    assert rows == [(1, 1, 1, 0, 5000), (1, 2, 2, 1, 5000), (1, 3, 3, 2, 0), (1, 4, 4, 0, 5000)]
    assert disk.log.written == 4
    [(body,), *_] = disk.rows("body")
    assert msgspec.json.decode(body, type=e.LoggedFact) == said(1, "a").fact


def test_a_start_is_a_source_of_its_own(disk):
    disk.append(said(1, "a"))
    disk.start()
    disk.append(said(2, "b"))
    assert disk.rows("id >> 40, id & 0xffffffffff") == [(1, 1), (2, 1)]


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 64, 200])
def test_a_batch_of_any_size(disk, count):
    assert disk.append(*(said(i, str(i)) for i in range(count))) is None
    assert disk.append(said(count, "last")) is None
    assert disk.seqs() == list(range(1, count + 2))
    assert [hlc for (hlc,) in disk.rows("hlc >> 16")] == list(range(count + 1))


def test_what_waits_is_written_in_order(disk):
    answers, over = [], threading.Event()

    def done(number):
        def answer(error):
            answers.append((number, error))
            if number == 99:
                over.set()

        return answer

    for i in range(100):
        disk.log.append([said(i, str(i))], [], done(i))
    assert over.wait(30)
    assert answers == [(i, None) for i in range(100)]
    assert disk.seqs() == list(range(1, 101))


def test_statements_are_of_the_same_transaction(disk):
    write = ("INSERT INTO number VALUES (?, ?, ?)", ("1", "ana", ""))
    assert disk.append(said(1, "a"), writes=[write]) is None
    error = disk.append(said(2, "b"), writes=[write])  # the second time it is there already
    assert "number.number" in str(error)
    assert len(disk.rows()) == 1
    assert disk.append(said(3, "c")) is None
    assert disk.seqs() == [1, 2]


def test_a_full_disk_refuses_a_batch_and_the_next_one_goes_on(disk):
    disk.append(said(1, "first"))
    most = disk.db.pragma("max_page_count", disk.db.pragma("page_count"))
    for _ in range(3):
        error = disk.append(*(said(2, "x" * 3000) for _ in range(100)))
        assert "full" in str(error)
    assert disk.seqs() == [1]
    assert disk.append(said(3, "small")) is None  # there is room for this one
    disk.db.pragma("max_page_count", 1 << 30)
    assert disk.append(*(said(4, "x" * 3000) for _ in range(100))) is None
    assert disk.seqs() == list(range(1, 103))
    assert most > 0


class FullDisk(apsw.VFS):
    """A disk on which nothing can be written, or synced, while it is `failing`."""

    def __init__(self) -> None:
        self.failing: type[apsw.Error] | None = None
        self.only_sync = False
        super().__init__("full", "")

    def xOpen(self, name, flags):
        return FullDiskFile(self, name, flags)


class FullDiskFile(apsw.VFSFile):
    def __init__(self, disk: FullDisk, name, flags) -> None:
        self.disk = disk
        super().__init__("", name, flags)

    def xWrite(self, data, offset):
        if self.disk.failing is not None and not self.disk.only_sync:
            raise self.disk.failing
        super().xWrite(data, offset)

    def xSync(self, flags):
        if self.disk.failing is not None:
            raise self.disk.failing
        super().xSync(flags)


@pytest.mark.parametrize("only_sync", [False, True])
@pytest.mark.parametrize("failure", [apsw.FullError, apsw.IOError])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_failing_disk_refuses_and_resumes_without_a_gap(disk, failure, only_sync):
    vfs = FullDisk()
    disk.append(said(1, "before"))
    db = apsw.Connection(str(disk.path), vfs="full")
    db.pragma("synchronous", "FULL")
    disk.logs.append(Log(db, disk.source + 1))
    db.execute("INSERT INTO source VALUES (2, x'00', 1, 0)")
    disk.log, disk.source = disk.logs[-1], 2
    assert disk.append(said(2, "one")) is None
    vfs.failing, vfs.only_sync = failure, only_sync
    for _ in range(3):
        assert disk.append(said(3, "two"), said(3, "three")) is not None
        assert disk.seqs() == [1]  # reading goes on
    vfs.failing = None
    assert disk.append(said(4, "four")) is None
    assert disk.append(said(5, "five")) is None
    assert disk.seqs() == [1, 2, 3]
    assert [hlc for (hlc,) in disk.rows("hlc >> 16")] == [1, 2, 4, 5]
    disk.close()


def test_what_cannot_be_encoded_is_refused_and_the_thread_goes_on(disk):
    assert disk.append(said(1, "\ud800")) is not None
    assert disk.append(said(2, "fine")) is None
    assert disk.seqs() == [1]


def test_a_retry_that_was_forgotten_is_another_message_and_no_gap(disk):
    assert disk.append(said(1, "a", client_id="id1"), said(1, "b", client_id="id2")) is None
    assert disk.append(said(2, "c", client_id="id1"), said(2, "d", client_id="id3")) is None
    assert disk.append(said(3, "e", client_id="x"), said(3, "f", client_id="x")) is None
    assert disk.seqs() == [1, 2, 3, 4, 5, 6]
    assert [retry for (retry,) in disk.rows("retry")] == [
        "s1/id1", "s1/id2", None, "s1/id3", "s1/x", None,
    ]  # fmt: skip


def test_the_ids_of_two_users_are_their_own(disk):
    assert disk.append(said(1, "a", ANA, client_id="1"), said(2, "b", BOB, client_id="1")) is None
    assert [retry for (retry,) in disk.rows("retry")] == ["s1/1", "s2/1"]


def test_the_write_ahead_log_is_emptied_between_commits(disk, monkeypatch):
    monkeypatch.setattr(module, "CHECKPOINT_PAGES", 20)
    wal = disk.path.with_name(disk.path.name + "-wal")
    for i in range(50):
        assert disk.append(*(said(i, "x" * 1000) for _ in range(20))) is None
    assert len(disk.rows()) == 1000
    assert wal.stat().st_size < disk.path.stat().st_size / 2


def test_closing_writes_what_waits(disk):
    for i in range(50):
        disk.log.append([said(i, str(i))], [], lambda error: None)
    disk.close()
    assert len(disk.rows()) == 50
