"""The rows of a conversation: only what is seen is made, and one stays where one reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.client.interface import blocks
from tertulia.client.interface import scrollback as module
from tertulia.client.interface.blocks import Look
from tertulia.client.interface.palette import DARK
from tertulia.client.interface.scrollback import Scrollback
from tertulia.client.session.model import Buffer, BufferKind, Kind, Message
from tertulia.client.words import words_for

NOON = 1_800_014_400_000
WORDS = words_for("en")
HEIGHT = 10


def look(width: int = 60) -> Look:
    return Look(DARK, WORDS, width, 8)


def message(number: int, text: str = "", **more: Any) -> Message:
    at = NOON + number * 60_000
    return Message(number, Kind.SAY, f"n{number % 3}", text or f"text {number}", at, **more)


def scrollback(count: int, text: str = "") -> Scrollback:
    buffer = Buffer(BufferKind.CHANNEL, "#tea")
    for number in range(count):
        buffer.log.append(message(number, text))
    return Scrollback(buffer, look())


def seen(scroll: Scrollback, height: int = HEIGHT) -> list[str]:
    """Return what is in view."""
    top = scroll.settle(height)
    rows = [scroll.line(row) for row in range(top, top + height)]
    return ["".join(one.text for one in row or []).rstrip() for row in rows]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the messages that lines were made for."""
    numbers: list[int] = []
    compose: Callable[..., Any] = blocks.compose

    def counted(one: Message, *more: Any) -> Any:
        numbers.append(one.number)
        return compose(one, *more)

    monkeypatch.setattr(module, "compose", counted)
    return numbers


def test_only_what_is_seen_is_made(made: list[int]) -> None:
    scroll = scrollback(100_000)
    assert seen(scroll)[-1].endswith("text 99999")
    assert len(made) <= 3 * HEIGHT
    scroll.scrolled(50_000, HEIGHT)
    seen(scroll)
    assert len(made) <= 7 * HEIGHT


def test_what_is_new_is_seen_by_who_looks_at_the_end() -> None:
    scroll = scrollback(50)
    seen(scroll)
    scroll.buffer.log.append(message(50, "news"))
    scroll.added(scroll.buffer.messages[-1])
    assert seen(scroll)[-1].endswith("news")


def test_what_is_new_moves_nobody_who_reads_further_up() -> None:
    scroll = scrollback(50)
    seen(scroll)
    scroll.scrolled(12, HEIGHT)
    before = seen(scroll)
    scroll.buffer.log.append(message(50, "news"))
    scroll.added(scroll.buffer.messages[-1])
    assert seen(scroll) == before
    assert not scroll.is_following


@given(st.integers(1, 60), st.integers(0, 40), st.integers(1, 400))
def test_older_history_moves_nobody(older: int, row: int, length: int) -> None:
    scroll = scrollback(60)
    seen(scroll)
    scroll.scrolled(row, HEIGHT)
    before = seen(scroll)
    page = [message(number - older, "x " * length) for number in range(older)]
    scroll.buffer.log.prepend(page)
    scroll.prepended(page)
    # What stood first had the day above it, and may be grouped with what is before it now.
    assert [line[8:] for line in seen(scroll)][2:] == [line[8:] for line in before][2:]


@given(st.lists(st.integers(1, 300), min_size=1, max_size=40), st.integers(20, 120))
def test_what_is_settled_fills_the_screen(lengths: list[int], width: int) -> None:
    buffer = Buffer(BufferKind.CHANNEL, "#tea")
    for number, length in enumerate(lengths):
        buffer.log.append(message(number, "word " * length))
    scroll = Scrollback(buffer, look(width))
    top = scroll.settle(HEIGHT)
    rows = [scroll.line(row) for row in range(top, min(scroll.rows, top + HEIGHT))]
    assert all(row is not None for row in rows)
    assert len(rows) == min(HEIGHT, scroll.rows)


def test_another_width_keeps_the_message_one_reads() -> None:
    scroll = scrollback(200, "many words " * 12)
    seen(scroll)
    scroll.scrolled(300, HEIGHT)
    seen(scroll)
    reading = scroll.items[scroll.first_seen].number
    scroll.fit(look(40))
    seen(scroll)
    assert scroll.items[scroll.first_seen].number == reading


def test_a_found_message_is_in_the_middle() -> None:
    scroll = scrollback(500)
    seen(scroll)
    assert scroll.show(250, HEIGHT)
    assert any(line.endswith("text 250") for line in seen(scroll)[3:7])
    assert not scroll.show(9999, HEIGHT)


def test_the_line_of_what_was_read_is_in_one_place() -> None:
    scroll = scrollback(8)
    scroll.mark_new(5)
    assert [" new " in line for line in seen(scroll, 20)].count(True) == 1
    scroll.mark_new(7)
    lines = seen(scroll, 20)
    assert " new " in lines[-1 - next(i for i, line in enumerate(lines[::-1]) if " new " in line)]
    assert [" new " in line for line in lines].count(True) == 1


def test_pending_messages_stay_behind_all_others() -> None:
    scroll = scrollback(3)
    scroll.buffer.pending.append(message(100, "mine", own=True))
    scroll.pending_added(scroll.buffer.pending[0])
    scroll.buffer.log.append(message(3, "theirs"))
    scroll.added(scroll.buffer.messages[-1])
    assert [line.split()[-1] for line in seen(scroll, 6) if line][-2:] == ["theirs", "mine"]
    scroll.pending_removed(scroll.buffer.pending.pop())
    assert not any("mine" in line for line in seen(scroll, 6))
