"""The server makes itself found on the local network."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog
from msgspec.structs import replace

from tertulia.protocols.announcement import INTERVAL_S, Card
from tertulia.server.announce import Announcer
from tertulia.server.dnssd import Publisher
from tertulia.server.interfaces import held_addresses
from tertulia.server.offers import Offer

logger = structlog.get_logger()

# So that servers that were started together do not stay together.
JITTER = 0.1
STOP_S = 0.9


class Discovery:
    """Announces and publishes what the server offers, in a task of its own.

    *about* returns what there is to say of the server now, without its ports. What does not
    work is one warning; it is tried again every few seconds, and interfaces may come and go.
    """

    def __init__(
        self,
        about: Callable[[], Card],
        now: Callable[[], float] | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._about = about
        self._now = now or asyncio.get_running_loop().time
        self._sleep = sleep
        self._offers: list[Offer] = []
        self._task: asyncio.Task[None] | None = None
        self._is_on = False
        self._warned: set[str] = set()

    def add(self, offer: Offer) -> None:
        """Take in what is to be told, before it begins."""
        self._offers.append(offer)
        # What others can reach first: one port a protocol is told.
        self._offers.sort(key=lambda offer: not offer.is_open)

    def switch(self, on: bool) -> None:
        """Begin, if there is anything to tell, or end; unless that was so already."""
        on = on and any(offer.is_open or is_announced(offer) for offer in self._offers)
        if on and not self._is_on:
            self._task = asyncio.create_task(self._run(self._task))
        elif self._is_on and not on and self._task is not None:
            self._task.cancel()
        self._is_on = on

    async def stop(self) -> None:
        """End, and say so to the network; that takes less than a second."""
        self.switch(False)
        if self._task is not None:
            await asyncio.wait([self._task], timeout=STOP_S)

    async def _run(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        announced = [offer for offer in self._offers if is_announced(offer)]
        announcer = Announcer(announced[0]) if announced else None
        publisher = Publisher(self._offers, self._card, self._now)
        try:
            while True:
                due = self._now() + INTERVAL_S * random.uniform(1 - JITTER, 1 + JITTER)
                await self._round(announcer, publisher)
                await self._sleep(max(0.0, due - self._now()))
        finally:
            if announcer is not None:
                announcer.close()
            await publisher.close()

    async def _round(self, announcer: Announcer | None, publisher: Publisher) -> None:
        held = held_addresses()
        problems = {
            "announcement": announcer and announcer.announce(held),
            "dns_sd": await publisher.publish(held),
        }
        problems = {key: text for key, text in problems.items() if text}
        if problems and (shown := repr(problems)) not in self._warned:
            self._warned.add(shown)
            logger.warning("not found by all who look for it", **problems)

    def _card(self) -> Card:
        ports: dict[str, int] = {}
        for offer in self._offers:
            if offer.is_open:
                ports.setdefault(offer.protocol, offer.port)
        return replace(self._about(), ports=ports)


def is_announced(offer: Offer) -> bool:
    """Whether an offer is one that the old announcement can lead to: it names an IPv6 address."""
    return offer.protocol == "rech" and any(at.version == 6 for at in offer.bound)
