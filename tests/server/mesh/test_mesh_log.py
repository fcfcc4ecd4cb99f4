"""The log as other servers are told it."""

import asyncio

import apsw
import pytest
import structlog

from tertulia.replication.interface import ServerId
from tertulia.server.mesh.log import MeshLog
from tests.storage.kit import Disk, said


@pytest.fixture
def disk(tmp_path):
    disk = Disk(tmp_path)
    yield disk
    disk.close()


@pytest.fixture
async def log(disk):
    me = ServerId(disk.server.hex())
    log = MeshLog(disk.path, {(me, disk.epoch): 3, (ServerId("0" * 32), 1): 9})
    yield log
    await log.close()


async def read(log, want, most=1 << 20):
    future = asyncio.get_running_loop().create_future()
    log.read(want, most, lambda runs, more: future.set_result((runs, more)))
    async with asyncio.timeout(10):
        return await future


async def test_ranges_are_runs(disk, log):
    me = disk.server.hex()
    for ms in (10, 20, 30):
        disk.append(said(ms, f"at {ms}", client_id="mine" if ms == 20 else None))
    [run], more = await read(log, [(me, disk.epoch, 0)])
    assert (run.server, run.epoch, run.first, run.last, more) == (me, disk.epoch, 1, 3, False)
    assert b'"at 20"' in bytes(run.items[1].body)
    assert [item.retry for item in run.items] == [None, "mine", None]
    [run], _ = await read(log, [(me, disk.epoch, 2)])
    assert (run.first, len(run.items)) == (3, 1)
    [run], more = await read(log, [(me, disk.epoch, 0)], 1)
    assert (run.last, more) == (1, True)


async def test_what_is_not_there_is_nothing(disk, log):
    assert await read(log, []) == ([], False)
    assert await read(log, [("f" * 32, 1, 0), (disk.server.hex(), disk.epoch, 99)]) == ([], False)


async def test_the_vector_is_what_is_committed(disk, log):
    vector = log.vector()
    assert vector == {(disk.server.hex(), disk.epoch): 3, ("0" * 32, 1): 9}
    vector.clear()
    assert log.vector()


async def test_a_log_that_cannot_be_read_is_not_taken_for_empty(disk, log, monkeypatch):
    def broken(*_):
        raise apsw.IOError("disk I/O error")

    monkeypatch.setattr(log._ranges, "read", broken)
    with structlog.testing.capture_logs() as logs:
        assert await read(log, [(disk.server.hex(), disk.epoch, 0)]) == (None, False)
    assert [line["log_level"] for line in logs] == ["warning"]
