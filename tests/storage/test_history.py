import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.domain.history import FIRST_TAG, LAST_TAG, Page
from tertulia.domain.ids import Conversation, Hlc, origin_tag
from tertulia.storage.history import History
from tests.storage.kit import TEA, Disk, joined, number, said

OTHER = Conversation(6000)


@pytest.fixture
def history(disk):
    """A conversation with messages at 0, 2, 4, …, 18 ms and joins at 1, 3, 5, …"""
    events = [joined(ms) if ms % 2 else said(ms, str(ms)) for ms in range(20)]
    disk.append(*events, said(20, "elsewhere", where=OTHER), number(21))
    history = History(disk.read())
    yield history
    history.close()


def times(found):
    return [stored.hlc >> 16 for stored in found]


def at(ms):
    return Hlc(ms << 16)


def before(ms):
    return at(ms), FIRST_TAG


def after(ms):
    return at(ms), LAST_TAG


def test_the_latest_messages_oldest_first(history):
    assert times(history.page(Page((TEA,), 3, latest=True))) == [14, 16, 18]
    assert times(history.page(Page((TEA,), 3, before=before(14), latest=True))) == [8, 10, 12]


def test_the_first_messages(history):
    assert times(history.page(Page((TEA,), 3))) == [0, 2, 4]
    assert times(history.page(Page((TEA,), 3, after=after(4)))) == [6, 8, 10]


def test_between_excludes_both_ends(history):
    assert times(history.page(Page((TEA,), 9, after=after(4), before=before(10)))) == [6, 8]
    last = Page((TEA,), 1, after=after(4), before=before(10), latest=True)
    assert times(history.page(last)) == [8]
    assert history.page(Page((TEA,), 9, after=after(4), before=before(4))) == []


def test_what_else_was_seen(history):
    assert times(history.page(Page((TEA,), 3, latest=True, messages_only=False))) == [17, 18, 19]


def test_of_one_conversation_only(history):
    assert times(history.page(Page((OTHER,), 9))) == [20]
    assert history.page(Page((Conversation(7),), 9)) == []
    assert history.page(Page((Conversation(0),), 9, messages_only=False)) == []


def test_an_event_comes_with_what_its_id_is_made_of(history, disk):
    [stored] = history.page(Page((TEA,), 1))
    assert stored.tag == origin_tag(disk.server, disk.epoch)
    assert stored.conversation == TEA
    assert stored.fact == said(0, "0").fact


def test_every_epoch_has_its_tag(history, disk):
    disk.start()
    disk.append(said(30, "later"))
    tags = [stored.tag for stored in history.page(Page((TEA,), 2, latest=True))]
    assert tags == [origin_tag(disk.server, 1), origin_tag(disk.server, 2)]
    assert all(0 <= tag < 1 << 32 for tag in tags)


def test_the_last_of_each_conversation(history):
    found = history.latest([OTHER, TEA, Conversation(7)], at(0), at(99))
    assert [stored.conversation for stored in found] == [TEA, OTHER]
    assert history.latest([TEA], at(18), at(99)) == []
    assert history.latest([TEA], at(0), at(18)) == []


@pytest.fixture(scope="module")
def long_history(tmp_path_factory):
    disk = Disk(tmp_path_factory.mktemp("history"))
    disk.append(*(said(ms, str(ms)) if ms % 3 else joined(ms) for ms in range(100)))
    history = History(disk.read())
    yield history
    history.close()
    disk.close()


@given(st.integers(1, 120), st.booleans(), st.booleans())
def test_pages_one_after_the_other_are_the_whole(long_history, limit, latest, messages_only):
    def page(size, **bounds):
        return long_history.page(
            Page((TEA,), size, latest=latest, messages_only=messages_only, **bounds)
        )

    whole = page(1000)
    assert times(whole) == sorted(set(times(whole)))
    walked = found = page(limit)
    while found:
        end = found[0] if latest else found[-1]
        found = page(limit, **{"before" if latest else "after": (end.hlc, end.tag)})
        walked = found + walked if latest else walked + found
    assert walked == whole
