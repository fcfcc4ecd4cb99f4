"""Events in any order, any number of times: each is handed on once, and in order."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import replace

from tertulia.replication import inbox as module
from tertulia.replication.bounds import size
from tertulia.replication.inbox import HELD_MOST, Inbox
from tertulia.replication.messages import Run
from tests.replication.kit import at_length, item, run, server_id

ME, OTHER = server_id(9), server_id(1)
SOURCE = (OTHER, 1)


def numbers(runs: list[Run]) -> list[int]:
    assert all(each.items for each in runs)
    return [each.first + i for each in runs for i in range(len(each.items))]


def fresh(vector=None) -> Inbox:
    return Inbox(ME, 5, vector or {})


def offer(inbox: Inbox, *runs: Run, pulled: bool = False) -> list[int]:
    ready = [each for r in runs for each in inbox.offer(r, pulled)]
    for each in ready:  # a number is its clock, so that an item in a wrong place is seen
        assert [i.hlc for i in each.items] == numbers([each])
    return numbers(ready)


RUNS = st.lists(
    st.tuples(st.integers(1, 40), st.integers(0, 10)).map(lambda t: run(1, 1, t[0], t[0] + t[1])),
    max_size=30,
)


@given(RUNS, st.randoms(), st.integers(0, 10))
def test_any_order_gives_the_same(runs, chance: random.Random, known):
    """What is handed on is what can be reached without a gap, once, in order."""
    inbox = fresh({SOURCE: known} if known else {})
    shuffled = [*runs, *runs]
    chance.shuffle(shuffled)
    found = offer(inbox, *shuffled)
    covered = {n for each in runs for n in range(each.first, each.last + 1)}
    last = known
    while last + 1 in covered:
        last += 1
    assert found == list(range(known + 1, last + 1))
    assert inbox.taken.last(*SOURCE) == last
    ahead = any(n > last for n in covered)
    assert inbox.gaps() == ({SOURCE: last} if ahead else {})
    # And what was missing lets all that waited go.
    found += offer(inbox, run(1, 1, 1, 60))
    assert found == list(range(known + 1, 61))
    assert inbox.gaps() == {}
    assert inbox._held_bytes == 0


@given(st.lists(st.sampled_from(["offer", "commit", "refuse", "jump"]), max_size=40), st.randoms())
def test_bytes_are_counted(doings, chance: random.Random):
    inbox = fresh()
    flying: list[Run] = []
    for doing in doings:
        first = chance.randrange(1, 40)
        if doing == "offer":
            flying += inbox.offer(run(1, 1, first, first + chance.randrange(8)))
        elif doing == "commit":
            committed = [inbox.commit(each) for each in flying]
            assert all(committed)
            flying = []
        elif doing == "refuse":
            inbox.refuse(SOURCE)
            flying = []
        elif (ready := inbox.jump(SOURCE, first)) is not None:
            assert not flying
            flying += ready
        assert inbox.committed.last(*SOURCE) <= inbox.taken.last(*SOURCE)
    assert inbox._taken_bytes == sum(size(each.items) for each in flying)
    held = [each for items in inbox._held.values() for each in items.values()]
    assert inbox._held_bytes == size(held)


def test_sources_are_told_apart():
    inbox = fresh()
    assert offer(inbox, run(1, 1, 1, 2), run(1, 2, 1, 1), run(2, 1, 1, 3)) == [1, 2, 1, 1, 2, 3]


def test_taken_is_not_committed():
    inbox = fresh()
    [one] = inbox.offer(run(1, 1, 1, 3))
    assert inbox.taken.last(*SOURCE) == 3
    assert inbox.committed.last(*SOURCE) == 0
    assert inbox.commit(one)
    assert inbox.committed.last(*SOURCE) == 3
    assert not inbox.commit(one)


def test_what_was_refused_may_come_again():
    inbox = fresh()
    [one] = inbox.offer(run(1, 1, 1, 3))
    inbox.commit(one)
    [two] = inbox.offer(run(1, 1, 4, 6))
    assert offer(inbox, run(1, 1, 8, 8)) == []
    inbox.refuse(SOURCE)
    assert inbox.taken.last(*SOURCE) == 3
    assert not inbox.commit(two), "it did not happen"
    assert offer(inbox, run(1, 1, 4, 7)) == [4, 5, 6, 7, 8]


def test_own_events_come_back_only_where_they_were_lost():
    inbox = fresh({(ME, 3): 2})
    assert offer(inbox, run(9, 3, 1, 4)) == []
    assert offer(inbox, run(9, 5, 1, 4), run(9, 6, 1, 4), pulled=True) == []
    assert offer(inbox, run(9, 3, 1, 4), pulled=True) == [3, 4]


def test_what_waits_is_bounded_for_each_source():
    inbox = fresh()
    assert offer(inbox, run(1, 1, 2, 5000)) == []
    assert offer(inbox, run(1, 1, 1, 1)) == list(range(1, HELD_MOST + 2))


def test_what_waits_is_bounded_in_all(monkeypatch):
    monkeypatch.setattr(module, "HELD_BYTES", 1000)
    inbox = fresh()
    for n in range(1, 50):
        offer(inbox, run(n, 1, 2, 100))
    assert inbox._held_bytes < 1200


def test_what_waits_does_not_hold_on_to_the_line_it_came_in():
    inbox = fresh()
    body = Raw(memoryview(b" " * 1000 + b"7")[1000:])
    inbox.offer(Run(OTHER, 1, 2, [replace(item(2), body=body)]))
    [held] = inbox._held[SOURCE].values()
    assert bytes(held.body) == b"7"
    assert held.body is not body


def test_what_nobody_has_is_left_out():
    inbox = fresh()
    assert offer(inbox, run(1, 1, 6, 8)) == []
    ready = inbox.jump(SOURCE, 6)
    assert ready is not None
    assert numbers(ready) == [6, 7, 8]
    assert inbox.committed.last(*SOURCE) == 5
    assert inbox.jump(SOURCE, 8) is None, "it is not missing"
    assert inbox.jump(SOURCE, 20) is None, "events are on their way to the disk"
    assert all(inbox.commit(each) for each in ready)
    assert inbox.jump(SOURCE, 20) == []
    assert offer(inbox, run(1, 1, 18, 21)) == [20, 21]


@pytest.mark.fuzz
@given(RUNS, st.randoms(), st.integers(0, 10))
def test_inbox_at_length(runs, chance, known):
    at_length(test_any_order_gives_the_same)(runs, chance, known)
