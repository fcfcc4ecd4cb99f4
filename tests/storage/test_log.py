import itertools
import random
import threading
from typing import Any

import apsw
import msgspec
import pytest

from tertulia.domain import events as e
from tertulia.domain.codec import encode
from tertulia.domain.ids import Conversation
from tertulia.storage import log as module
from tertulia.storage.database import migrate, open_epoch, sources
from tertulia.storage.log import HIDDEN, MESSAGE, Copied, Log, Writer
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


# What other servers have written

ONE, TWO = b"1" * 16, b"2" * 16


class Book:
    """A log that is written in the test's own thread."""

    def __init__(self) -> None:
        self.db = apsw.Connection(":memory:")
        migrate(self.db)
        self.source, _ = open_epoch(self.db, b"0" * 16)
        self.writer = Writer(self.db, self.source)

    def write(self, *copied: Copied, own: Any = (), writes: Any = ()) -> Any:
        return self.writer.write(own, writes, copied)

    def shown(self) -> list[str]:
        query = "SELECT body FROM event WHERE kind = 0 ORDER BY hlc, tag"
        bodies = [msgspec.json.decode(body) for (body,) in self.db.execute(query)]
        return [body["text"] for body in bodies]

    def rows(self, columns: str) -> list[Any]:
        return self.db.execute(f"SELECT {columns} FROM event ORDER BY id").fetchall()

    def sources(self) -> list[tuple[bytes, int, int]]:
        """Each one that has events: whose it is, of which epoch, and how many there are."""
        found = sources(self.db)
        known = {row[0] for row in found}
        assert {source for (source,) in self.rows("id >> 40")} <= known
        return [(server, epoch, last) for _, server, epoch, _, last in found if last]


def copied(seq: int, event: e.Event, server: bytes = ONE, epoch: int = 1) -> Copied:
    return Copied(server, epoch, seq, event, encode(event.fact).decode())


@pytest.fixture
def book():
    book = Book()
    yield book
    book.writer.close()


def test_what_others_wrote_is_of_their_source_under_their_number(book):
    events = [said(1, "a", tag=9), said(2, "b", tag=9, stamp=77)]
    assert book.write(*(copied(5 + i, one) for i, one in enumerate(events))) is None
    assert book.write(copied(1, said(3, "c", tag=8), epoch=2), own=[said(4, "d", tag=7)]) is None
    assert book.sources() == [(b"0" * 16, 1, 1), (ONE, 1, 6), (ONE, 2, 1)]
    assert book.rows("id >> 40, id & 0xff, tag, stamp") == [
        (1, 1, 7, 0), (2, 5, 9, 0), (2, 6, 9, 77), (3, 1, 8, 0),
    ]  # fmt: skip
    assert book.writer.written == 1


def test_the_fact_is_kept_as_it_came(book):
    body = '{"k":"of tomorrow", "x": 1}'
    unknown = e.Event(said(1, "").hlc, Conversation(0), e.Unknown())
    assert book.write(Copied(ONE, 1, 1, unknown, body)) is None
    assert book.rows("body, kind") == [(body, HIDDEN)]


@pytest.mark.parametrize("count", [1, 7, 8, 33])
def test_what_comes_again_is_there_once(book, count):
    batch = [copied(i, said(i, str(i), client_id=f"id{i}")) for i in range(1, count + 1)]
    assert book.write(*batch) is None
    before = book.rows("*")
    assert book.write(*batch) is None
    assert book.write(*batch[1:], copied(count + 1, said(99, "new")), batch[0]) is None
    assert book.rows("*")[:count] == before
    assert len(book.rows("id")) == count + 1
    assert len(book.shown()) == count + 1


def test_what_is_new_here_is_written_though_what_others_wrote_is_known(book):
    known = copied(1, said(1, "a"))
    write = ("INSERT INTO number VALUES (?, ?, ?)", ("1", "ana", ""))
    assert book.write(known) is None
    assert book.write(known, own=[said(2, "b", client_id="x")], writes=[write]) is None
    assert book.shown() == ["a", "b"]
    assert book.rows("retry") == [("s1/x",), (None,)]
    assert book.db.execute("SELECT count(*) FROM number").get == 1


def test_the_sources_of_a_batch_that_has_to_be_written_again_are_there(book):
    one = copied(1, said(1, "a"))
    assert book.write(one, one) is None
    assert book.write(copied(1, said(2, "b"), TWO), one) is None
    assert book.sources() == [(ONE, 1, 1), (TWO, 1, 1)]
    assert book.shown() == ["a", "b"]


def test_the_sources_of_a_batch_that_could_not_be_written_are_not(book):
    assert book.write(copied(1, said(1, "a")), own=[said(3, "\ud800")]) is not None
    error = book.write(copied(1, said(1, "a")), writes=[("INSERT INTO nowhere VALUES (1)", ())])
    assert "nowhere" in str(error)
    assert book.rows("id") == []
    assert book.write(copied(1, said(2, "b"), TWO)) is None
    assert book.write(copied(1, said(1, "a"))) is None
    assert book.sources() == [(TWO, 1, 1), (ONE, 1, 1)]


def test_what_a_client_said_again_elsewhere_is_shown_once_in_whatever_order_it_comes():
    """A client that lost its server says the same on another, not knowing that it was heard."""
    again = [
        copied(1, said(5, "second", client_id="x", tag=1), ONE),
        copied(1, said(3, "first", client_id="x", tag=2), TWO),
        copied(1, said(5, "third", client_id="x", tag=3), b"3" * 16),
        copied(2, said(1, "of another", by=BOB, client_id="x", tag=3), b"3" * 16),
    ]
    for order in itertools.permutations(again):
        for size in (1, 2, 4):
            book = Book()
            for start in range(0, len(order), size):
                assert book.write(*order[start : start + size]) is None
            assert book.shown() == ["of another", "first"]
            retries = {(retry, kind) for retry, kind in book.rows("retry, kind")}
            assert retries == {("s1/x", MESSAGE), ("s1/x", HIDDEN), ("s2/x", MESSAGE)}
            book.writer.close()


@pytest.mark.parametrize("own_ms", [1, 9])
def test_what_was_said_here_and_again_elsewhere_is_shown_once(book, own_ms):
    assert book.write(own=[said(own_ms, "here", client_id="x", tag=7)]) is None
    assert book.write(copied(1, said(5, "there", client_id="x", tag=1))) is None
    assert book.shown() == (["here"] if own_ms < 5 else ["there"])


def test_what_was_said_elsewhere_and_forgotten_happens_again(book):
    assert book.write(copied(1, said(1, "there", client_id="x"))) is None
    assert book.write(own=[said(2, "here", client_id="x")]) is None
    assert book.shown() == ["there", "here"]
    assert book.rows("retry") == [(None,), ("s1/x",)]


def test_batches_of_any_cut_come_to_the_same_log():
    chance, ids = random.Random(1), [None, "x", "y", "z"]
    whole = [
        copied(
            seq,
            said(
                chance.randrange(50),
                f"{n}.{seq}",
                client_id=chance.choice(ids),
                tag=n + 1,
            ),
            bytes((n + 1,)) * 16,
        )
        for n in range(3)
        for seq in range(1, 20)
    ]
    found = set()
    for _ in range(20):
        book = Book()
        left = list(whole)
        while left:
            size = chance.randrange(1, 12)
            batch = chance.sample(left, min(size, len(left)))
            left = [one for one in left if one not in batch]
            assert book.write(*batch, *chance.sample(whole, 0 if left else 5)) is None
        rows = book.db.execute(
            "SELECT server, event.id & 0xffffffff, hlc, kind, body, retry, event.tag FROM event"
            " JOIN source ON source.id = event.id >> 40 ORDER BY 1, 2"
        )
        found.add(tuple(rows))
        book.writer.close()
    assert len(found) == 1
    assert len(next(iter(found))) == len(whole)
