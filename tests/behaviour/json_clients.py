"""JSON clients: with the habits of the two old programs, and new programs that read by line."""

from __future__ import annotations

import json
import re
from typing import Any, ClassVar

from tests.behaviour.clients import Client, Seen
from tests.behaviour.irc_clients import LINE_ENDS

FRAME_BYTES = 1024

SENTENCES = [
    ("joined", r"(?P<by>\S+) joined (?P<where>#\S+)"),
    ("promoted", r"(?P<by>\S+) made (?P<whom>\S+) an admin of (?P<where>#\S+)"),
    ("promoted", r"(?P<whom>\S+) is an admin of (?P<where>#\S+)"),
    ("left", r"(?P<by>\S+) left (?P<where>#\S+?)(: (?P<text>.*))?"),
    ("quit", r"(?P<by>\S+) left the server(: (?P<text>.*))?"),
    ("kicked", r"(?P<by>\S+) kicked (?P<whom>\S+) out of (?P<where>#\S+?)(: (?P<text>.*))?"),
    ("renamed", r"(?P<by>\S+) is now called (?P<whom>\S+)"),
    ("topic", r"(?P<by>\S+) set the topic of (?P<where>#\S+): (?P<text>.*)"),
]


class JsonClient(Client):
    """What the JSON clients share; they are told of most things in sentences."""

    can_identify = True
    by_line: ClassVar[bool] = False
    user_field: ClassVar[str] = "username"
    password_field: ClassVar[str] = "password"

    def send(self, op: str, **fields: Any) -> None:
        """Send a document; lone surrogates in it are escaped, as JSON lets one do."""
        document = json.dumps({"op": op, **fields})
        self.raw((document + "\n" if self.by_line else document).encode())

    async def next_seen(self) -> Seen | None:
        if self.by_line:
            chunk = await self.reader.readline()
        else:
            chunk = await self.reader.read(FRAME_BYTES)
            assert len(chunk) in (0, FRAME_BYTES), chunk
        if not chunk:
            return None
        document = json.loads(chunk)
        assert isinstance(document, dict), document
        if self.strict:
            self._check_texts(document)
        self.check(document)
        return self._seen(document)

    def _check_texts(self, document: dict[str, Any]) -> None:
        for text in _texts(document):
            text.encode()
            assert not LINE_ENDS & set(text), document
            assert all(c >= " " and not "\x7f" <= c <= "\x9f" for c in text), document

    def check(self, document: dict[str, Any]) -> None:
        """Check that the program would survive *document*."""

    def _seen(self, document: dict[str, Any]) -> Seen:
        op, text = document["op"], document.get("message", "")
        by = document.get("user", "")
        where = document.get("channel", "")
        if op == "MESSAGE":
            if document.get("name", "*") == "*":
                return self._seen_sentence(document)
            return self._seen_text(document)
        if op == "ERROR":
            if str(document.get("hash", "")).startswith("fence"):
                return Seen("fence", text=document["hash"], raw=document)
            return Seen("error", text=text, raw=document)
        if op == "JOIN":
            return Seen("joined", by, where, raw=document)
        if op == "PART":
            return Seen("left", by, where, text, raw=document)
        if op == "ADMIN":
            return Seen("promoted", "", where, whom=by, raw=document)
        if op == "KICK":
            return Seen("kicked", "", where, text, by, raw=document)
        if op == "DISCONNECT":
            return Seen("goodbye", text=text, raw=document)
        return Seen("reply", text=text, whom=op, raw=document)

    def _seen_text(self, document: dict[str, Any]) -> Seen:
        by, where, text = document["name"], document["target"], document["message"]
        kind = "said" if where[0] in "#*&" else "told"
        if text.startswith(f"* {by} "):
            kind, text = "action", text.removeprefix(f"* {by} ")
        if kind == "told" and where in ("§§", self.nick):
            where = self.nick
        return Seen(kind, by, where, text, raw=document)

    def _seen_sentence(self, document: dict[str, Any]) -> Seen:
        text = document["message"]
        for kind, pattern in SENTENCES:
            if found := re.fullmatch(pattern, text):
                fields = {key: value or "" for key, value in found.groupdict().items()}
                if kind == "renamed" and fields["by"] == self.nick:
                    self.nick = fields["whom"]
                return Seen(kind, **fields, raw=document)
        return Seen("reply", text=text, whom="MESSAGE", raw=document)

    # What is done

    def ask_fence(self, token: str) -> None:
        self.send("USERS", channel=f"#{token}", hash=token)

    def named_channel(self, channel: str) -> str:
        """Return how JOIN, PART and the like name *channel*."""
        return channel

    def join(self, channel: str, password: str | None = None) -> None:
        secret = {} if password is None else {self.password_field: password}
        self.send("JOIN", channel=self.named_channel(channel), **self._me(), **secret)

    def part(self, channel: str, reason: str = "") -> None:
        more = {"message": reason} if reason else {}
        self.send("PART", channel=self.named_channel(channel), **self._me(), **more)

    def _me(self) -> dict[str, str]:
        return {self.user_field: self.nick}

    def say(self, where: str, text: str) -> None:
        self.send("MESSAGE", target=where, message=text, **self._me())

    def rename(self, nick: str) -> None:
        self.send("LOGIN", name=nick)

    def kick(self, channel: str, whom: str, reason: str = "") -> None:
        more = {"message": reason} if reason else {}
        self.send("KICK", channel=channel, **{self.user_field: whom}, **more)

    def promote(self, channel: str, whom: str) -> None:
        self.send("ADMIN", channel=channel, **{self.user_field: whom})

    def quit(self, reason: str = "") -> None:
        self.send("DISCONNECT", **({"message": reason} if reason else {}))

    async def listed(self, op: str, keys: tuple[str, str], **fields: str) -> set[str]:
        """Ask for a list that has an op of its own."""
        self.send(op, hash="list", **fields)
        seen = await self.expect_seen("reply", whom=op)
        assert seen.raw["hash"] == "list"
        assert seen.raw[keys[0]] == seen.raw[keys[1]]
        return set(seen.raw[keys[0]])

    async def users(self, channel: str | None = None) -> set[str]:
        fields = {} if channel is None else {"channel": channel}
        return await self.listed("USERS", ("users", "userList"), **fields)

    async def channels(self) -> set[str]:
        return await self.listed("CHANNELS", ("channels", "channelList"))


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for one in inside for text in _texts(one)]


class ClassicClient(JsonClient):
    """The classic program: it waits for a greeting, and shows only what has a message."""

    protocol = "json"
    scheme = "json"
    user_field = "name"
    password_field = "pass"

    def check(self, document: dict[str, Any]) -> None:
        assert "message" in document or document["op"] == "LOGIN", document
        for name in ("name", "target"):
            shown = document.get(name, "")
            assert shown == shown.lower(), document

    async def log_in(self, nick: str) -> None:
        self.try_to_log_in(nick)
        await self.expect(lambda s: bool(s.text), "the greeting")
        await self.expect(lambda s: s.raw == {"op": "LOGIN", "name": nick}, "the answer to LOGIN")

    def try_to_log_in(self, nick: str) -> None:
        self.nick = nick
        self.send("LOGIN", name=nick)

    async def expect_refusal(self, *words: str) -> None:
        # The program asks for another name, on the same connection.
        await self.expect_error(*words)
        self.nick = "rita"
        self.send("LOGIN", name="rita")
        await self.expect(lambda s: s.raw == {"op": "LOGIN", "name": "rita"}, "the answer")

    def named_channel(self, channel: str) -> str:
        return channel.removeprefix("#")

    async def listed(self, op: str, keys: tuple[str, str], **fields: str) -> set[str]:
        self.send(op, hash="list", **fields)
        head = {"USERS": "Users", "CHANNELS": "Channels"}[op]
        if "channel" in fields:
            head += f" in {fields['channel']}"
        seen = await self.expect(
            lambda s: s.kind == "reply" and s.text.startswith(f"{head}: "), f"the list of {head}"
        )
        return set(seen.text.removeprefix(f"{head}: ").split(", "))


class DiscoveryClient(JsonClient):
    """The discovery program: it says LOGIN at once, and has an op for most things."""

    protocol = "rech"
    scheme = "rech"
    user_field = "user"
    password_field = "pass"

    def check(self, document: dict[str, Any]) -> None:
        needed = {
            "MESSAGE": {"name", "target", "message"},
            "JOIN": {"user", "channel"},
            "PART": {"user", "channel"},
            "ADMIN": {"user", "channel"},
            "KICK": {"user", "channel"},
            "USERS": {"users", "hash"},
            "IDENTITY": {"name", "number", "token", "message"},
            "CHANNELS": {"channels"},
            "ERROR": {"message"},
            "DISCONNECT": {"message"},
        }
        assert needed[document["op"]] <= document.keys(), document

    async def log_in(self, nick: str) -> None:
        self.try_to_log_in(nick)
        await self.fence()

    def try_to_log_in(self, nick: str) -> None:
        self.nick = nick
        self.send("LOGIN", name=nick)

    async def expect_refusal(self, *words: str) -> None:
        await self.expect_goodbye(*words)

    async def expect_quit(self, who: str) -> Seen:
        # This dialect knows only PART, of the one channel that both are in or of all.
        return await self.expect_seen("left", by=who)


class ClassicProgram(ClassicClient):
    """A new program on the classic port: it sends lines, and is sent lines."""

    protocol = "json-lines"
    by_line = True


class DiscoveryProgram(DiscoveryClient):
    """A new program that speaks the discovery dialect in lines."""

    protocol = "rech-lines"
    by_line = True
    user_field = "username"
    password_field = "password"

    def check(self, document: dict[str, Any]) -> None:
        needed = {"DELIVERED": {"name", "id"}, "SEEN": {"name", "id"}, "TOKEN": {"token"}}
        if document["op"] in needed:
            assert needed[document["op"]] <= document.keys(), document
        else:
            super().check(document)
