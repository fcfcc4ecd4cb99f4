import pytest
from hypothesis import example, given

from tertulia.domain import effects
from tertulia.domain import state as module
from tertulia.domain.commands.part import Part
from tertulia.domain.commands.say import Say
from tertulia.domain.effects import identities
from tertulia.domain.events import ChannelEnded, Event, NumberAssigned
from tertulia.domain.ids import NOWHERE, Hlc, msgid
from tertulia.domain.text import Text
from tertulia.domain.world import Rules
from tests.domain.kit import SCRIPTS, Room, check_state, play

RULES = Rules(channels_per_user=3, masks_per_list=2)


@given(SCRIPTS)
@example([("ana", ("connect", "ana")), ("ana", ("join", "#x", None)), ("ana", ("disconnect", ""))])
def test_whatever_people_do_who_is_where_is_told_alike_everywhere(script):
    room = Room(RULES)
    room.lobby()
    for who, what in script:
        play(room, who, *what)
        check_state(room.state)
    msgids = [change.msgid for change in room.changes]
    assert msgids == sorted(msgids)
    hlcs = [event.hlc for event in room.events]
    assert hlcs == sorted(set(hlcs))
    assert all(event.fact.durability != "presence" for event in room.events)
    assert "\ud800" not in repr(room.events)


@pytest.mark.fuzz
@given(SCRIPTS)
def test_whatever_people_do_who_is_where_is_told_alike_everywhere_long(script):
    room = Room(RULES)
    for who, what in script:
        play(room, who, *what)
    check_state(room.state)


def test_who_is_named_by_a_number_is_who_has_it_now():
    room = Room()
    ana = room.user("ana", "#tea")
    assert room.state.user_named(ana.number) is ana
    assert room.state.user_named(room.channel("#tea").number) is None
    assert room.state.user_named("0000000000000") is None


def test_a_channel_that_ended_leaves_nothing():
    room = Room()
    ana = room.user("ana", "#Tea")
    tea, number = room.channel("#tea"), room.channel("#tea").number
    room.do(ana, Part(tea))
    room.chat.record([ChannelEnded("#Tea", tea.incarnation)])
    assert room.state.channel_named("#tea") is None
    assert ana.channels == {}
    assert not room.state.number_taken(number)
    assert tea.incarnation in room.state.changed_channels
    room.chat.record([ChannelEnded("#Tea", tea.incarnation)])
    check_state(room.state)


def test_who_wrote_to_whom_is_remembered_of_the_last_ones(monkeypatch):
    monkeypatch.setattr(module, "PARTNERS_MOST", 2)
    room = Room()
    ana, bob, eve, joe = (room.user(nick) for nick in ("ana", "bob", "eve", "joe"))
    for partner in (bob, eve, bob, joe):
        room.do(ana, Say(partner, Text("hello")))
    assert list(ana.partners) == [eve.uid, joe.uid]
    assert list(bob.partners) == [ana.uid]
    room.do(ana, Say("*", Text("hello")))
    assert len(ana.partners) == 2


def test_the_numbers_of_forgotten_nicknames_are_bounded(monkeypatch):
    monkeypatch.setattr(identities, "NUMBERS_MOST", 3)
    state = module.State()
    for i, nickname in enumerate(["ana", "bia", "rui", "eva", "leo"]):
        fact = NumberAssigned(nickname, f"000000000000{i}")
        effects.apply(state, Event(Hlc(i << 16), NOWHERE, fact), msgid(i << 16, 0))
    assert list(state.numbers) == ["rui", "eva", "leo"]
    assert not state.number_taken("0000000000000")
    assert set(state.changed_numbers) == {f"000000000000{i}" for i in range(5)}
