import pytest

from tertulia.domain import changes as c
from tertulia.domain.commands.rename import Rename
from tertulia.domain.errors import NicknameInUse
from tertulia.domain.names import Nickname
from tests.domain.kit import Room, check_state


def rename(nick):
    return Rename(Nickname.parse(nick))


def test_another_nickname_is_another_number():
    room = Room()
    ana = room.user("ana", "#tea")
    before = ana.face
    change = room.one(ana, rename("bob"))
    assert change == c.NickChanged(change.hlc, change.msgid, before, ana.face)
    assert (ana.face.nick, ana.face.mask) == ("bob", "bob!user@host.example")
    assert ana.uid == before.uid
    assert ana.number != before.number
    assert room.state.user_named("ana") is None
    assert room.state.user_named(before.number) is None
    assert room.state.user_named(ana.number) is ana
    check_state(room.state)
    room.do(ana, rename("ana"))
    assert ana.number == before.number


def test_the_same_nickname_is_nothing_another_case_is_something():
    room = Room()
    ana = room.user("ana")
    number = ana.number
    assert room.do(ana, rename("ana")) == []
    assert room.one(ana, rename("ANA")).now.nick == "ANA"
    assert ana.number == number
    assert room.one(ana, rename("аNA")).now.nick == "аNA"  # to what looks like one's own
    check_state(room.state)


def test_a_nickname_in_use_is_refused():
    room = Room()
    ana = room.user("ana")
    room.user("bob")
    for nick in ("bob", "BOB", "bоb"):
        with pytest.raises(NicknameInUse):
            room.do(ana, rename(nick))
    check_state(room.state)


def test_the_small_letters_of_ones_own_nickname_may_look_like_somebody_else():
    room = Room()
    greek = room.user("Νina")  # a Greek capital; the small one looks like v
    room.user("wina")
    with pytest.raises(NicknameInUse):
        room.user("vina")
    room.do(greek, rename("other"))
    room.user("vina")
    with pytest.raises(NicknameInUse):
        room.do(greek, rename("νina"))
    check_state(room.state)
