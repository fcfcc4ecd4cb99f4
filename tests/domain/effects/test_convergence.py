"""The durable state is a function of the set of events, in whatever order they arrive.

What one server logged arrives in the order in which it happened there; that is all that is known.
"""

import itertools
import random
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tertulia.domain import events as e
from tertulia.domain.fingerprint import fingerprint
from tertulia.domain.ids import LOBBY, NOWHERE, Conversation, Hlc, Uid, msgid
from tertulia.domain.text import Text
from tests.domain.kit import check_state
from tests.domain.net import busy, durable, exchange, interleaved, merged, network, run, scripts

# What chats log


def check(script, seed):
    skews, steps = script
    servers = network(skews)
    run(servers, steps)
    logs = [server.events for server in servers]
    chance = random.Random(seed)
    first = merged(itertools.chain(*logs))
    others = [merged(itertools.chain(*reversed(logs)))]
    others += [merged(interleaved(logs, chance)) for _ in range(3)]
    for other in others:
        assert durable(other) == durable(first)
        assert fingerprint(other) == fingerprint(first)


@given(scripts(), st.integers())
def test_what_several_chats_logged_may_come_in_any_order(script, seed):
    check(script, seed)


@pytest.mark.parametrize("seed", range(40))
def test_what_several_busy_chats_logged_may_come_in_any_order(seed):
    check(busy(seed), seed)


@pytest.mark.fuzz
@given(st.integers(min_value=0))
def test_what_several_busy_chats_logged_may_come_in_any_order_long(seed):
    check(busy(seed, 200), seed)


def check_chats(script):
    skews, steps = script
    servers = network(skews)
    run(servers, steps)
    exchange(servers)
    logged = merged(itertools.chain(*(server.events for server in servers)))
    for server in servers:
        check_state(server.state, alone=False)
        assert fingerprint(server.state) == fingerprint(logged)
        assert server.people() == servers[0].people()
        assert server.places_shown() == server.places()


@pytest.mark.parametrize("seed", range(40))
def test_chats_that_have_told_each_other_everything_agree(seed):
    check_chats(busy(seed))


@pytest.mark.fuzz
@given(st.integers(min_value=0))
def test_chats_that_have_told_each_other_everything_agree_long(seed):
    check_chats(busy(seed, 200))


# Whatever might be logged

NUMBERS = ("0000000000001", "0000000000002")
NICKS = ("ana", "Ana", "bia")
PLACES = {"#tea": (Conversation(5000), Conversation(6000)), "#lobby": (LOBBY,)}

_faces = st.sampled_from(
    [e.Face(Uid(number), "ana", number, "ana!u@h") for number in NUMBERS]
    + [e.Face(Uid("s1"), "joe", "0000000000009", "joe!u@h")]
)
_places = st.sampled_from([("#tea", 5000), ("#TEA", 5000), ("#tea", 6000), ("#lobby", 16)])
_numbers = st.sampled_from(NUMBERS)


def _channel_facts(face: e.Face, name: str, conversation: int) -> list[e.Fact]:
    whom = e.Face(Uid(NUMBERS[0]), "ana", NUMBERS[0], "ana!u@h")
    found: list[e.Fact] = [
        e.TopicSet(face, name, Text(face.nick)),
        e.TopicSet(face, name, Text("")),
        e.ModesSet(face, name, (e.ModeChange(True, "m"), e.ModeChange(False, "n"))),
        e.ModesSet(face, name, (e.ModeChange(False, "m"), e.ModeChange(True, "m"))),
        e.ModesSet(face, name, (e.ModeChange(True, "k", face.nick),)),
        e.ModesSet(face, name, (e.ModeChange(False, "k"), e.ModeChange(True, "l", "3"))),
        e.ModesSet(face, name, (e.ModeChange(True, "b", "x!*@*"),)),
        e.ModesSet(face, name, (e.ModeChange(False, "b", "x!*@*"),)),
        e.AdminsSet(face, name, (e.RankChange(True, "o", whom),)),
        e.AdminsSet(face, name, (e.RankChange(False, "o", whom),)),
        e.Gathered(face, name, "1", (whom,), (whom.number,)),
        e.MemberKicked(face, name, whom, ""),
        e.Said(face, name, 0, Text("hello"), put_by=(whom.uid,)),
        e.Joined(face, name),
        e.ChannelKept(name),
    ]
    if conversation != LOBBY:
        found += [
            e.ChannelCreated(face, name, f"1{conversation}", Conversation(conversation), "$key"),
            e.ChannelCreated(
                face, name, f"1{conversation}", Conversation(conversation), flags="inst"
            ),
            e.ChannelEnded(name, Conversation(conversation)),
        ]
    return found


def _other_facts(face: e.Face, number: str, nick: str) -> list[e.Fact]:
    absent = Uid(NUMBERS[0])
    said = e.Said(face, nick, 0, Text("hello"), to=absent, waits=True)
    receipt = e.Acknowledged(face, absent, nick, "1" + number[1:], "id", 0, waits=True)
    bare = e.IdentityIssued(face, number, f"n{number}", "")
    by = e.Face(absent, "ana", NUMBERS[0], "ana!u@h")
    return [
        e.NumberAssigned(nick.lower(), number),
        e.NumberAssigned("joe", number),
        e.IdentityIssued(face, number, nick, f"token of {nick}"),
        bare,
        e.IdentityUsed(number),
        e.IdentityRenamed(number, nick),
        e.IdentityRenamed(number, "joe"),
        said,
        receipt,
        e.Received(by),
    ]


@st.composite
def _events(draw: st.DrawFn) -> tuple[Conversation, e.Fact]:
    face = draw(_faces)
    if draw(st.booleans()):
        name, conversation = draw(_places)
        fact = draw(st.sampled_from(_channel_facts(face, name, conversation)))
        return Conversation(conversation), fact
    return NOWHERE, draw(
        st.sampled_from(_other_facts(face, draw(_numbers), draw(st.sampled_from(NICKS))))
    )


@st.composite
def _logs(draw: st.DrawFn) -> list[list[e.Event]]:
    """What up to five servers logged, of the tags 1 to 5."""
    found = []
    for tag, count in enumerate(
        draw(st.sampled_from([(2, 2), (1, 1, 1, 1, 1), (2, 1, 1), (3, 2)])), 1
    ):
        hlc = draw(st.sampled_from([3, 5, 5, 8])) << 16
        log = []
        for i in range(count):
            conversation, fact = draw(_events())
            log.append(e.Event(Hlc(hlc + i), conversation, fact, None, tag))
        found.append(log)
    return _possible(found)


def _possible(logs: list[list[e.Event]]) -> list[list[e.Event]]:
    """Without what no server logs: an incarnation is made once, and what was received was said."""
    made: set[Conversation] = set()
    messages = [
        msgid(event.hlc, event.tag)
        for log in logs
        for event in log
        if isinstance(event.fact, e.Said | e.Acknowledged | e.Gathered)
    ]
    found = []
    for log in logs:
        kept = []
        for event in log:
            fact = event.fact
            if isinstance(fact, e.ChannelCreated):
                if fact.incarnation in made:
                    continue
                made.add(fact.incarnation)
            if isinstance(fact, e.Received):
                event = replace(event, fact=replace(fact, messages=tuple(messages)))
            kept.append(event)
        found.append(kept)
    return found


def orders(logs: Sequence[Sequence[e.Event]]) -> Iterator[list[e.Event]]:
    """Every order in which they may arrive."""
    whose = [n for n, log in enumerate(logs) for _ in log]
    for order in sorted(set(itertools.permutations(whose))):
        places = [iter(log) for log in logs]
        yield [next(places[n]) for n in order]


def check_orders(logs):
    first = None
    for order in orders(logs):
        found = durable(merged(order))
        first = first or found
        assert found == first, order


@given(_logs())
def test_every_order_of_a_few_events_comes_to_the_same(logs):
    check_orders(logs)


@pytest.mark.fuzz
@given(_logs())
def test_every_order_of_a_few_events_comes_to_the_same_long(logs):
    check_orders(logs)


def test_an_identity_that_was_forgotten_and_used_at_once_is_kept():
    """Only who has issued one forgets it, so that nobody hears of that before."""
    face = e.Face(Uid(NUMBERS[0]), "n", NUMBERS[0], "n!n@n")
    one = [
        e.Event(Hlc(1), NOWHERE, e.IdentityIssued(face, NUMBERS[0], "n0000000000001", ""), None, 1),
        e.Event(Hlc(5), NOWHERE, e.IdentityForgotten(NUMBERS[0]), None, 1),
    ]
    used = e.Event(Hlc(3), NOWHERE, e.IdentityUsed(NUMBERS[0]), None, 2)
    named = e.Event(Hlc(4), NOWHERE, e.IdentityRenamed(NUMBERS[0], "ana"), None, 2)
    for logs in ([one, [used]], [one, [used, named]], [one, [used], [e_by_third(named)]]):
        check_orders(logs)
        [identity] = merged(next(orders(logs))).identities
        assert identity.is_bare


def e_by_third(event: e.Event) -> e.Event:
    return e.Event(event.hlc, event.conversation, event.fact, None, 3)
