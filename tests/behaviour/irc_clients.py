"""IRC clients: one as they were in 1993, and one with the capabilities of IRCv3."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from tests.behaviour.clients import Client, Seen

LINE_BYTES = 512
TAG_BYTES = 8191
FORMATTING = set("\x01\x02\x03\x04\x0f\x11\x16\x1d\x1e\x1f")
# What some programs take for the end of a line (str.splitlines does).
LINE_ENDS = set("\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029") - FORMATTING
_UNESCAPED = {":": ";", "s": " ", "\\": "\\", "r": "\r", "n": "\n"}


class Line(NamedTuple):
    """A line from the server."""

    tags: dict[str, str]
    source: str
    command: str
    params: list[str]

    @property
    def by(self) -> str:
        return self.source.partition("!")[0]


def well_formed(raw: bytes, strict: bool = True) -> Line:
    """Return what *raw* says, having checked that it may be said so.

    What is not *strict* may have control characters.
    """
    assert raw.endswith(b"\r\n"), raw
    text = raw[:-2].decode()
    tag_text = ""
    if text.startswith("@"):
        tag_text, _, text = text[1:].partition(" ")
        assert len(tag_text.encode()) + 2 <= TAG_BYTES, raw
    assert len(text.encode()) + 2 <= LINE_BYTES, raw
    assert not strict or not LINE_ENDS & set(text + tag_text), raw
    control = {c for c in text + tag_text if c < " " or "\x7f" <= c <= "\x9f"}
    assert not strict or control <= FORMATTING, raw
    source = ""
    if text.startswith(":"):
        source, _, text = text[1:].partition(" ")
    middle, colon, last = text.partition(" :")
    command, *params = middle.split()
    assert command.isalnum(), raw
    return Line(_tags(tag_text), source, command, [*params, last] if colon else params)


def _tags(text: str) -> dict[str, str]:
    found = {}
    for tag in text.split(";") if text else ():
        key, _, value = tag.partition("=")
        assert key and " " not in value, text
        found[key] = unescaped(value)
    return found


def unescaped(value: str) -> str:
    """Return the value of a tag (IRCv3 message-tags, "Escaping values")."""
    found, letters = "", iter(value)
    for letter in letters:
        if letter == "\\":
            letter = next(letters, "")
            letter = _UNESCAPED.get(letter, letter)
        found += letter
    return found


class IrcClient(Client):
    """A client without capabilities."""

    protocol = "irc"
    scheme = "irc"
    can_identify = True
    can_act = True
    shows_notices = True
    caps: ClassVar[str] = ""
    realname = "A Real Name"

    def send(self, line: str) -> None:
        """Send a line."""
        self.raw(f"{line}\r\n".encode())

    async def log_in(self, nick: str) -> None:
        self.try_to_log_in(nick)
        await self.expect(
            lambda s: s.kind == "reply" and s.raw.command in ("376", "422"), "the end of the MOTD"
        )

    def try_to_log_in(self, nick: str) -> None:
        self.nick = nick
        if self.caps:
            self.send("CAP LS 302")
            self.send(f"CAP REQ :{self.caps}")
        self.send(f"NICK {nick}")
        self.send(f"USER {nick} 0 * :{self.realname}")
        if self.caps:
            self.send("CAP END")

    async def expect_refusal(self, *words: str) -> None:
        await self.expect_error(*words)
        self.log_in_again("rita")
        await self.expect_seen("reply", whom="001")

    def log_in_again(self, nick: str) -> None:
        """Try another nickname."""
        self.nick = nick
        self.send(f"NICK {nick}")

    async def next_seen(self) -> Seen | None:
        raw = await self.reader.readline()
        if not raw:
            return None
        line = well_formed(raw, self.strict)
        assert self.caps or not line.tags, raw
        return self._seen(line)

    def _seen(self, line: Line) -> Seen:
        by, params = line.by, line.params
        match line.command:
            case "PRIVMSG" | "NOTICE":
                return self._seen_text(line)
            case "JOIN":
                return Seen("joined", by, params[0], raw=line)
            case "PART":
                return Seen("left", by, params[0], params[1] if params[1:] else "", raw=line)
            case "QUIT":
                return Seen("quit", by, "", params[0] if params else "", raw=line)
            case "KICK":
                return Seen("kicked", by, params[0], params[2], params[1], raw=line)
            case "NICK":
                if by == self.nick:
                    self.nick = params[0]
                return Seen("renamed", by, whom=params[0], raw=line)
            case "TOPIC":
                return Seen("topic", by, params[0], params[1], raw=line)
            case "MODE" if params[2:] and params[1] == "+o":
                return Seen("promoted", by, params[0], whom=params[2], raw=line)
            case "ERROR":
                return Seen("goodbye", by, text=params[-1], raw=line)
            case "PONG":
                return Seen("fence", by, text=params[-1], raw=line)
            case "FAIL":
                return Seen("error", by, text=" ".join(params), raw=line)
        if line.command[0] in "45" and line.command != "422":
            return Seen("error", by, text=" ".join(params), whom=line.command, raw=line)
        return Seen("reply", by, text=" ".join(params), whom=line.command, raw=line)

    def _seen_text(self, line: Line) -> Seen:
        target, text = line.params
        kind = "said" if line.command == "PRIVMSG" else "notice"
        if text.startswith("\x01"):
            assert text.startswith("\x01ACTION ") and text.endswith("\x01"), line
            kind, text = "action", text.removeprefix("\x01ACTION ").removesuffix("\x01")
        assert "\x01" not in text, line
        if target.startswith("$"):
            assert line.command == "NOTICE", line
            kind, target = "said", "*" if target == "$*" else "&"
        elif not target.startswith("#"):
            kind = "told"
        return Seen(kind, line.by, target, text, raw=line)

    # What is done

    def ask_fence(self, token: str) -> None:
        self.send(f"PING {token}")

    def join(self, channel: str, password: str | None = None) -> None:
        self.send(f"JOIN {channel}" if password is None else f"JOIN {channel} {password}")

    def part(self, channel: str, reason: str = "") -> None:
        self.send(f"PART {channel} :{reason}" if reason else f"PART {channel}")

    def say(self, where: str, text: str) -> None:
        self.send(f"PRIVMSG {self._target(where)} :{text}")

    def _target(self, where: str) -> str:
        if where == "&":
            return f"${self.server_name}"
        return "$*" if where == "*" else where

    @property
    def server_name(self) -> str:
        """The server's name, as its welcome said it."""
        return next(s.by for s in self.seen if s.whom == "001")

    def act(self, where: str, text: str) -> None:
        self.say(where, f"\x01ACTION {text}\x01")

    def notice(self, where: str, text: str) -> None:
        self.send(f"NOTICE {where} :{text}")

    def rename(self, nick: str) -> None:
        self.send(f"NICK {nick}")

    def kick(self, channel: str, whom: str, reason: str = "") -> None:
        self.send(f"KICK {channel} {whom} :{reason}")

    def promote(self, channel: str, whom: str) -> None:
        self.send(f"MODE {channel} +o {whom}")

    def set_topic(self, channel: str, topic: str) -> None:
        self.send(f"TOPIC {channel} :{topic}")

    def quit(self, reason: str = "") -> None:
        self.send(f"QUIT :{reason}")

    async def enter_with_password(self, channel: str, password: str) -> None:
        # In IRC a channel gets its password when it is there.
        await self.enter(channel)
        await self.set_modes(channel, f"+k {password}")

    async def users(self, channel: str | None = None) -> set[str]:
        if channel is None:
            self.send("WHO *")
            return {line.params[5] for line in await self.answer("352", "315")}
        self.send(f"NAMES {channel}")
        names = [
            name for line in await self.answer("353", "366") for name in line.params[-1].split()
        ]
        return {name.lstrip("@+").partition("!")[0] for name in names}

    async def channels(self) -> set[str]:
        self.send("LIST")
        return {line.params[1] for line in await self.answer("322", "323")}

    async def answer(self, item: str, end: str) -> list[Line]:
        """Wait for the reply *end*; return the replies *item* that came before it."""
        start = self._looked
        await self.expect_seen("reply", whom=end)
        return [s.raw for s in self.seen[start : self._looked] if s.whom == item]

    async def set_modes(self, channel: str, modes: str) -> None:
        """Set modes of a channel, and wait until that is so."""
        self.send(f"MODE {channel} {modes}")
        await self.expect(
            lambda s: s.raw.command == "MODE" and s.raw.params[0] == channel, f"MODE {modes}"
        )

    async def history(self, target: str, limit: int = 100) -> list[Line]:
        """Return the messages of *target* as CHATHISTORY tells them; needs capabilities."""
        self.send(f"CHATHISTORY LATEST {target} * {limit}")
        opened = await self.expect(
            lambda s: s.raw.command == "BATCH" and s.raw.params[0][0] == "+", "history"
        )
        reference = opened.raw.params[0][1:]
        start = self._looked
        await self.expect(
            lambda s: s.raw.command == "BATCH" and s.raw.params[0] == f"-{reference}", "its end"
        )
        lines = [s.raw for s in self.seen[start : self._looked]]
        return [line for line in lines if line.tags.get("batch") == reference]


class Ircv3Client(IrcClient):
    """A client with capabilities; what it says comes back to it."""

    protocol = "ircv3"
    caps = (
        "message-tags server-time echo-message labeled-response batch account-tag away-notify"
        " extended-join multi-prefix setname invite-notify standard-replies cap-notify chghost"
        " userhost-in-names draft/chathistory draft/event-playback"
    )
