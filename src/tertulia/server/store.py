"""The data directory: opened by one server at a time, and what a start finds in it."""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path

import structlog

from tertulia.domain.channels import LOBBY_NAME, Channel
from tertulia.domain.ids import AHEAD_MS, LOBBY, Hlc, at_milliseconds, milliseconds, origin_tag
from tertulia.domain.names import ChannelName, Number
from tertulia.domain.servers import CATCHING_UP_MS, Apart
from tertulia.domain.state import State
from tertulia.server.recovery import DurableState
from tertulia.storage import database, records
from tertulia.storage.errors import StorageError
from tertulia.storage.history import History
from tertulia.storage.lock import take_lock
from tertulia.storage.log import Log
from tertulia.storage.rebuild import rebuild

logger = structlog.get_logger()

LOBBY_NUMBER = Number("1000000000000")
BEHIND_MS = 60_000
"""How far the clock may be behind what is on disk without a word."""


class Store:
    """What is on disk, open for a running server. Raises `StorageError`."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self._lock = take_lock(data)
        self.path = data / "tertulia.db"
        writer = database.connect(self.path)
        database.migrate(writer)
        self.server_id = database.server_id(writer)
        self.heard = database.last_heard(writer)
        tags = [(server, tag) for _, server, _, tag, _ in database.sources(writer)]
        self._own = {tag for server, tag in tags if server == self.server_id}
        self._foreign = len(self._own) < len(tags)
        now_ms = time.time_ns() // 1_000_000
        source, self.epoch = database.open_epoch(writer, self.server_id, now_ms)
        lobby = Channel(ChannelName(LOBBY_NAME, LOBBY_NAME), LOBBY_NUMBER, LOBBY, now_ms)
        if database.needs_rebuilding(writer):
            rebuild(writer, lobby)
        records.add_channel(writer, lobby)
        database.fill_wal(writer, self.path)
        self.tag = origin_tag(self.server_id, self.epoch)
        self._own.add(self.tag)
        self.log = Log(writer, source)
        self.history = History(database.connect(self.path, read_only=True))
        self._reader = database.connect(self.path, read_only=True)

    def load(self, state: State, now_ms: int) -> None:
        """Bring back what the tables say; warn if they are from later than *now_ms*."""
        self._compare_clocks(now_ms)
        state.heard = self.heard
        for nickname, number, place in records.load_numbers(self._reader):
            state.restore_number(nickname, number, place)
        state.identities.restore(records.load_identities(self._reader))
        for uid, count in records.load_waiting(self._reader):
            state.waiting.restore(uid, count)
        state.waiting.restore_early(records.load_early(self._reader))
        kept_from = database.kept_from(self._reader)
        state.dropped_until = max(kept_from, records.load_dropped(self._reader))
        for channel in self.durable().channels:
            # Nobody is in it yet: it counts as left when the server was last heard of.
            if channel.emptied is None:
                channel.emptied = now_ms
                state.changed_channels[channel.incarnation] = None
            state.restore_channel(channel)

        state.apart = self._apart(now_ms)

    def _apart(self, now_ms: int) -> list[Apart]:
        """Return when servers could not reach each other, the time without this one included."""
        until = now_ms + CATCHING_UP_MS
        known = [Apart(one.since, min(one.until, until)) for one in database.apart(self._reader)]
        if self._foreign and self.last_hlc:
            known.append(Apart(milliseconds(Hlc(self.last_hlc)), until))
        return known

    def remember_apart(self, apart: list[Apart]) -> None:
        """Let it be known after a restart when servers could not reach each other."""
        self.log.append((), [database.remember_apart(apart)], lambda _error: None)

    @property
    def last_hlc(self) -> int:
        """The latest clock value that this server wrote, 0 if there is none."""
        return max((self.heard.get(tag, 0) for tag in self._own), default=0)

    def followed_hlc(self, now_ms: int) -> int:
        """Return the clock value that this server goes on from: later than all that it wrote,
        and than what others did whose clocks are not too far ahead."""
        near = at_milliseconds(now_ms + AHEAD_MS)
        followed = (hlc for hlc in self.heard.values() if hlc <= near)
        return max(self.last_hlc, max(followed, default=0))

    def _compare_clocks(self, now_ms: int) -> None:
        last_ms = milliseconds(Hlc(self.last_hlc))
        if last_ms > now_ms + BEHIND_MS:
            # Time only goes forward in the log (see `HybridClock`).
            logger.warning(
                "the clock is behind the history; is it right? What is said gets the time of"
                " the last message until it has caught up",
                last=datetime.fromtimestamp(last_ms / 1000).astimezone().isoformat(" ", "seconds"),
            )

    def durable(self) -> DurableState:
        """Return what the tables say of channels, and of what waits."""
        reader = self._reader
        return DurableState(records.load_channels(reader), records.load_waiting(reader))

    def sources(self) -> list[tuple[int, bytes, int, int, int]]:
        """Return what `database.sources` does."""
        return database.sources(self._reader)

    def raise_epoch_floor(self, epoch: int) -> None:
        """Let the next start begin an epoch later than *epoch*."""
        self.log.append((), [database.epoch_floor(epoch)], _warn_of)

    def close(self) -> None:
        """Finish what waits, and let another server use the directory."""
        self._reader.close()
        # Last, because only who may write leaves one file behind, without a log beside it.
        self.log.close()
        os.close(self._lock)


def _warn_of(error: StorageError | None) -> None:
    if error is not None:
        logger.error("it could not be noted that the next epoch is to be later", reason=str(error))
