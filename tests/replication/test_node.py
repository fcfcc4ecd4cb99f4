"""Whole nodes on a simulated network: what is seen, in which order, and who is reached."""

import pytest

from tertulia.replication.attendance import PART_BYTES
from tertulia.replication.interface import Health
from tertulia.replication.messages import Run
from tertulia.replication.peer import QUEUE_BYTES
from tertulia.replication.sim import Conditions
from tests.replication.kit import item, server_id
from tests.replication.world import World

LINE = [(1, 2), (2, 3), (3, 4)]


def test_two_servers_agree():
    world = World(1, 2)
    world.wire((1, 2))
    world.chats[1].say("a", "b")
    world.chats[1].join("ana")
    world.run(1)
    assert not world.disagreement()
    world.chats[2].say("c")
    world.chats[2].join("bob", "eva")
    world.chats[2].leave("eva")
    world.run(0.1)
    assert not world.disagreement()


def test_what_happens_is_live_and_what_was_missed_is_late():
    world = World(1, 2)
    world.wire((1, 2))
    world.chats[1].say("before")
    world.run(2)
    world.chats[1].say("now")
    world.run(2)
    assert world.chats[2].late == [(server_id(1), 1, 1)]
    assert world.chats[2].live == [(server_id(1), 2, 2)]


@pytest.mark.parametrize("size", [2, 5, 16])
def test_a_full_mesh_carries_each_event_once(size):
    world = World(1, size)
    world.wire_all()
    world.run(10)
    for chat in world.chats.values():
        chat.say("hello")
        chat.join("somebody")
    world.run(0.5)
    assert not world.disagreement()
    for chat in world.chats.values():
        assert len(chat.live) == size - 1
        assert chat.late == []


def test_a_line_of_servers_agrees_at_once():
    world = World(1, 4)
    world.wire(*LINE)
    world.run(5)
    for n, chat in world.chats.items():
        chat.say(f"by {n}")
        chat.join(f"u{n}")
    world.run(0.5)
    assert not world.disagreement()
    assert all(not chat.late for chat in world.chats.values())
    world.chats[1].leave("u1")
    world.run(0.5)
    assert not world.disagreement()


RING = [(1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (1, 6)]


def test_a_ring_carries_nothing_in_circles():
    world = World(1, 6)
    world.wire(*RING)
    world.run(10)
    carried: list[tuple[int, int, bytes]] = []
    world.record(carried)
    world.chats[1].say("a")
    world.chats[1].join("ana")
    world.run(0.4)
    assert not world.disagreement()
    for what in (b"EVENTS", b"PRESENCE"):
        ways = [tuple(sorted((a, b))) for a, b, data in carried if what in data]
        # Where the two ways meet it may come from both sides at once.
        assert set(ways) == set(RING)
        assert len(ways) <= len(RING) + 1


def test_what_a_line_missed_goes_along_it():
    world = World(1, 4)
    for n, chat in world.chats.items():
        chat.join(f"u{n}")
        for i in range(500):
            chat.say(f"{n}: {i}")
    world.wire(*LINE)
    assert world.run_until_agreed() < 10


def test_the_order_of_parts_is_kept():
    world = World(1, 2)
    world.wire((1, 2))
    world.run(2)
    one, other = world.chats[1], world.chats[2]
    seen: list = []
    other.take = lambda runs, late: seen.extend(runs)  # type: ignore[method-assign]
    other.present = lambda server, items: seen.append(list(items))  # type: ignore[method-assign]
    source = (one.me.server, one.me.epoch)

    def events(first: int, *numbers: int) -> Run:
        return Run(*source, first, [item(n) for n in numbers])

    one.node.published(
        [events(1, 1), events(2, 2, 3), [item(4)], [item(5)], [], events(4, 6), [item(7)]]
    )
    world.run(0.1)
    assert seen == [events(1, 1, 2, 3), [item(4), item(5)], events(4, 6), [item(7)]]


def test_large_things_go_in_lines_that_fit():
    world = World(1, 2)
    world.wire((1, 2))
    world.run(2)
    world.chats[1].say(*(f"{i}{'x' * 60_000}" for i in range(40)))
    world.chats[1].join(*(f"{i}{'y' * 1000}" for i in range(900)))
    world.run(1)
    assert not world.disagreement()
    assert world.chats[2].late == []


def test_very_much_at_once_is_left_to_be_pulled():
    world = World(1, 2)
    world.wire((1, 2))
    world.run(2)
    world.chats[1].say(*(f"{i}{'x' * 60_000}" for i in range(200)))
    assert world.run_until_agreed() < 10
    assert world.chats[2].live == []


def test_many_users_are_told_in_parts():
    world = World(1, 3)
    names = [f"{i}{'z' * 200}" for i in range(20_000)]
    assert sum(map(len, names)) > 20 * PART_BYTES
    world.chats[1].join(*names)
    world.wire((1, 2), (2, 3), conditions=Conditions(bytes_per_s=2e6))
    world.run(3)
    world.chats[1].leave(names[7])
    world.chats[1].join("late")
    assert world.run_until_agreed() < 20


# Slow peers


def test_a_slow_peer_costs_a_bounded_queue_and_catches_up():
    world = World(1, 2)
    slow = Conditions(bytes_per_s=200_000)
    world.wire((1, 2), conditions=slow)
    world.run(3)
    [(_, near)] = world.chats[1].node._links.items()
    for i in range(200):
        world.chats[1].say(f"{i}{'x' * 60_000}")
        world.chats[1].join(f"u{i}")
        world.run(0.05)
    assert near.behind
    assert near.link.most_queued < 2 * 1024 * 1024 < QUEUE_BYTES  # type: ignore[attr-defined]
    assert near.since < 1005, "it is the same link all the time"
    assert world.run_until_agreed() < 100
    assert not near.behind
    world.chats[1].say("and live again")
    world.run(1)
    assert not world.disagreement()
    assert world.chats[2].live[-1][2] == 201


# Who is there


def test_a_crash_cuts_off_and_a_goodbye_does_not():
    world = World(3, 3)
    world.wire(*LINE[:2])
    world.run(5)
    world.stop(3)
    world.run(1)
    for n in (1, 2):
        assert world.chats[n].reached[-1] == ("s3", False, True)
    world.crash(2)
    world.run(10)
    assert world.chats[1].reached[-1] == ("s2", False, False)


def test_reach_is_told_only_when_it_changes():
    world = World(1, 4)
    world.wire_all()
    world.run(5)
    world.cut((1, 2))
    world.run(20)
    world.heal((1, 2))
    world.run(10)
    for chat in world.chats.values():
        assert len(chat.reached) == 3, "over the others it was in reach all the time"


def test_a_far_server_that_is_cut_off_comes_back_with_what_happened_meanwhile():
    world = World(1, 4)
    world.wire(*LINE)
    world.chats[4].join("ana")
    world.run(5)
    world.cut((3, 4))
    world.run(10)
    assert world.chats[1].reached[-1] == ("s4", False, False)
    assert world.chats[1].users[server_id(4)] == {"ana"}, "shown as cut off"
    world.chats[4].join("bob")
    world.chats[4].leave("ana")
    world.heal((3, 4))
    assert world.run_until_agreed() < 5


def test_those_that_were_cut_off_are_told_again_though_nothing_happened():
    """The chat shows them for a while and then no more, and nobody else knows."""
    world = World(1, 3)
    world.wire(*LINE[:2])
    world.chats[3].join("ana")
    world.run(5)
    world.cut((2, 3))
    world.run(10)
    for n in (1, 2):
        world.chats[n].users.pop(server_id(3))
    world.heal((2, 3))
    assert world.run_until_agreed() < 5


def test_a_restart_is_a_new_epoch_with_nobody_on_it():
    world = World(1, 2)
    world.wire((1, 2))
    world.chats[1].join("ana")
    world.chats[1].say("one")
    world.run(2)
    world.crash(1)
    world.start(1)
    world.chats[1].say("two")
    assert world.run_until_agreed() < 12
    assert world.chats[2].users[server_id(1)] == set()
    assert len(world.disks[2].events) == 2


def test_health_and_peers():
    world = World(1, 4)
    world.wire(*LINE)
    world.run(5)
    chat = world.chats[1]
    chat.say("a")
    world.run(6)
    peers = chat.node.peers()
    far, near = peers[server_id(4)], peers[server_id(2)]
    assert (far.linked, far.via, far.name) == (False, server_id(2), "s4")
    assert (near.linked, near.address) == (True, "sim:s2")
    assert near.latency_s is not None
    assert 0.002 < near.latency_s < 0.05
    assert near.behind == far.lag == 0
    assert chat.node.health() is Health.OK
    world.cut((3, 4))
    world.run(10)
    assert chat.node.health() is Health.DEGRADED
    world.cut((1, 2))
    world.run(10)
    assert chat.node.health() is Health.ISOLATED
    near = chat.node.peers()[server_id(2)]
    assert not near.reachable
    assert "6 seconds" in near.why
    for n in (2, 3, 4):
        chat.node.forget(server_id(n))
    assert chat.node.health() is Health.OK


def test_who_was_there_before_is_missed():
    world = World(1, 1)
    node = world.chats[1].node
    node.expect(server_id(2), "old friend")
    node.tried(server_id(2), "connection refused")
    assert node.health() is Health.ISOLATED
    status = node.peers()[server_id(2)]
    assert (status.name, status.why) == ("old friend", "connection refused")


def test_who_stopped_is_not_missed():
    world = World(1, 2)
    world.wire((1, 2))
    world.run(2)
    world.stop(2)
    world.run(2)
    assert world.chats[1].node.health() is Health.OK


def test_a_server_that_stood_still_does_not_think_that_all_are_dead():
    world = World(1, 2)
    world.wire((1, 2))
    world.run(3)
    node = world.chats[1].node
    tick, node.tick = node.tick, lambda: None  # type: ignore[method-assign]
    [link] = node._links
    world.network._wires[frozenset((server_id(1), server_id(2)))].is_cut = True
    world.run(5.5)
    world.heal((1, 2))
    world.network.now += 3.0
    tick()
    assert node.linked == {server_id(2)}
    assert link in node._links


def test_after_a_goodbye_nothing_is_done_any_more():
    world = World(1, 2)
    world.wire((1, 2))
    world.run(2)
    chat = world.chats[1]
    chat.node.bye("for good")
    chat.say("unheard")
    chat.node.tick()
    assert chat.node.ask(server_id(2), item(1)) is False
    world.run(3)
    assert world.disks[2].events == {}


# Asking


def test_what_is_asked_finds_its_way():
    world = World(1, 4)
    world.wire(*LINE)
    world.run(5)
    assert world.chats[1].node.ask(server_id(4), item(1, "kick ana"))
    world.run(0.2)
    assert world.chats[4].asks == [(server_id(1), "kick ana")]
    assert world.chats[2].asks == world.chats[3].asks == []


def test_what_goes_two_ways_arrives_once():
    world = World(1, 5, Conditions(duplication=0.5))
    world.wire((1, 2), (1, 3), (2, 4), (3, 4), (4, 5))
    world.run(5)
    for i in range(20):
        assert world.chats[1].node.ask(server_id(5), item(1, f"{i}"))
    world.run(0.2)
    assert sorted(world.chats[5].asks) == sorted((server_id(1), f"{i}") for i in range(20))


def test_nobody_is_asked_who_is_out_of_reach():
    world = World(1, 4)
    world.wire(*LINE)
    world.run(5)
    world.cut((3, 4))
    world.run(10)
    assert not world.chats[1].node.ask(server_id(4), item(1))
