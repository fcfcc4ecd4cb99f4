"""What is missing is found and fetched, whatever happened to it."""

import copy

from tertulia.replication.messages import Events, Pull, Run
from tertulia.replication.repair import ANSWER_S, SETTLE_S
from tertulia.replication.sim import Conditions
from tertulia.replication.supply import PULL_BYTES
from tests.replication.kit import item, server_id
from tests.replication.test_hostile import Stranger
from tests.replication.world import World


def test_a_gap_is_pulled_at_once():
    world = World(1, 2)
    world.wire((1, 2))
    world.run(3.1)
    world.cut((1, 2))
    world.chats[1].say("lost")
    world.heal((1, 2))
    world.chats[1].say("next")
    world.run(0.2)
    assert not world.disagreement()
    assert world.chats[2].late == [(server_id(1), 1, 2)]


def test_who_has_caught_up_says_so_at_once():
    world = World(1, 2)
    world.wire((1, 2))
    world.run(3.1)
    world.cut((1, 2))
    world.run(10)
    world.chats[1].say("meanwhile")
    world.heal((1, 2))
    world.wire((1, 2))
    world.run(1.0)
    assert not world.disagreement()
    assert world.chats[1].node.peers()[server_id(2)].linked
    assert world.chats[1].node.peers()[server_id(2)].behind == 0


def test_the_last_event_and_the_last_change_may_be_lost():
    world = World(1, 2)
    world.wire((1, 2))
    world.run(3)
    world.cut((1, 2))
    world.chats[1].say("lost")
    world.chats[1].join("ana")
    world.heal((1, 2))
    assert world.run_until_agreed() <= 6


def test_closed_epochs_are_compared_and_fetched():
    world = World(1, 3)
    for _ in range(30):
        world.chats[1].say("in an epoch of its own")
        world.crash(1)
        world.start(1)
    world.wire((1, 2), (2, 3))
    assert world.run_until_agreed() < 8
    assert len(world.disks[3].events) == 30
    world.run(20)
    peers = world.chats[2].node._mesh.peers.values()
    assert all(not peer.epochs_wanted and not peer.lacking for peer in peers)


def test_events_between_epochs_are_fetched_in_the_order_of_clocks():
    world = World(1, 2)
    for i in range(50):
        world.chats[1].say(f"{i}{'x' * 20_000}")
        if i % 10 == 9:
            world.crash(1)
            world.start(1)
    world.wire((1, 2))
    world.run_until_agreed()
    order = [key for key in world.chats[2].late if key[0] == server_id(1)]
    assert len(order) > 4, "it does not fit into one answer"


def test_an_answer_is_bounded_and_there_is_one_at_a_time():
    world = World(1, 2)
    world.chats[1].say(*(f"{i}" for i in range(20_000)))
    stranger = Stranger(world, 1)
    for n in ("1", "2"):
        stranger.say(Pull(n, [(server_id(1), 1, 0)]))
    world.run(0.1)
    [answer] = stranger.heard(Events)
    assert answer.hash == "1"
    assert answer.more
    assert max(map(len, stranger.lines)) < 2 * PULL_BYTES
    acks = {ack.hash: ack.success for ack in stranger.acks()}
    assert acks == {"1": True, "2": False}


def test_one_source_is_pulled_from_one_peer():
    world = World(1, 4)
    for chat in world.chats.values():
        if chat.disk.server != server_id(4):
            chat.disk.events[(server_id(9), 1)] = [item(i, "x" * 5000) for i in range(1, 101)]
    for n in (1, 2, 3):
        world.crash(n)
        world.start(n)
    world.wire((1, 4), (2, 4), (3, 4))
    world.run_until_agreed()
    late = [(first, last) for server, first, last in world.chats[4].late if server == server_id(9)]
    assert sum(last - first + 1 for first, last in late) == 100


def test_who_does_not_answer_is_left_for_another():
    world = World(1, 3)
    world.chats[3].say("seen by a stranger")
    stranger = Stranger(world, 1, n=7)
    stranger.say_vector({server_id(3): (1, 1)})
    world.run(1)
    [pull] = stranger.heard(Pull)
    assert pull.want == [(server_id(3), 1, 0)]
    world.wire((1, 2), (2, 3))
    for _ in range(int(ANSWER_S) * 2 - 4):
        stranger.ping()
        world.run(0.5)
    assert world.disks[1].events == {}, "the stranger may still answer"
    for _ in range(10):
        stranger.ping()
        world.run(0.5)
    assert world.disks[1].last((server_id(3), 1)) == 1


def test_no_more_is_pulled_than_is_written():
    world = World(1, 2)
    world.chats[1].say(*(f"{i}{'x' * 60_000}" for i in range(30)))
    chat = world.chats[2]
    chat.is_writing = False
    world.wire((1, 2))
    world.run(30)
    assert chat._taken == {(server_id(1), 1): PULL_BYTES // 60_000}, (
        "as many as fit into one answer"
    )
    chat.is_writing = True
    chat.write()
    world.run_until_agreed()


def test_what_is_pushed_is_bounded_by_what_is_written():
    world = World(1, 2)
    world.wire((1, 2))
    world.run(3)
    chat = world.chats[2]
    chat.is_writing = False
    for i in range(600):
        world.chats[1].say(f"{i}{'x' * 60_000}")
        world.run(0.02)
    assert chat.node._mesh.inbox._taken_bytes < 17 * 1024 * 1024
    chat.is_writing = True
    chat.write()
    world.run_until_agreed()


def test_what_was_refused_comes_again():
    world = World(1, 2)
    world.wire((1, 2))
    world.run(3)
    chat = world.chats[2]
    chat.refusing = 1.0
    world.chats[1].say("full")
    world.run(20)
    assert chat.disk.events == {}
    chat.refusing = 0.0
    world.chats[1].say("not any more")
    assert world.run_until_agreed() < 11


# A database that was set back


def test_own_events_come_back_from_others():
    world = World(1, 3)
    world.wire((1, 2), (2, 3))
    world.chats[1].say("old")
    world.run(3)
    backup = copy.deepcopy(world.disks[1])
    world.chats[1].say("a", "b")
    world.run(3)
    world.crash(1)
    world.start(1)
    world.chats[1].say("in an epoch that the backup knows nothing of")
    world.run(10)
    epoch = world.disks[1].epoch
    world.crash(1)
    world.disks[1] = backup
    backup.epoch = epoch  # the time is in it, or a floor was left
    world.start(1)
    world.run(12)
    assert len(backup.events) == 2, "the link was made, and that is enough"
    world.chats[1].say("new")
    assert world.run_until_agreed() < 2
    assert [len(events) for events in backup.events.values()] == [3, 1, 1]
    assert world.chats[1].told == []


def test_own_events_of_the_latest_epoch_that_others_know_are_asked_for_at_once():
    world = World(1, 1)
    world.crash(1)
    world.start(1)
    stranger = Stranger(world, 1)
    stranger.say_vector({server_id(1): (1, 5)})
    [pull] = stranger.heard(Pull)
    assert pull.want == [(server_id(1), 1, 0)]


def test_a_server_that_goes_on_in_an_epoch_that_was_is_told():
    world = World(1, 2)
    world.wire((1, 2))
    backup = copy.deepcopy(world.disks[1])
    for _ in range(5):
        world.crash(1)
        world.start(1)
        world.chats[1].say("a")
        world.run(8)
    world.crash(1)
    world.disks[1] = backup
    world.start(1)
    world.run(10)
    assert world.chats[1].told == [("overtaken", 6)]
    carried: list = []
    world.record(carried)
    world.run(20)
    assert len(world.chats[1].told) == 1
    assert not any(b"PULL" in data for _, _, data in carried), "it is of no use here"


# What nobody keeps any more


def test_what_retention_dropped_is_said():
    world = World(1, 2)
    world.chats[1].say(*"abcdefgh")
    world.disks[1].drop((server_id(1), 1), 5)
    world.wire((1, 2))
    world.run(3)
    assert world.chats[2].told == [], "somebody may come who keeps more"
    world.run(SETTLE_S)
    assert world.chats[2].told == [("lost", server_id(1), 1, 1, 5)]
    assert world.disks[2].texts() == world.disks[1].texts()
    world.chats[1].say("i")
    world.run(1)
    assert world.chats[2].live == [(server_id(1), 9, 9)]


def test_all_of_it_may_have_been_dropped():
    world = World(1, 2)
    world.chats[1].say(*"abc")
    world.crash(1)
    world.disks[1].drop((server_id(1), 1), 3)
    world.start(1)
    world.wire((1, 2))
    world.run(10)
    assert world.chats[2].told == [("lost", server_id(1), 1, 1, 3)]
    world.run(20)
    assert len(world.chats[2].told) == 1


def test_it_is_asked_of_those_who_keep_more():
    world = World(1, 3)
    world.wire((1, 2))
    world.chats[1].say(*"abcdefgh")
    world.run(3)
    world.disks[1].drop((server_id(1), 1), 5)
    world.disks[2].drop((server_id(1), 1), 2)
    world.wire((1, 3), (2, 3))
    world.run(10)
    assert world.chats[3].told == [("lost", server_id(1), 1, 1, 2)]
    assert world.disks[3].last((server_id(1), 1)) == 8


def test_a_log_that_cannot_be_read_has_not_been_dropped():
    world = World(1, 2)
    world.chats[1].say("a")
    world.chats[1].is_readable = False
    world.wire((1, 2))
    world.run(10)
    assert world.chats[2].told == []
    world.chats[1].is_readable = True
    assert world.run_until_agreed() < 11


def test_what_is_read_before_it_is_published_is_not_sent():
    world = World(1, 1)
    chat = world.chats[1]
    chat.say("a")
    chat.disk.write(Run(server_id(1), 1, 2, [item(1000, "not yet published")]))
    stranger = Stranger(world, 1)
    stranger.say(Pull("1", [(server_id(1), 1, 0)]))
    world.run(0.1)
    [answer] = stranger.heard(Events)
    assert [run.last for run in answer.runs] == [1]
    assert answer.gone == []


def test_a_busy_network_pulls_nothing():
    world = World(1, 5, Conditions(delay_s=(0.001, 0.5)))
    world.wire_all()
    world.run(10)
    carried: list = []
    world.record(carried)
    for i in range(200):
        world.chats[1 + i % 5].say(f"{i}")
        world.chats[1 + i % 5].join(f"{i}")
        world.run(0.1)
    world.run(2)
    assert not world.disagreement()
    assert all(not chat.late for chat in world.chats.values())
    assert not any(b"PULL" in data or b"WHO_IS" in data for _, _, data in carried)
