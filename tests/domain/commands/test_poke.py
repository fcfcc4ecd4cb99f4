import pytest

from tertulia.domain import errors as x
from tertulia.domain.commands.invite import Invite
from tertulia.domain.commands.poke import Poke
from tertulia.domain.events import Style
from tests.domain.kit import Room


@pytest.fixture
def room():
    return Room()


def shown(changes):
    return [(change.by.nick, change.target, change.style, change.text) for change in changes]


def test_a_poke_is_between_two(room):
    ana, bob = room.user("ana"), room.user("bob")
    assert shown(room.do(ana, Poke(bob))) == [("ana", "bob", Style.POKE, "bob")]


def test_a_poke_in_a_channel_is_seen_there(room):
    ana, bob = room.user("ana", "#tea"), room.user("bob", "#tea")
    [poke] = shown(room.do(ana, Poke(bob, room.channel("#tea"))))
    assert poke == ("ana", "#tea", Style.POKE, "bob")


def test_who_is_not_in_the_channel_feels_it_too(room):
    ana, bob = room.user("ana", "#tea"), room.user("bob")
    pokes = shown(room.do(ana, Poke(bob, room.channel("#tea"))))
    assert [target for _, target, _, _ in pokes] == ["#tea", "bob"]


def test_who_may_not_speak_may_not_poke(room):
    room.user("ana", "#tea")
    bob = room.user("bob")
    with pytest.raises(x.CannotSend):
        room.do(bob, Poke(bob, room.channel("#tea")))


def test_a_poke_waits(room):
    room.identity("zoe")
    ana = room.user("ana")
    room.do(ana, Poke(room.state.recipient("zoe")))
    assert room.state.waiting.count(room.state.identities.named("zoe").uid) == 1


def test_who_is_a_member_is_poked_once_though_not_here(room):
    ana, bia = room.user("ana", "#tea"), room.register()
    tea = room.channel("#tea")
    room.do(ana, Invite(tea, bia))
    assert room.one(ana, Poke(bia, tea)).target == "#tea"
    waits = [type(fact).__name__ for fact in room.state.waiting.added.values()]
    assert waits == ["Gathered", "Said"]
