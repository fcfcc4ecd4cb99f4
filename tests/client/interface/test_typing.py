"""What helps while typing: names from a few letters, what was typed before, the call to look."""

from __future__ import annotations

import pytest

from tertulia.client.interface.completion import Completion
from tertulia.client.interface.fuzzy import score
from tertulia.client.interface.recall import Recall
from tertulia.client.interface.ring import sequence


def completion(*found: str) -> Completion:
    return Completion(lambda text, cursor: list(found))


def test_tab_goes_through_what_there_is_and_around() -> None:
    tab = completion("ana: ", "antero: ")
    assert tab.press("an", 2) == ("ana: ", 5)
    assert tab.press("ana: ", 5) == ("antero: ", 8)
    assert tab.press("antero: ", 8) == ("ana: ", 5)
    assert tab.press("ana: ", 5, -1) == ("antero: ", 8)


def test_tab_in_the_middle_keeps_what_stands_behind() -> None:
    assert completion("antero").press("olá an, tudo bem", 6) == ("olá antero, tudo bem", 10)


def test_tab_begins_anew_where_something_else_was_typed() -> None:
    tab = completion("ana: ")
    tab.press("an", 2)
    assert tab.press("ana: b", 6) == ("ana: ana: ", 10)


def test_tab_without_anything_changes_nothing() -> None:
    assert completion().press("xy", 2) == ("xy", 2)


@pytest.mark.parametrize(
    ("wanted", "better", "worse"),
    [
        ("te", "#tea", "#latest"),
        ("tea", "#latest-tea", "#theatre"),
        ("lt", "#lt", "#latest"),
    ],
)
def test_what_is_found_first(wanted: str, better: str, worse: str) -> None:
    first, second = score(wanted, better), score(wanted, worse)
    assert first is not None
    assert second is not None
    assert first < second


def test_what_has_other_letters_is_not_found() -> None:
    assert score("xyz", "#tea") is None


def test_the_draft_is_behind_the_last_line() -> None:
    recall = Recall()
    for line in ("one", "two", "two"):
        recall.keep(line)
    assert [recall.back("draft"), recall.back(""), recall.back("")] == ["two", "one", "one"]
    assert [recall.forth("one"), recall.forth("two"), recall.forth("draft")] == [
        "two",
        "draft",
        "draft",
    ]


def test_ways_to_call() -> None:
    assert sequence("off", "ana", "oi", {}) == ""
    assert sequence("bell", "ana", "oi", {}) == "\a"
    assert sequence("osc", "ana", "oi", {"TERM": "xterm-256color"}) == "\x1b]9;ana: oi\a"
    assert sequence("osc", "a;b", "c", {"TERM": "rxvt"}) == "\x1b]777;notify;a,b;c\a"
    wrapped = sequence("osc", "ana", "oi", {"TERM": "tmux-256color", "TMUX": "x"})
    assert wrapped == "\x1bPtmux;\x1b\x1b]9;ana: oi\a\x1b\\"


def test_nothing_ends_a_notification_early() -> None:
    assert sequence("osc", "a\a\x1b]0;b", "c\x9c\x1b\\d", {}) == "\x1b]9;a]0;b: c\\d\a"
