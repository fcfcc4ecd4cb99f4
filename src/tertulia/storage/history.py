"""Reading the log: pages of a conversation, in total order."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apsw
import msgspec
from msgspec import Struct

from tertulia.domain.events import LoggedFact
from tertulia.domain.history import FIRST_TAG, LAST_TAG, Page, Place
from tertulia.domain.ids import NOWHERE, Conversation, Hlc, Uid
from tertulia.domain.resume import Token
from tertulia.storage.database import SEQ_BITS, kept_from

_decode = msgspec.json.Decoder(LoggedFact).decode


class Stored(Struct, frozen=True):
    """An event as history has it; *tag* names the server and epoch that wrote it."""

    hlc: Hlc
    tag: int
    fact: LoggedFact
    conversation: Conversation


_COLUMNS = "hlc, tag, body, conversation"
_NEVER, _ALWAYS = (-1, FIRST_TAG), ((1 << 63) - 1, LAST_TAG)


class History:
    """Reads from *db*, a connection of its own, in whatever one thread calls it."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db

    def page(self, page: Page) -> list[Stored]:
        """Return a page, oldest event first."""
        kind = 0 if page.messages_only else 1
        after = max(page.after or _NEVER, (kept_from(self._db), FIRST_TAG))
        limits = (*after, *(page.before or _ALWAYS), kind, page.limit)
        found: list[Stored] = []
        for conversation in page.conversations:
            found += stored(self._db.execute(_PAGES[page.latest], (conversation, *limits)))
        if len(page.conversations) > 1:
            found.sort(key=_place, reverse=page.latest)
            del found[page.limit :]
        return found[::-1] if page.latest else found

    def everything(
        self,
        conversations: Sequence[Conversation],
        after: Hlc,
        before: Hlc,
        portion: int = 1_000,
    ) -> Iterator[Stored]:
        """Yield all that history shows of *conversations*, *after* <= time < *before*.

        So many events at a time are read, and no transaction is held between them.
        """
        last = (Hlc(after - 1), LAST_TAG)
        until = (before, FIRST_TAG)
        while found := self.page(
            Page(tuple(conversations), portion, last, until, messages_only=False)
        ):
            yield from found
            last = _place(found[-1])

    def latest(
        self, conversations: Iterable[Conversation], after: Hlc, before: Hlc
    ) -> list[Stored]:
        """Return the last message of each of *conversations*, if it is between the two."""
        found: list[Stored] = []
        for conversation in conversations:
            last = self.page(Page((conversation,), 1, latest=True))
            found += (stored for stored in last if after < stored.hlc < before)
        return sorted(found, key=_place)

    def waiting(self, uid: Uid, after: Place, limit: int) -> list[Stored]:
        """Return the first of what waits for a user, of what is later than *after*.

        Its conversation is not told.
        """
        sql = (
            f"SELECT hlc, tag, fact, {NOWHERE} FROM waiting"
            " WHERE uid = ? AND (hlc, tag) > (?, ?) AND fact <> '' ORDER BY hlc, tag LIMIT ?"
        )
        return stored(self._db.execute(sql, (uid, *after, limit)))

    def missed(
        self,
        conversations: Sequence[Conversation],
        token: Token,
        until: Mapping[int, Hlc],
        after: Place,
        limit: int,
    ) -> list[Stored]:
        """Return the first messages that *token* does not cover, of those that were written
        *until* (by source) and are later than *after*."""
        from_ = Hlc(max(after[0], kept_from(self._db)) - 1)
        streams = [
            self._written(source, until[tag], max(token.since(tag), from_), conversations)
            for source, tag in self._db.execute("SELECT id, tag FROM source")
            if until.get(tag, 0) > token.since(tag)
        ]
        merged = heapq.merge(*streams, key=lambda row: (row[0], row[1]))
        rows = (row for row in merged if (row[0], row[1]) > after)
        return stored(itertools.islice(rows, limit))

    def _written(
        self, source: int, until: Hlc, after: Hlc, conversations: Sequence[Conversation]
    ) -> Iterator[Any]:
        """Yield the messages that a source wrote *until* a time and *after* another."""
        marks = ",".join("?" * len(conversations))
        sql = (
            f"SELECT {_COLUMNS} FROM event WHERE id >= ? AND id < ? AND hlc <= ? AND kind = 0"
            f" AND conversation IN ({marks}) ORDER BY id"
        )
        first = first_id_after(self._db, source, after)
        return iter(self._db.execute(sql, (first, (source + 1) << SEQ_BITS, until, *conversations)))

    def close(self) -> None:
        """Close the connection."""
        self._db.close()


def first_id_after(db: apsw.Connection, source: int, hlc: Hlc) -> int:
    """Return the id from which on *source* wrote later than *hlc*: its clock only goes forward."""
    low, high = source << SEQ_BITS, (source + 1) << SEQ_BITS
    sql = "SELECT id, hlc FROM event WHERE id >= ? AND id < ? ORDER BY id LIMIT 1"
    while low < high:
        middle = (low + high) // 2
        row: Any = db.execute(sql, (middle, high)).fetchone()
        if row is None or row[1] > hlc:
            high = middle
        else:
            low = row[0] + 1
    return low


# NOWHERE is no history: told here so that the index, which leaves it out, is used.
_PAGES = {
    latest: f"SELECT {_COLUMNS} FROM event INDEXED BY history"
    " WHERE conversation = ? AND conversation <> 0"
    " AND (hlc, tag) > (?, ?) AND (hlc, tag) < (?, ?) AND kind <= ?"
    f" ORDER BY hlc {order}, tag {order}, id {order} LIMIT ?"
    for latest, order in ((True, "DESC"), (False, "ASC"))
}


def stored(rows: Iterable[tuple[int, int, str, int]]) -> list[Stored]:
    """Return what *rows* of (hlc, tag, body, conversation) say."""
    return [
        Stored(Hlc(hlc), tag, _decode(body), Conversation(conversation))
        for hlc, tag, body, conversation in rows
    ]


def _place(one: Stored) -> Place:
    return one.hlc, one.tag
