import pytest

from tertulia.domain import changes as c
from tertulia.domain import errors as x
from tertulia.domain.commands.connect import Disconnect
from tertulia.domain.commands.invite import Invite
from tertulia.domain.commands.join import Join
from tertulia.domain.commands.modes import SetModes
from tertulia.domain.commands.part import Part
from tertulia.domain.events import ChannelEnded, ModeChange
from tertulia.domain.names import ChannelName
from tertulia.domain.world import Rules
from tests.domain.kit import Room, check_state

JOIN = Join(ChannelName.parse("#tea"))


@pytest.fixture
def room():
    return Room()


def test_an_invitation_opens_the_door_once(room):
    ana, bob = room.user("ana", "#tea"), room.user("bob")
    tea = room.channel("#tea")
    room.do(ana, SetModes(tea, (ModeChange(True, "i"),)))
    summoned = room.one(ana, Invite(tea, bob))
    assert summoned == c.Summoned(summoned.hlc, summoned.msgid, ana.face, bob.face, "#tea")
    room.do(bob, JOIN)
    room.do(bob, Part(tea))
    with pytest.raises(x.InviteOnly):
        room.do(bob, JOIN)
    check_state(room.state)


def test_who_may_invite_whom(room):
    ana, bob, eve = room.user("ana", "#tea"), room.user("bob", "#tea"), room.user("eve")
    tea = room.channel("#tea")
    room.do(bob, Invite(tea, eve))
    room.do(ana, SetModes(tea, (ModeChange(True, "i"),)))
    with pytest.raises(x.NotAdmin):
        room.do(bob, Invite(tea, eve))
    with pytest.raises(x.NotInChannel):
        room.do(eve, Invite(tea, ana))
    with pytest.raises(x.AlreadyInChannel):
        room.do(ana, Invite(tea, bob))


def test_invitations_end_with_the_guest_and_with_the_channel(room):
    ana, bob, eve = room.user("ana", "#tea"), room.user("bob"), room.user("eve")
    tea = room.channel("#tea")
    room.do(ana, Invite(tea, bob))
    room.do(ana, Invite(tea, eve))
    room.do(bob, Disconnect(""))
    assert tea.invited == {eve.uid}
    room.do(ana, Part(tea))
    room.chat.record([ChannelEnded("#tea", tea.incarnation)])
    room.do(ana, JOIN)
    assert room.channel("#tea").invited == set()
    room.do(eve, Disconnect(""))
    check_state(room.state)


def waits(room, uid):
    return [fact for (whom, _), fact in room.state.waiting.added.items() if whom == uid]


@pytest.mark.parametrize("is_here", [True, False])
def test_who_has_a_bare_identity_is_made_a_member(room, is_here):
    ana = room.user("ana", "#tea")
    tea, bia = room.channel("#tea"), room.bare() if is_here else room.register()
    gathered, *entered = room.do(ana, Invite(tea, bia))
    assert isinstance(gathered, c.Gathered)
    assert (gathered.by, gathered.channel, gathered.group) == (ana.face, "#tea", tea.number)
    assert gathered.everyone == (bia.number,)
    assert tea.members == {bia.uid}
    assert [type(one) for one in entered] == ([c.Entered] if is_here else [])
    assert room.ranks("#tea") == {"ana": 2} | ({bia.nick.text: 0} if is_here else {})
    assert [type(fact).__name__ for fact in waits(room, bia.uid)] == ["Gathered"]
    with pytest.raises(x.AlreadyInChannel):
        room.do(ana, Invite(tea, bia))
    check_state(room.state)


def test_members_are_as_many_as_can_be_told():
    room = Room(Rules(group_members=1))
    ana = room.user("ana", "#tea")
    room.do(ana, Invite(room.channel("#tea"), room.register()))
    with pytest.raises(x.ChannelFull):
        room.do(ana, Invite(room.channel("#tea"), room.register()))


def test_who_has_a_token_and_is_not_here_cannot_be_invited(room):
    room.identity("bia")
    with pytest.raises(x.NoSuchUser):
        room.do(room.user("ana", "#tea"), Invite(room.channel("#tea"), room.state.recipient("bia")))


def test_only_an_admin_invites_who_is_banned(room):
    ana, bob, eve = room.user("ana", "#tea"), room.user("bob", "#tea"), room.user("eve")
    tea = room.channel("#tea")
    room.do(ana, SetModes(tea, (ModeChange(True, "b", "eve!*@*"),)))
    number = room.chat.register()
    room.do(ana, SetModes(tea, (ModeChange(True, "b", f"n{number}!*@*"),)))
    absent = room.state.identities.get(number)
    for whom in (eve, absent):
        with pytest.raises(x.NotAdmin):
            room.do(bob, Invite(tea, whom))
        room.do(ana, Invite(tea, whom))
