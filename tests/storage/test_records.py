import apsw
from hypothesis import given

from tertulia.domain.state import Channel, State
from tertulia.storage.database import migrate
from tertulia.storage.records import (
    decode_channel,
    encode_channel,
    load_channels,
    load_numbers,
    take_writes,
)
from tests.domain.kit import SCRIPTS, Room, play

PRESENCE = {"occupants", "invited", "revision"}


def durable(channel: Channel) -> dict[str, object]:
    """All that a restart must bring back of a channel."""
    slots = set(Channel.__slots__) - PRESENCE
    return {slot: getattr(channel, slot) for slot in slots} | {"text": channel.name.text}


def tables() -> apsw.Connection:
    db = apsw.Connection(":memory:")
    migrate(db)
    return db


def write(db: apsw.Connection, state: State) -> None:
    for sql, bindings in take_writes(state):
        db.execute(sql, bindings)


@given(SCRIPTS)
def test_the_tables_are_always_the_durable_state(script):
    room = Room()
    room.lobby()
    room.state.changed_channels["#lobby"] = None
    db = tables()
    write(db, room.state)
    for who, what in script:
        play(room, who, *what)
        write(db, room.state)
        assert take_writes(room.state) == []
    on_disk = {channel.name.folded: durable(channel) for channel in load_channels(db)}
    assert on_disk == {name: durable(channel) for name, channel in room.state.channels.items()}
    assert dict(load_numbers(db)) == room.state.numbers
    for channel in room.state.channels.values():
        record = encode_channel(channel)
        assert durable(decode_channel(record)) == durable(channel)
        assert encode_channel(decode_channel(record)) == record


def test_a_restart_brings_back_names_and_numbers():
    room, db = Room(), tables()
    ana = room.user("ana", "#tea")
    write(db, room.state)
    state = State()
    for channel in load_channels(db):
        state.restore_channel(channel)
    for nickname, number in load_numbers(db):
        state.restore_number(nickname, number)
    assert state.numbers == {"ana": ana.number}
    assert state.number_taken(room.channel("#tea").number)
    restored = state.channel_named("#TEA")
    assert restored is not None
    assert restored.occupants == {}


def test_a_channel_that_ended_leaves_the_tables():
    room, db = Room(), tables()
    room.user("ana", "#tea")
    write(db, room.state)
    room.state.forget_channel(room.channel("#tea"))
    room.state.changed_channels["#tea"] = None
    write(db, room.state)
    assert load_channels(db) == []
