"""What a server does when others have done something that concerns its users."""

import pytest

from tertulia.domain import changes as c
from tertulia.domain import events as e
from tertulia.domain.commands.gather import Gather
from tertulia.domain.commands.invite import Invite
from tertulia.domain.commands.join import Join
from tertulia.domain.commands.kick import Kick
from tertulia.domain.commands.part import Part
from tertulia.domain.fingerprint import fingerprint
from tertulia.domain.names import ChannelName
from tests.domain.kit import check_state
from tests.domain.net import HOUR_MS, Server, exchange, network

JOIN = Join(ChannelName.parse("#tea"))


@pytest.fixture
def pair():
    return network([0, 0])


def check_all(servers: list[Server]) -> None:
    exchange(servers)
    for server in servers:
        check_state(server.state, alone=False)
    assert len({fingerprint(server.state) for server in servers}) == 1


def kinds(server: Server, start: int = 0) -> list[str]:
    return [type(event.fact).__name__ for event in server.journal[start:]]


# Channels that are not over


def ended_elsewhere(here: Server, there: Server) -> None:
    """Somebody comes into a channel here that is taken for forgotten there."""
    bob = there.user("bob", "#tea")
    exchange([here, there])
    there.do(bob, Part(there.channel("#tea")))
    exchange([here, there])
    here.do(here.user("ana"), JOIN)
    there.now_ms += 5
    there.chat.record([e.ChannelEnded("#tea", there.channel("#tea").incarnation)])
    assert there.state.channel_named("#tea") is None


@pytest.mark.parametrize("skew", [0, 1, -70_000, HOUR_MS, -HOUR_MS])
def test_a_channel_with_somebody_in_it_is_kept(skew):
    here, there = network([0, skew])
    ended_elsewhere(here, there)
    tea, start = here.channel("#tea"), len(here.journal)
    here.hear(there)
    assert here.state.channel_named("#tea") is tea
    assert here.ranks("#tea").keys() == {"ana"}
    assert tea.is_alive
    assert set(kinds(here, start)) <= {"ChannelKept"}
    check_all([here, there])
    assert there.ranks("#tea") == here.ranks("#tea")
    assert there.channel("#tea").incarnation == tea.incarnation


def test_it_is_kept_where_the_end_came_later_by_a_clock_that_is_ahead():
    here, there = network([0, HOUR_MS])
    ended_elsewhere(here, there)
    start = len(here.journal)
    here.hear(there)
    assert kinds(here, start) == ["ChannelKept"]
    kept = here.journal[-1]
    assert kept.stamp > there.journal[-1].hlc > kept.hlc


def test_a_channel_in_which_nobody_is_ends_everywhere(pair):
    here, there = pair
    bob = there.user("bob", "#tea")
    there.do(bob, Part(there.channel("#tea")))
    there.chat.record([e.ChannelEnded("#tea", there.channel("#tea").incarnation)])
    start = len(here.journal)
    here.hear(there)
    assert kinds(here, start) == []
    assert here.state.channel_named("#tea") is None
    check_all(pair)


def test_only_the_server_of_those_who_are_in_it_keeps_it():
    servers = network([0, HOUR_MS, 0])
    here, there, third = servers
    ended_elsewhere(here, there)
    third.hear(here)
    start = len(third.journal)
    third.hear(there)
    assert kinds(third, start) == []
    assert third.ranks("#tea").keys() == {"ana"}  # until their server says so
    check_all(servers)
    assert third.ranks("#tea").keys() == {"ana"}


def test_an_end_takes_effect_though_the_last_word_came_from_a_clock_that_is_ahead():
    here, ahead = network([0, HOUR_MS])
    ahead.do(ahead.user("bob", "#tea"), Part(ahead.channel("#tea")))
    exchange([here, ahead])
    here.chat.record([e.ChannelEnded("#tea", here.channel("#tea").incarnation)])
    assert here.state.channel_named("#tea") is None
    check_all([here, ahead])
    assert ahead.state.channel_named("#tea") is None


# Members


@pytest.mark.parametrize("is_here", [True, False])
def test_who_is_made_a_member_elsewhere_comes_in(pair, is_here):
    here, there = pair
    identity = here.register()
    ana = here.bare(identity) if is_here else None
    exchange(pair)
    bob = there.bare()
    there.do(bob, Gather((there.state.recipient(identity.nick.text),)))
    [group] = [channel for channel in there.state.channels.values() if channel.members]
    start = len(here.journal)
    here.hear(there)
    name = group.name.folded
    assert kinds(here, start) == (["Joined"] if is_here else [])
    assert here.channel(name).members == group.members
    assert (identity.uid in here.channel(name).occupants) is is_here
    # Who comes later is taken in when they come.
    ana = ana or here.bare(identity)
    assert name in ana.channels
    check_all(pair)
    assert there.channel(name).occupants.keys() == {ana.uid, bob.uid}


def test_who_is_made_a_member_and_is_in_it_does_not_come_in_again(pair):
    here, there = pair
    identity = here.register()
    here.bare(identity)
    exchange(pair)
    bob = there.bare()
    there.do(bob, Gather((there.state.recipient(identity.nick.text),)))
    exchange(pair)
    start = len(here.journal)
    here.chat.see_to([event for event in there.events if isinstance(event.fact, e.Gathered)])
    assert kinds(here, start) == []


@pytest.mark.parametrize("is_here", [True, False])
def test_a_member_who_is_expelled_elsewhere_goes_out(pair, is_here):
    here, there = pair
    identity = here.register()
    exchange(pair)
    bob = there.user("bob", "#tea")
    there.do(bob, Invite(there.channel("#tea"), there.state.recipient(identity.nick.text)))
    exchange(pair)
    ana = here.bare(identity) if is_here else None
    exchange(pair)
    whom = there.state.recipient(identity.nick.text)
    there.do(bob, Kick(there.channel("#tea"), whom, "out"))
    start, shown = len(here.journal), len(here.changes)
    here.hear(there)
    tea = here.channel("#tea")
    assert tea.members == frozenset()
    assert identity.uid not in tea.occupants
    assert kinds(here, start) == (["PutOut"] if is_here else [])
    if ana is not None:
        [expelled] = here.changes[shown:]
        assert isinstance(expelled, c.Expelled)
        assert (expelled.by, expelled.whom, expelled.reason) == (bob.face, ana.face, "out")
        assert ana.channels == {}
        # The log of the other server has it already.
        assert "PutOut" not in [type(event.fact).__name__ for event in here.events]
    check_all(pair)
    assert there.ranks("#tea") == here.ranks("#tea") == {"bob": 2}


def test_who_is_made_a_member_again_meanwhile_stays(pair):
    """The later one counts; who was put out is not lost to it."""
    here, there = pair
    identity = here.register()
    here.bare(identity)
    bob = there.user("bob", "#tea")
    exchange(pair)
    there.do(bob, Invite(there.channel("#tea"), there.state.recipient(identity.nick.text)))
    exchange(pair)
    there.do(bob, Kick(there.channel("#tea"), there.state.recipient(identity.nick.text), "out"))
    there.now_ms += 5
    there.do(bob, Invite(there.channel("#tea"), there.state.recipient(identity.nick.text)))
    check_all(pair)
    for server in pair:
        assert server.channel("#tea").members == {identity.uid}
        assert identity.uid in server.channel("#tea").occupants
