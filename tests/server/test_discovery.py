"""When the server makes itself found, and how often."""

import asyncio
import ipaddress

import pytest
import structlog

from tertulia.protocols.announcement import Card
from tertulia.server import discovery
from tertulia.server.discovery import Discovery
from tertulia.server.offers import Offer


def offer(protocol, port, *bound):
    return Offer(protocol, port, tuple(ipaddress.ip_address(address) for address in bound))


EVERYTHING = [
    offer("irc", 7000, "127.0.0.1"),
    offer("irc", 6667, "0.0.0.0", "::"),
    offer("json", 12000, "127.0.0.1"),
    offer("rech", 1, "0.0.0.0"),
    offer("rech", 2, "::1"),
    offer("rech", 3, "0.0.0.0", "::"),
]


class World:
    """A network on which things are noted, and a clock that goes as one sleeps."""

    def __init__(self):
        self.time = 50.0
        self.slept = []
        self.rounds = asyncio.Semaphore(0)
        self.announced = []
        self.published = []
        self.closed = []
        self.problems = {}

    async def sleep(self, seconds):
        """Sleep *seconds*; ten rounds are gone, the eleventh does not come."""
        self.slept.append(seconds)
        self.time += seconds
        self.rounds.release()
        if len(self.slept) == 10:
            await asyncio.Event().wait()
        await asyncio.sleep(0)

    async def after(self, rounds):
        for _ in range(rounds):
            await self.rounds.acquire()


@pytest.fixture
def world(monkeypatch):
    world = World()

    class Announcer:
        def __init__(self, offer):
            self.offer = offer

        def announce(self, held):
            world.announced.append(self.offer.port)
            return world.problems.get("announcement")

        def close(self):
            world.closed.append("announcer")

    class Publisher:
        def __init__(self, offers, card, now):
            self.card = card

        async def publish(self, held):
            world.published.append(self.card())
            world.time += 1
            return world.problems.get("dns_sd")

        async def close(self):
            world.closed.append("publisher")

    monkeypatch.setattr(discovery, "Announcer", Announcer)
    monkeypatch.setattr(discovery, "Publisher", Publisher)
    return world


@pytest.fixture
def log(monkeypatch):
    monkeypatch.setattr(discovery, "logger", structlog.get_logger())
    with structlog.testing.capture_logs() as entries:
        yield entries


def begin(world, offers, on=True):
    it = Discovery(lambda: Card(name="tea.example", users=2), lambda: world.time, world.sleep)
    for offer in offers:
        it.add(offer)
    it.switch(on)
    return it


async def test_every_five_seconds_more_or_less(world):
    it = begin(world, EVERYTHING)
    await world.after(10)
    await it.stop()
    # What publishing takes is not added.
    rounds = [seconds + 1 for seconds in world.slept]
    assert all(4.5 <= seconds <= 5.5 for seconds in rounds)
    assert len(set(rounds)) > 1
    assert world.closed == ["announcer", "publisher"]


async def test_what_others_reach_is_told(world):
    it = begin(world, EVERYTHING)
    await world.after(1)
    await it.stop()
    assert world.announced[0] == 3
    card = Card(name="tea.example", users=2, ports={"irc": 6667, "rech": 1})
    assert world.published[0] == card


@pytest.mark.parametrize(
    ("offers", "on"),
    [
        (EVERYTHING, False),
        ([offer("irc", 1, "127.0.0.1"), offer("rech", 2, "127.0.0.1")], True),
        ([], True),
    ],
)
async def test_when_there_is_nothing_to_tell_nothing_runs(world, offers, on):
    before = asyncio.all_tasks()
    it = begin(world, offers, on)
    assert asyncio.all_tasks() == before
    await it.stop()


async def test_no_announcement_where_ipv6_leads_nowhere(world):
    it = begin(world, [offer("rech", 1, "0.0.0.0")])
    await world.after(2)
    await it.stop()
    assert world.announced == []
    assert world.published


async def test_it_can_be_switched(world):
    it = begin(world, EVERYTHING, on=False)
    it.switch(True)
    it.switch(True)
    await world.after(1)
    it.switch(False)
    it.switch(True)
    await world.after(1)
    assert world.closed == ["announcer", "publisher"]
    it.switch(False)
    await it.stop()
    assert world.closed == ["announcer", "publisher"] * 2


async def test_what_does_not_work_is_one_warning(world, log):
    world.problems = {"announcement": "no IPv6", "dns_sd": "port 5353: taken"}
    it = begin(world, EVERYTHING)
    await world.after(5)
    await it.stop()
    [entry] = log
    assert entry["log_level"] == "warning"
    assert (entry["announcement"], entry["dns_sd"]) == ("no IPv6", "port 5353: taken")
