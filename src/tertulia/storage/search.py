"""The search index: which messages have these words.

It is a file of its own and holds nothing that the log does not; it may be deleted at any
time and is made again. Messages get into it behind the gate, when the log is quiet.

One row a message, whose rowid is the id of the event: its words, and as one made-up word each
the conversation it was said in and who said it, so that FTS5 finds all three together.
"""

from __future__ import annotations

import heapq
import itertools
import re
import threading
import time
import unicodedata
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import apsw
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tertulia.domain.events import LoggedFact, Said
from tertulia.domain.ids import at_milliseconds
from tertulia.domain.names import fold_name
from tertulia.domain.text import unformatted
from tertulia.storage.database import KEPT_FROM, connect, kept_from
from tertulia.storage.errors import StorageError
from tertulia.storage.follower import (
    PROGRESS_SCHEMA,
    Follower,
    LogWasSetBack,
    Pace,
    advance,
    new_rows,
    transaction,
)
from tertulia.storage.history import Stored, stored

TERMS_MOST = 32
"""More words than this in a question are ignored."""

_SEQ_BITS = 40
_LOOK_UP = 100
_FOREVER = (1 << 63) - 1
_VERSION = 2
_TOKENIZER = ("unicode61", "remove_diacritics", "2")
_SCHEMA = f"""
    CREATE VIRTUAL TABLE word USING fts5 (
        text, place, sender, content='', contentless_delete=1, tokenize='{" ".join(_TOKENIZER)}'
    );
    {PROGRESS_SCHEMA}
    PRAGMA user_version = {_VERSION};
"""
_TERM = re.compile(r'"([^"]*)"?(\*?)|([^\s"]+?)(\*?)(?=[\s"]|$)')
# What says that the file is not an index; an SQLError, that the tables are somebody else's.
_BROKEN = (apsw.CorruptError, apsw.NotADBError, apsw.SQLError)

_T = TypeVar("_T")
_decode = msgspec.json.Decoder(LoggedFact).decode


# When the index is filled (see `Pace`), and how many events a time.
QUIET_S = 3.0
PATIENCE_S = 10.0
CHUNK = 1_000
CHUNKS_BEFORE = 10
"""How much of what is new a search waits for; more is being indexed in the background."""


class _Question(Struct, frozen=True):
    """What FTS5 is asked for, and between which clock values (*after* <= hlc < *before*)."""

    expression: str
    after: int
    before: int


class SearchIndex:
    """The index at *path*; any thread may use it, one at a time does."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._opened: apsw.Connection | None = None

    def catch_up(self, log_db: apsw.Connection, limit: int = 500) -> int:
        """Index what is new among the next *limit* events of the log at *log_db*.

        Returns the number of events looked at, 0 when there are no more; raises `StorageError`.
        *log_db* is in no transaction: what another process has indexed must be there to see.
        """
        with self._lock:
            return self._repairing(lambda: self._catch_up(log_db, limit))

    def search(
        self,
        log_db: apsw.Connection,
        query: str,
        *,
        conversations: Collection[int] | None = None,
        sender: str | None = None,
        after_ms: int | None = None,
        before_ms: int | None = None,
        limit: int = 100,
    ) -> list[Stored]:
        """Return up to *limit* messages with all words of *query*, the newest first.

        A ``"quoted phrase"`` is found as it stands, ``begin*`` by how a word begins; nothing
        else in *query* has a meaning, and without any words all messages are found that the
        other arguments ask for. Times are Unix milliseconds, *after_ms* inclusive; *sender*
        is a nickname; of *conversations*, None means all. Raises `StorageError`.
        """
        with self._lock:
            return self._repairing(
                lambda: self._search(
                    log_db,
                    self._question(query, conversations, sender, after_ms, before_ms),
                    limit,
                )
            )

    def forget(self, ids: Collection[int]) -> None:
        """Take the messages with these *ids* out of the index; raises `StorageError`."""
        with self._lock:
            self._repairing(lambda: self._forget(ids))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._close()

    # The file

    @property
    def _db(self) -> apsw.Connection:
        if self._opened is None:
            self._opened = _open_index(self._path)
        return self._opened

    def _close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _start_again(self) -> None:
        self._close()
        for suffix in ("", "-wal", "-shm"):
            with suppress(OSError):
                self._path.with_name(self._path.name + suffix).unlink()

    def _repairing(self, work: Callable[[], _T]) -> _T:
        """Do *work*; where that shows that the file is useless, with a new one."""
        try:
            try:
                return work()
            except (*_BROKEN, LogWasSetBack):
                self._start_again()
                return work()
        except apsw.Error as error:
            raise StorageError(f"cannot use the search index: {error}") from error

    # Filling it

    def _catch_up(self, log_db: apsw.Connection, limit: int) -> int:
        looked_at = 0
        columns = f"conversation, iif(kind = 0 AND hlc >= {KEPT_FROM}, body, NULL)"
        insert = "INSERT INTO word (rowid, text, place, sender) VALUES (?, ?, ?, ?)"
        with transaction(self._db):
            for source, rows in new_rows(self._db, log_db, columns, limit):
                self._db.executemany(insert, _index_rows(rows))
                advance(self._db, source, rows)
                looked_at += len(rows)
        return looked_at

    def _forget(self, ids: Collection[int]) -> None:
        with transaction(self._db):
            self._db.executemany("DELETE FROM word WHERE rowid = ?", [(one,) for one in ids])

    # Asking it

    def _question(
        self,
        query: str,
        conversations: Collection[int] | None,
        sender: str | None,
        after_ms: int | None,
        before_ms: int | None,
    ) -> _Question | None:
        """Return what FTS5 is to be asked, None if there is no answer."""
        terms = self._terms(query)
        parts = []
        if terms:
            parts.append(f"text : ({' AND '.join(terms)})")
        if conversations is not None:
            places = (f'"{_place(conversation)}"' for conversation in conversations)
            parts.append(f"place : ({' OR '.join(places)})")
        if sender is not None:
            parts.append(f"sender : {_sender(sender)}")
        nothing_left = bool(query.strip()) and not terms
        nowhere = conversations is not None and not conversations
        if not parts or nothing_left or nowhere:
            return None
        after = 0 if after_ms is None else at_milliseconds(after_ms)
        before = _FOREVER if before_ms is None else at_milliseconds(before_ms)
        return _Question(" AND ".join(parts), after, before)

    def _terms(self, query: str) -> list[str]:
        """Return the words and phrases of *query*, each as FTS5 wants it."""
        # FTS5 ends a query at a NUL, and SQLite takes no lone surrogates.
        text = "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in query)
        terms = []
        for phrase, phrase_star, word, word_star in _TERM.findall(text):
            words = phrase or word
            # FTS5 finds nothing where there is nothing to look for (":-)").
            if words and self._has_words(words):
                terms.append(f'"{words}"{phrase_star or word_star}')
        return terms[:TERMS_MOST]

    def _has_words(self, text: str) -> bool:
        name, *arguments = _TOKENIZER
        tokenizer = self._db.fts5_tokenizer(name, arguments)
        return bool(tokenizer(text.encode(), apsw.FTS5_TOKENIZE_QUERY, None))

    def _search(
        self, log_db: apsw.Connection, question: _Question | None, limit: int
    ) -> list[Stored]:
        if question is None:
            return []
        question = replace(question, after=max(question.after, kept_from(log_db)))
        streams = [self._newest(log_db, spans, question) for spans in _servers(log_db)]
        merged = heapq.merge(*streams, key=lambda row: (row[1], row[0]), reverse=True)
        return stored(row[1:] for row in itertools.islice(merged, limit))

    def _newest(
        self, log_db: apsw.Connection, spans: list[tuple[int, int]], question: _Question
    ) -> Iterator[tuple[int, int, int, str, int]]:
        """Yield what is found of one server, the newest first."""
        for first, end in spans:
            low = _first_id_since(log_db, first, end, question.after)
            high = _first_id_since(log_db, first, end, question.before)
            yield from self._found(log_db, question.expression, low, high)

    def _found(
        self, log_db: apsw.Connection, expression: str, low: int, high: int
    ) -> Iterator[tuple[int, int, int, str, int]]:
        """Yield the rows of the log that *expression* finds in *low* <= id < *high*."""
        find = (
            "SELECT rowid FROM word WHERE word MATCH ? AND rowid >= ? AND rowid < ?"
            f" ORDER BY rowid DESC LIMIT {_LOOK_UP}"
        )
        read = "SELECT id, hlc, tag, body, conversation FROM event WHERE id = ? AND kind = 0"
        while low < high:
            ids = [row_id for (row_id,) in self._db.execute(find, (expression, low, high))]
            for row_id in ids:
                yield from log_db.execute(read, (row_id,))
            if len(ids) < _LOOK_UP:
                return
            high = ids[-1]


def _open_index(path: Path) -> apsw.Connection:
    # NORMAL: after a power cut the file is older, but never broken.
    try:
        db = connect(path, synchronous="NORMAL")
    except StorageError as error:
        if isinstance(error.__cause__, _BROKEN):
            raise error.__cause__ from error
        raise
    try:
        if db.pragma("user_version") == 0:
            with transaction(db):
                if db.pragma("user_version") == 0:
                    db.execute(_SCHEMA)
        if db.pragma("user_version") != _VERSION:
            raise apsw.NotADBError("an index of another version")
    except BaseException:
        db.close()
        raise
    return db


def _index_rows(rows: list[Any]) -> Iterator[tuple[int, str, str, str]]:
    for row_id, _hlc, conversation, body in rows:
        if body is not None:
            fact = _decode(body)
            assert isinstance(fact, Said)  # kind 0 is nothing else
            yield row_id, unformatted(fact.text), _place(conversation), _sender(fact.by.nick)


def _place(conversation: int) -> str:
    return f"c{conversation}"


def _sender(nickname: str) -> str:
    # In hexadecimal, as the tokenizer would take "[a]" and "a" for the same.
    return "n" + fold_name(nickname).encode(errors="replace").hex()


def _servers(log_db: apsw.Connection) -> list[list[tuple[int, int]]]:
    """Return for each server where its events are (first <= id < end), newest epoch first.

    In each the clock only goes forward. What lies together is one span: a server that was
    restarted a thousand times is not asked a thousand times.
    """
    servers: dict[bytes, list[tuple[int, int]]] = {}
    previous = None
    rows = log_db.execute("SELECT id, server, epoch FROM source ORDER BY id")
    for source, server, epoch in rows:
        spans = servers.setdefault(server, [])
        first, end = source << _SEQ_BITS, (source + 1) << _SEQ_BITS
        if spans and previous is not None and previous[0] == server and previous[1] < epoch:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((first, end))
        previous = (server, epoch)
    return [spans[::-1] for spans in servers.values()]


def _first_id_since(log_db: apsw.Connection, low: int, high: int, hlc: int) -> int:
    """Return the id, of those from *low* to *high*, where messages begin to be since *hlc*."""
    if hlc <= 0 or hlc >= _FOREVER:
        return high if hlc else low
    sql = "SELECT id, hlc FROM event WHERE id >= ? AND id < ? AND kind = 0 ORDER BY id LIMIT 1"
    while low < high:
        middle = (low + high) // 2
        row: Any = log_db.execute(sql, (middle, high)).fetchone()
        if row is None or row[1] >= hlc:
            high = middle
        else:
            low = row[0] + 1
    return low


class Finder:
    """Looks in *index* for messages of the log at *log_path*, in whatever one thread calls it."""

    def __init__(self, index: SearchIndex, log_path: Path) -> None:
        self._index = index
        self._log_path = log_path
        self._log: apsw.Connection | None = None

    def find(self, query: str, **more: Any) -> list[Stored]:
        """Return what `SearchIndex.search` does, after a look at what is new; the oldest first.

        Raises `StorageError`.
        """
        if self._log is None:
            self._log = connect(self._log_path, read_only=True)
        for _ in range(CHUNKS_BEFORE):
            if not self._index.catch_up(self._log, CHUNK):
                break
        return self._index.search(self._log, query, **more)[::-1]

    def close(self) -> None:
        """Close the log."""
        if self._log is not None:
            self._log.close()


class Indexer(Follower):
    """The thread that fills *index* from the log at *log_path*, and touches nothing else.

    It takes a little (`CHUNK` events) at a time.
    """

    complaint = "messages cannot be indexed"

    def __init__(
        self,
        log_path: Path,
        index_path: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float | None], object] | None = None,
    ) -> None:
        super().__init__("index", log_path, Pace(QUIET_S, PATIENCE_S), clock, wait)
        self.index = SearchIndex(index_path)

    def take(self, log_db: apsw.Connection) -> bool:
        """Index a little; return whether there may be more."""
        return self.index.catch_up(log_db, CHUNK) == CHUNK

    def close(self) -> None:
        """Close the index."""
        self.index.close()
