"""One frame at a time, with a pause between two."""

import pytest

from tertulia.server import pacing
from tertulia.server.pacing import Cutter, Pacer
from tests.server.kit import Loop

PAUSE_S = 0.03


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
        return Pacer(sent.append, PAUSE_S, Cutter(in_fours), lambda count: b"%dxx" % count)


def test_the_first_frame_goes_at_once_and_each_other_after_a_pause(loop, sent, pacer):
    pacer.write(b"aaaabbbbcccc")
    assert sent == [b"aaaa"]
    assert pacer.waiting == 2
    assert pacer.drain_s == pytest.approx(3 * PAUSE_S)
    loop.advance(PAUSE_S * 0.9)
    assert sent == [b"aaaa"]
    loop.advance(PAUSE_S * 0.2)
    assert sent == [b"aaaa", b"bbbb"]
    loop.advance(PAUSE_S)
    assert sent == [b"aaaa", b"bbbb", b"cccc"]


def test_after_the_last_frame_there_is_a_pause_too(loop, sent, pacer):
    pacer.write(b"aaaa")
    pacer.write(b"bbbb")
    assert sent == [b"aaaa"]
    loop.advance(PAUSE_S * 2)
    assert sent == [b"aaaa", b"bbbb"]
    assert loop.timers == 0
    pacer.write(b"cccc")
    assert sent[-1] == b"cccc"


def test_when_too_much_waits_it_is_told_how_much(loop, sent, pacer, monkeypatch):
    monkeypatch.setattr(pacing, "FRAMES_MOST", 3)
    pacer.write(b"aaaa")
    pacer.write(b"bbbbccccddddeeee")
    pacer.write(b"ffff")
    loop.advance(PAUSE_S * 5)
    assert sent == [b"aaaa", b"4xx", b"ffff"]


def test_all_that_waits_can_be_sent_at_once(loop, sent, pacer):
    pacer.write(b"aaaabbbbcc")
    pacer.flush()
    assert sent == [b"aaaa", b"bbbb", b"cc"]
    assert pacer.waiting == loop.timers == 0
    pacer.flush()
    loop.advance(1)
    assert len(sent) == 3


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
        pacer = Pacer(sent.append, PAUSE_S, Cutter(in_fours), lambda _: b"")
    pacer.write(b"aaaabbbbccccddddeeee")
    assert sent == []
    assert pacer.waiting == 0
    pacer.write(b"ffff")
    assert sent == [b"ffff"]
