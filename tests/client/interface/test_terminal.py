"""The program in a terminal, with keys as terminals send them."""

from __future__ import annotations

import asyncio
import signal

import pytest

from bench.interface import Room, Terminal, client


async def entered(terminal: Terminal) -> None:
    await terminal.until(lambda shown: "member1" in shown)


async def test_somebody_talks_and_leaves() -> None:
    room = Room()
    with client(await room.open()) as terminal:
        await entered(terminal)
        terminal.press("olá a todos\r")
        await room.say(0, 1)
        await terminal.until(lambda shown: "line-000000" in shown)
        terminal.press("\x11")  # Ctrl+Q
        assert await terminal.ended() == 0
    room.close()
    assert room.heard == ["olá a todos"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_leaves(number: signal.Signals) -> None:
    room = Room()
    with client(await room.open()) as terminal:
        await entered(terminal)
        terminal.end(number)
        assert await asyncio.wait_for(terminal.ended(), 30) == 0
    room.close()


async def test_the_terminal_is_gone() -> None:
    room = Room()
    with client(await room.open()) as terminal:
        await entered(terminal)
        terminal.hang_up()
        terminal.end(signal.SIGHUP)
        await room.say(0, 100)
        await asyncio.wait_for(terminal.ended(), 30)
    room.close()
