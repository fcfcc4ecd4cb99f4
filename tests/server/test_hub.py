"""Who is to see what: every kind of change, and what becomes of it if the disk fails."""

import pytest

from tertulia.domain import changes as c
from tertulia.domain.channels import ADMIN, VOICE
from tertulia.domain.commands.connect import Connect
from tertulia.domain.commands.identify import UNUSED_MS
from tertulia.domain.commands.invite import Invite
from tertulia.domain.commands.kick import Kick
from tertulia.domain.commands.modes import SetModes, SetRank
from tertulia.domain.commands.part import Part
from tertulia.domain.commands.profile import SetAway, SetRealname, SetUserMode
from tertulia.domain.commands.rename import Rename
from tertulia.domain.commands.say import Say
from tertulia.domain.commands.topic import SetTopic
from tertulia.domain.errors import NicknameInUse
from tertulia.domain.events import ModeChange, Style
from tertulia.domain.names import Nickname
from tertulia.domain.text import Text, message_text
from tertulia.domain.world import Rules
from tertulia.server import hub as hub_module
from tertulia.storage.records import decode_channel
from tests.server.kit import Ears, Person, Place, Plain, join


@pytest.fixture
def place():
    return Place()


@pytest.fixture
def tea(place):
    """Ana (admin), Bob and Carol are in #tea; Dora is not."""
    return [place.person(nick, "#tea") for nick in ("ana", "bob", "carol")] + [place.person("dora")]


def seen(place, actor, intent):
    """What everyone is sent of *actor* doing that."""
    people = [s for s in place.hub.sessions() if isinstance(s, Person)]
    place.do(actor, intent)
    place.settle()
    everyone = dict.fromkeys([*people, *place.hub.sessions()])
    names = {s: s.user.nick.text for s in everyone}
    return {names[s]: lines for s in everyone if (lines := s.got())}


def all_see(nicks, lines):
    return dict.fromkeys(nicks, lines)


def say(target, text="hello", **more):
    return Say(target, message_text(text), **more)


# Messages


def test_a_channel_hears(place, tea):
    expected = ["Spoken(ana hello)"]
    found = seen(place, tea[0], say(place.channel("#tea")))
    assert found == {"bob": expected, "carol": expected}


def test_echo_is_for_those_who_want_it(place, tea):
    tea[0].echo = True
    assert list(seen(place, tea[0], say(place.channel("#tea")))) == ["ana", "bob", "carol"]


def test_from_outside_to_a_channel_that_takes_it(place, tea):
    open_up = SetModes(place.channel("#tea"), (ModeChange(False, "n"),))
    seen(place, tea[0], open_up)
    assert list(seen(place, tea[3], say(place.channel("#tea")))) == ["ana", "bob", "carol"]


def test_to_an_empty_channel(place):
    dora = place.person("dora", echo=True)
    place.state.channels["#lobby"].flags = frozenset()
    assert seen(place, dora, say(place.channel("#lobby"))) == {"dora": ["Spoken(dora hello)"]}
    dora.echo = False
    assert seen(place, dora, say(place.channel("#lobby"))) == {}


def test_a_direct_message_is_for_one(place, tea):
    ana, bob, _, dora = tea
    assert seen(place, ana, say(dora.user)) == {"dora": ["Spoken(ana hello)"]}
    ana.echo = True
    assert list(seen(place, ana, say(bob.user))) == ["ana", "bob"]


@pytest.mark.parametrize("echo", [True, False])
def test_a_message_to_oneself_arrives(place, echo):
    ana = place.person("ana", echo=echo)
    found = seen(place, ana, say(ana.user))
    assert found == {"ana": ["Spoken(ana hello)"] * (1 + echo)}


@pytest.mark.parametrize("target", ["*", "&"])
def test_a_broadcast_is_for_everyone(place, tea, target):
    assert list(seen(place, tea[3], say(target))) == ["ana", "bob", "carol"]


def test_those_of_a_rank_hear_what_is_for_them(place, tea):
    ana, bob, carol, _ = tea
    channel = place.channel("#tea")
    seen(place, ana, SetRank(channel, ((True, "v", bob.user),)))
    assert list(seen(place, carol, say(channel, status="@"))) == ["ana"]
    assert list(seen(place, carol, say(channel, status="+"))) == ["ana", "bob"]
    assert list(seen(place, ana, say(channel, status="+"))) == ["bob"]
    carol.echo = ana.echo = True
    assert list(seen(place, carol, say(channel, status="@"))) == ["ana", "carol"]
    assert list(seen(place, ana, say(channel, status="+"))) == ["ana", "bob"]


def test_tags_alone_go_the_same_ways(place, tea):
    channel = place.channel("#tea")
    tags = Say(channel, Text(""), Style.TAGS, {"+typing": "active"})
    assert list(seen(place, tea[0], tags)) == ["bob", "carol"]
    direct = Say(tea[3].user, Text(""), Style.TAGS, {"+typing": "active"})
    assert seen(place, tea[0], direct) == {"dora": ["TagsSpoken(ana)"]}
    assert "Signalled" not in place.log.facts()


def test_a_retry_is_shown_to_who_wants_echo_and_nobody_else(place, tea):
    ana = tea[0]
    again = say(place.channel("#tea"), client_id="1")
    assert list(seen(place, ana, again)) == ["bob", "carol"]
    assert seen(place, ana, again) == {}
    ana.echo = True
    assert seen(place, ana, again) == {"ana": ["Spoken(ana hello)"]}
    assert place.log.facts().count("Said") == 1


# Coming and going


def test_who_comes_into_a_channel_is_seen_there(place, tea):
    found = seen(place, tea[3], join("#tea"))
    assert found == all_see(["ana", "bob", "carol", "dora"], ["Entered(dora)"])


def test_who_leaves_a_channel_sees_it_and_then_no_more(place, tea):
    found = seen(place, tea[1], Part(place.channel("#tea")))
    assert found == all_see(["ana", "bob", "carol"], ["Departed(bob)"])
    assert list(seen(place, tea[0], say(place.channel("#tea")))) == ["carol"]


def test_what_is_said_around_a_part_goes_to_who_is_there_then(place, tea):
    ana, bob, carol, _ = tea
    channel = place.channel("#tea")
    place.do(ana, say(channel, "one"))
    place.do(bob, Part(channel))
    place.do(ana, say(channel, "two"))
    place.do(bob, join("#tea"))
    place.do(ana, say(channel, "three"))
    place.settle()
    assert bob.got() == [
        "Spoken(ana one)", "Departed(bob)", "Entered(bob)", "Spoken(ana three)"
    ]  # fmt: skip
    assert [line for line in carol.got() if "Spoken" in line] == [
        "Spoken(ana one)", "Spoken(ana two)", "Spoken(ana three)"
    ]  # fmt: skip


def test_who_is_kicked_sees_it_and_then_no_more(place, tea):
    found = seen(place, tea[0], Kick(place.channel("#tea"), tea[1].user))
    assert found == all_see(["ana", "bob", "carol"], ["Expelled(ana)"])
    assert list(seen(place, tea[0], say(place.channel("#tea")))) == ["carol"]


def test_who_goes_is_seen_once_by_each_who_shares_a_channel(place, tea):
    ana, bob, carol, dora = tea
    for person in (ana, bob, dora):
        seen(place, person, join("#two"))
    bob.end("bye")
    assert bob.shell.closed
    place.settle()
    for person in (ana, carol, dora):
        assert person.got() == ["Gone(bob)"]
    assert bob.got() == []
    assert place.hub.sessions() == [ana, carol, dora]
    assert seen(place, ana, say("*")) == {
        "carol": ["Spoken(ana hello)"], "dora": ["Spoken(ana hello)"]
    }  # fmt: skip


def test_a_name_that_is_taken_connects_nobody(place):
    place.person("ana")
    with pytest.raises(NicknameInUse):
        place.person("Ana")
    assert len(place.hub.sessions()) == 1


def test_an_audience_ends_with_the_last_who_hears(place, tea):
    for person in tea[:3]:
        seen(place, person, Part(place.channel("#tea")))
    assert "#tea" not in place.hub._audiences


# What changes of channels and users


def test_a_topic_and_modes_are_seen_in_the_channel(place, tea):
    ana, bob, *_ = tea
    channel = place.channel("#tea")
    for intent, kind in (
        (SetTopic(channel, "leaves"), "TopicChanged"),
        (SetModes(channel, (ModeChange(True, "m"),)), "ModesChanged"),
        (SetRank(channel, ((True, "v", bob.user),)), "ModesChanged"),
    ):
        found = seen(place, ana, intent)
        assert found == all_see(["ana", "bob", "carol"], [f"{kind}(ana)"])


def test_a_new_nickname_is_seen_once_by_oneself_and_neighbours(place, tea):
    for person in tea[:2]:
        seen(place, person, join("#two"))
    found = seen(place, tea[1], Rename(Nickname.parse("rob")))
    assert found == all_see(["ana", "rob", "carol"], ["NickChanged(bob)"])


def test_away_is_seen_by_neighbours(place, tea):
    found = seen(place, tea[1], SetAway("tea"))
    assert found == all_see(["ana", "carol"], ["AwayChanged(bob)"])


def test_a_real_name_is_seen_by_oneself_and_neighbours(place, tea):
    found = seen(place, tea[1], SetRealname("Bob B."))
    assert found == all_see(["ana", "bob", "carol"], ["RealnameChanged(bob)"])


def test_those_who_follow_someone_are_told_once(place, tea):
    ana, bob, _, dora = tea
    place.hub.watchers_of = lambda user: [ana, bob, dora]
    found = seen(place, bob, SetAway("tea"))
    assert found == all_see(["ana", "carol", "dora"], ["AwayChanged(bob)"])


def test_an_invitation_is_seen_by_who_is_invited_and_overheard_by_the_channel(place, tea):
    found = seen(place, tea[0], Invite(place.channel("#tea"), tea[3].user))
    assert found == {
        "dora": ["Summoned(ana)"],
        "bob": ["Summoned(ana overheard)"],
        "carol": ["Summoned(ana overheard)"],
    }


def test_a_mode_of_oneself_is_nobody_elses(place, tea):
    found = seen(place, tea[0], SetUserMode("i", True))
    assert found == {"ana": ["UserModeChanged(ana)"]}


def test_observers_are_told_of_those_who_come_go_and_are_renamed(place):
    told = []
    place.hub.observers.append(lambda change: told.append(type(change)))
    ana = place.person("ana")
    seen(place, ana, Rename(Nickname.parse("anna")))
    seen(place, ana, SetAway("x"))
    ana.end("bye")
    assert told == [c.Arrived, c.NickChanged, c.Gone]


# Flavours and order


def test_another_flavour_counts_from_then_on(place, tea):
    ana, bob, *_ = tea
    channel, fancy = place.channel("#tea"), Plain("fancy ")
    place.do(ana, say(channel, "one"))
    place.hub.reflavour(bob, fancy)
    place.hub.reflavour(bob, fancy)
    place.do(ana, say(channel, "two"))
    place.do(ana, say("*", "all"))
    place.settle()
    assert bob.got() == ["Spoken(ana one)", "fancy Spoken(ana two)", "fancy Spoken(ana all)"]
    bob.end("bye")
    place.settle()
    assert bob not in place.hub._everyone


def test_before_one_is_a_user_a_flavour_is_just_changed(place):
    person, fancy = Person(place.hub, Plain()), Plain()
    place.hub.reflavour(person, fancy)
    assert person.flavour is fancy


def test_an_answer_stands_in_its_place(place, tea):
    ana, bob, *_ = tea
    place.do(ana, say(place.channel("#tea"), "one"))
    place.hub.send(bob, b"answer\n")
    place.do(ana, say(place.channel("#tea"), "two"))
    place.settle()
    assert bob.got() == ["Spoken(ana one)", "answer", "Spoken(ana two)"]


def test_consecutive_messages_are_rendered_once(place, tea):
    calls = place.flavour.calls
    for person in tea[:3]:
        place.do(person, say(place.channel("#tea")))
    place.settle()
    assert place.flavour.calls == calls + 3


class Capturing(Person):
    """Its own copies are part of an answer."""

    def show(self, change):
        self.shell.send(b"captured " + self.flavour.render(change))


@pytest.mark.parametrize("capturing", [True, False])
def test_ones_own_copy_is_part_of_the_answer_to_a_labelled_command(place, tea, capturing):
    eve = Capturing(place.hub, place.flavour, echo=True)
    place.hub.connect(eve, Connect(Nickname.parse("eve"), "u", "h", "r", False, "test"))
    eve.capturing = capturing
    for intent in (join("#tea"), say(place.channel("#tea")), say("*")):
        place.do(eve, intent)
    place.settle()
    word = "captured " if capturing else ""
    expected = ["Entered(eve)", "Spoken(eve hello)", "Spoken(eve hello)"]
    assert eve.got() == [word + line for line in expected]
    assert tea[1].got() == expected


def test_an_answer_to_what_is_not_on_disk_yet_waits_and_falls_with_it(place, tea):
    ana = tea[0]
    place.hub.execute(ana, say(place.channel("#tea")))
    place.hub.send(ana, b"said\n")
    place.hub.command_over()
    place.hub.send(ana, b"pong\n")
    place.run()
    place.log.fail()
    place.settle()
    assert ana.got() == ["pong"]


# After a failure


def test_durable_settings_are_what_the_disk_says_after_a_failure(place, tea):
    ana, bob, carol, _ = tea
    channel = place.channel("#tea")
    seen(place, ana, SetTopic(channel, "old"))
    seen(place, ana, SetRank(channel, ((True, "v", bob.user),)))
    place.do(ana, SetTopic(channel, "new"))
    place.do(ana, SetModes(channel, (ModeChange(True, "m"),)))
    place.do(carol, Part(channel))
    place.run()
    place.log.fail()
    place.settle()
    restored = place.channel("#tea")
    assert restored.topic.text == "old"
    assert "m" not in restored.flags
    assert restored.occupants == {ana.user.uid: ADMIN, bob.user.uid: VOICE}
    assert ana.user.channels["#tea"] is restored
    for person in (ana, bob, carol):
        assert person.got() == ["Departed(carol)"]
    assert seen(place, ana, say(restored)) == {"bob": ["Spoken(ana hello)"]}


def test_a_channel_whose_end_was_not_written_is_there_again(place):
    ana = place.person("ana", "#tea")
    seen(place, ana, Part(place.channel("#tea")))
    place.now_ms += Rules().channel_grace_s * 1000
    place.hub.end_forgotten_channels()
    assert place.state.channel_named("#tea") is None
    place.run()
    place.log.fail()
    place.settle()
    assert place.channel("#tea").emptied is not None
    seen(place, ana, join("#tea"))
    assert place.channel("#tea").emptied is None


def test_a_channel_that_is_not_on_disk_is_left_by_all_in_it(place):
    ana, bob = place.person("ana"), place.person("bob")
    place.do(ana, join("#new"))
    place.run()
    place.do(bob, join("#new"))
    place.run()
    place.log.fail()
    place.settle()
    assert place.state.channel_named("#new") is None
    assert ana.user.channels == bob.user.channels == {}
    seen(place, bob, join("#new"))
    assert seen(place, bob, say(place.channel("#new"))) == {}


# The life of channels


def test_a_channel_is_forgotten_when_it_has_been_empty_for_long(place):
    ana = place.person("ana", "#tea", "#full")
    tea = place.channel("#tea")
    seen(place, ana, Part(tea))
    place.now_ms += Rules().channel_grace_s * 1000 - 1
    place.hub.end_forgotten_channels()
    assert place.state.channel_named("#tea") is not None
    place.now_ms += 1
    place.hub.end_forgotten_channels()
    place.settle()
    assert list(place.state.channels) == ["#lobby", "#full"]
    assert not decode_channel(place.log.tables["channel"][tea.incarnation]).is_alive
    assert place.log.facts()[-1] == "ChannelEnded"


def test_the_lobby_stays(place):
    place.now_ms += 10 * Rules().channel_grace_s * 1000
    place.hub.end_forgotten_channels()
    assert list(place.state.channels) == ["#lobby"]


def test_a_channel_with_a_durable_admin_stays(place):
    ana = place.person("ana", "#tea")
    place.channel("#tea").admins = frozenset({ana.user.uid})
    seen(place, ana, Part(place.channel("#tea")))
    place.now_ms += 10 * Rules().channel_grace_s * 1000
    place.hub.end_forgotten_channels()
    assert "#tea" in place.state.channels


def test_a_number_that_nobody_uses_is_forgotten_a_few_at_a_time(place, monkeypatch):
    monkeypatch.setattr(hub_module, "SIFTED_MOST", 2)
    ana = place.person("ana")
    for _ in range(3):
        place.hub.register(ana)
    place.now_ms += UNUSED_MS
    for left in (1, 0, 0):
        place.hub.forget_unused_identities()
        place.settle()
        assert len(place.state.identities) == left
    assert place.log.facts()[-3:] == ["IdentityForgotten"] * 3


# Those who are told of everything


def test_an_onlooker_is_told_once_whoever_is_to_see_it(place, tea):
    ears = Ears(place.hub)
    ana, bob, *_ = tea
    for intent in (say(place.channel("#tea")), say(bob.user), say("*"), join("#new")):
        place.do(ana, intent)
    place.do(ana, Rename(Nickname.parse("anna")))
    place.do(ana, Part(place.channel("#new")))
    bob.end("bye")
    place.settle()
    said = ["Spoken(ana hello)"] * 3
    assert ears.got() == [*said, "Entered(ana)", "NickChanged(ana)", "Departed(anna)", "Gone(bob)"]


def test_an_onlooker_is_not_told_what_could_not_be_written(place, tea):
    ears = Ears(place.hub)
    ana, bob, *_ = tea
    place.do(ana, say(place.channel("#tea")))
    place.do(bob, join("#new"))
    place.do(ana, join("#new"))
    place.run()
    assert ears.got() == []
    place.log.fail()
    place.settle()
    # That Ana came was activity, which is told; so is that there is no such channel after all.
    assert ears.got() == ["Entered(ana)", "Departed(bob)", "Departed(ana)"]


def test_what_is_said_again_is_not_told_again(place, tea):
    ears = Ears(place.hub)
    for _ in range(2):
        place.do(tea[0], say(place.channel("#tea"), client_id="x"))
        place.settle()
    assert ears.got() == ["Spoken(ana hello)"]


class Unseeing(Person):
    is_shown = False


def test_who_is_shown_nothing_is_in_no_audience_and_takes_part_all_the_same(place, tea):
    eva = Unseeing(place.hub, place.flavour)
    place.hub.connect(eva, Connect(Nickname.parse("eva"), "u", "h", "r", False, "test"))
    for name in ("#tea", "#quiet"):
        place.do(eva, join(name))
    expected = ["Entered(eva)", "Spoken(eva hello)", "Departed(eva)"]
    place.do(eva, say(place.channel("#tea")))
    place.do(eva, say(place.channel("#quiet")))
    for name in ("#tea", "#quiet"):
        place.do(eva, Part(place.channel(name)))
    place.settle()
    assert [person.got() for person in tea] == [expected, expected, expected, []]
    assert eva.got() == []
    place.do(tea[3], join("#quiet"))
    place.settle()
    assert tea[3].got() == ["Entered(dora)"]
