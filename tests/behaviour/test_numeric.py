"""Numeric users among themselves and with others, over sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tertulia.domain.users import User
from tests.behaviour.clients import PATIENCE_S, Seen
from tests.behaviour.irc_clients import Ircv3Client
from tests.behaviour.json_clients import DiscoveryProgram
from tests.behaviour.numeric_clients import (
    GAP_MS,
    READ_BYTES,
    SENT,
    NumericClient,
    NumericProgram,
    NumericStrict,
)
from tests.behaviour.places import Disk, Place, running, settings

KINDS = [NumericClient, NumericStrict, NumericProgram]
TEA = "#tea"


class WithReceipts(Ircv3Client):
    """An IRC client that wants to know what became of its messages."""

    protocol = "irc-receipts"
    caps = f"{Ircv3Client.caps} tertulia/receipts"

    async def expect_receipt(self, kind: str, by: str) -> str:
        """Wait for a receipt, and return the id of the message."""
        tag = f"+tertulia/{kind}"
        seen = await self.expect(lambda s: s.whom == "TAGMSG" and tag in s.raw.tags, tag)
        assert seen.by == by
        return str(seen.raw.tags[tag])


@contextlib.asynccontextmanager
async def numeric_place(data: Path) -> AsyncIterator[Place]:
    chosen = settings(limits={"legacy_gap_ms": GAP_MS, "legacy_pacing_ms": 1})
    async with running(data, chosen, ("irc", "rech", "numeric")) as place:
        yield place


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with numeric_place(tmp_path / "data") as one:
        yield one


@pytest.fixture(params=KINDS, ids=lambda kind: kind.protocol)
def kind(request: pytest.FixtureRequest) -> type[NumericClient]:
    chosen: type[NumericClient] = request.param
    return chosen


def user(place: Place, nick: str) -> User:
    found = place.server.hub.state.user_named(nick)
    assert found is not None
    return found


async def come_again(place: Place, kind: type[NumericClient], number: str) -> NumericClient:
    client = await place.knock(kind)
    await client.log_in_as(number)
    return client


# Among themselves


async def test_a_message_arrives_is_acknowledged_and_read(
    place: Place, kind: type[NumericClient]
) -> None:
    ana, bia = await place.come(kind, ""), await place.come(NumericClient, "")
    ana.say(bia.number, "olá 🕯")
    seen = await bia.expect_told(ana.number, "olá 🕯")
    assert seen.raw[28:38] == SENT
    await ana.expect_delivered(bia.number)
    bia.tell_read(ana.number)
    await ana.expect_seen("read", by=bia.number, text=SENT)
    bia.say(ana.number, "é" * 100)
    await ana.expect_told(bia.number, "é" * 100)
    await bia.expect_delivered(ana.number)


async def test_what_waits_comes_in_order_and_only_then_is_acknowledged(
    place: Place, kind: type[NumericClient]
) -> None:
    ana, bia = await place.come(NumericProgram, ""), await place.come(kind, "")
    await bia.drop()
    await place_knows_gone(place, bia)
    for n in range(20):
        ana.say(bia.number, f"message {n}")
    assert await ana.rest() == []
    again = await come_again(place, kind, bia.number)
    for n in range(20):
        await again.expect_told(ana.number, f"message {n}")
        await ana.expect_delivered(bia.number)
    assert await again.rest() == await ana.rest() == []


async def place_knows_gone(place: Place, client: NumericClient) -> None:
    """Wait until the server knows that a client is gone."""
    watcher = await place.irc(f"w{client.number}")
    await watcher.expect_absent(client.nick)


async def test_a_group(place: Place, kind: type[NumericClient]) -> None:
    ana, bia = await place.come(kind, ""), await place.come(NumericProgram, "")
    carol = await place.come(kind, "")
    group = await ana.gather(bia.number, carol.number)
    members = " ".join((ana.number, bia.number, carol.number))
    for one in (bia, carol):
        await one.expect_seen("gathered", where=group, whom=members)
    ana.say(group, "hello")
    for one in (bia, carol):
        await one.expect_said(ana.number, group, "hello")
    await ana.expect_delivered(group)
    assert await ana.rest() == []
    carol.say(group, "hello ana")
    for one in (ana, bia):
        await one.expect_said(carol.number, group, "hello ana")


async def test_what_is_wrong_is_not_answered(place: Place, kind: type[NumericClient]) -> None:
    ana, bia = await place.come(kind, ""), await place.come(NumericProgram, "")
    ana.send(f"05{bia.number}{ana.number}{SENT}not me")
    ana.say("0" * 13, "nobody")
    ana.send(f"03{'0' * 13}")
    ana.send(f"08{'0' * 13}{SENT}")
    assert await ana.rest() == []
    ana.say(bia.number, "hello")
    await bia.expect_told(ana.number, "hello")
    assert sum(place.server.hub.left_alone.values()) == 4


async def test_a_second_03_switches(place: Place, kind: type[NumericClient]) -> None:
    ana, bia = await place.come(kind, ""), await place.come(kind, "")
    first = bia.number
    bia.send("01")
    other = (await bia.expect_seen("reply", whom="02")).text
    await bia.log_in_as(other)
    ana.say(first, "to the first")
    ana.say(other, "to the other")
    await bia.expect_told(ana.number, "to the other")
    await bia.log_in_as(first)
    await bia.expect_told(ana.number, "to the first")


async def test_who_reads_late_finds_every_receipt_whole(place: Place) -> None:
    ana, bia = await place.come(NumericClient, ""), await place.come(NumericProgram, "")
    ana.say(bia.number, "hello")
    await ana.expect_delivered(bia.number)
    await ana.drop()
    await place_knows_gone(place, ana)
    for _ in range(10):
        bia.tell_read(ana.number)
    await bia.fence()
    # This one reads nothing until all of it is there.
    reader, writer = await asyncio.open_connection("127.0.0.1", place.ports["numeric"])
    writer.write(f"03{ana.number}".encode())
    async with asyncio.timeout(PATIENCE_S):
        while len(reader._buffer) < 10 * READ_BYTES:  # type: ignore[attr-defined]
            await asyncio.sleep(0.01)
    for _ in range(10):
        assert await reader.read(READ_BYTES) == f"09{bia.number}{SENT}".encode().ljust(READ_BYTES)
    writer.close()
    await writer.wait_closed()


# With others


async def test_irc_users_are_reached_by_number(place: Place, kind: type[NumericClient]) -> None:
    ana, bob = await place.come(kind, ""), await place.irc("bob")
    ana.say(user(place, "bob").number, "olá")
    await bob.expect_told(ana.nick, "olá")
    await ana.expect_delivered(user(place, "bob").number)


async def test_irc_users_reach_by_number_and_by_nickname(
    place: Place, kind: type[NumericClient]
) -> None:
    ana, bob = await place.come(kind, ""), await place.irc("bob")
    number = user(place, "bob").number
    bob.tell(ana.number, "one")
    bob.tell(ana.nick, "two")
    bob.send(f"POKE {ana.nick}")
    bob.act(ana.nick, "waves")
    for text in ("one", "two", f"* bob pokes {ana.nick}", "* bob waves"):
        await ana.expect_told(number, text)


async def test_irc_users_are_told_of_what_arrived_and_was_read(
    place: Place, kind: type[NumericClient]
) -> None:
    ana, bob = await place.come(kind, ""), await place.come(WithReceipts, "bob")
    bob.tell(ana.nick, "hello")
    delivered = await bob.expect_receipt("delivered", ana.nick)
    seen = await ana.expect_told(user(place, "bob").number, "hello")
    ana.tell_read(user(place, "bob").number, seen.raw[28:38])
    assert await bob.expect_receipt("seen", ana.nick) == delivered
    # And the other way round.
    ana.say(user(place, "bob").number, "hello bob")
    told = await bob.expect_told(ana.nick, "hello bob")
    await ana.expect_delivered(user(place, "bob").number)
    bob.send(f"@+tertulia/seen={told.raw.tags['msgid']} TAGMSG {ana.nick}")
    await ana.expect_seen("read", by=user(place, "bob").number)


async def test_json_users_are_reached_and_reach(place: Place, kind: type[NumericClient]) -> None:
    ana, bob = await place.come(kind, ""), await place.come(DiscoveryProgram, "bob")
    number = user(place, "bob").number
    ana.say(number, "olá")
    await bob.expect_told(ana.nick, "olá")
    await ana.expect_delivered(number)
    bob.tell(ana.nick, "one")
    bob.tell(ana.number, "two")
    for text in ("one", "two"):
        await ana.expect_told(number, text)


async def test_an_irc_user_in_a_group(place: Place, kind: type[NumericClient]) -> None:
    ana, bia = await place.come(kind, ""), await place.come(NumericProgram, "")
    bob = await place.irc("bob")
    group = await ana.gather(bia.number, user(place, "bob").number)
    invited: Seen = await bob.expect_seen("reply", whom="INVITE")
    await bob.enter(invited.raw.params[1])
    bob.say(f"#g{group}", "hello all")
    for one in (ana, bia):
        await one.expect_said(user(place, "bob").number, group, "hello all")
    ana.say(group, "hello bob")
    await bob.expect_said(ana.nick, f"#g{group}", "hello bob")
    await bia.expect_said(ana.number, group, "hello bob")


async def test_an_irc_user_takes_a_numeric_user_in_and_throws_them_out(
    place: Place, kind: type[NumericClient]
) -> None:
    ana, bob = await place.come(kind, ""), await place.irc("bob")
    await bob.enter(TEA)
    channel = place.server.hub.state.channel_named(TEA)
    assert channel is not None
    bob.send(f"INVITE {ana.nick} {TEA}")
    await ana.expect_seen("gathered", where=channel.number, whom=ana.number)
    bob.say(TEA, "hello")
    await ana.expect_said(user(place, "bob").number, channel.number, "hello")
    ana.say(channel.number, "hello bob")
    await bob.expect_said(ana.nick, TEA, "hello bob")
    bob.kick(TEA, ana.nick, "enough")
    words = f"bob kicked {ana.nick} out of {TEA}: enough"
    await ana.expect_said(user(place, "bob").number, channel.number, words)
    ana.say(channel.number, "still here?")
    await ana.fence()
    assert await bob.rest() == [Seen("kicked", "bob", TEA, "enough", ana.nick)]


async def test_what_is_said_to_everyone(place: Place, kind: type[NumericClient]) -> None:
    ana, bob = await place.come(kind, ""), await place.irc("bob")
    for target in "*&":
        bob.say(target, f"to {target}")
        await ana.expect_told(user(place, "bob").number, f"to {target}")


async def test_long_texts_of_others_come_in_parts(place: Place, kind: type[NumericClient]) -> None:
    ana, bob = await place.come(kind, ""), await place.irc("bob")
    bob.tell(ana.nick, "a" * 218 + "b" * 100)
    for text in ("a" * 218, "b" * 100):
        await ana.expect_told(user(place, "bob").number, text)


# Over a restart


async def test_messages_receipts_and_groups_survive_a_restart(
    tmp_path: Path, kind: type[NumericClient]
) -> None:
    data = tmp_path / "data"
    async with numeric_place(data) as place:
        ana, bia = await place.come(kind, ""), await place.come(kind, "")
        carol = await place.come(kind, "")
        group = await ana.gather(bia.number, carol.number)
        for one in (bia, carol):
            await one.expect_seen("gathered")
            await one.drop()
        for one in (bia, carol):
            await place_knows_gone(place, one)
        ana.say(bia.number, "one")
        ana.say(group, "two")
        await ana.fence()
        await ana.drop()
    async with numeric_place(data) as place:
        again = await come_again(place, kind, bia.number)
        await again.expect_told(ana.number, "one")
        await again.expect_said(ana.number, group, "two")
        again.say(group, "three")
        await again.fence()
        await again.drop()
    async with numeric_place(data) as place:
        author = await come_again(place, kind, ana.number)
        await author.expect_delivered(bia.number)
        await author.expect_delivered(group)
        await author.expect_said(bia.number, group, "three")
        last = await come_again(place, kind, carol.number)
        await last.expect_said(ana.number, group, "two")
        await last.expect_said(bia.number, group, "three")
        assert await author.rest() == await last.rest() == []


async def test_a_receipt_comes_when_the_disk_has_room_again(place: Place) -> None:
    ana, bia = await place.come(NumericClient, ""), await place.come(NumericClient, "")
    bia.quit()
    await bia.expect_closed()
    ana.say(bia.number, "hello")
    await ana.rest()
    disk = Disk(place)
    disk.is_full = True
    number = bia.number
    bia = await place.knock(NumericClient)
    bia.number = number
    bia.send(f"03{number}")
    await bia.expect_seen("told", by=ana.number, text="hello")
    async with asyncio.timeout(PATIENCE_S):
        await disk.refused.wait()
    disk.is_full = False
    await ana.expect_delivered(bia.number)
    assert [s for s in await bia.rest() if s.kind == "told"] == []
