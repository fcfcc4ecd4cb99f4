"""Who gets which bytes: one flavour is rendered once, and nobody gets what is not theirs."""

from typing import Any, cast

import pytest

from tertulia.domain.changes import Spoken
from tertulia.domain.events import Face, Style
from tertulia.domain.ids import Hlc, Uid
from tertulia.domain.text import Text
from tertulia.server.fanout import Audience, Run, union
from tests.server.kit import Person, Plain

HUB = cast(Any, None)


def spoken(by, text):
    face = Face(Uid(by), by, "0000000000001", f"{by}!u@h")
    return Spoken(Hlc(1), "id", face, "#tea", Style.SAY, Text(text), None, "")


@pytest.fixture
def plain():
    return Plain()


@pytest.fixture
def fancy():
    return Plain("fancy ")


def audience(*sessions):
    those = Audience()
    for session in sessions:
        those.add(session)
    return those


def people(flavour, count):
    return [Person(HUB, flavour) for _ in range(count)]


def delivered(run):
    """What each session is sent."""
    lines: dict[Person, list[str]] = {}
    for recipients, chunk in run.rendered():
        for session in recipients:
            assert session not in lines
            lines[session] = chunk.decode().splitlines()
    return lines


def run_of(those, *items):
    run = Run(those, True)
    run.items += items
    return run


def test_a_run_is_rendered_once_a_flavour(plain, fancy):
    some, others = people(plain, 5), people(fancy, 3)
    run = run_of(audience(*some, *others), *((spoken("ana", t), None) for t in "abc"))
    found = delivered(run)
    assert (plain.calls, fancy.calls) == (3, 3)
    assert all(found[s] == ["Spoken(ana a)", "Spoken(ana b)", "Spoken(ana c)"] for s in some)
    assert all(found[s][0] == "fancy Spoken(ana a)" for s in others)


def test_a_run_is_one_chunk_for_all_of_a_flavour(plain):
    run = run_of(audience(*people(plain, 5)), *((spoken("ana", t), None) for t in "abc"))
    assert [len(recipients) for recipients, _ in run.rendered()] == [5]


def test_speakers_without_echo_get_all_but_their_own(plain, fancy):
    ana, bob, carol = people(plain, 3)
    [dora] = people(fancy, 1)
    run = run_of(
        audience(ana, bob, carol, dora),
        (spoken("ana", "1"), ana),
        (spoken("bob", "2"), bob),
        (spoken("ana", "3"), ana),
        (spoken("dora", "4"), dora),
        (spoken("carol", "5"), None),  # she is shown what she says
    )
    found = delivered(run)
    assert found[ana] == ["Spoken(bob 2)", "Spoken(dora 4)", "Spoken(carol 5)"]
    assert [line[-2] for line in found[bob]] == list("1345")
    assert [line[-2] for line in found[carol]] == list("12345")
    assert [line[-2] for line in found[dora]] == list("1235")
    assert plain.calls == 5


def test_a_lone_speaker_gets_nothing(plain):
    [ana] = people(plain, 1)
    assert delivered(run_of(audience(ana), (spoken("ana", "1"), ana))) == {}


def test_a_speaker_from_outside_hears_nothing(plain):
    ana, bob, outside = people(plain, 3)
    run = run_of(audience(ana, bob), (spoken("out", "1"), outside), (spoken("ana", "secret"), ana))
    found = delivered(run)
    assert outside not in found
    assert found[bob] == ["Spoken(out 1)", "Spoken(ana secret)"]
    assert found[ana] == ["Spoken(out 1)"]


def test_those_who_are_told_nothing_are_sent_nothing():
    class Deaf:
        is_paced = False

        def render(self, change):
            return b""

    run = run_of(audience(*people(Deaf(), 3)), (spoken("ana", "1"), None))
    assert list(run.rendered()) == []


def test_groups_do_not_change_once_they_are_given_out(plain):
    ana, bob = people(plain, 2)
    those = audience(ana, bob)
    groups = those.groups()
    those.remove(ana)
    assert groups == [(plain, (ana, bob))]
    assert those.groups() == [(plain, (bob,))]
    those.remove(bob)
    assert not those
    those.remove(bob)
    assert those.groups() == []


def test_a_union_has_everyone_once(plain, fancy):
    ana, bob, carol = people(plain, 3)
    [dora] = people(fancy, 1)
    groups = union((audience(ana, bob, dora), audience(bob, carol)), without=ana)
    assert groups == [(plain, (bob, carol)), (fancy, (dora,))]
    assert union(()) == []


def test_for_paced_clients_nothing_is_rendered_until_the_first_one_s_turn(plain):
    slow = Plain("slow ")
    slow.is_paced = True
    listeners, [speaker] = people(slow, 2), people(slow, 1)
    those = audience(*listeners, speaker)
    run = run_of(those, (spoken("ana", "one"), None), (spoken("rui", "two"), speaker))
    later = {session: chunk for recipients, chunk in run.rendered() for session in recipients}
    assert slow.calls == 0
    assert later[listeners[0]] is later[listeners[1]]
    assert later[listeners[0]].count == 2
    assert later[listeners[0]].data.decode().splitlines() == [
        "slow Spoken(ana one)", "slow Spoken(rui two)",
    ]  # fmt: skip
    assert later[speaker].data.decode().splitlines() == ["slow Spoken(ana one)"]
    calls = slow.calls
    assert later[listeners[1]].data
    assert slow.calls == calls
