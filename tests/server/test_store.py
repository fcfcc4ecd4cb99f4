"""The data directory: one server at a time, and what a start finds."""

import asyncio
import os
import random
import stat
import time

import pytest
from structlog.testing import capture_logs

from tertulia.domain.commands.connect import Connect
from tertulia.domain.commands.join import Join
from tertulia.domain.commands.modes import SetModes
from tertulia.domain.commands.part import Part
from tertulia.domain.commands.topic import SetTopic
from tertulia.domain.events import ModeChange
from tertulia.domain.ids import Hlc, HybridClock
from tertulia.domain.names import ChannelName, Nickname
from tertulia.domain.state import State
from tertulia.domain.world import Rules, World
from tertulia.server.hub import Hub
from tertulia.server.store import BEHIND_MS, LOBBY_NUMBER, Store
from tertulia.storage import database
from tertulia.storage.errors import StorageError
from tests.server.kit import START_MS, Person, Plain


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No test cuts the power."""
    real = database.connect
    monkeypatch.setattr(
        database,
        "connect",
        lambda path, **more: real(path, **{"synchronous": "OFF", **more}),
    )
    monkeypatch.setattr(database, "WAL_BYTES", 4096)


@pytest.fixture
def stores(tmp_path):
    opened = []

    def open_store(folder="data"):
        store = Store(tmp_path / folder)
        opened.append(store)
        return store

    yield open_store
    for store in opened:
        close(store)


def close(store):
    if store.data is not None:
        store.close()
        store.data = None


def loaded(store):
    state = State()
    store.load(state, START_MS)
    return state


def test_a_new_directory(stores, tmp_path):
    store = stores("some/where/data")
    assert stat.S_IMODE(store.data.stat().st_mode) == 0o700
    state = loaded(store)
    assert list(state.channels) == ["#lobby"]
    lobby = state.channels["#lobby"]
    assert lobby.is_lobby
    assert lobby.number == LOBBY_NUMBER
    assert store.last_hlc == 0


@pytest.mark.parametrize(("behind_ms", "warnings"), [(0, 0), (BEHIND_MS, 0), (BEHIND_MS + 1, 1)])
def test_a_clock_that_is_behind_the_history_is_told(stores, behind_ms, warnings):
    store = stores()
    store.heard[store.tag] = Hlc((START_MS + behind_ms) << 16)
    with capture_logs() as logs:
        loaded(store)
    assert len([log for log in logs if "clock is behind" in log["event"]]) == warnings


def test_the_clock_of_another_server_is_no_reason_to_be_ahead(stores):
    store = stores()
    store.heard |= {store.tag: Hlc(START_MS << 16), 5: Hlc((START_MS + 3_600_000) << 16)}
    assert store.last_hlc == START_MS << 16


def test_one_server_at_a_time(stores):
    first = stores()
    with pytest.raises(StorageError, match=r"^another server uses .*data; stop it"):
        stores()
    stores("elsewhere")
    close(first)
    stores()


def test_each_start_is_a_new_epoch_of_the_same_server(stores, monkeypatch):
    now = 1_700_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: now * 1_000_000)
    seen = []
    for _ in range(3):  # within one millisecond, too
        store = stores()
        seen.append((store.server_id, store.epoch, store.tag))
        close(store)
    servers, epochs, tags = zip(*seen, strict=True)
    assert len(set(servers)) == 1
    assert epochs == (now, now + 1, now + 2)
    assert len(set(tags)) == 3
    now -= 1_000_000  # a clock that was set back
    assert stores().epoch == epochs[-1] + 1


@pytest.mark.parametrize("what", ["file", "readonly"])
def test_a_directory_that_cannot_be_used(stores, tmp_path, what, monkeypatch):
    if what == "file":
        (tmp_path / "data").write_text("")
    else:

        def refuse(*_more):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StorageError, match=r"^cannot use ") as raised:
        stores()
    assert "\n" not in str(raised.value)


def test_a_database_that_is_none(stores, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "tertulia.db").write_bytes(b"not a database at all " * 100)
    with pytest.raises(StorageError) as raised:
        stores()
    assert "\n" not in str(raised.value)


def hub_on(store, state):
    chance = random.Random(1)
    world = World(state, Rules(), store.server_id, lambda: START_MS, chance.randrange)
    clock = HybridClock(lambda: START_MS, store.last_hlc)
    return Hub(world, clock, store.tag, store.log, store.durable)


async def test_a_restart_brings_back_channels_and_numbers(stores):
    store = stores()
    state = loaded(store)
    hub = hub_on(store, state)
    ana = Person(hub, Plain())
    hub.connect(ana, Connect(Nickname.parse("Ana"), "u", "h", "r", False, "test"))
    hub.execute(ana, Join(ChannelName.parse("#Tea")))
    hub.execute(ana, Join(ChannelName.parse("#empty")))
    tea, empty = state.channels["#tea"], state.channels["#empty"]
    hub.execute(ana, SetTopic(tea, "leaves"))
    modes = (ModeChange(True, "m"), ModeChange(True, "b", "bob"), ModeChange(True, "k", "$hash"))
    hub.execute(ana, SetModes(tea, modes))
    hub.execute(ana, Part(empty))
    await asyncio.wait_for(hub.gate.settle(), 20)
    close(store)

    again = stores()
    assert again.last_hlc > 0
    state = loaded(again)
    assert ana.user is not None
    assert state.numbers == {"ana": ana.user.number}
    found = state.channels["#tea"]
    assert (found.name.text, found.number, found.incarnation) == (
        "#Tea", tea.number, tea.incarnation
    )  # fmt: skip
    assert (found.topic, found.flags, found.key) == (tea.topic, frozenset("nmt"), "$hash")
    assert list(found.lists["b"]) == ["bob!*@*"]
    assert not found.occupants
    # Nobody is in it now: it counts as left at this start, and that is written down.
    assert found.emptied == START_MS
    assert tea.incarnation in state.changed_channels
    assert state.channels["#empty"].emptied == empty.emptied
    assert empty.incarnation not in state.changed_channels
    assert not state.users


async def test_the_durable_state_is_what_is_on_disk(stores):
    store = stores()
    state = loaded(store)
    state.channels["#lobby"].limit = 5
    [lobby] = store.durable().channels
    assert lobby.limit is None
    assert lobby is not state.channels["#lobby"]


def test_an_orderly_end_leaves_one_file(tmp_path):
    store = Store(tmp_path)
    store.durable()  # as a failure to write makes it read
    store.history.close()
    store.close()
    assert {path.name for path in tmp_path.iterdir()} == {"lock", "tertulia.db"}
