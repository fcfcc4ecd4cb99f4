"""Whom to connect to, and how often."""

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from tertulia.replication.dialer import (
    ATTEMPT_S,
    BACKOFF_S,
    FORGET_S,
    POLITE_S,
    SERVERS_MOST,
    Attempt,
    Dialer,
)
from tests.replication.kit import server_id

LOW, ME, HIGH = server_id(1), server_id(5), server_id(9)


def dialer() -> Dialer:
    return Dialer(ME, lambda: 0.5)


def attempts(d: Dialer, start: float, end: float, linked=(), over=True, hear=None):
    """Every attempt in a time, with when it was made; each fails at once."""
    found = []
    now = start
    while now < end:
        if hear is not None:
            hear(now)
        for attempt in d.due(now, linked):
            found.append((now, attempt))
            if over:
                d.ended(attempt, now)
        now += 0.25
    return found


def test_the_lower_id_is_the_first_to_try():
    d = dialer()
    d.announced(HIGH, "h", 1, 0.0)
    d.announced(LOW, "l", 2, 0.0)
    assert d.due(0.0, ()) == [Attempt("h", 1, HIGH)]
    assert d.due(POLITE_S - 0.01, ()) == []
    assert d.due(POLITE_S, ()) == [Attempt("l", 2, LOW)]


def test_those_that_are_linked_are_left_alone():
    d = dialer()
    d.announced(HIGH, "h", 1, 0.0)
    d.remember("r", 3, 0.0, LOW)
    assert attempts(d, 0, 20, linked={HIGH, LOW}) == []
    found = [attempt for _, attempt in attempts(d, 20, 23)]
    assert Attempt("h", 1, HIGH) in found
    assert Attempt("r", 3) in found


def test_not_to_itself():
    d = dialer()
    d.announced(ME, "m", 1, 0.0)
    d.remember("m", 1, 0.0)
    [attempt] = d.due(0.0, ())
    d.met_itself(attempt)
    d.ended(attempt, 0.0)
    d.remember("m", 1, 1.0)
    assert attempts(d, 0, 100) == []


def test_what_has_not_ended_is_not_tried_again():
    d = dialer()
    d.remember("r", 1, 0.0)
    assert len(attempts(d, 0, 100, over=False)) == 1


def test_the_pauses_grow_and_end_when_a_link_lasts():
    d = dialer()
    d.remember("r", 1, 0.0)
    times = [time for time, _ in attempts(d, 0, 200)]
    pauses = [b - a for a, b in itertools.pairwise(times)]
    assert pauses[:6] == [1, 2, 4, 8, 16, 30]
    assert pauses[-1] == 30
    [attempt] = d.due(300, ())
    d.ended(attempt, 300, HIGH)
    assert attempts(d, 300, 400, linked={HIGH}) == []
    [first, second, *_] = [time for time, _ in attempts(d, 400, 410)]
    assert second - first == 1


def test_who_was_cut_off_is_waited_for():
    d = dialer()
    d.remember("r", 1, 0.0)
    [attempt] = d.due(0, ())
    d.ended(attempt, 0, HIGH)
    assert attempts(d, 0, 10, linked={HIGH}) == []
    times = [time for time, _ in attempts(d, 10, 200)]
    pauses = [b - a for a, b in itertools.pairwise(times)]
    assert pauses[:3] == [1, 2, 4]
    assert max(pauses) == ATTEMPT_S


def test_a_link_that_is_closed_at_once_is_no_success():
    d = dialer()
    d.remember("r", 1, 0.0)
    times = []
    for step in range(400):
        for attempt in d.due(step / 4, ()):
            times.append(step / 4)
            d.ended(attempt, step / 4, HIGH)
    assert times[:5] == [0, 1, 3, 7, 15]


def test_pauses_differ():
    chance = random.Random(1)
    d = Dialer(ME, chance.random)
    d.remember("r", 1, 0.0)
    times = [time for time, _ in attempts(d, 0, 1000)]
    pauses = {b - a for a, b in itertools.pairwise(times)}
    assert len(pauses) > 10
    assert max(pauses) < BACKOFF_S[1] * 1.3


@given(st.lists(st.tuples(st.floats(0, 0.5), st.integers(0, 3), st.sampled_from("abcdefgh"))))
def test_at_most_one_attempt_in_a_while_whatever_is_announced(heard):
    d = Dialer(ME, random.Random(1).random)
    now = 0.0
    tried: dict[str, float] = {}
    for pause, n, host in heard:
        now += pause
        d.announced(server_id(6 + n), host, 1, now)
        for attempt in d.due(now, ()):
            assert now - tried.get(attempt.server, -ATTEMPT_S) >= ATTEMPT_S
            tried[attempt.server] = now
            d.ended(attempt, now, attempt.server)


def test_a_replayed_announcement_does_not_hide_the_true_address():
    d = dialer()

    def hear(now):
        d.announced(HIGH, f"replayed{now}", 1, now)
        d.announced(HIGH, "true", 1, now)

    hosts = [attempt.host for _, attempt in attempts(d, 0, 300, hear=hear)]
    assert hosts.count("true") >= len(hosts) // 4 >= 1


def test_who_falls_silent_is_forgotten():
    d = dialer()
    d.announced(HIGH, "h", 1, 0.0)
    assert attempts(d, 0, 10)
    assert attempts(d, FORGET_S + 1, 500) == []


def test_there_are_not_too_many():
    d = dialer()
    for n in range(SERVERS_MOST * 2):
        d.announced(server_id(100 + n), "h", 1, 0.0)
    assert len(d.due(0.0, ())) == SERVERS_MOST


def test_an_address_may_be_forgotten():
    d = dialer()
    d.remember("r", 1, 0.0)
    d.forget("r", 1)
    assert attempts(d, 0, 10) == []
