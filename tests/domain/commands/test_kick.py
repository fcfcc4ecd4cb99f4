import pytest

from tertulia.domain import changes as c
from tertulia.domain import errors as x
from tertulia.domain import events as e
from tertulia.domain.commands.gather import Gather
from tertulia.domain.commands.invite import Invite
from tertulia.domain.commands.join import Join
from tertulia.domain.commands.kick import Kick
from tertulia.domain.commands.modes import SetRank
from tertulia.domain.commands.rename import Rename
from tertulia.domain.names import Nickname
from tests.domain.kit import Room, check_state


@pytest.fixture
def room():
    return Room()


def test_an_admin_expels(room):
    ana, bob = room.user("ana", "#tea"), room.user("bob", "#tea")
    expelled = room.one(ana, Kick(room.channel("#tea"), bob, "out\r\n!"))
    assert expelled == c.Expelled(
        expelled.hlc, expelled.msgid, ana.face, "#tea", bob.face, "out  !"
    )
    assert bob.channels == {}
    assert room.ranks("#tea") == {"ana": 2}
    check_state(room.state)


def test_without_a_reason_the_name_of_the_admin_is_one(room):
    ana, bob = room.user("ana", "#tea"), room.user("bob", "#tea")
    assert room.one(ana, Kick(room.channel("#tea"), bob)).reason == "ana"


def test_only_admins_expel_and_only_who_is_there(room):
    ana, bob, eve = room.user("ana", "#tea"), room.user("bob", "#tea"), room.user("eve")
    tea = room.channel("#tea")
    with pytest.raises(x.NotAdmin):
        room.do(bob, Kick(tea, ana))
    with pytest.raises(x.NotInChannel):
        room.do(eve, Kick(tea, ana))
    with pytest.raises(x.UserNotInChannel):
        room.do(ana, Kick(tea, eve))


def test_in_the_lobby_only_operators_expel(room):
    lobby = room.lobby()
    ana, bob = room.user("ana", "#lobby"), room.user("bob", "#lobby")
    with pytest.raises(x.NotAdmin):
        room.do(ana, Kick(lobby, bob))
    room.do(room.user("root", operator=True), Kick(lobby, bob))
    assert room.ranks("#lobby") == {"ana": 0}
    check_state(room.state)


def test_who_was_kicked_out_of_the_lobby_stays_out_for_a_minute(room):
    lobby = room.lobby()
    bob, root = room.user("bob", "#lobby"), room.user("root", operator=True)
    room.do(root, Kick(lobby, bob))
    with pytest.raises(x.ShutOut, match="60 seconds"):
        room.do(bob, Join(lobby.name))
    room.now_ms += 30_000
    room.do(bob, Rename(Nickname.parse("rob")))
    with pytest.raises(x.ShutOut, match="30 seconds"):
        room.do(bob, Join(lobby.name))
    with pytest.raises(x.ShutOut):
        room.user("Bob", "#lobby")
    room.now_ms += 30_000
    room.do(bob, Join(lobby.name))
    assert "rob" in room.ranks("#lobby")


@pytest.mark.parametrize("is_here", [True, False])
def test_a_member_who_is_expelled_belongs_to_the_channel_no_more(room, is_here):
    ana, bia = room.user("ana", "#tea"), room.register()
    tea = room.channel("#tea")
    room.do(ana, Invite(tea, bia))
    whom = room.bare(bia) if is_here else bia
    expelled = room.one(ana, Kick(tea, whom, "out"))
    assert isinstance(expelled, c.Expelled)
    assert (expelled.by, expelled.whom) == (ana.face, whom.face)
    fact = room.events[-1].fact
    assert type(fact) is e.MemberKicked
    assert fact.durability == "durable"
    assert tea.members == frozenset()
    assert room.ranks("#tea") == {"ana": 2}
    assert tea.incarnation in room.state.changed_channels
    last = list(room.state.waiting.added.items())[-1]
    assert last == ((bia.uid, expelled.msgid), fact)
    with pytest.raises(x.UserNotInChannel):
        room.do(ana, Kick(tea, whom))
    check_state(room.state)


def test_who_is_expelled_is_no_admin_when_they_are_asked_back(room):
    ana, bia = room.bare(), room.register()
    room.do(ana, Gather((bia,)))
    group = room.channel(next(iter(ana.channels)))
    admin = room.bare(bia)
    room.do(ana, SetRank(group, ((True, "o", admin),)))
    room.do(admin, Kick(group, ana))
    assert group.admins == {admin.uid}
    room.do(admin, Invite(group, ana))
    assert room.ranks(group.name.text)[ana.nick.text] == 0


def test_who_was_expelled_does_not_come_back_by_itself(room):
    ana, bia = room.user("ana", "#tea"), room.register()
    room.do(ana, Invite(room.channel("#tea"), bia))
    room.do(ana, Kick(room.channel("#tea"), bia))
    assert room.bare(bia).channels == {}


def test_who_is_no_member_is_expelled_for_now(room):
    ana, bob = room.user("ana", "#tea"), room.user("bob", "#tea")
    room.do(ana, Kick(room.channel("#tea"), bob))
    assert type(room.events[-1].fact) is e.Kicked
