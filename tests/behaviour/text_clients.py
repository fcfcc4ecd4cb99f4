"""Clients of the protocols of lines: PyChat's, and what people use to come to the chat room."""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import Any, ClassVar

from tests.behaviour.clients import Client, Seen
from tests.behaviour.irc_clients import LINE_ENDS
from tests.behaviour.json_clients import SENTENCES

FRAME_BYTES = 1024
LOBBY = "#lobby"
_FENCE = re.compile(r"There is no user (fence\d+)")


class TextClient(Client):
    """What a person reads; most of it is sentences."""

    end: ClassVar[str] = "\n"

    def send(self, line: str) -> None:
        """Send a line."""
        self.raw(f"{line}{self.end}".encode())

    async def next_seen(self) -> Seen | None:
        data = await self.next_message()
        if not data:
            return None
        text = data.decode()
        if self.strict:
            assert text and not LINE_ENDS & set(text), data
            assert all(c >= " " and not "\x7f" <= c <= "\x9f" for c in text), data
        return self.seen_in(text)

    async def next_message(self) -> bytes:
        line = await self.reader.readline()
        assert line.endswith(self.end.encode()) or not line, line
        return line.removesuffix(self.end.encode())

    @abstractmethod
    def seen_in(self, text: str) -> Seen:
        """Return what one line says."""

    def seen_sentence(self, text: str, otherwise: str) -> Seen:
        """Return what a sentence of the server says."""
        if found := _FENCE.fullmatch(text):
            return Seen("fence", text=found[1], raw=text)
        for kind, pattern in SENTENCES:
            if found := re.fullmatch(pattern, text):
                return self.happened(kind, found.groupdict(""), text)
        return Seen(otherwise, text=text, raw=text)

    def happened(self, kind: str, fields: dict[str, Any], raw: str) -> Seen:
        """Keep in mind what concerns the client itself."""
        if kind == "renamed" and fields["by"] == self.nick:
            self.nick = fields["whom"]
        return Seen(kind, **fields, raw=raw)

    async def expect_goodbye(self, *words: str) -> Seen:
        # It is told in a sentence like any other.
        await self.expect_closed()
        last = self.seen[-1]
        assert all(word.lower() in last.text.lower() for word in words), last
        return last

    async def answer(self, head: str) -> str:
        """Wait for the answer that begins with *head*; return the rest."""
        seen = await self.expect(lambda s: s.text.startswith(head), head)
        return seen.text.removeprefix(head)


class ChatRoomClient(TextClient):
    """Somebody with nc."""

    protocol = "chatroom"
    scheme = "chatroom"
    can_act = True
    comes_as_guest = True

    def __init__(self) -> None:
        super().__init__()
        self.places = [LOBBY]
        """The channels that one is in; where one talks is the last."""

    async def next_message(self) -> bytes:
        line = await self.reader.readline()
        # Until something was said, nobody knows how lines end here.
        end = b"\r\n" if line.endswith(b"\r\n") else self.end.encode()
        assert not line or line.endswith(end), line
        return line.removesuffix(end)

    def seen_in(self, text: str) -> Seen:
        if text.startswith("-- "):
            if found := re.fullmatch(r"-- You talk in (\S+) now", text):
                self._talk_in(found[1])
            return Seen("reply", text=text.removeprefix("-- "), raw=text)
        if text.startswith("!! "):
            return self.seen_sentence(text.removeprefix("!! "), "error")
        found = re.fullmatch(r"\[\d\d:\d\d\] (.*)", text)
        assert found, text
        if found[1].startswith("-- "):
            return self.seen_sentence(found[1].removeprefix("-- "), "reply")
        return self._seen_message(found[1])

    def _seen_message(self, text: str) -> Seen:
        if found := re.fullmatch(r"(?:(#\S+) )?\* (\S+) (.*)", text):
            return Seen("action", found[2], found[1] or self.places[-1], found[3], raw=text)
        found = re.fullmatch(r"(?:(#\S+) )?([^\s#]\S*)( \([a-z ]+\))?: (.*)", text)
        assert found, text
        where, by, aside, said = found.groups()
        if aside == " (private)":
            return Seen("told", by, self.nick, said, raw=text)
        everyone = {" (to everyone)": "*", " (to everyone here)": "&"}
        return Seen("said", by, everyone.get(aside, where or self.places[-1]), said, raw=text)

    def happened(self, kind: str, fields: dict[str, Any], raw: str) -> Seen:
        who = fields["whom"] if kind == "kicked" else fields.get("by")
        where = fields.get("where", "").lower()
        if who == self.nick and kind in ("left", "kicked") and where in self.places:
            self.places.remove(where)
        elif who == self.nick and kind == "joined":
            self.places.insert(max(0, len(self.places) - 1), fields["where"].lower())
        return super().happened(kind, fields, raw)

    def _talk_in(self, channel: str) -> None:
        channel = channel.lower()
        if channel in self.places:
            self.places.remove(channel)
        self.places.append(channel)

    # What is done

    def try_to_log_in(self, nick: str) -> None:
        self.send(f"/nick {nick}")

    async def expect_refusal(self, *words: str) -> None:
        await self.expect_error(*words)
        await self.log_in("rita")

    async def log_in(self, nick: str) -> None:
        self.try_to_log_in(nick)
        await self.expect_seen("renamed", whom=nick)
        self.nick = nick

    def ask_fence(self, token: str) -> None:
        self.send(f"/who {token}")

    def join(self, channel: str, password: str | None = None) -> None:
        self.send(f"/join {channel} {password or ''}")

    def part(self, channel: str, reason: str = "") -> None:
        self.send(f"/part {channel} {reason}")

    def say(self, where: str, text: str) -> None:
        self.send(f"/msg {where} {text}")

    def act(self, where: str, text: str) -> None:
        assert where == self.places[-1]
        self.send(f"/me {text}")

    def poke(self, whom: str) -> None:
        self.send(f"/poke {whom}")

    def rename(self, nick: str) -> None:
        self.send(f"/nick {nick}")

    def kick(self, channel: str, whom: str, reason: str = "") -> None:
        self.send(f"/kick {whom} {reason}")

    def promote(self, channel: str, whom: str) -> None:
        self.send(f"/admin {whom}")

    def quit(self, reason: str = "") -> None:
        self.send(f"/quit {reason}")

    async def users(self, channel: str | None = None) -> set[str]:
        self.send("/who" if channel is None else f"/users {channel}")
        head = "Users: " if channel is None else f"Users in {channel}: "
        return set((await self.answer(head)).split(", "))

    async def channels(self) -> set[str]:
        self.send("/channels")
        return set((await self.answer("Channels: ")).split(", "))


class TelnetClient(ChatRoomClient):
    """Somebody with a telnet program that negotiates."""

    protocol = "telnet"
    end = "\r\n"

    async def open(self, port: int, host: str = "127.0.0.1", tls: Any = None) -> None:
        await super().open(port, host, tls)
        self.raw(b"\xff\xfb\x1f\xff\xfd\x03\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0")

    async def next_message(self) -> bytes:
        return re.sub(rb"\xff[\xfb-\xfe].", b"", await super().next_message(), flags=re.DOTALL)


class PyChatProgram(TextClient):
    """A new program, which sends lines and is sent lines."""

    protocol = "pychat-lines"
    scheme = "pychat"
    any_room = False

    def seen_in(self, text: str) -> Seen:
        if not text.startswith("!"):
            return self._seen_plain(text)
        command, _, rest = text.partition(" ")
        first, _, second = rest.partition(" ")
        if command == "!msg":
            return Seen("said", first, LOBBY, second, raw=text)
        if command == "!poke":
            return Seen("poked", first, whom=second, raw=text)
        if command == "!changenickname":
            return self.happened("renamed", {"by": first, "whom": second}, text)
        assert command == "!users", text
        assert int(first) == len(second.split(" ")), text
        return Seen("reply", text=rest, raw=text)

    def _seen_plain(self, text: str) -> Seen:
        if found := re.fullmatch(r"(\S+) \(to you\): (.*)", text):
            return Seen("told", found[1], self.nick, found[2], raw=text)
        if found := re.fullmatch(r"\* (\S+) (.*)", text):
            return Seen("action", found[1], LOBBY, found[2], raw=text)
        return self.seen_sentence(text, "error")

    async def expect_poked(self, by: str, whom: str) -> Seen:
        return await self.expect_seen("poked", by=by, whom=whom)

    # What is done

    def try_to_log_in(self, nick: str) -> None:
        self.nick = nick
        self.send(f"!nick {nick}")

    async def expect_refusal(self, *words: str) -> None:
        await self.expect_error(*words)
        await self.log_in("rita")

    async def log_in(self, nick: str) -> None:
        self.try_to_log_in(nick)
        await self.expect_seen("reply")

    def ask_fence(self, token: str) -> None:
        self.send(f"!poke {token}")

    def join(self, channel: str, password: str | None = None) -> None:
        assert channel == LOBBY, "there is no other room"

    def part(self, channel: str, reason: str = "") -> None:
        raise NotImplementedError

    def say(self, where: str, text: str) -> None:
        assert where == LOBBY, "there is no other room"
        self.send(f"!sendmsg {text}")

    def poke(self, whom: str) -> None:
        self.send(f"!poke {whom}")

    def rename(self, nick: str) -> None:
        self.send(f"!changenickname {nick}")

    def kick(self, channel: str, whom: str, reason: str = "") -> None:
        raise NotImplementedError

    def promote(self, channel: str, whom: str) -> None:
        raise NotImplementedError

    def quit(self, reason: str = "") -> None:
        self.send("!exit")

    async def users(self, channel: str | None = None) -> set[str]:
        self.send("!users")
        return set((await self.expect_seen("reply")).text.split(" ")[1:])

    async def channels(self) -> set[str]:
        raise NotImplementedError


class PyChatClient(PyChatProgram):
    """The original program: what it sends has no end, and what it reads at once is a message.

    So it must not send again before what it sent was answered or seen.
    """

    protocol = "pychat"
    end = ""

    async def next_message(self) -> bytes:
        return await self.reader.read(FRAME_BYTES)
