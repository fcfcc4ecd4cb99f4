"""Five servers in networks of their own; splits, kills, a slow wire and a wrong clock meanwhile.

People of all protocols talk on all of them, set topics and modes, come and go and write to each
other, while wires are cut in every way, servers are killed and started again, one wire takes
1 KiB a second, and the clock of one server is an hour ahead. When all of that is over:

- every server has the same events, in the same order, and the same state, in memory and on disk;
  they see the same people, and show the same history;
- nothing that was acknowledged is lost, nothing is there twice;
- who was in a channel throughout saw all of it once, and so did whom it was said to;
- who has a number got all, and only what was in flight at a kill again.

``TERTULIA_CHAOS_SEED`` chooses what happens, as far as that is to be chosen, and
``TERTULIA_CHAOS_MINUTES`` for how long in the long version; with ``TERTULIA_CHAOS_TELL`` what
happens is told as it does, with monotonic times, as in what a failure tells.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.kinds import KINDS, IrcUser, NumericUser
from tests.chaos.kit import close_all
from tests.chaos.lab import wires
from tests.chaos.network import Network, Trouble, fake_clock, network
from tests.chaos.people import LOBBY, ROOMS, Book, Person
from tests.chaos.verdict import (
    check_databases,
    check_histories,
    check_numeric,
    check_visits,
    summary,
)

SERVERS = 5
IMMORTAL = 2
HOUR_S = 3600
HANDED_S = 60.0
MINUTES = float(os.environ.get("TERTULIA_CHAOS_MINUTES") or 30)


class Town:
    """All the people, and what they said."""

    def __init__(self, network: Network, chance: random.Random, pause_s: float) -> None:
        self.network = network
        self.book = Book()
        self.people: list[Person] = []
        self.lives: list[asyncio.Task[None]] = []
        for home in range(SERVERS):
            for kind in KINDS:
                name = f"{kind.protocol}{home}"
                own = random.Random(chance.random())
                person = kind(name, home, self.book, own, network.come)
                person.others = self.people
                person.pause_s = pause_s
                self.people.append(person)
        self.numeric = [one for one in self.people if isinstance(one, NumericUser)]
        self.members: dict[str, list[NumericUser]] = {ROOMS[0]: self.numeric[:2]}

    async def begin(self) -> None:
        """Let all come, and make what belongs to all before anything happens."""
        await asyncio.gather(*(person.arrive() for person in self.people))
        await self.network.agree()
        first = next(person for person in self.people if isinstance(person, IrcUser))
        assert first.visit is not None
        for room in ROOMS:
            first.visit.client.send(f"MODE {room} -t")
        for one in self.members[ROOMS[0]]:
            first.visit.client.send(f"INVITE n{one.number} {ROOMS[0]}")
        await first.fence(first.visit)
        for one in self.numeric[::2]:
            await one.gather([other for other in self.numeric if other is not one])
            self.members[one.group] = self.numeric
        await self.network.agree()
        self.lives = [asyncio.create_task(person.live()) for person in self.people]

    async def be_quiet(self) -> None:
        """Let nobody do anything any more, and all be there."""
        for person in self.people:
            person.is_quiet = True
        async with asyncio.timeout(HANDED_S):
            while not all(person.visit and person.is_listening for person in self.people):
                self.look()
                await asyncio.sleep(0.1)

    def look(self) -> None:
        """Raise what went wrong for somebody."""
        for life in self.lives:
            if life.done():
                life.result()

    async def leave(self) -> None:
        for life in self.lives:
            life.cancel()
        await asyncio.gather(*self.lives, return_exceptions=True)
        await close_all(*(one.visit.client for one in self.people if one.visit is not None))


@contextlib.asynccontextmanager
async def running(*tasks: Any) -> AsyncIterator[list[asyncio.Task[None]]]:
    made = [asyncio.create_task(task) for task in tasks]
    try:
        yield made
    finally:
        for task in made:
            task.cancel()
        for result in await asyncio.gather(*made, return_exceptions=True):
            if isinstance(result, Exception):
                raise result


async def chaos(
    folder: Path, seed: int, seconds: float, splits: dict[str, Any], pause_s: float
) -> None:
    """Let everything happen for so many *seconds*, and check what came of it."""
    chance = random.Random(seed)
    slow = chance.choice(wires(SERVERS))
    mortal = sorted(chance.sample(range(SERVERS), SERVERS - IMMORTAL))
    wrong = chance.choice(range(SERVERS))
    told = [f"TERTULIA_CHAOS_SEED={seed}", f"slow: {slow[0]}-{slow[1]}, killed: {mortal}"]
    if fake_clock() is None:
        told.append("no clock is wrong: there is no faketime here (Debian: faketime)")
    else:
        told.append(f"the clock of {wrong} is an hour ahead")
    print("", *told, sep="\n")
    async with ended_in_order(), network(folder, SERVERS, slow, wrong, HOUR_S) as servers:
        town = Town(servers, chance, pause_s)
        try:
            await town.begin()
            trouble = Trouble(servers, chance, mortal, told, **splits)
            await befall(town, trouble, seconds)
            await judge(town, trouble)
        except Exception as error:
            town.book.write(folder / "people")
            notes = [*told, f"{time.monotonic():.1f} the end", f"all is to be seen in {folder}"]
            error.add_note("\n".join(notes))
            raise
        finally:
            await town.leave()


@contextlib.asynccontextmanager
async def ended_in_order() -> AsyncIterator[None]:
    """Take everything away also when this process is asked to end."""
    loop, this = asyncio.get_running_loop(), asyncio.current_task()
    assert this is not None
    loop.add_signal_handler(signal.SIGTERM, this.cancel)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


async def befall(town: Town, trouble: Trouble, seconds: float) -> None:
    """Let there be splits and kills for a time."""
    async with running(trouble.split(), trouble.kill()) as tasks:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.sleep(0.5)
            town.look()
            for task in tasks:
                if task.done():
                    task.result()


async def judge(town: Town, trouble: Trouble) -> None:
    """Let all that was cut be whole, and check everything."""
    net, book = town.network, town.book
    healed = time.monotonic()
    await town.be_quiet()
    slow_bytes = sum(relay.passed for relay in net.lab.relays.values())
    net.lab.hurry()
    await net.agree()
    agreed_s = time.monotonic() - healed
    await handed(town)
    copies = check_visits(book)
    again = sum(check_numeric(book, one, town.members) for one in town.numeric)
    told = summary(book, town.people)
    history = await check_histories(net, book)
    await town.leave()
    await all_ended(net)
    states = {(await member.ask("stats"))["state"] for member in net.members}
    await asyncio.gather(*(member.stop() for member in net.members))
    events = check_databases(net, book, states)
    for member in net.members:
        assert member.faults() == []
    print(
        f"{trouble.splits} splits, {trouble.kills} kills; {told}; {copies} copies,"
        f" {again} of numbers' came again; {events} events, {history} in histories;"
        f" {slow_bytes} bytes over relays; all agreed after {agreed_s:.1f} s"
    )


async def handed(town: Town) -> None:
    """Wait until those with numbers have everything, if they get it."""
    until = time.monotonic() + HANDED_S
    while True:
        try:
            for one in town.numeric:
                check_numeric(town.book, one, town.members)
            check_visits(town.book)
            return
        except AssertionError:
            if time.monotonic() > until:
                raise
        await asyncio.sleep(0.5)


async def all_ended(net: Network) -> None:
    """Wait until no channel is left but those that numbers belong to, so that nothing happens."""
    async with asyncio.timeout(HANDED_S):
        while True:
            channels = await net.members[0].ask("channels")
            left = [row["name"] for row in channels if not row["name"].startswith("#g")]
            if {*left} <= {LOBBY, ROOMS[0]}:
                break
            await asyncio.sleep(0.5)
    await net.agree()


def _seed() -> int:
    return int(os.environ.get("TERTULIA_CHAOS_SEED") or random.SystemRandom().randrange(1_000_000))


@pytest.mark.timeout(600)
async def test_three_minutes_of_splits_and_kills(tmp_path: Path) -> None:
    splits = {"hold_s": (4, 20), "pause_s": (2, 12), "kill_every_s": 20.0}
    await chaos(tmp_path, _seed(), 110, splits, pause_s=4.0)


@pytest.mark.chaos
@pytest.mark.timeout(60 * MINUTES + 900)
async def test_half_an_hour_of_splits_and_kills(tmp_path: Path) -> None:
    splits = {"hold_s": (4, 60), "pause_s": (2, 30), "kill_every_s": 60.0}
    await chaos(tmp_path, _seed(), 60 * MINUTES, splits, pause_s=4.0)
