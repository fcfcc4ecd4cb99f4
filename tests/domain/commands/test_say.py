import pytest

from tertulia.domain import changes as c
from tertulia.domain import errors as x
from tertulia.domain import events as e
from tertulia.domain.chat import direct_conversation
from tertulia.domain.commands.say import Say
from tertulia.domain.events import Style
from tertulia.domain.ids import EVERYONE, EVERYONE_HERE
from tertulia.domain.text import Text
from tests.domain.kit import Room

HELLO = Text("hello")


@pytest.fixture
def room():
    return Room()


def test_in_a_channel(room):
    ana, tea = room.user("ana", "#Tea"), room.channel("#tea")
    spoken = room.one(ana, Say(tea, HELLO, Style.ACTION, {"+a": "b"}, "@"))
    assert spoken == c.Spoken(
        spoken.hlc, spoken.msgid, ana.face, "#Tea", Style.ACTION, HELLO, {"+a": "b"}, "@"
    )
    event = room.events[-1]
    assert event.conversation == tea.incarnation
    assert event.fact == e.Said(ana.face, "#Tea", 2, HELLO, None, {"+a": "b"}, "@")
    with pytest.raises(x.CannotSend):
        room.do(room.user("eve"), Say(tea, HELLO))


def test_to_a_user(room):
    ana, bob = room.user("ana"), room.user("Bob")
    assert room.one(ana, Say(bob, HELLO)).target == "Bob"
    assert room.events[-1].fact.to == bob.uid
    room.do(bob, Say(ana, HELLO))
    there, back = room.events[-2:]
    assert there.conversation == back.conversation == direct_conversation(bob.uid, ana.uid)
    assert 1 << 62 <= there.conversation < 1 << 63


def test_to_everyone(room):
    ana = room.user("ana")
    assert room.one(ana, Say("*", HELLO)).target == "*"
    assert room.events[-1].conversation == EVERYONE
    assert room.one(ana, Say("&", HELLO)).target == "&"
    assert room.events[-1].conversation == EVERYONE_HERE


def test_tags_alone_are_not_logged(room):
    ana, before = room.user("ana", "#tea"), len(room.events)
    spoken = room.one(ana, Say(room.channel("#tea"), HELLO, Style.TAGS, {"+typing": "active"}))
    assert isinstance(spoken, c.TagsSpoken)
    assert spoken.tags == {"+typing": "active"}
    assert len(room.events) > before - 1
    assert not isinstance(room.events[-1].fact, e.Said | e.Signalled)


def test_tags_to_everyone_are_limited_as_messages_are(room):
    ana = room.user("ana")
    for _ in range(5):
        room.do(ana, Say("*", HELLO, Style.TAGS, {"+a": ""}))
    for style in (Style.TAGS, Style.SAY):
        with pytest.raises(x.TooManyBroadcasts):
            room.do(ana, Say("*", HELLO, style))
