"""The data directory: opened by one server at a time, and what a start finds in it."""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path

import structlog

from tertulia.domain.channels import LOBBY_NAME, Channel
from tertulia.domain.ids import LOBBY, Hlc, milliseconds, origin_tag
from tertulia.domain.names import ChannelName, Number
from tertulia.domain.state import State
from tertulia.server.hub import DurableState
from tertulia.storage import database, records
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
        self._own = {row[3] for row in database.sources(writer) if row[1] == self.server_id}
        now_s = int(time.time())
        source, self.epoch = database.open_epoch(writer, self.server_id, now_s)
        lobby = Channel(ChannelName(LOBBY_NAME, LOBBY_NAME), LOBBY_NUMBER, LOBBY, now_s * 1000)
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
        state.waiting.early = dict.fromkeys(records.load_early(self._reader))
        for channel in self.durable().channels:
            # Nobody is in it yet: it counts as left when the server was last heard of.
            if channel.emptied is None:
                channel.emptied = now_ms
                state.changed_channels[channel.incarnation] = None
            state.restore_channel(channel)

    @property
    def last_hlc(self) -> int:
        """The latest clock value that this server has written, 0 if there is none.

        That of another one may be wrong; how far it is followed is for `HybridClock.observe`.
        """
        return max((hlc for tag, hlc in self.heard.items() if tag in self._own), default=0)

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

    def close(self) -> None:
        """Finish what waits, and let another server use the directory."""
        self._reader.close()
        # Last, because only who may write leaves one file behind, without a log beside it.
        self.log.close()
        os.close(self._lock)
