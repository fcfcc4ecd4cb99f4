"""One text for all that servers share: equal where they agree, and nowhere else."""

import itertools

from tertulia.domain import events as e
from tertulia.domain.commands.connect import Disconnect
from tertulia.domain.commands.identify import IssueIdentity
from tertulia.domain.commands.modes import SetModes, SetRank
from tertulia.domain.commands.part import Part
from tertulia.domain.commands.rename import Rename
from tertulia.domain.commands.topic import SetTopic
from tertulia.domain.fingerprint import fingerprint, shared_state
from tertulia.domain.identities import hash_token
from tertulia.domain.names import Nickname
from tests.domain.kit import Room
from tests.domain.net import Server, exchange, network


def prints() -> "list[str]":
    """What one server's fingerprint was after each of several durable changes."""
    room = Room()
    found = [fingerprint(room.state)]

    def note() -> None:
        found.append(fingerprint(room.state))

    ana = room.user("ana")
    note()
    room.do(ana, IssueIdentity(hash_token("secret")))
    note()
    bob = room.user("bob", "#tea")
    note()
    tea = room.channel("#tea")
    room.do(bob, SetTopic(tea, "leaves"))
    note()
    for mode in (("m", None), ("k", "$hash"), ("l", "3"), ("b", "eve")):
        room.do(bob, SetModes(tea, (e.ModeChange(True, *mode),)))
        note()
    room.do(bob, SetModes(tea, (e.ModeChange(False, "b", "eve"),)))
    note()
    room.do(ana, Rename(Nickname.parse("anna")))
    note()
    room.bare()
    note()
    room.do(bob, Part(tea))
    room.chat.record([e.ChannelEnded("#tea", tea.incarnation)])
    note()
    return found


def test_it_changes_with_all_that_lasts_and_is_the_same_for_the_same():
    found = prints()
    assert len(set(found)) == len(found)
    assert found == prints()
    assert all(len(one) == 64 and int(one, 16) >= 0 for one in found)


def test_who_is_where_does_not_matter():
    room = Room()
    room.lobby()
    ana = room.user("ana", "#tea", "#lobby")
    room.user("bob", "#tea")
    before = fingerprint(room.state)
    room.do(ana, SetRank(room.channel("#tea"), ((True, "v", ana),)))
    room.now_ms += 1_000
    room.do(ana, Part(room.channel("#tea")))
    room.do(ana, Disconnect(""))
    room.state.channels["#tea"].emptied = 5
    assert fingerprint(room.state) == before


def test_a_channel_that_is_over_but_for_those_who_are_in_it_is_over():
    here, there = network([0, 0])
    bob = there.user("bob", "#tea")
    exchange([here, there])
    there.do(bob, Part(there.channel("#tea")))
    here.do(here.user("ana"), Rename(Nickname.parse("anna")))
    third = Server(3)
    for server in (here, there):
        third.hear(server)
    there.chat.record([e.ChannelEnded("#tea", there.channel("#tea").incarnation)])
    for one, other in itertools.permutations((here, there), 2):
        one.hear(other)
    third.hear(there)
    assert {"#tea" in shared_state(one.state)["names"] for one in (here, there, third)} == {False}
    assert len({fingerprint(one.state) for one in (here, there)}) == 1
