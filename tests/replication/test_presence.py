"""Who is where: changes in order, snapshots instead of what was missed."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import replace

from tertulia.replication import presence as module
from tertulia.replication.bounds import Unacceptable
from tertulia.replication.messages import Presence, Snapshot
from tertulia.replication.presence import NOTHING, NOWHERE, Crowds, Told
from tests.replication.kit import item, server_id

S, TELLER = server_id(1), server_id(2)


def change(first: int, last: int, epoch: int = 1) -> Presence:
    return Presence(S, epoch, first, [item(n) for n in range(first, last + 1)])


def snapshot(count: int, *users: int, epoch: int = 1, **more) -> Snapshot:
    return Snapshot(S, epoch, count, [Raw(b"%d" % user) for user in users], **more)


def shown(told: Told):
    users = None if told.users is None else [int(bytes(user)) for user in told.users]
    return users, [each.hlc for each in told.items]


def after(count: int, epoch: int = 1) -> Crowds:
    crowds = Crowds()
    crowds.snapshot(snapshot(count, epoch=epoch), TELLER)
    return crowds


def test_changes_follow_each_other():
    crowds = after(0)
    assert shown(crowds.change(change(1, 2))) == (None, [1, 2])
    assert crowds.change(change(1, 2)) == NOTHING
    assert shown(crowds.change(change(2, 4))) == (None, [3, 4])
    assert crowds.place(S) == (1, 4)


def test_what_was_missed_needs_a_snapshot():
    crowds = after(2)
    assert crowds.change(change(4, 5)) == Told(gap=True)
    assert shown(crowds.snapshot(snapshot(4, 7, 8), TELLER)) == ([7, 8], [5])
    assert crowds.place(S) == (1, 5)
    assert shown(crowds.change(change(6, 6))) == (None, [6])


def test_what_was_only_late_needs_none():
    crowds = after(2)
    assert crowds.change(change(4, 5)).gap
    assert shown(crowds.change(change(3, 3))) == (None, [3, 4, 5])


def test_nothing_is_known_before_a_snapshot():
    crowds = Crowds()
    assert crowds.place(S) == NOWHERE
    assert crowds.is_behind(S, 1, 0)
    assert not crowds.is_behind(S, 5, -1)
    assert crowds.change(change(1, 1)).gap
    assert shown(crowds.snapshot(snapshot(0), TELLER)) == ([], [1])


def test_a_later_epoch_replaces_everything_and_an_earlier_one_nothing():
    crowds = after(5, epoch=2)
    assert crowds.change(change(6, 6, epoch=1)) == NOTHING
    assert crowds.snapshot(snapshot(9, 1, epoch=1), TELLER) == NOTHING
    assert crowds.change(change(1, 2, epoch=3)).gap
    assert crowds.change(change(6, 6, epoch=2)).items, "which is still what is shown"
    assert shown(crowds.snapshot(snapshot(1, 4, epoch=3), TELLER)) == ([4], [2])
    assert crowds.change(change(7, 7, epoch=2)) == NOTHING
    assert crowds.place(S) == (3, 2)


def test_an_older_snapshot_is_not_taken():
    crowds = after(5)
    assert crowds.snapshot(snapshot(5, 1), TELLER) == NOTHING
    assert crowds.snapshot(snapshot(4, 1), TELLER) == NOTHING
    assert shown(crowds.snapshot(snapshot(6, 1), TELLER)) == ([1], [])


def parts(taking: int, *groups: list[int], count: int = 3) -> list[Snapshot]:
    last = len(groups) - 1
    return [
        snapshot(count, *group, taking=taking, part=n, more=n < last)
        for n, group in enumerate(groups)
    ]


def test_parts_make_a_whole():
    crowds = Crowds()
    one, two, three = parts(1, [1, 2], [3], [4])
    assert crowds.snapshot(one, TELLER) == NOTHING
    assert crowds.snapshot(two, TELLER) == NOTHING
    assert crowds.change(change(4, 4)).gap
    assert shown(crowds.snapshot(three, TELLER)) == ([1, 2, 3, 4], [4])


def test_parts_of_different_answers_are_not_mixed():
    crowds = Crowds()
    one, two = parts(1, [1], [2])
    again, more = parts(2, [1, 2], [3])
    crowds.snapshot(one, TELLER)
    assert crowds.snapshot(more, TELLER) == NOTHING
    assert crowds.snapshot(two, server_id(3)) == NOTHING
    crowds.snapshot(again, TELLER)
    assert crowds.snapshot(two, TELLER) == NOTHING
    assert shown(crowds.snapshot(more, TELLER)) == ([1, 2, 3], [])


def test_a_part_that_is_missing_or_doubled():
    crowds = Crowds()
    one, two, three = parts(1, [1], [2], [3])
    for part in (one, three, two, two, one, two, two):
        assert crowds.snapshot(part, TELLER) == NOTHING
    assert shown(crowds.snapshot(three, TELLER)) == ([1, 2, 3], [])


def test_what_is_put_together_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "SNAPSHOT_BYTES", 100)
    crowds = Crowds()
    big = [replace(part, users=[Raw(b"1" * 60)]) for part in parts(1, [], [], [])]
    crowds.snapshot(big[0], TELLER)
    with pytest.raises(Unacceptable):
        crowds.snapshot(big[1], TELLER)
    assert crowds.snapshot(big[2], TELLER) == NOTHING


def test_what_waits_is_bounded():
    crowds = after(0)
    crowds.change(change(2, 3000))
    assert len(crowds._servers[S].waiting.items) <= module.HELD_MOST
    assert shown(crowds.snapshot(snapshot(3000), TELLER)) == ([], [])


@pytest.mark.parametrize("told", [change(0, 1), change(1, 1, epoch=0), change(1, 1, epoch=1 << 48)])
def test_what_is_out_of_range(told):
    with pytest.raises(Unacceptable):
        after(0).change(told)


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 5)), max_size=20),
    st.lists(st.integers(0, 30), max_size=3),
    st.randoms(),
)
def test_in_any_order_it_ends_where_it_should(changes, counts, chance: random.Random):
    """A user a change: whoever was told of changes and snapshots sees those up to where it is."""
    told: list = [change(first, first + more) for first, more in changes]
    told += [snapshot(count, *range(1, count + 1)) for count in counts]
    chance.shuffle(told)
    crowds = Crowds()
    seen: list[int] = []
    for each in told:
        is_change = isinstance(each, Presence)
        became = crowds.change(each) if is_change else crowds.snapshot(each, TELLER)
        users, items = shown(became)
        seen = [*(seen if users is None else users), *items]
    _, count = crowds.place(S)
    assert seen == list(range(1, count + 1))
    assert count >= max(counts, default=-1)
