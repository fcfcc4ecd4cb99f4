"""The database file: how it is opened, and how older ones are brought up to date."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Any

import apsw
import msgspec

from tertulia.domain.ids import Hlc, origin_tag
from tertulia.domain.servers import Apart
from tertulia.storage.errors import StorageError

BUSY_MS = 5_000
SEQ_BITS = 40
WAL_BYTES = 12 * 1024 * 1024

# Append only: a database that has seen the first n is brought up to date by the others.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;

    -- Who wrote events: one row an epoch of a server. Row 1 is never another server's.
    CREATE TABLE source (
        id INTEGER PRIMARY KEY,
        server BLOB NOT NULL,
        epoch INTEGER NOT NULL,
        UNIQUE (server, epoch)
    ) STRICT;

    -- The log. id is source << 40 | seq, so that it is in order of (source, seq).
    -- kind: 0 a message, 1 what else history shows, 2 what it does not show.
    CREATE TABLE event (
        id INTEGER PRIMARY KEY,
        hlc INTEGER NOT NULL,
        conversation INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        body TEXT NOT NULL,
        retry TEXT
    ) STRICT;
    CREATE INDEX history ON event (conversation, hlc) WHERE conversation <> 0;
    CREATE UNIQUE INDEX retried ON event (retry) WHERE retry IS NOT NULL;

    -- The durable state that the events led to, written in the same transaction.
    CREATE TABLE channel (name TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE number (nickname TEXT PRIMARY KEY, number TEXT NOT NULL) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE identity (number TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;

    -- Messages for people who were not here, until they have been handed them. What they
    -- say is in the log too. tag is the origin tag of the message id.
    CREATE TABLE waiting (
        uid TEXT NOT NULL,
        hlc INTEGER NOT NULL,
        tag INTEGER NOT NULL,
        fact TEXT NOT NULL,
        PRIMARY KEY (uid, hlc, tag)
    ) STRICT, WITHOUT ROWID;
    """,
    # Several servers: tag is the origin tag of the source, so that what happened on two servers
    # at once has one order everywhere; stamp is that of a write, where it is not hlc. Channels
    # are known by their incarnation, of which a name may have several.
    """
    ALTER TABLE source ADD COLUMN tag INTEGER NOT NULL DEFAULT 0;
    UPDATE source SET tag = origin_tag(server, epoch);
    ALTER TABLE event ADD COLUMN tag INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE event ADD COLUMN stamp INTEGER NOT NULL DEFAULT 0;
    UPDATE event SET tag = (SELECT tag FROM source WHERE source.id = event.id >> 40);
    DROP INDEX history;
    CREATE INDEX history ON event (conversation, hlc, tag) WHERE conversation <> 0;
    -- What a client said again to another server is hidden, and keeps its id.
    DROP INDEX retried;
    CREATE UNIQUE INDEX retried ON event (retry) WHERE retry IS NOT NULL AND kind = 0;

    DROP TABLE channel;
    CREATE TABLE channel (incarnation INTEGER PRIMARY KEY, record TEXT NOT NULL) STRICT;
    DROP TABLE number;
    CREATE TABLE number (
        number TEXT PRIMARY KEY,
        nickname TEXT NOT NULL,
        place TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    DELETE FROM identity;
    -- What the tables of durable state say is to be read from the log.
    INSERT INTO meta SELECT 'rebuild', 1 WHERE EXISTS (SELECT 1 FROM event);
    """,
)


def connect(path: Path, *, read_only: bool = False, synchronous: str = "FULL") -> apsw.Connection:
    """Open the database at *path*, made if need be (but not read-only ones).

    Raises `StorageError` where it cannot be used.
    """
    flags = (
        apsw.SQLITE_OPEN_READONLY
        if read_only
        else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    )
    try:
        db = apsw.Connection(str(path), flags=flags)
        db.set_busy_timeout(BUSY_MS)
        if not read_only:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(f"PRAGMA synchronous = {synchronous}")
    except apsw.Error as error:
        raise StorageError(f"cannot open the database {path}: {error}") from error
    return db


def migrate(db: apsw.Connection, migrations: tuple[str, ...] = MIGRATIONS) -> None:
    """Bring *db* up to date; raises `StorageError` for one that is newer than this program."""
    try:
        version = db.pragma("user_version")
        if version > len(migrations):
            raise StorageError(
                "the database was written by a newer version of tertulia; use that version"
            )
        for number, script in enumerate(migrations[version:], version + 1):
            with db:
                db.create_scalar_function("origin_tag", _origin_tag, deterministic=True)
                db.execute(script)
                db.execute(f"PRAGMA user_version = {number}")
    except apsw.Error as error:
        raise StorageError(f"cannot use the database: {error}") from error


def _origin_tag(*key: Any) -> int:
    server, epoch = key
    return origin_tag(server, epoch)


def fill_wal(db: apsw.Connection, path: Path) -> None:
    """Give the write-ahead log of the database at *path* its size before it is used.

    A synced write into a file that grows also writes the file system's journal; into one
    that has its size it does not, which halves the time and the CPU of a commit. Zeros are
    no valid frames (sqlite.org/walformat.html), so that what is not written yet counts as
    not there. Done only while the log is empty; a disk without room is no error here.
    """
    wal = path.with_name(f"{path.name}-wal")
    with contextlib.suppress(apsw.Error, OSError):
        db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        with wal.open("r+b") as file:
            if os.fstat(file.fileno()).st_size == 0:
                file.write(bytes(WAL_BYTES))
                file.flush()
                os.fsync(file.fileno())


def server_id(db: apsw.Connection) -> bytes:
    """Return the 16 bytes that name this server, made at its first start."""
    row = db.execute("SELECT value FROM meta WHERE key = 'server_id'").fetchone()
    if row is not None:
        return bytes(row[0])
    fresh = secrets.token_bytes(16)
    db.execute("INSERT INTO meta VALUES ('server_id', ?)", (fresh,))
    return fresh


def renew_server_id(db: apsw.Connection) -> bytes:
    """Give the server of *db* an id that no other has, and return it. What it has written until
    now counts as another server's."""
    fresh = secrets.token_bytes(16)
    db.execute("INSERT OR REPLACE INTO meta VALUES ('server_id', ?)", (fresh,))
    return fresh


def open_epoch(db: apsw.Connection, server: bytes, now_ms: int = 0) -> tuple[int, int]:
    """Begin a new epoch of *server*, now (in Unix milliseconds); return source id and epoch.

    A new epoch at every start means that a database that was set back never writes
    different events under the same identity. Such a database does not know of its later
    epochs: whoever sets it back leaves a floor in it, and the time is in it for those who
    copy files by hand.
    """
    with db:
        epoch = max(now_ms, last_epoch(db, server) + 1)
        source = add_source(db, server, epoch)
    return source, epoch


def add_source(db: apsw.Connection, server: bytes, epoch: int) -> int:
    """Return the id of a new source: who counts events is an epoch of a server."""
    insert = "INSERT INTO source (server, epoch, tag) VALUES (?, ?, ?) RETURNING id"
    return int(db.execute(insert, (server, epoch, origin_tag(server, epoch))).get)


def sources(db: apsw.Connection) -> list[tuple[int, bytes, int, int, int]]:
    """Return (id, server, epoch, tag, number of the last event) of every source."""
    query = """
        SELECT id, server, epoch, tag, (
            SELECT coalesce(max(event.id), source.id << 40) FROM event
            WHERE event.id >= source.id << 40 AND event.id < (source.id + 1) << 40
        ) & ((1 << 40) - 1) FROM source
    """
    found: list[Any] = db.execute(query).fetchall()
    return found


def last_epoch(db: apsw.Connection, server: bytes | None = None) -> int:
    """Return the latest epoch of *server* (None: of this one) that *db* knows of, 0 if none."""
    row: Any = db.execute("SELECT value FROM meta WHERE key = 'epoch_floor'").fetchone()
    floor = 0 if row is None else int(row[0])
    own = "(SELECT value FROM meta WHERE key = 'server_id')"
    query = f"SELECT coalesce(max(epoch), 0) FROM source WHERE server = coalesce(?, {own})"
    return max(floor, int(db.execute(query, (server,)).get))


def raise_epoch_floor(db: apsw.Connection, epoch: int) -> None:
    """Let no epoch that begins from now on in *db* be as early as *epoch*."""
    if epoch > last_epoch(db):
        db.execute("INSERT OR REPLACE INTO meta VALUES ('epoch_floor', ?)", (epoch,))


def epoch_floor(epoch: int) -> tuple[str, tuple[int]]:
    """Return the statement that lets no epoch that begins from now on be as early as *epoch*."""
    sql = """
        INSERT INTO meta VALUES ('epoch_floor', ?)
        ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)
    """
    return sql, (epoch,)


def last_heard(db: apsw.Connection) -> dict[int, Hlc]:
    """Return the clock value of the last event of each source, by its tag."""
    query = "SELECT hlc FROM event WHERE id = ?"
    found: dict[int, Hlc] = {}
    for source, _, _, tag, last in sources(db):
        if last:
            found[tag] = Hlc(int(db.execute(query, (source << 40 | last,)).get))
    return found


KEPT_FROM = "(SELECT coalesce(max(value), 0) FROM meta WHERE key = 'kept_from')"
"""In SQL: the clock value before which no message is kept, or shown."""


def kept_from(db: apsw.Connection) -> Hlc:
    """Return the clock value before which no message is kept, or shown; 0 if all are."""
    return Hlc(int(db.execute(f"SELECT {KEPT_FROM}").get))


def keep_from(hlc: Hlc) -> tuple[str, tuple[int]]:
    """Return the statement that lets no message before *hlc* be shown any more."""
    return "INSERT OR REPLACE INTO meta VALUES ('kept_from', ?)", (hlc,)


def apart(db: apsw.Connection) -> list[Apart]:
    """Return when servers could not reach each other, as it was remembered."""
    row: Any = db.execute("SELECT value FROM meta WHERE key = 'apart'").fetchone()
    return [] if row is None else msgspec.json.decode(row[0], type=list[Apart])


def remember_apart(apart: list[Apart]) -> tuple[str, tuple[str]]:
    """Return the statement that remembers when servers could not reach each other."""
    sql = "INSERT OR REPLACE INTO meta VALUES ('apart', ?)"
    return sql, (msgspec.json.encode(apart).decode(),)


def needs_rebuilding(db: apsw.Connection) -> bool:
    """Whether the tables of durable state are to be made again from the log."""
    return bool(db.execute("SELECT 1 FROM meta WHERE key = 'rebuild'").fetchall())
