"""The mouse: what is clicked on, scrolled and selected."""

from __future__ import annotations

from textual import events

from tests.client.interface.stage import Stage, played, screen, settled


def staged() -> Stage:
    stage = Stage()
    stage.come()
    for channel in ("#wine", "#tea"):
        stage.enter(channel, "@bia", "caio")
    for number in range(60):
        stage.say("bia", "#tea", f"line {number}", number + 2)
    return stage


async def test_a_click_goes_to_a_channel_or_somebody() -> None:
    stage = staged()
    async with played(stage) as pilot:
        lines = await screen(pilot)
        row = next(number for number, line in enumerate(lines) if line.startswith(" 3 #tea"))
        await pilot.click(offset=(5, row))
        await settled(pilot)
        assert stage.app.desk.current.name == "#tea"
        lines = await screen(pilot)
        row = next(number for number, line in enumerate(lines) if line.endswith(" caio"))
        await pilot.click(offset=(68, row))
        await settled(pilot)
        assert stage.app.desk.current.name == "caio"


async def test_the_wheel_scrolls_and_typing_goes_on() -> None:
    stage = staged()
    stage.look_at("#tea")
    async with played(stage) as pilot:
        conversation = stage.app.chat.conversation
        for _ in range(10):
            conversation.post_message(
                events.MouseScrollUp(conversation, 30, 10, 0, 0, 0, False, False, False)
            )
        await settled(pilot)
        assert not any("line 59" in line for line in await screen(pilot))
        await pilot.press("x")
        assert stage.app.chat.prompt.value == "x"


async def test_what_is_selected_is_copied() -> None:
    stage = staged()
    stage.look_at("#tea")
    async with played(stage) as pilot:
        lines = await screen(pilot)
        row = next(number for number, line in enumerate(lines) if "line 50" in line)
        await pilot.mouse_down(offset=(33, row))
        await pilot.hover(offset=(40, row))
        await pilot.mouse_up(offset=(40, row))
        await settled(pilot)
        await pilot.press("ctrl+c")
        await settled(pilot)
        assert "line 50".startswith(stage.app.clipboard)
        assert len(stage.app.clipboard) >= 4
