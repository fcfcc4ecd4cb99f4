"""The console does what an operator may, under the server's name, and is nowhere."""

import pytest

from tertulia.domain import changes as c
from tertulia.domain.channels import ADMIN
from tertulia.domain.commands.connect import Disconnect
from tertulia.domain.commands.kick import Kick
from tertulia.domain.commands.modes import SetModes, SetRank
from tertulia.domain.commands.say import Say
from tertulia.domain.commands.topic import SetTopic
from tertulia.domain.console import console
from tertulia.domain.errors import InvalidNickname
from tertulia.domain.events import ModeChange
from tertulia.domain.ids import is_durable
from tertulia.domain.names import Nickname
from tertulia.domain.text import Text
from tertulia.domain.world import Rules
from tests.domain.kit import Room, check_state

SERVER = "tea.example"
TEA = "#tea"


@pytest.fixture
def room():
    return Room(Rules(broadcast="operators", broadcast_burst=1))


@pytest.fixture
def boss():
    return console(SERVER)


def say(target, text="hello"):
    return Say(target, Text(text))


def test_it_is_seen_as_the_server(room, boss):
    room.user("ana", TEA)
    spoken = room.one(boss, say(room.channel(TEA)))
    assert type(spoken) is c.Spoken
    assert (spoken.by.nick, spoken.by.mask, spoken.target) == (SERVER, SERVER, TEA)


@pytest.mark.parametrize("modes", ["m", "b", "nt"])
def test_it_speaks_where_others_may_not(room, boss, modes):
    ana = room.user("ana", TEA)
    changes = [ModeChange(True, mode, "*!*@*" if mode == "b" else None) for mode in modes]
    room.do(ana, SetModes(room.channel(TEA), tuple(changes)))
    assert room.one(boss, say(room.channel(TEA))).text == "hello"


@pytest.mark.parametrize("target", ["*", "&"])
def test_it_speaks_to_everyone_as_often_as_it_likes(room, boss, target):
    for _ in range(10):
        assert room.one(boss, say(target)).target == target


def test_it_speaks_to_one_who_is_here_and_to_one_who_is_not(room, boss):
    ana = room.user("ana")
    assert room.one(boss, say(ana)).target == "ana"
    room.identity("bob")
    bob = room.state.recipient("bob")
    room.do(boss, say(bob))
    assert room.state.waiting.count(bob.uid) == room.state.waiting.total() == 1


def test_it_keeps_order_in_channels_that_it_is_not_in(room, boss):
    room.user("ana", TEA)
    bob, channel = room.user("bob", TEA), room.channel(TEA)
    assert room.one(boss, SetTopic(channel, "Green tea")).topic == "Green tea"
    assert channel.topic.by == SERVER
    room.do(boss, SetModes(channel, (ModeChange(True, "b", "eve"),)))
    assert channel.lists["b"]["eve!*@*"].by == SERVER
    room.do(boss, SetRank(channel, ((True, "o", bob),)))
    assert channel.occupants[bob.uid] & ADMIN
    assert room.one(boss, Kick(channel, bob)).reason == SERVER
    assert list(room.ranks(TEA)) == ["ana"]


def test_it_is_nowhere(room, boss):
    ana = room.user("ana", TEA)
    room.do(boss, say(room.channel(TEA)))
    room.do(boss, say(ana))
    assert list(room.state.users.values()) == [ana]
    assert list(room.ranks(TEA)) == ["ana"]
    assert room.state.recipient(SERVER) is None
    assert room.state.recipient(boss.number) is None
    check_state(room.state)
    room.do(ana, Disconnect(""))


def test_nobody_can_be_it(room, boss):
    assert not is_durable(boss.uid)
    with pytest.raises(InvalidNickname):
        Nickname.parse(SERVER)
