"""What every protocol can do, seen by a companion of the same protocol."""

from __future__ import annotations

import pytest

from tests.behaviour.clients import Client
from tests.behaviour.places import Place
from tests.behaviour.text_clients import ChatRoomClient

TEA = "#tea"


async def two(place: Place, protocol: str) -> tuple[Client, Client]:
    """Ana and Rui, both in #tea, which is Ana's; both have seen all of that."""
    ana, rui = await place.meet(protocol, "ana"), await place.meet(protocol, "rui")
    await ana.enter(TEA)
    await rui.enter(TEA)
    await ana.rest()
    await rui.rest()
    return ana, rui


async def test_what_is_said_in_a_channel_is_heard_once(place: Place, protocol: str) -> None:
    ana, rui = await two(place, protocol)
    ana.say(TEA, "olá, está aí alguém?")
    await rui.expect_said("ana", TEA, "olá, está aí alguém?")
    await ana.fence()
    assert await rui.rest() == []


async def test_messages_come_in_the_order_they_were_sent(place: Place, protocol: str) -> None:
    ana, rui = await two(place, protocol)
    for i in range(50):
        ana.say(TEA, f"line {i}")
    for i in range(50):
        await rui.expect_said("ana", TEA, f"line {i}")
    assert await rui.rest() == []


async def test_a_channel_belongs_to_who_makes_it(place: Place, protocol: str) -> None:
    ana = await place.meet(protocol, "ana")
    rui = await place.meet(protocol, "rui")
    await ana.enter(TEA)
    await rui.enter(TEA)
    rui.kick(TEA, "ana")
    await rui.expect_error("admin")
    ana.kick(TEA, "rui", "bye")
    await rui.expect_kicked("rui", TEA, "bye")


async def test_joining_is_seen_by_those_who_are_there(place: Place, protocol: str) -> None:
    ana = await place.meet(protocol, "ana")
    rui = await place.meet(protocol, "rui")
    await ana.enter(TEA)
    await ana.rest()
    rui.join(TEA)
    await ana.expect_joined("rui", TEA)
    await rui.expect_joined("rui", TEA)
    assert await ana.rest() == []


async def test_who_leaves_is_seen_to_leave_and_hears_no_more(place: Place, protocol: str) -> None:
    ana, rui = await two(place, protocol)
    rui.part(TEA, "até já")
    await ana.expect_left("rui", TEA, "até já")
    await rui.expect_left("rui", TEA, "até já")
    ana.say(TEA, "is rui still here?")
    await ana.fence()
    assert await rui.rest() == []


async def test_leaving_a_channel_one_is_not_in_is_refused(place: Place, protocol: str) -> None:
    ana = await place.meet(protocol, "ana")
    rui = await place.meet(protocol, "rui")
    await ana.enter(TEA)
    rui.part(TEA)
    await rui.expect_error(TEA)
    rui.part("#nowhere")
    await rui.expect_error("#nowhere")


async def test_a_kick_tells_why_and_takes_out(place: Place, protocol: str) -> None:
    ana, rui = await two(place, protocol)
    ana.kick(TEA, "rui", "too loud, sorry")
    await rui.expect_kicked("rui", TEA, "too loud, sorry")
    await ana.expect_kicked("rui", TEA, "too loud, sorry")
    rui.say(TEA, "but")
    await rui.expect_error()
    assert await ana.users(TEA) == {"ana"}
    assert await ana.rest() == []


@pytest.mark.parametrize("whom", ["nobody", "eva"])
async def test_only_who_is_there_can_be_kicked_or_promoted(
    place: Place, protocol: str, whom: str
) -> None:
    ana, rui = await two(place, protocol)
    await place.meet(protocol, "eva")
    await rui.rest()
    ana.kick(TEA, whom)
    await ana.expect_error(whom)
    ana.promote(TEA, whom)
    await ana.expect_error(whom)
    assert await rui.rest() == []


async def test_who_is_promoted_may_kick(place: Place, protocol: str) -> None:
    ana, rui = await two(place, protocol)
    rui.promote(TEA, "rui")
    await rui.expect_error("admin")
    ana.promote(TEA, "rui")
    await rui.expect_promoted("rui", TEA)
    await ana.expect_promoted("rui", TEA)
    rui.kick(TEA, "ana", "my turn")
    await ana.expect_kicked("ana", TEA, "my turn")


async def test_a_direct_message_reaches_one_person(place: Place, protocol: str) -> None:
    ana, rui = await two(place, protocol)
    eva = await place.meet(protocol, "eva")
    await eva.enter(TEA)
    ana.tell("rui", "between us")
    await rui.expect_told("ana", "between us")
    await ana.fence()
    assert await eva.rest() == []


async def test_who_writes_to_somebody_absent_is_told(place: Place, protocol: str) -> None:
    ana = await place.meet(protocol, "ana")
    ana.tell("nobody", "are you there?")
    await ana.expect_error("nobody")
    rui = await place.meet(protocol, "rui")
    await rui.close()
    await ana.expect_absent("rui")
    ana.tell("rui", "and you?")
    await ana.expect_error("rui")


async def test_a_message_to_a_channel_that_does_not_exist_is_refused(
    place: Place, protocol: str
) -> None:
    ana = await place.meet(protocol, "ana")
    ana.say("#nowhere", "hello?")
    await ana.expect_error("#nowhere")


async def test_a_message_from_outside_is_refused(place: Place, protocol: str) -> None:
    ana = await place.meet(protocol, "ana")
    eva = await place.meet(protocol, "eva")
    await ana.enter(TEA)
    eva.say(TEA, "let me in")
    await eva.expect_error(TEA)
    assert await ana.rest() == []


async def test_users_and_channels_are_listed(place: Place, protocol: str) -> None:
    ana, _ = await two(place, protocol)
    eva = await place.meet(protocol, "eva")
    await eva.enter("#coffee")
    assert await ana.users(TEA) == {"ana", "rui"}
    assert await ana.users() >= {"ana", "rui", "eva"}
    assert await ana.channels() >= {TEA, "#coffee"}
    eva.part("#coffee")
    await eva.fence()
    assert await ana.users(TEA) == {"ana", "rui"}


@pytest.mark.parametrize("where", ["*", "&"])
async def test_a_broadcast_reaches_everyone_here(place: Place, protocol: str, where: str) -> None:
    ana = await place.meet(protocol, "ana")
    rui = await place.meet(protocol, "rui")
    ana.say(where, "the soup is ready")
    await rui.expect_said("ana", where, "the soup is ready")
    assert await rui.rest() == []


async def test_everybody_sees_a_new_name_and_it_works(place: Place, protocol: str) -> None:
    ana, rui = await two(place, protocol)
    rui.rename("rita")
    await ana.expect_renamed("rui", "rita")
    await rui.expect_renamed("rui", "rita")
    ana.tell("rita", "nice name")
    await rui.expect_told("ana", "nice name")
    ana.tell("rui", "still there?")
    await ana.expect_error("rui")
    assert await ana.users(TEA) == {"ana", "rita"}


async def test_nobody_can_take_a_name_that_is_in_use(place: Place, protocol: str) -> None:
    ana, rui = await two(place, protocol)
    rui.rename("ana")
    await rui.expect_error("ana", "in use")
    rui.rename("ANA")
    await rui.expect_error("in use")
    assert await ana.rest() == []
    assert await rui.users(TEA) == {"ana", "rui"}


@pytest.mark.parametrize(
    "name", ["1st", "-dash", "a!b", "a@b", "a,b", "#tea", "x" * 33, "a\u200bb"]
)
async def test_nobody_can_have_an_invalid_name(place: Place, protocol: str, name: str) -> None:
    ana, rui = await two(place, protocol)
    rui.rename(name)
    await rui.expect_error("not a valid name")
    assert await ana.rest() == []
    assert await rui.users(TEA) == {"ana", "rui"}


@pytest.mark.parametrize("name", ["#" + "x" * 64, "#a\u200bb", "#a\u2028b", "#\u3000"])
async def test_no_channel_can_have_an_invalid_name(place: Place, protocol: str, name: str) -> None:
    ana = await place.meet(protocol, "ana")
    ana.join(name)
    if isinstance(ana, ChatRoomClient) and "\u2028" in name:
        # What is typed is text, in which it is a space: what follows is a password.
        await ana.expect_joined("ana", "#a")
        return
    await ana.expect_error("not a valid name")
    assert await ana.channels() <= {"#lobby", "none"}


async def test_who_is_in_a_channel_stays_in_it_once(place: Place, protocol: str) -> None:
    ana, rui = await two(place, protocol)
    rui.join(TEA)
    await rui.fence()
    assert await ana.rest() == []
    assert await ana.users(TEA) == {"ana", "rui"}


async def test_channel_names_ignore_case(place: Place, protocol: str) -> None:
    ana, rui = await two(place, protocol)
    rui.say("#TEA", "louder")
    await ana.expect_said("rui", TEA, "louder")
    rui.tell("ANA", "quieter")
    await ana.expect_told("rui", "quieter")


async def test_a_lost_connection_is_seen(place: Place, protocol: str) -> None:
    ana, rui = await two(place, protocol)
    await rui.close()
    await ana.expect_quit("rui")
    assert await ana.users(TEA) == {"ana"}


async def test_a_goodbye_is_heard(place: Place, protocol: str) -> None:
    ana, rui = await two(place, protocol)
    rui.quit("supper")
    assert "supper" in (await ana.expect_quit("rui")).text
    await rui.expect_closed()
    assert await ana.users(TEA) == {"ana"}


# Passwords


async def test_a_password_keeps_out_who_does_not_know_it(place: Place, protocol: str) -> None:
    ana = await place.meet(protocol, "ana")
    rui = await place.meet(protocol, "rui")
    await ana.enter_with_password(TEA, "cinnamon")
    rui.join(TEA)
    await rui.expect_error("password")
    rui.join(TEA, "sugar")
    await rui.expect_error("password")
    assert await ana.rest() == []
    await rui.enter(TEA, "cinnamon")
    await ana.expect_joined("rui", TEA)
    # From now on it is known without hashing it: the wrong one still is not.
    eva = await place.meet(protocol, "eva")
    eva.join(TEA, "Cinnamon")
    await eva.expect_error("password")
    await eva.enter(TEA, "cinnamon")


async def test_a_password_is_shown_to_nobody(place: Place, protocol: str) -> None:
    ana = await place.meet(protocol, "ana")
    await ana.enter_with_password(TEA, "cinnamon")
    rui = await place.meet(protocol, "rui")
    await rui.enter(TEA, "cinnamon")
    observer = await place.ircv3("observer")
    await observer.enter(TEA, "cinnamon")
    observer.send(f"MODE {TEA}")
    await observer.expect_seen("reply", whom="324", text=f"observer {TEA} +ntk *")
    for client in (ana, rui, observer):
        assert "cinnamon" not in repr([s.raw for s in client.seen])


async def test_a_password_is_not_needed_for_an_open_channel(place: Place, protocol: str) -> None:
    ana, _ = await two(place, protocol)
    eva = await place.meet(protocol, "eva")
    eva.join(TEA, "needless")
    await eva.expect_joined("eva", TEA)
    await ana.expect_joined("eva", TEA)


# Logging in


async def test_a_name_in_use_is_refused_at_the_door(place: Place, protocol: str) -> None:
    await place.meet(protocol, "ana")
    await place.refused_at_the_door(protocol, "ana", "in use")
    await place.refused_at_the_door(protocol, "Ana", "in use")


@pytest.mark.parametrize("name", ["1st", "#tea", "a!b", "x" * 33])
async def test_an_invalid_name_is_refused_at_the_door(
    place: Place, protocol: str, name: str
) -> None:
    await place.refused_at_the_door(protocol, name, "valid")
