"""The client on a network that breaks: no line is lost, and none comes twice."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable

import pytest

from tertulia.client import (
    Address,
    Connection,
    Forgetful,
    Session,
    SessionSettings,
    SystemClock,
    Wish,
    intents,
)
from tertulia.client.session import link
from tertulia.client.session.events import Event, Synced
from tests.behaviour.clients import PATIENCE_S
from tests.behaviour.flaky import Flaky
from tests.behaviour.places import Place

TEA = "#tea"
CUTS = 10


class Person:
    """Somebody with a client; *until* waits for what happens."""

    def __init__(self, nick: str) -> None:
        settings = SessionSettings(nick=nick, channels=(Wish(TEA),), wants_identity=True)
        self.session = Session(settings, SystemClock(), f"{nick}0")
        self.connection = Connection(self.session, self._take, Forgetful())
        self.events: list[Event] = []
        self._news = asyncio.Event()

    def _take(self, events: list[Event]) -> None:
        self.events += events
        self._news.set()

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not is_so():
                self._news.clear()
                await self._news.wait()

    def heard(self, name: str, by: str) -> list[str]:
        """What somebody said there, in order."""
        buffer = self.session.model.get(name)
        messages = [] if buffer is None else buffer.messages
        return [m.text for m in messages if m.is_spoken and m.by == by]

    @contextlib.asynccontextmanager
    async def here(self, port: int) -> AsyncIterator[Person]:
        """Be in the room."""
        self.connection.add_addresses([Address("127.0.0.1", port)])
        task = asyncio.create_task(self.connection.run())
        try:
            await self.until(self.is_in)
            yield self
        finally:
            self.connection.do(intents.Quit())
            await task

    def is_told(self) -> bool:
        return any(isinstance(event, Synced) for event in self.events)

    def is_in(self) -> bool:
        buffer = self.session.model.get(TEA)
        return self.session.is_settled and buffer is not None and buffer.is_joined


@pytest.mark.parametrize("seed", range(6))
async def test_nothing_is_lost_and_nothing_comes_twice(
    place: Place, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(link, "FIRST_S", 0.005)
    monkeypatch.setattr(link, "MOST_S", 0.02)
    chance = random.Random(seed)
    first, second = (Flaky(place.ports["irc"], chance) for _ in range(2))
    ana, rui = Person("ana"), Person("rui")
    async with first.running(), second.running(), ana.here(first.port), rui.here(second.port):
        first.cuts = second.cuts = CUTS
        said: dict[str, list[str]] = {TEA: [], "rui": []}
        for number in range(150):
            target = chance.choice([TEA, TEA, "rui"])
            text = f"{target} {number} {'ç' * chance.randrange(40)}".strip()
            said[target].append(text)
            ana.connection.do(intents.Say(target, text))
            if chance.random() < 0.3:
                await asyncio.sleep(0)
        await ana.until(lambda: not ana.session.has_unsent)
        await rui.until(
            lambda: (
                len({*rui.heard(TEA, "ana")}) == len(said[TEA])
                and len({*rui.heard("ana", "ana")}) == len(said["rui"])
            )
        )
        assert first.cuts + second.cuts < CUTS
        # What may come twice is what comes again when the connection is made again.
        for person in (ana, rui):
            person.connection.do(intents.Reconnect())
            await person.until(person.is_in)
            person.connection.do(intents.Sync("end"))
            await person.until(person.is_told)
        for heard in (rui.heard(TEA, "ana"), ana.heard(TEA, "ana")):
            assert Counter(heard) == Counter(said[TEA])
        for heard in (rui.heard("ana", "ana"), ana.heard("rui", "ana")):
            assert Counter(heard) == Counter(said["rui"])
