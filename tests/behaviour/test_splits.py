"""Servers that cannot reach each other for a while, as those who use them see it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tertulia.replication import dialer
from tests.behaviour.clients import Client
from tests.behaviour.irc_clients import IrcClient
from tests.behaviour.json_clients import DiscoveryProgram
from tests.behaviour.numeric_clients import NumericProgram
from tests.behaviour.places import PROTOCOLS
from tests.behaviour.test_two_servers import come_as, new_identity
from tests.behaviour.text_clients import ChatRoomClient
from tests.behaviour.twins import THE_OTHER, Twins, twins

TEA = "#tea"
HERE = "tea.example"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let servers try again soon."""
    monkeypatch.setattr(dialer, "BACKOFF_S", (0.05, 0.1))


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Twins]:
    async with twins(tmp_path) as pair:
        yield pair


@pytest.fixture
async def brief(tmp_path: Path) -> AsyncIterator[Twins]:
    """Two servers that wait only a moment for each other."""
    async with twins(tmp_path, grace_s=0.1) as pair:
        yield pair


def batches(client: IrcClient) -> dict[str, list[str]]:
    """Return what came in batches: by their type and parameters, command and who did it."""
    found: dict[str, list[str]] = {}
    is_open = ""
    for seen in client.seen:
        line = seen.raw
        if line.command == "BATCH":
            is_open = " ".join(line.params[1:]) if line.params[0][0] == "+" else ""
            if is_open:
                assert is_open not in found, "two batches of one kind"
                found[is_open] = []
        elif is_open:
            assert line.tags["batch"] == "together"
            found[is_open].append(f"{line.command} {line.by}")
        else:
            assert "batch" not in line.tags
    return found


def lines(client: IrcClient, *commands: str) -> list[str]:
    return [
        f"{s.raw.command} {s.by} {s.raw.params[0]}"
        for s in client.seen
        if s.raw.command in commands
    ]


# Cut off, and back in time


async def test_who_is_cut_off_is_shown_so_and_has_not_left(two: Twins) -> None:
    ana, eva = await two.here.irc("ana"), await two.here.ircv3("eva")
    some = [await two.there.irc(f"rui{i}") for i in range(12)]
    for channel in (TEA, "#cup"):
        for one in (ana, eva):
            await one.enter(channel)
    await two.settle()
    for one in some:
        await one.enter(TEA)
    await some[0].enter("#cup")
    await two.settle()
    for one in (ana, eva):
        await one.fence()
        one.seen.clear()
        one._looked = 0
    await two.apart()
    for one in (ana, eva):
        await one.fence()
        notices = [s for s in one.seen if s.kind != "fence"]
        assert sorted((s.kind, s.by, s.where) for s in notices) == [
            ("notice", HERE, "#cup"),
            ("notice", HERE, TEA),
        ]
        told = {s.where: s.text for s in notices}
        assert told["#cup"] == (
            f"{THE_OTHER} is cut off; until it is back these cannot be reached: rui0"
        )
        assert told[TEA].endswith("2 more")
    ana.send("WHOIS rui0")
    [special] = await ana.answer("320", "318")
    assert special.params[-1] == "is on a server that cannot be reached now"
    ana.send(f"WHO {TEA}")
    flags = {line.params[5]: line.params[6][0] for line in await ana.answer("352", "315")}
    assert flags.pop("ana") == flags.pop("eva") == "H"
    assert set(flags.values()) == {"G"} and len(flags) == 12
    ana.tell("rui0", "are you there?")
    await ana.expect_error("rui0", "cannot be reached")
    ana.kick(TEA, "rui0", "out")
    await ana.expect_error("rui0", "cannot be reached")
    ana.seen.clear()
    ana._looked = 0
    await two.heal()
    await ana.fence()
    assert lines(ana, "JOIN", "QUIT", "PART", "NICK") == []
    assert lines(eva, "JOIN", "QUIT", "PART", "NICK") == []
    back = {s.where: s.text for s in ana.seen if s.kind == "notice"}
    assert back["#cup"] == f"{THE_OTHER} can be reached again: rui0"
    ana.send("WHOIS rui0")
    assert await ana.answer("320", "318") == []
    ana.tell("rui0", "are you there now?")
    await some[0].expect_told("ana", "are you there now?")


@pytest.mark.parametrize("protocol", [*PROTOCOLS, "pychat", "pychat-lines"])
async def test_everyone_is_told_once_of_a_split_and_of_its_end(two: Twins, protocol: str) -> None:
    ana, rui = await two.here.meet(protocol, "ana"), await two.there.irc("rui")
    if not protocol.startswith(("pychat", "chatroom", "telnet")):
        await ana.enter("#lobby")
    await rui.enter("#lobby")
    await two.settle()
    await two.apart()
    wanted = "cup.example is cut off; until it is back these cannot be reached: rui"
    await ana.expect(lambda s: s.text == wanted, wanted)
    await two.heal()
    wanted = "cup.example can be reached again: rui"
    await ana.expect(lambda s: s.text == wanted, wanted)
    assert not [s for s in ana.seen if s.kind in ("quit", "left")]
    assert len([s for s in ana.seen if "cup.example" in s.text]) == 2


def visible(client: Client) -> list[tuple[str, str]]:
    return [(s.by, s.text) for s in client.seen if s.kind == "said"]


async def test_what_a_healed_server_brings_is_shown_in_a_batch_with_its_own_times(
    two: Twins,
) -> None:
    ana, old = await two.here.ircv3("ana"), await two.here.irc("old")
    rui, room = await two.there.ircv3("rui"), await two.here.come(ChatRoomClient, "room")
    json = await two.here.come(DiscoveryProgram, "json")
    await ana.enter(TEA)
    await two.settle()
    for one in (old, rui, room, json):
        one.join(TEA)
    await two.settle()
    await two.apart()
    said = []
    for i in range(5):
        rui.say(TEA, f"from there {i}")
        said.append(await rui.expect_said("rui", TEA, f"from there {i}"))
        ana.say(TEA, f"from here {i}")
        await ana.expect_said("ana", TEA, f"from here {i}")
    await two.heal()
    texts = [("rui", f"from there {i}") for i in range(5)]
    for client in (ana, old, room, json):
        await client.expect_said("rui", TEA, "from there 4")
        assert [one for one in visible(client) if one[0] == "rui"] == texts
    assert batches(ana) == {f"chathistory {TEA}": ["PRIVMSG rui"] * 5}
    times = [
        (s.raw.tags["msgid"], s.raw.tags["time"])
        for s in ana.seen
        if s.kind == "said" and s.by == "rui"
    ]
    assert times == [(s.raw.tags["msgid"], s.raw.tags["time"]) for s in said]
    await rui.expect_said("ana", TEA, "from here 4")
    histories = [
        [line.params[-1] for line in await client.history(TEA) if line.command == "PRIVMSG"]
        for client in (ana, rui)
    ]
    # What was said at the same time has an order all the same, the same on both servers.
    assert histories[0] == histories[1]
    for place in ("here", "there"):
        some = [text for text in histories[0] if f"from {place}" in text]
        assert some == [f"from {place} {i}" for i in range(5)]
    assert len(histories[0]) == 10


# Cut off for longer


async def test_after_the_grace_they_leave_and_come_back_together(brief: Twins) -> None:
    two = brief
    ana, old = await two.here.ircv3("ana"), await two.here.irc("old")
    some = [await two.there.irc(f"rui{i}") for i in range(5)]
    await ana.enter(TEA)
    await ana.enter("#cup")
    await two.settle()
    await old.enter(TEA)
    for one in some:
        await one.enter(TEA)
        await one.enter("#cup")
    await two.settle()
    ana.seen.clear()
    old.seen.clear()
    ana._looked = old._looked = 0
    await two.apart()
    for one in (ana, old):
        await one.expect_absent("rui4")
        await one.fence()
    names = [one.nick for one in some]
    split = {f"netsplit {HERE} {THE_OTHER}": [f"QUIT {nick}" for nick in names]}
    assert batches(ana) == split
    assert [s.text for s in old.seen if s.kind == "quit"] == [f"{HERE} {THE_OTHER}"] * 5
    assert lines(old, "BATCH") == []
    ana.seen.clear()
    old.seen.clear()
    ana._looked = old._looked = 0
    await two.heal()
    for one in (ana, old):
        await one.expect_joined("rui4", TEA)
        await one.fence()
    joined = [
        one
        for kind, content in batches_by_kind(ana)
        for one in content
        if kind == f"netjoin {HERE} {THE_OTHER}"
    ]
    assert sorted(joined) == sorted([f"JOIN {nick}" for nick in names] * 2)
    assert len(lines(ana, "JOIN")) == 10
    assert lines(old, "JOIN") == [f"JOIN {nick} {TEA}" for nick in names]


def batches_by_kind(client: IrcClient) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for seen in client.seen:
        line = seen.raw
        if line.command == "BATCH" and line.params[0][0] == "+":
            found.append((" ".join(line.params[1:]), []))
        elif "batch" in line.tags:
            found[-1][1].append(f"{line.command} {line.by}")
    return found


async def test_a_nickname_that_was_taken_on_both_sides_has_one_owner(two: Twins) -> None:
    watcher, away = await two.here.ircv3("watcher"), await two.there.ircv3("away")
    await watcher.enter(TEA)
    await two.settle()
    await away.enter(TEA)
    await two.apart()
    first, second = await two.here.irc("maria"), await two.there.irc("maria")
    for one in (first, second):
        await one.enter(TEA)
    await two.heal()
    await two.settle()
    # Who took it first keeps it, and the other is told.
    renamed = await second.expect_seen("renamed", by="maria")
    assert second.nick == renamed.whom != "maria"
    assert not first.is_closed and not second.is_closed and first.nick == "maria"
    for one in (watcher, away, first, second):
        assert await one.users(TEA) == {"watcher", "away", "maria", second.nick}
    first.say(TEA, "I am the one")
    for one in (watcher, away):
        await one.expect_said("maria", TEA, "I am the one")
    second.say(TEA, "so I am another")
    for one in (watcher, away):
        await one.expect_said(second.nick, TEA, "so I am another")
    away.tell("maria", "hello")
    await first.expect_told("away", "hello")


async def test_an_identity_that_came_to_both_servers_is_one_again(two: Twins) -> None:
    watcher, rui = await two.here.ircv3("watcher"), await two.here.ircv3("rui")
    password = await new_identity(rui)
    await rui.drop()
    await watcher.expect_absent("rui")
    await watcher.enter(TEA)
    await two.settle()
    first = await come_as(two.here, "rui", password)
    await first.enter(TEA)
    await two.settle()
    await two.apart()
    # While it is cut off, it has come again elsewhere.
    second = await come_as(two.there, "rui", password)
    await second.enter(TEA)
    second.say(TEA, "I moved")
    watcher.tell("rui", "hello")
    await first.expect_told("watcher", "hello")
    await two.heal()
    await first.expect_goodbye("elsewhere")
    await watcher.expect_said("rui", TEA, "I moved")
    # What was said to them elsewhere waits for nobody, because they had it.
    await two.settle()
    assert not second.is_closed
    assert await watcher.users(TEA) == {"watcher", "rui"}
    watcher.tell("rui", "welcome")
    await second.expect_told("watcher", "welcome")


async def test_a_channel_that_was_made_on_both_sides_is_one(two: Twins) -> None:
    await two.apart()
    ana, rui = await two.here.ircv3("ana"), await two.there.ircv3("rui")
    for one in (ana, rui):
        await one.enter(TEA)
        one.set_topic(TEA, f"made by {one.nick}")
        one.say(TEA, f"said by {one.nick}")
        await one.expect_said(one.nick, TEA, f"said by {one.nick}")
    await two.heal()
    await ana.expect_said("rui", TEA, "said by rui")
    await rui.expect_said("ana", TEA, "said by ana")
    await two.settle()
    for one in (ana, rui):
        assert await one.users(TEA) == {"ana", "rui"}
        one.send(f"TOPIC {TEA}")
        seen = await one.expect_seen("reply", whom="332")
        assert seen.raw.params[-1] == "made by ana"
        history = [line for line in await one.history(TEA) if line.command == "PRIVMSG"]
        assert [line.params[-1] for line in history] == ["said by ana", "said by rui"]
    rui.say(TEA, "after")
    await ana.expect_said("rui", TEA, "after")


async def test_groups_and_waiting_messages_outlast_a_split(two: Twins) -> None:
    ana, bia = await two.here.come(NumericProgram, ""), await two.there.come(NumericProgram, "")
    await two.settle()
    group = await ana.gather(bia.number)
    await bia.expect_seen("gathered", where=group)
    await two.apart()
    ana.say(group, "during")
    ana.say(bia.number, "to you")
    bia.say(ana.number, "from there")
    assert await ana.rest() == []
    await two.heal()
    got = {(await bia.expect(lambda s: s.kind in ("told", "said"), "both")).text for _ in "ab"}
    assert got == {"during", "to you"}
    await ana.expect_told(bia.number, "from there")
    await bia.expect_delivered(ana.number)
    await ana.expect_delivered(group)
    await ana.expect_delivered(bia.number)
    await two.settle()
    assert await ana.rest() == await bia.rest() == []
