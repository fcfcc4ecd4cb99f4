"""Who is reached over whom, and what of it is believed."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tertulia.replication import topology as module
from tertulia.replication.bounds import Unacceptable
from tertulia.replication.messages import LinkState
from tertulia.replication.topology import Topology
from tests.replication.kit import server_id

ME = server_id(1)


def state(n: int, *links: int, epoch: int = 1, count: int = 1, **more) -> LinkState:
    return LinkState(epoch, count, server_id(n), f"s{n}", [server_id(i) for i in links], **more)


def network(neighbours: list[int], states: dict[int, list[int]]) -> Topology:
    topology = Topology(ME, 1, server_id(100), "me")
    topology.set_neighbours(map(server_id, neighbours))
    for n, links in states.items():
        topology.learn(server_id(n), state(n, *links))
    return topology


def hops(topology: Topology) -> dict[int, list[int]]:
    return {
        int(server, 16): [int(hop, 16) for hop in ways] for server, ways in topology.hops().items()
    }


def test_a_neighbour_is_reached_before_it_has_said_anything():
    assert hops(network([2], {})) == {2: [2]}


def test_a_line():
    topology = network([2], {2: [1, 3], 3: [2, 4], 4: [3]})
    assert hops(topology) == {2: [2], 3: [2], 4: [2]}


def test_the_shortest_ways():
    topology = network([2, 3, 4], {2: [1, 5], 3: [1, 5], 4: [1, 6], 5: [2, 3, 6], 6: [4, 5]})
    assert hops(topology) == {2: [2], 3: [3], 4: [4], 5: [2, 3], 6: [4]}


def test_a_link_that_one_end_does_not_know_is_none():
    assert hops(network([2], {2: [1, 3]})) == {2: [2]}
    assert hops(network([2], {2: [1], 3: [2]})) == {2: [2]}


def test_what_is_newer_wins():
    topology = network([2], {2: [1, 3], 3: [2]})
    assert not topology.learn(server_id(2), state(2, count=0))
    assert not topology.learn(server_id(2), state(2, count=1))
    assert 3 in hops(topology)
    assert topology.learn(server_id(2), state(2, 1, count=2))
    assert 3 not in hops(topology)
    assert topology.learn(server_id(2), state(2, 1, 3, epoch=2, count=0))
    assert 3 in hops(topology)
    assert not topology.learn(server_id(2), state(2, epoch=1, count=99))


def test_nobody_says_anything_of_this_server_but_itself():
    topology = network([2], {})
    assert not topology.learn(ME, state(1, 2, epoch=9))
    assert topology.own.links == [server_id(2)]


def test_its_own_state_counts_up():
    topology = network([2], {})
    assert topology.own.count == 1
    assert not topology.set_neighbours([server_id(2)])
    assert topology.set_neighbours([])
    assert topology.own.count == 2


def test_a_goodbye_is_the_last_word_of_an_epoch():
    topology = network([2], {2: [1, 3], 3: [2]})
    assert topology.say_gone(server_id(3), 1, server_id(3), "s3")
    assert not topology.say_gone(server_id(3), 1, server_id(3), "s3")
    assert 3 not in hops(topology)
    assert not topology.learn(server_id(3), state(3, 2, count=99))
    assert topology.learn(server_id(3), state(3, 2, epoch=2))
    assert 3 in hops(topology)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(state(2), epoch=0), replace(state(2), count=-1), replace(state(2), count=1 << 62),
        replace(state(2), links=["x"]), replace(state(2), name="\n"),
        replace(state(2), process=""), state(2, *range(300)),
    ],
)  # fmt: skip
def test_what_makes_no_sense(wrong):
    with pytest.raises(Unacceptable):
        network([], {}).learn(server_id(2), wrong)


def test_there_are_not_too_many(monkeypatch):
    monkeypatch.setattr(module, "SERVERS_MOST", 5)
    topology = network([2], {n: [] for n in range(10, 20)})
    assert len(topology._states) <= 5
    assert topology.learn(server_id(2), state(2, 1))


@given(st.integers(2, 8), st.data())
def test_whoever_is_connected_is_reached_by_the_shortest_way(size, data):
    pairs = [(a, b) for a in range(1, size + 1) for b in range(a + 1, size + 1)]
    links = data.draw(st.lists(st.sampled_from(pairs), unique=True))
    states: dict[int, list[int]] = {n: [] for n in range(1, size + 1)}
    for a, b in links:
        states[a].append(b)
        states[b].append(a)
    order = list(states)[1:]
    random.Random(size).shuffle(order)
    found = hops(network(states[1], {n: states[n] for n in order}))

    def distance(start: int, end: int) -> float:
        ring, seen, steps = {start}, {1, start}, 0
        while ring and end not in ring:
            ring = {other for n in ring for other in states[n]} - seen
            seen |= ring
            steps += 1
        return steps if ring else float("inf")

    for n in range(2, size + 1):
        ways = {hop: distance(hop, n) for hop in states[1]}
        shortest = min(ways.values(), default=float("inf"))
        best = sorted(hop for hop, steps in ways.items() if steps == shortest < float("inf"))
        assert found.get(n, []) == best
