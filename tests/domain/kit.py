"""A chat whose clock and chance are in the hands of the test."""

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st

from tertulia.domain.changes import Change
from tertulia.domain.channels import ADMIN, FLAGS, LISTS, Channel
from tertulia.domain.chat import Chat, Intent
from tertulia.domain.commands.acknowledge import Acknowledge
from tertulia.domain.commands.catch_up import CatchUp, Receive
from tertulia.domain.commands.connect import Connect, Disconnect, Rejoin
from tertulia.domain.commands.gather import Gather
from tertulia.domain.commands.identify import IssueIdentity, sift_unused
from tertulia.domain.commands.invite import Invite
from tertulia.domain.commands.join import Join
from tertulia.domain.commands.kick import Kick
from tertulia.domain.commands.modes import SetModes, SetRank
from tertulia.domain.commands.part import Part
from tertulia.domain.commands.profile import SetAway, SetUserMode
from tertulia.domain.commands.rename import Rename
from tertulia.domain.commands.say import Say
from tertulia.domain.commands.topic import SetTopic
from tertulia.domain.errors import ChatError
from tertulia.domain.events import ChannelEnded, Event, ModeChange, Received
from tertulia.domain.identities import Credential, Identity, hash_token
from tertulia.domain.ids import LOBBY, HybridClock
from tertulia.domain.names import ChannelName, Nickname, Number
from tertulia.domain.state import State
from tertulia.domain.text import message_text
from tertulia.domain.users import User
from tertulia.domain.waiting import Key
from tertulia.domain.world import Rules, World

START_MS = 1_700_000_000_000
ORIGIN_TAG = 0x12345678


class Room:
    """A chat, and all that it published."""

    def __init__(
        self,
        rules: Rules | None = None,
        seed: int = 1,
        *,
        server: bytes = b"\x00" * 15 + b"\x2a",
        tag: int = ORIGIN_TAG,
        skew_ms: int = 0,
    ) -> None:
        self.now_ms = START_MS + skew_ms
        self.events: list[Event] = []
        """What is to be logged."""
        self.put_by: dict[Key, None] = {}
        """What waits for whom."""
        self.changes: list[Change] = []
        self.repeats: list[Change] = []
        self.state = State()
        chance = random.Random(seed)
        self.world = World(
            self.state,
            rules or Rules(),
            server,
            lambda: self.now_ms,
            chance.randrange,
        )
        self.chat = Chat(self.world, HybridClock(lambda: self.now_ms), tag, self._publish)

    def _publish(self, events: list[Event], changes: list[Change], again: bool) -> None:
        self.events += [event for event in events if event.fact.durability != "presence"]
        self.put_by |= dict.fromkeys(self.state.waiting.added)
        self._hand_over(events)
        (self.repeats if again else self.changes).extend(changes)

    def _hand_over(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event.fact, Received):
                for message in event.fact.messages:
                    self.put_by.pop((event.fact.by.uid, message), None)

    def user(
        self,
        nick: str,
        *channels: str,
        operator: bool = False,
        credential: Credential | None = None,
    ) -> User:
        """Somebody new, in these channels; who has been here as the same one goes."""
        intent = Connect(
            Nickname.parse(nick), "user", "host.example", "Real Name", False, "test", credential
        )
        while (older := self.chat.gives_way(intent)) is not None:
            if older.server:
                self.chat.take_from(older)
            else:
                self.do(older, Disconnect("Connected again from elsewhere"))
        user = self.chat.connect(intent)
        if operator:
            self.do(user, SetUserMode("o", True))
        for channel in channels:
            self.do(user, Join(ChannelName.parse(channel)))
        return user

    def identity(self, nick: str, *channels: str) -> Credential:
        """An identity whose user has been in these channels, and is gone."""
        user = self.user(nick)
        credential = Credential(user.number, hash_token(f"token of {nick}"))
        self.do(user, IssueIdentity(hash_token(f"token of {nick}")))
        user = self.user(nick, *channels, credential=credential)
        self.do(user, Disconnect(""))
        return credential

    def register(self) -> Identity:
        """A bare identity, whose user is not here."""
        identity = self.state.identities.get(self.chat.register())
        assert identity is not None
        return identity

    def bare(self, identity: Identity | None = None) -> User:
        """The user of a bare identity, a new one or this."""
        identity = identity or self.register()
        user = self.user(identity.nick.text, credential=Credential(identity.number, None))
        self.do(user, Rejoin())
        return user

    def do(self, actor: User, intent: Intent) -> list[Any]:
        """What is seen of *actor* doing that."""
        before = len(self.changes)
        self.chat.execute(actor, intent)
        return self.changes[before:]

    def one(self, actor: User, intent: Intent) -> Any:
        """The one change that is seen of it."""
        [change] = self.do(actor, intent)
        return change

    def channel(self, name: str) -> Channel:
        channel = self.state.channel_named(name)
        assert channel is not None
        return channel

    def waiting(self, user: User) -> tuple[str, ...]:
        """What waits for a user, by message id, the oldest first."""
        return tuple(sorted(message for uid, message in self.put_by if uid == user.uid))

    def receive(self, user: User) -> None:
        """Hand a user what waits for them."""
        self.do(user, Receive(self.waiting(user)))

    def lobby(self) -> Channel:
        """The lobby, which a server makes at its first start."""
        lobby = Channel(ChannelName.parse("#lobby"), Number("1000000000000"), LOBBY, self.now_ms)
        self.state.restore_channel(lobby)
        return lobby

    def ranks(self, name: str) -> dict[str, int]:
        """Nickname and rank of those in a channel."""
        return {user.nick.text: rank for user, rank in self.state.occupants(self.channel(name))}


def check_state(state: State, *, alone: bool = True) -> None:
    """What is true of every state, whatever happened; some of it only of a server that is alone."""
    for uid, user in state.users.items():
        assert user.uid == user.face.uid == uid
        assert user.face.nick == user.nick.text
        assert user.face.number == user.number
        if user.durable:
            assert user.number == user.identity == str(uid)
            # What other servers know of it may not have arrived, or have happened since they came.
            identity = state.identities.get(uid)
            assert not alone or state.identities.named(user.nick.text) is identity is not None
        elif alone:
            assert user.number == state.numbers[user.nick.folded]
            identity = state.identities.named(user.nick.text)
            assert identity is None or identity.number == user.identity
        elif not user.server:
            # Each of several servers may have given the nickname another one.
            assert state.owner_of_number(user.number) == user.nick.folded
        assert user.face.mask == f"{user.nick}!{user.username}@{user.host}"
        assert state.user_named(user.nick.text) is user
        if alone or not (user.server or user.number in state.identities):
            assert state.user_named(user.number) is user
        assert state.lookalike(user.nick, besides=user) is None
        if alone:  # else it may have been issued where nobody had heard of them
            identity = state.identities.get(user.identity)
            assert state.identities.lookalike(user.nick, identity) is None
        for name, channel in user.channels.items():
            assert state.channels[name] is channel
            assert uid in channel.occupants
    assert len(state._nicknames) == len(state.users)
    indexed = {
        (skeleton, user.uid)
        for skeleton, users in state._lookalikes.by_skeleton.items()
        for user in users
    }
    assert indexed == {
        (skeleton, user.uid) for user in state.users.values() for skeleton in user.nick.skeletons
    }
    for identity in state.identities:
        assert state.identities.named(identity.nick.text) is identity
        assert state.identities.named(identity.number) is identity
        assert state.identities.lookalike(identity.nick, identity) is None
        assert state.number_taken(identity.number)
    for name, channel in state.channels.items():
        assert channel.name.folded == name
        assert state.number_taken(channel.number)
        assert state.channel_numbered(channel.number) is channel
        assert (channel.emptied is None) == bool(channel.occupants)
        for uid, rank in channel.occupants.items():
            assert uid not in channel.admins or rank & ADMIN
            assert state.users[uid].channels[name] is channel
        for uid in channel.invited:
            assert name in state.users[uid].invited_to
    _check_members(state, alone)


def _check_members(state: State, alone: bool) -> None:
    memberships: dict[str, set[str]] = {}
    for name, channel in state.channels.items():
        for uid in channel.members:
            assert state.identities.is_bare(uid) or (not alone and uid not in state.identities)
            memberships.setdefault(uid, set()).add(name)
    assert {uid: set(names) for uid, names in state.memberships.items()} == memberships
    here = [uid for uid, user in state.users.items() if not user.server]
    bare = {uid for uid in here if state.identities.is_bare(uid)}
    assert state.put_by.keys() == bare
    # They are handed everything by way of the disk, for as long as they are here.
    assert all(state.users[uid].catching_up for uid in bare)


NICKS = ["ana", "Ana", "bob", "bоb", "carol", "Νina", "nina", "νina", "vina", "ｆoo", "foo"]
CHANNELS = ["#lobby", "#tea", "#TEA", "#Éa", "#éA", "#x"]
MASKS = ["ana", "*!*@host.example", "bob!*@*", "a b", "*"]
BARE = ["bare 0", "bare 1", "bare 2"]
"""The identities without a token in the order in which they were registered."""
PEOPLE = [*NICKS, *BARE]
TEXTS = ["", "hello", "a\r\nb", "\0", "é" * 3000, "\ud800"]

_mode = st.tuples(
    st.booleans(),
    st.sampled_from([*FLAGS, *LISTS, "k", "l"]),
    st.sampled_from([*MASKS, "3", "$hash", None]),
)
_rank = st.tuples(st.booleans(), st.sampled_from("ov"), st.sampled_from(PEOPLE))
_verbs = st.one_of(
    st.tuples(st.just("connect"), st.sampled_from(NICKS)),
    st.tuples(st.just("log in"), st.sampled_from(NICKS), st.sampled_from(NICKS)),
    st.tuples(st.just("issue")),
    st.tuples(st.just("read")),
    st.tuples(st.just("register")),
    st.tuples(st.just("come"), st.sampled_from(BARE)),
    st.tuples(st.just("gather"), st.lists(st.sampled_from(PEOPLE), max_size=4)),
    st.tuples(
        st.just("acknowledge"),
        st.sampled_from(PEOPLE),
        st.sampled_from([None, *CHANNELS]),
        st.booleans(),
    ),
    st.tuples(st.just("disconnect"), st.sampled_from(TEXTS)),
    st.tuples(st.just("rename"), st.sampled_from(NICKS)),
    st.tuples(st.just("join"), st.sampled_from(CHANNELS), st.sampled_from([None, "$hash"])),
    st.tuples(st.just("part"), st.sampled_from(CHANNELS), st.sampled_from(TEXTS)),
    st.tuples(st.just("kick"), st.sampled_from(CHANNELS), st.sampled_from(PEOPLE)),
    st.tuples(st.just("invite"), st.sampled_from(CHANNELS), st.sampled_from(PEOPLE)),
    st.tuples(st.just("topic"), st.sampled_from(CHANNELS), st.sampled_from(TEXTS)),
    st.tuples(st.just("modes"), st.sampled_from(CHANNELS), st.lists(_mode, max_size=4)),
    st.tuples(st.just("ranks"), st.sampled_from(CHANNELS), st.lists(_rank, max_size=4)),
    st.tuples(
        st.just("say"),
        st.sampled_from([*CHANNELS, *PEOPLE, "*", "&"]),
        st.sampled_from(TEXTS),
        st.integers(0, 5),
        st.sampled_from([None, "again"]),
    ),
    st.tuples(st.just("away"), st.sampled_from([None, *TEXTS])),
    st.tuples(st.just("operator"), st.booleans()),
    st.tuples(st.just("end"), st.sampled_from(CHANNELS)),
    st.tuples(st.just("wait"), st.integers(-5_000, 100_000)),
)
SCRIPTS = st.lists(st.tuples(st.sampled_from(PEOPLE), _verbs), max_size=60)
"""What people might do: who (by one of the names that they may have), and what."""


def play(room: Room, who: str, verb: str, *arguments: Any) -> None:
    """Let *who* do something; what is refused, or makes no sense just now, does not happen."""
    actor = room.state.user_named(_called(room, who))
    with suppress(ChatError):
        if verb in _UNASKED:
            _UNASKED[verb](room, *arguments)
        elif actor is not None and not actor.server:
            intent = _intent(room, actor, verb, arguments)
            if intent is not None:
                room.do(actor, intent)


def _called(room: Room, who: str) -> str:
    """The name or number of one of `PEOPLE`."""
    if who not in BARE:
        return who
    numbers = [one.number for one in room.state.identities if one.is_bare]
    at = BARE.index(who)
    return numbers[at] if at < len(numbers) else "nobody"


def _log_in(room: Room, whose: str, nick: str) -> None:
    identity = room.state.identities.named(whose)
    if identity is not None:
        room.user(nick, credential=Credential(identity.number, identity.token_hash))


def _come(room: Room, who: str) -> None:
    identity = room.state.identities.get(_called(room, who))
    if identity is not None:
        room.bare(identity)


def _wait(room: Room, ms: int) -> None:
    room.now_ms += ms


def _end(room: Room, name: str) -> None:
    channel = room.state.channel_named(name)
    if channel is not None and not (channel.is_lobby or channel.occupants or channel.members):
        room.chat.record([ChannelEnded(channel.name.text, channel.incarnation)])


def _forget(room: Room) -> None:
    room.chat.record(sift_unused(room.world, 1))


_UNASKED: dict[str, Callable[..., Any]] = {
    "connect": Room.user,
    "register": Room.register,
    "log in": _log_in,
    "come": _come,
    "wait": _wait,
    "end": _end,
    "forget": _forget,
}
"""What needs nobody who is here."""


def _intent(room: Room, actor: User, verb: str, arguments: tuple[Any, ...]) -> Intent | None:
    simple = {"disconnect": Disconnect, "away": SetAway}
    if verb in simple:
        return simple[verb](*arguments)
    if verb == "issue":
        return IssueIdentity(hash_token("secret"))
    if verb == "operator":
        return SetUserMode("o", *arguments)
    if verb == "rename":
        return Rename(Nickname.parse(*arguments))
    if verb == "join":
        name, key = arguments
        return Join(ChannelName.parse(name), proof=key, new_key=key)
    is_bare = room.state.identities.is_bare(actor.uid)
    if verb == "read":
        if messages := room.waiting(actor):
            return Receive(messages)
        return None if is_bare else CatchUp()
    if verb == "gather":
        found = (room.state.recipient(_called(room, who)) for who in arguments[0])
        return Gather(tuple(one for one in found if one)) if is_bare else None
    return _aimed_intent(room, actor, verb, *arguments)


def _aimed_intent(room: Room, actor: User, verb: str, target: str, *more: Any) -> Intent | None:
    channel, find = room.state.channel_named(target), room.state.user_named
    recipient = room.state.recipient(_called(room, target))
    if verb == "acknowledge":
        place = more[0] and room.state.channel_named(more[0])
        about, message = place.number if place else actor.number, room.changes[-1].msgid
        return recipient and Acknowledge(recipient, about, message, room.now_ms, more[1])
    if verb == "say":
        text, style, client_id = more
        whom: Any = channel or recipient or (target if target in "*&" else None)
        return whom and Say(whom, message_text(text), style, client_id=client_id, receipt=True)
    if channel is None:
        return None
    if verb in ("kick", "invite"):
        guest = room.state.recipient(_called(room, more[0]))
        return guest and (Kick if verb == "kick" else Invite)(channel, guest)
    if verb == "modes":
        return SetModes(channel, tuple(ModeChange(*mode) for mode in more[0]))
    if verb == "ranks":
        ranks = (
            (on, mode, user) for on, mode, who in more[0] if (user := find(_called(room, who)))
        )
        return SetRank(channel, tuple(ranks))
    return (Part if verb == "part" else SetTopic)(channel, *more)
