import pytest

from tertulia.domain import changes as c
from tertulia.domain import errors as x
from tertulia.domain.commands.connect import Disconnect
from tertulia.domain.commands.invite import Invite
from tertulia.domain.commands.join import Join
from tertulia.domain.commands.kick import Kick
from tertulia.domain.commands.modes import SetModes
from tertulia.domain.commands.part import Part
from tertulia.domain.events import ChannelEnded, ModeChange
from tertulia.domain.names import ChannelName
from tertulia.domain.state import LOBBY_SHUT_MS
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
    room.chat.record([ChannelEnded("#tea")])
    room.do(ana, JOIN)
    assert room.channel("#tea").invited == set()
    room.do(eve, Disconnect(""))
    check_state(room.state)


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


def test_who_was_kicked_out_of_the_lobby_is_not_brought_back_at_once(room):
    room.lobby()
    lobby = room.channel("#lobby")
    boss = room.user("boss", "#lobby", operator=True)
    bob = room.user("bob", "#lobby")
    number = room.chat.register()
    room.do(bob, Invite(lobby, room.state.identities.get(number)))
    room.do(boss, Kick(lobby, room.state.identities.get(number)))
    with pytest.raises(x.NotAdmin):
        room.do(bob, Invite(lobby, room.state.identities.get(number)))
    room.now_ms += LOBBY_SHUT_MS + 1000
    room.do(bob, Invite(lobby, room.state.identities.get(number)))
    check_state(room.state)
