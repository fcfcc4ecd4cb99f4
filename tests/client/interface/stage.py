"""The interface on a stage: the session is real, its server and its clock are the test's."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from msgspec import convert
from rich.console import Console

from tertulia.client.interface.app import ChatApp
from tertulia.client.preferences import Preferences
from tertulia.client.session.intents import Intent, Quit
from tertulia.client.session.session import Session
from tertulia.client.words import words_for
from tests.client.session_kit import OURS, Table

CAPS = f"{OURS} draft/read-marker soju.im/search"


class Stage:
    """A port to a session that the test feeds, and the application on it."""

    def __init__(
        self, *, theme: str = "dark", language: str = "en", notify: str = "off", **more: Any
    ) -> None:
        self.table = Table(caps=CAPS, **more)
        self.done: list[Intent] = []
        self.trusted: list[str] = []
        self.ended = asyncio.Event()
        preferences = convert({"theme": theme, "notify": notify}, Preferences)
        self.app = ChatApp(self, words_for(language), preferences)

    @property
    def session(self) -> Session:
        return self.table.session

    def do(self, intent: Intent) -> None:
        """What the interface wants."""
        self.done.append(intent)
        self.session.do(intent)
        self._tell()
        if isinstance(intent, Quit):
            self.ended.set()

    def trust(self, address: str) -> None:
        """A certificate is right."""
        self.trusted.append(address)

    async def run(self) -> None:
        """The test says what the server says."""
        await self.ended.wait()

    def come(self) -> None:
        """Be on a server."""
        self.table.come()
        self.table.settle()
        self._tell()

    def says(self, *lines: str) -> list[str]:
        """The server says something; return what was sent since this was last asked."""
        sent = self.table.got()
        sent += self.table.says(*lines)
        self._tell()
        return sent

    def enter(self, channel: str, *others: str) -> None:
        """Be in a channel with others."""
        self.table.enter(channel, *others)
        self._tell()

    def say(self, by: str, where: str, text: str, minute: int = 0, tags: str = "") -> None:
        """Somebody says something, so many minutes after noon."""
        time = f"2027-01-15T{12 + minute // 60:02}:{minute % 60:02}:00.000Z"
        self.says(f"@time={time}{tags} :{by}!u@host PRIVMSG {where} :{text}")

    def _tell(self) -> None:
        happened = self.session.take_events()
        if self.app.is_running:
            self.app.take(happened)
        else:
            for event in happened:
                self.app.reactions.take(event)


@asynccontextmanager
async def played(stage: Stage, width: int = 80, height: int = 24) -> AsyncIterator[Any]:
    """Run the application in a terminal of that size; yield its pilot."""
    async with stage.app.run_test(size=(width, height)) as pilot:
        await settled(pilot)
        yield pilot


async def settled(pilot: Any) -> None:
    """Wait until what happened is drawn."""
    app: ChatApp = pilot.app
    await pilot.pause()
    app._draw()
    await pilot.pause()


async def screen(pilot: Any) -> list[str]:
    """Return what is on the screen, a string a line."""
    await settled(pilot)
    app: ChatApp = pilot.app
    console = Console(
        width=app.size.width,
        height=app.size.height,
        file=io.StringIO(),
        force_terminal=True,
        record=True,
        legacy_windows=False,
    )
    layers = app._background_screens
    console.print(app.screen._compositor.render_update(full=True, screen_stack=layers))
    lines = console.export_text(styles=False).split("\n")[: app.size.height]
    return [line.rstrip() for line in lines]
