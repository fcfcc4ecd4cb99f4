"""What other servers are told of the log."""

from typing import Any

import pytest

from tertulia.domain.codec import encode
from tertulia.storage.database import (
    connect,
    epoch_floor,
    last_epoch,
    open_epoch,
    renew_server_id,
    server_id,
    sources,
)
from tertulia.storage.log import Copied
from tertulia.storage.ranges import Ranges
from tests.storage.kit import said

OTHER = b"o" * 16


@pytest.fixture
def ranges(disk):
    one = Ranges(connect(disk.path, read_only=True))
    yield one
    one.close()


def copied(seq, ms, text, epoch=7):
    event = said(ms, text)
    return Copied(OTHER, epoch, seq, event, encode(event.fact).decode())


def copy(disk, *ones):
    errors: list[Any] = []
    disk.log.append((), (), errors.append, ones)
    disk.log.append((), (), lambda _error: None)
    disk.append(said(1, "a fence"))
    assert errors == [None]


def test_a_source_that_comes_while_it_runs_is_found(disk, ranges):
    assert ranges.source(disk.server, disk.epoch) == disk.source
    assert ranges.source(OTHER, 7) is None
    copy(disk, copied(1, 5, "x"))
    source = ranges.source(OTHER, 7)
    assert source not in (None, disk.source)
    [row] = ranges.read([(source, 0)], 1000)[0]
    assert (row.source, row.seq, row.hlc) == (source, 1, said(5, "x").hlc)


def test_several_sources_in_the_order_of_clocks(disk, ranges):
    for ms in (10, 30, 50):
        disk.append(said(ms, f"own {ms}"))
    copy(disk, *[copied(n, ms, f"other {ms}") for n, ms in ((1, 20), (2, 40), (3, 60))])
    want = [(disk.source, 0), (ranges.source(OTHER, 7), 0)]
    rows, more = ranges.read(want, 1 << 20)
    # The fence was written last, with an early clock: in a source the numbers count.
    found = [row.hlc >> 16 for row in rows]
    assert (len(rows), more) == (7, False)
    assert found[:5] == [10, 20, 30, 40, 50]
    rows, _ = ranges.read([(disk.source, 1), (ranges.source(OTHER, 7), 2)], 1 << 20)
    assert [row.hlc >> 16 for row in rows][:2] == [30, 50]


def test_what_does_not_fit_is_more(disk, ranges):
    for ms in range(1, 11):
        disk.append(said(ms, "x" * 1000))
    rows, more = ranges.read([(disk.source, 0)], 3500)
    assert (len(rows), more) == (3, True)
    rows, more = ranges.read([(disk.source, 9)], 1)
    assert (len(rows), more) == (1, False)
    # Nothing is left open that would keep the log from being checkpointed.
    disk.db.wal_checkpoint(mode=3)


def test_a_new_id_begins_anew(disk):
    old = server_id(disk.db)
    fresh = renew_server_id(disk.db)
    assert fresh == server_id(disk.db) != old
    source, _ = open_epoch(disk.db, fresh, 5)
    assert source != disk.source
    assert {server for _, server, *_ in sources(disk.db)} == {old, fresh}


def test_the_floor_of_epochs_only_rises(disk):
    for floor, expected in ((1000, 1000), (500, 1000), (1001, 1001)):
        disk.db.execute(*epoch_floor(floor))
        assert last_epoch(disk.db) == expected
