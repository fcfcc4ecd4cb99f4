"""What numeric clients send, however it is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.protocols.numeric.parser import (
    STRICT_BYTES,
    WAITING_BYTES,
    BadFrame,
    Frame,
    Group,
    Online,
    Parser,
    Read,
    Register,
    Send,
    decode,
)

ANA, BIA, EVE = "0000412345678", "0000487654321", "0999999999999"
GROUP = "1000400000001"
NOW = "1700000000"

users = st.from_regex(r"0[0-9]{12}", fullmatch=True)
targets = st.from_regex(r"[01][0-9]{12}", fullmatch=True)
timestamps = st.from_regex(r"[0-9]{10}", fullmatch=True)
texts = st.text(st.characters(codec="utf-8", exclude_characters=" \r\n\0"), max_size=218)

fixed = st.one_of(
    st.just(Register()), st.builds(Online, users), st.builds(Read, targets, timestamps)
)
sends = st.builds(Send, users, targets, timestamps, texts)
groups = st.builds(Group, users, timestamps, st.lists(users, min_size=1, max_size=76).map(tuple))
frames = st.one_of(fixed, sends, groups)


def wire(frame: Frame) -> bytes:
    """The bytes of a frame, without padding."""
    match frame:
        case Register():
            text = "01"
        case Online(number):
            text = f"03{number}"
        case Send(source, target, timestamp, words):
            text = f"05{source}{target}{timestamp}{words}"
        case Read(author, timestamp):
            text = f"08{author}{timestamp}"
        case Group(source, timestamp, members):
            text = f"10{source}{timestamp}{''.join(members)}"
        case _:
            raise AssertionError
    return text.encode()


def heard(*chunks: bytes, parser: Parser | None = None) -> list[Frame]:
    """The frames that are found in *chunks*, behind which there is a pause."""
    parser = parser or Parser()
    found = [frame for chunk in chunks for frame in parser.feed(chunk)]
    return found + (parser.silence() if parser.is_incomplete else [])


def kinds(found: list[Frame]) -> list[str]:
    return [type(frame).__name__ for frame in found]


def send(text: str) -> Send:
    return Send(ANA, BIA, NOW, text)


# Whole, glued, and in parts


@given(frames)
def test_a_frame_is_understood_whole_and_byte_by_byte(frame):
    data = wire(frame)
    assert heard(data) == [frame]
    assert heard(*(data[i : i + 1] for i in range(len(data)))) == [frame]


@given(fixed)
def test_a_frame_of_fixed_width_needs_no_pause(frame):
    assert Parser().feed(wire(frame)) == [frame]


@pytest.mark.parametrize("frame", [send("hello"), Group(ANA, NOW, (BIA,))])
def test_a_frame_without_an_end_is_ended_by_the_pause(frame):
    parser = Parser()
    assert parser.feed(wire(frame)) == []
    assert parser.is_incomplete
    assert parser.silence() == [frame]
    assert not parser.is_incomplete


@given(st.lists(fixed, max_size=8), st.one_of(st.none(), sends, groups), st.data())
def test_frames_may_be_glued_if_only_the_last_has_no_end(several, last, data):
    wanted = [*several, *([] if last is None else [last])]
    stream = b"".join(map(wire, wanted))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert heard(*chunks) == wanted


@given(frames, st.sampled_from([b" ", b"\0", b"\r\n", b" " * 300]))
def test_padding_is_dropped(frame, padding):
    parser = Parser()
    heard(b"01", parser=parser)
    assert heard(wire(frame) + padding, parser=parser) == [frame]
    assert heard(padding + wire(frame), parser=parser) == [frame]


def test_spaces_before_a_text_are_part_of_it():
    assert heard(wire(send("  * a"))) == [send("  * a")]


def test_218_characters_may_be_872_bytes():
    for character in "aé€🕯":
        assert heard(wire(send(character * 218))) == [send(character * 218)]
        assert heard(wire(send(character * 219))) == [BadFrame("too long")]


@given(sends, fixed)
def test_a_text_that_ends_like_a_frame_stays_text(said, frame):
    text = (said.text + wire(frame).decode())[-218:]
    assert heard(wire(send(text))) == [send(text)]


@given(groups, st.one_of(fixed, groups))
def test_what_is_glued_to_a_group_never_makes_another_group(group, frame):
    assert kinds(heard(wire(group) + wire(frame))) == ["BadFrame"]


# Strict clients


def padded(frame: Frame) -> bytes:
    return wire(frame).ljust(STRICT_BYTES)


ascii_sends = st.builds(
    Send, users, targets, timestamps, st.text("abc 0123456789é", max_size=100).map(str.rstrip)
)


@given(st.lists(ascii_sends, min_size=2, max_size=6))
def test_frames_of_256_bytes_may_be_glued(several):
    parser = Parser()
    assert heard(b"".join(map(padded, several)), parser=parser) == several
    assert parser.is_strict


@given(st.lists(st.one_of(ascii_sends, fixed), min_size=1, max_size=6), st.data())
def test_who_is_known_to_pad_is_understood_without_a_pause(several, data):
    parser = Parser()
    heard(padded(send("hello")), parser=parser)
    assert parser.is_strict
    stream = b"".join(map(padded, several))
    cut = data.draw(st.integers(0, len(stream)))
    found = parser.feed(stream[:cut]) + parser.feed(stream[cut:])
    assert found == several
    assert not parser.is_incomplete


def test_a_frame_of_256_bytes_may_come_in_several_segments():
    stream = padded(send("one")) + padded(send("two"))
    assert heard(stream[:100], stream[100:300], stream[300:]) == [send("one"), send("two")]


@pytest.mark.parametrize("text", ["é" * 218, "é" * 130, "🕯" * 100, "a" + "é" * 200])
def test_who_pads_may_say_what_is_longer(text):
    parser = Parser()
    heard(padded(send("hello")), parser=parser)
    assert heard(wire(send(text)), parser=parser) == [send(text)]
    # What comes behind the pause is understood, too.
    assert parser.feed(padded(send("again"))) == [send("again")]


def test_a_full_text_alone_does_not_show_that_a_client_pads():
    parser = Parser()
    assert len(wire(send("a" * 218))) == STRICT_BYTES
    assert heard(wire(send("a" * 218)), parser=parser) == [send("a" * 218)]
    assert heard(wire(send("a" * 217)) + b" ", parser=parser) == [send("a" * 217)]
    assert not parser.is_strict
    assert parser.feed(wire(send("b" * 218))) == []
    assert parser.silence() == [send("b" * 218)]


@pytest.mark.parametrize("first", [Register(), Online(ANA), Read(BIA, NOW)])
def test_any_padded_frame_shows_that_a_client_pads(first):
    parser = Parser()
    assert parser.feed(padded(first)) == [first]
    assert parser.is_strict
    group = Group(ANA, NOW, (BIA, EVE))
    stream = padded(group) + padded(send("hello")) + padded(Online(BIA))
    assert parser.feed(stream) == [group, send("hello"), Online(BIA)]
    large = Group(ANA, NOW, (BIA,) * 18)
    assert heard(wire(large).ljust(2 * STRICT_BYTES), parser=parser) == [large]


def test_who_pads_need_not_always():
    parser = Parser()
    heard(padded(send("hello")), parser=parser)
    assert heard(wire(send("short")), parser=parser) == [send("short")]
    assert heard(wire(Group(ANA, NOW, (BIA,))), parser=parser) == [Group(ANA, NOW, (BIA,))]


# What cannot be understood


@pytest.mark.parametrize(
    "data",
    [
        b"0",
        b"3",
        b"00",
        b"02" + ANA.encode(),
        b"04",
        b"99",
        b"GET / HTTP/1.1",
        b"03",
        b"03" + ANA.encode()[:12],
        b"03" + GROUP.encode(),
        b"03000041234567x",
        b"030000412345\xc2\xb2",
        b"05",
        b"05" + (ANA + BIA + NOW[:9]).encode(),
        b"05" + (GROUP + BIA + NOW).encode() + b"x",
        b"05" + (ANA + "2000000000000" + NOW).encode() + b"x",
        b"05" + (ANA + BIA + "17000000-1").encode() + b"x",
        wire(send("")) + b"\xff",
        wire(send("ol\xe1")) [:-2] + b"\xe1",
        wire(send("x" * 219)),
        b"08" + (ANA + NOW[:9]).encode(),
        b"08" + ("2000000000000" + NOW).encode(),
        b"10" + (ANA + NOW).encode(),
        b"10" + (ANA + NOW + BIA[:12]).encode(),
        b"10" + (ANA + NOW + GROUP).encode(),
        b"10" + (ANA + NOW + BIA + "0").encode(),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_bad_frame_and_the_next_is_understood(data):
    parser = Parser()
    assert kinds(heard(data, parser=parser)) == ["BadFrame"]
    assert heard(wire(Online(ANA)), parser=parser) == [Online(ANA)]
    assert heard(wire(send("hello")), parser=parser) == [send("hello")]


@pytest.mark.parametrize("data", [b"", b" ", b"\r\n", b"\0\0", b" " * 5000])
def test_padding_alone_is_nothing(data):
    assert heard(data) == []


def test_what_comes_behind_something_wrong_is_left_alone_until_the_pause():
    parser = Parser()
    assert kinds(parser.feed(b"99" + wire(Online(ANA)))) == ["BadFrame"]
    assert parser.feed(wire(Online(ANA))) == []
    assert parser.is_incomplete
    assert parser.silence() == []
    assert parser.feed(wire(Online(ANA))) == [Online(ANA)]


def test_what_has_no_end_is_bounded():
    parser = Parser()
    found = []
    for _ in range(100):
        found += parser.feed(wire(send("x" * 1000)))
        assert len(parser._buffer) <= WAITING_BYTES
    assert found == [BadFrame("too long")]
    assert parser.silence() == []
    assert heard(wire(Online(ANA)), parser=parser) == [Online(ANA)]


@given(st.lists(st.binary(max_size=300), max_size=8), st.booleans())
def test_whatever_comes_is_no_fault(chunks, begun):
    parser = Parser()
    if begun:
        parser.feed(b"01")
    for chunk in chunks:
        parser.feed(chunk)
    parser.silence()
    assert heard(wire(Online(ANA)) + b"\n", parser=parser)[-1:] == [Online(ANA)]


@given(st.binary(max_size=300))
def test_whatever_is_decoded_is_no_fault(data):
    assert decode(data) is not None


@pytest.mark.fuzz
@given(
    st.lists(st.one_of(st.binary(max_size=40), frames.map(wire), frames.map(padded)), max_size=9)
)
def test_whatever_comes_is_no_fault_long(chunks):
    parser = Parser()
    for chunk in chunks:
        parser.feed(chunk)
        assert len(parser._buffer) <= WAITING_BYTES
    parser.silence()
    assert heard(wire(Online(ANA)) + b"\n", parser=parser)[-1:] == [Online(ANA)]


# By line


@given(st.lists(frames, min_size=1, max_size=8), st.sampled_from([b"\n", b"\r\n"]), st.data())
def test_who_ends_the_first_frame_with_a_line_feed_is_read_by_line(several, end, data):
    first = Register()
    stream = b"".join(wire(frame) + end for frame in [first, *several])
    cut = data.draw(st.integers(3 + len(end), len(stream)))
    parser = Parser()
    found = parser.feed(stream[:cut]) + parser.feed(stream[cut:])
    assert parser.by_line
    assert not parser.is_incomplete
    assert found == [first, *several]


def test_a_line_may_come_in_parts_with_pauses():
    parser = Parser()
    parser.feed(b"01\n")
    assert parser.feed(wire(send("hel"))) == []
    assert not parser.is_incomplete
    assert parser.feed(b"lo\n") == [send("hello")]


def test_a_wrong_line_is_one_bad_frame():
    parser = Parser()
    parser.feed(b"01\n")
    found = parser.feed(b"hello\n\n  \n99\n" + wire(Online(ANA)) + b"\n")
    assert kinds(found) == ["BadFrame", "BadFrame", "Online"]


def test_a_line_without_end_is_bounded_and_the_next_understood():
    parser = Parser()
    parser.feed(b"01\n")
    found = parser.feed(b"x" * (WAITING_BYTES + 1))
    assert found == [BadFrame("too long")]
    assert parser.feed(b"rest of it\n" + wire(Online(ANA)) + b"\n") == [Online(ANA)]


def test_a_line_feed_in_a_later_frame_changes_nothing():
    parser = Parser()
    heard(b"01", parser=parser)
    assert heard(wire(send("a\nb")), parser=parser) == [send("a\nb")]
    assert not parser.by_line


def test_two_frames_that_come_one_by_one_within_a_pause_are_two():
    parser = Parser()
    send = b"05" + b"0" * 13 + b"1" * 13 + b"1600000000" + b"oi"
    read = b"08" + b"0" * 13 + b"1600000000"
    assert parser.feed(send) == []
    assert parser.feed(read) == [decode(send), decode(read)]
    assert parser.feed(send) == []
    assert parser.feed(send) == [decode(send)]
    assert parser.silence() == [decode(send)]
