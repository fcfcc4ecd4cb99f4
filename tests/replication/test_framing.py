"""From bytes to messages: whole, byte by byte, and what is none."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.replication.framing import BAD_LINES_MOST, Bad, Framer, decode, encode
from tertulia.replication.messages import (
    LINE_BYTES,
    Ack,
    Bye,
    Events,
    Ping,
    Pong,
    Presence,
    Run,
    Vector,
)
from tests.replication.kit import at_length, item

RUN = Run("ab" * 16, 3, 7, [item(1, "é\n"), item(2)])
SAID = [
    Ping(1), Pong(2), Bye("höre"), Ack("1", False, "no"), Events([RUN], "7", [("a", 1, 2)], True),
    Presence("cd" * 16, 1, 1, [item(5)]), Vector({}, {}),
]  # fmt: skip
LINES = st.sampled_from(
    [
        *map(encode, SAID),
        b"\n",
        b"\r\n",
        encode(Ping(9))[:-1] + b"\r\n",
        b"{}\n",
        b"\xff\n",
        b"x" * 99,
    ]
)
STREAMS = st.lists(LINES, max_size=40).map(b"".join)


def fed(*chunks: bytes, limit: int = LINE_BYTES) -> list:
    framer = Framer(limit)
    frames = [frame for chunk in chunks for frame in framer.feed(chunk)]
    return [frame if isinstance(frame, Bad) else encode(frame) for frame in frames]


def test_what_is_said_is_heard():
    assert fed(b"".join(map(encode, SAID))) == [encode(message) for message in SAID]


@given(STREAMS)
def test_it_does_not_matter_how_bytes_arrive(stream):
    assert fed(stream) == fed(*(stream[i : i + 1] for i in range(len(stream))))


@given(STREAMS, st.integers(0, 999), st.integers(0, 999))
def test_nor_where_they_are_cut(stream, one, other):
    one, other = sorted((one, other))
    assert fed(stream) == fed(stream[:one], stream[one:other], stream[other:])


@given(st.binary())
def test_any_line_is_a_message_or_bad(line):
    frame = decode(line)
    assert isinstance(frame, Bad) or decode(encode(frame)[:-1]) == frame


@pytest.mark.parametrize(
    "line",
    [
        b"x", b"[]", b"1", b"null", b"{}", b'{"op":1}', b'{"op":"WHAT"}', b'{"op":"PING"}',
        b'{"op":"PING","n":"1"}', b'{"op":"PING","n":1.5}', b'{"op":"PING","n":1}x', b"\xff",
        b'{"op":"BYE","reason":"\xff"}', b'{"op":"BYE","reason":"\\ud800"}',
        # What nobody looks into has to be JSON and UTF-8 all the same.
        b'{"op":"PRESENCE","server":"a","epoch":1,"first":1,"items":[[1,2,"\xff"]]}',
        b'{"op":"PRESENCE","server":"a","epoch":1,"first":1,"items":[[1,2,{x}]]}',
        b'{"op":"PRESENCE","server":"a","epoch":1,"first":1,"items":[[1,2,' + b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_message(line):
    assert isinstance(decode(line), Bad)


def test_who_asked_is_told_which_request_was_wrong():
    frame = decode(b'{"op":"PULL","hash":"12","want":7}')
    assert isinstance(frame, Bad)
    assert frame.error.hash == "12"
    assert "want" in frame.error.message


def test_a_link_lives_with_some_nonsense():
    framer = Framer()
    frames = framer.feed(b"?\n" * (BAD_LINES_MOST - 1) + encode(Ping(1)))
    assert [frame.fatal for frame in frames if isinstance(frame, Bad)] == [False] * 19
    assert frames[-1] == Ping(1)
    [last] = framer.feed(b"?\n" + encode(Ping(2)))
    assert isinstance(last, Bad)
    assert last.fatal
    assert framer.feed(encode(Ping(3))) == []


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_line_of_the_longest_length_is_one(size, end):
    line = encode(Ping(1))[:-1].ljust(40)
    data = line + end
    chunks = [data[i : i + size] for i in range(0, len(data), size)]
    assert fed(*chunks, limit=40) == [encode(Ping(1))]
    [bad] = fed(*chunks, limit=39)
    assert bad.fatal


def test_a_line_without_end_is_not_kept():
    framer = Framer(limit=1000)
    found = [frame for _ in range(10) for frame in framer.feed(b"x" * 300)]
    assert [frame.fatal for frame in found if isinstance(frame, Bad)] == [True]


def test_newer_servers_may_say_more():
    frame = decode(b'{"op":"ACK","hash":"1","success":true,"new":[1]}')
    assert frame == Ack("1", True)
    line = b'{"op":"PRESENCE","server":"a","epoch":1,"first":1,"items":[[1,2,3,0,null,"new"]]}'
    frame = decode(line)
    assert isinstance(frame, Presence)
    assert msgspec.json.decode(frame.items[0].body) == 3


@pytest.mark.fuzz
@given(STREAMS, st.integers(0, 999), st.integers(0, 999), st.binary())
def test_framing_at_length(stream, one, other, line):
    at_length(test_it_does_not_matter_how_bytes_arrive)(stream)
    at_length(test_nor_where_they_are_cut)(stream, one, other)
    at_length(test_any_line_is_a_message_or_bad)(line)
