"""What is older than it is to be kept goes, everywhere, and nothing else does."""

import time
from datetime import datetime

import pytest
import structlog

from tertulia.domain.codec import decode_logged, encode
from tertulia.domain.events import Erased
from tertulia.domain.history import Page
from tertulia.domain.ids import at_milliseconds
from tertulia.domain.state import State
from tertulia.server import retention as module
from tertulia.server.retention import LOOK_S, RETRY_S, Retention
from tertulia.storage import records
from tertulia.storage.errors import StorageError
from tertulia.storage.history import History
from tertulia.storage.log import Copied
from tertulia.storage.retention import PORTION
from tertulia.storage.search import SearchIndex
from tertulia.storage.textlog import TextLogs
from tests.storage.kit import TEA, Disk, joined, number, said

DAY_S = 86_400
NOW = datetime.fromisoformat("2026-11-20T12:00:00-03:00").timestamp()


@pytest.fixture(autouse=True)
def local_time(monkeypatch):
    monkeypatch.setenv("TZ", "America/Sao_Paulo")
    monkeypatch.setattr(module, "PAUSE_S", 0)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class Place:
    """A database, an index, text logs, and what drops from them."""

    def __init__(self, folder, keep_days=2):
        self.folder = folder
        self.disk = Disk(folder)
        self.index = SearchIndex(folder / "search.db")
        self.logs = TextLogs(folder, ())
        self.now = NOW
        self.told = []
        self.copies = 0
        self.start(keep_days)

    def start(self, keep_days=2):
        self.retention = Retention(
            self.disk.path, self.folder, self.disk.log, self.index, keep_days, self.told.append,
            clock=lambda: self.now,
        )  # fmt: skip

    def say(self, days_ago, text="old words"):
        self.disk.append(said(round((NOW - days_ago * DAY_S) * 1000), text))

    def copy(self, days_ago, **more):
        """A message of another server arrives late."""
        event = said(round((NOW - days_ago * DAY_S) * 1000), "old words", **more)
        self.copies += 1
        body = encode(event.fact).decode()
        copied = Copied(bytes((self.copies,)) * 16, 1, 1, event, body)
        self.disk.log.append((), (), lambda _error: None, [copied])
        self.disk.append(writes=[("SELECT 1", ())])

    def follow(self):
        """Let what is made of the log be made; return whether it was begun again."""
        with self.disk.read() as db:
            while self.index.catch_up(db):
                pass
            while self.logs.catch_up(db):
                pass
        return bool(list(self.folder.glob("logs-before-*")))

    def shown(self):
        """When what history shows was, in days ago."""
        history = History(self.disk.read())
        found = history.page(Page((TEA,), 1000, messages_only=False))
        history.close()
        return [round((NOW * 1000 - (one.hlc >> 16)) / DAY_S / 1000) for one in found]

    def bodies(self):
        return [decode_logged(body) for (body,) in self.disk.rows("body")]

    def found(self, query):
        with self.disk.read() as db:
            return len(self.index.search(db, query))

    def days(self):
        return sorted(path.stem for path in (self.folder / "logs").glob("*/*.log"))

    def close(self):
        self.index.close()
        self.logs.close()
        self.disk.close()


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    yield place
    place.close()


def test_whole_days_are_dropped_from_everything(place):
    for days in (5, 4, 3, 2, 1, 0):
        place.say(days)
    place.follow()
    assert place.found("words") == 6
    with structlog.testing.capture_logs() as logs:
        assert place.retention.step() == LOOK_S
    [told] = logs
    assert (told["before"], told["messages"], told["text_logs"]) == ("2026-11-18", 3, 3)
    assert place.shown() == [2, 1, 0]
    assert [isinstance(body, Erased) for body in place.bodies()] == [True] * 3 + [False] * 3
    assert place.found("words") == place.found("old*") == 3
    assert place.days() == ["2026-11-18", "2026-11-19", "2026-11-20"]
    midnight = datetime.fromisoformat("2026-11-18T00:00:00-03:00").timestamp()
    assert place.told == [at_milliseconds(round(midnight * 1000))]


def test_what_is_made_of_the_log_goes_on_and_is_not_begun_again(place):
    for days in (5, 4, 3):
        place.say(days)
    place.follow()
    place.retention.step()
    place.say(0)
    assert not place.follow()
    assert place.found("words") == 1
    assert place.days() == ["2026-11-20"]


def test_what_was_not_indexed_in_time_never_is(place):
    place.say(5)
    place.retention.step()
    place.copy(4)
    place.say(0)
    place.follow()
    assert place.found("words") == 1
    assert place.days() == ["2026-11-20"]
    assert place.shown() == [0]


def test_once_a_day(place):
    for days in (3, 2, 1):
        place.say(days)
    place.retention.step()
    assert place.shown() == [2, 1]
    place.copy(3)
    assert place.retention.step() == LOOK_S
    assert sum(isinstance(body, Erased) for body in place.bodies()) == 1
    place.now += DAY_S
    place.retention.step()
    assert sum(isinstance(body, Erased) for body in place.bodies()) == 3


def test_for_ever_is_the_default(place):
    place.say(4000)
    place.start(keep_days=0)
    assert place.retention.step() == LOOK_S
    assert place.shown() == [4000]
    assert place.told == []


def test_only_what_was_said_is_dropped(place):
    ms = round((NOW - 9 * DAY_S) * 1000)
    place.disk.append(joined(ms), number(ms + 1), said(ms + 2, "old"))
    place.retention.step()
    assert [type(body).__name__ for body in place.bodies()] == [
        "Joined",
        "NumberAssigned",
        "Erased",
    ]
    assert place.shown() == []


def test_what_was_said_again_elsewhere_is_dropped_too(place):
    place.disk.append(said(round((NOW - 9 * DAY_S) * 1000), "old words", client_id="r1"))
    place.copy(8, client_id="r1")
    assert place.disk.rows("kind") == [(0,), (2,)]
    place.retention.step()
    assert all(isinstance(body, Erased) for body in place.bodies())


def test_many_messages_in_several_transactions_and_a_stop_between(place, monkeypatch):
    ms = round((NOW - 9 * DAY_S) * 1000)
    count = 2 * PORTION + 7
    place.disk.append(*[said(ms + i, f"m{i}") for i in range(count)])
    write = Retention._write

    def write_and_stop(self, writes):
        write(self, writes)
        if len(writes) > 1:
            self.stop()

    monkeypatch.setattr(Retention, "_write", write_and_stop)
    place.retention.step()
    assert sum(isinstance(body, Erased) for body in place.bodies()) == PORTION
    assert place.shown() == []  # what is not dropped yet is not shown either
    monkeypatch.undo()
    monkeypatch.setattr(module, "PAUSE_S", 0)
    place.start()
    place.retention.step()
    assert sum(isinstance(body, Erased) for body in place.bodies()) == count


def test_a_log_that_cannot_be_written_is_tried_again(place, monkeypatch):
    place.say(9)

    def full(events, writes, done, copied=()):
        done(StorageError("the disk is full"))

    with monkeypatch.context() as patch, structlog.testing.capture_logs() as logs:
        patch.setattr(place.disk.log, "append", full)
        assert place.retention.step() == RETRY_S
    assert [log["reason"] for log in logs] == ["the disk is full"]
    assert place.shown() == [9]
    assert place.retention.step() == LOOK_S
    assert place.shown() == []


def test_it_stops_while_it_waits(place):
    place.retention.start()
    place.retention.stop()


def test_what_others_dropped_is_remembered(place):
    state = State()
    state.dropped(at_milliseconds(5000))
    state.dropped(at_milliseconds(3000))
    assert place.disk.append(writes=records.take_writes(state)) is None
    assert records.take_writes(state) == []
    with place.disk.read() as db:
        assert records.load_dropped(db) == at_milliseconds(5000)
