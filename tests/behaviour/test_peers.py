"""A server that knows only the table links to ours: its users, IRC and JSON in one channel."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tertulia.server.settings import NetworkSettings
from tests.behaviour.clients import Client
from tests.behaviour.irc_clients import IrcClient
from tests.behaviour.json_clients import DiscoveryProgram
from tests.behaviour.peers import TablePeer
from tests.behaviour.places import SERVER, Disk, Place, running, settings, tertulia_process

TEA = "#tea"
OURS = settings(network=NetworkSettings(discovery=False, table_peers=("127.0.0.1",)))


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with running(tmp_path / "data", OURS, ("irc", "rech", "peer")) as one:
        yield one


@contextlib.asynccontextmanager
async def linked(place: Place, name: str = "far.example") -> AsyncIterator[TablePeer]:
    peer = TablePeer(name)
    await peer.open(place.ports["peer"])
    await peer.do("LOGIN", name=name)
    await peer.expect("CHANNELS")
    try:
        yield peer
    finally:
        await peer.close()


@pytest.fixture
async def far(place: Place) -> AsyncIterator[TablePeer]:
    async with linked(place) as peer:
        yield peer


class Room(NamedTuple):
    """Ana (IRC, an admin), Rui (JSON), and Eva and Leo of the peer, all in #tea."""

    ana: IrcClient
    rui: DiscoveryProgram
    far: TablePeer

    async def nobody_heard_more(self) -> None:
        assert await self.ana.rest() == []
        assert await self.rui.rest() == []
        assert await self.far.rest() == []


@pytest.fixture
async def room(place: Place, far: TablePeer) -> Room:
    ana, rui = await place.irc("ana"), await place.come(DiscoveryProgram, "rui")
    await ana.enter(TEA)
    await rui.enter(TEA)
    for nick in ("eva", "leo"):
        await far.do("JOIN", channel=TEA, username=nick)
    for client in (ana, rui):
        await client.expect_joined("leo", TEA)
        await client.rest()
    await far.expect_users("ana", "rui")
    await far.rest()
    return Room(ana, rui, far)


# Linking


async def test_a_peer_learns_who_is_where(place: Place) -> None:
    ana, rui = await place.irc("ana"), await place.come(DiscoveryProgram, "rui")
    await place.irc("zoe")
    await ana.enter(TEA)
    await rui.enter(TEA)
    async with linked(place) as far:
        await far.rest()
        assert far.server == SERVER
        assert far.users == {"ana", "rui", "zoe"}
        assert far.inside == {TEA: {"ana", "rui"}}
        assert far.admins == {TEA: {"ana"}}
        channels = await far.ask("CHANNELS")
        assert channels["success"]
        assert (await far.expect("CHANNELS"))["channelList"] == ["#lobby", TEA]


async def test_a_peer_needs_a_name_of_its_own(place: Place, far: TablePeer) -> None:
    near = TablePeer("near.example")
    await near.open(place.ports["peer"])
    assert "Log in first" in await near.refused("JOIN", channel=TEA, username="eva")
    assert "Log in first" in (await near.expect("ERROR"))["message"]
    assert "linked already" in await near.refused("LOGIN", name="far.example")
    assert "this server" in await near.refused("LOGIN", name=SERVER)
    await near.do("LOGIN", name="near.example")
    await near.close()


async def test_who_is_not_listed_may_not_link(tmp_path: Path) -> None:
    chosen = settings(network=NetworkSettings(discovery=False, table_peers=("192.0.2.0/24",)))
    async with running(tmp_path / "data", chosen, ("irc", "peer")) as place:
        peer = TablePeer("far.example")
        await peer.open(place.ports["peer"])
        await peer.expect_closed()
        assert peer.heard == []


async def test_where_nobody_is_listed_the_operator_is_told_why_nobody_may_link(
    tmp_path: Path,
) -> None:
    arguments = ("serve", "--data", str(tmp_path / "data"), "--listen", "peer://127.0.0.1:0")
    async with tertulia_process(tmp_path, *arguments) as process:
        await process.ready()
        assert "network.table_peers names no address" in await process.logged("nobody may link")
        peer = TablePeer("far.example")
        await peer.open(process.ports["peer"])
        await peer.expect_closed()
        line = await process.logged("connection refused")
        assert "127.0.0.1" in line and "network.table_peers names no address" in line
        await process.terminate()


# From the peer to us


async def test_its_users_take_part(room: Room) -> None:
    ana, rui, far = room
    assert await ana.users(TEA) == {"ana", "rui", "eva", "leo"}
    assert await rui.users() == {"ana", "rui", "eva", "leo"}
    await far.do("MESSAGE", target=TEA, username="eva", message="olá, está aí alguém?")
    await far.do("MESSAGE", target="ana", username="eva", message="psst")
    await far.do("MESSAGE", target="*", username="leo", message="to all")
    await far.do("MESSAGE", target="&", username="leo", message="to those on far.example")
    for client in (ana, rui):
        await client.expect_said("eva", TEA, "olá, está aí alguém?")
        if client is ana:
            await client.expect_told("eva", "psst")
        await client.expect_said("leo", "*", "to all")
    await room.nobody_heard_more()


async def test_its_users_come_and_go(room: Room) -> None:
    ana, rui, far = room
    await far.do("PART", channel=TEA, username="leo")
    for client in (ana, rui):
        await client.expect_left("leo", TEA)
    assert "leo" in await ana.users()
    await far.do("USERS", userList=["eva"])
    assert await ana.users() == {"ana", "rui", "eva"}
    await far.do("USERS", userList=["eva", "tom"])
    assert await ana.users() == {"ana", "rui", "eva", "tom"}
    await far.do("USERS", userList=["tom"], channel=TEA)
    for client in (ana, rui):
        await client.expect_joined("tom", TEA)
        await client.expect_left("eva", TEA)
    await room.nobody_heard_more()


async def test_its_admins_kick_and_promote(room: Room) -> None:
    ana, rui, far = room
    assert "None of your users is an admin" in await far.refused(
        "KICK", channel=TEA, username="rui"
    )
    ana.promote(TEA, "eva")
    await far.expect("ADMIN", channel=TEA, username="eva")
    await far.do("ADMIN", channel=TEA, username="rui")
    for client in (ana, rui):
        await client.expect_promoted("rui", TEA)
    await far.do("KICK", channel=TEA, username="rui", message="too loud")
    for client in (ana, rui):
        await client.expect_kicked("rui", TEA, "too loud")
    assert await ana.users(TEA) == {"ana", "eva", "leo"}


async def test_passwords(room: Room) -> None:
    ana, rui, far = room
    await far.do("JOIN", channel="#key", username="eva", password="secret")
    await far.expect("ADMIN", channel="#key", username="eva")
    assert "password" in await far.refused("JOIN", channel="#key", username="leo")
    assert "password" in await far.refused("JOIN", channel="#key", username="leo", password="wrong")
    await far.do("JOIN", channel="#key", username="leo", password="secret")
    rui.join("#key", "secret")
    await rui.expect_joined("rui", "#key")
    await far.expect("JOIN", channel="#key", username="rui")
    await ana.fence()


async def test_what_is_refused_is_said_in_words(room: Room) -> None:
    ana, _, far = room
    refused = far.refused
    assert "in use" in await refused("JOIN", channel=TEA, username="ana")
    assert "not a valid" in await refused("JOIN", channel=TEA, username="a b")
    assert "no channel" in await refused("PART", channel="#no", username="eva")
    assert "no user" in await refused("MESSAGE", target="nobody", username="eva", message="x")
    assert "in use" in await refused("USERS", userList=["eva", "leo", "ana"])
    assert "no op" in await refused("POKE", username="ana")
    await far.expect("ERROR")
    ana.send(f"MODE {TEA} +b *!*@far.example")
    await ana.fence()
    assert "banned" in await refused("MESSAGE", target=TEA, username="eva", message="x")
    assert "banned" in await refused("JOIN", channel=TEA, username="tom")
    assert await ana.users() == {"ana", "rui", "eva", "leo"}


async def test_what_the_disk_refuses(place: Place, room: Room) -> None:
    ana, rui, far = room
    disk = Disk(place)
    disk.is_full = True
    assert "disk" in await far.refused("MESSAGE", target=TEA, username="eva", message="lost?")
    assert "disk" in await far.refused("JOIN", channel="#new", username="eva")
    disk.is_full = False
    await far.do("MESSAGE", target=TEA, username="eva", message="written")
    for client in (ana, rui):
        await client.expect_said("eva", TEA, "written")
        assert await client.rest() == []


async def test_a_typo_does_no_harm_and_documents_need_no_newline(room: Room) -> None:
    ana, _, far = room
    far._writer.write(b'{"op":"MESSAGE","target":"#tea"\n')
    message = {"op": "MESSAGE", "target": TEA, "name": "eva", "message": "one"}
    far._writer.write(json.dumps(message).encode() * 2)
    await far.expect("ERROR", message="This is not JSON")
    await ana.expect_said("eva", TEA, "one")
    await ana.expect_said("eva", TEA, "one")
    assert await far.rest() == []


# From us to the peer


@pytest.mark.parametrize("who", ["ana", "rui"])
async def test_what_ours_say_is_told_once(room: Room, who: str) -> None:
    client: Client = getattr(room, who)
    far = room.far
    client.say(TEA, "hello")
    client.say("leo", "psst")
    client.say("&", "only here")
    client.say("*", "to all")
    await client.fence()
    heard = [(d["op"], d["username"], d["target"], d["message"]) for d in await far.rest()]
    assert heard == [
        ("MESSAGE", who, TEA, "hello"),
        ("MESSAGE", who, "leo", "psst"),
        ("MESSAGE", who, "*", "to all"),
    ]


async def test_where_its_users_are_not_nothing_is_heard(room: Room) -> None:
    ana, _, far = room
    await ana.enter("#other")
    await far.expect("ADMIN", channel="#other", username="ana")
    ana.say("#other", "is anybody here?")
    await ana.fence()
    assert await far.rest() == []


async def test_ours_come_and_go(place: Place, room: Room) -> None:
    ana, rui, far = room
    zoe = await place.irc("zoe")
    await far.expect_users("ana", "rui", "zoe")
    await zoe.enter(TEA)
    await far.expect("JOIN", channel=TEA, username="zoe")
    zoe.part(TEA)
    await far.expect("PART", channel=TEA, username="zoe")
    rui.rename("rita")
    await far.expect("PART", channel=TEA, username="rui")
    await far.expect("JOIN", channel=TEA, username="rita")
    await far.expect_users("ana", "rita", "zoe")
    ana.kick(TEA, "rita", "bye")
    await far.expect("KICK", channel=TEA, username="rita", message="bye")
    ana.kick(TEA, "leo")
    await far.expect("KICK", channel=TEA, username="leo")
    ana.promote(TEA, "eva")
    await far.expect("ADMIN", channel=TEA, username="eva")
    ana.quit()
    await far.expect("PART", channel=TEA, username="ana")
    await far.expect_users("rita", "zoe")
    assert far.inside[TEA] == set()


async def test_what_the_peer_refuses_is_counted_and_harms_nobody(place: Place, room: Room) -> None:
    ana, rui, far = room
    far.refuses = lambda document: document["op"] == "MESSAGE"
    ana.say(TEA, "hello")
    await rui.expect_said("ana", TEA, "hello")
    await far.expect("MESSAGE", message="hello")
    await far.rest()
    assert place.server.hub.left_alone == {("peer", "refused by a peer"): 1}
    await room.nobody_heard_more()


class Receiver(DiscoveryProgram):
    """A program that knows receipts."""

    def check(self, document: dict[str, Any]) -> None:
        if document["op"] != "DELIVERED":
            super().check(document)


async def test_a_message_to_its_user_is_delivered(room: Room, place: Place) -> None:
    zoe = await place.come(Receiver, "zoe")
    zoe.send("MESSAGE", target="leo", message="psst", id="m1", receipt=True)
    await room.far.expect("MESSAGE", target="leo", username="zoe", message="psst")
    await zoe.expect(lambda s: s.raw["op"] == "DELIVERED" and s.raw["name"] == "leo", "a receipt")


# Others, and the end


async def test_peers_hear_of_each_other(place: Place, room: Room) -> None:
    async with linked(place, "near.example") as near:
        assert near.inside == {TEA: {"ana", "rui", "eva", "leo"}}
        assert near.users == {"ana", "rui", "eva", "leo"}
        await near.do("JOIN", channel=TEA, username="tom")
        await room.far.expect("JOIN", channel=TEA, username="tom")
        await near.do("MESSAGE", channel=TEA, target=TEA, username="tom", message="hi")
        await room.far.expect("MESSAGE", target=TEA, username="tom", message="hi")
        await room.far.do("MESSAGE", target="tom", username="eva", message="psst")
        await near.expect("MESSAGE", target="tom", username="eva", message="psst")
    await room.far.expect("PART", channel=TEA, username="tom")
    await room.far.expect_users("ana", "rui")


async def test_when_a_peer_is_gone_its_users_are(place: Place, room: Room) -> None:
    ana, _, far = room
    await far.close()
    await ana.expect_quit("eva")
    await ana.expect_quit("leo")
    assert await ana.users() == {"ana", "rui"}
    async with linked(place):
        pass


async def test_an_operator_of_ours_can_take_one_off(place: Place, room: Room) -> None:
    ana, _, far = room
    hub = place.server.hub
    eva = hub.state.user_named("eva")
    assert eva is not None
    session = hub.session_of(eva)
    assert session is not None
    session.end("Killed (ana)")
    await far.expect("PART", channel=TEA, username="eva")
    await ana.expect_quit("eva")
    await far.do("JOIN", channel=TEA, username="eva")
    await ana.expect_joined("eva", TEA)


async def test_the_end_of_the_server_is_told(tmp_path: Path) -> None:
    async with running(tmp_path / "data", OURS, ("irc", "peer")) as place:
        peer = TablePeer("far.example")
        await peer.open(place.ports["peer"])
        await peer.do("LOGIN", name="far.example")
    await peer.expect("DISCONNECT", message="The server is shutting down")
    await peer.close()
