"""The protocols that people use on a network of servers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from tests.chaos.kit import ECHO, Irc, Json, Lines, Numeric
from tests.chaos.lab import Streams
from tests.chaos.people import LOBBY, TOKEN, Person, Said, Visit

MARKETS = ("#alpha", "#beta", "#gamma")
"""Where one comes and goes: they end, and are made again, perhaps on both sides of a split."""
MODES = ("+s", "-s", "+n", "-n", "+C", "-C", "-t", "+l 500", "-l", "+b", "-b", "+I", "-I")


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
        visit = Visit(self, nick, client)
        client.say("LOGIN", name=nick)
        await self.fence(visit)
        return visit

    def join(self, visit: Visit, room: str) -> None:
        assert isinstance(visit.client, Json)
        visit.client.say("JOIN", channel=room)

    def say(self, visit: Visit, said: Said) -> None:
        assert isinstance(visit.client, Json)
        visit.client.say("MESSAGE", target=said.target, message=f"{said.token} olá")

    async def fence(self, visit: Visit) -> None:
        assert isinstance(visit.client, Json)
        since, token = len(visit.client.items), f"fence{next(self._tokens)}"
        visit.client.say("PART", channel="#nowhere", hash=token)
        await visit.client.until(lambda document: document.get("hash") == token, since)

    def refused(self, answers: list[Any]) -> bool:
        return any(document["op"] == "ERROR" for document in answers if "hash" not in document)

    def heard(self, visit: Visit, said: Said, since: int) -> None:
        for document in visit.client.items[since:]:
            if said.token in document.get("message", "") and "id" in document:
                said.is_acknowledged = True
                said.msgid = document["id"]

    def tokens(self, items: list[Any]) -> Iterable[str]:
        for document in items:
            if document["op"] == "MESSAGE":
                yield from TOKEN.findall(document["message"])


class DiscoveryUser(JsonUser):
    """The same in the other dialect."""

    protocol = "rech"


class TextUser(Person):
    """Somebody who reads lines of text."""

    ask = ""

    async def fence(self, visit: Visit) -> None:
        assert isinstance(visit.client, Lines)
        await visit.client.fence(self.ask)

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

    def refused(self, answers: list[Any]) -> bool:
        return any(line.startswith("!! ") and "fence" not in line for line in answers)


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

    def refused(self, answers: list[Any]) -> bool:
        return False  # everyone may speak in the lobby

    def can_whisper_to(self, other: Person) -> bool:
        return False


class NumericUser(Person):
    """Somebody with a number, for whom everything waits until they have it."""

    protocol = "numeric"
    rooms = ()

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
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
        client = self.visit.client
        numbers = "".join([self.number, *(other.number for other in others)])
        client.send(f"10{self.number}{Numeric.SENT}{numbers[13:]}")
        # There may be news of other groups.
        told = await client.until(lambda frame: frame[:2] == "11" and frame[25:] == numbers)
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

    def address_of(self, other: Person) -> str:
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


KINDS: tuple[type[Person], ...] = (
    IrcUser,
    JsonUser,
    DiscoveryUser,
    ChatRoomUser,
    PyChatUser,
    NumericUser,
)
