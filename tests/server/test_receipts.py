"""A receipt is for what somebody has, and for nothing else."""

from functools import partial
from typing import Any, cast

import pytest

from tertulia.domain.commands.say import Say
from tertulia.domain.events import Style
from tertulia.domain.text import message_text
from tests.server.kit import FULL, Person, Place, Shell


class Prompt(Shell):
    """Has drained as soon as what was sent so far is on its way."""

    def perform(self, request: Any, resume: Any) -> None:
        assert self.hub is not None
        self.hub.gate.batch.after.append(partial(resume, None))


@pytest.fixture
def place():
    return Place()


def prompt(person: Person) -> Person:
    shell = Prompt(cast(Any, person.shell).hub)
    shell.session = person
    person.shell = shell
    return person


@pytest.fixture
def people(place):
    return [prompt(place.person(nick, "#tea")) for nick in ("ana", "bob", "carol")]


def tell(place, by, target):
    place.do(by, Say(target, message_text("hello"), receipt=True))


def test_who_is_told_something_has_it(place, people):
    ana, bob, _ = people
    tell(place, ana, bob.user)
    place.settle()
    assert bob.got() == ["Spoken(ana hello)"]
    assert ana.got() == ["Acknowledged(bob)"]


def test_the_first_in_a_channel_tells_for_all(place, people):
    ana, *_ = people
    tell(place, ana, place.channel("#tea"))
    place.settle()
    assert ana.got() == ["Acknowledged(bob)"]


def test_who_is_handed_everything_from_disk_may_not_be_shown_what_cannot_wait(place, people):
    ana, bob, _ = people
    bob.user.catching_up = True
    request = Say(bob.user, message_text("VERSION"), Style.REQUEST, receipt=True)
    place.do(ana, request)
    place.settle()
    assert ana.got() == []


def test_a_receipt_that_cannot_be_written_is_told_and_written_later(place, people):
    ana, bob, _ = people
    tell(place, ana, bob.user)
    place.run()
    place.log.commit()
    place.run()
    place.log.fail(FULL)
    place.run()
    assert bob.got() == ["Spoken(ana hello)"]
    assert ana.got() == ["Acknowledged(bob)"]
    assert bob.refusals == ana.refusals == []
    assert "Acknowledged" not in place.log.facts()
    place.settle()
    assert place.log.facts().count("Acknowledged") == 1


@pytest.mark.parametrize("to_all", [True, False])
def test_what_could_not_be_written_has_not_arrived(place, people, to_all):
    ana, bob, _ = people
    tell(place, ana, place.channel("#tea") if to_all else bob.user)
    place.run()
    place.log.fail(FULL)
    place.settle()
    assert (ana.got(), bob.got()) == ([], [])
    assert [type(fact).__name__ for fact, _ in ana.refusals] == ["Said"]
    assert "Acknowledged" not in place.log.facts()
