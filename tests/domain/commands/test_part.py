import pytest

from tertulia.domain import changes as c
from tertulia.domain import errors as x
from tertulia.domain.commands.part import Part
from tests.domain.kit import START_MS, Room, check_state


def test_who_parts_is_there_no_more():
    room = Room()
    ana, bob = room.user("ana", "#Tea"), room.user("bob", "#tea")
    channel = room.channel("#tea")
    departed = room.one(bob, Part(channel, "to\0 bed"))
    assert departed == c.Departed(departed.hlc, departed.msgid, bob.face, "#Tea", "to bed")
    assert room.ranks("#tea") == {"ana": 2}
    assert channel.emptied is None
    room.now_ms += 5
    room.do(ana, Part(channel))
    assert channel.emptied == START_MS + 5
    assert channel.incarnation in room.state.changed_channels
    check_state(room.state)


def test_a_reason_is_made_to_fit():
    room = Room()
    ana = room.user("ana", "#tea")
    departed = room.one(ana, Part(room.channel("#tea"), "é" * 1000))
    assert departed.reason == "é" * 195


def test_who_is_not_there_cannot_part():
    room = Room()
    room.user("ana", "#tea")
    with pytest.raises(x.NotInChannel):
        room.do(room.user("bob"), Part(room.channel("#tea")))
