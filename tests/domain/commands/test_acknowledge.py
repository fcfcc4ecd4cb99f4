import pytest

from tertulia.domain import changes as c
from tertulia.domain.commands.acknowledge import Acknowledge
from tertulia.domain.commands.connect import Disconnect
from tertulia.domain.commands.gather import Gather
from tertulia.domain.commands.say import Say
from tertulia.domain.text import Text
from tertulia.domain.world import Rules
from tests.domain.kit import START_MS, Room

HELLO = Text("hello")


def waits(room: Room, uid: str) -> list[str]:
    """The kinds of what waits for a user."""
    found = [fact for (whom, _), fact in room.state.waiting.added.items() if whom == uid]
    return [type(fact).__name__ for fact in found]


@pytest.fixture
def room():
    return Room()


@pytest.mark.parametrize("seen", [False, True])
def test_the_author_is_told(room, seen):
    ana, bob = room.user("ana"), room.user("bob")
    said = room.one(ana, Say(bob, HELLO, receipt=True))
    told = room.one(bob, Acknowledge(ana, bob.number, said.msgid, 1000, seen))
    assert told == c.Acknowledged(
        told.hlc, told.msgid, bob.face, ana.uid, "ana", bob.number, said.msgid, 1000, seen
    )
    assert room.events[-1].fact.can_be_refused is seen
    assert not room.events[-1].fact.waits


def test_a_receipt_waits_for_an_author_who_is_not_here(room):
    room.identity("ana")
    bob, ana = room.user("bob"), room.state.recipient("ana")
    room.do(bob, Acknowledge(ana, bob.number, "", 1000, seen=True))
    assert waits(room, ana.uid) == ["Acknowledged"]
    assert room.state.waiting.count(ana.uid) == 1


def test_a_receipt_waits_for_who_is_handed_everything_by_way_of_the_disk(room):
    ana, bob = room.bare(), room.user("bob")
    room.state.waiting.woken.clear()
    room.do(bob, Acknowledge(ana, bob.number, "", 1000))
    assert waits(room, ana.uid) == ["Acknowledged"]
    assert room.state.waiting.woken.keys() == {ana.uid}


def test_of_a_group_only_the_first_tells(room):
    ana, bia, carol, absent = room.bare(), room.bare(), room.bare(), room.register()
    room.do(ana, Gather((bia, carol, absent)))
    group = room.channel(next(iter(room.state.memberships[ana.uid])))
    said = room.one(ana, Say(group, HELLO, receipt=True))
    other = room.one(ana, Say(group, HELLO, receipt=True))
    assert room.do(bia, Acknowledge(ana, group.number, said.msgid, 1000))
    assert room.do(carol, Acknowledge(ana, group.number, said.msgid, 1000)) == []
    # For whom it still waits, it need not be told on disk either.
    [(msgid, uids)] = room.state.waiting.settled
    assert msgid == said.msgid
    assert set(uids) == group.members
    assert room.do(carol, Acknowledge(ana, group.number, other.msgid, 1000))
    assert waits(room, ana.uid) == ["Gathered", "Acknowledged", "Acknowledged"]


def test_each_of_a_group_can_have_read_it(room):
    ana, bia, carol = room.bare(), room.bare(), room.bare()
    for one in (bia, carol):
        assert room.do(one, Acknowledge(ana, one.number, "", 1000, seen=True))


def test_that_a_message_was_delivered_remains_so_though_it_cannot_be_written(room):
    ana, bia, carol = room.bare(), room.bare(), room.bare()
    room.do(ana, Gather((bia, carol)))
    group = room.channel(next(iter(room.state.memberships[ana.uid])))
    said = room.one(ana, Say(group, HELLO, receipt=True))
    receipt = Acknowledge(ana, group.number, said.msgid, 1000)
    before = room.state.waiting.count(ana.uid)
    room.do(bia, receipt)
    event = room.events[-1]
    assert not event.fact.can_be_refused
    room.state.waiting.reset([(ana.uid, before)])
    room.chat.rewrite(event)
    assert room.state.waiting.count(ana.uid) == before + 1
    assert waits(room, ana.uid)[-1:] == ["Acknowledged"]
    assert [msgid for msgid, _ in room.state.waiting.settled] == [said.msgid]
    assert room.do(carol, receipt) == []


def test_the_author_may_be_gone_meanwhile(room):
    ana, bob = room.bare(), room.user("bob")
    room.do(ana, Disconnect(""))
    room.do(bob, Acknowledge(room.state.recipient(ana.number), bob.number, "", 1000))
    assert waits(room, ana.uid) == ["Acknowledged"]


def test_receipts_wait_as_long_as_there_is_room():
    room = Room(Rules(waiting_messages=1))
    author, reader = room.register(), room.user("bob")
    seen = Acknowledge(author, reader.number, "", START_MS, seen=True)
    assert len(room.do(reader, seen)) == 1
    assert room.do(reader, seen) == []
