"""A server that knows the secret and says anything: it costs a bounded amount, and its link."""

import json
import random

import pytest

from tertulia.replication.framing import BAD_LINES_MOST, Framer, encode
from tertulia.replication.messages import (
    BODY_BYTES,
    Ack,
    Ask,
    Epochs,
    EpochsAre,
    Error,
    Events,
    Heard,
    Hello,
    LinkState,
    Ping,
    Pong,
    Presence,
    Pull,
    Snapshot,
    Vector,
    WhoIsThere,
)
from tertulia.replication.peer import QUEUE_BYTES
from tests.replication.kit import item, run, server_id
from tests.replication.world import World


class Stranger:
    """The other end of a link to the node number *to*, which says what the test wants."""

    def __init__(self, world: World, to: int, n: int = 66) -> None:
        self.node = world.chats[to].node
        self.server = server_id(n)
        self.peer = Hello(self.server, 1, "stranger", "0" * 64, server_id(600))
        self.initiated = False
        self.address = "test"
        self.queued = 0
        self.is_stuck = False
        self.lines: list[bytes] = []
        self.reason = ""
        self.node.opened(self)

    def send(self, data: bytes) -> None:
        self.lines += data.splitlines()
        if self.is_stuck:
            self.queued += len(data)

    def close(self, reason: str) -> None:
        self.reason = self.reason or reason

    def say(self, *messages) -> None:
        for message in messages:
            self.node.data(self, encode(message))

    def ping(self) -> None:
        self.say(Ping(1))

    def say_vector(self, heard: dict) -> None:
        own = LinkState(1, len(self.lines), self.peer.process, "stranger", [])
        said = {server: Heard(*place) for server, place in heard.items()}
        self.say(Vector(said, {self.server: own}))

    def heard(self, kind) -> list:
        messages = Framer().feed(b"\n".join([*self.lines, b""]))
        return [message for message in messages if isinstance(message, kind)]

    def acks(self) -> list[Ack]:
        return self.heard(Ack)


@pytest.fixture
def world() -> World:
    return World(1, 1)


@pytest.fixture
def stranger(world) -> Stranger:
    return Stranger(world, 1)


WRONG = [
    Events([run(5, 0, 1, 1)]),
    Events([run(5, 1, 0, 1)]),
    Events([run(5, 1, 1, 0)]),
    Events([run(5, 1, 1, 1), run(5, 1 << 50, 1, 1)]),
    Presence(server_id(66), 1, 1, [item(0)]),
    Presence(server_id(66), 1, 0, [item(1)]),
    Snapshot(server_id(66), 0, 1, []),
    Vector({"x": Heard(1, 1)}, {}),
    Vector({server_id(5): Heard(-1, 1)}, {}),
    Vector({server_id(5): Heard(1, 1 << 50)}, {}),
    Vector({server_id(5): Heard(1, 1, "d" * 100)}, {}),
    Vector({}, {server_id(5): LinkState(1, 1, "x", "n", [])}),
    Pull("h" * 100, []),
    Pull("h", [(server_id(1), 1, 0)] * 3000),
    Epochs("h", "x"),
    WhoIsThere("h", "x"),
    WhoIsThere("h" * 100, server_id(66)),
    Ask("x", server_id(66), item(1), "1"),
    Ask(server_id(1), server_id(66), item(1), "1" * 100),
    Ask(server_id(1), server_id(66), item(0), "1"),
    Ping(1 << 70),
    Hello(server_id(66), 1, "again", "0" * 64, server_id(600)),
]


@pytest.mark.parametrize("message", WRONG, ids=lambda message: type(message).__name__)
def test_what_is_out_of_bounds_is_refused_and_the_link_stays(world, stranger, message):
    stranger.say(message)
    assert len(stranger.heard(Error)) == 1
    assert stranger.reason == ""
    assert world.disks[1].events == {}
    stranger.say(*[message] * BAD_LINES_MOST)
    assert "no sense" in stranger.reason
    assert stranger.server not in stranger.node.linked


def test_a_large_body_is_refused(world, stranger):
    big = item(1, "x" * BODY_BYTES)
    stranger.say(Presence(server_id(66), 1, 1, [big]))
    [error] = stranger.heard(Error)
    assert str(BODY_BYTES) in error.message


def test_of_runs_with_a_wrong_one_none_is_taken(world, stranger):
    stranger.say(Events([run(5, 1, 1, 1), run(5, 1, 2, 0)]))
    stranger.say(Events([run(5, 1, 1, 2)]))
    world.run(1)
    assert world.disks[1].last((server_id(5), 1)) == 2


def test_own_events_are_not_taken_from_others(world, stranger):
    world.chats[1].say("mine")
    stranger.say(Events([run(1, 1, 2, 5)]), Events([run(1, 1, 2, 5)], "1"))
    world.run(1)
    assert world.disks[1].last((server_id(1), 1)) == 1


def test_who_takes_nothing_is_closed_before_it_costs_much(world, stranger):
    world.chats[1].say(*("x" * 60_000 for _ in range(20)))
    world.chats[1].join(*(f"{n}{'u' * 100}" for n in range(5000)))
    stranger.is_stuck = True
    for n in range(200):
        stranger.say(Pull(f"{n}", [(server_id(1), 1, 0)]), WhoIsThere(f"{n}", server_id(1)))
        stranger.say(Epochs(f"{n}", server_id(1)), Ping(n))
        world.run(0.1)
    assert stranger.queued < 3 * 1024 * 1024
    while not stranger.reason:
        stranger.say(*[Ping(n) for n in range(10_000)])
    assert stranger.queued <= QUEUE_BYTES


def test_what_is_promised_and_not_given_is_not_asked_for_all_the_time(world, stranger):
    stranger.say_vector({server_id(5): (1, 1000), server_id(6): (7, 1, "digest")})
    for _ in range(100):
        for request in stranger.heard((Pull, Epochs)):
            is_pull = isinstance(request, Pull)
            answer = (
                Events([], request.hash, more=True)
                if is_pull
                else EpochsAre(request.hash, request.server, [])
            )
            stranger.say(answer, Ack(request.hash, True))
        stranger.say_vector({server_id(5): (1, 1000), server_id(6): (7, 1, "digest")})
        world.run(0.1)
    assert len(stranger.heard(Pull)) <= 20
    assert len(stranger.heard(Epochs)) <= 20


def test_events_that_were_not_lost_cannot_be_said_to_be(world, stranger):
    stranger.say_vector({server_id(5): (1, 10)})
    [pull] = stranger.heard(Pull)
    stranger.say(Events([], pull.hash, [(server_id(5), 1, 500), (server_id(7), 1, 5)]))
    world.run(10)
    assert world.chats[1].told == []


def test_who_is_on_a_server_that_cannot_be_reached_is_nobodys_business(world, stranger):
    stranger.say(Snapshot(server_id(5), 1, 3, []), Presence(server_id(5), 1, 1, [item(1, "+a")]))
    stranger.say(Snapshot(server_id(1), 1, 3, []), Presence(server_id(1), 1, 1, [item(1, "+a")]))
    assert stranger.heard(WhoIsThere) == []
    assert world.chats[1].users == {server_id(1): set()}


def test_many_servers_that_do_not_exist(world, stranger):
    for n in range(40):
        ids = map(server_id, range(1000 * n, 1000 * n + 999))
        stranger.say(Vector({server: Heard(1, 5) for server in ids}, {}))
    peer = next(iter(stranger.node._mesh.peers.values()), None)
    assert peer is None or len(peer.has) < 10_000
    assert stranger.heard(Error)


def test_a_copy_that_is_only_claimed_costs_its_own_link(world, stranger):
    stranger.say(Vector({}, {server_id(66): LinkState(9, 1, server_id(601), "copy", [])}))
    [ping] = stranger.heard(Ping)
    stranger.say(Pong(ping.n))
    assert "two servers" in stranger.reason


@pytest.mark.parametrize("seed", range(20))
def test_anything_at_all(seed):
    chance = random.Random(seed)
    world = World(seed, 2)
    world.wire((1, 2))
    stranger = Stranger(world, 1)
    world.chats[1].say("a", "b")
    samples = [encode(message) for message in WRONG]
    samples += [encode(message) for message in (Pong(1), Ack("1", True), run_events())]
    for _ in range(300):
        line = mutated(chance, chance.choice(samples))
        stranger.node.data(stranger, line)
        if stranger.reason:
            stranger = Stranger(world, 1)
        world.run(chance.choice([0, 0.01, 0.5]))
    world.chats[2].say("c")
    world.run(10)
    assert world.disks[1].last((server_id(2), 1)) == 1


def run_events() -> Events:
    return Events([run(5, 1, 1, 2)], "1", [(server_id(5), 1, 3)], True)


def mutated(chance: random.Random, line: bytes) -> bytes:
    """Return *line* with some value in it changed, or a byte."""
    if chance.random() < 0.2:
        at = chance.randrange(len(line) - 1)
        return line[:at] + bytes([chance.randrange(256)]) + line[at + 1 :]
    message = json.loads(line)
    key = chance.choice(list(message))
    values = [0, -1, 1, 5, "", "1", server_id(1), server_id(5), [], None, {}, 1 << 64, True]
    message[key] = chance.choice(values)
    return json.dumps(message).encode() + b"\n"
