"""How a server is: its people, its log, its process and its files."""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Sized
from datetime import UTC, datetime
from pathlib import Path

import tertulia
from tertulia.domain.ids import Hlc, milliseconds
from tertulia.server.control_messages import ServerStats
from tertulia.server.hub import Hub
from tertulia.server.mesh.desk import NetworkDesk
from tertulia.server.store import Store


class Stats:
    """Counts what the server called *name* has; it starts now."""

    def __init__(
        self, name: str, hub: Hub, store: Store, connections: Sized, network: NetworkDesk
    ) -> None:
        self._name = name
        self._hub = hub
        self._store = store
        self._connections = connections
        self._network = network
        self._started = datetime.now(UTC)
        self._since = time.monotonic()

    def now(self) -> ServerStats:
        """Return how the server is now."""
        state = self._hub.state
        here = [user for user in state.users.values() if not user.server]
        return ServerStats(
            server=self._name,
            version=tertulia.__version__,
            started=self._started,
            uptime_s=round(time.monotonic() - self._since, 3),
            users=len(here),
            protocols=dict(Counter([user.protocol for user in here])),
            channels=len(state.channels),
            events=self._store.log.written,
            waiting=state.waiting.total(),
            connections=len(self._connections),
            memory_bytes=_memory_bytes(),
            database_bytes=_database_bytes(self._store.data),
            servers=self._network.reachable(),
            health=self._network.health(),
            dropped_until=_moment(state.dropped_until),
        )


def _moment(hlc: Hlc) -> datetime | None:
    return datetime.fromtimestamp(milliseconds(hlc) / 1000, UTC) if hlc else None


def _memory_bytes() -> int:
    """Return the memory that this process has in use; where the system does not tell, the
    most that it ever had."""
    try:
        # proc(5): the second number is what is resident, in pages.
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")


def _database_bytes(data: Path) -> int:
    """Return how much the databases in *data* take, with their logs."""
    total = 0
    for file in data.glob("*.db*"):
        with contextlib.suppress(FileNotFoundError):  # an index that is being made again
            total += file.stat().st_size
    return total
