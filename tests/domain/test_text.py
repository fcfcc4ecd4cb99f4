import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.domain.errors import EmptyText, InvalidText
from tertulia.domain.text import (
    TEXT_BYTES,
    cut,
    message_text,
    neutral,
    pieces,
    short_text,
    unformatted,
)

FORMATTING = "\x02\x03\x04\x0f\x11\x16\x1d\x1e\x1f"
ODD = st.sampled_from("\0\r\n\t\x01\x07\x1b\x7f\x85\u2028\u2029\ufeff \u0301\ud800" + FORMATTING)
ANYTHING = st.text(max_size=100) | st.text(ODD | st.characters(), max_size=30)
VALID = st.text(st.characters(exclude_categories=["Cs"]), max_size=100)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("hello", "hello"),
        ("a\r\nb", "a  b"),
        ("a\tb\vc\fd", "a b c d"),
        ("a\0b\x01\x07\x1b\x7fc", "abc"),
        ("a\x85b\u2028c\u2029d", "a b c d"),
        ("e\u0301", "é"),
        ("e\x00\u0301", "é"),
        ("\x02b\x02 \x0304,05red\x0f", "\x02b\x02 \x0304,05red\x0f"),
        ("👩\u200d🚀", "👩\u200d🚀"),
    ],
)
def test_message_text(raw, text):
    assert message_text(raw) == text


@pytest.mark.parametrize("raw", ["", " ", "\r\n", "\0\0", "\u2028"])
def test_nothing_is_no_text(raw):
    with pytest.raises(EmptyText):
        message_text(raw)


def test_the_longest_text():
    for c in "aé€😀":
        longest = c * (TEXT_BYTES // len(c.encode()))
        assert message_text(longest) == longest
        with pytest.raises(InvalidText):
            message_text(longest + c)


def test_a_lone_surrogate_is_no_text():
    for make in (message_text, neutral, lambda raw: short_text(raw, 10)):
        with pytest.raises(InvalidText):
            make("a\ud800")


def test_short_text_may_be_empty():
    assert short_text("", 10) == ""
    assert short_text("€€€€", 10) == "€€€"


def check_text(raw):
    try:
        text = message_text(raw)
    except InvalidText:
        return
    assert not any(
        unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text if c not in FORMATTING
    )
    assert 0 < len(text.encode()) <= TEXT_BYTES
    assert message_text(text) == text
    assert short_text(text, TEXT_BYTES) == text


@given(ANYTHING)
def test_text_can_be_mistaken_for_nothing_else(raw):
    check_text(raw)


@given(VALID, st.integers(0, 60))
def test_cut_is_the_longest_beginning_that_fits(text, limit):
    head = cut(text, limit)
    assert text.startswith(head)
    assert len(head.encode()) <= limit
    assert head == text or len(text[: len(head) + 1].encode()) > limit


@given(VALID, st.integers(4, 60))
def test_pieces_are_the_text(text, limit):
    parts = pieces(text, limit)
    assert "".join(parts) == text
    assert all(0 < len(part.encode()) <= limit for part in parts)


def test_pieces_end_at_spaces():
    assert pieces("one two three four", 10) == ["one two ", "three four"]
    assert pieces("a bbbbbbbbbbbbbbb", 10) == ["a bbbbbbbb", "bbbbbbb"]
    assert pieces("", 10) == []


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("\x02bold\x02", "bold"),
        ("\x0304red\x03", "red"),
        ("\x0304,05red", "red"),
        ("\x034,x", ",x"),
        ("\x03123", "3"),
        ("\x04ff0000,00FF00x\x04y", "xy"),
        ("plain 04", "plain 04"),
    ],
)
def test_unformatted(text, plain):
    assert unformatted(text) == plain


@pytest.mark.fuzz
@given(st.text())
def test_text_can_be_mistaken_for_nothing_else_long(raw):
    check_text(raw)
