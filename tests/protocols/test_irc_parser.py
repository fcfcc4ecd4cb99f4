"""Whatever comes over the wire, whole or in pieces, becomes lines, or the parser's own error."""

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.protocols.irc.parser import (
    LINE_BYTES,
    TAG_BYTES,
    Line,
    LineBuffer,
    LineError,
    LineNotUtf8,
    LineTooLong,
    format_tags,
    parse,
    parse_tags,
)

FUZZ = settings.get_profile("fuzz")

_SHORT = (
    *(b"PRIVMSG", b"#tea", b" ", b" :", b":", b"@", b"=", b";", b"\\", b"\\s", b"\r", b"\0", b"\n"),
    *(b"\r\n", b"a", b"\xc3\xb1", b"\xc3", b"\xff", b"\xe2\x80\xa8", b"@a=b;c "),
)
_LONG = (b"x" * 100, b"x" * 505, b"y" * 4090, b"z" * 5000, b"\r" * 600, b"\r" * 4700)
_pieces = st.sampled_from((*_SHORT, *_LONG))
STREAMS = st.one_of(st.lists(_pieces, max_size=30).map(b"".join), st.binary(max_size=200))
"""What a client might send, hostile ones included."""

_tag_keys = st.from_regex(r"\+?[a-z]([a-z0-9./-]{0,10})", fullmatch=True)
_tag_values = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def outcome(raw: bytes) -> object:
    """What becomes of a line."""
    try:
        line = parse(raw)
    except LineError as error:
        return type(error)
    return None if line is None else (line.command, line.params, line.tags)


def outcomes(chunks: Iterable[bytes]) -> list[object]:
    buffer = LineBuffer()
    return [outcome(line) for chunk in chunks for line in buffer.feed(chunk)]


def in_bytes(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


def cut_at(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def check_stream(data: bytes, places: list[int]) -> None:
    """How it was cut into pieces makes no difference."""
    data += b"\n"
    whole = outcomes([data])
    assert outcomes(cut_at(data, places)) == whole
    assert outcomes(in_bytes(data)) == whole


def check_line(raw: bytes) -> None:
    """A line is understood, empty, or refused; what is understood has nothing odd in it."""
    line, command = None, "*"
    try:
        line = parse(raw.replace(b"\n", b""))
    except LineError as error:
        command = error.command
    assert command == command.upper()
    assert " " not in command
    if line is not None:
        assert line.command
        assert not set(" \r\n\0") & set(line.command)
        assert all(not set("\r\n\0") & set(param) for param in line.params)
        assert all(param and " " not in param for param in line.params[:-1])


@given(STREAMS, st.lists(st.integers(0, 10_000), max_size=8))
def test_a_stream_says_the_same_however_it_is_cut(data, places):
    check_stream(data, places)


@given(STREAMS)
def test_a_line_is_understood_or_refused(raw):
    check_line(raw)


@pytest.mark.fuzz
@settings(FUZZ, max_examples=3_000)
@given(STREAMS, st.lists(st.integers(0, 10_000), max_size=8))
def test_a_stream_says_the_same_however_it_is_cut_at_length(data, places):
    check_stream(data, places)


@pytest.mark.fuzz
@given(STREAMS)
def test_a_line_is_understood_or_refused_at_length(raw):
    check_line(raw)


@given(st.dictionaries(_tag_keys, _tag_values, max_size=5))
def test_tags_come_back_as_they_were(tags):
    written = format_tags(tags)
    assert not set(" \r\n") & set(written)
    assert parse_tags(written) == tags


@pytest.mark.parametrize(
    ("raw", "tags"),
    [
        (r"a=\:\s\\\r\n", {"a": "; \\\r\n"}),
        (r"a=b\c;d=\ ", {"a": "bc", "d": " "}),
        ("a=b\\", {"a": "b"}),
        ("a;b=;=c;;a=2", {"a": "2", "b": ""}),
        ("a=b=c", {"a": "b=c"}),
    ],
)
def test_tags_as_the_specification_has_them(raw, tags):
    assert parse_tags(raw) == tags


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"ping a", Line("PING", ["a"])),
        (b":me PRIVMSG #tea :a :b", Line("PRIVMSG", ["#tea", "a :b"])),
        (b"PRIVMSG  #tea   :", Line("PRIVMSG", ["#tea", ""])),
        (b"@a=b :me  PING a\r", Line("PING", ["a"], {"a": "b"})),
        (b"@a PING a:b", Line("PING", ["a:b"], {"a": ""})),
        (b"PRIVMSG #tea :a\rQUIT\0", Line("PRIVMSG", ["#tea", "a QUIT "])),
        (b"", None),
        (b"\r", None),
        (b"  ", None),
        (b"@a=b", None),
        (b":me", None),
    ],
)
def test_lines(raw, line):
    assert parse(raw) == line


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_a_line_may_be_so_long(end):
    longest = b"PING " + b"x" * (LINE_BYTES - len(b"PING " + end)) + end
    tags = b"@a=" + b"x" * (TAG_BYTES - len("@a= ")) + b" "
    for line in (longest, tags + longest):
        assert outcomes([line]) != [LineTooLong]
        assert outcomes([line.replace(b"PING ", b"PING x")]) == [LineTooLong]
    assert outcomes([tags.replace(b"@a=", b"@a=x") + longest]) == [LineTooLong]


def test_what_is_not_utf8_is_told_with_its_command():
    with pytest.raises(LineNotUtf8) as caught:
        parse(b"@a=b :me privmsg #tea :\xff")
    assert caught.value.command == "PRIVMSG"
    with pytest.raises(LineNotUtf8) as caught:
        parse(b"\xff")
    assert caught.value.command == "*"


@given(st.integers(LINE_BYTES, 20_000), st.sampled_from([b"x", b" ", b"\r", "é".encode()]))
def test_after_a_line_that_is_too_long_comes_a_good_one(length, filling):
    data = b"PING " + filling * length + b"x\r\nPING good\r\n"
    good = ("PING", ["good"], None)
    assert outcomes([data]) == [LineTooLong, good]
    assert outcomes(cut_at(data, [100, 5000, 7000, length])) == [LineTooLong, good]
    assert outcomes(in_bytes(data)) == [LineTooLong, good]


def test_half_a_line_for_ever_costs_no_more_than_a_line():
    buffer = LineBuffer()
    for _ in range(1_000):
        buffer.feed(b"x" * 1_000)
        assert len(buffer._rest) <= LINE_BYTES + TAG_BYTES
    assert buffer.feed(b"\nPING a\n") == [b"PING a"]
