"""What holds for every `Replicator`, whether there is anybody at the other end or not."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tertulia.replication.alone import Alone
from tertulia.replication.interface import Health, Replicator
from tests.replication.kit import item, run, server_id
from tests.replication.world import Chat, World


@dataclass
class Place:
    """A replicator, the chats at the other ends of it, and what lets time pass."""

    replicator: Replicator
    others: list[Chat]
    wait: Callable[[], None]


def alone() -> Place:
    return Place(Alone(), [], lambda: None)


def over_sim(size: int) -> Callable[[], Place]:
    def make() -> Place:
        world = World(1, size)
        world.wire_all()
        world.run(10)
        first, *others = world.chats.values()
        return Place(first.node, others, lambda: world.run(20))

    return make


PLACES = {"alone": alone, "node": over_sim(1), "pair": over_sim(2), "mesh": over_sim(4)}


@pytest.fixture(params=sorted(PLACES))
def place(request) -> Place:
    return PLACES[request.param]()


def test_what_is_published_reaches_all(place):
    place.replicator.published([run(1, 1, 1, 2), [item(1, "+ana"), item(1, "+bob")]])
    place.replicator.published([[item(1, "-bob")], run(1, 1, 3, 3), run(1, 1, 4, 4), []])
    place.wait()
    for chat in place.others:
        assert chat.disk.last((server_id(1), 1)) == 4
        assert chat.users[server_id(1)] == {"ana"}


def test_nothing_is_nothing(place):
    place.replicator.published([])
    place.replicator.published([[]])
    place.replicator.committed([])
    place.replicator.refused([])
    place.wait()


def test_what_was_never_taken_does_no_harm(place):
    place.replicator.committed([run(7, 1, 1, 3)])
    place.replicator.refused([run(8, 1, 1, 3)])
    place.wait()


def test_what_another_server_does_arrives(place):
    for chat in place.others:
        chat.say(f"by {chat.me.name}")
    place.wait()
    if place.others:
        events = place.others[0].disk.texts()
        assert len(events) == len(place.others)


def test_asking(place):
    assert place.replicator.ask(server_id(99), item(1)) is False
    for chat in place.others:
        assert place.replicator.ask(chat.me.server, item(1, "kick"))
    place.wait()
    for chat in place.others:
        assert chat.asks == [(server_id(1), "kick")]


def test_peers_and_health(place):
    assert place.replicator.health() is Health.OK
    peers = place.replicator.peers()
    assert set(peers) == {chat.me.server for chat in place.others}
    for server, status in peers.items():
        assert status.server == server
        assert status.reachable
        assert status.lag == status.behind == 0
