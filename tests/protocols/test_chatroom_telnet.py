"""Telnet: its commands are taken out, its options refused once."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.protocols.chatroom.telnet import SUBNEGOTIATION_BYTES, Telnet, edited

COMMANDS = st.sampled_from(
    [
        b"\xff\xfb\x01",
        b"\xff\xfd\x03",
        b"\xff\xfc\x18",
        b"\xff\xfe\x18",
        b"\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0",
        b"\xff\xfa\x18\x00\xff\xff\xff\xf0",
        b"\xff\xf1",
        b"\xff\xf4",
        b"\xff\xf6",
    ]
)
TEXTS = st.binary(max_size=20).map(lambda raw: raw.replace(b"\xff", b""))


@given(st.lists(st.tuples(TEXTS, COMMANDS)))
def test_the_text_is_what_is_left_wherever_it_is_cut(parts):
    stream = b"".join(text + command for text, command in parts)
    whole, answers = Telnet().feed(stream)
    assert whole == b"".join(text for text, _ in parts)
    assert len(answers) <= 6
    telnet = Telnet()
    pieces = [telnet.feed(stream[i : i + 1]) for i in range(len(stream))]
    assert b"".join(text for text, _ in pieces) == whole
    assert b"".join(answer for _, answer in pieces) == answers


@given(st.binary())
def test_anything_is_survived(stream):
    telnet = Telnet()
    text, answers = telnet.feed(stream)
    assert len(text) <= len(stream)
    assert len(answers) <= 2 * len(stream)


def test_an_option_is_refused_once():
    telnet = Telnet()
    assert telnet.feed(b"\xff\xfb\x01\xff\xfd\x01") == (b"", b"\xff\xfe\x01\xff\xfc\x01")
    assert telnet.feed(b"\xff\xfb\x01\xff\xfd\x01" * 100) == (b"", b"")
    assert telnet.feed(b"\xff\xfc\x01\xff\xfe\x01") == (b"", b"")
    assert telnet.negotiated


def test_a_doubled_iac_is_a_byte():
    assert Telnet().feed(b"a\xff\xffb") == (b"a\xffb", b"")


def test_what_is_no_command_is_left_for_others_to_judge():
    telnet = Telnet()
    assert telnet.feed(b"a\xff\nb") == (b"a\xff\nb", b"")
    assert not telnet.negotiated


def test_a_subnegotiation_without_end_ends():
    telnet = Telnet()
    text, _ = telnet.feed(b"\xff\xfa\x18" + b"x" * 10 * SUBNEGOTIATION_BYTES)
    assert len(text) == 9 * SUBNEGOTIATION_BYTES
    assert telnet.feed(b"hello") == (b"hello", b"")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("abc", "abc"), ("abx\bc", "abc"), ("x\x7fabc", "abc"), ("\b\b\babc", "abc"), ("é\b\b", "")],
)
def test_a_line_is_edited_by_the_keys_that_erase(typed, meant):
    assert edited(typed) == meant


def at_length(test: Any) -> Any:
    """What a property test does with one example."""
    return test.hypothesis.inner_test


@pytest.mark.fuzz
@given(st.lists(st.tuples(TEXTS, COMMANDS)), st.binary())
def test_telnet_at_length(parts, stream):
    at_length(test_the_text_is_what_is_left_wherever_it_is_cut)(parts)
    at_length(test_anything_is_survived)(stream)
