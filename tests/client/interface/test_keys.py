"""Keys: where they go, and what they do to what is typed."""

from __future__ import annotations

from typing import Any

import pytest
from textual import events
from textual._xterm_parser import XTermParser

from tertulia.client.interface.keys import KEYS
from tertulia.client.interface.terminal import know_alt_keys
from tertulia.client.session import intents as i
from tests.client.interface.stage import Stage, played, screen, settled


def staged(**more: Any) -> Stage:
    """A stage in three channels."""
    stage = Stage(**more)
    stage.come()
    for channel in ("#tea", "#wine", "#water"):
        stage.enter(channel, "@bia", "bruno", "caio")
    stage.look_at("#tea")
    return stage


def current(stage: Stage) -> str:
    return stage.app.desk.current.name


async def press(pilot: Any, *keys: str) -> None:
    await pilot.press(*keys)
    await settled(pilot)


async def test_numbers_and_arrows_go_to_channels() -> None:
    stage = staged()
    async with played(stage) as pilot:
        await press(pilot, "alt+4")
        assert current(stage) == "#water"
        await press(pilot, "alt+up")
        assert current(stage) == "#wine"
        await press(pilot, "alt+down", "alt+down")
        assert current(stage) == stage.session.model.server.name
        await press(pilot, "alt+slash")
        assert current(stage) == "#water"


async def test_the_next_active_is_where_one_is_meant() -> None:
    stage = staged()
    async with played(stage) as pilot:
        stage.say("bia", "#wine", "nothing much")
        stage.say("bia", "#water", "ana: look")
        await press(pilot, "alt+a")
        assert current(stage) == "#water"
        await press(pilot, "alt+a")
        assert current(stage) == "#wine"


async def test_what_was_being_typed_stays_where_it_was() -> None:
    stage = staged()
    async with played(stage) as pilot:
        await press(pilot, *"abc", "alt+3")
        assert stage.app.chat.prompt.value == ""
        await press(pilot, *"d", "alt+2")
        assert stage.app.chat.prompt.value == "abc"


async def test_keys_act_in_the_order_of_typing() -> None:
    stage = staged()
    async with played(stage) as pilot:
        # All of it is there before anything is done about the first.
        for character in "one\rtwo\r3three\r":
            key = {"\r": "enter", "3": "alt+3"}.get(character, character)
            stage.app.post_message(events.Key(key, character if len(key) == 1 else None))
        await settled(pilot)
        said = stage.wishes(i.Say)
    assert said == [i.Say("#tea", "one"), i.Say("#tea", "two"), i.Say("#wine", "three")]


async def test_lines_of_before() -> None:
    stage = staged()
    async with played(stage) as pilot:
        await press(pilot, *"one", "enter", *"two", "enter", *"dra", "up")
        assert stage.app.chat.prompt.value == "two"
        await press(pilot, "up")
        assert stage.app.chat.prompt.value == "one"
        await press(pilot, "down", "down")
        assert stage.app.chat.prompt.value == "dra"


async def test_tab_completes_and_goes_on() -> None:
    stage = staged()
    async with played(stage) as pilot:
        await press(pilot, "b", "tab")
        assert stage.app.chat.prompt.value == "bia: "
        await press(pilot, "tab")
        assert stage.app.chat.prompt.value == "bruno: "
        await press(pilot, "shift+tab")
        assert stage.app.chat.prompt.value == "bia: "
        await press(pilot, "ctrl+u", *"/jo", "tab")
        assert stage.app.chat.prompt.value == "/join "
        await press(pilot, *"#wa", "tab")
        assert stage.app.chat.prompt.value == "/join #water "


async def test_keys_of_readline() -> None:
    stage = staged()
    async with played(stage) as pilot:
        prompt = stage.app.chat.prompt
        await press(pilot, *"one", "space", *"two", "space", *"three", "ctrl+w")
        assert prompt.value == "one two "
        await press(pilot, "ctrl+y")
        assert prompt.value == "one two three"
        await press(pilot, "ctrl+a", "alt+d")
        assert prompt.value.lstrip() == "two three"
        await press(pilot, "ctrl+e", "ctrl+u")
        assert prompt.value == ""
        await press(pilot, *"ab", "ctrl+t", "ctrl+b", "ctrl+d")
        assert prompt.value == "b"
        await press(pilot, "ctrl+c")
        assert prompt.value == ""


async def test_lists_are_shown_and_hidden() -> None:
    stage = staged()
    async with played(stage) as pilot:
        await press(pilot, "f7")
        assert not any("Channels" in line for line in await screen(pilot))
        await press(pilot, "f8")
        assert not any("Admins" in line for line in await screen(pilot))
        await press(pilot, "f7", "f8")
        assert any("Channels" in line and "Admins" not in line for line in await screen(pilot))


async def test_scrolling_and_back() -> None:
    stage = staged()
    for number in range(80):
        stage.say("bia", "#tea", f"line {number}", number + 2)
    async with played(stage) as pilot:
        assert any("line 79" in line for line in await screen(pilot))
        await press(pilot, "pageup")
        lines = await screen(pilot)
        assert not any("line 79" in line for line in lines)
        assert "latest: Ctrl+End" in lines[-2]
        stage.say("bia", "#tea", "news", 90)
        after = await screen(pilot)
        # Behind it is the scrollbar.
        assert [line[17:60].rstrip() for line in after[1:-2]] == [
            line[17:60].rstrip() for line in lines[1:-2]
        ]
        await press(pilot, "ctrl+end")
        assert any("news" in line for line in await screen(pilot))


async def test_several_lines_are_asked_about() -> None:
    stage = staged()
    async with played(stage) as pilot:
        stage.app.post_message(events.Paste("one\ntwo\nthree\n"))
        await settled(pilot)
        assert any("Send 3 lines?" in line for line in await screen(pilot))
        await press(pilot, "escape")
        assert not stage.wishes(i.Say)
        stage.app.post_message(events.Paste("one\ntwo\n"))
        await settled(pilot)
        await press(pilot, "j")
        assert stage.app.chat.prompt.value == "one two"
        await press(pilot, "ctrl+u")
        stage.app.post_message(events.Paste("/one\ntwo\n"))
        await settled(pilot)
        await press(pilot, "enter")
        assert stage.wishes(i.Say) == [i.Say("#tea", "/one\ntwo")]


async def test_one_line_is_pasted_without_a_question() -> None:
    stage = staged()
    async with played(stage) as pilot:
        stage.app.post_message(events.Paste("a\tb\n"))
        await settled(pilot)
        assert stage.app.chat.prompt.value == "a b"


@pytest.mark.parametrize(
    ("written", "key"),
    [("\x1b1", "alt+1"), ("\x1b9", "alt+9"), ("\x1ba", "alt+a"), ("\x1b/", "alt+slash")],
)
def test_alt_is_known_at_once(written: str, key: str) -> None:
    know_alt_keys()
    found = [one.key for one in XTermParser().feed(f"{written}x") if isinstance(one, events.Key)]
    assert found == [key, "x"]


def test_no_key_is_there_twice() -> None:
    keys = [key for one in KEYS for key in one.keys.split(",")]
    assert len(keys) == len(set(keys))
