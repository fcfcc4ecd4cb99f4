"""When and where to connect: again after a loss, later each time, and elsewhere where one can."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from tertulia.client.session.events import State
from tertulia.client.session.settings import Address

FIRST_S = 0.5
MOST_S = 60.0
JITTER = 0.2
"""By so much of it a pause is longer or shorter, so that not all come back at once."""


class Link:
    """The state of the connection; *seed* decides the jitter, and nothing else is by chance."""

    def __init__(self, addresses: Iterable[Address], seed: str) -> None:
        self.addresses = list(addresses)
        self.state = State.OFFLINE
        self.retry_at: float | None = None
        self.address: Address | None = None
        """The one in use, or used last."""
        self._seed = seed
        self._failures = 0
        """How often it failed since it last was online."""
        self._was_online = False
        """Whether the last connection was one, and was lost."""

    def add(self, addresses: Iterable[Address]) -> None:
        """Know other servers of the same network."""
        for address in addresses:
            if address not in self.addresses:
                self.addresses.append(address)

    def start(self, now: float) -> None:
        """A connection is wanted, at once."""
        self.state = State.WAITING
        self.retry_at = now

    def stop(self) -> None:
        """None is wanted."""
        self.state = State.OFFLINE
        self.retry_at = None

    def dial(self, now: float) -> Address | None:
        """Return where to connect to now, None if it is not time."""
        if self.state is not State.WAITING or self.retry_at is None or now < self.retry_at:
            return None
        if not self.addresses:
            return None
        self.address = self._next()
        self.state = State.CONNECTING
        self.retry_at = None
        return self.address

    def _next(self) -> Address:
        """Return the server that one was on; then the others in turn."""
        if self.address is None or self.address not in self.addresses:
            return self.addresses[0]
        step = 0 if self._was_online else 1
        return self.addresses[(self.addresses.index(self.address) + step) % len(self.addresses)]

    def opened(self) -> None:
        """There is a connection."""
        self.state = State.REGISTERING

    def welcomed(self) -> None:
        """One is on a server."""
        self.state = State.ONLINE
        self._failures = 0

    def lost(self, now: float, at_least_s: float = 0.0) -> None:
        """There is none any more, or it did not come about."""
        if self.state is State.OFFLINE:
            return
        self._failures += 1
        self._was_online = self.state is State.ONLINE
        self.state = State.WAITING
        self.retry_at = now + max(self._pause(), at_least_s)

    def _pause(self) -> float:
        """Return for how long to wait: as long as all servers were tried equally often."""
        rounds = (self._failures - 1) // max(1, len(self.addresses))
        pause = min(MOST_S, FIRST_S * 2.0 ** min(rounds, 10))
        chance = zlib.crc32(f"{self._seed}/{self._failures}".encode()) / (1 << 32)
        return pause * (1 - JITTER + 2 * JITTER * chance)
