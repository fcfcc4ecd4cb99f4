"""The tables of durable state are a function of the log."""

from typing import Any

import apsw
import msgspec
import pytest
from hypothesis import given
from msgspec.structs import replace

from tertulia.domain import events as e
from tertulia.domain.changes import Change
from tertulia.domain.channels import Channel
from tertulia.domain.codec import encode
from tertulia.domain.ids import LOBBY, NOWHERE
from tertulia.domain.names import ChannelName, Number
from tertulia.domain.world import Rules
from tertulia.storage import rebuild as module
from tertulia.storage.database import migrate, needs_rebuilding, open_epoch
from tertulia.storage.errors import StorageError
from tertulia.storage.log import Copied, Writer
from tertulia.storage.rebuild import rebuild
from tertulia.storage.records import (
    encode_channel,
    encode_identity,
    load_channels,
    load_identities,
    load_numbers,
    take_writes,
)
from tests.domain.kit import SCRIPTS, START_MS, play
from tests.domain.net import Server, busy, exchange, run


class Kept(Server):
    """A chat whose log and tables are in a database."""

    def __init__(self, n: int, rules: Rules | None = None, skew_ms: int = 0) -> None:
        self.db = apsw.Connection(":memory:")
        migrate(self.db)
        server = bytes((n,)) * 16
        self.db.execute("INSERT INTO meta VALUES ('server_id', ?)", (server,))
        source, _ = open_epoch(self.db, server)
        self.writer = Writer(self.db, source)
        self._copied: list[Copied] = []
        self._seqs: dict[str, int] = {}
        super().__init__(n, rules, skew_ms)
        self.state.changed_channels[LOBBY] = None

    def write(self) -> None:
        """Write what has happened since the last time."""
        done = self.writer.written
        error = self.writer.write(self.events[done:], take_writes(self.state), self._copied)
        assert error is None, error
        self._copied = []

    def take(self, other: Server, event: e.Event) -> list[Change]:
        if event.fact.durability != "presence":
            seq = self._seqs[other.id] = self._seqs.get(other.id, 0) + 1
            copy = event
            if isinstance(event.fact, e.Said) and event.fact.target == "&":
                copy = replace(event, conversation=NOWHERE)
            body = encode(event.fact).decode()
            self._copied.append(Copied(bytes.fromhex(other.id), 1, seq, copy, body))
        return super().take(other, event)


def a_lobby() -> Channel:
    return Channel(ChannelName.parse("#lobby"), Number("1000000000000"), LOBBY, START_MS)


def tables(db: apsw.Connection) -> dict[str, Any]:
    """What the tables say, but for who was in a channel."""
    channels = {}
    for channel in load_channels(db):
        record = msgspec.json.decode(encode_channel(channel))
        for field in ("emptied", *(("created",) if channel.is_lobby else ())):
            record.pop(field, None)
        channels[channel.incarnation] = record
    identities = {}
    for identity in load_identities(db):
        record = msgspec.json.decode(encode_identity(identity))
        # Who had forgotten one when it was used does not know any more when it was issued.
        record.pop("issued", None)
        identities[identity.number] = record
    return {
        "channels": channels,
        "identities": identities,
        "numbers": load_numbers(db),
        "waiting": db.execute("SELECT * FROM waiting ORDER BY uid, hlc, tag").fetchall(),
    }


def check(server: Kept) -> None:
    server.write()
    before = tables(server.db)
    rebuild(server.db, a_lobby())
    assert tables(server.db) == before


@given(SCRIPTS)
def test_of_one_server(script):
    server = Kept(1)
    for who, what in script:
        play(server, who, *what)
        server.write()
    check(server)


@pytest.mark.parametrize("seed", range(30))
def test_of_several_servers(seed):
    skews, steps = busy(seed)
    servers = [Kept(n, None, skew) for n, skew in enumerate(skews, 1)]
    for step in steps:
        run(servers, [step])
        for server in servers:
            server.write()
    for server in servers:
        check(server)
    exchange(servers)
    for server in servers:
        check(server)


def test_who_was_in_a_channel_is_not_known_and_it_counts_as_left_at_the_next_start():
    server = Kept(1)
    server.user("ana", "#tea")
    server.write()
    rebuild(server.db, a_lobby())
    assert {channel.emptied for channel in load_channels(server.db)} == {None}


def test_what_only_later_versions_know_is_left_out():
    server = Kept(1)
    server.user("ana", "#tea")
    server.write()
    row = "INSERT INTO event VALUES (?, ?, 0, 2, ?, NULL, 7, 0)"
    server.db.execute(row, (99 << 40 | 1, START_MS << 16, '{"k":"of tomorrow"}'))
    before = tables(server.db)
    rebuild(server.db, a_lobby())
    assert tables(server.db) == before


def test_what_cannot_be_written_leaves_all_as_it_was(monkeypatch):
    server = Kept(1)
    server.user("ana", "#tea")
    server.write()
    server.db.execute("INSERT INTO meta VALUES ('rebuild', 1)")
    before = tables(server.db)
    monkeypatch.setattr(module, "take_writes", lambda _state: [("INSERT INTO nowhere", ())])
    with pytest.raises(StorageError):
        rebuild(server.db, a_lobby())
    assert tables(server.db) == before
    assert needs_rebuilding(server.db)
