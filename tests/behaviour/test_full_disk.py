"""What cannot be written does not happen: the sender is told, and nobody else sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.behaviour.clients import Client
from tests.behaviour.irc_clients import IrcClient
from tests.behaviour.json_clients import DiscoveryProgram, JsonClient
from tests.behaviour.places import PROTOCOLS, Disk, Place, running

TEA = "#tea"


async def two(place: Place, protocol: str) -> tuple[Client, Client]:
    """Ana and Rui, who reads by line and is in #tea like her."""
    ana, rui = await place.meet(protocol, "ana"), await place.come(DiscoveryProgram, "rui")
    await ana.enter(TEA)
    await rui.enter(TEA)
    await ana.rest()
    await rui.rest()
    return ana, rui


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_message_is_refused_and_nobody_sees_it(place: Place, protocol: str) -> None:
    ana, rui = await two(place, protocol)
    disk = Disk(place)
    disk.is_full = True
    for where in (TEA, "rui", "*"):
        ana.say(where, "lost?")
        await ana.expect_error("disk")
    assert await ana.rest() == []
    assert await rui.rest() == []
    assert await ana.users(TEA) == {"ana", "rui"}
    assert await ana.users() >= {"ana", "rui"}
    disk.is_full = False
    ana.say(TEA, "written")
    await rui.expect_said("ana", TEA, "written")
    assert await rui.rest() == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_people_still_come_and_go(place: Place, protocol: str) -> None:
    ana, rui = await two(place, protocol)
    disk = Disk(place)
    disk.is_full = True
    eva = await place.meet(protocol, "eva")
    eva.join(TEA)
    await eva.expect_joined("eva", TEA)
    await rui.expect_joined("eva", TEA)
    ana.rename("anita")
    await rui.expect_renamed("ana", "anita")
    ana.kick(TEA, "eva", "out")
    await eva.expect_kicked("eva", TEA, "out")
    ana.part(TEA)
    await rui.expect_left("anita", TEA)
    disk.is_full = False
    rui.say(TEA, "who is left?")
    await rui.expect_said("rui", TEA, "who is left?")
    assert await rui.users(TEA) == {"rui"}


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_channel_that_could_not_be_written_does_not_exist(
    place: Place, protocol: str
) -> None:
    ana, rui = await two(place, protocol)
    disk = Disk(place)
    disk.is_full = True
    ana.join("#new")
    await ana.expect_error("disk")
    assert [s for s in await ana.rest() if s.kind == "joined"] == []
    assert "#new" not in await rui.channels()
    ana.say("#new", "hello?")
    await ana.expect_error("#new")
    disk.is_full = False
    rui.join("#new")
    await rui.expect_joined("rui", "#new")
    await rui.expect_promoted("rui", "#new")
    ana.join("#new")
    await ana.expect_joined("ana", "#new")


async def test_settings_that_could_not_be_written_are_as_before(place: Place) -> None:
    ana, rui = await place.irc("ana"), await place.irc("rui")
    await ana.enter(TEA)
    await rui.enter(TEA)
    ana.set_topic(TEA, "before")
    await rui.expect_topic(TEA, "before")
    await rui.rest()
    disk = Disk(place)
    disk.is_full = True
    ana.set_topic(TEA, "after")
    await ana.expect_error("disk")
    ana.send(f"MODE {TEA} +m")
    await ana.expect_error("disk")
    assert await rui.rest() == []
    rui.send(f"TOPIC {TEA}")
    await rui.expect_seen("reply", whom="332", text=f"rui {TEA} before")
    rui.say(TEA, "not moderated, but not written either")
    await rui.expect_error("disk")
    disk.is_full = False
    rui.say(TEA, "not moderated")
    await ana.expect_said("rui", TEA, "not moderated")


async def test_a_message_that_was_refused_can_be_said_again_under_its_id(place: Place) -> None:
    ana, rui = await place.ircv3("ana"), await place.come(DiscoveryProgram, "rui")
    await ana.enter(TEA)
    await rui.enter(TEA)
    await rui.rest()
    disk = Disk(place)
    for client in (ana, rui):
        disk.is_full = True
        _say_with_id(client)
        await client.expect_error("disk")
        disk.is_full = False
        for _ in range(2):  # the second time it is only told again that it was said
            _say_with_id(client)
            await client.expect_said(client.nick, TEA, "once")
    history = [line.params[-1] for line in await ana.history(TEA) if line.command == "PRIVMSG"]
    assert history == ["once", "once"]


def _say_with_id(client: Client) -> None:
    if isinstance(client, IrcClient):
        client.send(f"@+tertulia/id=7 PRIVMSG {TEA} :once")
    else:
        assert isinstance(client, JsonClient)
        client.send("MESSAGE", target=TEA, message="once", id="7")


async def test_what_was_acknowledged_is_there_once_and_nothing_else(tmp_path: Path) -> None:
    data, acknowledged = tmp_path / "data", []
    async with running(data) as place:
        ana = await place.ircv3("ana")
        rui = await place.irc("rui")
        await ana.enter(TEA)
        await rui.enter(TEA)
        disk = Disk(place)
        for i in range(60):
            disk.is_full = i % 7 in (3, 4)
            ana.say(TEA, f"message {i}")
            seen = await ana.expect(
                lambda s: s.kind == "error" or (s.kind == "said" and s.by == "ana"), "an answer"
            )
            if seen.kind == "said":
                acknowledged.append(seen.text)
        disk.is_full = False
        ana.say(TEA, "the end")
        await rui.expect_said("ana", TEA, "the end")
        heard = [s.text for s in rui.seen if s.kind == "said"]
    async with running(data) as place:
        ana = await place.ircv3("ana")
        await ana.enter(TEA)
        lines = await ana.history(TEA)
    assert [line.params[-1] for line in lines if line.command == "PRIVMSG"] == heard
    assert heard == [*acknowledged, "the end"]
    assert 30 < len(acknowledged) < 50


async def test_a_real_database_that_cannot_grow(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with running(data) as place:
        ana, rui = await place.ircv3("ana"), await place.irc("rui")
        await ana.enter(TEA)
        await rui.enter(TEA)
        log: Any = place.server._store.log
        pages = int(log._writer._db.pragma("page_count"))
        log._writer._db.pragma("max_page_count", pages + 2)
        said = 0
        while True:
            ana.say(TEA, f"{said} " + "x" * 300)
            seen = await ana.expect(lambda s: s.kind in ("said", "error"), "an answer")
            if seen.kind == "error":
                break
            said += 1
        assert "disk" in seen.text
        assert len(await ana.history(TEA)) >= said
        log._writer._db.pragma("max_page_count", 1 << 30)
        ana.say(TEA, "room again")
        await rui.expect_said("ana", TEA, "room again")
        texts = [line.params[-1] for line in await ana.history(TEA) if line.command == "PRIVMSG"]
    assert [text.split(" ")[0] for text in texts] == [*map(str, range(said)), "room"]
