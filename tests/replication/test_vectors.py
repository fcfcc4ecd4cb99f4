"""How servers compare what they have."""

import random

from hypothesis import given
from hypothesis import strategies as st

from tertulia.replication.messages import Heard
from tertulia.replication.vectors import Known, digest
from tests.replication.kit import server_id

S = server_id(1)
EPOCHS = st.dictionaries(st.integers(1, 20), st.integers(0, 50), max_size=10)


def known(epochs: dict[int, int]) -> Known:
    return Known({(S, epoch): seq for epoch, seq in epochs.items()})


@given(EPOCHS, st.randoms())
def test_the_order_does_not_matter_nor_what_is_empty(epochs, chance: random.Random):
    items = [*epochs.items(), (99, 0)]
    chance.shuffle(items)
    assert digest(items) == digest(epochs.items())


@given(EPOCHS, EPOCHS)
def test_digests_are_the_same_for_the_same(one, other):
    def written(epochs):
        return {epoch: seq for epoch, seq in epochs.items() if seq}

    assert (digest(one.items()) == digest(other.items())) is (written(one) == written(other))


def test_a_digest_is_not_that_of_others_that_look_alike():
    assert digest([(1, 23)]) != digest([(12, 3)])
    assert digest([(1, 2), (3, 4)]) != digest([(1, 4), (3, 2)])
    assert digest([]) == ""


@given(EPOCHS, EPOCHS)
def test_what_is_heard_is_enough_to_see_a_difference(ours, theirs):
    """Whatever somebody has more is in their latest epoch, or the digests differ."""
    here, there = known(ours), known(theirs)
    heard = there.heard(S)
    missing = here.missing(S, there.epochs(S))
    in_latest = heard.seq > here.last(S, heard.epoch)
    differs = not here.is_same_before(S, heard)
    assert bool(missing) <= (in_latest or differs)
    if in_latest:
        assert ((S, heard.epoch), heard.seq) in missing


@given(EPOCHS, st.integers(1, 20), st.integers(0, 50), st.integers(0, 21))
def test_a_digest_is_that_of_now(epochs, epoch, seq, before):
    here = known(epochs)
    here.closed(S, before)
    here.put(S, epoch, seq)
    assert here.closed(S, before) == digest(
        (e, last) for e, last in (epochs | {epoch: seq}).items() if e < before
    )


def test_what_is_said_of_a_server():
    here = known({3: 7, 5: 9})
    closed = digest([(3, 7)])
    assert here.heard(S, 5, 4) == Heard(5, 9, closed, 4)
    # An epoch without events may be the latest one; who is there is known of that one alone.
    assert here.heard(S, 6, 4) == Heard(6, 0, digest([(3, 7), (5, 9)]), 4)
    assert here.heard(S, 3, 4) == Heard(5, 9, closed, -1)
    assert here.heard(server_id(2)) == Heard(0, 0, "", -1)
