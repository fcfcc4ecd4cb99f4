import pytest

from tertulia.domain import changes as c
from tertulia.domain import errors as x
from tertulia.domain import events as e
from tertulia.domain.channels import ADMIN, Channel
from tertulia.domain.commands.connect import Disconnect
from tertulia.domain.commands.gather import Gather
from tertulia.domain.commands.invite import Invite
from tertulia.domain.commands.join import Join
from tertulia.domain.commands.say import Say
from tertulia.domain.events import ChannelEnded
from tertulia.domain.identities import Identity
from tertulia.domain.text import Text
from tertulia.domain.users import User
from tertulia.domain.world import Rules
from tests.domain.kit import Room, check_state


def gathered(room: Room, actor: User, *others: User | Identity) -> tuple[Channel, c.Gathered]:
    """The group that *actor* makes of *others*, and how it is told."""
    [told] = [x for x in room.do(actor, Gather(others)) if isinstance(x, c.Gathered)]
    check_state(room.state)
    return room.channel(told.channel), told


def waiting(room: Room, uid: str) -> list[str]:
    """The kinds of what waits for a user."""
    found = [fact for (whom, _), fact in room.state.waiting.added.items() if whom == uid]
    return [type(fact).__name__ for fact in found]


@pytest.fixture
def room():
    return Room()


def test_a_group_has_a_number_and_its_members(room):
    ana, bia, absent = room.bare(), room.bare(), room.register()
    group, told = gathered(room, ana, bia, absent)
    assert group.number == told.group
    assert group.number.startswith("1")
    assert group.name.text == f"#g{group.number}"
    assert told.everyone == (ana.number, bia.number, absent.number)
    assert group.members == {ana.uid, bia.uid, absent.uid}
    assert room.ranks(group.name.text) == {ana.nick.text: ADMIN, bia.nick.text: 0}
    assert group.admins == {ana.uid}
    assert room.state.memberships[absent.uid].keys() == {group.name.folded}
    for one in (ana, bia, absent):
        assert waiting(room, one.uid) == ["Gathered"]


def test_nobody_else_comes_in_or_speaks_in_it(room):
    ana, bia, eve = room.bare(), room.bare(), room.user("eve")
    group, _ = gathered(room, ana, bia)
    assert group.is_hidden
    with pytest.raises(x.InviteOnly):
        room.do(eve, Join(group.name))
    with pytest.raises(x.CannotSend):
        room.do(eve, Say(group, Text("hello")))


def test_the_maker_and_who_is_named_twice_count_once(room):
    ana, bia = room.bare(), room.bare()
    _, told = gathered(room, ana, bia, ana, bia)
    assert told.everyone == (ana.number, bia.number)


def test_others_who_are_here_are_invited(room):
    ana, bob = room.bare(), room.user("bob")
    group, told = gathered(room, ana, bob)
    assert told.everyone == (ana.number, bob.number)
    assert group.members == {ana.uid}
    assert group.invited == {bob.uid}
    room.do(bob, Join(group.name))
    assert room.ranks(group.name.text) == {ana.nick.text: ADMIN, "bob": 0}
    check_state(room.state)


def test_who_has_a_token_and_is_not_here_is_left_out(room):
    ana, bia = room.bare(), room.bare()
    room.identity("carol")
    carol = room.state.recipient("carol")
    with pytest.raises(x.EmptyGroup):
        room.do(ana, Gather((carol,)))
    _, told = gathered(room, ana, carol, bia)
    assert told.everyone == (ana.number, bia.number)


def test_a_group_of_one_is_none(room):
    ana = room.bare()
    before = len(room.events)
    for others in ((), (ana,), (ana, ana)):
        with pytest.raises(x.EmptyGroup):
            room.do(ana, Gather(others))
    assert len(room.events) == before


def test_a_group_is_bounded():
    room = Room(Rules(group_members=3))
    ana, others = room.bare(), [room.register() for _ in range(3)]
    with pytest.raises(x.ChannelFull):
        room.do(ana, Gather(tuple(others)))
    gathered(room, ana, *others[:2])


def test_how_many_groups_one_can_make_is_bounded():
    room = Room(Rules(channels_per_user=2))
    ana, bia = room.bare(), room.bare()
    gathered(room, ana, bia)
    gathered(room, ana, bia)
    with pytest.raises(x.TooManyMemberships):
        room.do(ana, Gather((bia,)))


def test_what_is_said_waits_for_every_member_but_the_one_who_says_it(room):
    ana, bia, absent = room.bare(), room.bare(), room.register()
    group, _ = gathered(room, ana, bia, absent)
    room.do(ana, Say(group, Text("hello")))
    assert waiting(room, ana.uid) == ["Gathered"]
    assert waiting(room, bia.uid) == waiting(room, absent.uid) == ["Gathered", "Said"]
    # Where nobody but its maker is here, too.
    room.do(bia, Disconnect(""))
    room.do(ana, Say(group, Text("hello?")))
    assert waiting(room, bia.uid) == ["Gathered", "Said", "Said"]


def test_what_only_some_are_meant_to_see_waits_for_nobody(room):
    ana, bia = room.bare(), room.bare()
    group, _ = gathered(room, ana, bia)
    room.do(ana, Say(group, Text("hello"), status="@"))
    room.do(ana, Say(group, Text("VERSION"), e.Style.REQUEST))
    assert waiting(room, bia.uid) == ["Gathered"]


def test_what_is_said_to_everyone_waits_for_those_who_are_here(room):
    ana, absent, bob = room.bare(), room.register(), room.user("bob")
    for target in ("*", "&"):
        room.do(bob, Say(target, Text("hello")))
    assert waiting(room, ana.uid) == ["Said", "Said"]
    assert waiting(room, absent.uid) == waiting(room, bob.uid) == []


def test_a_group_that_ended_has_no_members(room):
    ana, bia = room.bare(), room.bare()
    group, _ = gathered(room, ana, bia)
    for user in (ana, bia):
        room.do(user, Disconnect(""))
    room.chat.record([ChannelEnded(group.name.text, group.incarnation)])
    assert room.state.memberships == {}
    check_state(room.state)


def test_the_name_of_a_group_is_one_that_is_free(room):
    ana, bia = room.bare(), room.bare()
    room.user("eve", "#g1004200000001")
    chances = iter([1, 2, 3])
    room.world.random_below = lambda _limit: next(chances)
    group, _ = gathered(room, ana, bia)
    assert group.name.text == "#g1004200000002"
    assert room.ranks("#g1004200000001") == {"eve": ADMIN}


def test_nobody_is_made_a_member_of_the_lobby():
    room = Room()
    lobby = room.lobby()
    bob = room.user("bob", "#lobby")
    with pytest.raises(x.CannotBeMember):
        room.do(bob, Invite(lobby, room.register()))


def test_one_belongs_to_so_many_channels_at_most():
    room = Room(Rules(channels_per_user=2))
    bia = room.register()
    for maker in ("ana", "bob"):
        user = room.user(maker, f"#{maker}")
        room.do(user, Invite(room.channel(f"#{maker}"), bia))
    carol = room.user("carol", "#carol")
    with pytest.raises(x.TooManyMemberships):
        room.do(carol, Invite(room.channel("#carol"), bia))
