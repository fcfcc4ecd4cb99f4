"""A server for each test, on the event loop that it runs on in earnest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from tertulia.server import workers
from tertulia.storage import database
from tests.behaviour.machines import Machine, join, why_not
from tests.behaviour.places import PROTOCOLS, Place, running

try:
    import uvloop
except ImportError:
    new_event_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
else:
    new_event_loop = uvloop.new_event_loop


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"loop": new_event_loop}


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what makes servers slow to start and passwords slow to guess."""
    monkeypatch.setattr(database, "WAL_BYTES", 0)
    monkeypatch.setattr(workers, "hasher", PasswordHasher(time_cost=1, memory_cost=64))


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """A server without a rate limit, with IRC and both dialects of the JSON chat."""
    async with running(tmp_path / "data") as one:
        yield one


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def possible() -> None:
    """Skip where there can be no machines."""
    if (reason := why_not()) is not None:
        pytest.skip(reason)


@pytest.fixture
def machines(possible: None) -> Iterator[Callable[[], Machine]]:
    """Make machines; those made are gone at the end."""
    made: list[Machine] = []

    def make() -> Machine:
        made.append(Machine())
        return made[-1]

    yield make
    for machine in made:
        machine.end()


@pytest.fixture
async def pair(machines: Callable[[], Machine]) -> tuple[Machine, Machine]:
    """Two machines, joined by a cable; link-local addresses are all that they have."""
    here, there = machines(), machines()
    await join(here, there)
    return here, there
