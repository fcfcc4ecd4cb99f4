import re
import threading
import unicodedata
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tertulia.storage import search as module
from tertulia.storage.database import connect, migrate
from tertulia.storage.errors import StorageError
from tertulia.storage.log import _rows
from tertulia.storage.search import CHUNK, Indexer, SearchIndex
from tests.storage.kit import BOB, TEA, Disk, joined, number, said

OTHER = 6000
INSERT = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
SAID = [
    said(1000, "Hello world"),
    joined(1500),
    said(2000, "hello again, old friend", BOB),
    number(2500),
    said(3000, "Ça va, Zoë?", where=OTHER),
    said(4000, "the \x0304,05re\x02d\x0f teapot says goodbye", BOB, where=OTHER),
    said(5000, "\x02\x1f", target="*", where=1),
    said(6000, "world hello", target="bob", where=7000),
]


@pytest.fixture
def talk(disk):
    disk.append(*SAID)
    return disk


@pytest.fixture
def index(talk, tmp_path):
    index = SearchIndex(tmp_path / "search.db")
    fill(index, talk)
    yield index
    index.close()


def fill(index, disk, limit=500):
    db = disk.read()
    while index.catch_up(db, limit):
        pass
    db.close()


def find(index, disk, query, **filters):
    """When what is found was said, in seconds."""
    with disk.read() as db:
        found = index.search(db, query, **filters)
    return [stored.hlc // (1000 << 16) for stored in found]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("hello", [6, 2, 1]),
        ("HELLO", [6, 2, 1]),
        ("hello world", [6, 1]),
        ("world hello", [6, 1]),
        ('"hello world"', [1]),
        ('"hello world', [1]),
        ('again "old friend"', [2]),
        ("hel", []),
        ("hel*", [6, 2, 1]),
        ('"hello wo"*', [1]),
        ("ca zoe", [3]),
        ("ÇA ZOË", [3]),
        ("red", [4]),
        ("04", []),
        ("hello -world", [6, 1]),
        ("hello NOT world", []),
        ("hello AND world", []),
        ("fo*o", []),
        ("text:hello", []),
        ("hello :-) !!", [6, 2, 1]),
        ("again,old", [2]),
        ("*", []),
        (":-)", []),
        ("nothing", []),
        ("", []),
        ("n616e61", []),
        ("c5000", []),
    ],
)
def test_words(index, talk, query, found):
    assert find(index, talk, query) == found


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"conversations": {TEA}}, [2, 1]),
        ({"conversations": [TEA, 7000]}, [6, 2, 1]),
        ({"conversations": []}, []),
        ({"conversations": [-1]}, []),
        ({"sender": "bob"}, [2]),
        ({"sender": "BOB"}, [2]),
        ({"sender": "bo"}, []),
        ({"sender": '"; \ud800'}, []),
        ({"after_ms": 2000}, [6, 2]),
        ({"before_ms": 2000}, [1]),
        ({"after_ms": 1001, "before_ms": 6000}, [2]),
        ({"after_ms": -5, "before_ms": 1 << 80}, [6, 2, 1]),
        ({"before_ms": 0}, []),
        ({"after_ms": 1 << 80}, []),
        ({"limit": 2}, [6, 2]),
        ({"limit": 0}, []),
    ],
)
def test_filters(index, talk, filters, found):
    assert find(index, talk, "hello", **filters) == found


def test_without_words_the_filters_alone(index, talk):
    assert find(index, talk, "", sender="bob") == [4, 2]
    assert find(index, talk, "  ", conversations=[1]) == [5]
    assert find(index, talk, "!!", sender="bob") == []


def test_nobody_is_asked_about_ten_thousand_conversations_in_vain(index, talk):
    assert find(index, talk, "hello", conversations=range(3000, 13_000)) == [6, 2, 1]


def test_what_is_found_is_as_history_has_it(index, talk):
    with talk.read() as db:
        [stored] = index.search(db, "zoe")
    assert (stored.fact, stored.conversation) == (SAID[4].fact, OTHER)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(max_size=40) | st.text('"*()^:+-{}\0\ud800 aNEAR,hello', max_size=40),
    st.text(max_size=5),
)
@example('"', "")
@example('hello" OR "x', "")
@example("NEAR(hello world)", "")
@example('{text} : hello*" "*', "")
@example("\u0301", "")
def test_nothing_that_is_typed_is_an_error(index, talk, query, sender):
    with talk.read() as db:
        index.search(db, query)
        index.search(db, query, conversations=[TEA], sender=sender, after_ms=1)
        assert len(index.search(db, "hello")) == 3  # and nothing was broken by it


WORDS = st.lists(st.sampled_from(["tea", "Tée", "cup", "x", "teacup", "...", "ß"]), max_size=4)


@given(st.lists(st.tuples(WORDS, st.booleans()), max_size=8), WORDS, st.integers(1, 5))
def test_what_is_found_is_what_has_the_words(messages, words, chunk):
    check_search([(" ".join(said), restart) for said, restart in messages], " ".join(words), chunk)


@pytest.mark.fuzz
@given(st.lists(st.tuples(st.text("aäéEñ "), st.booleans())), st.text("aäéEñ "), st.just(3))
def test_what_is_found_is_what_has_the_words_long(messages, words, chunk):
    check_search(messages, words, chunk)


def check_search(messages, query, chunk):
    index, source = SearchIndex(Path(":memory:")), 1
    with connect(Path(":memory:")) as db:
        migrate(db)
        db.execute("INSERT INTO source VALUES (1, x'00', 1, 0)")
        for ms, (text, restart) in enumerate(messages, 1):
            db.execute(INSERT, _rows([said(ms, text)], (source << 40) + ms))
            if restart:
                source += 1
                db.execute("INSERT INTO source VALUES (?, x'00', ?, 0)", (source, source))
        while index.catch_up(db, chunk):
            pass
        found = [stored.hlc >> 16 for stored in index.search(db, query)]
    wanted = tokens(query)
    having = [ms for ms, (text, _) in enumerate(messages, 1) if wanted <= tokens(text)]
    assert found == (having[::-1] if wanted else [])
    index.close()


def tokens(text):
    plain = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return set(re.findall(r"\w+", plain.lower()))


def test_a_little_at_a_time(talk, tmp_path):
    index = SearchIndex(tmp_path / "search.db")
    db = talk.read()
    looked_at = []
    while count := index.catch_up(db, 3):
        looked_at.append(count)
    assert looked_at == [3, 3, 2]
    assert index.catch_up(db, 3) == 0
    assert find(index, talk, "hello") == [6, 2, 1]
    index.close()


def test_what_comes_later_and_from_later_starts(index, talk):
    talk.append(said(7000, "hello seven"))
    talk.start()
    talk.start()
    talk.append(said(8000, "hello eight"))
    fill(index, talk, 1)
    assert find(index, talk, "hello") == [8, 7, 6, 2, 1]
    assert find(index, talk, "hello", after_ms=7000, before_ms=8000) == [7]


def test_of_several_servers_the_newest_first(index, talk):
    """Each server has its ids, in the order in which this one learnt of them."""
    talk.start()
    talk.append(said(9000, "hello nine"))
    other = b"another server.."
    talk.db.execute("INSERT INTO source VALUES (7, ?, 1, 0), (8, ?, 2, 0)", (other, other))
    for source, ms in [(7, 1700), (7, 5500), (8, 8500)]:
        row = (
            "INSERT INTO event SELECT ?, ?, 5000, 0, body, NULL, 0, 0 FROM event"
            " WHERE id = (1 << 40) + 1"
        )
        talk.db.execute(row, ((source << 40) + ms, ms << 16))
    fill(index, talk)
    assert find(index, talk, "hello") == [9, 8, 6, 5, 2, 1, 1]
    assert find(index, talk, "hello", limit=3) == [9, 8, 6]
    assert find(index, talk, "hello", before_ms=8500, after_ms=1700) == [6, 5, 2, 1]


def test_many_messages_are_looked_up_in_portions(disk, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LOOK_UP", 7)
    disk.append(*(said(ms * 1000, "hello") for ms in range(100)))
    index = SearchIndex(tmp_path / "search.db")
    fill(index, disk)
    assert find(index, disk, "hello", limit=50) == list(range(99, 49, -1))
    assert find(index, disk, "hello", limit=500) == list(range(99, -1, -1))
    index.close()


def test_what_retention_dropped_is_not_found(index, talk):
    talk.db.execute("DELETE FROM event WHERE hlc < ?", (1500 << 16,))
    assert find(index, talk, "hello") == [6, 2]


def test_another_process_may_use_the_same_file(disk, tmp_path):
    """`tertulia search` does while the server runs."""
    disk.append(*(said(ms * 1000, "hello") for ms in range(200)))
    indexes = [SearchIndex(tmp_path / "search.db") for _ in range(4)]
    threads = [threading.Thread(target=fill, args=(index, disk, 3)) for index in indexes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index in indexes:
        assert find(index, disk, "hello", limit=500) == list(range(199, -1, -1))
        index.close()
    with apsw.Connection(str(tmp_path / "search.db")) as db:
        assert db.execute("SELECT count(*) FROM word('hello')").get == 200


def garbage(path):
    path.write_bytes(b"no index at all " * 1000)


def broken_pages(path):
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * len(data[4096:])
    path.write_bytes(data)


def half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def foreign(path):
    path.unlink()
    with apsw.Connection(str(path)) as db:
        db.execute("CREATE TABLE word (x); PRAGMA user_version = 1")


def foreign_without_version(path):
    path.unlink()
    with apsw.Connection(str(path)) as db:
        db.execute("CREATE TABLE word (x)")


def of_another_version(path):
    with apsw.Connection(str(path)) as db:
        db.execute("PRAGMA user_version = 99")


DAMAGES = [
    garbage, broken_pages, half, empty, foreign, foreign_without_version, of_another_version,
    lambda path: path.unlink(),
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("search_first", [False, True])
def test_a_useless_file_is_made_again(index, talk, tmp_path, damage, search_first):
    path = tmp_path / "search.db"
    index.close()
    damage(path)
    again = SearchIndex(path)
    if search_first:
        assert find(again, talk, "hello") in ([], [6, 2, 1])
    fill(again, talk)
    assert find(again, talk, "hello") == [6, 2, 1]
    again.close()


def test_a_place_where_nothing_can_be_written_is_said(talk, tmp_path):
    index = SearchIndex(tmp_path / "nowhere" / "search.db")
    with talk.read() as db:
        for use in (lambda: index.catch_up(db), lambda: index.search(db, "hello")):
            with pytest.raises(StorageError, match="nowhere"):
                use()
    index.close()


def test_a_log_that_was_set_back_is_indexed_again(index, talk, tmp_path):
    """A restored log has other events under ids that the index knows."""
    with talk.read() as db, apsw.Connection(str(tmp_path / "backup.db")) as backup:
        with backup.backup("main", db, "main") as copy:
            copy.step()
    talk.append(said(7000, "lost words"))
    talk.start()
    talk.append(said(8000, "lost too"), said(8001, "lost three"))
    fill(index, talk)
    assert find(index, talk, "lost") == [8, 8, 7]
    talk.close()
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup.db").rename(tmp_path / "backup" / "tertulia.db")
    restored = Disk(tmp_path / "backup")
    restored.append(said(9000, "found words"))
    fill(index, restored)
    assert find(index, restored, "lost") == []
    assert find(index, restored, "words") == [9]
    assert find(index, restored, "hello") == [6, 2, 1]
    restored.close()


# The thread


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def indexer(talk, tmp_path, clock, monkeypatch):
    monkeypatch.setattr(module, "QUIET_S", 0.5)
    monkeypatch.setattr(module, "PATIENCE_S", 2.0)
    indexer = Indexer(talk.path, tmp_path / "search.db", clock=clock)
    yield indexer
    indexer.stop()


def test_it_waits_for_quiet(indexer, talk, clock):
    assert indexer.step() is None
    indexer.poke()
    assert indexer.step() == pytest.approx(0.5)
    clock.now += 0.4
    indexer.poke()
    assert indexer.step() == pytest.approx(0.5)
    assert find(indexer.index, talk, "hello") == []
    clock.now += 0.5
    indexer.step()
    assert find(indexer.index, talk, "hello") == [6, 2, 1]
    assert indexer.step() is None


def test_where_there_is_no_quiet_it_takes_a_little_now_and_then(indexer, talk, clock, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 2)
    looked_at = []
    for _ in range(100):
        indexer.poke()
        indexer.step()
        looked_at.append(len(find(indexer.index, talk, "hello")))
        clock.now += 0.1
    steps = [looked_at.index(count) for count in (1, 2, 3)]
    assert steps == pytest.approx(
        [20, 40, 80], abs=4
    )  # tenths of PATIENCE_S, whatever the rounding


def test_it_rests_between_portions(indexer, talk, clock, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 5)
    indexer.poke()
    clock.now += 0.5
    pause = indexer.step()
    assert pause == pytest.approx(0.02)
    assert find(indexer.index, talk, "hello") == [2, 1]
    assert indexer.step() == pytest.approx(0.02)
    clock.now += pause
    indexer.step()
    assert find(indexer.index, talk, "hello") == [6, 2, 1]
    assert indexer.step() is None


def test_a_failure_is_tried_again_later(talk, tmp_path, clock):
    folder = tmp_path / "later"
    indexer = Indexer(talk.path, folder / "search.db", clock=clock)
    indexer.poke()
    clock.now += module.QUIET_S
    indexer.step()
    for _ in range(3):
        indexer.poke()
        assert (indexer.step() or 0) > 50
    folder.mkdir()
    clock.now += 61
    indexer.step()
    assert find(indexer.index, talk, "hello") == [6, 2, 1]
    indexer.stop()


def test_the_thread_takes_up_what_was_left_and_what_comes(disk, tmp_path, clock):
    idle = threading.Event()
    poked = threading.Event()

    def wait(seconds):
        if seconds is None:
            idle.set()
            assert poked.wait(30)
            poked.clear()
        else:
            clock.now += seconds

    disk.append(*(said(ms, "hello") for ms in range(CHUNK * 2 + 10)))
    indexer = Indexer(disk.path, tmp_path / "search.db", clock=clock, wait=wait)
    indexer.start()
    assert idle.wait(30)
    assert len(find(indexer.index, disk, "hello", limit=CHUNK * 3)) == CHUNK * 2 + 10
    idle.clear()
    disk.append(said(10_000, "later"))
    indexer.poke()
    poked.set()
    assert idle.wait(30)
    assert find(indexer.index, disk, "later") == [10]
    poked.set()
    indexer._stopping = True
    indexer.stop()


def test_a_thread_that_sleeps_can_be_stopped(talk, tmp_path):
    indexer = Indexer(talk.path, tmp_path / "search.db")
    indexer.start()
    indexer.stop()
    assert not indexer._thread.is_alive()


def test_what_was_not_started_can_be_stopped(talk, tmp_path):
    Indexer(talk.path, tmp_path / "search.db").stop()
