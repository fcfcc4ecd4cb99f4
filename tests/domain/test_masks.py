import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tertulia.domain.masks import matches, normal_mask
from tertulia.domain.names import fold_name


def reference(mask: str, text: str) -> bool:
    """Dynamic programming over (how much of the text), one row a character of the mask."""
    row = [True] + [False] * len(text)
    for m in mask:
        if m == "*":
            above, row = row, [False] * len(row)
            for i in range(len(row)):
                row[i] = any(above[: i + 1])
        else:
            row = [False] + [row[i] and (m == "?" or m == text[i]) for i in range(len(text))]
    return row[-1]


@given(st.text("ab*?", max_size=12), st.text("abAB\n", max_size=12))
@example("*a*", "")
@example("**", "x")
@example("?*?", "a")
def test_matching_is_what_the_reference_says(mask, text):
    assert matches(mask, text) == reference(fold_name(mask), fold_name(text))


@given(st.text(max_size=8), st.text(max_size=8))
def test_any_mask_and_text_have_an_answer(mask, text):
    assert matches(mask, text) == reference(fold_name(mask), fold_name(text))
    assert matches("*", text)
    assert matches(mask, re.sub(r"[*?]", "x", mask))


@pytest.mark.parametrize(
    "mask",
    [
        "*a" * 100 + "b",
        "*?" * 100 + "b",
        "a*" * 100 + "b",
        "*" * 200 + "b",
        "?*" * 60 + "*?" * 60 + "b",
        "*" + "a?" * 90 + "b*",
        "*aaaaaaaaaab" * 16,
    ],
)
def test_no_mask_takes_long(mask):
    """Backtracking over all stars would not end in the lifetime of the reader."""
    assert not matches(mask, "a" * 2_000 + "c")
    assert not matches(mask, "a" * 2_000 + "!" * 2_000 + "c")


def test_matching_ignores_case_but_not_punctuation():
    assert matches("ANA!*@*.Example", "ana!u@host.example")
    assert matches("Ł*", "łukasz")
    assert not matches("a.c", "abc")
    assert not matches("[ab]", "a")
    assert not matches("ana", "anab")


def test_other_widths_of_star_are_no_star():
    assert not matches("＊", "ana")


@pytest.mark.parametrize(
    ("raw", "mask"),
    [
        ("ana", "ana!*@*"),
        ("", "*!*@*"),
        ("ana!u", "ana!u@*"),
        ("u@h", "*!u@h"),
        ("@h", "*!*@h"),
        ("a!b@c", "a!b@c"),
        ("a!@", "a!*@*"),
        ("!b@c", "*!b@c"),
        ("a@b!c", "a@b!c@*"),
    ],
)
def test_normal_mask(raw, mask):
    assert normal_mask(raw) == mask


@given(st.text("ab!@*", max_size=8))
def test_a_normal_mask_stays(raw):
    assert normal_mask(normal_mask(raw)) == normal_mask(raw)


@pytest.mark.fuzz
@given(st.text("abc*?", max_size=40), st.text("abc", max_size=60))
def test_matching_is_what_the_reference_says_long(mask, text):
    assert matches(mask, text) == reference(mask, text)
