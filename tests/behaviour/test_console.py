"""What the operator does at the control socket, and what the people on the server see of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tertulia.domain.console import NUMBER
from tertulia.server import listeners
from tertulia.server.app import Server
from tests.behaviour.clients import PATIENCE_S
from tests.behaviour.irc_clients import IrcClient
from tests.behaviour.json_clients import ClassicClient, DiscoveryClient, DiscoveryProgram
from tests.behaviour.operators import Operator, operator_of
from tests.behaviour.places import SERVER, Disk, Place, running, settings

TEA = "#tea"


@pytest.fixture
async def boss(place: Place, tmp_path: Path) -> AsyncIterator[Operator]:
    async with operator_of(tmp_path / "data") as one:
        yield one


# What is said


async def test_everyone_in_a_channel_hears_the_server(
    place: Place, boss: Operator, protocol: str
) -> None:
    ana = await place.meet(protocol, "ana")
    await ana.enter(TEA)
    assert await boss.do("say", target=TEA, text="olá, café") == f"Said to {TEA}"
    await ana.expect_said(SERVER, TEA, "olá, café")
    channels = {row["name"]: row for row in await boss.do("channels")}
    await boss.do("say", target=channels[TEA]["number"], text="by number")
    await ana.expect_said(SERVER, TEA, "by number")


@pytest.mark.parametrize("target", ["*", "&"])
async def test_everyone_on_the_server_hears_it(
    place: Place, boss: Operator, protocol: str, target: str
) -> None:
    ana = await place.meet(protocol, "ana")
    for i in range(8):  # more than others may say in a row
        await boss.do("say", target=target, text=f"notice {i}")
        await ana.expect_said(SERVER, target, f"notice {i}")


async def test_one_user_is_told(place: Place, boss: Operator, protocol: str) -> None:
    ana = await place.meet(protocol, "ana")
    bob = await place.meet(protocol, "bob")
    assert await boss.do("say", target="ANA", text="psst") == "Said to ana"
    await ana.expect_told(SERVER, "psst")
    number = next(row["number"] for row in await boss.do("users") if row["nick"] == "ana")
    await boss.do("say", target=number, text="again")
    await ana.expect_told(SERVER, "again")
    assert await bob.rest() == []


async def test_a_numeric_user_is_told_by_a_number_that_is_nobodys(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with running(data, schemes=("numeric",)) as place, operator_of(data) as boss:
        reader, writer = await asyncio.open_connection("127.0.0.1", place.ports["numeric"])
        writer.write(b"01")
        number = (await read(reader)).removeprefix("02")
        writer.write(f"03{number}".encode())
        while await boss.do("users") == []:
            pass
        (row,) = await boss.do("users")
        assert (row["nick"], row["protocol"]) == (f"n{number}", "numeric")
        for target in (number, "&"):
            await boss.do("say", target=target, text="olá")
            frame = await read(reader)
            assert frame.startswith(f"06{NUMBER}{number}") and frame.endswith("olá")
        # What they answer to is nobody, and breaks nothing.
        writer.write(f"05{number}{NUMBER}1700000000hello".encode())
        writer.write(f"08{NUMBER}1700000000".encode())
        await boss.do("kill", user=number, reason="enough")
        assert await read(reader) == ""
        writer.close()


async def read(reader: asyncio.StreamReader) -> str:
    async with asyncio.timeout(PATIENCE_S):
        return (await reader.read(1024)).decode()


async def test_who_is_not_here_is_told_when_they_come(
    place: Place, boss: Operator, tmp_path: Path
) -> None:
    ana = await place.come(DiscoveryProgram, "ana")
    ana.send("IDENTITY")
    identity = (await ana.expect_seen("reply", whom="IDENTITY")).raw
    await ana.drop()
    bob = await place.irc("bob")
    await bob.expect_absent("ana")
    told = await boss.do("say", target="ana", text="see you at five")
    assert told == "ana is not here; the message waits for them"
    assert (await boss.do("stats"))["waiting"] == 1
    assert [row["nick"] for row in await boss.do("users")] == ["bob"]
    rows = await boss.do("users", absent=True)
    assert [(row["nick"], row["here"], row["waiting"]) for row in rows] == [
        ("bob", True, 0),
        ("ana", False, 1),
    ]
    again = await place.knock(DiscoveryProgram)
    again.nick = "ana"
    again.send("LOGIN", name="ana", number=identity["number"], token=identity["token"])
    await again.expect_told(SERVER, "see you at five")


async def test_a_channel_that_takes_no_messages_takes_these(place: Place, boss: Operator) -> None:
    ana = await place.irc("ana")
    await ana.enter(TEA)
    await ana.set_modes(TEA, "+mnb *!*@*")
    await boss.do("say", target=TEA, text="order!")
    await ana.expect_said(SERVER, TEA, "order!")


async def test_long_and_dangerous_texts_are_as_safe_as_those_of_others(
    place: Place, boss: Operator, protocol: str
) -> None:
    ana = await place.meet(protocol, "ana")
    await ana.enter(TEA)
    await boss.do("say", target=TEA, text="a\r\nQUIT :x\0\x1b[31m")
    await ana.expect(lambda s: s.kind == "said" and "QUIT :x[31m" in s.text, "one line")
    await boss.do("say", target=TEA, text="word " * 700 + "end")
    await ana.expect(lambda s: s.kind == "said" and s.text.endswith("end"), "the last piece")
    assert "longer than" in await boss.refused("say", target=TEA, text="x" * 5000)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"target": "nobody", "text": "x"}, "There is no user nobody"),
        ({"target": "", "text": "x"}, "There is no user "),
        ({"target": "#nowhere", "text": "x"}, "There is no channel #nowhere"),
        ({"target": "1000000000009", "text": "x"}, "There is no channel 1000000000009"),
        ({"target": "&", "text": " \r\n"}, "There is no text to send"),
    ],
)
async def test_what_cannot_be_said(boss: Operator, fields: dict[str, str], why: str) -> None:
    assert await boss.refused("say", **fields) == why


# Channels


async def test_a_topic_is_set_shown_and_taken_away(
    place: Place, boss: Operator, protocol: str
) -> None:
    ana = await place.meet(protocol, "ana")
    await ana.enter(TEA)
    assert await boss.do("topic", channel=TEA) == {
        "channel": TEA, "topic": None, "by": None, "at": None,
    }  # fmt: skip
    assert (await boss.do("topic", channel="tea", topic="Green"))["topic"] == "Green"
    await ana.expect_topic(TEA, "Green")
    found = await boss.do("topic", channel=TEA)
    assert (found["topic"], found["by"]) == ("Green", SERVER)
    assert (await boss.do("topic", channel=TEA, topic=""))["topic"] is None
    assert await boss.refused("topic", channel="nowhere") == "There is no channel nowhere"


async def test_someone_is_kicked_out_of_a_channel(
    place: Place, boss: Operator, protocol: str
) -> None:
    ana, bob = await place.meet(protocol, "ana"), await place.irc("bob")
    await ana.enter(TEA)
    await bob.enter(TEA)
    told = await boss.do("kick", channel=TEA, user="bob", reason="late")
    assert told == f"bob was kicked out of {TEA}"
    await ana.expect_kicked("bob", TEA, "late")
    await bob.expect_kicked("bob", TEA, "late")
    assert await boss.refused("kick", channel=TEA, user="bob") == f"bob is not in {TEA}"
    assert await boss.refused("kick", channel=TEA, user="eva") == "There is no user eva"


async def test_someone_is_disconnected(place: Place, boss: Operator, protocol: str) -> None:
    ana, bob = await place.meet(protocol, "ana"), await place.irc("bob")
    await ana.enter(TEA)
    await bob.enter(TEA)
    assert await boss.do("kill", user="ana", reason="too loud") == "ana was disconnected"
    await ana.expect_goodbye("Killed", SERVER, "too loud")
    await bob.expect_quit("ana")
    assert await boss.refused("kill", user="ana") == "There is no user ana"


async def test_a_ban_keeps_people_out_until_it_is_taken_back(place: Place, boss: Operator) -> None:
    ana, bob = await place.irc("ana"), await place.irc("bob")
    await ana.enter(TEA)
    assert await boss.do("ban", channel=TEA, mask="bob") == f"bob!*@* is banned from {TEA}"
    await ana.expect_seen("reply", whom="MODE", text=f"{TEA} +b bob!*@*")
    bob.join(TEA)
    await bob.expect_error("banned")
    number = next(row["number"] for row in await boss.do("users") if row["nick"] == "bob")
    told = await boss.do("ban", channel=TEA, mask=number, on=False)
    assert told == f"bob!*@* is no longer banned from {TEA}"
    await bob.enter(TEA)
    why = await boss.refused("ban", channel=TEA, mask="bob", on=False)
    assert why == f"bob!*@* is not in the +b list of {TEA}"
    for mask in ("", " ", "a b"):
        assert "mask" in await boss.refused("ban", channel=TEA, mask=mask)


async def test_someone_becomes_admin_and_is_no_longer(
    place: Place, boss: Operator, protocol: str
) -> None:
    ana, bob = await place.meet(protocol, "ana"), await place.irc("bob")
    await ana.enter(TEA)
    await bob.enter(TEA)
    assert await boss.do("op", channel=TEA, user="bob") == f"bob is an admin of {TEA}"
    await ana.expect_promoted("bob", TEA)
    told = await boss.do("op", channel=TEA, user="bob", on=False)
    assert told == f"bob is no longer an admin of {TEA}"
    bob.kick(TEA, "ana")
    await bob.expect_error()
    assert await boss.refused("op", channel=TEA, user="eva") == "There is no user eva"


# What there is


async def test_lists_tell_everything_but_passwords(place: Place, boss: Operator) -> None:
    ana = await place.ircv3("ana")
    await ana.enter(TEA)
    await ana.set_modes(TEA, "+slk 9 canela")
    await ana.set_modes(TEA, "+i")
    ana.set_topic(TEA, "Green")
    ana.send("AWAY :lunch")
    await ana.fence()
    rui = await place.come(ClassicClient, "rui")
    await rui.enter("#coffee")
    users = {row["nick"]: row for row in await boss.do("users")}
    assert list(users) == ["ana", "rui"]
    assert users["ana"]["protocol"] == "irc" and users["rui"]["protocol"] == "json"
    assert users["ana"]["channels"] == [TEA] and users["ana"]["away"] == "lunch"
    assert users["ana"]["address"] == "127.0.0.1" and not users["ana"]["operator"]
    assert users["ana"]["since"].endswith("Z") and len(users["ana"]["number"]) == 13
    assert [row["nick"] for row in await boss.do("users", channel="tea")] == ["ana"]
    answer = await boss.ask("channels")
    rows = {row["name"]: row for row in answer["ok"]}
    assert set(rows) == {"#lobby", TEA, "#coffee"}
    tea = rows[TEA]
    assert (tea["users"], tea["modes"], tea["password"]) == (1, "+instl 9", True)
    assert (tea["topic"], tea["admins"]) == ("Green", ["ana"])
    assert rows["#coffee"]["password"] is False
    assert "canela" not in str(answer) and "argon2" not in str(answer)
    assert await boss.refused("users", channel="nowhere") == "There is no channel nowhere"


async def test_a_member_of_a_channel_who_is_not_here(place: Place, boss: Operator) -> None:
    ana = await place.irc("ana")
    await ana.enter(TEA)
    number = place.server.hub.chat.register()
    ana.send(f"INVITE n{number} {TEA}")
    await ana.fence()
    assert [row["nick"] for row in await boss.do("users", channel=TEA)] == ["ana"]
    rows = await boss.do("users", channel=TEA, absent=True)
    assert [(row["nick"], row["here"]) for row in rows] == [("ana", True), (f"n{number}", False)]
    told = await boss.do("kick", channel=TEA, user=number)
    assert told == f"n{number} was kicked out of {TEA}"
    await ana.expect_kicked(f"n{number}", TEA, SERVER)
    assert len(await boss.do("users", channel=TEA, absent=True)) == 1
    assert await boss.refused("kick", channel=TEA, user=number) == f"n{number} is not in {TEA}"


async def test_stats(place: Place, boss: Operator) -> None:
    before = await boss.do("stats")
    assert before["users"] == 0 and before["protocols"] == {}
    ana = await place.irc("ana")
    await ana.enter(TEA)
    await place.come(DiscoveryClient, "eva")
    after = await boss.do("stats")
    assert after["server"] == SERVER
    assert after["protocols"] == {"irc": 1, "json": 1}
    assert (after["users"], after["connections"], after["channels"]) == (2, 2, 2)
    assert after["events"] > before["events"]
    assert after["uptime_s"] > before["uptime_s"]
    assert after["memory_bytes"] > 1 << 20
    assert after["database_bytes"] > 4096


# Disk


class HeldLog:
    """The log, which takes nothing until it is let go."""

    def __init__(self, place: Place) -> None:
        gate: Any = place.server.hub.gate
        self._log = gate._log
        self._kept: list[tuple[Any, ...]] = []
        self.is_held = True
        self.asked = asyncio.Event()
        gate._log = self

    def append(self, events: Any, writes: Any, done: Callable[..., None], copied: Any) -> None:
        if self.is_held:
            self._kept.append((events, writes, done, copied))
            self.asked.set()
        else:
            self._log.append(events, writes, done, copied)

    def let_go(self) -> None:
        self.is_held = False
        for item in self._kept:
            self._log.append(*item)


@pytest.mark.parametrize(
    ("do", "fields"),
    [
        ("say", {"target": TEA, "text": "x"}),
        ("topic", {"channel": TEA, "topic": "x"}),
        ("ban", {"channel": TEA, "mask": "bob"}),
        ("op", {"channel": TEA, "user": "bob"}),
        ("kick", {"channel": TEA, "user": "bob"}),
        ("kill", {"user": "bob"}),
    ],
)
async def test_it_is_on_disk_before_it_is_done(
    place: Place, boss: Operator, tmp_path: Path, do: str, fields: dict[str, str]
) -> None:
    ana, bob = await place.irc("ana"), await place.irc("bob")
    await ana.enter(TEA)
    await bob.enter(TEA)
    await ana.fence()
    before = len(ana.seen)
    log = HeldLog(place)
    boss.begin(do, **fields)
    await log.asked.wait()
    # What needs no disk is answered meanwhile, on another connection.
    async with operator_of(tmp_path / "data") as other:
        await other.do("stats")
    assert not boss.reader._buffer  # type: ignore[attr-defined]
    assert len(ana.seen) == before
    log.let_go()
    assert "ok" in await boss.answer()
    await ana.fence()
    assert next(s.raw.by for s in ana.seen[before:]) in (SERVER, "bob")


async def test_a_full_disk_refuses_what_must_be_written(place: Place, boss: Operator) -> None:
    ana, bob = await place.irc("ana"), await place.irc("bob")
    await ana.enter(TEA)
    await bob.enter(TEA)
    await ana.rest()
    disk = Disk(place)
    disk.is_full = True
    for do, fields in (
        ("say", {"target": TEA, "text": "lost"}),
        ("topic", {"channel": TEA, "topic": "lost"}),
        ("ban", {"channel": TEA, "mask": "lost"}),
    ):
        assert "disk" in await boss.refused(do, **fields)
    assert await ana.rest() == []
    # People still come and go.
    await boss.do("kick", channel=TEA, user="bob")
    await ana.expect_kicked("bob", TEA, SERVER)
    assert await boss.do("users")
    disk.is_full = False
    assert (await boss.do("topic", channel=TEA))["topic"] is None
    await boss.do("say", target=TEA, text="written")
    await ana.expect_said(SERVER, TEA, "written")


async def test_it_is_in_the_history_after_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with running(data) as place, operator_of(data) as boss:
        ana = await place.irc("ana")
        await ana.enter(TEA)
        await boss.do("say", target=TEA, text="remember this")
        await boss.do("topic", channel=TEA, topic="Green")
        await boss.do("ban", channel=TEA, mask="eve")
    assert not (data / "control").exists()
    async with running(data) as place, operator_of(data) as boss:
        assert (await boss.do("topic", channel=TEA))["topic"] == "Green"
        ana = await place.ircv3("ana")
        await ana.enter(TEA)
        lines = await ana.history(TEA)
        said = [(line.by, line.params[-1]) for line in lines if line.command == "PRIVMSG"]
        assert said == [(SERVER, "remember this")]
        await boss.do("ban", channel=TEA, mask="eve", on=False)


# The end, and others


async def test_shutdown_tells_everyone_why_and_waits_for_the_end(tmp_path: Path) -> None:
    data = tmp_path / "data"
    server = Server(settings(), data)
    endpoints = [listeners.parse(f"{scheme}://127.0.0.1:0") for scheme in ("irc", "json")]
    place = Place(server, await server.start(endpoints))
    async with operator_of(data) as boss:
        ana = await place.irc("ana")
        rui = await place.come(ClassicClient, "rui")
        assert not server.wanted_over.is_set()
        await boss.do("shutdown", reason="a new kettle")
        await server.wanted_over.wait()
        stopping = asyncio.create_task(server.stop())
        await ana.expect_goodbye("shutting down: a new kettle")
        await rui.expect_goodbye("shutting down: a new kettle")
        await place.leave()
        assert await boss.reader.read() == b""
        await stopping
    # Another server can have the data now.
    async with running(data), operator_of(data) as boss:
        await boss.do("stats")


async def test_two_servers_are_two(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    async with running(one) as first, running(two), operator_of(one) as a, operator_of(two) as b:
        ana = await first.irc("ana")
        assert isinstance(ana, IrcClient)
        assert [row["nick"] for row in await a.do("users")] == ["ana"]
        assert await b.do("users") == []
