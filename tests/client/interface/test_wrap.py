"""Breaking text into lines: nothing is lost, and nothing is wider than the screen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tertulia.client.interface.wrap import cut, lines_of, pad, wrap

# Letters of one and of two cells, marks that have none, emoji of several characters, and spaces.
LETTERS = st.sampled_from(
    ["a", "b", " ", "  ", "é", "e\u0301", "漢", "字", "👍🏽", "👩‍👩‍👧", "ע", "ش", "🇵🇹", "\u200d"]
)
TEXTS = st.lists(LETTERS, max_size=60).map("".join)
WIDTHS = st.integers(2, 40)


@given(TEXTS, WIDTHS)
def test_no_line_is_wider(text: str, width: int) -> None:
    for start, end in wrap(text, width):
        assert cell_len(text[start:end]) <= width


@given(TEXTS, WIDTHS)
def test_nothing_but_spaces_is_lost_and_nothing_comes_twice(text: str, width: int) -> None:
    at = 0
    for start, end in wrap(text, width):
        assert at <= start <= end
        assert text[at:start].strip(" ") == ""
        at = end
    assert text[at:].strip(" ") == ""


@given(TEXTS, WIDTHS)
def test_lines_are_not_estimated_too_low_by_much(text: str, width: int) -> None:
    assert 1 <= lines_of(text, width) <= len(wrap(text, width)) + 1


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 10, [""]),
        ("one two three", 7, ["one two", "three"]),
        ("incomprehensibilities", 8, ["incompre", "hensibil", "ities"]),
        ("a incomprehensible", 8, ["a incomp", "rehensib", "le"]),
        ("漢字漢字", 5, ["漢字", "漢字"]),
        ("   ", 2, [""]),
    ],
)
def test_where_lines_break(text: str, width: int, lines: list[str]) -> None:
    assert [text[start:end] for start, end in wrap(text, width)] == lines


@given(TEXTS, st.integers(0, 30))
def test_what_is_cut_fits(text: str, width: int) -> None:
    assert cell_len(cut(text, width)) <= width


@given(TEXTS, st.integers(0, 30), st.booleans())
def test_what_is_padded_fills_its_column(text: str, width: int, right: bool) -> None:
    assert cell_len(pad(text, width, right)) == width
