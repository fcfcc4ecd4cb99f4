import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.domain.ids import (
    Hlc,
    HybridClock,
    at_milliseconds,
    milliseconds,
    msgid,
    parse_msgid,
)

HLC = st.integers(0, (1 << 63) - 1)
TAG = st.integers(0, (1 << 32) - 1)
URL_SAFE = set(string.ascii_letters + string.digits + "-_")


@given(HLC, TAG)
def test_msgid_is_read_back(hlc, tag):
    text = msgid(hlc, tag)
    assert len(text) == 16
    assert set(text) <= URL_SAFE
    assert parse_msgid(text) == (hlc, tag)


@given(st.tuples(HLC, TAG), st.tuples(HLC, TAG))
def test_msgid_sorts_as_time_does(one, other):
    assert (msgid(*one) < msgid(*other)) == (one < other)


@given(st.text(max_size=20) | st.text(st.sampled_from("-_+/=Az09"), min_size=16, max_size=16))
def test_only_what_msgid_writes_is_an_id(text):
    parsed = parse_msgid(text)
    assert parsed is None or msgid(*parsed) == text


@pytest.mark.parametrize(
    "text", ["", "-" * 15, "-" * 17, "-" * 15 + "=", "+" * 16, "/" * 16, "é" * 16, "-" * 15 + "\n"]
)
def test_what_is_no_id(text):
    assert parse_msgid(text) is None


def test_an_id_beyond_what_the_database_can_compare_is_none():
    assert parse_msgid("z" * 16) is None
    assert parse_msgid(msgid(Hlc((1 << 63) - 1), 0)) == ((1 << 63) - 1, 0)
    assert parse_msgid(msgid(Hlc(1 << 63), 0)) is None


@given(st.integers(0, 1 << 46), st.lists(st.integers(-3, 3), min_size=1, max_size=30))
def test_the_clock_never_goes_back(last, steps):
    now = 5
    clock = HybridClock(lambda: now, last)
    times = [last]
    for step in steps:
        now = max(0, now + step)
        times.append(clock.tick())
    assert times == sorted(set(times))


def test_the_clock_follows_the_wall():
    now = 1000
    clock = HybridClock(lambda: now)
    first, second = clock.tick(), clock.tick()
    assert (milliseconds(first), milliseconds(second)) == (1000, 1000)
    now = 2000
    assert clock.tick() == at_milliseconds(2000)
    assert clock.now_ms() == 2000


def test_the_counter_carries_into_the_milliseconds():
    clock = HybridClock(lambda: 1000, at_milliseconds(1000) + 0xFFFF)
    assert clock.tick() == at_milliseconds(1001)


@given(st.integers(-(1 << 80), 1 << 80))
def test_any_time_fits_into_the_database(ms):
    hlc = at_milliseconds(ms)
    assert 0 <= hlc < 1 << 63
    if 0 <= ms < 1 << 47:
        assert milliseconds(hlc) == ms
