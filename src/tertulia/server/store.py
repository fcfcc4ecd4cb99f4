"""The data directory: opened by one server at a time, and what a start finds in it."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tertulia.domain.ids import LOBBY
from tertulia.domain.names import ChannelName, Number
from tertulia.domain.state import LOBBY_NAME, Channel, State
from tertulia.server.hub import DurableState
from tertulia.storage import database, records
from tertulia.storage.history import History, origin_tag
from tertulia.storage.lock import take_lock
from tertulia.storage.log import Log

LOBBY_NUMBER = Number("1000000000000")


class Store:
    """What is on disk, open for a running server. Raises `StorageError`."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self._lock = take_lock(data)
        self.path = data / "tertulia.db"
        writer = database.connect(self.path)
        database.migrate(writer)
        self.server_id = database.server_id(writer)
        self.last_hlc = database.last_hlc(writer)
        now_s = int(time.time())
        source, self.epoch = database.open_epoch(writer, self.server_id, now_s)
        lobby = Channel(ChannelName(LOBBY_NAME, LOBBY_NAME), LOBBY_NUMBER, LOBBY, now_s * 1000)
        records.add_channel(writer, lobby)
        database.fill_wal(writer, self.path)
        self.tag = origin_tag(self.server_id, self.epoch)
        self.log = Log(writer, source)
        self.history = History(database.connect(self.path, read_only=True))
        self._reader = database.connect(self.path, read_only=True)

    def load(self, state: State, now_ms: int) -> None:
        """Bring back what the tables say."""
        for nickname, number in records.load_numbers(self._reader):
            state.restore_number(nickname, number)
        state.identities.restore(records.load_identities(self._reader))
        for uid, count in records.load_waiting(self._reader):
            state.waiting.restore(uid, count)
        for channel in self.durable().channels:
            # Nobody is in it yet: it counts as left when the server was last heard of.
            if channel.emptied is None:
                channel.emptied = now_ms
                state.changed_channels[channel.name.folded] = None
            state.restore_channel(channel)

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
