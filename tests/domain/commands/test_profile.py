from tertulia.domain import changes as c
from tertulia.domain.commands.profile import SetAway, SetRealname, SetUserMode
from tests.domain.kit import Room


def test_away_and_back():
    room = Room()
    ana = room.user("ana")
    away = room.one(ana, SetAway("at\r\nlunch " + "x" * 500))
    assert isinstance(away, c.AwayChanged)
    assert away.message == ana.away
    assert ana.away == "at  lunch " + "x" * 190
    assert room.do(ana, SetAway(ana.away)) == []
    assert room.one(ana, SetAway(None)).message is None
    assert ana.away is None
    assert room.do(ana, SetAway(None)) == []


def test_a_realname():
    room = Room()
    ana = room.user("ana")
    change = room.one(ana, SetRealname("Ana\0 Б"))
    assert change == c.RealnameChanged(change.hlc, change.msgid, ana.face, "Ana Б")
    assert ana.realname == "Ana Б"


def test_user_modes():
    room = Room()
    ana = room.user("ana")
    assert not ana.is_operator
    assert room.one(ana, SetUserMode("o", True)).on
    assert ana.is_operator
    assert room.do(ana, SetUserMode("o", True)) == []
    room.do(ana, SetUserMode("o", False))
    assert ana.modes == frozenset()


def test_nothing_of_this_is_logged():
    room = Room()
    ana = room.user("ana")
    before = len(room.events)
    for intent in (SetAway("x"), SetRealname("x"), SetUserMode("i", True)):
        room.do(ana, intent)
    assert len(room.events) == before
