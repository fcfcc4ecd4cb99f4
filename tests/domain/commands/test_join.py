import pytest

from tertulia.domain import changes as c
from tertulia.domain import errors as x
from tertulia.domain import events as e
from tertulia.domain.channels import ADMIN
from tertulia.domain.commands.join import Join
from tertulia.domain.commands.part import Part
from tertulia.domain.names import ChannelName
from tertulia.domain.world import Rules
from tests.domain.kit import Room


def join(name, **more):
    return Join(ChannelName.parse(name), **more)


def test_who_makes_a_channel_is_its_admin():
    room = Room()
    ana = room.user("ana")
    entered = room.one(ana, join("#Tea"))
    assert entered == c.Entered(
        entered.hlc, entered.msgid, ana.face, "#Tea", "Real Name", None, True
    )
    created, joined = (event.fact for event in room.events[-2:])
    assert isinstance(created, e.ChannelCreated)
    assert created.key is None
    assert joined == e.Joined(ana.face, "#Tea", True)
    channel = room.channel("#tea")
    assert channel.number == created.number
    assert channel.number.startswith("10042")
    assert channel.flags == {"n", "t"}
    assert {event.conversation for event in room.events[-2:]} == {channel.incarnation}


def test_others_come_without_rank_under_the_name_that_it_has():
    room = Room()
    room.user("ana", "#Tea")
    bob = room.user("bob")
    assert room.one(bob, join("#TEA")).channel == "#Tea"
    assert room.ranks("#tea") == {"ana": ADMIN, "bob": 0}


def test_nothing_happens_for_who_is_there():
    room = Room()
    ana = room.user("ana", "#tea")
    assert room.do(ana, join("#TEA")) == []


def test_a_new_channel_gets_its_password():
    room = Room()
    room.do(room.user("ana"), join("#tea", new_key="$hash"))
    bob = room.user("bob")
    with pytest.raises(x.WrongPassword):
        room.do(bob, join("#tea"))
    room.do(bob, join("#tea", proof="$hash"))
    assert room.channel("#tea").key == "$hash"


def test_who_comes_first_into_an_empty_channel_is_admin():
    room = Room()
    ana = room.user("ana")
    room.do(ana, join("#tea", new_key="$hash"))
    incarnation = room.channel("#tea").incarnation
    room.do(ana, Part(room.channel("#tea")))
    bob = room.user("bob")
    with pytest.raises(x.WrongPassword):
        room.do(bob, join("#tea"))
    room.do(bob, join("#tea", proof="$hash"))
    room.do(ana, join("#tea", proof="$hash"))
    assert room.ranks("#tea") == {"bob": ADMIN, "ana": 0}
    assert room.channel("#tea").incarnation == incarnation


def test_an_empty_channel_that_has_admins_waits_for_them():
    room = Room()
    ana = room.user("ana", "#tea")
    channel = room.channel("#tea")
    channel.admins = frozenset({ana.uid})
    room.do(ana, Part(channel))
    room.user("bob", "#tea")
    assert room.ranks("#tea") == {"bob": 0}


def test_nobody_is_admin_of_the_lobby():
    room = Room()
    room.lobby()
    room.user("ana", "#LOBBY")
    assert room.ranks("#lobby") == {"ana": 0}


def test_a_user_is_in_so_many_channels():
    room = Room(Rules(channels_per_user=2))
    ana = room.user("ana", "#a", "#b")
    with pytest.raises(x.TooManyChannels):
        room.do(ana, join("#c"))
    assert room.do(ana, join("#a")) == []
    room.do(ana, Part(room.channel("#a")))
    room.do(ana, join("#c"))
    assert ana.channels.keys() == {"#b", "#c"}
