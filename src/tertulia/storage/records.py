"""Durable state as records: what a restart brings back without reading history."""

from __future__ import annotations

import apsw
import msgspec
from msgspec import Struct

from tertulia.domain.channels import LISTS, Channel, ListEntry, Topic
from tertulia.domain.codec import encode
from tertulia.domain.identities import Identities, Identity
from tertulia.domain.ids import Conversation, Hlc, Uid, msgid, parse_msgid
from tertulia.domain.names import ChannelName, Nickname, Number
from tertulia.domain.state import State
from tertulia.domain.waiting import Waiting


class ChannelRecord(Struct, omit_defaults=True):
    """An incarnation of a channel as it is on disk; times are Unix milliseconds, but for
    clock values (*ended*, *last*) and places in time (*origin*, *stamps*)."""

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
    origin: str = ""
    ended: int = 0
    last: int = 0
    stamps: dict[str, str] = {}


class IdentityRecord(Struct, omit_defaults=True):
    """An identity as it is on disk; *token* is the hash of its secret token, *unused* since when
    (Unix ms) nobody came as it. *issued* and *claim* are places in time."""

    nickname: str
    token: str
    unused: int | None = None
    issued: str = ""
    claim: str = ""


_decode = msgspec.json.Decoder(ChannelRecord).decode
_decode_identity = msgspec.json.Decoder(IdentityRecord).decode

_NO_RECEIPT = (
    "UPDATE waiting SET fact = json_remove(fact, '$.receipt')"
    " WHERE uid = ? AND hlc = ? AND tag = ? AND fact <> ''"
)
_DROPPED = "INSERT OR REPLACE INTO meta VALUES ('dropped_until', ?)"
_RECEIVED = "DELETE FROM waiting WHERE uid = ? AND hlc = ? AND tag = ?"
# Without a fact: what its user received elsewhere before it arrived here.
_WAITS = "INSERT OR IGNORE INTO waiting VALUES (?, ?, ?, ?)"
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
        origin=channel.origin,
        ended=channel.ended,
        last=channel.last,
        stamps=channel.stamps,
    )
    return encode(record).decode()


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
    channel.origin = record.origin
    channel.ended = Hlc(record.ended)
    channel.last = Hlc(record.last)
    channel.stamps = record.stamps
    return channel


def encode_identity(identity: Identity) -> str:
    """Return the record of *identity*."""
    record = IdentityRecord(
        identity.wanted.text, identity.token_hash, identity.unused_since,
        identity.issued, identity.claim,
    )  # fmt: skip
    return encode(record).decode()


def decode_identity(number: str, text: str) -> Identity:
    """Return the identity of a record."""
    record = _decode_identity(text)
    nick = Nickname.parse(record.nickname)
    return Identity(Number(number), nick, record.token, record.unused, record.issued, record.claim)


def take_writes(state: State) -> list[Write]:
    """Return the statements that bring the tables up to *state*, and count it as done."""
    writes: list[Write] = []
    for incarnation in state.changed_channels:
        channel = state.incarnations.get(incarnation)
        if channel is None:
            writes.append(("DELETE FROM channel WHERE incarnation = ?", (incarnation,)))
        else:
            sql = "INSERT OR REPLACE INTO channel VALUES (?, ?)"
            writes.append((sql, (incarnation, encode_channel(channel))))
    for number in state.changed_numbers:
        place = state.number_places.get(number)
        if place is None:
            writes.append(("DELETE FROM number WHERE number = ?", (number,)))
        else:
            sql = "INSERT OR REPLACE INTO number VALUES (?, ?, ?)"
            writes.append((sql, (number, state.owner_of_number(number), place)))
    state.changed_channels.clear()
    state.changed_numbers.clear()
    if state.identities.changed:
        writes += _identity_writes(state.identities)
    if state.waiting.is_changed:
        writes += _waiting_writes(state.waiting)
    if state.is_drop_new:
        writes.append((_DROPPED, (state.dropped_until,)))
        state.is_drop_new = False
    return writes


def _identity_writes(identities: Identities) -> list[Write]:
    writes: list[Write] = []
    for number in identities.changed:
        identity = identities.record_of(number)
        if identity is None:
            writes.append(("DELETE FROM identity WHERE number = ?", (number,)))
        else:
            sql = "INSERT OR REPLACE INTO identity VALUES (?, ?)"
            writes.append((sql, (number, encode_identity(identity))))
    identities.changed.clear()
    return writes


def _waiting_writes(waiting: Waiting) -> list[Write]:
    writes: list[Write] = []
    for uid, message in waiting.received:
        writes.append((_RECEIVED, (uid, *_place(message))))
    for (uid, message), fact in waiting.added.items():
        writes.append((_WAITS, (uid, *_place(message), encode(fact).decode())))
    for message, uids in waiting.settled:
        writes += [(_NO_RECEIPT, (uid, *_place(message))) for uid in uids]
    for key in waiting.changed_early:
        uid, message = key
        if key in waiting.early:
            writes.append((_WAITS, (uid, *_place(message), "")))
        else:
            writes.append((_RECEIVED, (uid, *_place(message))))
    waiting.deleting = waiting.received
    waiting.received = {}
    waiting.settled.clear()
    waiting.added.clear()
    waiting.changed_early.clear()
    return writes


def _place(message: str) -> tuple[int, int]:
    place = parse_msgid(message)
    assert place is not None
    return place


def add_channel(db: apsw.Connection, channel: Channel) -> None:
    """Write *channel*, unless it is there."""
    sql = "INSERT OR IGNORE INTO channel VALUES (?, ?)"
    db.execute(sql, (channel.incarnation, encode_channel(channel)))


def load_dropped(db: apsw.Connection) -> Hlc:
    """Return before when messages are no longer kept, as `State.dropped_until` has it."""
    query = "SELECT coalesce(max(value), 0) FROM meta WHERE key = 'dropped_until'"
    return Hlc(int(db.execute(query).get))


def load_channels(db: apsw.Connection) -> list[Channel]:
    """Return all incarnations of channels on disk."""
    last = "SELECT max(hlc) FROM event INDEXED BY history WHERE conversation = ?"
    channels = [decode_channel(record) for (record,) in db.execute("SELECT record FROM channel")]
    for channel in channels:
        if not channel.ended:
            [(hlc,)] = db.execute(f"{last} AND conversation <> 0", (channel.incarnation,))
            channel.last = max(channel.last, Hlc(hlc or 0))
    return channels


def load_numbers(db: apsw.Connection) -> list[tuple[str, Number, str]]:
    """Return all nicknames (folded) on disk with a number, and when they got it."""
    rows = db.execute("SELECT nickname, number, place FROM number ORDER BY place")
    return [(nickname, Number(number), place) for nickname, number, place in rows]


def load_identities(db: apsw.Connection) -> list[Identity]:
    """Return all identities on disk, those longest unused first."""
    rows = db.execute("SELECT number, record FROM identity")
    found = [decode_identity(number, text) for number, text in rows]
    return sorted(found, key=lambda identity: identity.unused_since or 0)


def load_waiting(db: apsw.Connection) -> list[tuple[Uid, int]]:
    """Return for whom messages wait on disk, and how many."""
    rows = db.execute("SELECT uid, count(*) FROM waiting WHERE fact <> '' GROUP BY uid")
    return [(Uid(uid), count) for uid, count in rows]


def load_early(db: apsw.Connection) -> list[tuple[Uid, str]]:
    """Return what users received elsewhere, by message id, that has not arrived here yet."""
    rows = db.execute("SELECT uid, hlc, tag FROM waiting WHERE fact = ''")
    return [(Uid(uid), msgid(hlc, tag)) for uid, hlc, tag in rows]
