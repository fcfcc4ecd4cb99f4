"""Reading ranges of the log as other servers are told them."""

from __future__ import annotations

import heapq
from collections.abc import Generator, Sequence
from typing import Any

import apsw
from msgspec import Struct

from tertulia.storage.database import SEQ_BITS

_SEQ = (1 << SEQ_BITS) - 1


class Row(Struct, frozen=True, gc=False):
    """An event: *source* is the id of who wrote it, *seq* its number there; *retry* is the
    client's own id of a message."""

    source: int
    seq: int
    hlc: int
    conversation: int
    body: str
    stamp: int
    retry: str | None


class Ranges:
    """Reads from *db*, a connection of its own, in whatever one thread calls it."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._sources: dict[tuple[bytes, int], int] = {}

    def read(self, want: Sequence[tuple[int, int]], most_bytes: int) -> tuple[list[Row], bool]:
        """Return events of sources after a number, in the order of their clocks; at least one,
        if there is any, and else as many as fit; and whether there are more."""
        streams = [self._rows(source, after) for source, after in want]
        found: list[Row] = []
        size = 0
        try:
            for row in heapq.merge(*streams, key=lambda row: row.hlc):
                size += len(row.body)
                if found and size > most_bytes:
                    return found, True
                found.append(row)
        finally:
            for stream in streams:
                stream.close()
        return found, False

    def source(self, server: bytes, epoch: int) -> int | None:
        """Return the id of an epoch of a server, None if nothing of it is on disk."""
        key = (server, epoch)
        if key not in self._sources:
            query = "SELECT id FROM source WHERE server = ? AND epoch = ?"
            row: Any = self._db.execute(query, key).fetchone()
            if row is None:
                return None
            self._sources[key] = row[0]
        return self._sources[key]

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def _rows(self, source: int, after: int) -> Generator[Row, None, None]:
        """Yield them one by one: there may be many sources, and only some of each is wanted."""
        sql = (
            "SELECT id, hlc, conversation, body, stamp, retry FROM event"
            " WHERE id > ? AND id < ? ORDER BY id"
        )
        cursor = self._db.execute(sql, (source << SEQ_BITS | after, (source + 1) << SEQ_BITS))
        try:
            for row in cursor:
                yield _row(source, row)
        finally:
            cursor.close()


def _row(source: int, row: Any) -> Row:
    row_id, hlc, conversation, body, stamp, retry = row
    # On disk it is unique among those of all users.
    own = None if retry is None else retry.partition("/")[2]
    return Row(source, row_id & _SEQ, hlc, conversation, body, stamp, own)
