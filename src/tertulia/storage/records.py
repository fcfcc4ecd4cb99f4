"""Durable state as records: what a restart brings back without reading history."""

from __future__ import annotations

import apsw
import msgspec
from msgspec import Struct

from tertulia.domain.channels import LISTS, Channel, ListEntry, Topic
from tertulia.domain.identities import Identities, Identity
from tertulia.domain.ids import Conversation, Uid, parse_msgid
from tertulia.domain.names import ChannelName, Nickname, Number
from tertulia.domain.state import State
from tertulia.domain.waiting import Waiting


class ChannelRecord(Struct, omit_defaults=True):
    """A channel as it is on disk; times are Unix milliseconds."""

    name: str
    number: str
    incarnation: int
    created: int
    emptied: int | None = None
    topic: Topic | None = None
    key: str | None = None
    limit: int | None = None
    flags: str = ""
    lists: dict[str, dict[str, ListEntry]] = {}
    admins: list[str] = []
    members: list[str] = []


class IdentityRecord(Struct, omit_defaults=True):
    """An identity as it is on disk; *token* is the hash of its secret token, *unused* since when
    (Unix ms) nobody came as it."""

    nickname: str
    token: str
    unused: int | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(ChannelRecord).decode
_decode_identity = msgspec.json.Decoder(IdentityRecord).decode

_NO_RECEIPT = (
    "UPDATE waiting SET fact = json_remove(fact, '$.receipt') WHERE uid = ? AND hlc = ? AND tag = ?"
)
Write = tuple[str, tuple[str | int | None, ...]]
"""A statement and what it is given."""


def encode_channel(channel: Channel) -> str:
    """Return the record of *channel*."""
    record = ChannelRecord(
        name=channel.name.text,
        number=channel.number,
        incarnation=channel.incarnation,
        created=channel.created,
        emptied=channel.emptied,
        topic=channel.topic,
        key=channel.key,
        limit=channel.limit,
        flags="".join(sorted(channel.flags)),
        lists={mode: masks for mode, masks in channel.lists.items() if masks},
        admins=sorted(channel.admins),
        members=sorted(channel.members),
    )
    return _encode(record).decode()


def decode_channel(text: str) -> Channel:
    """Return the channel of a record."""
    record = _decode(text)
    channel = Channel(
        ChannelName.parse(record.name),
        Number(record.number),
        Conversation(record.incarnation),
        record.created,
    )
    channel.emptied = record.emptied
    channel.topic = record.topic
    channel.key = record.key
    channel.limit = record.limit
    channel.flags = frozenset(record.flags)
    channel.lists = {mode: record.lists.get(mode, {}) for mode in LISTS}
    channel.admins = frozenset(Uid(uid) for uid in record.admins)
    channel.members = frozenset(Uid(uid) for uid in record.members)
    return channel


def encode_identity(identity: Identity) -> str:
    """Return the record of *identity*."""
    record = IdentityRecord(identity.nick.text, identity.token_hash, identity.unused_since)
    return _encode(record).decode()


def decode_identity(number: str, text: str) -> Identity:
    """Return the identity of a record."""
    record = _decode_identity(text)
    nick = Nickname.parse(record.nickname)
    return Identity(Number(number), nick, record.token, record.unused)


def take_writes(state: State) -> list[Write]:
    """Return the statements that bring the tables up to *state*, and count it as done."""
    writes: list[Write] = []
    for name in state.changed_channels:
        channel = state.channels.get(name)
        if channel is None:
            writes.append(("DELETE FROM channel WHERE name = ?", (name,)))
        else:
            sql = "INSERT OR REPLACE INTO channel VALUES (?, ?)"
            writes.append((sql, (name, encode_channel(channel))))
    for nickname in state.changed_numbers:
        number = state.numbers.get(nickname)
        if number is None:
            writes.append(("DELETE FROM number WHERE nickname = ?", (nickname,)))
        else:
            sql = "INSERT OR REPLACE INTO number VALUES (?, ?)"
            writes.append((sql, (nickname, number)))
    state.changed_channels.clear()
    state.changed_numbers.clear()
    if state.identities.changed:
        writes += _identity_writes(state.identities)
    if state.waiting.added or state.waiting.received or state.waiting.settled:
        writes += _waiting_writes(state.waiting)
    return writes


def _identity_writes(identities: Identities) -> list[Write]:
    writes: list[Write] = []
    for number in identities.changed:
        identity = identities.get(number)
        if identity is None:
            writes.append(("DELETE FROM identity WHERE number = ?", (number,)))
        else:
            sql = "INSERT OR REPLACE INTO identity VALUES (?, ?)"
            writes.append((sql, (number, encode_identity(identity))))
    identities.changed.clear()
    return writes


def _waiting_writes(waiting: Waiting) -> list[Write]:
    writes: list[Write] = []
    for uid, until in waiting.received.items():
        writes.append(("DELETE FROM waiting WHERE uid = ? AND hlc <= ?", (uid, until)))
    for (uid, hlc), (msgid, fact) in waiting.added.items():
        parsed = parse_msgid(msgid)
        assert parsed is not None
        row = (uid, hlc, parsed[1], _encode(fact).decode())
        writes.append(("INSERT OR IGNORE INTO waiting VALUES (?, ?, ?, ?)", row))
    for msgid, uids in waiting.settled:
        parsed = parse_msgid(msgid)
        assert parsed is not None
        writes += [(_NO_RECEIPT, (uid, *parsed)) for uid in uids]
    waiting.settled.clear()
    waiting.added.clear()
    waiting.received.clear()
    return writes


def add_channel(db: apsw.Connection, channel: Channel) -> None:
    """Write *channel*, unless there is one of that name."""
    sql = "INSERT OR IGNORE INTO channel VALUES (?, ?)"
    db.execute(sql, (channel.name.folded, encode_channel(channel)))


def load_channels(db: apsw.Connection) -> list[Channel]:
    """Return all channels on disk."""
    return [decode_channel(record) for (record,) in db.execute("SELECT record FROM channel")]


def load_numbers(db: apsw.Connection) -> list[tuple[str, Number]]:
    """Return all nicknames (folded) on disk with their numbers."""
    rows = db.execute("SELECT nickname, number FROM number")
    return [(nickname, Number(number)) for nickname, number in rows]


def load_identities(db: apsw.Connection) -> list[Identity]:
    """Return all identities on disk, those longest unused first."""
    rows = db.execute("SELECT number, record FROM identity")
    found = [decode_identity(number, text) for number, text in rows]
    return sorted(found, key=lambda identity: identity.unused_since or 0)


def load_waiting(db: apsw.Connection) -> list[tuple[Uid, int]]:
    """Return for whom messages wait on disk, and how many."""
    rows = db.execute("SELECT uid, count(*) FROM waiting GROUP BY uid")
    return [(Uid(uid), count) for uid, count in rows]
