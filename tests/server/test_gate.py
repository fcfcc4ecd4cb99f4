"""Nothing leaves before what it depends on is on disk."""

import asyncio

import pytest

from tertulia.domain.commands.connect import Connect
from tertulia.domain.commands.kick import Kick
from tertulia.domain.commands.say import Say
from tertulia.domain.commands.topic import SetTopic
from tertulia.domain.events import ChannelCreated, Said
from tertulia.domain.names import Nickname
from tertulia.domain.text import message_text
from tertulia.server import gate as gate_module
from tertulia.server import recovery as recovery_module
from tertulia.server.gate import Gate
from tests.server.kit import FULL, HeldLog, Loop, Person, Place, Plain, join


@pytest.fixture
def place():
    return Place()


def say(place, person, text, target="#tea", **more):
    where = place.channel(target) if target[0] == "#" else target
    place.do(person, Say(where, message_text(text), **more))


def heard(text, by="ana"):
    return f"Spoken({by} {text})"


def test_nothing_leaves_before_the_commit(place):
    ana, bob = place.person("ana", "#tea"), place.person("bob", "#tea")
    say(place, ana, "one")
    place.run()
    assert place.log.waiting == 1
    assert bob.got() == []
    place.log.commit()
    assert bob.got() == []
    place.run()
    assert bob.got() == [heard("one")]
    assert ana.got() == []


def test_a_batch_is_one_turn_of_the_loop_in_order_with_one_write_a_socket(place):
    ana, bob = place.person("ana", "#tea"), place.person("bob", "#tea")
    writes, batches = bob.writes, len(place.log.batches)
    for text in ("one", "two"):
        say(place, ana, text)
    place.hub.send(bob, b"an answer\n")
    say(place, ana, "three")
    place.settle()
    assert bob.got() == [heard("one"), heard("two"), "an answer", heard("three")]
    assert bob.writes == writes + 1
    assert len(place.log.batches) == batches + 1
    assert [event.fact.text for event in place.log.batches[-1][0]] == ["one", "two", "three"]


def test_one_batch_is_written_at_a_time_and_the_next_gathers_meanwhile(place):
    ana, bob = place.person("ana", "#tea"), place.person("bob", "#tea")
    say(place, ana, "one")
    place.run()
    for text in ("two", "three"):
        say(place, ana, text)
        place.run()
    assert place.log.waiting == 1
    place.log.commit()
    place.run()
    assert bob.got() == [heard("one")]
    assert place.log.waiting == 1
    assert len(place.log.batches[-1][0]) == 2
    place.log.commit()
    place.run()
    assert bob.got() == [heard("two"), heard("three")]


def test_what_needs_no_disk_leaves_with_the_turn(place):
    ana = place.person("ana")
    batches = len(place.log.batches)
    place.hub.send(ana, b"pong\n")
    assert ana.got() == []
    place.run()
    assert ana.got() == ["pong"]
    assert len(place.log.batches) == batches


def test_what_needs_no_disk_waits_for_the_batch_before_it(place):
    ana, bob = place.person("ana", "#tea"), place.person("bob", "#tea")
    say(place, ana, "one")
    place.run()
    place.hub.send(bob, b"pong\n")
    place.run()
    assert bob.got() == []
    place.log.commit()
    place.run()
    assert bob.got() == [heard("one"), "pong"]


def test_the_statements_for_the_tables_go_with_the_events(place):
    ana = place.person("ana", "#tea")
    place.do(ana, SetTopic(place.channel("#tea"), "leaves"))
    place.run()
    events, writes = place.log.batches[-1]
    assert len(events) == 1
    tea = place.channel("#tea").incarnation
    assert [values[0] for _, values in writes] == [tea]
    place.log.commit()
    place.run()
    assert "leaves" in place.log.tables["channel"][tea]


def test_what_was_to_be_done_after_a_batch_is_done_when_it_is_sent(place):
    ana = place.person("ana", "#tea")
    done = []
    say(place, ana, "one")
    place.batch().after.append(lambda: done.append(1))
    place.run()
    assert not done
    place.log.commit()
    place.run()
    assert done == [1]


def test_a_commit_is_told(place):
    ana = place.person("ana", "#tea")
    before = place.commits
    say(place, ana, "one")
    place.run()
    assert place.commits == before
    place.settle()
    assert place.commits == before + 1


# Gathering


@pytest.fixture
def crowd(place, monkeypatch):
    """Three who speak before many who listen."""
    monkeypatch.setattr(gate_module, "GATHER_WRITES", 3)
    people = [place.person(nick, "#tea") for nick in ("ana", "bob", "carol", "dora")]
    for person in people[:3]:
        say(place, person, "before")
    place.settle()
    return people


def test_many_speakers_before_many_listeners_are_gathered(place, crowd):
    for person in crowd[:3]:
        say(place, person, "one")
    place.run()
    assert place.log.waiting == 0
    say(place, crowd[0], "two")
    place.loop.advance(gate_module.GATHER_S)
    assert place.log.waiting == 1
    assert len(place.log.batches[-1][0]) == 4


def test_a_lone_conversation_does_not_wait(place, crowd):
    for person in crowd[:2]:
        say(place, person, "one")
    place.run()
    assert place.log.waiting == 1


def test_a_few_listeners_do_not_wait(place, monkeypatch):
    people = [place.person(nick, "#tea") for nick in ("ana", "bob", "carol", "dora")]
    for text in ("one", "two"):
        for person in people:
            say(place, person, text)
        place.run()
        assert place.log.waiting == 1
        place.settle()


# A disk that does not take it


def test_what_could_not_be_written_is_shown_to_nobody_and_its_speaker_told(place):
    ana, bob = place.person("ana", "#tea"), place.person("bob", "#tea")
    say(place, ana, "one")
    ana.label = "x"
    say(place, ana, "two")
    ana.label = None
    place.hub.send(bob, b"pong\n")
    place.run()
    place.log.fail()
    place.run()
    assert bob.got() == ["pong"]
    assert [(type(fact), label) for fact, label in ana.refusals] == [(Said, None), (Said, "x")]
    assert bob.refusals == []


def test_what_was_said_meanwhile_is_refused_too(place):
    ana, bob = place.person("ana", "#tea"), place.person("bob", "#tea")
    say(place, ana, "one")
    place.run()
    say(place, bob, "two")
    place.run()
    place.log.fail()
    place.settle()
    assert (ana.got(), bob.got()) == ([], [])
    assert [fact.text for fact, _ in ana.refusals] == ["one"]
    assert [fact.text for fact, _ in bob.refusals] == ["two"]
    assert "Said" not in place.log.facts()


def test_after_a_failure_it_goes_on(place):
    ana, bob = place.person("ana", "#tea"), place.person("bob", "#tea")
    say(place, ana, "one")
    place.run()
    place.log.fail()
    place.run()
    say(place, ana, "two")
    place.settle()
    assert bob.got() == [heard("two")]
    assert place.log.facts().count("Said") == 1


def test_activity_is_shown_and_written_when_the_disk_takes_it_again(place):
    ana, bob = place.person("ana", "#tea"), place.person("bob", "#tea")
    place.do(ana, Kick(place.channel("#tea"), bob.user, "out"))
    say(place, ana, "one")
    place.run()
    place.log.fail()
    place.run()
    assert bob.got() == ["Expelled(ana)"]
    place.person("carol")
    assert "Kicked" in place.log.facts()
    assert "Said" not in place.log.facts()
    assert [event.hlc for event in place.log.events] == sorted(e.hlc for e in place.log.events)


def test_the_activity_that_waits_for_the_disk_is_bounded(place, monkeypatch):
    monkeypatch.setattr(recovery_module, "REQUEUED_MOST", 2)
    people = [place.person(nick) for nick in ("ana", "bob", "carol")]
    for person in people:
        place.do(person, join("#lobby"))
    place.run()
    place.log.fail()
    place.run()
    place.hub.send(people[0], b"x")
    place.settle()
    assert place.log.facts().count("Joined") == 2


def test_a_number_that_could_not_be_written_is_written_later(place):
    person = Person(place.hub, Plain())
    place.hub.connect(person, Connect(Nickname.parse("ana"), "u", "h", "r", False, "test"))
    place.run()
    place.log.fail()
    place.run()
    place.hub.send(person, b"x")
    place.settle()
    assert person.user is not None
    assert place.log.tables["number"] == {person.user.number: "ana"}


def test_after_a_failure_activity_alone_is_not_tried_again_at_once(place):
    ana, bob = place.person("ana", "#tea"), place.person("bob", "#tea")
    place.do(ana, Kick(place.channel("#tea"), bob.user, "out"))
    place.run()
    place.log.fail()
    place.run()
    batches = len(place.log.batches)
    place.do(bob, join("#tea"))
    place.hub.send(ana, b"pong\n")
    place.run()
    assert ana.got() == ["Expelled(ana)", "Entered(bob)", "pong"]
    assert len(place.log.batches) == batches
    place.loop.advance(gate_module.REST_S)
    assert len(place.log.batches) == batches + 1
    place.settle()
    assert place.log.facts()[-2:] == ["Kicked", "Joined"]


def test_after_a_failure_what_somebody_wants_is_tried_at_once_and_activity_with_it(place):
    ana, bob = place.person("ana", "#tea"), place.person("bob", "#tea")
    place.do(ana, Kick(place.channel("#tea"), bob.user, "out"))
    place.run()
    place.log.fail()
    place.run()
    say(place, ana, "one")
    place.run()
    place.log.commit()
    place.run()
    assert place.log.facts()[-2:] == ["Kicked", "Said"]
    place.do(bob, join("#tea"))
    place.run()
    assert place.log.waiting == 1  # it rests no more


def test_tables_are_read_again_only_where_something_of_them_was_refused(place, monkeypatch):
    ana, bob = place.person("ana", "#tea"), place.person("bob", "#tea")
    reloads = []

    def reload():
        reloads.append(1)
        return place._durable()

    monkeypatch.setattr(place.hub.recovery, "reload", reload)
    place.do(ana, Kick(place.channel("#tea"), bob.user, "out"))
    place.run()
    place.log.fail()
    place.run()
    assert reloads == []
    say(place, ana, "one")
    place.run()
    place.log.fail()
    place.run()
    assert reloads == [1]


def test_the_activity_that_waits_while_it_rests_is_bounded(place, monkeypatch):
    monkeypatch.setattr(gate_module, "REQUEUED_MOST", 3)
    people = [place.person(nick) for nick in ("ana", "bob", "carol", "dora", "eve")]
    place.do(people[0], join("#lobby"))
    place.run()
    place.log.fail()
    place.run()
    for person in people[1:]:
        place.do(person, join("#lobby"))
        place.run()
    place.settle()
    assert place.log.facts().count("Joined") == 3


def test_a_message_said_again_after_a_failure_has_not_been_said(place):
    ana, bob = place.person("ana", "#tea"), place.person("bob", "#tea")
    say(place, ana, "one", client_id="1")
    place.run()
    place.log.fail()
    place.run()
    say(place, ana, "one", client_id="1")
    place.settle()
    assert bob.got() == [heard("one")]
    say(place, ana, "one", client_id="1")
    place.settle()
    assert bob.got() == []


def test_a_channel_that_could_not_be_written_is_left(place):
    ana = place.person("ana")
    place.do(ana, join("#new"))
    place.run()
    place.log.fail()
    place.run()
    assert place.state.channel_named("#new") is None
    assert ana.user.channels == {}
    place.settle()
    assert ana.got() == ["Departed(ana)"]
    assert [type(fact) for fact, _ in ana.refusals] == [ChannelCreated]


def test_what_is_done_after_a_failure_is_not_undone_with_what_was_done_before(place):
    ana, bob = place.person("ana", "#tea"), place.person("bob", "#tea")
    say(place, ana, "one")
    place.batch().after.append(lambda: place.do(bob, join("#new")))
    place.run()
    say(place, ana, "two")
    place.log.fail()
    place.settle()
    assert place.channel("#new").occupants.keys() == {bob.user.uid}
    assert place.channel("#new").incarnation in place.log.tables["channel"]
    assert [fact.text for fact, _ in ana.refusals] == ["one", "two"]


def test_a_fault_after_a_batch_keeps_nobody_from_what_they_wait_for(place):
    ana = place.person("ana", "#tea")
    done = []
    say(place, ana, "one")
    place.batch().after += [lambda: [].pop(), lambda: done.append(1)]
    place.settle()
    assert done == [1]


def test_one_who_has_gone_is_not_told(place):
    ana = place.person("ana", "#tea")
    say(place, ana, "one")
    place.run()
    ana.closing = True
    place.log.fail()
    place.run()
    assert ana.refusals == []


def test_what_was_to_be_done_after_a_batch_is_done_though_it_failed(place):
    ana = place.person("ana", "#tea")
    done = []
    say(place, ana, "one")
    place.batch().after.append(lambda: done.append(1))
    place.run()
    place.hub.send(ana, b"x")
    place.batch().after.append(lambda: done.append(2))
    place.log.fail()
    place.run()
    assert done == [1, 2]


# Congestion


def test_too_much_that_waits_is_congestion_until_it_is_written(place, monkeypatch):
    monkeypatch.setattr(gate_module, "WAITING_MOST", 2)
    ana = place.person("ana", "#tea")
    for text in ("one", "two", "three"):
        assert not place.gate.is_congested
        say(place, ana, text)
    assert place.gate.is_congested
    place.run()
    assert not place.gate.is_congested


# Settling


class Nobody:
    """A gate of its own, in the test's real loop."""

    def __init__(self, fails: int = 0) -> None:
        self.log = HeldLog()
        self.fails = fails
        self.failed = 0
        self.writes: list = [("DELETE FROM channel WHERE name = ?", ("x",))]
        self.gate = Gate(self.log, self._writes, lambda: None, self._failed, lambda: None)

    def _writes(self):
        return self.writes

    def _failed(self, batches, error):
        assert error is FULL
        self.failed += len(batches)


async def turns(count=10):
    for _ in range(count):
        await asyncio.sleep(0)


async def test_settling_waits_for_the_disk():
    nobody = Nobody()
    settling = asyncio.create_task(nobody.gate.settle())
    await turns()
    assert not settling.done()
    nobody.writes = []
    nobody.log.commit()
    await asyncio.wait_for(settling, 10)


async def test_settling_ends_when_there_is_nothing():
    nobody = Nobody()
    nobody.writes = []
    await asyncio.wait_for(nobody.gate.settle(), 10)


async def test_settling_does_not_wait_for_the_rest_after_a_failure():
    nobody = Nobody()
    nobody.gate.touch()
    await turns()
    nobody.log.fail()
    await turns()
    nobody.gate.touch()
    await turns()
    assert nobody.log.waiting == 0
    settling = asyncio.create_task(nobody.gate.settle())
    await turns()
    assert nobody.log.waiting == 1
    nobody.writes = []
    nobody.log.commit()
    await asyncio.wait_for(settling, 10)


async def test_settling_ends_though_the_disk_does_not_take_it():
    nobody = Nobody()
    settling = asyncio.create_task(nobody.gate.settle())
    await turns()
    nobody.writes = []
    nobody.log.fail()
    await asyncio.wait_for(settling, 10)
    assert nobody.failed == 2  # the batch, and what came since


def test_the_gate_needs_nothing_of_the_loop_but_its_turns():
    loop = Loop()
    with loop.running():
        gate = Gate(HeldLog(), list, lambda: None, lambda *_: None, lambda: None)
    gate.touch()
    gate.touch()
    loop.run()
    assert loop.timers == 0
