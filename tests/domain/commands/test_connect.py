import pytest

from tertulia.domain import changes as c
from tertulia.domain import events as e
from tertulia.domain.channels import ADMIN
from tertulia.domain.commands.connect import Connect, Disconnect, Rejoin
from tertulia.domain.commands.gather import Gather
from tertulia.domain.commands.invite import Invite
from tertulia.domain.errors import NicknameInUse
from tertulia.domain.names import Nickname
from tests.domain.kit import START_MS, Room, check_state


def test_who_comes_has_a_face_and_a_number():
    room = Room()
    user = room.user("Ana")
    assert user.face.mask == "Ana!user@host.example"
    assert user.number == user.face.number
    assert user.number.startswith("00042")  # from the id of the server
    assert len(user.number) == 13
    assert user.since == START_MS
    assert room.state.user_named("aNA") is user
    assert room.state.user_named(user.number) is user
    assert room.changes == [c.Arrived(room.changes[0].hlc, room.changes[0].msgid, user.face)]
    assert [type(event.fact) for event in room.events] == [e.NumberAssigned]


@pytest.mark.parametrize("nick", ["ana", "ANA", "аna", "ａna"])
def test_a_nickname_is_in_use_once(nick):
    room = Room()
    room.user("ana")
    with pytest.raises(NicknameInUse):
        room.user(nick)
    assert len(room.state.users) == 1


def test_a_nickname_keeps_its_number():
    room = Room()
    user = room.user("ana")
    room.do(user, Disconnect(""))
    again = room.user("Ana")
    assert again.number == user.number
    assert again.uid != user.uid
    assert len(room.events) == 1


def test_a_name_in_another_width_can_come_and_be_found():
    room = Room()
    user = room.user("ｆoo")
    assert room.state.user_named("foo") is user
    assert room.state.user_named("ｆoo") is user


def test_long_and_odd_real_names_are_made_to_fit():
    room = Room()
    intent = Connect(Nickname.parse("ana"), "u", "h", "é\r\n" * 200, True, "irc")
    user = room.chat.connect(intent)
    assert len(user.realname.encode()) <= 200
    assert "\n" not in user.realname
    assert user.secure


def test_who_leaves_leaves_every_channel():
    room = Room()
    ana, bob = room.user("ana", "#a", "#b"), room.user("bob", "#b")
    before = len(room.events)
    [gone] = room.do(ana, Disconnect("bye\r\nQUIT"))
    assert isinstance(gone, c.Gone)
    assert (gone.by, gone.reason, gone.channels) == (ana.face, "bye  QUIT", ("#a", "#b"))
    facts = [event.fact for event in room.events[before:]]
    assert facts == [
        e.Parted(ana.face, "#a", "bye  QUIT", quit=True),
        e.Parted(ana.face, "#b", "bye  QUIT", quit=True),
    ]
    assert room.channel("#a").emptied == START_MS
    assert room.ranks("#b") == {"bob": 0}
    assert bob.channels.keys() == {"#b"}
    assert room.state.user_named("ana") is None
    check_state(room.state)


def test_nobody_is_called_like_the_server():
    room = Room()
    room.world.server_nick = Nickname.parse("Tea")
    with pytest.raises(NicknameInUse):
        room.user("tea")
    room.user("teas")


def test_who_comes_back_is_in_the_channels_that_they_belong_to():
    room = Room()
    ana, bia, bob = room.bare(), room.register(), room.user("bob", "#tea")
    room.do(ana, Gather((bia,)))
    room.do(bob, Invite(room.channel("#tea"), ana))
    [group] = [name for name in ana.channels if name != "#tea"]
    room.do(ana, Disconnect(""))
    assert room.ranks("#tea") == {"bob": ADMIN}
    ana = room.bare(room.state.identities.get(ana.number))
    assert ana.channels.keys() == {group, "#tea"}
    assert room.ranks(group) == {ana.nick.text: ADMIN}
    assert room.ranks("#tea") == {"bob": ADMIN, ana.nick.text: 0}
    assert room.do(ana, Rejoin()) == []
    assert room.do(bob, Rejoin()) == []
    check_state(room.state)


def test_the_same_number_takes_the_place_of_an_older_session():
    room = Room()
    identity = room.register()
    room.bare(identity)
    second = room.bare(identity)
    assert list(room.state.users.values()) == [second]
    check_state(room.state)
