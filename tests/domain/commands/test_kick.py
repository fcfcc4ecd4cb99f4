import pytest

from tertulia.domain import changes as c
from tertulia.domain import errors as x
from tertulia.domain.commands.join import Join
from tertulia.domain.commands.kick import Kick
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
