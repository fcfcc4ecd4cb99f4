"""From bytes to lines: by their ends, or by the pause behind them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.protocols.lines import LINE_BYTES, LineNotText, Lines, LineTooLong, Writer

BITS = st.sampled_from([b"a", b"!nick x", b" ", "é".encode(), "👋".encode(), b"\0", b"\xff"])
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\n", b"\n\r"])
STREAMS = st.lists(st.one_of(BITS, ENDS, st.just(b"x" * (LINE_BYTES - 1)))).map(b"".join)


def shown(found):
    """Bad lines are equal if they are of one kind."""
    return [line if isinstance(line, str) else type(line) for line in found]


def fed(*chunks):
    lines = Lines()
    return shown([line for chunk in chunks for line in lines.feed(chunk)])


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_end_as_they_do(end):
    assert fed(b"one" + end + b"two" + end + b"thr") == ["one", "two"]
    assert fed(b"one" + end, b"tw", b"o" + end) == ["one", "two"]


@given(STREAMS)
def test_it_does_not_matter_how_lines_arrive(stream):
    assert fed(stream) == fed(*(stream[i : i + 1] for i in range(len(stream))))


@given(STREAMS, st.integers(0, 40), st.integers(0, 40))
def test_nor_where_they_are_cut(stream, one, other):
    one, other = sorted((one, other))
    assert fed(stream) == fed(stream[:one], stream[one:other], stream[other:])


def test_blank_lines_are_none():
    assert fed(b"\n\r\n \t \n\0\nx\n") == ["x"]


def test_a_pause_ends_what_never_has_an_end():
    lines = Lines()
    assert lines.feed(b"!nick ana") == []
    assert lines.is_open
    assert lines.silence() == ["!nick ana"]
    assert lines.by_line is False
    assert not lines.is_open
    assert lines.silence() == []
    assert lines.feed(b"!users") == []
    assert lines.silence() == ["!users"]


def test_who_has_ended_a_line_is_not_cut():
    lines = Lines()
    assert lines.feed(b"one\r\ntw") == ["one"]
    assert lines.by_line is True
    assert lines.crlf
    assert not lines.is_open
    assert lines.silence() == []
    assert lines.feed(b"o\n") == ["two"]


def test_an_old_client_whose_text_has_an_end_in_it_is_heard_on():
    lines = Lines()
    lines.feed(b"first")
    lines.silence()
    assert lines.feed(b"second\nthird") == ["second"]
    assert lines.by_line is False
    assert lines.silence() == ["third"]
    # Whoever was only taken for one, because of the first thing they sent, types on.
    for key in (b"h", b"i"):
        assert lines.feed(key) == []
        assert lines.silence() == []
    assert lines.feed(b"\r") == ["hi"]


def test_who_types_in_a_terminal_that_sends_each_key_is_not_cut():
    lines = Lines()
    for key in ("o", "l", "á"):
        assert lines.feed(key.encode()) == []
        assert lines.silence() == []
    assert lines.feed(b"\r") == ["olá"]
    assert lines.by_line is True


def test_one_character_of_an_old_client_goes_with_the_next():
    lines = Lines()
    lines.feed(b"k")
    assert lines.silence() == []
    lines.feed(b" indeed")
    assert lines.silence() == ["k indeed"]


def test_one_character_is_a_message_of_a_client_that_is_known_as_old():
    lines = Lines()
    lines.feed(b"first")
    assert lines.silence() == ["first"]
    lines.feed(b"k")
    assert lines.silence() == ["k"]
    lines.feed("🎉".encode())
    assert lines.silence() == ["🎉"]


def test_expected_ends_are_waited_for():
    lines = Lines()
    lines.expect_ends()
    lines.feed(b"half")
    assert lines.silence() == []
    assert lines.feed(b" and half\n") == ["half and half"]


@pytest.mark.parametrize("first", [b"", b"first", b"first\n", b"first\r\n"])
@pytest.mark.parametrize("last", [b"k", b"last words"])
def test_what_is_last_needs_no_end(first, last):
    lines = Lines()
    lines.feed(first)
    lines.silence()
    lines.feed(last)
    assert lines.eof() == [last.decode()]
    assert lines.eof() == []


def test_what_is_too_long_is_told_once_and_dropped_up_to_its_end():
    long = b"x" * (LINE_BYTES + 1)
    assert fed(b"x" * LINE_BYTES + b"\n") == ["x" * LINE_BYTES]
    assert fed(long + b"\nshort\n") == [LineTooLong, "short"]
    assert fed(long, long, b"end\nshort\n") == [LineTooLong, "short"]
    lines = Lines()
    assert shown(lines.feed(long)) == [LineTooLong]
    assert lines.is_open
    assert lines.silence() == []
    lines.feed(b"short")
    assert lines.silence() == ["short"]


@pytest.mark.parametrize("junk", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x8a"])
def test_what_is_no_utf_8_is_told(junk):
    assert fed(b"one " + junk + b" two\nthree\n") == [LineNotText, "three"]


# What goes out


@given(st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), max_size=3000))
def test_messages_for_old_clients_fit_and_say_it_all(text):
    lines = Writer(1024).write(text, "head: ").decode().split("\n")
    assert lines.pop() == ""
    assert all(len(line.encode()) < 1024 and line.startswith("head: ") for line in lines)
    assert "".join(line.removeprefix("head: ") for line in lines) == text


def test_what_goes_on_may_have_another_head():
    data = Writer(20).write("x" * 30, "ana: ", again="... ")
    assert data == b"ana: xxxxxxxxxxxxxx\n... xxxxxxxxxxxxxx\n... xx\n"


def test_others_get_one_line():
    assert Writer(None, "\r\n").write("x" * 5000, "ana: ") == b"ana: " + b"x" * 5000 + b"\r\n"


def at_length(test: Any) -> Any:
    """What a property test does with one example."""
    return test.hypothesis.inner_test


@pytest.mark.fuzz
@given(STREAMS, st.integers(0, 40), st.integers(0, 40))
def test_lines_at_length(stream, one, other):
    at_length(test_it_does_not_matter_how_lines_arrive)(stream)
    at_length(test_nor_where_they_are_cut)(stream, one, other)
