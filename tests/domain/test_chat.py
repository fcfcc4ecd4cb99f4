import pytest

from tertulia.domain import events as e
from tertulia.domain import retries as module
from tertulia.domain.chat import direct_conversation
from tertulia.domain.commands.part import Part
from tertulia.domain.commands.profile import SetAway
from tertulia.domain.commands.say import Say
from tertulia.domain.errors import CannotSend
from tertulia.domain.ids import NOWHERE, Uid, msgid
from tertulia.domain.text import Text
from tests.domain.kit import ORIGIN_TAG, Room


@pytest.fixture
def room():
    return Room()


@pytest.fixture
def ana(room):
    return room.user("ana", "#tea")


def hello(room, client_id=None, text="hello"):
    return Say(room.channel("#tea"), Text(text), client_id=client_id)


def test_what_happened_is_published_as_events_and_changes(room, ana):
    published = []
    room.chat._publish = lambda *what: published.append(what)
    room.chat.execute(ana, hello(room))
    [(events, changes, again)] = published
    [event], [change] = events, changes
    assert not again
    assert change.hlc == event.hlc
    assert change.msgid == msgid(event.hlc, ORIGIN_TAG)
    assert event.conversation == room.channel("#tea").incarnation


def test_nothing_is_published_of_what_changes_nothing(room, ana):
    published = []
    room.chat._publish = lambda *what: published.append(what)
    room.chat.execute(ana, SetAway(None))
    assert published == []


def test_presence_is_shown_and_not_logged(room, ana):
    before = len(room.events)
    assert len(room.do(ana, SetAway("lunch"))) == 1
    assert len(room.events) == before


def test_a_retry_is_shown_what_was_said_the_first_time(room, ana):
    [change] = room.do(ana, hello(room, "id1"))
    before = len(room.events)
    assert room.do(ana, hello(room, "id1", "something else")) == []
    assert room.repeats == [change]
    assert len(room.events) == before
    assert room.events[-1].client_id == "id1"


def test_the_ids_of_two_users_are_their_own(room, ana):
    bob = room.user("bob", "#tea")
    room.do(ana, hello(room, "id1"))
    assert len(room.do(bob, hello(room, "id1"))) == 1


def test_a_refused_message_can_be_said_again_under_its_id(room, ana):
    tea = room.channel("#tea")
    room.do(ana, Part(tea))
    with pytest.raises(CannotSend):
        room.do(ana, hello(room, "id1"))
    tea.flags = frozenset()
    assert len(room.do(ana, hello(room, "id1"))) == 1


def test_what_could_not_be_written_can_be_said_again_under_its_id(room, ana):
    room.do(ana, hello(room, "id1"))
    room.chat.forget_retry(room.events[-1])
    assert len(room.do(ana, hello(room, "id1"))) == 1
    assert room.repeats == []
    for event in room.events:
        room.chat.forget_retry(event)


def test_so_many_retries_are_remembered(room, ana, monkeypatch):
    monkeypatch.setattr(module, "RETRIES_REMEMBERED", 3)
    for client_id in ("1", "2", "3", "4"):
        room.do(ana, hello(room, client_id))
    assert room.do(ana, hello(room, "2")) == []
    assert len(room.do(ana, hello(room, "1"))) == 1


def test_every_event_is_in_the_history_where_it_was_seen(room, ana):
    tea = room.channel("#tea")
    numbers = [event for event in room.events if isinstance(event.fact, e.NumberAssigned)]
    assert {event.conversation for event in numbers} == {NOWHERE}
    assert room.chat.conversation_with(ana.uid, "#TEA", None) == tea.incarnation
    assert room.chat.conversation_with(ana.uid, "#nowhere", None) == NOWHERE


def test_two_users_share_one_history():
    one, other, third = Uid("s1"), Uid("s2"), Uid("s3")
    assert direct_conversation(one, other) == direct_conversation(other, one)
    assert direct_conversation(one, other) != direct_conversation(one, third)
    assert direct_conversation(one, one) != direct_conversation(one, other)
