import re
from pathlib import Path

import apsw
import msgspec
import pytest

from tertulia.domain.channels import Channel, Topic
from tertulia.domain.events import Said
from tertulia.domain.history import Page
from tertulia.domain.ids import LOBBY, Uid, msgid, origin_tag
from tertulia.domain.names import ChannelName, Number
from tertulia.domain.text import Text
from tertulia.storage import database
from tertulia.storage.database import (
    MIGRATIONS,
    connect,
    last_heard,
    migrate,
    needs_rebuilding,
    open_epoch,
    server_id,
)
from tertulia.storage.errors import StorageError
from tertulia.storage.history import History
from tertulia.storage.rebuild import rebuild
from tertulia.storage.records import (
    encode_channel,
    encode_identity,
    load_channels,
    load_identities,
    load_numbers,
    load_waiting,
)
from tests.storage.kit import TEA, said

# A database of version 1 as it was. It never changes; every later version must open it.
VERSION_1 = r"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE source (
    id INTEGER PRIMARY KEY,
    server BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    UNIQUE (server, epoch)
) STRICT;
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
CREATE TABLE channel (name TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE number (nickname TEXT PRIMARY KEY, number TEXT NOT NULL) STRICT, WITHOUT ROWID;
PRAGMA user_version = 1;

INSERT INTO meta VALUES ('server_id', x'000102030405060708090a0b0c0d0e0f');
INSERT INTO source VALUES (1, x'000102030405060708090a0b0c0d0e0f', 1);
INSERT INTO event VALUES
(1099511627777, 111411200000000, 0, 2,
 '{"k":"number","nickname":"ana","number":"0415100000001"}', NULL),
(1099511627778, 111411200000001, 5000, 2,
 '{"k":"created","by":{"uid":"s1","nick":"ana","number":"0415100000001","mask":"ana!u@h"},"channel":"#Tea","number":"1415100000002","incarnation":5000,"key":null}', NULL),
(1099511627779, 111411200000002, 5000, 1,
 '{"k":"joined","by":{"uid":"s1","nick":"ana","number":"0415100000001","mask":"ana!u@h"},"channel":"#Tea","admin":true}', NULL),
(1099511627780, 111411200000003, 5000, 0,
 '{"k":"said","by":{"uid":"s1","nick":"ana","number":"0415100000001","mask":"ana!u@h"},"target":"#Tea","style":0,"text":"hello é"}', 's1/id1'),
(1099511627781, 111411200000004, 5000, 1,
 '{"k":"parted","by":{"uid":"s1","nick":"ana","number":"0415100000001","mask":"ana!u@h"},"channel":"#Tea","reason":"bye","quit":true}', NULL),
(1099511627782, 111411200000005, 5000, 1,
 '{"k":"topic","by":{"uid":"s1","nick":"ana","number":"0415100000001","mask":"ana!u@h"},"channel":"#Tea","topic":"cups"}', NULL),
(1099511627783, 111411200000006, 5000, 1,
 '{"k":"modes","by":{"uid":"s1","nick":"ana","number":"0415100000001","mask":"ana!u@h"},"channel":"#Tea","modes":[{"on":true,"mode":"k","value":"$argon2id$x"},{"on":true,"mode":"l","value":"9"},{"on":true,"mode":"b","value":"eve!*@*"}]}', NULL),
(1099511627784, 111411200000007, 5000, 1,
 '{"k":"admins","by":{"uid":"s1","nick":"ana","number":"0415100000001","mask":"ana!u@h"},"channel":"#Tea","ranks":[{"on":true,"mode":"o","whom":{"uid":"0415100000003","nick":"bia","number":"0415100000003","mask":"bia!u@h"}}]}', NULL);
INSERT INTO channel VALUES ('#tea',
 '{"name":"#Tea","number":"1415100000002","incarnation":5000,"created":1700000000,"emptied":1700000009,"topic":{"text":"cups","by":"ana!u@h","at":1700000000},"key":"$argon2id$x","limit":9,"flags":"nt","lists":{"b":{"eve!*@*":{"by":"ana!u@h","at":1700000000}}},"admins":["0415100000003"]}');
INSERT INTO number VALUES ('ana', '0415100000001');
"""  # noqa: E501


def database_of_version_1(path):
    with apsw.Connection(str(path)) as db:
        db.execute(VERSION_1)
    return path


def schema(db):
    """The statements of the schema as words, without comments."""
    rows = db.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return {(kind, name): re.sub("--.*", "", sql).split() for kind, name, sql in rows}


@pytest.fixture
def old(tmp_path):
    with connect(database_of_version_1(tmp_path / "old.db")) as db:
        migrate(db)
        yield db


def test_an_old_database_gets_the_present_form(old, tmp_path):
    assert schema(old) == schema_of_now(tmp_path)
    assert old.pragma("user_version") == len(MIGRATIONS)
    assert old.pragma("integrity_check") == "ok"


def a_lobby():
    return Channel(ChannelName.parse("#lobby"), Number("1000000000000"), LOBBY, 1)


def test_what_is_in_an_old_database_is_there(old):
    assert needs_rebuilding(old)
    rebuild(old, a_lobby())
    assert not needs_rebuilding(old)
    assert server_id(old) == bytes(range(16))
    tag = origin_tag(bytes(range(16)), 1)
    place = msgid(111411200000000, tag)
    assert load_numbers(old) == [("ana", Number("0415100000001"), place)]
    channel, lobby = sorted(load_channels(old), key=lambda one: one.is_lobby)
    assert lobby.is_lobby
    assert channel.origin == msgid(111411200000001, tag)
    assert (channel.name.text, channel.number, channel.incarnation) == (
        "#Tea", "1415100000002", 5000,
    )  # fmt: skip
    assert channel.topic == Topic(Text("cups"), "ana!u@h", 1700000000)
    assert channel.limit == 9
    assert channel.flags == frozenset("nt")
    assert channel.key == "$argon2id$x"
    assert channel.admins == frozenset({Uid("0415100000003")})
    assert channel.lists["b"].keys() == {"eve!*@*"}
    # Who was in it is not known: it counts as left at this start.
    assert channel.emptied is None
    page = History(old).page(Page((TEA,), 10, messages_only=False))
    kinds = [type(stored.fact).__name__ for stored in page]
    assert kinds == ["Joined", "Said", "Parted", "TopicSet", "ModesSet", "AdminsSet"]
    assert isinstance(page[1].fact, Said)
    assert page[1].fact.text == "hello é"
    assert last_heard(old) == {tag: 111411200000007}
    assert load_identities(old) == []
    assert load_waiting(old) == []
    assert open_epoch(old, bytes(range(16))) == (2, 2)


def was_there(db):
    """What the tables of the second version say, but for who was in a channel."""
    channels = [msgspec.json.decode(text) for (text,) in db.execute("SELECT record FROM channel")]
    identities = {
        number: msgspec.json.decode(text)
        for number, text in db.execute("SELECT number, record FROM identity")
    }
    numbers = dict(db.execute("SELECT nickname, number FROM number").fetchall())
    waiting = db.execute("SELECT * FROM waiting ORDER BY uid, hlc").fetchall()
    for channel in channels:
        channel.pop("emptied", None)
    return {one.pop("name"): one for one in channels}, identities, numbers, waiting


def is_there(db):
    """The same of this version."""
    channels = {}
    for channel in load_channels(db):
        if channel.is_alive:
            record = msgspec.json.decode(encode_channel(channel))
            for field in ("emptied", "origin", "stamps", "last"):
                record.pop(field, None)
            channels[record.pop("name")] = record
    identities = {}
    for identity in load_identities(db):
        record = msgspec.json.decode(encode_identity(identity))
        for field in ("issued", "claim"):
            record.pop(field, None)
        identities[identity.number] = record
    numbers = {nickname: number for nickname, number, _ in load_numbers(db)}
    return channels, identities, numbers, db.execute("SELECT * FROM waiting ORDER BY 1, 2")


def test_what_is_in_a_database_of_version_2_is_there(tmp_path):
    with connect(tmp_path / "old.db") as db:
        db.execute((Path(__file__).parent / "version_2.sql").read_text())
        channels, identities, numbers, waiting = was_there(db)
        migrate(db)
        lobby = a_lobby()
        lobby.created = channels["#lobby"]["created"]
        rebuild(db, lobby)
        found = is_there(db)
        assert found[0] == channels
        assert found[1] == identities
        assert found[2] == numbers
        assert found[3].fetchall() == waiting
        assert [channel.name.text for channel in load_channels(db) if channel.ended] == ["#gone"]
        assert schema(db) == schema_of_now(tmp_path)


def schema_of_now(tmp_path):
    with connect(tmp_path / "new.db") as new:
        migrate(new)
        return schema(new)


def test_migrating_again_does_nothing(old):
    before = schema(old)
    migrate(old)
    assert schema(old) == before


def test_later_migrations_are_run_once_each(tmp_path):
    path = database_of_version_1(tmp_path / "x.db")
    later = (*MIGRATIONS[:1], "CREATE TABLE a (x)", "CREATE TABLE b (x); INSERT INTO b VALUES (1)")
    for _ in range(2):
        with connect(path) as db:
            migrate(db, later)
            assert db.pragma("user_version") == 3
            assert db.execute("SELECT * FROM b").fetchall() == [(1,)]


def test_a_migration_happens_whole_or_not(tmp_path):
    path = database_of_version_1(tmp_path / "x.db")
    broken = (*MIGRATIONS[:1], "CREATE TABLE a (x); INSERT INTO nowhere VALUES (1)")
    with connect(path) as db:
        with pytest.raises(StorageError, match="nowhere"):
            migrate(db, broken)
        assert db.pragma("user_version") == 1
        assert ("table", "a") not in schema(db)


def test_a_database_of_a_newer_version_is_left_alone(tmp_path):
    with connect(tmp_path / "x.db") as db:
        migrate(db)
        db.pragma("user_version", len(MIGRATIONS) + 1)
        with pytest.raises(StorageError, match="newer version"):
            migrate(db)


def test_what_is_on_disk_is_there_after_a_power_cut(tmp_path):
    with connect(tmp_path / "x.db") as db:
        assert db.pragma("journal_mode") == "wal"
        assert db.pragma("synchronous") == 2
    with connect(tmp_path / "x.db", synchronous="NORMAL") as db:
        assert db.pragma("synchronous") == 1


def test_what_cannot_be_opened_is_said_in_one_line(tmp_path):
    (tmp_path / "text").write_text("no database " * 1000)
    for path, read_only in [
        (tmp_path / "text", False),
        (tmp_path, False),
        (tmp_path / "none" / "x.db", False),
        (tmp_path / "none.db", True),
    ]:
        with pytest.raises(StorageError) as caught:
            connect(path, read_only=read_only)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_who_only_reads_cannot_write(tmp_path):
    database_of_version_1(tmp_path / "x.db")
    connect(tmp_path / "x.db").close()
    with connect(tmp_path / "x.db", read_only=True) as db:
        with pytest.raises(apsw.ReadOnlyError):
            db.execute("DELETE FROM event")


def test_a_server_has_one_id(tmp_path):
    ids = set()
    for _ in range(2):
        with connect(tmp_path / "x.db") as db:
            migrate(db)
            ids.add(server_id(db))
    [one] = ids
    assert len(one) == 16


def test_every_start_is_an_epoch(tmp_path):
    with connect(tmp_path / "x.db") as db:
        migrate(db)
        server = server_id(db)
        assert open_epoch(db, server) == (1, 1)
        assert open_epoch(db, b"other" * 3) == (2, 1)
        assert open_epoch(db, server) == (3, 2)


def test_the_last_clock_of_every_epoch_is_known(disk):
    assert last_heard(disk.db) == {}
    disk.append(said(1000, "a"), said(2000, "b"))
    first = origin_tag(disk.server, disk.epoch)
    disk.start()
    assert last_heard(disk.db) == {first: said(2000, "b").hlc}
    disk.append(said(3000, "c"))
    second = origin_tag(disk.server, disk.epoch)
    assert last_heard(disk.db) == {first: said(2000, "b").hlc, second: said(3000, "c").hlc}


def test_the_frozen_database_is_the_first_migration(tmp_path):
    """Who changes the first migration breaks every database there is."""
    with connect(tmp_path / "x.db") as db:
        migrate(db, database.MIGRATIONS[:1])
        with connect(database_of_version_1(tmp_path / "old.db")) as old:
            assert schema(db) == schema(old)
