"""One frame at a time, with a pause between two."""

import itertools
from typing import Any, cast

import pytest

from tertulia.protocols.session import Later
from tertulia.server import pacing
from tertulia.server.pacing import Cutter, Metronome, Pacer
from tests.server.kit import Loop

PAUSE_S = 0.03


ROUND_S = PAUSE_S * 8 / 7
"""From one turn to the next."""


def in_fours(data: bytes) -> list[bytes]:
    return [data[i : i + 4] for i in range(0, len(data), 4)]


@pytest.fixture
def loop():
    return Loop()


@pytest.fixture
def sent():
    return []


@pytest.fixture
def pacer(loop, sent):
    with loop.running():
        return Pacer(
            sent.append, Metronome(PAUSE_S), Cutter(in_fours), lambda count: b"%dxx" % count
        )


def test_the_first_frame_goes_at_once_and_each_other_after_a_pause(loop, sent, pacer):
    pacer.write(b"aaaabbbbcccc")
    assert sent == [b"aaaa"]
    assert pacer.waiting == 2
    assert pacer.drain_s == pytest.approx(3 * ROUND_S)
    loop.advance(PAUSE_S * 0.99)
    assert sent == [b"aaaa"]
    loop.advance(PAUSE_S * 0.2)
    assert sent == [b"aaaa", b"bbbb"]
    loop.advance(ROUND_S)
    assert sent == [b"aaaa", b"bbbb", b"cccc"]


def test_all_that_waits_is_sent_in_the_time_that_is_told(loop, sent, pacer):
    pacer.write(b"aaaa" * 20)
    loop.advance(pacer.drain_s)
    assert len(sent) == 20


def test_after_the_last_frame_there_is_a_pause_too(loop, sent, pacer):
    pacer.write(b"aaaa")
    pacer.write(b"bbbb")
    assert sent == [b"aaaa"]
    loop.advance(ROUND_S * 2.1)
    assert sent == [b"aaaa", b"bbbb"]
    assert loop.timers == 0
    pacer.write(b"cccc")
    assert sent[-1] == b"cccc"


def test_when_too_much_waits_it_is_told_how_much(loop, sent, pacer, monkeypatch):
    monkeypatch.setattr(pacing, "FRAMES_MOST", 3)
    pacer.write(b"aaaa")
    pacer.write(b"bbbbccccddddeeee")
    pacer.write(b"ffff")
    loop.advance(ROUND_S * 5)
    assert sent == [b"aaaa", b"4xx", b"ffff"]


def test_all_that_waits_can_be_sent_at_once(loop, sent, pacer):
    pacer.write(b"aaaabbbbcc")
    pacer.flush()
    assert sent == [b"aaaa", b"bbbb", b"cc"]
    assert pacer.waiting == 0
    loop.advance(1)
    assert len(sent) == 3
    assert loop.timers == 0


def test_what_many_are_sent_is_cut_once():
    cuts = []

    def cut(data: bytes) -> list[bytes]:
        cuts.append(data)
        return in_fours(data)

    cutter, data = Cutter(cut), b"aaaabbbb"
    assert cutter.frames(data) is cutter.frames(data)
    assert cutter.frames(b"cccc") == [b"cccc"]
    assert cutter.frames(data) == [b"aaaa", b"bbbb"]
    assert cuts == [data, b"cccc", data]


def test_nothing_need_be_said_of_what_is_skipped(loop, sent, monkeypatch):
    monkeypatch.setattr(pacing, "FRAMES_MOST", 3)
    with loop.running():
        pacer = Pacer(sent.append, Metronome(PAUSE_S), Cutter(in_fours), lambda _: b"")
    pacer.write(b"aaaabbbbccccddddeeee")
    assert sent == []
    assert pacer.waiting == 0
    pacer.write(b"ffff")
    assert sent == [b"ffff"]


class Slow:
    """Counts how often something is rendered for it."""

    is_paced = True
    rendered = 0

    def render(self, change: object) -> bytes:
        self.rendered += 1
        return change if isinstance(change, bytes) else b""


def test_what_is_rendered_later_comes_in_its_place(loop, sent, pacer):
    slow = Slow()
    later = Later(slow, cast(Any, [b"bbbb", None, b"ccccdddd"]))
    pacer.write(b"aaaa")
    pacer.write(later)
    pacer.write(b"eeee")
    assert slow.rendered == 0
    assert pacer.waiting == 4
    loop.advance(ROUND_S * 6.1)
    assert sent == [b"aaaa", b"bbbb", b"cccc", b"dddd", b"eeee"]
    assert slow.rendered == 3
    assert pacer.waiting == loop.timers == 0


def test_what_is_left_out_is_never_rendered(loop, sent, pacer, monkeypatch):
    monkeypatch.setattr(pacing, "FRAMES_MOST", 3)
    slow = Slow()
    pacer.write(b"aaaa")
    for _ in range(10):
        pacer.write(Later(slow, cast(Any, [b"bbbb", b"cccc"])))
    loop.advance(ROUND_S * 9)
    assert sent == [b"aaaa", b"20xx"]
    assert slow.rendered == 0


def test_not_all_have_their_turn_at_once_and_none_too_early(loop):
    written: dict[int, list[float]] = {}
    with loop.running():
        metronome = Metronome(PAUSE_S)
    for i in range(20):
        times = written.setdefault(i, [])

        def note(_data, times=times):
            times.append(loop.now)

        pacer = Pacer(note, metronome, Cutter(in_fours), lambda _: b"")
        pacer.write(b"aaaabbbbcccc")
        loop.advance(PAUSE_S / 20)
    loop.advance(1)
    for times in written.values():
        assert len(times) == 3
        assert all(b - a >= PAUSE_S * 0.999 for a, b in itertools.pairwise(times))
    assert len({times[1] for times in written.values()}) > 4
    assert loop.timers == 0


def test_a_fault_in_one_turn_stops_nobody_else(loop, sent):
    def broken(data: bytes) -> None:
        if data != b"aaaa":
            raise RuntimeError("the handler is closed")

    with loop.running():
        metronome = Metronome(PAUSE_S)
    for write in (broken, sent.append):
        Pacer(write, metronome, Cutter(in_fours), lambda _: b"").write(b"aaaabbbbcccc")
    loop.advance(ROUND_S * 4)
    assert sent == [b"aaaa", b"bbbb", b"cccc"]
    assert loop.timers == 0
