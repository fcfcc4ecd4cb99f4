"""What is believed, and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import replace

from tertulia.replication.bounds import (
    ITEM_OVERHEAD,
    Unacceptable,
    check_items,
    check_run,
    is_name,
    is_server_id,
    pieces,
    size,
)
from tertulia.replication.messages import BODY_BYTES, Item
from tests.replication.kit import item, run, server_id


def test_ids_of_servers():
    assert is_server_id(server_id(10))
    for wrong in ("", "a" * 31, "a" * 33, "A" * 32, "g" * 32, "a" * 32 + "\n", "١" * 32):
        assert not is_server_id(wrong)


def test_names_can_be_shown():
    assert is_name("")
    assert is_name("té 1")
    for wrong in ("a\n", "\x1b[2J", "x" * 64, "\u202eabc"):
        assert not is_name(wrong)


GOOD = run(1, 1, 1, 3)


@pytest.mark.parametrize(
    "change",
    [
        {"server": "x"}, {"epoch": 0}, {"epoch": -1}, {"epoch": 1 << 48}, {"first": 0},
        {"first": -5}, {"first": (1 << 40) - 2}, {"items": []},
    ],
)  # fmt: skip
def test_runs_that_cannot_be_kept(change):
    check_run(GOOD)
    with pytest.raises(Unacceptable):
        check_run(replace(GOOD, **change))


@pytest.mark.parametrize(
    "change",
    [
        {"hlc": 0}, {"hlc": -1}, {"hlc": 1 << 63}, {"hlc": 10**40}, {"stamp": -1},
        {"stamp": 1 << 63}, {"conversation": -1}, {"conversation": 1 << 63},
        {"body": Raw(b" " * (BODY_BYTES + 1))}, {"retry": "x" * 513},
    ],
)  # fmt: skip
def test_items_that_cannot_be_kept(change):
    with pytest.raises(Unacceptable):
        check_items([item(1), replace(item(2), **change)])


def test_items_that_can():
    most = (1 << 63) - 1
    check_items([Item(most, most, Raw(b" " * BODY_BYTES), most, "x" * 512), item(1)])


@given(st.lists(st.integers(0, 300)), st.integers(1, 1000))
def test_pieces_are_all_of_it_and_fit(sizes, limit):
    items = [item(n, "x" * n) for n in sizes]
    parts = list(pieces(items, limit))
    assert [each for part in parts for each in part] == items
    assert all(len(part) == 1 or size(part) <= limit for part in parts if part)
    assert size(items) == sum(max(1, n + 2 if n else 1) + ITEM_OVERHEAD for n in sizes)
