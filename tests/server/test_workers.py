"""What takes long: hashes, and reads of history when all is on disk."""

import asyncio
import threading
from pathlib import Path

import pytest

from tertulia.domain.changes import Entered, Spoken
from tertulia.domain.history import FIRST_TAG, LAST_TAG, Page
from tertulia.domain.ids import Conversation, at_milliseconds, origin_tag, parse_msgid
from tertulia.protocols.session import HashPassword, ReadLatest, TakeBackup, VerifyPassword
from tertulia.server import workers as module
from tertulia.server.workers import Workers, hasher, is_password
from tertulia.storage.errors import StorageError
from tertulia.storage.history import History
from tests.storage.kit import TEA, Disk, joined, said


@pytest.fixture
def disk(tmp_path):
    disk = Disk(tmp_path)
    yield disk
    disk.close()


COFFEE = Conversation(5001)


class Desk:
    """Workers whose requests are awaited."""

    def __init__(self, disk):
        self.waiting = []
        self.settled = True
        self.full = False
        self.workers = Workers(History(disk.read()), self._settle, self._take_backup)

    def _take_backup(self):
        if self.full:
            raise StorageError("the disk is full")
        return Path("/backups/one.db")

    def _settle(self, action):
        if self.settled:
            action()
        else:
            self.waiting.append(action)

    def asks(self, request):
        future = asyncio.get_running_loop().create_future()

        def resume(answer):
            assert threading.current_thread() is threading.main_thread()
            future.set_result(answer)

        self.workers.perform(request, resume)
        return future


@pytest.fixture
async def desk(disk, monkeypatch):
    # The usual parameters take a tenth of a second each.
    cheap = type(hasher)(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(module, "hasher", cheap)
    desk = Desk(disk)
    yield desk
    desk.workers.close()


async def test_a_password_is_hashed_and_verified(desk):
    hashed = await desk.asks(HashPassword("contraseña"))
    assert hashed.startswith("$argon2id$")
    assert "contraseña" not in hashed
    assert hashed != await desk.asks(HashPassword("contraseña"))
    assert await desk.asks(VerifyPassword(hashed, "contraseña")) is True
    assert await desk.asks(VerifyPassword(hashed, "contrasena")) is False


async def test_what_is_no_hash_is_no_password(desk):
    assert await desk.asks(VerifyPassword("not a hash", "x")) is False
    assert not is_password("", "")


async def test_a_password_that_was_right_is_known_the_next_time(desk, monkeypatch):
    calls = []

    def checked(hashed, password):
        calls.append(password)
        return password == "right"

    monkeypatch.setattr(module, "is_password", checked)
    for password, hashed in (("right", "h"), ("right", "h"), ("wrong", "h"), ("wrong", "h")):
        assert await desk.asks(VerifyPassword(hashed, password)) is (password == "right")
    assert calls == ["right", "wrong", "wrong"]
    # For another hash, or with the border elsewhere, it is not known.
    await desk.asks(VerifyPassword("h2", "right"))
    await desk.asks(VerifyPassword("h\0ri", "ght"))
    assert calls[3:] == ["right", "ght"]


async def test_what_is_known_are_a_few_digests(desk, monkeypatch):
    monkeypatch.setattr(module, "VERIFIED_MOST", 2)
    monkeypatch.setattr(module, "is_password", lambda hashed, password: True)
    for password in ("one", "two", "three"):
        await desk.asks(VerifyPassword("h", password))
    known = desk.workers._verified
    assert len(known) == 2
    assert {len(digest) for digest in known} == {32}


async def test_a_fault_is_the_answer(desk, monkeypatch):
    def broken(hashed, password):
        raise RuntimeError("broken")

    monkeypatch.setattr(module, "is_password", broken)
    answer = await desk.asks(VerifyPassword("h", "x"))
    assert isinstance(answer, RuntimeError)
    assert isinstance(await desk.asks(VerifyPassword("h", "x")), RuntimeError)


async def test_a_page_of_history(disk, desk):
    disk.append(said(1, "one"), joined(2), said(3, "three", where=COFFEE), said(4, "four"))
    found = await desk.asks(Page((TEA,), 10))
    assert [type(change) for change in found] == [Spoken, Spoken]
    assert [change.text for change in found] == ["one", "four"]
    assert parse_msgid(found[0].msgid) == (
        at_milliseconds(1), origin_tag(disk.server, disk.epoch)
    )  # fmt: skip
    everything = await desk.asks(Page((TEA,), 10, messages_only=False))
    assert [type(change) for change in everything] == [Spoken, Entered, Spoken]
    last = await desk.asks(Page((TEA,), 1, latest=True))
    assert [change.text for change in last] == ["four"]
    low, high = (at_milliseconds(1), LAST_TAG), (at_milliseconds(4), FIRST_TAG)
    assert await desk.asks(Page((TEA,), 10, after=low, before=high)) == []


async def test_the_last_of_each_conversation(disk, desk):
    disk.append(said(1, "one"), said(3, "three"), said(2, "two", where=COFFEE))
    request = ReadLatest((TEA, COFFEE, Conversation(5002)), at_milliseconds(0), at_milliseconds(9))
    assert await desk.asks(request) == {TEA: at_milliseconds(3), COFFEE: at_milliseconds(2)}


async def test_history_is_read_when_all_that_happened_is_on_disk(disk, desk):
    desk.settled = False
    answer = desk.asks(Page((TEA,), 10))
    assert len(desk.waiting) == 1
    disk.append(said(1, "just said"))
    desk.waiting[0]()
    assert [change.text for change in await answer] == ["just said"]


async def test_a_password_does_not_wait_for_the_disk(desk):
    desk.settled = False
    assert await desk.asks(VerifyPassword("no hash", "x")) is False


async def test_a_backup_is_made_or_it_is_told_why_not(desk):
    assert await desk.asks(TakeBackup()) == "/backups/one.db"
    desk.full = True
    assert "the disk is full" in str(await desk.asks(TakeBackup()))
