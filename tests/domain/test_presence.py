"""Everybody who is on another server, and what must have happened for them to be there."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tertulia.domain import changes as c
from tertulia.domain import events as e
from tertulia.domain.channels import ADMIN, VOICE
from tertulia.domain.codec import encode, resident
from tertulia.domain.commands.connect import Disconnect
from tertulia.domain.commands.modes import SetRank
from tertulia.domain.commands.part import Part
from tertulia.domain.commands.profile import SetAway, SetRealname, SetUserMode
from tertulia.domain.commands.rename import Rename
from tertulia.domain.ids import NOWHERE, Hlc
from tertulia.domain.names import Nickname
from tertulia.domain.presence import (
    Resident,
    another_nickname,
    differences,
    place_of,
    residents,
    subject,
)
from tests.domain.kit import check_state
from tests.domain.net import SHARED, Server, busy, network, run, told


def by_uid(some: list[Resident]) -> dict[str, tuple[Resident, Hlc]]:
    """Residents, with their places in no order, and when they took their nicknames."""
    return {
        one.came.face.uid: (
            replace(
                one,
                came=replace(one.came, claim=""),
                places=tuple(sorted(one.places, key=str)),
            ),
            place_of(one.came.claim),
        )
        for one in some
    }


def as_told(some: list[Resident]) -> list[Resident]:
    """What arrives of them."""
    return [resident(encode(one)) for one in some]


def check_told(here: Server, there: Server) -> None:
    """After a snapshot exactly those are there, and a second one finds nothing to do."""
    everybody = as_told(there.residents())
    here.told_by(there, everybody)
    check_state(here.state, alone=False)
    assert by_uid(residents(here.state, there.id)) == by_uid(everybody)
    assert differences(here.state, there.id, everybody, 0, here.now()) == []


@pytest.fixture
def pair():
    return network([0, 0])


def test_somebody_as_they_are(pair):
    here, there = pair
    ana = there.user("ana", "#tea", "#x")
    bob = there.user("bob", "#tea")
    there.do(ana, SetAway("tea"))
    there.do(ana, SetUserMode("B", True))
    there.do(ana, SetRank(there.channel("#tea"), ((True, "v", bob),)))
    check_told(here, there)
    shown = here.state.users[ana.uid]
    assert (shown.face, shown.away, shown.modes) == (ana.face, "tea", {"B"})
    assert (shown.since, shown.claim, shown.realname) == (ana.since, ana.claim, ana.realname)
    # The channels are not known yet: they come by way of the log.
    assert shown.channels == {}
    for event in there.events:
        here.chat.merge([event])
    assert here.ranks("#tea") == {"ana": ADMIN, "bob": VOICE}
    assert here.ranks("#x") == {"ana": ADMIN}
    check_told(here, there)


def test_everything_that_may_have_changed(pair):
    here, there = pair
    ana = there.user("ana", "#tea", "#x")
    bob, eve = there.user("bob", "#tea", "#x"), there.user("eve", "#tea")
    here.hear(there)
    there.do(ana, SetRank(there.channel("#tea"), ((True, "o", bob), (True, "v", ana))))
    there.do(ana, SetRank(there.channel("#tea"), ((False, "o", ana),)))
    there.do(ana, SetAway("tea"))
    there.do(ana, SetUserMode("B", True))
    there.do(ana, SetRealname("Ana María"))
    there.do(ana, Rename(Nickname.parse("anna")))
    there.do(bob, Part(there.channel("#x")))
    there.do(eve, Disconnect(""))
    joe = there.user("joe", "#tea")
    check_told(here, there)
    assert here.ranks("#tea") == there.ranks("#tea") == {"anna": VOICE, "bob": ADMIN, "joe": 0}
    assert here.ranks("#x") == {"anna": ADMIN}
    assert here.nicks() == {"anna", "bob", "joe"}
    assert here.state.users[joe.uid].server == there.id


def test_who_went_and_came_again_is_another(pair):
    here, there = pair
    there.user("ana")
    here.hear(there)
    [before] = here.state.users
    there.do(there.state.users[before], Disconnect(""))
    there.now_ms += 5
    ana = there.user("ana")
    seen = here.told_by(there, there.residents())
    assert [type(one) for one in seen] == [c.Gone, c.Arrived]
    assert list(here.state.users) == [ana.uid]


def test_nobody_is_left(pair):
    here, there = pair
    for nick in ("ana", "bob"):
        there.user(nick, "#tea")
    here.hear(there)
    own = here.user("eve", "#tea")
    assert [type(one) for one in here.told_by(there, [])] == [c.Gone, c.Gone]
    assert list(here.state.users) == [own.uid]
    assert here.ranks("#tea") == {"eve": 0}
    check_state(here.state, alone=False)


def test_users_of_this_server_and_of_a_third_are_left_alone():
    here, there, third = network([0, 0, 0])
    own, other = here.user("ana"), third.user("bob")
    here.hear(third)
    there.user("eve")
    here.told_by(there, there.residents())
    here.told_by(there, [])
    assert set(here.state.users) == {own.uid, other.uid}


def test_who_is_shown_under_another_nickname_is_told_with_their_own(pair):
    here, there = pair
    here.user("ana")
    there.now_ms += 5
    second = there.user("ana")
    check_told(here, there)
    assert here.state.users[second.uid].nick.text != "ana"
    [one] = residents(here.state, there.id)
    assert one.came.face.nick == "ana"


def play_busily(seed: int) -> list[Server]:
    skews, steps = busy(seed)
    servers = network(skews)
    run(servers, steps)
    return servers


@pytest.mark.parametrize("seed", [*range(40), 4232, 4510])
def test_whatever_was_missed_those_are_there_who_are_told(seed):
    here, *others = play_busily(seed)
    for there in others:
        for event in there.events[here_has(here, there) :]:
            here.chat.merge([event])
        everybody = as_told(there.residents())
        here.told_by(there, everybody)
        check_state(here.state, alone=False)
        assert by_uid(residents(here.state, there.id)) == by_uid(everybody)


def here_has(here: Server, there: Server) -> int:
    """How many events of *there* that are logged *here* has heard of."""
    read = there.journal[: here.read.get(there.id, 0)]
    return sum(event.fact.durability != "presence" for event in read)


@pytest.mark.fuzz
@given(st.integers(min_value=0))
def test_whatever_was_missed_those_are_there_who_are_told_long(seed):
    test_whatever_was_missed_those_are_there_who_are_told(seed)


@pytest.mark.parametrize("seed", range(20))
def test_a_snapshot_comes_to_the_same_as_everything_that_led_to_it(seed):
    """Two servers where nobody is hear of a busy one, one by one event and one at the end."""
    there = play_busily(seed)[0]
    one, other = Server(8), Server(9)
    one.hear(there)
    for event in there.events:
        other.chat.merge([event])
    other.told_by(there, as_told(there.residents()))
    assert by_uid(residents(other.state, there.id)) == by_uid(residents(one.state, there.id))
    for name, channel in one.state.channels.items():
        assert other.state.channels[name].occupants == channel.occupants


@pytest.mark.parametrize("seed", range(20))
def test_a_snapshot_in_the_middle_loses_nothing_and_repeats_nothing(seed):
    there = play_busily(seed)[0]
    chance = random.Random(seed)
    at = chance.randrange(len(there.journal))
    middle = Server(8)
    middle.read[there.id] = at
    whole = Server(9)
    whole.hear(there, at)
    for event in there.journal[:at]:
        if event.fact.durability != "presence":
            middle.chat.merge([event])
    middle.told_by(there, as_told(residents(whole.state, there.id)))
    for one in (whole, middle):
        one.hear(there)
        check_state(one.state, alone=False)
    assert by_uid(residents(middle.state, there.id)) == by_uid(residents(whole.state, there.id))


def test_whom_a_fact_is_about():
    server = Server(1)
    ana, bob = server.user("ana", "#tea"), server.user("bob", "#tea")
    kicked = e.Kicked(ana.face, "#tea", bob.face, "")
    assert subject(kicked) == bob.uid
    assert subject(e.AwaySet(ana.face, None)) == ana.uid
    assert subject(e.Disconnected(ana.face, "")) == ana.uid
    assert subject(e.RanksSet(ana.face, "#tea", ())) is None
    for event in server.journal:
        if type(event.fact) in SHARED:
            assert subject(told(event).fact) in (ana.uid, bob.uid)


def test_another_nickname_is_free_and_the_same_everywhere():
    one, other = Server(1), Server(2)
    ana = one.user("ana")
    made = another_nickname(one.state, ana.face)
    assert made == another_nickname(other.state, ana.face)
    assert made.mask == f"{made.nick}!user@host.example"
    other.user(made.nick)
    longer = another_nickname(other.state, ana.face)
    assert longer.nick.startswith(made.nick)
    assert len(longer.nick) == len(made.nick) + 1
    # It is another than what it is made from, too.
    assert another_nickname(one.state, made).nick != made.nick


def test_what_is_told_of_who_is_gone_is_left_alone(pair):
    here, there = pair
    ana = there.user("ana", "#tea")
    here.hear(there)
    there.do(ana, Disconnect(""))
    here.hear(there)
    late = e.Event(Hlc(there.now_ms << 16), NOWHERE, e.AwaySet(ana.face, "late"))
    assert here.chat.tell(there.id, late) == []
    assert here.state.users == {}
