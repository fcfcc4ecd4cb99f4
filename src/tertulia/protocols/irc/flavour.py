"""What IRC clients see of the changes, by the capabilities they asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import cast

from tertulia.domain import changes as c
from tertulia.domain.events import Face, Style
from tertulia.domain.ids import Hlc, Uid, milliseconds
from tertulia.domain.text import cut, pieces
from tertulia.protocols import words
from tertulia.protocols.irc.caps import Cap
from tertulia.protocols.irc.parser import LINE_BYTES, format_tags

_VERBS = {
    Style.SAY: ("PRIVMSG", "", ""),
    Style.NOTICE: ("NOTICE", "", ""),
    Style.ACTION: ("PRIVMSG", "\x01ACTION ", "\x01"),
    Style.REQUEST: ("PRIVMSG", "\x01", "\x01"),
    Style.RESPONSE: ("NOTICE", "\x01", "\x01"),
    Style.POKE: ("PRIVMSG", "\x01ACTION pokes ", "\x01"),
}
POKE_TAG = "+tertulia/poke"
"""Tells programs that an action is a poke, and of whom."""
DELIVERED_TAG = "+tertulia/delivered"
SEEN_TAG = "+tertulia/seen"
"""Tell, with the id of a message, what became of it."""
# Messages to everyone are shown as notices, so that no client answers them by itself.
_EVERYONE = {"*": "$*", "&": "$"}


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def server_time(hlc: Hlc) -> str:
    """Return a time as IRCv3 server-time has it, UTC with milliseconds."""
    seconds, ms = divmod(milliseconds(hlc), 1000)
    return f"{_second(seconds)}.{ms:03}Z"


class IrcFlavour:
    """What a client with the capabilities *caps* sees; *server* is this server's name."""

    __slots__ = ("_account", "_server", "_tags", "_time", "caps")

    is_paced = False

    def __init__(self, caps: int, server: str) -> None:
        self.caps = caps
        self._server = server
        self._tags = bool(caps & Cap.MESSAGE_TAGS)
        self._time = bool(caps & Cap.SERVER_TIME)
        self._account = bool(caps & Cap.ACCOUNT_TAG)

    def render(self, change: c.Change) -> bytes:
        """Return the lines for *change*; empty if such clients are not told."""
        return _RENDER[type(change)](self, change, "")

    def render_in_batch(self, change: c.Change, batch: str) -> bytes:
        """Return the lines for *change* as part of the batch of that reference."""
        return _RENDER[type(change)](self, change, f"batch={batch}")

    def tagged(
        self, change: c.Change, by: Face, more: str = "", client: dict[str, str] | None = None
    ) -> str:
        """Return the tags of a message, with ``@`` and a space; empty if there are none."""
        tags = more
        if self._time:
            tags += f";time={server_time(change.hlc)}"
        if self._account and by.account:
            tags += f";account={by.account}"
        if self._tags:
            if change.msgid:
                tags += f";msgid={change.msgid}"
            if by.bot:
                tags += ";bot"
            if client:
                tags += ";" + format_tags(client)
        return f"@{tags.lstrip(';')} " if tags else ""

    def _line(self, change: c.Change, by: Face, batch: str, rest: str) -> bytes:
        line = f":{by.mask} {rest}"
        if len(line) * 4 > LINE_BYTES - 2:
            line = cut(line, LINE_BYTES - 2)
        return f"{self.tagged(change, by, batch)}{line}\r\n".encode()

    def _spoken(self, change: c.Spoken, batch: str) -> bytes:
        by, target, text, client = change.by, change.target, change.text, change.tags
        verb, opening, closing = _VERBS[change.style]
        if target in _EVERYONE:
            verb = "NOTICE"
            target = "$*" if target == "*" else f"${self._server}"
        elif change.style == Style.POKE:
            client = {**(client or {}), POKE_TAG: text}
        head = f":{by.mask} {verb} {change.status}{target} :{opening}"
        tags = self.tagged(change, by, batch, client)
        line = f"{head}{text}{closing}\r\n"
        if len(line) * 4 <= LINE_BYTES or len(line.encode()) <= LINE_BYTES:
            return f"{tags}{line}".encode()
        room = LINE_BYTES - 2 - len(f"{head}{closing}".encode())
        first, *others = pieces(text, room)
        # The id is that of the whole message, so only its first piece bears it.
        tagless = f"@{batch} " if batch else ""
        return "".join(
            [
                f"{tags}{head}{first}{closing}\r\n",
                *(f"{tagless}{head}{piece}{closing}\r\n" for piece in others),
            ]
        ).encode()

    def _acknowledged(self, change: c.Acknowledged, batch: str) -> bytes:
        if not (self._tags and self.caps & Cap.RECEIPTS and change.message):
            return b""
        tag = SEEN_TAG if change.seen else DELIVERED_TAG
        tags = self.tagged(change, change.by, batch, {tag: change.message})
        return f"{tags}:{change.by.mask} TAGMSG {change.target}\r\n".encode()

    def _gathered(self, change: c.Gathered, batch: str) -> bytes:
        if not self.caps & Cap.INVITE_NOTIFY:
            return b""
        invited = [face.nick for face in change.members if face.uid != change.by.uid]
        lines = [f"INVITE {nick} {change.channel}" for nick in invited]
        return b"".join([self._line(change, change.by, batch, line) for line in lines])

    def _tags_spoken(self, change: c.TagsSpoken, batch: str) -> bytes:
        if not self._tags:
            return b""
        tags = self.tagged(change, change.by, batch, change.tags)
        return f"{tags}:{change.by.mask} TAGMSG {change.status}{change.target}\r\n".encode()

    def _entered(self, change: c.Entered, batch: str) -> bytes:
        by = change.by
        if self.caps & Cap.EXTENDED_JOIN:
            rest = f"JOIN {change.channel} {by.account or '*'} :{change.realname}"
        else:
            rest = f"JOIN {change.channel}"
        line = self._line(change, by, batch, rest)
        if self.caps & Cap.AWAY_NOTIFY and change.away is not None and not batch:
            line += self._line(change, by, batch, f"AWAY :{change.away}")
        if change.admin and not change.alone:
            # JOIN does not tell of it, and NAMES tells only who has come in.
            rank = c.ModesChanged(change.hlc, "", by, change.channel, ())
            tags = self.tagged(rank, by, batch)
            line += f"{tags}:{self._server} MODE {change.channel} +o {by.nick}\r\n".encode()
        return line

    def _departed(self, change: c.Departed, batch: str) -> bytes:
        reason = f" :{change.reason}" if change.reason else ""
        if change.quit:
            return self._line(change, change.by, batch, f"QUIT{reason}")
        return self._line(change, change.by, batch, f"PART {change.channel}{reason}")

    def _expelled(self, change: c.Expelled, batch: str) -> bytes:
        rest = f"KICK {change.channel} {change.whom.nick} :{change.reason}"
        return self._line(change, change.by, batch, rest)

    def _topic_changed(self, change: c.TopicChanged, batch: str) -> bytes:
        return self._line(change, change.by, batch, f"TOPIC {change.channel} :{change.topic}")

    def _modes_changed(self, change: c.ModesChanged, batch: str) -> bytes:
        head = f"MODE {change.channel} "
        room = LINE_BYTES - len(f":{change.by.mask} {head}\r\n".encode())
        return b"".join(
            self._line(change, change.by, batch, head + format_modes(part))
            for part in _fitting(change.modes, room)
        )

    def _gone(self, change: c.Gone, batch: str) -> bytes:
        return self._line(change, change.by, batch, f"QUIT :{change.reason}")

    def _nick_changed(self, change: c.NickChanged, batch: str) -> bytes:
        return self._line(change, change.by, batch, f"NICK {change.now.nick}")

    def _summoned(self, change: c.Summoned, batch: str) -> bytes:
        if change.overheard and not self.caps & Cap.INVITE_NOTIFY:
            return b""
        rest = f"INVITE {change.whom.nick} {change.channel}"
        return self._line(change, change.by, batch, rest)

    def _away_changed(self, change: c.AwayChanged, batch: str) -> bytes:
        if not self.caps & Cap.AWAY_NOTIFY:
            return b""
        message = "" if change.message is None else f" :{change.message}"
        return self._line(change, change.by, batch, f"AWAY{message}")

    def _realname_changed(self, change: c.RealnameChanged, batch: str) -> bytes:
        if not self.caps & Cap.SETNAME:
            return b""
        return self._line(change, change.by, batch, f"SETNAME :{change.realname}")

    def _user_mode_changed(self, change: c.UserModeChanged, batch: str) -> bytes:
        sign = "+" if change.on else "-"
        return self._line(change, change.by, batch, f"MODE {change.by.nick} {sign}{change.mode}")

    def _together(self, change: c.Together, batch: str) -> bytes:
        """ircv3.net/specs/extensions/batch, and there netsplit, netjoin and chathistory."""
        if batch or not self.caps & Cap.BATCH:
            return b"".join([_RENDER[type(one)](self, one, batch) for one in change.changes])
        kind = f"{change.kind} {self._server} {change.server}"
        if change.kind == "late":
            kind = f"chathistory {change.channel}"
        # The reference lives as long as the batch, and no two are open at once.
        reference = "together"
        return b"".join(
            [
                f":{self._server} BATCH +{reference} {kind}\r\n".encode(),
                *(self.render_in_batch(one, reference) for one in change.changes),
                f":{self._server} BATCH -{reference}\r\n".encode(),
            ]
        )

    def _cut_off(self, change: c.CutOff, batch: str) -> bytes:
        told = " ".join(words.sentences(change, str))
        by = Face(Uid("server"), self._server, "", self._server)
        return self._line(change, by, batch, f"NOTICE {change.channel} :{told}")

    def _arrived(self, _change: c.Arrived, _batch: str) -> bytes:
        return b""


def _fitting(modes: tuple[c.ShownMode, ...], room: int) -> Iterator[tuple[c.ShownMode, ...]]:
    """Yield *modes* in parts that take at most *room* bytes in a line."""
    part: list[c.ShownMode] = []
    size = 0
    for mode in modes:
        # A sign, the letter, and the parameter with a space.
        own = 3 + len((mode.value or "").encode())
        if part and size + own > room:
            yield tuple(part)
            part, size = [], 0
        part.append(mode)
        size += own
    yield tuple(part)


def format_modes(modes: tuple[c.ShownMode, ...]) -> str:
    """Return ``+ov-m ana rui``: the letters, then the parameters."""
    letters, values, sign = "", [], ""
    for mode in modes:
        wanted = "+" if mode.on else "-"
        if wanted != sign:
            letters += wanted
            sign = wanted
        letters += mode.mode
        if mode.value is not None and (mode.on or mode.mode != "l"):
            values.append(mode.value)
    return " ".join([letters, *values])


_RENDER = cast(
    "dict[type[c.Change], Callable[[IrcFlavour, c.Change, str], bytes]]",
    {
        c.Spoken: IrcFlavour._spoken,
        c.TagsSpoken: IrcFlavour._tags_spoken,
        c.Acknowledged: IrcFlavour._acknowledged,
        c.Gathered: IrcFlavour._gathered,
        c.Entered: IrcFlavour._entered,
        c.Departed: IrcFlavour._departed,
        c.Expelled: IrcFlavour._expelled,
        c.TopicChanged: IrcFlavour._topic_changed,
        c.ModesChanged: IrcFlavour._modes_changed,
        c.Gone: IrcFlavour._gone,
        c.NickChanged: IrcFlavour._nick_changed,
        c.Summoned: IrcFlavour._summoned,
        c.AwayChanged: IrcFlavour._away_changed,
        c.RealnameChanged: IrcFlavour._realname_changed,
        c.UserModeChanged: IrcFlavour._user_mode_changed,
        c.Arrived: IrcFlavour._arrived,
        c.Together: IrcFlavour._together,
        c.CutOff: IrcFlavour._cut_off,
    },
)
