"""The server is killed at a random moment of heavy talk, again and again.

Whatever anyone was shown, or had acknowledged, must have been on disk before. So after each
restart, with the same data directory all the time:

- every message of which a copy arrived anywhere, or whose sender was told that it was done (an
  echo, a labelled ACK), is in history exactly once, with its id, its sender and its words:
  in the database, and for channels page by page through CHATHISTORY;
- every topic, mode, ban and password that was seen is in the log, and the channel is as the
  log says: what was seen last, or something later that nobody saw any more;
- the sequence numbers of each start have no gap, clocks only go up, and the order of the ids
  on the wire is the order of history and the order in which each client was told;
- a nickname has the number it had; the database is sound.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import zlib
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import apsw
import pytest

from tertulia.domain.ids import parse_msgid
from tests.chaos.kit import CAPS, ECHO, Client, Irc, Json, Line, Server, close_all, gathered

CHANNELS = ("#lobby", "#alpha", "#beta", "#keyed")
OWN = ("#alpha", "#beta", "#keyed")
TALK = ("#lobby", "#alpha", "#beta")
PAGE = 500
WINDOW = 8
BEGINNING = "timestamp=1970-01-01T00:00:00.000Z"
CHANGES = ("TOPIC", "MODE")
WORDS = ("la", "tertulia", "sigue", "aunque", "se", "vaya", "la", "luz", "—", "½", "☕", "🕯")
TOLD = (*CHANGES, "PRIVMSG")


class Copy:
    """What a client was shown under a message id."""

    __slots__ = ("command", "cut", "msgid", "nick", "params")

    def __init__(self, msgid: str, nick: str, command: str, params: list[str]) -> None:
        self.msgid = msgid
        self.nick = nick
        self.command = command
        self.params = params
        self.cut = False

    def is_of(self, other: Copy) -> bool:
        """Whether this is a copy of *other*, which is whole; the end may never have come."""
        if (self.nick, self.command) != (other.nick, other.command):
            return False
        if self.command == "PRIVMSG" and self.cut:
            return other.params[-1].startswith(self.params[-1])
        return self.params == other.params

    def __repr__(self) -> str:
        return f"<{self.msgid} {self.nick} {self.command} {self.params} cut={self.cut}>"


def irc_copies(lines: list[Line]) -> list[Copy]:
    """Return what *lines* show; the later pieces of a split message bear no id."""
    copies: list[Copy] = []
    for line in lines:
        msgid = line.tags.get("msgid")
        if msgid is not None and line.command in TOLD:
            copies.append(Copy(msgid, line.nick, line.command, list(line.params)))
        elif line.command == "PRIVMSG":
            copies[-1].params[-1] += line.params[-1]
    if copies:
        copies[-1].cut = True
    return copies


def json_copies(documents: list[dict[str, Any]]) -> list[Copy]:
    # The classic dialect does not say whom a direct message was for: it was for this client.
    return [
        Copy(x["id"], x["name"], "PRIVMSG", [x["target"].replace("§§", "reader2"), x["message"]])
        for x in documents
        if x["op"] == "MESSAGE" and "id" in x
    ]


class Evidence:
    """What was seen of one start of the server."""

    def __init__(self) -> None:
        self.copies: dict[str, list[Copy]] = defaultdict(list)
        self.acknowledged: list[str] = []
        """The texts of messages whose sender knows only that they were taken."""
        self.keys: list[str] = []
        """The passwords of #keyed: the last that was acknowledged, and those tried later."""

    def gather(self, client: Client[Any]) -> None:
        """Add what *client* was shown."""
        found = irc_copies(client.items) if isinstance(client, Irc) else json_copies(client.items)
        ids = [copy.msgid for copy in found]
        assert ids == sorted(ids), f"{client} was told things in another order"
        for copy in found:
            self.copies[copy.msgid].append(copy)


class Talk:
    """People who talk until the server is gone."""

    def __init__(self, number: int, chance: random.Random) -> None:
        self.number = number
        self.evidence = Evidence()
        self.clients: list[Client[Any]] = []
        self._chance = chance
        self._said = 0

    async def run(self, server: Server, admin: Irc, key: str) -> None:
        """Let everyone come and talk; kill the server meanwhile."""
        admin.items.clear()  # which was history
        irc, json_ = server.ports["irc"], server.ports["json"]
        names = ("writer1", "writer2", "reader1", "silent")
        caps = (ECHO, ECHO, CAPS, CAPS)
        opened = await asyncio.gather(
            *(Irc.open(irc, name, *c) for name, c in zip(names, caps, strict=True))
        )
        writers = await asyncio.gather(Json.open(json_, "writer3"), Json.open(json_, "reader2"))
        self.clients = [admin, *opened, *writers]
        for client in opened:
            client.send(f"JOIN {','.join(TALK)}")
            await client.ask(f"JOIN #keyed {key}" if client.nick == "reader1" else "NAMES #alpha")
        for channel in TALK:
            for writer in writers:
                await writer.ask("JOIN", channel=channel)
        self.evidence.keys = [key]
        talking = asyncio.gather(
            gathered(
                self._change(admin),
                self._change_key(admin),
                *(self._write(client, "silent") for client in opened[:2]),
                self._write(opened[3], "reader2"),
                self._write_json(writers[0]),
            ),
        )
        await asyncio.sleep(self._chance.uniform(0.02, 0.6))
        await server.kill()
        await talking
        for each in self.clients:
            await each.until_end()
            self.evidence.gather(each)
        await close_all(*self.clients)

    def _text(self) -> str:
        self._said += 1
        words = " ".join(self._chance.choices(WORDS, k=self._chance.randrange(1, 12)))
        return f"{self.number}.{self._said} {words}"

    async def _labelled(self, client: Irc, label: str, rest: str, tags: str = "") -> Line:
        """Send a labelled command; return the first line of its answer."""
        since = len(client.items)
        client.send(f"@label={label}{tags} {rest}")
        line = await client.until(lambda x: x.tags.get("label") == label, since)
        assert line.command not in ("FAIL", "ERROR") and not line.command.isdigit(), line
        return line

    async def _write(self, client: Irc, friend: str) -> None:
        """Say things, some at once; with an id of one's own or without."""

        async def say_one_after_the_other() -> None:
            while not client.ended:
                target = self._chance.choice((*TALK, friend))
                text = self._text()
                own_id = f";+tertulia/id={self._said}" if self._chance.random() < 0.5 else ""
                label = f"m{self._said}"
                line = await self._labelled(client, label, f"PRIVMSG {target} :{text}", own_id)
                if line.command == "ACK":
                    self.evidence.acknowledged.append(text)
                else:
                    assert line.params == [target, text]

        await gathered(*(say_one_after_the_other() for _ in range(WINDOW)))

    async def _write_json(self, client: Json) -> None:
        """Say things, some of them longer than a line of IRC, and wait for the own copy."""
        while not client.ended:
            text = self._text()
            if self._chance.random() < 0.2:
                text = f"{text} {'largo ½☕ ' * self._chance.randrange(60, 250)}".rstrip()
            since = len(client.items)
            client.say("MESSAGE", target="writer1", message=self._text())
            client.say(
                "MESSAGE", target=self._chance.choice(TALK), message=text, id=f"{self._said}"
            )
            await client.until(
                lambda x, text=text: x.get("message") == text or x["op"] == "ERROR",  # type: ignore[misc]
                since,
            )

    async def _change(self, admin: Irc) -> None:
        """Change topics, bans and settings."""
        for n in range(1_000_000):
            for channel in OWN:
                mask = f"{self.number}.{n}!*@*"
                change = self._chance.choice(
                    [
                        f"TOPIC {channel} :topic {self.number}.{n}",
                        f"MODE {channel} +b{self._chance.choice('eI')} {mask} {mask}",
                        f"MODE {channel} +l {1000 + n}",
                        f"MODE {channel} {self._chance.choice('+-')}{self._chance.choice('Cns')}",
                    ]
                )
                await self._labelled(admin, f"c{n}", change)
            if n % 10 == 9:
                await self._labelled(admin, "less", f"MODE #alpha -b {self.number}.{n - 3}!*@*")

    async def _change_key(self, admin: Irc) -> None:
        """Change the password of #keyed."""
        for n in range(1_000_000):
            key = f"key{self.number}.{n}"
            self.evidence.keys.append(key)
            await self._labelled(admin, f"k{n}", f"MODE #keyed +k {key}")
            del self.evidence.keys[:-1]


class Settings:
    """What the log says that a channel is like."""

    def __init__(self) -> None:
        self.topic = ""
        self.key: str | None = None
        self.limit: str | None = None
        self.flags = set("nt")
        self.lists: dict[str, set[str]] = {"b": set(), "e": set(), "I": set()}

    def apply(self, fact: dict[str, Any]) -> None:
        if fact["k"] == "topic":
            self.topic = fact["topic"]
            return
        for change in fact["modes"]:
            on, mode, value = change["on"], change["mode"], change.get("value")
            if mode in self.lists:
                (self.lists[mode].add if on else self.lists[mode].discard)(value)
            elif mode == "k":
                self.key = value if on else None
            elif mode == "l":
                self.limit = value if on else None
            else:
                (self.flags.add if on else self.flags.discard)(mode)

    def letters(self) -> str:
        keyed = ("k" if self.key else "") + ("l" if self.limit else "")
        return "+" + "".join(sorted(self.flags)) + keyed


class Checker:
    """Compares what was seen with what a restart finds, one start after the other."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._seen = 0
        self._last: dict[str, str] = {}
        self.evidence: list[Evidence] = []
        self.log: dict[str, Copy] = {}
        """All that history may show, by message id."""
        self._order: dict[str, list[str]] = defaultdict(list)
        self._texts: Counter[str] = Counter()
        self._numbers: dict[str, str] = {}
        self._settings: dict[str, Settings] = defaultdict(Settings)

    async def check(self, server: Server, evidence: Evidence) -> tuple[Irc, str]:
        """Check the last start; return the admin of all channels, and the key of #keyed."""
        self.evidence.append(evidence)
        self._read_log()
        self._check_evidence(evidence)
        stranger = await Irc.open(server.ports["irc"], "stranger", *CAPS)
        for attempt in ("#keyed", "#keyed wrong"):
            answers = await stranger.ask(f"JOIN {attempt}")
            assert [x.command for x in answers] == ["475"], answers
        await stranger.close()
        admin = await Irc.open(server.ports["irc"], "admin", *CAPS)
        key = await self._enter(admin, evidence.keys)
        for channel in CHANNELS:
            fresh = await self.history(admin, channel, self._last.get(channel, BEGINNING))
            known = self._order[channel]
            assert [copy.msgid for copy in fresh] == known[len(known) - len(fresh) :]
            if fresh:
                self._last[channel] = f"msgid={fresh[-1].msgid}"
            assert self._last.get(channel, "") == (f"msgid={known[-1]}" if known else "")
        for channel in OWN:
            await self._check_settings(admin, channel)
        return admin, key

    async def _enter(self, admin: Irc, keys: list[str]) -> str:
        await admin.ask("JOIN #lobby,#alpha,#beta")
        for key in keys:
            if any(line.command == "JOIN" for line in await admin.ask(f"JOIN #keyed {key}")):
                return key
        raise AssertionError(f"none of {keys} is the password")

    async def history(self, client: Irc, channel: str, after: str) -> list[Copy]:
        """Return what CHATHISTORY shows, page by page, each message as it is in the log."""
        found: list[Copy] = []
        while True:
            lines = await client.ask(f"CHATHISTORY AFTER {channel} {after} {PAGE}")
            entries = [line for line in lines if line.tags.get("batch")]
            copies = irc_copies(entries)
            for copy in copies:
                copy.cut = False
                assert copy.is_of(self.log[copy.msgid]), (copy, self.log[copy.msgid])
            found += copies
            if sum("msgid" in line.tags for line in entries) < PAGE:
                break
            after = f"msgid={[x.tags['msgid'] for x in entries if 'msgid' in x.tags][-1]}"
        ids = [copy.msgid for copy in found]
        assert ids == sorted(set(ids)), "history is not in the order of the ids"
        return found

    def _read_log(self) -> None:
        """Take in what is new in the log."""
        db = apsw.Connection(str(self._database), flags=apsw.SQLITE_OPEN_READONLY)
        tags = {
            number: zlib.crc32(server + epoch.to_bytes(8, "big"))
            for number, server, epoch in db.execute("SELECT id, server, epoch FROM source")
        }
        last_hlc = 0
        for row_id, hlc, body in db.execute(
            "SELECT id, hlc, body FROM event WHERE id > ? ORDER BY id", (self._seen,)
        ):
            source, seq = row_id >> 40, row_id & (1 << 40) - 1
            before = self._seen & (1 << 40) - 1 if self._seen >> 40 == source else 0
            assert seq == before + 1, f"a gap in the log before {seq} of start {source}"
            assert hlc > last_hlc
            self._seen, last_hlc = row_id, hlc
            self._take(_msgid(hlc, tags[source]), json.loads(body))
        db.close()

    def _take(self, msgid: str, fact: dict[str, Any]) -> None:
        if fact["k"] == "number":
            assert self._numbers.setdefault(fact["nickname"], fact["number"]) == fact["number"]
        elif "by" in fact and fact["by"]["nick"] in self._numbers:
            assert self._numbers[fact["by"]["nick"]] == fact["by"]["number"]
        place: str = fact.get("channel") or fact.get("target") or ""
        if fact["k"] in ("topic", "modes"):
            self._settings[place].apply(fact)
        told = _told(fact)
        if told is not None:
            assert parse_msgid(msgid) is not None
            self.log[msgid] = Copy(msgid, fact["by"]["nick"], *told)
            self._order[place].append(msgid)
            if told[0] == "PRIVMSG":
                self._texts[told[1][-1]] += 1

    def _check_evidence(self, evidence: Evidence) -> None:
        for msgid, copies in evidence.copies.items():
            assert msgid in self.log, f"lost: {copies}"
            for copy in copies:
                assert copy.is_of(self.log[msgid]), (copy, self.log[msgid])
            if copies[0].command == "PRIVMSG":
                assert self._texts[self.log[msgid].params[-1]] == 1, copies
        for text in evidence.acknowledged:
            assert self._texts[text] == 1, f"acknowledged, and {self._texts[text]} times: {text}"

    async def _check_settings(self, admin: Irc, channel: str) -> None:
        wanted = self._settings[channel]
        [topic, *_] = await admin.ask(f"TOPIC {channel}")
        assert topic.params[-1] == (wanted.topic or "No topic is set")
        [modes, *_] = await admin.ask(f"MODE {channel}")
        assert modes.params[2] == wanted.letters()
        if wanted.limit is not None:
            assert modes.params[-1] == wanted.limit
        for mode, masks in wanted.lists.items():
            found = [line.params[2] for line in await admin.ask(f"MODE {channel} {mode}")]
            assert sorted(found[:-1]) == sorted(masks)

    async def check_everything(self, admin: Irc) -> None:
        """Check all starts again, from the beginning of history."""
        for evidence in self.evidence:
            self._check_evidence(evidence)
        assert max(self._texts.values()) == 1
        for channel in CHANNELS:
            everything = await self.history(admin, channel, BEGINNING)
            assert [copy.msgid for copy in everything] == self._order[channel]
        db = apsw.Connection(str(self._database), flags=apsw.SQLITE_OPEN_READONLY)
        assert db.pragma("integrity_check") == "ok"
        db.close()


def _told(fact: dict[str, Any]) -> tuple[str, list[str]] | None:
    """Return what IRC clients are shown of a fact, if it is one of those looked at."""
    if fact["k"] == "said":
        return "PRIVMSG", [fact["target"], fact["text"]]
    if fact["k"] == "topic":
        return "TOPIC", [fact["channel"], fact["topic"]]
    if fact["k"] == "ranks":
        raise AssertionError("nobody changes ranks here")
    if fact["k"] != "modes":
        return None
    letters, values, sign = "", [], ""
    for change in fact["modes"]:
        wanted = "+" if change["on"] else "-"
        letters += change["mode"] if wanted == sign else wanted + change["mode"]
        sign = wanted
        if "value" in change:
            values.append("*" if change["mode"] == "k" else change["value"])
    return "MODE", [fact["channel"], letters, *values]


def _msgid(hlc: int, tag: int) -> str:
    """Return 96 bits in a base 64 whose digits are in the order of ASCII."""
    digits = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
    value = hlc << 32 | tag
    return "".join(digits[value >> shift & 63] for shift in range(90, -1, -6))


async def _prepare(server: Server) -> Evidence:
    """Make the channels, once."""
    admin = await Irc.open(server.ports["irc"], "admin", *CAPS)
    await admin.ask("JOIN #alpha,#beta,#keyed")
    await admin.ask("MODE #keyed +k key")
    evidence = Evidence()
    evidence.keys = ["key"]
    evidence.gather(admin)
    await server.kill()
    await admin.close()
    return evidence


async def rounds(folder: Path, count: int, seed: int) -> None:
    """Kill the server *count* times."""
    data, log = folder / "data", folder / "log"
    checker = Checker(data / "tertulia.db")
    settings = {
        "LIMITS__COMMANDS_PER_SECOND": 0,
        "HISTORY__PAGE": PAGE,
        "CHANNELS__MASKS_PER_LIST": 1_000_000,
    }
    evidence = await _prepare(await Server.start(data, log, **settings))
    for number in range(count + 1):
        server = await Server.start(data, log, **settings)
        try:
            admin, key = await checker.check(server, evidence)
            if number == count:
                await checker.check_everything(admin)
                await admin.close()
                break
            talk = Talk(number, random.Random(f"{seed}.{number}"))
            await talk.run(server, admin, key)
            evidence = talk.evidence
        except BaseException as error:
            error.add_note(f"in round {number} of seed {seed}: TERTULIA_CHAOS_SEED={seed}")
            raise
        finally:
            await server.kill()
        assert server.faults() == []
    seen = sum(len(evidence.copies) for evidence in checker.evidence)
    copies = sum(len(c) for evidence in checker.evidence for c in evidence.copies.values())
    told = sum(len(evidence.acknowledged) for evidence in checker.evidence)
    print(
        f"\n{count} times killed (seed {seed}): {len(checker.log)} events, {seen} of them seen"
        f" in {copies} copies, {told} known by an acknowledgement alone"
    )
    assert seen > 10 * count


def _seed(default: int) -> int:
    return int(os.environ.get("TERTULIA_CHAOS_SEED", default))


async def test_what_was_seen_before_a_kill_is_there_after_it(tmp_path):
    await rounds(tmp_path, 10, _seed(1))


@pytest.mark.chaos
@pytest.mark.timeout(3600)
async def test_what_was_seen_before_200_kills_is_there_after_them(tmp_path):
    await rounds(tmp_path, 200, _seed(random.SystemRandom().randrange(1_000_000)))
