"""The interface on a stage: the session is real, its server and its clock are the test's."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from msgspec import convert
from rich.console import Console

from tertulia.client.interface.app import ChatApp
from tertulia.client.preferences import Preferences
from tertulia.client.session.intents import Intent, Quit
from tertulia.client.session.session import Session
from tertulia.client.words import words_for
from tests.client.session_kit import OURS, Table

CAPS = f"{OURS} draft/read-marker soju.im/search"


W = TypeVar("W", bound=Intent)


class Recorded(Table):
    """It remembers what was sent."""

    def __init__(self, **more: Any) -> None:
        self.sent: list[str] = []
        super().__init__(**more)

    def got(self) -> list[str]:
        lines = super().got()
        self.sent += lines
        return lines


class Stage:
    """A port to a session that the test feeds, and the application on it."""

    def __init__(
        self, *, theme: str = "dark", language: str = "en", notify: str = "off", **more: Any
    ) -> None:
        self.table = Recorded(caps=CAPS, **more)
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
        self.tell()
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
        self.tell()

    def says(self, *lines: str) -> None:
        """The server says something."""
        self.table.says(*lines)
        self.tell()

    def enter(self, channel: str, *others: str) -> None:
        """Be in a channel with others, where nothing was said yet."""
        self.table.enter(channel, *others)
        self.answer_history(channel)

    def answer_history(self, channel: str, *texts: str, hour: int = 7) -> None:
        """Give the page of history that was asked for last, if any was: what bia said, a minute
        apart."""
        label = self.label("CHATHISTORY")
        lines = [f"@label={label} :irc.example BATCH +h chathistory {channel}"]
        for number, text in enumerate(texts):
            minute = f"{hour:02}:{number:02}"
            tags = f"batch=h;msgid=h{hour}-{number};time=2027-01-15T{minute}:00.000Z"
            lines.append(f"@{tags} :bia!u@host PRIVMSG {channel} :{text}")
        self.says(*lines, ":irc.example BATCH -h")

    @property
    def sent(self) -> list[str]:
        """Every line that was sent."""
        self.table.got()
        return self.table.sent

    def label(self, part: str) -> str:
        """Return the label of the last line with *part* in it that was sent."""
        line = [one for one in self.sent if part in one][-1]
        return line.partition("label=")[2].partition(";")[0].partition(" ")[0]

    def say(self, by: str, where: str, text: str, minute: int = 2, tags: str = "") -> None:
        """Somebody says something, so many minutes after eight; it is not earlier any more."""
        self.table.clock.seconds = max(self.table.clock.seconds, minute * 60.0)
        time = f"2027-01-15T{8 + minute // 60:02}:{minute % 60:02}:00.000Z"
        self.says(f"@time={time}{tags} :{by}!u@host PRIVMSG {where} :{text}")

    def look_at(self, name: str) -> None:
        """Look at a channel or person."""
        buffer = self.session.model.get(name)
        assert buffer is not None
        self.app.go_to(buffer)

    def wishes(self, kind: type[W]) -> list[W]:
        """Return what the interface wanted of that kind."""
        return [intent for intent in self.done if isinstance(intent, kind)]

    def tell(self) -> None:
        """The interface hears what happened."""
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
    # What is drawn may ask for more, such as a list that needs less room.
    for _ in range(3):
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
