"""What the screen looks like as a whole, in terminals of several sizes, letter by letter.

Where it is meant to look otherwise: ``UPDATE_SNAPSHOTS=1 pytest tests/client/interface``, and look
at what has changed in ``snapshots``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from tests.client.interface import scene
from tests.client.interface.stage import Stage, played, screen, settled

FOLDER = Path(__file__).with_name("snapshots")
SIZES = [(80, 24), (40, 12), (200, 60)]


def compare(name: str, lines: list[str]) -> None:
    """Compare *lines* with what they were."""
    path, text = FOLDER / f"{name}.txt", "\n".join(lines) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        FOLDER.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


async def shown(pilot: Any, *keys: str) -> list[str]:
    for key in keys:
        await pilot.press(key)
        await settled(pilot)
    return await screen(pilot)


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_a_channel(width: int, height: int) -> None:
    stage = Stage()
    scene.build(stage)
    async with played(stage, width, height) as pilot:
        scene.speak(stage)
        lines = await shown(pilot)
        compare(f"channel-{width}x{height}", lines)
        assert all(cell_len(line) <= width for line in lines)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 12)])
async def test_help(width: int, height: int) -> None:
    stage = Stage(language="pt_BR")
    scene.build(stage)
    async with played(stage, width, height) as pilot:
        compare(f"help-{width}x{height}", await shown(pilot, "f1"))


async def test_a_direct_message() -> None:
    stage = Stage(language="pt_BR")
    scene.build(stage)
    async with played(stage) as pilot:
        await shown(pilot, "alt+a", "alt+a")
        stage.look_at("dora")
        await pilot.press(*"claro", "enter")
        await settled(pilot)
        tags = f"label={stage.label('PRIVMSG')};time=2027-01-15T08:13:00.000Z;msgid=m1"
        stage.says(f"@{tags} :ana!u@host PRIVMSG dora :claro")
        stage.says("@+tertulia/seen=m1 :dora!u@host TAGMSG ana")
        compare("direct-message", await shown(pilot))


async def test_a_lost_connection() -> None:
    stage = Stage()
    scene.build(stage)
    async with played(stage) as pilot:
        stage.session.lost("connection reset")
        scene.speak(stage)
        compare("lost", await shown(pilot))


async def test_going_somewhere() -> None:
    stage = Stage()
    scene.build(stage)
    async with played(stage) as pilot:
        compare("switcher", await shown(pilot, "ctrl+k", "i"))


async def test_no_colour_is_used_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stage = Stage()
    scene.build(stage)
    async with played(stage) as pilot:
        await settled(pilot)
        for strip in stage.app.screen._compositor.render_strips():
            for segment in strip:
                colours = (segment.style.color, segment.style.bgcolor) if segment.style else ()
                assert all(one is None or one.is_default for one in colours), segment
