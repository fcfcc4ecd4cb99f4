from collections.abc import Iterable

import apsw
from hypothesis import given

from tertulia.domain.channels import Channel
from tertulia.domain.commands.catch_up import Receive
from tertulia.domain.commands.part import Part
from tertulia.domain.commands.say import Say
from tertulia.domain.events import ChannelEnded, IdentityForgotten, Said
from tertulia.domain.history import FIRST_TAG, Place
from tertulia.domain.identities import Identity
from tertulia.domain.ids import LOBBY, Hlc
from tertulia.domain.state import State
from tertulia.domain.text import Text
from tertulia.storage.database import migrate
from tertulia.storage.history import History
from tertulia.storage.records import (
    decode_channel,
    encode_channel,
    load_channels,
    load_identities,
    load_numbers,
    load_waiting,
    take_writes,
)
from tests.domain.kit import SCRIPTS, Room, play

BEGINNING: Place = (Hlc(0), FIRST_TAG)
PRESENCE = {"occupants", "invited", "revision", "shut_out"}


def durable(channel: Channel) -> dict[str, object]:
    """All that a restart must bring back of a channel."""
    slots = set(Channel.__slots__) - PRESENCE - (set() if channel.ended else {"last"})
    return {slot: getattr(channel, slot) for slot in slots} | {"text": channel.name.text}


def identities(some: Iterable[Identity]) -> dict[str, tuple[str, str, int | None]]:
    return {one.number: (one.nick.text, one.token_hash, one.unused_since) for one in some}


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
    room.state.changed_channels[LOBBY] = None
    db = tables()
    write(db, room.state)
    for who, what in script:
        play(room, who, *what)
        write(db, room.state)
        assert take_writes(room.state) == []
    on_disk = {channel.incarnation: durable(channel) for channel in load_channels(db)}
    assert on_disk == {
        incarnation: durable(channel) for incarnation, channel in room.state.incarnations.items()
    }
    assert {nickname: number for nickname, number, _ in load_numbers(db)} == room.state.numbers
    assert {number: place for _, number, place in load_numbers(db)} == room.state.number_places
    assert identities(load_identities(db)) == identities(room.state.identities)
    for uid, count in load_waiting(db):
        # Who has caught up was handed what is still on disk here, where nobody hands it over.
        assert room.state.waiting.count(uid) in (0, count)
    for channel in room.state.incarnations.values():
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
    for nickname, number, place in load_numbers(db):
        state.restore_number(nickname, number, place)
    assert state.numbers == {"ana": ana.number}
    assert state.number_taken(room.channel("#tea").number)
    restored = state.channel_named("#TEA")
    assert restored is not None
    assert restored.occupants == {}


def test_a_channel_that_ended_is_still_known_to_have_ended():
    room, db = Room(), tables()
    ana = room.user("ana", "#tea")
    tea = room.channel("#tea")
    room.do(ana, Part(tea))
    room.chat.record([ChannelEnded("#tea", tea.incarnation)])
    write(db, room.state)
    [channel] = load_channels(db)
    assert channel.ended == room.events[-1].hlc
    state = restarted(db)
    assert state.channels == {}
    assert state.incarnations.keys() == {tea.incarnation}
    assert not state.number_taken(tea.number)


def test_a_channel_that_does_not_exist_after_all_leaves_the_tables():
    room, db = Room(), tables()
    room.user("ana", "#tea")
    write(db, room.state)
    tea = room.channel("#tea")
    room.state.forget_channel(tea)
    room.state.forget_incarnation(tea)
    room.state.changed_channels[tea.incarnation] = None
    write(db, room.state)
    assert load_channels(db) == []


def restarted(db: apsw.Connection) -> State:
    state = State()
    for channel in load_channels(db):
        state.restore_channel(channel)
    for nickname, number, place in load_numbers(db):
        state.restore_number(nickname, number, place)
    state.identities.restore(load_identities(db))
    for uid, count in load_waiting(db):
        state.waiting.restore(uid, count)
    return state


def test_a_restart_knows_who_never_came_and_forgets_who_is_forgotten():
    room, db = Room(), tables()
    room.bare()
    numbers = []
    for _ in range(20):
        room.now_ms += 1
        numbers.append(room.register().number)
    write(db, room.state)
    room.chat.record([IdentityForgotten(numbers[0])])
    write(db, room.state)
    state = restarted(db)
    assert numbers[0] not in state.identities
    assert list(state.identities.unused) == numbers[1:]


def test_an_identity_of_an_older_version_counts_as_used():
    db = tables()
    record = '{"nickname":"n0123456789012","token":"","issued":"0000000000000000"}'
    db.execute("INSERT INTO identity VALUES ('0123456789012', ?)", (record,))
    state = restarted(db)
    assert state.identities.is_bare("0123456789012")
    assert state.identities.unused == {}


def test_a_restart_brings_back_identities_and_their_rights():
    room, db = Room(), tables()
    credential = room.identity("Ána", "#tea")
    write(db, room.state)
    state = restarted(db)
    identity = state.identities.named("ÁNA")
    assert identity is not None
    assert identity.number == credential.number
    assert identity.nick.text == "Ána"
    assert state.identities.proven(credential) is identity
    channel = state.channel_named("#tea")
    assert channel is not None
    assert channel.admins == {credential.number}


def test_messages_wait_in_a_table_until_they_are_received():
    room, db = Room(), tables()
    ana = room.identity("ana")
    bob = room.user("bob")
    told = []
    absent = room.state.recipient("ana")
    assert isinstance(absent, Identity)
    for text in ("one", "two", "three"):
        told.append(room.one(bob, Say(absent, Text(text))))
    write(db, room.state)
    uid = absent.uid
    state = restarted(db)
    assert state.waiting.count(uid) == 3
    history = History(db)
    found = history.waiting(uid, BEGINNING, 2)
    assert [stored.hlc for stored in found] == [change.hlc for change in told[:2]]
    assert all(isinstance(stored.fact, Said) and stored.fact.by == bob.face for stored in found)
    [last] = history.waiting(uid, (found[-1].hlc, found[-1].tag), 2)
    assert isinstance(last.fact, Said)
    assert last.fact.text == "three"
    room.do(room.user("ana", credential=ana), Receive(tuple([change.msgid for change in told[:2]])))
    write(db, room.state)
    assert [stored.hlc for stored in history.waiting(uid, BEGINNING, 9)] == [told[-1].hlc]
    assert room.state.waiting.count(uid) == restarted(db).waiting.count(uid) == 1
