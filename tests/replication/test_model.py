"""Networks that fall apart: in the end all servers have the same events, and see the same users.

Each seed is a history of its own, and the same one whenever it is run.
"""

import copy
import json

import pytest

from tests.replication.world import ROUGH, Disk, World

SEEDS = range(100)
MORE_SEEDS = range(1000, 4000)
SHAPES = {
    "mesh": [(a, b) for a in range(1, 6) for b in range(a + 1, 6)],
    "line": [(1, 2), (2, 3), (3, 4), (4, 5)],
    "ring": [(1, 2), (2, 3), (3, 4), (4, 5), (1, 5)],
    "star": [(1, 2), (1, 3), (1, 4), (1, 5)],
    "kite": [(1, 2), (1, 3), (2, 3), (3, 4), (4, 5)],
}


def happen(world: World, wires: list, words: list[str], backups: dict[int, Disk]) -> None:
    """Let something happen, by chance."""
    chance = world.chance
    what = chance.random()
    alive = list(world.chats)
    n = chance.choice(alive)
    chat = world.chats[n]
    if what < 0.4:
        texts = [f"{len(words) + i} by {n}" for i in range(chance.choice([1, 1, 3, 40]))]
        words += texts
        chat.say(*texts)
    elif what < 0.6:
        chat.join(*(f"u{chance.randrange(20)}" for _ in range(chance.choice([1, 1, 5]))))
    elif what < 0.7:
        chat.leave(f"u{chance.randrange(20)}")
    elif what < 0.8:
        world.cut(chance.choice(wires))
    elif what < 0.9:
        world.heal(chance.choice(wires))
    elif what < 0.95 and len(alive) > 2:
        world.crash(n)
    elif what < 0.96 and len(alive) > 2:
        world.stop(n)
    elif what < 0.97:
        backups[n] = copy.deepcopy(world.disks[n])
    elif what < 0.98 and backups:
        restore(world, chance.choice(sorted(backups)), backups, words)
    else:
        start_one(world)


def restore(world: World, n: int, backups: dict[int, Disk], words: list[str]) -> None:
    """Set the disk of a server back. What it alone had may be lost; all else must come back."""
    if n in world.chats:
        world.crash(n)
    backup = copy.deepcopy(backups[n])
    backup.epoch = world.disks[n].epoch  # the time is in it
    backup.clock = world.disks[n].clock
    world.disks[n] = backup
    somewhere = {word for disk in world.disks.values() for word in said(disk)}
    words[:] = [word if word in somewhere else f"{word}?" for word in words]
    world.start(n)


def said(disk: Disk) -> list[str]:
    return [json.loads(text) for texts in disk.texts().values() for text in texts]


def start_one(world: World) -> None:
    down = [n for n in world.disks if n not in world.chats]
    if down:
        world.start(world.chance.choice(down))


def fall_apart(seed: int) -> float:
    shape = sorted(SHAPES)[seed % len(SHAPES)]
    wires = SHAPES[shape]
    world = World(seed, 5, ROUGH if seed % 3 else None, refusing=0.05 if seed % 2 else 0.0)
    world.wire(*wires)
    words: list[str] = []
    backups: dict[int, Disk] = {}
    for _ in range(60):
        happen(world, wires, words, backups)
        world.run(world.chance.choice([0.01, 0.1, 0.5, 3, 8]))
    while len(world.chats) < len(world.disks):
        start_one(world)
    world.heal(*wires)
    took = world.run_until_agreed()
    events = said(world.disks[1])
    assert len(events) == len(set(events))
    assert {word for word in words if not word.endswith("?")} <= set(events)
    assert set(events) <= {word.rstrip("?") for word in words}
    return took


@pytest.mark.parametrize("seed", SEEDS)
def test_servers_agree_in_the_end(seed):
    fall_apart(seed)


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", MORE_SEEDS)
def test_servers_agree_in_the_end_at_length(seed):
    fall_apart(seed)
