"""Two people in one channel, each with a protocol of their own: what one does the other sees."""

from __future__ import annotations

import itertools

import pytest

from tests.behaviour.clients import Client
from tests.behaviour.irc_clients import IrcClient
from tests.behaviour.places import CLIENTS, PROTOCOLS, Place

TEA = "#tea"
PAIRS = list(itertools.product(PROTOCOLS, PROTOCOLS))
FROM_IRC = [pair for pair in PAIRS if issubclass(CLIENTS[pair[0]], IrcClient)]

every_pair = pytest.mark.parametrize(("one", "other"), PAIRS)
every_pair_from_irc = pytest.mark.parametrize(("one", "other"), FROM_IRC)


async def meet(place: Place, one: str, other: str) -> tuple[Client, Client]:
    """Ana with protocol *one* and Rui with *other*, both in #tea, which is Ana's."""
    ana, rui = await place.meet(one, "ana"), await place.meet(other, "rui")
    await ana.enter(TEA)
    rui.join(TEA)
    await rui.expect_joined("rui", TEA)
    await ana.expect_joined("rui", TEA)
    await rui.rest()
    return ana, rui


@every_pair
async def test_they_talk(place: Place, one: str, other: str) -> None:
    ana, rui = await meet(place, one, other)
    ana.say(TEA, "Olá! 你好 👋")
    await rui.expect_said("ana", TEA, "Olá! 你好 👋")
    rui.say(TEA, "boa tarde")
    await ana.expect_said("rui", TEA, "boa tarde")
    ana.tell("rui", "between us: ü")
    await rui.expect_told("ana", "between us: ü")
    ana.say("*", "to the world")
    await rui.expect_said("ana", "*", "to the world")
    ana.say("&", "to this server")
    await rui.expect_said("ana", "&", "to this server")
    assert await rui.rest() == []


@every_pair
async def test_they_come_and_go(place: Place, one: str, other: str) -> None:
    ana, rui = await meet(place, one, other)
    ana.promote(TEA, "rui")
    await rui.expect_promoted("rui", TEA)
    ana.part(TEA, "just a moment")
    await rui.expect_left("ana", TEA, "just a moment")
    ana.join(TEA)
    await rui.expect_joined("ana", TEA)
    await ana.expect_joined("ana", TEA)
    ana.rename("anita")
    await rui.expect_renamed("ana", "anita")
    rui.kick(TEA, "anita", "closing time")
    await ana.expect_kicked("anita", TEA, "closing time")
    await rui.expect_kicked("anita", TEA, "closing time")
    ana.join(TEA)
    await rui.expect_joined("anita", TEA)
    ana.quit("good night")
    assert "good night" in (await rui.expect_quit("anita")).text
    assert await rui.rest() == []


@every_pair
async def test_they_know_of_each_other(place: Place, one: str, other: str) -> None:
    ana, rui = await meet(place, one, other)
    assert await ana.users(TEA) == {"ana", "rui"}
    assert await rui.users(TEA) == {"ana", "rui"}
    rui.rename("ana")
    await rui.expect_error("in use")
    rui.kick(TEA, "ana")
    await rui.expect_error("admin")
    assert await ana.rest() == []


@every_pair
async def test_a_password_is_the_same_for_both(place: Place, one: str, other: str) -> None:
    ana, rui = await place.meet(one, "ana"), await place.meet(other, "rui")
    await ana.enter_with_password(TEA, "canela")
    await ana.rest()
    rui.join(TEA, "noz")
    await rui.expect_error("password")
    rui.join(TEA)
    await rui.expect_error("password")
    assert await ana.rest() == []
    rui.join(TEA, "canela")
    await rui.expect_joined("rui", TEA)
    await ana.expect_joined("rui", TEA)


@every_pair_from_irc
async def test_what_only_irc_can_say_is_shown(place: Place, one: str, other: str) -> None:
    ana, rui = await meet(place, one, other)
    assert isinstance(ana, IrcClient)
    ana.act(TEA, "pours tea")
    await rui.expect_action("ana", TEA, "pours tea")
    ana.notice(TEA, "the kettle boils")
    await rui.expect_notice("ana", TEA, "the kettle boils")
    ana.set_topic(TEA, "Earl Grey: sim ou não?")
    await rui.expect_topic(TEA, "Earl Grey: sim ou não?")
    assert await rui.rest() == []


@every_pair_from_irc
async def test_what_others_could_not_show_is_left_out(place: Place, one: str, other: str) -> None:
    ana, rui = await meet(place, one, other)
    assert isinstance(ana, IrcClient)
    ana.send(f"@+typing=active TAGMSG {TEA}")
    ana.say(TEA, "\x02bold\x02 and \x0304,01red\x03")
    text = (await rui.expect_seen("said", by="ana")).text
    plain = not isinstance(rui, IrcClient)
    assert text == ("bold and red" if plain else "\x02bold\x02 and \x0304,01red\x03")
    assert await rui.rest() == []


@every_pair
async def test_bans_and_modes_hold_for_both(place: Place, one: str, other: str) -> None:
    keeper = await place.ircv3("keeper")
    await keeper.enter(TEA)
    ana, rui = await place.meet(one, "ana"), await place.meet(other, "rui")
    await ana.enter(TEA)
    await rui.enter(TEA)
    await keeper.set_modes(TEA, "+mv ana")
    ana.say(TEA, "I have a voice")
    await rui.expect_said("ana", TEA, "I have a voice")
    rui.say(TEA, "I have none")
    await rui.expect_error(TEA, "moderated")
    await keeper.set_modes(TEA, "-m+b rui!*@*")
    rui.say(TEA, "and now?")
    await rui.expect_error(TEA, "banned")
    keeper.kick(TEA, "rui", "out")
    await ana.expect_kicked("rui", TEA, "out")
    rui.join(TEA)
    await rui.expect_error("banned")
    await keeper.set_modes(TEA, "+i-b rui!*@*")
    rui.join(TEA)
    await rui.expect_error("invited")
