"""Every action in every protocol, and what others are shown of it, as docs/protocols.md has it.

The tables of that page say what can be done and what is shown. FORMS says what the latter looks
like on the wire; where the page has ``–`` there is no form, and nothing may be shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tertulia.domain.ids import at_milliseconds, msgid
from tests.behaviour.clients import Client, Seen
from tests.behaviour.irc_clients import IrcClient, Ircv3Client, Line
from tests.behaviour.json_clients import ClassicClient, DiscoveryClient, JsonClient
from tests.behaviour.numeric_clients import NumericClient
from tests.behaviour.places import Place
from tests.behaviour.text_clients import LOBBY, ChatRoomClient, PyChatProgram
from tests.behaviour.twins import cross

PAGE = Path(__file__).parents[2] / "docs" / "protocols.md"
TEA, OTHER = "#tea", "#other"
NOT = "–"


class Irc(Ircv3Client):
    """A client that asks for everything."""

    caps = f"{Ircv3Client.caps} tertulia/receipts"


COLUMNS: dict[str, type[Client]] = {
    "IRC": Irc,
    "JSON, classic": ClassicClient,
    "JSON, discovery": DiscoveryClient,
    "PyChat": PyChatProgram,
    "chat room": ChatRoomClient,
    "numeric": NumericClient,
}


def table(heading: str) -> dict[str, dict[str, str]]:
    """Return the table below *heading*: action, column, cell."""
    section = PAGE.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in section.splitlines()
        if line.startswith("|") and not line.startswith("|-")
    ]
    head, *body = rows
    assert head == ["action", *COLUMNS]
    return {action: dict(zip(COLUMNS, cells, strict=True)) for action, *cells in body}


DONE = table("What one can do")
SHOWN = table("What others are shown")


# What is shown, as `as_text` writes it; {by} is a nickname, but for the numeric messenger a
# number, and {room} the channel, there its number. {me} is who sees it, {nick} always a nickname.
FORMS: dict[str, dict[str, str]] = {
    "say to a channel": {
        "IRC": "PRIVMSG {by} {room} {text}",
        "JSON": "MESSAGE {by} {room} {text}",
        "PyChat": "!msg {by} {text}",
        "chat room": "{by}: {text}",
        "numeric": "06{by}{room}{time}{text}",
    },
    "say to someone": {
        "IRC": "PRIVMSG {by} {me} {text}",
        "JSON, classic": "MESSAGE {by} §§ {text}",
        "JSON, discovery": "MESSAGE {by} {me} {text}",
        "PyChat": r"{by} \(to you\): {text}",
        "chat room": r"{by} \(private\): {text}",
        "numeric": "06{by}{me}{time}{text}",
    },
    "say to everyone": {
        "IRC": r"NOTICE {by} \$\* {text}",
        "JSON": r"MESSAGE {by} \* {text}",
        "PyChat": "!msg {by} {text}",
        "chat room": r"{by} \(to everyone\): {text}",
        "numeric": "06{by}{me}{time}{text}",
    },
    "say to everyone here": {
        "IRC": r"NOTICE {by} \$tea.example {text}",
        "JSON": "MESSAGE {by} & {text}",
        "PyChat": "!msg {by} {text}",
        "chat room": r"{by} \(to everyone here\): {text}",
        "numeric": "06{by}{me}{time}{text}",
    },
    "act": {
        "IRC": "PRIVMSG {by} {room} \x01ACTION {text}\x01",
        "JSON": r"MESSAGE {by} {room} \* {nick} {text}",
        "PyChat": r"\* {by} {text}",
        "chat room": r"\* {by} {text}",
        "numeric": r"06{by}{room}{time}\* {nick} {text}",
    },
    "notice": {
        "IRC": "NOTICE {by} {room} {text}",
        "JSON": "MESSAGE {by} {room} {text}",
        "PyChat": "!msg {by} {text}",
        "chat room": "{by}: {text}",
        "numeric": "06{by}{room}{time}{text}",
    },
    "poke": {
        "IRC": r"\+tertulia/poke={me} PRIVMSG {by} \S+ \x01ACTION pokes {me}\x01",
        "JSON": r"MESSAGE {by} \S+ \* {nick} pokes {me}",
        "PyChat": "!poke {by} {me}",
        "chat room": r"\* {by} pokes {me}.*",
        "numeric": r"06{by}\d{{13}}{time}\* {nick} pokes {my_nick}",
    },
    "join": {
        "IRC": "JOIN {by} {room} .*",
        "JSON, classic": "MESSAGE .*{nick} joined {room}",
        "JSON, discovery": "JOIN {by} {room} ",
        "PyChat": "{by} joined {room}",
        "chat room": "{by} joined {room}",
    },
    "leave": {
        "IRC": "PART {by} {room} {text}",
        "JSON, classic": "MESSAGE .*{nick} left {room}: {text}",
        "JSON, discovery": "PART {by} {room} {text}",
        "PyChat": "{by} left {room}: {text}",
        "chat room": "{by} left {room}: {text}",
    },
    "rename": {
        "IRC": "NICK {by} {text}",
        "JSON": "MESSAGE .*{nick} is now called {text}",
        "PyChat": "!changenickname {by} {text}",
        "chat room": "{by} is now called {text}",
    },
    "set the topic": {
        "IRC": "TOPIC {by} {room} {text}",
        "JSON": "MESSAGE .*{nick} set the topic of {room}: {text}",
        "PyChat": "{by} set the topic of {room}: {text}",
        "chat room": "{by} set the topic of {room}: {text}",
    },
    "kick": {
        "IRC": "KICK {by} {room} {whom} {text}",
        "JSON, classic": "MESSAGE .*{nick} kicked {whom} out of {room}: {text}",
        "JSON, discovery": "KICK {whom} {room} {text}",
        "PyChat": "{by} kicked {whom} out of {room}: {text}",
        "chat room": "{by} kicked {whom} out of {room}: {text}",
        "numeric": "06{by}{room}{time}{nick} kicked {my_nick} out of #tea: {text}",
    },
    "make an admin": {
        "IRC": r"MODE {by} {room} \+o {whom}",
        "JSON, classic": "MESSAGE .*{nick} made {whom} an admin of {room}",
        "JSON, discovery": "ADMIN {whom} {room} ",
        "PyChat": "{by} made {whom} an admin of {room}",
        "chat room": "{by} made {whom} an admin of {room}",
    },
    "invite": {
        "IRC": r"INVITE {by} {me} #\w+",
        "JSON": r"MESSAGE .*{nick} invites {me} to #\w+",
        "PyChat": r"{by} invites {me} to #\w+",
        "chat room": r"{by} invites {me} to #\w+",
        "numeric": r"111\d{{12}}{time}.*{me}.*",
    },
    "be away": {
        "IRC": "AWAY {by} {text}",
        "JSON": "MESSAGE .*{nick} is away: {text}",
        "PyChat": "{by} is away: {text}",
        "chat room": "{by} is away: {text}",
    },
    "it was delivered": {
        "IRC": r"\+tertulia/delivered=\S+ TAGMSG {by} {me}",
        "JSON": "MESSAGE .*{nick} has received your message",
        "chat room": "{by} has received your message",
        "numeric": "07{by}{time} *",
    },
    "it was read": {
        "IRC": r"\+tertulia/seen=\S+ TAGMSG {by} {me}",
        "JSON": "MESSAGE .*{nick} has read your message",
        "PyChat": "{by} has read your message",
        "chat room": "{by} has read your message",
        "numeric": "09{by}{time} *",
    },
    "quit": {
        "IRC": "QUIT {by} .*",
        "JSON, classic": "MESSAGE .*{nick} left the server.*",
        "JSON, discovery": r"PART {by} \S+ .*",
        "PyChat": "{by} left the server.*",
        "chat room": "{by} left the server.*",
    },
}


def form(action: str, column: str) -> str | None:
    forms = FORMS[action]
    return forms.get(column) or forms.get(column.partition(",")[0])


def as_text(seen: Seen) -> str:
    """Return what came, in one line, without times and ids."""
    raw = seen.raw
    if isinstance(raw, Line):
        ours = ("+tertulia/poke", "+tertulia/delivered", "+tertulia/seen")
        tags = [f"{key}={value}" for key, value in raw.tags.items() if key in ours]
        return " ".join([*tags, raw.command, raw.by, *raw.params])
    if isinstance(raw, dict):
        by = raw.get("user") or raw.get("name", "")
        where = raw.get("target") or raw.get("channel", "")
        return f"{raw['op']} {by} {where} {raw.get('message', '')}"
    return re.sub(r"^\[[\d :-]+\] ", "", raw)


class CannotHere(Exception):
    """There is no way to do this where both are."""


@dataclass
class Pair:
    """Who does things, who looks, and who they are done to; *room* is where they are, if the
    two can be in one channel at all. *host* is where the doer is, *scout* where the viewer is,
    which may be another server."""

    place: Place
    doer: Client
    column: str
    viewer: Client
    viewers: str
    host: Irc
    scout: Irc
    room: str | None

    @property
    def is_apart(self) -> bool:
        """Whether there are two servers."""
        return self.host is not self.scout

    async def settle(self) -> None:
        """Wait until all that the doer did has been done, and what shows of it has come."""
        if not self.doer.is_closed:
            await self.doer.fence_ahead()
        if self.is_apart:
            # There and back, and there again: what one server asks of the other happens there,
            # and is told from there.
            for one, other in ((self.host, self.scout), (self.scout, self.host)) * 2:
                await cross(one, other)
        await self.viewer.fence_ahead()

    def number(self, who: Client) -> str:
        user = self.place.server.hub.state.recipient(who.nick)
        assert user is not None
        return user.number

    def group(self) -> str:
        assert self.room is not None
        return self.place.server.hub.state.channels[self.room].number

    def shown(self, action: str, text: str) -> re.Pattern[str]:
        """Return what the viewer is to be shown."""
        nick, numeric = self.doer.nick, self.viewers == "numeric"
        found = form(action, self.viewers)
        assert found is not None
        room = self.room or ""
        pattern = found.format(
            nick=nick,
            by=self.number(self.doer) if numeric else nick,
            room=self.group() if numeric and room else room,
            me=self.number(self.viewer) if numeric else self.viewer.nick,
            my_nick=self.viewer.nick,
            whom="vic",
            text=text,
            time=r"\d{10}",
        )
        return re.compile(pattern, re.DOTALL)


# What is done


def say_to_channel(pair: Pair, text: str) -> None:
    if pair.column == "numeric":
        if pair.room is None:
            raise CannotHere
        pair.doer.say(pair.group(), text)
    else:
        pair.doer.say(pair.room or LOBBY, text)


def say_to_someone(pair: Pair, text: str) -> None:
    whom = pair.number(pair.viewer) if pair.column == "numeric" else pair.viewer.nick
    pair.doer.say(whom, text)


def act(pair: Pair, text: str) -> None:
    assert isinstance(pair.doer, Irc | ChatRoomClient)
    pair.doer.act(pair.room or LOBBY, text)


def notice(pair: Pair, text: str) -> None:
    assert isinstance(pair.doer, Irc)
    pair.doer.notice(pair.room or LOBBY, text)


def poke(pair: Pair, _text: str) -> None:
    doer, whom = pair.doer, pair.viewer.nick
    if isinstance(doer, Irc):
        doer.send(f"POKE {whom}")
    elif isinstance(doer, JsonClient):
        doer.send("POKE", username=whom)
    else:
        assert isinstance(doer, PyChatProgram | ChatRoomClient)
        doer.poke(whom)


def join(pair: Pair, _text: str) -> None:
    pair.doer.join(pair.room or OTHER)


def leave(pair: Pair, text: str) -> None:
    pair.doer.part(pair.room or LOBBY, text)


def rename(pair: Pair, text: str) -> None:
    pair.doer.rename(text)


def set_topic(pair: Pair, text: str) -> None:
    doer = pair.doer
    if isinstance(doer, Irc):
        doer.set_topic(pair.room or LOBBY, text)
    else:
        assert isinstance(doer, ChatRoomClient)
        doer.send(f"/topic {text}")


def _needs_rights(pair: Pair) -> str:
    """Return the room, unless the doer can have no rights there."""
    if pair.room in (None, LOBBY) and isinstance(pair.doer, JsonClient):
        raise CannotHere  # only operators have rights in the lobby
    return pair.room or LOBBY


def kick(pair: Pair, text: str) -> None:
    room = _needs_rights(pair)
    whom = pair.viewer.nick if pair.viewers == "numeric" else "vic"
    if pair.viewers == "numeric" and pair.room is None:
        raise CannotHere
    pair.doer.kick(room, whom, text)


def promote(pair: Pair, _text: str) -> None:
    pair.doer.promote(_needs_rights(pair), "vic")


def invite(pair: Pair, _text: str) -> None:
    if isinstance(pair.doer, Irc):
        pair.doer.send(f"INVITE {pair.viewer.nick} {OTHER}")
    else:
        assert isinstance(pair.doer, NumericClient)
        pair.doer.send(f"10{pair.doer.number}1600000000{pair.number(pair.viewer)}")


def be_away(pair: Pair, text: str) -> None:
    assert isinstance(pair.doer, Irc | ChatRoomClient)
    pair.doer.send(f"{'AWAY :' if isinstance(pair.doer, Irc) else '/away '}{text}")


def tell_that_it_was_read(pair: Pair, _text: str) -> None:
    doer, author = pair.doer, pair.viewer.nick
    some_id = msgid(at_milliseconds(1_700_000_000_000), 7)
    if isinstance(doer, Irc):
        doer.send(f"@+tertulia/seen={some_id} TAGMSG {author}")
    elif isinstance(doer, JsonClient):
        doer.send("SEEN", username=author, id=some_id)
    else:
        assert isinstance(doer, NumericClient)
        doer.tell_read(pair.number(pair.viewer), "9999999999")


DO: dict[str, Callable[[Pair, str], None]] = {
    "say to a channel": say_to_channel,
    "say to someone": say_to_someone,
    "say to everyone": lambda pair, text: pair.doer.say("*", text),
    "say to everyone here": lambda pair, text: pair.doer.say("&", text),
    "act": act,
    "notice": notice,
    "poke": poke,
    "be away": be_away,
    "invite": invite,
    "set the topic": set_topic,
    "make an admin": promote,
    "tell that it was read": tell_that_it_was_read,
    "rename": rename,
    "kick": kick,
    "leave": leave,
    "join": join,
    "quit": lambda pair, _text: pair.doer.quit("so long"),
}
"""In an order in which nothing stands in the way of what comes later."""
SEEN_AS = {"tell that it was read": "it was read"}
IN_THE_ROOM = {
    "say to a channel", "act", "notice", "rename", "set the topic", "kick", "make an admin",
    "leave", "join", "be away", "quit",
}  # fmt: skip
"""What only those see who share a channel with whoever does it."""
ON_ONE_SERVER = {"say to everyone here"}


# Who meets where


async def meet(here: Place, there: Place, column: str, viewers: str) -> Pair:
    """Let the two come, one *here* and one *there*, and be in one channel if they can; the doer
    has rights there."""
    host = await here.come(Irc, "host")
    scout = host if here is there else await there.come(Irc, "scout")
    host.send("OPER root secret")
    doer, viewer = await come(here, column, "ana"), await come(there, viewers, "rui")
    kinds = {column, viewers}
    room: str | None = LOBBY if "PyChat" in kinds else TEA
    if kinds == {"PyChat", "numeric"}:
        room = None
    pair = Pair(here, doer, column, viewer, viewers, host, scout, room)
    vic = await there.irc("vic")
    for where in filter(None, (room or LOBBY, OTHER)):
        await host.enter(where)
    await pair.settle()
    await vic.enter(room or LOBBY)
    for client in (doer, viewer):
        await bring(pair, client, room or LOBBY)
    if not isinstance(doer, NumericClient | PyChatProgram):
        if room == TEA:
            host.promote(TEA, doer.nick)
        if isinstance(doer, Irc):
            await doer.enter(OTHER)
            doer.send("OPER root secret")
        elif isinstance(doer, ChatRoomClient):
            doer.send("/oper root secret")
    await host.fence()
    await pair.settle()
    return pair


async def come(place: Place, column: str, nick: str) -> Client:
    return await place.come(COLUMNS[column], nick)


async def bring(pair: Pair, client: Client, room: str) -> None:
    """Let somebody be in the room, if they can be."""
    if isinstance(client, NumericClient):
        if room != LOBBY:
            pair.host.send(f"INVITE {client.nick} {room}")
            await client.expect_seen("gathered")
    elif isinstance(client, IrcClient | JsonClient):
        await client.enter(room)
    elif isinstance(client, ChatRoomClient):
        client.join(room)
        await client.fence()


async def look(pair: Pair, action: str, do: Callable[[Pair, str], None], text: str) -> None:
    """Let something be done, and look whether it is shown as it should be, or not at all."""
    viewer, seen_as = pair.viewer, SEEN_AS.get(action, action)
    await prepare(pair, action)
    mark = len(viewer.seen)
    is_shown = form(seen_as, pair.viewers) is not None
    if pair.room is None and action in IN_THE_ROOM:
        is_shown = False
    if pair.is_apart and action in ON_ONE_SERVER:
        is_shown = False
    wanted = pair.shown(seen_as, text) if is_shown else None
    try:
        do(pair, text)
    except CannotHere:
        return
    if action == "quit":
        await pair.host.expect_absent(pair.doer.nick)
        await pair.doer.expect_closed()
    await pair.settle()
    news = [as_text(seen) for seen in viewer.seen[mark:]]
    if wanted is not None:
        assert any(wanted.fullmatch(one) for one in news), f"{action}: {wanted.pattern} in {news}"
    else:
        assert not any(text in one or "word" in one for one in news), f"{action}: {news}"


async def prepare(pair: Pair, action: str) -> None:
    if action == "tell that it was read" and isinstance(pair.doer, NumericClient):
        if isinstance(pair.viewer, Irc):
            # A receipt is for a message, which there has an id.
            pair.viewer.say(pair.doer.nick, "read me")
            await pair.doer.expect_told(pair.number(pair.viewer), "read me")
    await pair.viewer.fence()
