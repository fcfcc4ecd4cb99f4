"""Reading the log: pages of a conversation, in total order."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import apsw
import msgspec
from msgspec import Struct

from tertulia.domain.events import LoggedFact
from tertulia.domain.history import Page
from tertulia.domain.ids import NOWHERE, Conversation, Hlc, Uid

_decode = msgspec.json.Decoder(LoggedFact).decode


class Stored(Struct, frozen=True):
    """An event as history has it; *origin_tag* names the server and epoch that wrote it."""

    hlc: Hlc
    origin_tag: int
    fact: LoggedFact
    conversation: Conversation


class History:
    """Reads from *db*, a connection of its own, in whatever one thread calls it."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._tags: dict[int, int] = {}

    def page(self, page: Page) -> list[Stored]:
        """Return a page, oldest event first."""
        order = "DESC" if page.latest else "ASC"
        sql = (
            "SELECT id, hlc, body, conversation FROM event INDEXED BY history"
            " WHERE conversation = ? AND conversation <> 0 AND hlc > ? AND hlc < ? AND kind <= ?"
            f" ORDER BY hlc {order}, id {order} LIMIT ?"
        )
        after = -1 if page.after is None else page.after
        before = (1 << 63) - 1 if page.before is None else page.before
        kind = 0 if page.messages_only else 1
        rows = self._db.execute(sql, (page.conversation, after, before, kind, page.limit))
        found = self.stored(rows)
        return found[::-1] if page.latest else found

    def everything(
        self, conversation: Conversation, after: Hlc, before: Hlc, portion: int = 1_000
    ) -> Iterator[Stored]:
        """Yield all that history shows of *conversation*, *after* <= time < *before*.

        So many events at a time are read, and no transaction is held between them.
        """
        sql = (
            "SELECT id, hlc, body, conversation FROM event INDEXED BY history"
            " WHERE conversation = ? AND conversation <> 0 AND (hlc, id) > (?, ?) AND hlc < ?"
            " AND kind <= 1 ORDER BY hlc, id LIMIT ?"
        )
        last = (after - 1, (1 << 63) - 1)
        while rows := self._db.execute(sql, (conversation, *last, before, portion)).fetchall():
            found: list[Any] = rows
            yield from self.stored(found)
            last = (found[-1][1], found[-1][0])

    def latest(
        self, conversations: Iterable[Conversation], after: Hlc, before: Hlc
    ) -> list[Stored]:
        """Return the last message of each of *conversations*, if it is between the two."""
        found: list[Stored] = []
        for conversation in conversations:
            last = self.page(Page(conversation, 1, latest=True))
            found += (stored for stored in last if after < stored.hlc < before)
        return sorted(found, key=lambda stored: stored.hlc)

    def waiting(self, uid: Uid, after: Hlc, limit: int) -> list[Stored]:
        """Return the first of what waits for a user, of what is later than *after*.

        Its conversation is not told.
        """
        sql = (
            "SELECT hlc, tag, fact FROM waiting WHERE uid = ? AND hlc > ? ORDER BY hlc, tag LIMIT ?"
        )
        found = []
        for hlc, tag, body in self._db.execute(sql, (uid, after, limit)):
            found.append(Stored(Hlc(hlc), tag, _decode(body), NOWHERE))
        return found

    def stored(self, rows: Iterable[tuple[int, int, str, int]]) -> list[Stored]:
        """Return what *rows* of (id, hlc, body, conversation) say."""
        return [
            Stored(Hlc(hlc), self._tag(row_id >> 40), _decode(body), Conversation(conversation))
            for row_id, hlc, body, conversation in rows
        ]

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def _tag(self, source: int) -> int:
        if source not in self._tags:
            query = "SELECT server, epoch FROM source WHERE id = ?"
            server, epoch = self._db.execute(query, (source,)).get
            self._tags[source] = origin_tag(server, epoch)
        return self._tags[source]


def origin_tag(server: bytes, epoch: int) -> int:
    """Return the 32 bits by which message ids tell servers and epochs apart."""
    return zlib.crc32(server + epoch.to_bytes(8, "big"))
