"""Two servers are one chat: where people come to makes no difference."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.behaviour.clients import Client
from tests.behaviour.irc_clients import IrcClient, Ircv3Client
from tests.behaviour.json_clients import DiscoveryProgram
from tests.behaviour.numeric_clients import NumericProgram
from tests.behaviour.places import CLIENTS, PROTOCOLS, Place
from tests.behaviour.test_numeric import WithReceipts
from tests.behaviour.text_clients import LOBBY, PyChatProgram
from tests.behaviour.twins import THE_OTHER, Twins, twins

TEA = "#tea"
KINDS = ["ircv3", "json", "rech-lines", "chatroom"]
"""One client of each protocol that can be in any channel."""


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Twins]:
    async with twins(tmp_path) as pair:
        yield pair


# Lists


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_lists_are_of_the_network(two: Twins, protocol: str) -> None:
    ana, rui = await two.here.irc("ana"), await two.there.meet(protocol, "rui")
    await ana.enter(TEA)
    await two.settle()
    assert await rui.users() == {"ana", "rui"}
    assert TEA in await rui.channels()
    await rui.enter(TEA)
    assert await rui.users(TEA) == {"ana", "rui"}
    await two.settle()
    assert await ana.users() == await ana.users(TEA) == {"ana", "rui"}


async def test_lists_of_pychat_are_of_the_network(two: Twins) -> None:
    ana = await two.here.irc("ana")
    await ana.enter(LOBBY)
    await two.settle()
    rui = await two.there.come(PyChatProgram, "rui")
    assert await rui.users() == {"ana", "rui"}


async def test_who_tells_where_somebody_is(two: Twins) -> None:
    await two.here.irc("ana")
    rui = await two.there.irc("rui")
    await two.settle()
    rui.send("WHO ana")
    [line] = await rui.answer("352", "315")
    assert (line.params[4], line.params[7].split()[0]) == ("tea.example", "1")
    rui.send("WHO rui")
    [line] = await rui.answer("352", "315")
    assert (line.params[4], line.params[7].split()[0]) == (THE_OTHER, "0")
    rui.send("WHOIS ana")
    [line] = await rui.answer("312", "318")
    assert line.params[2] == "tea.example"


# To everyone


@pytest.mark.parametrize("protocol", KINDS)
async def test_what_is_said_to_everyone_here_stays_here(two: Twins, protocol: str) -> None:
    ana, bia = await two.here.meet(protocol, "ana"), await two.here.irc("bia")
    rui = await two.there.irc("rui")
    ana.say("&", "on this one")
    ana.say("*", "on all")
    for one in (bia, rui):
        await one.expect_said("ana", "*", "on all")
    assert [s.text for s in bia.seen if s.kind == "said"] == ["on this one", "on all"]
    assert [s.text for s in rui.seen if s.kind == "said"] == ["on all"]


async def test_nobody_speaks_to_all_of_another_server(two: Twins) -> None:
    ana, rui = await two.here.irc("ana"), await two.there.irc("rui")
    ana.send(f"PRIVMSG ${THE_OTHER} :to all of you")
    await ana.expect_error(THE_OTHER)
    await two.settle()
    assert await rui.rest() == []


# What is decided on one server holds on the other


@pytest.mark.parametrize("one", KINDS)
@pytest.mark.parametrize("other", KINDS)
async def test_a_password_is_asked_for_on_both(two: Twins, one: str, other: str) -> None:
    ana, rui = await two.here.meet(one, "ana"), await two.there.meet(other, "rui")
    await ana.enter_with_password(TEA, "sesame")
    await two.settle()
    rui.join(TEA)
    await rui.expect_error("password")
    rui.join(TEA, "wrong")
    await rui.expect_error()
    await rui.enter(TEA, "sesame")
    await ana.expect_joined("rui", TEA)
    rui.say(TEA, "let me in")
    await ana.expect_said("rui", TEA, "let me in")


@pytest.mark.parametrize("one", KINDS)
@pytest.mark.parametrize("other", KINDS)
async def test_who_is_kicked_on_another_server_is_out(two: Twins, one: str, other: str) -> None:
    ana, rui = await two.here.meet(one, "ana"), await two.there.meet(other, "rui")
    await ana.enter(TEA)
    await two.settle()
    await rui.enter(TEA)
    await ana.expect_joined("rui", TEA)
    ana.kick(TEA, "rui", "out")
    await rui.expect_kicked("rui", TEA, "out")
    await ana.expect_kicked("rui", TEA, "out")
    assert "rui" not in await ana.users(TEA)
    rui.say(TEA, "and now?")
    await rui.expect_error(TEA)


@pytest.mark.parametrize("one", KINDS)
@pytest.mark.parametrize("other", KINDS)
async def test_who_is_made_an_admin_on_another_server_is_one(
    two: Twins, one: str, other: str
) -> None:
    ana, rui = await two.here.meet(one, "ana"), await two.there.meet(other, "rui")
    eva = await two.here.irc("eva")
    await ana.enter(TEA)
    await two.settle()
    await rui.enter(TEA)
    await eva.enter(TEA)
    await ana.expect_joined("rui", TEA)
    ana.promote(TEA, "rui")
    await rui.expect_promoted("rui", TEA)
    await ana.expect_promoted("rui", TEA)
    await two.settle()
    rui.kick(TEA, "eva", "bye")
    await eva.expect_kicked("eva", TEA, "bye")
    await ana.expect_kicked("eva", TEA, "bye")


@pytest.mark.parametrize("other", KINDS)
async def test_modes_bans_and_invitations_hold_on_both(two: Twins, other: str) -> None:
    keeper, rui = await two.here.ircv3("keeper"), await two.there.meet(other, "rui")
    await keeper.enter(TEA)
    await two.settle()
    await rui.enter(TEA)
    await keeper.expect_joined("rui", TEA)
    await keeper.set_modes(TEA, "+m")
    await two.settle()
    rui.say(TEA, "may I?")
    await rui.expect_error(TEA, "moderated")
    await keeper.set_modes(TEA, "+v rui")
    await two.settle()
    rui.say(TEA, "I have a voice")
    await keeper.expect_said("rui", TEA, "I have a voice")
    await keeper.set_modes(TEA, "-m+b rui!*@*")
    keeper.kick(TEA, "rui", "out")
    await rui.expect_kicked("rui", TEA, "out")
    rui.join(TEA)
    await rui.expect_error()
    await keeper.set_modes(TEA, "+i-b rui!*@*")
    await two.settle()
    rui.join(TEA)
    await rui.expect_error()
    keeper.send(f"INVITE rui {TEA}")
    await rui.expect(lambda s: TEA in s.text and s.kind == "reply", "the invitation")
    await rui.enter(TEA)
    await keeper.expect_joined("rui", TEA)


async def test_who_comes_later_finds_the_topic_and_the_modes(two: Twins) -> None:
    ana = await two.here.ircv3("ana")
    await ana.enter(TEA)
    ana.set_topic(TEA, "camomile")
    await ana.set_modes(TEA, "+ml 9")
    await two.settle()
    rui = await two.there.irc("rui")
    rui.join(TEA)
    topic = await rui.expect_seen("reply", whom="332")
    assert topic.raw.params[-1] == "camomile"
    rui.send(f"MODE {TEA}")
    modes = await rui.expect_seen("reply", whom="324")
    assert set(modes.raw.params[2]) == set("+lmnt") and modes.raw.params[3] == "9"


async def test_the_operator_of_one_server_kills_somebody_on_another(two: Twins) -> None:
    ana, rui = await two.here.irc("ana"), await two.there.irc("rui")
    ana.send("OPER root secret")
    await rui.enter(TEA)
    await two.settle()
    await ana.enter(TEA)
    ana.send("KILL rui :enough")
    await rui.expect_goodbye("enough")
    await ana.expect_quit("rui")


# Numbers


async def test_a_group_on_two_servers(two: Twins) -> None:
    ana, bia = await two.here.come(NumericProgram, ""), await two.there.come(NumericProgram, "")
    carol, rui = await two.here.come(NumericProgram, ""), await two.there.ircv3("rui")
    await two.settle()
    number = number_of(two.here, "rui")
    group = await ana.gather(bia.number, carol.number, number)
    members = " ".join((ana.number, bia.number, carol.number, number))
    for one in (bia, carol):
        await one.expect_seen("gathered", where=group, whom=members)
    invited = await rui.expect(lambda s: s.raw.command == "INVITE", "an invitation")
    await rui.enter(invited.raw.params[1])
    await two.settle()
    for speaker, others in ((ana, (bia, carol)), (bia, (ana, carol))):
        speaker.say(group, f"I am {speaker.nick}")
        for one in others:
            await one.expect_said(speaker.number, group, f"I am {speaker.nick}")
        await speaker.expect_delivered(group)
        await rui.expect_said(speaker.nick, f"#g{group}", f"I am {speaker.nick}")
    rui.say(f"#g{group}", "and I am rui")
    for one in (ana, bia, carol):
        await one.expect_said(number, group, "and I am rui")
    await two.settle()
    assert await ana.rest() == await carol.rest() == await bia.rest() == []


async def test_a_member_of_a_group_is_expelled_from_the_other_server(two: Twins) -> None:
    ana, bia = await two.here.ircv3("ana"), await two.there.come(NumericProgram, "")
    await two.settle()
    await ana.enter(TEA)
    ana.send(f"INVITE {bia.nick} {TEA}")
    group = (await bia.expect_seen("gathered")).where
    ana.say(TEA, "you hear this")
    await bia.expect_said(number_of(two.there, "ana"), group, "you hear this")
    ana.kick(TEA, bia.nick, "out")
    await bia.expect(lambda s: "kicked" in s.text, "why")
    ana.say(TEA, "and this no more")
    await two.settle()
    assert await bia.rest() == []


def number_of(place: Place, nick: str) -> str:
    user = place.server.hub.state.user_named(nick)
    assert user is not None
    return user.number


async def test_receipts_go_from_server_to_server(two: Twins) -> None:
    ana, bia = await two.here.come(WithReceipts, "ana"), await two.there.come(NumericProgram, "")
    rui = await two.there.come(DiscoveryProgram, "rui")
    await two.settle()
    ana.tell(bia.nick, "have you this?")
    await bia.expect_told(number_of(two.there, "ana"), "have you this?")
    delivered = await ana.expect_receipt("delivered", bia.nick)
    bia.tell_read(number_of(two.there, "ana"), "9999999999")
    assert await ana.expect_receipt("seen", bia.nick) == delivered
    bia.say(number_of(two.there, "ana"), "yes")
    await ana.expect_told(bia.nick, "yes")
    await bia.expect_delivered(number_of(two.there, "ana"))
    rui.send("MESSAGE", target="ana", message="and this?", receipt=True)
    told = await ana.expect_told("rui", "and this?")
    got = await rui.expect_seen("reply", whom="DELIVERED")
    assert got.raw["id"] == told.raw.tags["msgid"]
    ana.send(f"@+tertulia/seen={told.raw.tags['msgid']} TAGMSG rui")
    seen = await rui.expect_seen("reply", whom="SEEN")
    assert seen.raw["id"] == told.raw.tags["msgid"]
    await two.settle()
    assert await ana.rest() == await bia.rest() == []


# Those who go elsewhere


async def test_a_numeric_user_finds_what_waits_on_another_server_once(two: Twins) -> None:
    ana, bia = await two.here.come(NumericProgram, ""), await two.here.come(NumericProgram, "")
    eva = await two.there.come(NumericProgram, "")
    await two.settle()
    await bia.drop()
    await (await two.here.irc("watcher")).expect_absent(bia.nick)
    await two.settle()
    ana.say(bia.number, "from here")
    eva.say(bia.number, "from there")
    await two.settle()
    for place, other in ((two.there, two.here), (two.here, two.there)):
        again = await place.knock(NumericProgram)
        await again.log_in_as(bia.number)
        told = sorted(s.text for s in again.seen if s.kind == "told")
        if place is two.there:
            assert told == ["from here", "from there"]
            await ana.expect_delivered(bia.number)
            await eva.expect_delivered(bia.number)
        else:
            assert told == []
        ana.say(bia.number, "now")
        await again.expect_told(ana.number, "now")
        await ana.expect_delivered(bia.number)
        await again.drop()
        await (await other.irc(f"w{other.ports['irc']}")).expect_absent(bia.nick)
        await two.settle()
    assert await ana.rest() == await eva.rest() == []


async def test_who_comes_to_another_server_leaves_the_first(two: Twins) -> None:
    ana, bia = await two.here.irc("ana"), await two.here.come(NumericProgram, "")
    await two.settle()
    again = await two.there.knock(NumericProgram)
    await again.log_in_as(bia.number)
    await bia.expect_closed()
    ana.tell(bia.nick, "where are you?")
    await again.expect_told(number_of(two.there, "ana"), "where are you?")
    await two.settle()
    assert await ana.users() == {"ana", bia.nick}


async def new_identity(client: IrcClient) -> str:
    """Return the password of a new identity."""
    client.send("IDENTITY NEW")
    seen = await client.expect_seen("reply", whom="IDENTITY")
    return f"{seen.raw.params[1]}:{seen.raw.params[2]}"


async def come_as(place: Place, nick: str, password: str) -> Ircv3Client:
    client = await place.knock(Ircv3Client)
    client.send(f"PASS {password}")
    await client.log_in(nick)
    return client


async def test_an_identity_is_known_on_both_servers(two: Twins) -> None:
    ana, rui = await two.here.irc("ana"), await two.here.ircv3("rui")
    password = await new_identity(rui)
    await rui.enter(TEA)
    await two.settle()
    await rui.drop()
    await ana.expect_absent("rui")
    ana.tell("rui", "for later")
    await two.settle()
    # Nobody else can be called so.
    thief = await two.there.knock(IrcClient)
    thief.try_to_log_in("rui")
    await thief.expect_error("rui")
    again = await come_as(two.there, "rui", password)
    await again.expect_told("ana", "for later")
    await again.enter(TEA)
    await again.fence()
    assert "@rui" in [
        name.partition("!")[0]
        for s in again.seen
        if s.whom == "353"
        for name in s.raw.params[-1].split()
    ]
    await two.settle()
    third = await come_as(two.here, "rui", password)
    await again.expect_goodbye("elsewhere")
    ana.tell("rui", "and now")
    await third.expect_told("ana", "and now")
    await third.fence()
    assert [s.text for s in third.seen if s.kind == "told"] == ["and now"]


async def test_two_at_once_are_one_in_the_end(two: Twins) -> None:
    rui = await two.here.ircv3("rui")
    password = await new_identity(rui)
    await two.settle()
    some = await asyncio.gather(*(come_as(p, "rui", password) for p in (two.here, two.there) * 3))
    await two.settle()
    alive = [one for one in some if not one.is_closed]
    assert len(alive) == 1
    for place in (two.here, two.there):
        users = place.server.hub.state.users.values()
        assert [u.nick.text for u in users if u.nick.text.startswith("rui")] == ["rui"]


async def test_everybody_is_in_the_lobby(two: Twins) -> None:
    clients: list[Client] = []
    for i, kind in enumerate(("pychat-lines", "chatroom")):
        for place in (two.here, two.there):
            clients.append(await place.come(CLIENTS[kind], f"p{len(clients)}x{i}"))
    await two.settle()
    for one in clients:
        one.say(LOBBY, f"I am {one.nick}")
        for other in clients:
            if other is not one:
                await other.expect_said(one.nick, LOBBY, f"I am {one.nick}")
