"""People of all protocols who talk on a network of servers, and keep what they are shown.

Each uses one server, and comes back to it when it has died. Whatever they say has a token of its
own, by which it is known wherever it is shown.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import re
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.chaos.kit import Client
from tests.chaos.lab import Streams

LOBBY = "#lobby"
ROOMS = ("#tea", "#coffee")
"""Where those stay who can be anywhere."""
TOKEN = re.compile(r"\b[mt]\d{6}\b")
"""What was said has one that begins with m, a topic one with t."""
ATTEMPT_S = 0.3


class Said:
    """Something that was said: what can be known of it."""

    def __init__(self, token: str, target: str, by: Visit, to: Visit | str | None) -> None:
        self.token = token
        self.target = target
        self.by = by
        self.to = to
        """The one whom it is for, or the number of one; None: those in a channel."""
        self.at = time.monotonic()
        self.is_acknowledged = False
        self.msgid = ""

    def __repr__(self) -> str:
        known = "acknowledged" if self.is_acknowledged else "not acknowledged"
        who = f"{self.by} > {self.target}"
        return f"<{self.token} {who} at {self.at:.2f}, {known} {self.msgid}>"


class Book:
    """All that was said."""

    def __init__(self) -> None:
        self.said: dict[str, Said] = {}
        self.visits: list[Visit] = []
        self._numbers = itertools.count(1)

    def note(self, kind: str, target: str, by: Visit, to: Visit | str | None = None) -> Said:
        """Note what is about to be said; ``token`` is what to say."""
        said = Said(f"{kind}{next(self._numbers):06}", target, by, to)
        self.said[said.token] = said
        return said

    def write(self, folder: Path) -> None:
        """Write down, for who looks for what went wrong, what everybody was shown."""
        folder.mkdir()
        for n, visit in enumerate(self.visits):
            shown = "\n".join(map(str, visit.client.items))
            (folder / f"{visit.nick}.{n}.txt").write_text(f"{visit}\n{shown}\n")
        (folder / "said.txt").write_text("\n".join(map(str, self.said.values())) + "\n")


class Visit:
    """Somebody at a server, from their coming until the connection ends."""

    def __init__(self, person: Person, nick: str, client: Client[Any]) -> None:
        self.person = person
        self.nick = nick
        self.client = client
        self.since = time.monotonic()
        self.rooms: dict[str, float] = {}
        """The channels that they are in, and since when they know that."""

    @property
    def is_over(self) -> bool:
        return self.client.ended

    def shown(self) -> Counter[str]:
        """Return the tokens of the messages that they were shown, and how often."""
        # Topics are shown again to who comes.
        found = self.person.tokens(self.client.items)
        return Counter(token for token in found if token[0] == "m")

    def __repr__(self) -> str:
        return f"{self.nick} ({self.person.protocol} at {self.person.home})"


class Person(ABC):
    """Somebody who uses the server *home*; *come* connects to a port of it, by its scheme."""

    protocol = ""
    rooms: tuple[str, ...] = (LOBBY, *ROOMS)

    def __init__(
        self,
        name: str,
        home: int,
        book: Book,
        chance: random.Random,
        come: Callable[[int, str], Any],
    ) -> None:
        self.name = name
        self.home = home
        self.book = book
        self.chance = chance
        self.others: list[Person] = []
        self._come = come
        self.visits = 0
        self.visit: Visit | None = None
        self.is_quiet = False
        """Whether they are to do nothing any more."""
        self.is_listening = False
        """Whether they do nothing any more, and all they did is done."""
        self.pause_s = 3.0
        self.number = ""
        """Their number, if they are known by one."""

    async def live(self) -> None:
        """Come, act, and come again when the server has died."""
        while True:
            if self.visit is None:
                await self.arrive()
            with contextlib.suppress(EOFError, ConnectionError):
                while not self.is_quiet:
                    await asyncio.sleep(self.chance.expovariate(1 / self.pause_s))
                    await self.act()
                self.is_listening = True
                assert self.visit is not None
                await self.visit.client.until_end(None)
            self.visit, self.is_listening = None, False

    async def arrive(self) -> None:
        """Be at the server, and in the usual channels."""
        while True:
            try:
                await self._arrive()
                return
            except TimeoutError:
                raise  # the server is there, and does not answer
            except (OSError, EOFError):
                await asyncio.sleep(ATTEMPT_S)

    async def _arrive(self) -> None:
        streams = await self._come(self.home, self.protocol)
        # A name is never used again: whoever has an old one in mind means that visit.
        nick, self.visits = f"{self.name}x{self.visits}", self.visits + 1
        visit = await self.log_in(nick, streams)
        for room in self.rooms:
            await self.enter(visit, room)
        self.book.visits.append(visit)
        self.visit = visit

    async def enter(self, visit: Visit, room: str) -> None:
        """Go into a channel."""
        self.join(visit, room)
        await self.fence(visit)
        visit.rooms[room] = time.monotonic()

    async def act(self) -> None:
        """Do one thing."""
        visit = self.visit
        assert visit is not None
        if self.chance.random() < 0.85:
            await self.talk(visit, self.chance.choice(list(visit.rooms)))
        else:
            await self.whisper(visit)

    async def talk(self, visit: Visit, room: str) -> None:
        """Say something in a channel."""
        await self._speak(visit, self.book.note("m", room, visit))

    async def whisper(self, visit: Visit) -> None:
        """Say something to somebody."""
        other = self.chance.choice(self.others)
        whom = other.visit
        if other is self or whom is None or not self.can_whisper_to(other):
            return
        if other.number:
            target = self.address_of(other)
            await self._speak(visit, self.book.note("m", target, visit, other.number))
        else:
            await self._speak(visit, self.book.note("m", whom.nick, visit, whom))

    async def _speak(self, visit: Visit, said: Said) -> None:
        since = len(visit.client.items)
        self.say(visit, said)
        await self.fence(visit)
        if not self.refused(visit.client.items[since:]):
            said.is_acknowledged = True
        self.heard(visit, said, since)

    def can_whisper_to(self, other: Person) -> bool:
        return True

    def address_of(self, other: Person) -> str:
        return f"n{other.number}"

    def heard(self, visit: Visit, said: Said, since: int) -> None:
        """Note what came back of what was said."""
        return  # nothing does

    @abstractmethod
    async def log_in(self, nick: str, streams: Streams) -> Visit:
        """Be somebody at the server."""

    @abstractmethod
    def join(self, visit: Visit, room: str) -> None:
        """Ask to go into a channel."""

    @abstractmethod
    def say(self, visit: Visit, said: Said) -> None:
        """Say it."""

    @abstractmethod
    async def fence(self, visit: Visit) -> None:
        """Wait until all that was done is on disk; `EOFError` if that is not to be known."""

    @abstractmethod
    def refused(self, answers: list[Any]) -> bool:
        """Whether something was refused."""

    @abstractmethod
    def tokens(self, items: list[Any]) -> Iterable[str]:
        """Yield the tokens of messages."""
