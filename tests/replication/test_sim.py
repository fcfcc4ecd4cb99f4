"""The simulated network: the same seed, the same history."""

from tertulia.replication.sim import Conditions
from tests.replication.kit import server_id
from tests.replication.world import ROUGH, World


def history(seed: int) -> list:
    world = World(seed, 4, ROUGH)
    world.wire_all()
    world.run(2)
    carried: list[tuple[int, int, bytes]] = []
    world.record(carried)
    for i in range(20):
        world.chats[1 + i % 4].say(f"{i}")
        world.run(world.chance.random())
    return carried


def test_the_same_seed_is_the_same_history():
    assert history(7) == history(7) != history(8)


def test_what_is_cut_carries_nothing_until_it_is_healed():
    world = World(1, 2)
    world.wire((1, 2))
    world.run(2)
    world.cut((1, 2))
    world.chats[1].say("a")
    world.run(5)
    assert world.disks[2].events == {}
    world.run(5)
    assert world.chats[1].node.linked == frozenset()
    world.heal((1, 2))
    world.run_until_agreed()


def test_time_passes_only_when_it_is_let():
    world = World(1, 1)
    start = world.network.now
    seen: list[float] = []
    world.network.after(2, lambda: seen.append(world.network.now))
    world.network.after(1, lambda: seen.append(world.network.now))
    world.run(1.5)
    assert seen == [start + 1]
    world.run(1.5)
    assert seen == [start + 1, start + 2]
    assert world.network.clock() == start + 3


def test_a_narrow_wire_takes_its_time():
    world = World(1, 2)
    world.wire((1, 2), conditions=Conditions(bytes_per_s=100_000))
    world.run(3)
    world.chats[1].say("x" * 60_000)
    world.run(0.3)
    [link] = world.chats[1].node._links
    assert link.queued > 0
    world.run(1)
    assert link.queued == 0
    assert world.disks[2].last((server_id(1), 1)) == 1
