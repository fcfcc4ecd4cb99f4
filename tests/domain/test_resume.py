"""Tokens: what they say that a client has, and what of that outlasts their being sent."""

from __future__ import annotations

import base64
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.domain.ids import Hlc, at_milliseconds, msgid
from tertulia.domain.resume import KEPT_MS, TOKEN_BYTES, Token, decode_token

NOW_MS = 1_700_000_000_000
TAGS = st.integers(0, (1 << 32) - 1)
TIMES = st.integers(NOW_MS - KEPT_MS, NOW_MS).map(at_milliseconds)
HEARD = st.dictionaries(TAGS, TIMES, max_size=50)
MESSAGES = st.lists(st.builds(msgid, TIMES, TAGS), max_size=20)


@given(HEARD, MESSAGES)
def test_a_token_says_the_same_when_it_comes_back(heard, messages):
    for token in (Token(heard, NOW_MS), Token(heard, NOW_MS).with_messages(messages)):
        again = decode_token(token.encode())
        assert again is not None
        assert (again.heard, again.at) == (token.heard, token.at)
        for message in [*messages, *(msgid(hlc, tag) for tag, hlc in heard.items())]:
            assert again.covers(message) == token.covers(message)
            if message not in token.messages:
                assert again.covers_direct(message) == token.covers_direct(message)


@given(HEARD, MESSAGES, MESSAGES)
def test_messages_count_the_same_one_by_one(heard, some, others):
    token = Token(heard, NOW_MS)
    assert token.with_messages(some).with_messages(others) == token.with_messages(some + others)


@given(HEARD, MESSAGES)
def test_who_has_a_message_has_what_its_source_wrote_before_but_to_the_user_alone(heard, messages):
    token = Token(heard, NOW_MS)
    later = token.with_messages(messages)
    for message in messages:
        assert later.covers(message) and later.covers_direct(message)
    for tag in {*heard, *later.heard}:
        before = msgid(Hlc(later.since(tag) - 1), tag)
        assert later.covers(before)
        if before not in messages:
            assert later.covers_direct(before) == token.covers_direct(before)


def test_of_a_source_that_wrote_nothing_for_long_a_client_has_all_channels():
    token = Token({}, NOW_MS)
    old = msgid(at_milliseconds(NOW_MS - KEPT_MS - 1), 7)
    assert token.covers(old)
    assert not token.covers(msgid(at_milliseconds(NOW_MS - 1), 7))
    assert not token.covers_direct(old), "it may have waited for longer"


def test_long_silent_sources_are_left_out():
    silent, lively = at_milliseconds(NOW_MS - KEPT_MS - 1), at_milliseconds(NOW_MS)
    token = decode_token(Token({1: silent, 2: lively}, NOW_MS).encode())
    assert token == Token({2: lively}, NOW_MS)


def test_a_server_that_lacks_what_a_client_has_is_told_apart():
    token = Token({1: Hlc(5), 2: Hlc(6)}, NOW_MS)
    assert token.is_within({1: Hlc(5), 2: Hlc(7), 3: Hlc(1)})
    assert not token.is_within({1: Hlc(4), 2: Hlc(7)})
    assert not token.is_within({1: Hlc(5)})


def packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(zlib.compress(data)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "", "nonsense", "é", "=", "A" * (TOKEN_BYTES + 1),
        packed(b""), packed(b"\x01" + bytes(8)), packed(b"\x02" + bytes(9)),
        packed(b"\x02" + b"\xff" * 8), packed(b"\x02" + bytes(8) + bytes(20 * 4000)),
    ],
)  # fmt: skip
def test_what_is_no_token(text):
    assert decode_token(text) is None


@given(st.text())
def test_any_text_is_a_token_or_none(text):
    token = decode_token(text)
    assert token is None or decode_token(token.encode()) is not None
