import random

from tertulia.domain.state import State
from tertulia.domain.world import Rules, World
from tests.domain.kit import Room


def test_numbers_are_free_and_say_which_server_gave_them():
    room = Room()
    taken = {room.user(f"u{i}").number for i in range(50)}
    fresh = room.world.fresh_number("0")
    assert fresh not in taken
    assert fresh[:5] == "00042"
    assert room.world.fresh_number("1")[:5] == "10042"


def test_a_number_that_is_taken_is_not_given_again():
    state = State()
    draws = iter([5, 5, 6])
    world = World(state, Rules(), bytes(16), lambda: 0, lambda _below: next(draws))
    first = world.fresh_number("0")
    state.restore_number("ana", first, "")
    assert world.fresh_number("0") == "0000000000006"


def test_the_ids_of_channels_are_no_others():
    world = World(State(), Rules(), bytes(16), lambda: 0, random.Random(1).randrange)
    ids = [world.fresh_incarnation() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(1024 <= incarnation < 1 << 62 for incarnation in ids)
    uids = {world.fresh_uid() for _ in range(1000)}
    assert len(uids) == 1000
