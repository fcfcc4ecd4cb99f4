"""Two links with one server, and two servers with one id."""

import pytest

from tertulia.replication.doubles import REFUSE_S
from tertulia.replication.handshake import REMEDY
from tertulia.replication.sim import SimLink
from tests.replication.kit import server_id
from tests.replication.world import Chat, Disk, World

ONE, TWO, THREE = map(server_id, (1, 2, 3))


def links(world: World, n: int) -> list[SimLink]:
    return [link for link in world.chats[n].node._links if isinstance(link, SimLink)]


@pytest.mark.parametrize("first", [ONE, TWO])
def test_of_two_links_the_one_of_the_lower_id_is_kept(first):
    world = World(1, 2)
    world.wire((1, 2))
    second = TWO if first == ONE else ONE
    world.network.connect(first, second)
    world.network.connect(second, first)
    world.run(1)
    [near], [far] = links(world, 1), links(world, 2)
    assert near.other is far
    assert near.initiated
    assert len(world.chats[1].reached) == 1, "nobody noticed"


def test_of_two_links_of_one_end_the_later_is_kept():
    world = World(1, 2)
    world.wire((1, 2))
    world.network.connect(ONE, TWO)
    near, _ = world.network.connect(ONE, TWO)
    world.run(1)
    assert links(world, 1) == [near]
    assert len(world.chats[2].reached) == 1
    world.chats[1].say("a")
    world.run(1)
    assert not world.disagreement()


def test_who_started_anew_is_taken_though_the_old_link_was_not_closed():
    world = World(1, 2)
    world.wire((1, 2))
    world.run(3)
    [old] = links(world, 2)
    world.chats.pop(1).is_alive = False
    host = world.network._hosts.pop(ONE)
    for end in host.ends:
        end.vanish(silently=True)
    world.start(1)
    world.chats[1].join("ana")
    world.chats[1].say("again")
    world.run(4)
    assert not world.disagreement()
    assert old not in links(world, 2)
    assert world.chats[2].told == []


def test_who_started_anew_is_taken_though_others_were_the_first_to_say_so():
    world = World(1, 3)
    world.wire((1, 2), (2, 3), (1, 3))
    world.run(3)
    world.chats.pop(1).is_alive = False
    host = world.network._hosts.pop(ONE)
    for end in host.ends:
        end.vanish(silently=end.peer.server == TWO)
    world.start(1)
    world.network.connect(ONE, THREE)
    world.run(0.4)
    assert ONE in world.chats[2].node._doubles._doubts, "server 3 said so"
    world.run(2.5)
    assert ONE in world.chats[2].node.linked
    assert not world.disagreement()
    assert world.chats[2].told == world.chats[3].told == []


def clone(world: World, n: int, peer: int, epochs: int = 1) -> Chat:
    disk = Disk(n)
    disk.epoch = epochs
    chat = Chat(world.network, disk)
    world.network.add_double(chat.me, chat.node, server_id(peer))
    return chat


def test_a_copied_machine_is_refused_like_its_original():
    world = World(1, 3)
    world.wire((1, 2), (2, 3), (1, 3))
    world.run(5)
    clone(world, 3, 1)
    world.run(1)
    [(kind, server, why)] = world.chats[1].told
    assert (kind, server) == ("doubled", THREE)
    assert REMEDY in why
    assert THREE not in world.chats[1].node.linked
    assert REMEDY in world.chats[1].node.refuses(THREE)
    world.run(10)
    assert THREE not in world.chats[1].node.linked
    world.run(REFUSE_S)
    assert world.chats[1].node.refuses(THREE) == ""
    assert THREE in world.chats[1].node.linked


def test_copies_that_are_linked_with_different_servers_are_noticed():
    world = World(1, 3)
    world.wire((1, 2), (2, 3), (1, 3))
    world.cut((1, 3))
    world.run(10)
    world.heal((1, 3))
    world.network._wires[frozenset((ONE, THREE))].is_cut = False
    copied = clone(world, 3, 1, epochs=5)
    world.run(3)
    told = [*world.chats[1].told, *world.chats[2].told, *world.chats[3].told, *copied.told]
    assert {(kind, server) for kind, server, _ in told} == {("doubled", THREE)}


def test_a_refused_server_is_told_why():
    world = World(1, 2)
    world.wire((1, 2))
    world.run(3)
    copied = clone(world, 2, 1)
    world.run(3)
    [link] = copied.node._links or [None]
    assert link is None, "its link was closed"


def test_messages_that_come_before_a_link_is_taken_are_not_lost():
    world = World(1, 2)
    world.wire((1, 2))
    world.run(3)
    world.chats.pop(1).is_alive = False
    host = world.network._hosts.pop(ONE)
    for end in host.ends:
        end.vanish(silently=True)
    world.start(1)
    world.network.connect(ONE, TWO)
    world.chats[1].say("said while it was in doubt")
    world.run(2.6)
    assert world.chats[2].live == [(ONE, 1, 1)]
