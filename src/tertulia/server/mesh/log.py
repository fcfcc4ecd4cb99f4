"""The log on disk as other servers are told it, read in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw
import structlog
from msgspec import Raw

from tertulia.replication.interface import ServerId, Source
from tertulia.replication.messages import Item, Run
from tertulia.storage import database
from tertulia.storage.ranges import Ranges, Row

logger = structlog.get_logger()

Want = Sequence[tuple[ServerId, int, int]]


class MeshLog:
    """The `tertulia.replication.interface.Log` of the database at *path*.

    *committed* is how far each source is on disk; somebody else keeps it up to date.
    """

    def __init__(self, path: Path, committed: Mapping[Source, int]) -> None:
        self._committed = committed
        self._loop = asyncio.get_running_loop()
        self._ranges = Ranges(database.connect(path, read_only=True))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ranges")

    def vector(self) -> Mapping[Source, int]:
        """Return the number of the last event on disk of every source."""
        return dict(self._committed)

    def read(
        self, want: Want, most_bytes: int, done: Callable[[list[Run] | None, bool], None]
    ) -> None:
        """Read events of sources after a number; *done* is called in the event loop."""

        def read(future: asyncio.Future[tuple[list[Run], bool]]) -> None:
            if future.cancelled():
                return
            if (error := future.exception()) is not None:
                logger.warning("other servers are not told what they miss", reason=str(error))
                done(None, False)
            else:
                done(*future.result())

        future = self._loop.run_in_executor(self._thread, self._read, list(want), most_bytes)
        future.add_done_callback(read)

    def _read(self, want: Want, most_bytes: int) -> tuple[list[Run], bool]:
        sources = {}
        for server, epoch, after in want:
            source = self._ranges.source(bytes.fromhex(server), epoch)
            if source is not None:
                sources[source] = (server, epoch, after)
        places = [(source, after) for source, (_, _, after) in sources.items()]
        try:
            rows, more = self._ranges.read(places, most_bytes)
        except apsw.Error as error:
            raise OSError(f"the log cannot be read: {error}") from error
        return _runs(
            rows, {key: (server, epoch) for key, (server, epoch, _) in sources.items()}
        ), more

    async def close(self) -> None:
        """Finish what is being read, and close the database."""
        await self._loop.run_in_executor(None, self._close)

    def _close(self) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._ranges.close()


def _runs(rows: Sequence[Row], sources: Mapping[int, tuple[ServerId, int]]) -> list[Run]:
    """Return *rows* in their order, with those that follow each other put together."""
    runs: list[Run] = []
    place = (0, 0)
    for row in rows:
        item = Item(row.hlc, row.conversation, Raw(row.body.encode()), row.stamp, row.retry)
        if place != (row.source, row.seq):
            runs.append(Run(*sources[row.source], row.seq, []))
        runs[-1].items.append(item)
        place = (row.source, row.seq + 1)
    return runs
