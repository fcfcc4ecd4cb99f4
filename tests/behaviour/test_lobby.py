"""The one room that everyone can be in, also those whose program knows no other."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from tertulia.domain import channels
from tertulia.protocols.operators import Operator
from tertulia.server import app
from tests.behaviour.clients import Client
from tests.behaviour.places import ALL_PROTOCOLS, CLIENTS, Disk, Place, running, settings
from tests.behaviour.test_injection import TEXTS, typed_with, words
from tests.behaviour.text_clients import ChatRoomClient, PyChatClient, PyChatProgram

LOBBY = "#lobby"
PYCHAT = [name for name in ALL_PROTOCOLS if issubclass(CLIENTS[name], PyChatProgram)]
PAIRS = [
    pair
    for pair in itertools.product(ALL_PROTOCOLS, ALL_PROTOCOLS)
    if pair[0] in PYCHAT or pair[1] in PYCHAT
]

every_pair = pytest.mark.parametrize(("one", "other"), PAIRS)
every_pychat = pytest.mark.parametrize("one", PYCHAT)


async def come(place: Place, protocol: str, nick: str) -> Client:
    """Somebody in the lobby, who has seen all that came of it."""
    client = await place.meet(protocol, nick)
    if not isinstance(client, PyChatProgram | ChatRoomClient):
        await client.enter(LOBBY)
    await client.fence()
    return client


async def meet(place: Place, one: str, other: str) -> tuple[Client, Client]:
    """Ana with protocol *one* and Rui with *other*, both in the lobby."""
    ana, rui = await come(place, one, "ana"), await come(place, other, "rui")
    await ana.fence()
    return ana, rui


@every_pair
async def test_they_talk(place: Place, one: str, other: str) -> None:
    ana, rui = await meet(place, one, other)
    ana.say(LOBBY, "Olá! 你好 👋")
    await rui.expect_said("ana", LOBBY, "Olá! 你好 👋")
    rui.say(LOBBY, "!exit")
    await ana.expect_said("rui", LOBBY, "!exit")
    assert [seen for seen in await rui.rest() if seen.by != "rui"] == []
    assert await ana.rest() == []


@every_pair
async def test_they_are_called_otherwise_and_go(place: Place, one: str, other: str) -> None:
    ana, rui = await meet(place, one, other)
    ana.rename("anita")
    await rui.expect_renamed("ana", "anita")
    await ana.expect_renamed("ana", "anita")
    assert await rui.users(LOBBY) == await ana.users(LOBBY) == {"anita", "rui"}
    rui.rename("ANITA")
    await rui.expect_error("in use")
    ana.quit()
    await rui.expect_quit("anita")
    assert await rui.rest() == []


@every_pair
async def test_who_comes_is_seen(place: Place, one: str, other: str) -> None:
    ana = await come(place, one, "ana")
    rui = await come(place, other, "rui")
    if isinstance(rui, ChatRoomClient):
        await ana.expect_seen("renamed", whom="rui")
    else:
        await ana.expect_joined("rui", LOBBY)
    assert await ana.rest() == []


@pytest.mark.parametrize("other", ALL_PROTOCOLS)
@pytest.mark.parametrize("one", [*PYCHAT, "chatroom"])
async def test_a_poke_is_seen_by_all(place: Place, one: str, other: str) -> None:
    ana, rui = await meet(place, one, other)
    assert isinstance(ana, PyChatProgram | ChatRoomClient)
    ana.poke("rui")
    await rui.expect_poked("ana", "rui")
    assert await rui.rest() == []
    ana.poke("nobody")
    await ana.expect_error("nobody")


@pytest.mark.parametrize("one", [p for p in ALL_PROTOCOLS if p not in PYCHAT])
@pytest.mark.parametrize("other", PYCHAT)
async def test_what_is_meant_for_one_or_for_everyone(place: Place, one: str, other: str) -> None:
    ana, rui = await meet(place, one, other)
    ana.tell("rui", "between us")
    await rui.expect_told("ana", "between us")
    for where in ("*", "&"):
        ana.say(where, "to the world")
        await rui.expect_said("ana", LOBBY, "to the world")
    assert await rui.rest() == []


@every_pair
async def test_a_text_is_only_a_text(place: Place, one: str, other: str) -> None:
    ana, rui = await meet(place, one, other)
    for name in typed_with(one):
        typed, expected = TEXTS[name]
        ana.say(LOBBY, typed)
        said = await rui.expect_seen("said", by="ana", where=LOBBY)
        assert words(said.text) == words(expected), name
    assert await rui.rest() == []
    assert not ana.is_closed


@pytest.mark.parametrize("other", PYCHAT)
async def test_a_long_text_arrives_in_pieces(place: Place, other: str) -> None:
    text = "palavra comprida é assim " * 150
    ana, rui = await meet(place, "chatroom", other)
    ana.say(LOBBY, text)
    got = ""
    while words(got) != words(text):
        got += (await rui.expect_seen("said", by="ana")).text
    assert await rui.rest() == []


@every_pychat
async def test_bad_lines_are_told_and_nobody_sees_them(place: Place, one: str) -> None:
    ana, rui = await meet(place, one, "irc")
    assert isinstance(ana, PyChatProgram)
    for line in (b"!frob", b"hello", b"!nick eva", b"!sendmsg", b"!sendmsg \xff", b"x" * 9000):
        ana.raw(line + ana.end.encode())
        error = await ana.expect_error()
        assert "\n" not in error.text
    assert await rui.rest() == []
    assert not ana.is_closed


@every_pychat
@pytest.mark.parametrize("line", [b"hello", b"!users", b"!sendmsg hi", b"\xff"])
async def test_who_does_not_begin_with_a_name_is_sent_away(
    place: Place, one: str, line: bytes
) -> None:
    stranger = await place.knock(CLIENTS[one])
    assert isinstance(stranger, PyChatProgram)
    stranger.raw(line + b" " + stranger.end.encode())
    await stranger.expect_closed()
    assert stranger.seen == []


@every_pychat
async def test_so_is_who_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one: str
) -> None:
    monkeypatch.setattr(app, "SWEEP_S", 0.01)
    async with running(tmp_path, settings(limits={"legacy_login_s": 0.05})) as place:
        stranger = await place.knock(CLIENTS[one])
        await stranger.expect_closed()
        assert stranger.seen == []


@every_pychat
@pytest.mark.parametrize("name", ["ana", "Ana", "1st", "a!b"])
async def test_a_bad_name_is_refused_at_the_door(place: Place, one: str, name: str) -> None:
    await place.meet("irc", "ana")
    await place.refused_at_the_door(one, name, "valid" if name in ("1st", "a!b") else "in use")


@every_pychat
async def test_what_could_not_be_written_is_told(place: Place, one: str) -> None:
    ana, rui = await meet(place, one, "irc")
    disk = Disk(place)
    disk.is_full = True
    ana.say(LOBBY, "lost?")
    await ana.expect_error("disk")
    disk.is_full = False
    ana.say(LOBBY, "written")
    await rui.expect_said("ana", LOBBY, "written")
    assert await rui.rest() == []


@every_pychat
async def test_who_is_kicked_out_by_an_operator_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one: str
) -> None:
    monkeypatch.setattr(app, "SWEEP_S", 0.01)
    hashed = PasswordHasher(time_cost=1, memory_cost=64).hash("secret")
    chosen = settings(operators=(Operator("boss", hashed),))
    async with running(tmp_path, chosen) as place:
        ana, boss = await meet(place, one, "chatroom")
        boss.kick(LOBBY, "ana")
        await boss.expect_error("not an admin")
        assert isinstance(boss, ChatRoomClient)
        boss.send("/oper boss secret")
        await boss.expect_seen("reply", text="You are an operator now")
        boss.kick(LOBBY, "ana", "enough")
        await ana.expect_kicked("ana", LOBBY, "enough")
        await ana.expect_error("will be back in", "seconds")
        ana.say(LOBBY, "but")
        await ana.expect_error("come back in", "seconds")
        now = place.server.hub.world.now
        monkeypatch.setattr(
            place.server.hub.world, "now", lambda: now() + channels.LOBBY_SHUT_MS, raising=True
        )
        await ana.expect_error("You are back")
        await boss.expect_joined("ana", LOBBY)


async def test_old_clients_get_one_message_at_a_time(tmp_path: Path) -> None:
    async with running(tmp_path, settings(limits={"legacy_pacing_ms": 5})) as place:
        ana = await come(place, "irc", "ana")
        old = await place.come(PyChatClient, "old")
        for i in range(30):
            ana.say(LOBBY, f"line {i}")
        for i in range(30):
            await old.expect_said("ana", LOBBY, f"line {i}")


# The chat room


async def test_whoever_just_types_is_heard(place: Place) -> None:
    rui = await come(place, "irc", "rui")
    stranger = await place.knock(ChatRoomClient)
    stranger.send("hello?")
    said = await rui.expect_seen("said", where=LOBBY, text="hello?")
    assert said.by.startswith("guest")


async def test_a_client_of_the_chat_room_that_ends_nothing(place: Place) -> None:
    rui = await come(place, "irc", "rui")
    stranger = await place.knock(ChatRoomClient)
    stranger.raw("hello, olá?".encode())
    await rui.expect_seen("said", where=LOBBY, text="hello, olá?")
    rui.say(LOBBY, "yes")
    await stranger.expect_said("rui", LOBBY, "yes")


async def test_drop_by_drop(place: Place) -> None:
    rui = await come(place, "irc", "rui")
    ana = await place.meet("telnet", "ana")
    for byte in "gotaa\b a gota: ç\r\n".encode():
        ana.raw(bytes([byte]))
        await ana.writer.drain()
    await rui.expect_said("ana", LOBBY, "gota a gota: ç")


async def test_history_is_told_to_who_comes_later(place: Place) -> None:
    ana = await come(place, "pychat-lines", "ana")
    ana.say(LOBBY, "first")
    ana.say(LOBBY, "second")
    await ana.fence()
    eva = await place.meet("chatroom", "eva")
    assert isinstance(eva, ChatRoomClient)
    eva.send("/history 1")
    await eva.expect_said("ana", LOBBY, "second")
    eva.send("/history")
    await eva.expect_said("ana", LOBBY, "first")
    await eva.expect_said("ana", LOBBY, "second")
    assert await eva.rest() == []


async def test_a_backup_is_for_operators(place: Place) -> None:
    eva = await place.meet("chatroom", "eva")
    assert isinstance(eva, ChatRoomClient)
    eva.send("/backup")
    await eva.expect_error("operator")
