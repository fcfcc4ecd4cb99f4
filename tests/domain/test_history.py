from tertulia.domain import changes as c
from tertulia.domain import events as e
from tertulia.domain.commands.connect import Disconnect
from tertulia.domain.commands.kick import Kick
from tertulia.domain.commands.modes import SetModes, SetRank
from tertulia.domain.commands.part import Part
from tertulia.domain.commands.say import Say
from tertulia.domain.commands.topic import SetTopic
from tertulia.domain.history import describe, is_visible
from tertulia.domain.ids import msgid
from tertulia.domain.text import Text
from tests.domain.kit import ORIGIN_TAG, Room


def told(event):
    return describe(event.hlc, msgid(event.hlc, ORIGIN_TAG), event.fact)


def test_history_tells_what_was_seen_live():
    room = Room()
    ana, bob = room.user("ana", "#tea"), room.user("bob", "#tea")
    tea = room.channel("#tea")
    intents = [
        Say(tea, Text("hello"), tags={"+a": "b"}),
        SetTopic(tea, "cups"),
        SetModes(tea, (e.ModeChange(True, "k", "$argon2id$hash"), e.ModeChange(True, "m"))),
        SetRank(tea, ((True, "v", bob),)),
        Kick(tea, bob, "out"),
        Part(tea, "bye"),
    ]
    for intent in intents:
        seen = room.one(ana, intent)
        assert told(room.events[-1]) == seen


def test_nobody_is_shown_a_password_not_even_its_hash():
    room = Room()
    ana = room.user("ana", "#tea")
    mode = e.ModeChange(True, "k", "$argon2id$hash")
    room.do(ana, SetModes(room.channel("#tea"), (mode,)))
    assert "hash" not in repr(room.changes)
    assert "hash" not in repr(told(room.events[-1]))


def test_who_came_is_told_without_what_only_was_true_then():
    room = Room()
    ana = room.user("ana", "#tea")
    entered = told(room.events[-1])
    assert entered == c.Entered(entered.hlc, entered.msgid, ana.face, "#tea", "ana", None, True)


def test_who_quit_is_told_of_each_channel():
    room = Room()
    ana = room.user("ana", "#a", "#b")
    room.do(ana, Disconnect("bye"))
    departed = [told(event) for event in room.events[-2:]]
    assert [(d.channel, d.reason, d.quit) for d in departed] == [
        ("#a", "bye", True),
        ("#b", "bye", True),
    ]


def test_what_history_does_not_show():
    room = Room()
    room.user("ana", "#tea")
    kinds = {type(event.fact): is_visible(event.fact) for event in room.events}
    assert kinds == {e.NumberAssigned: False, e.ChannelCreated: False, e.Joined: True}
    assert not is_visible(e.ChannelEnded("#tea"))
