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
from typing import Any

from tests.chaos.kit import ECHO, Client, Irc, Json, Lines, Numeric
from tests.chaos.lab import Streams

LOBBY = "#lobby"
ROOMS = ("#tea", "#coffee")
"""Where those stay who can be anywhere."""
MARKETS = ("#alpha", "#beta", "#gamma")
"""Where one comes and goes: they end, and are made again, perhaps on both sides of a split."""
TOKEN = re.compile(r"\b[mt]\d{6}\b")
MODES = ("+s", "-s", "+n", "-n", "+C", "-C", "-t", "+l 500", "-l", "+b", "-b", "+I", "-I")
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
        return f"<{self.token} {self.by.nick} > {self.target} at {self.at:.2f} {self.msgid}>"


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
        return Counter(self.person.tokens(self.client.items))

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
        if isinstance(other, NumericUser):
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

    def address_of(self, other: NumericUser) -> str:
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


class IrcUser(Person):
    """Somebody who also sets topics and modes, and walks about."""

    protocol = "irc"

    async def log_in(self, nick: str, streams: Streams) -> Visit:
        client = Irc(*streams)
        await client.register(nick, *ECHO)
        return Visit(self, nick, client)

    def join(self, visit: Visit, room: str) -> None:
        visit.client.send(f"JOIN {room}")

    async def act(self) -> None:
        visit = self.visit
        assert visit is not None
        dice = self.chance.random()
        if dice < 0.12:
            await self._walk(visit)
        elif dice < 0.22:
            await self._set(visit)
        elif dice < 0.24:
            # Somebody else may have chosen the same name, on the other side of a split.
            visit.client.send(f"NICK twin{self.chance.randrange(3)}")
            await self.fence(visit)
            visit.client.send(f"NICK {visit.nick}")
            await self.fence(visit)
        else:
            await super().act()

    async def _walk(self, visit: Visit) -> None:
        room = self.chance.choice(MARKETS)
        if room in visit.rooms:
            del visit.rooms[room]
            visit.client.send(f"PART {room}")
            await self.fence(visit)
        else:
            await self.enter(visit, room)

    async def _set(self, visit: Visit) -> None:
        room = self.chance.choice([room for room in visit.rooms if room != LOBBY])
        if self.chance.random() < 0.5:
            said = self.book.note("t", room, visit)
            since = len(visit.client.items)
            visit.client.send(f"TOPIC {room} :about {said.token}")
            await self.fence(visit)
            self.heard(visit, said, since)
        else:
            mode = self.chance.choice(MODES)
            mask = f" nobody{self.chance.randrange(5)}!*@*" if mode[1] in "bI" else ""
            visit.client.send(f"MODE {room} {mode}{mask}")
            if (other := self.chance.choice(self.others).visit) is not None:
                visit.client.send(f"MODE {room} +o {other.nick}")
            await self.fence(visit)

    def say(self, visit: Visit, said: Said) -> None:
        visit.client.send(f"PRIVMSG {said.target} :{said.token} olá")

    async def fence(self, visit: Visit) -> None:
        assert isinstance(visit.client, Irc)
        await visit.client.ask("")

    def refused(self, answers: list[Any]) -> bool:
        return True  # what was taken is echoed

    def heard(self, visit: Visit, said: Said, since: int) -> None:
        for line in visit.client.items[since:]:
            if line.command in ("PRIVMSG", "TOPIC") and said.token in line.params[-1]:
                if line.source:
                    said.is_acknowledged = True
                    said.msgid = line.tags["msgid"]

    def tokens(self, items: list[Any]) -> Iterable[str]:
        for line in items:
            if line.command == "PRIVMSG":
                yield from TOKEN.findall(line.params[-1])


class JsonUser(Person):
    """Somebody who uses JSON, and is echoed what they say in channels."""

    protocol = "json"
    _tokens = itertools.count()

    async def log_in(self, nick: str, streams: Streams) -> Visit:
        client = Json(*streams)
        await client.log_in(nick)
        return Visit(self, nick, client)

    def join(self, visit: Visit, room: str) -> None:
        assert isinstance(visit.client, Json)
        visit.client.say("JOIN", channel=room)

    def say(self, visit: Visit, said: Said) -> None:
        assert isinstance(visit.client, Json)
        visit.client.say("MESSAGE", target=said.target, message=f"{said.token} olá")

    async def fence(self, visit: Visit) -> None:
        assert isinstance(visit.client, Json)
        since, token = len(visit.client.items), f"fence{next(self._tokens)}"
        visit.client.say("CHANNELS", hash=token)
        await visit.client.until(lambda document: document.get("hash") == token, since)

    def refused(self, answers: list[Any]) -> bool:
        return any(document["op"] == "ERROR" for document in answers)

    def heard(self, visit: Visit, said: Said, since: int) -> None:
        for document in visit.client.items[since:]:
            if said.token in document.get("message", "") and "id" in document:
                said.is_acknowledged = True
                said.msgid = document["id"]

    def tokens(self, items: list[Any]) -> Iterable[str]:
        for document in items:
            if document["op"] == "MESSAGE":
                yield from TOKEN.findall(document["message"])


class TextUser(Person):
    """Somebody who reads lines of text."""

    ask = ""

    async def fence(self, visit: Visit) -> None:
        assert isinstance(visit.client, Lines)
        await visit.client.fence(self.ask)

    def refused(self, answers: list[Any]) -> bool:
        # That nobody is called as the fence is comes last.
        return any("There is no user" in line for line in answers[:-1] if "fence" not in line)

    def tokens(self, items: list[Any]) -> Iterable[str]:
        for line in items:
            yield from TOKEN.findall(line)


class ChatRoomUser(TextUser):
    protocol = "chatroom"
    ask = "/who"

    async def log_in(self, nick: str, streams: Streams) -> Visit:
        client = Lines(*streams)
        client.send(f"/nick {nick}")
        await client.fence(self.ask)
        return Visit(self, nick, client)

    def join(self, visit: Visit, room: str) -> None:
        visit.client.send(f"/join {room}")

    def say(self, visit: Visit, said: Said) -> None:
        if said.to is None:
            visit.client.send(f"/join {said.target}")
            visit.client.send(f"{said.token} olá")
        else:
            visit.client.send(f"/msg {said.target} {said.token} olá")


class PyChatUser(TextUser):
    """Somebody who knows only the lobby, and no way to speak to one."""

    protocol = "pychat"
    rooms = (LOBBY,)
    ask = "!poke"

    async def log_in(self, nick: str, streams: Streams) -> Visit:
        client = Lines(*streams)
        client.send(f"!nick {nick}")
        await client.fence(self.ask)
        return Visit(self, nick, client)

    def join(self, visit: Visit, room: str) -> None:
        """They are there."""

    def say(self, visit: Visit, said: Said) -> None:
        visit.client.send(f"!sendmsg {said.token} olá")

    def can_whisper_to(self, other: Person) -> bool:
        return False


class NumericUser(Person):
    """Somebody with a number, for whom everything waits until they have it."""

    protocol = "numeric"
    rooms = ()

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.number = ""
        self.group = ""
        """The number of a group that they made."""

    async def log_in(self, nick: str, streams: Streams) -> Visit:
        client = Numeric(*streams)
        await client.log_in(self.number)
        self.number = client.number
        return Visit(self, f"n{self.number}", client)

    async def gather(self, others: list[NumericUser]) -> None:
        """Make a group."""
        assert self.visit is not None
        client, since = self.visit.client, len(self.visit.client.items)
        numbers = "".join(other.number for other in others)
        client.send(f"10{self.number}{Numeric.SENT}{numbers}")
        told = await client.until(lambda frame: frame[:2] == "11", since)
        self.group = told[2:15]

    def join(self, visit: Visit, room: str) -> None:
        raise AssertionError("there are no channels for them")

    async def act(self) -> None:
        visit = self.visit
        assert visit is not None
        if self.group and self.chance.random() < 0.6:
            await self._speak(visit, self.book.note("m", self.group, visit))
        else:
            await self.whisper(visit)

    def can_whisper_to(self, other: Person) -> bool:
        return isinstance(other, NumericUser)

    def address_of(self, other: NumericUser) -> str:
        return other.number

    def say(self, visit: Visit, said: Said) -> None:
        assert isinstance(visit.client, Numeric)
        visit.client.say(said.target, f"{said.token} olá")

    async def fence(self, visit: Visit) -> None:
        assert isinstance(visit.client, Numeric)
        await visit.client.fence()

    def refused(self, answers: list[Any]) -> bool:
        return False  # the numbers are right

    def tokens(self, items: list[Any]) -> Iterable[str]:
        for frame in items:
            if frame[:2] == "06":
                yield from TOKEN.findall(frame[38:])


KINDS: tuple[type[Person], ...] = (IrcUser, JsonUser, ChatRoomUser, PyChatUser, NumericUser)
