"""Formatting codes and links; nothing else of a text does anything to the terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.client.interface.formats import Format, Part, bare, parts


@given(
    st.text() | st.text("\x00\x02\x03\x04\x07\x0f\x11\x16\x1b\x1d\x1e\x1f\x9b[]31m,0f\u202e\u2066")
)
def test_no_control_character_is_left(text: str) -> None:
    shown = "".join(part.text for part in parts(text))
    assert shown == bare(text)
    assert not any(ord(one) < 32 or 127 <= ord(one) < 160 for one in shown)
    assert not set(shown) & set(
        "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"
    )


def test_codes_change_what_follows() -> None:
    assert parts("a \x02b \x1dc\x0f d") == (
        Part("a "),
        Part("b ", Format(bold=True)),
        Part("c", Format(bold=True, italic=True)),
        Part(" d"),
    )


def test_colours() -> None:
    assert parts("\x0304,01red\x0312 blue\x03 plain\x0399 none") == (
        Part("red", Format(fore=4, back=1)),
        Part(" blue", Format(fore=12, back=1)),
        Part(" plain"),
        Part(" none"),
    )


def test_a_hexadecimal_colour_is_left_out() -> None:
    assert bare("\x04ff0000red\x04 plain") == "red plain"


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("see https://example.org/a.", ["https://example.org/a"]),
        ("(https://example.org/a_(b))", ["https://example.org/a_(b)"]),
        (
            "www.example.org, and http://x.y/?a=b&c#d!",
            ["https://www.example.org", "http://x.y/?a=b&c#d"],
        ),
        ("javascript:alert(1) file:///etc/passwd", []),
        ("irc://irc.example/#tea", ["irc://irc.example/#tea"]),
    ],
)
def test_links(text: str, links: list[str]) -> None:
    assert [part.format.link for part in parts(text) if part.format.link] == links


def test_nothing_is_taken_for_markup() -> None:
    assert parts("[bold]x[/bold] {y}") == (Part("[bold]x[/bold] {y}"),)
