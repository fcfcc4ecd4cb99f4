"""Tables: aligned whatever is in them, and nothing in them does anything to a terminal."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.cli.tables import duration, moment, shown, size, table, width, yes_no


def test_columns_are_aligned():
    assert table(["NICK", "AWAY", "TOPIC"], [["ana", "", "a b"], ["bernardo", "lunch", ""]]) == (
        "NICK      AWAY   TOPIC\nana       -      a b\nbernardo  lunch  -"
    )


def test_only_a_heading():
    assert table(["NICK", "AWAY"], []) == "NICK  AWAY"


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("ana", 3),
        ("茶", 2),
        ("ｆｏｏ", 6),
        ("한국", 4),
        ("é", 1),
        ("e\u0301", 1),
        ("Ж", 1),
        ("a\u200db", 2),
        ("", 0),
    ],
)
def test_width(text, columns):
    assert width(text) == columns


def test_wide_characters_are_counted():
    rows = table(["CHANNEL", "USERS"], [["#茶の間", "1"], ["#tea", "2"]]).splitlines()
    assert rows == ["CHANNEL  USERS", "#茶の間  1", "#tea     2"]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a\x1b[31mb", "a[31mb"),
        ("a\nb\r\nc", "a b  c"),
        ("\x02bold\x02 \x0304red", "bold red"),
        ("\x9b31m", "31m"),
        ("a\u202eb\u2066c\u2069", "abc"),
        ("\u202a", "-"),
        ("\x07", "-"),
        ("", "-"),
    ],
)
def test_what_a_terminal_would_obey_is_taken_out(text, seen):
    assert shown(text) == seen


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=5))
def test_a_row_is_a_line(rows):
    rows = [[cell.encode(errors="ignore").decode() for cell in row] for row in rows]
    lines = table(["A", "B"], rows).split("\n")
    assert len(lines) == 1 + len(rows)
    assert all(c.isprintable() or c >= "\xa0" for line in lines for c in line)


def test_a_moment_is_local(monkeypatch):
    assert moment(None) == ""
    time = datetime(2026, 11, 20, 12, 0, 59, tzinfo=UTC)
    assert moment(time) == f"{time.astimezone():%Y-%m-%d %H:%M}"


def test_yes_no():
    assert [yes_no(True), yes_no(False)] == ["yes", "no"]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (1536 * 1024, "1.5 MiB"),
        (5 << 30, "5.0 GiB"),
        (5 << 40, "5.0 TiB"),
        (5 << 50, "5120.0 TiB"),
    ],
)
def test_size(count, text):
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.9, "59 s"),
        (60, "1 min 0 s"),
        (3600, "1 h 0 min"),
        (86400 * 3 + 3600 * 5 + 59, "3 d 5 h"),
    ],
)
def test_duration(seconds, text):
    assert duration(seconds) == text
