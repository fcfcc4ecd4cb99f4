"""A chat whose clock and chance are in the hands of the test."""

import random
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st

from tertulia.domain.changes import Change
from tertulia.domain.chat import Chat, Intent
from tertulia.domain.commands.catch_up import CatchUp
from tertulia.domain.commands.connect import Connect, Disconnect
from tertulia.domain.commands.identify import IssueIdentity
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
from tertulia.domain.events import ChannelEnded, Event, ModeChange
from tertulia.domain.identities import Credential, hash_token
from tertulia.domain.ids import LOBBY, HybridClock
from tertulia.domain.names import ChannelName, Nickname, Number
from tertulia.domain.state import ADMIN, FLAGS, LISTS, Channel, State, User
from tertulia.domain.text import message_text
from tertulia.domain.world import Rules, World

START_MS = 1_700_000_000_000
ORIGIN_TAG = 0x12345678


class Room:
    """A chat, and all that it published."""

    def __init__(self, rules: Rules | None = None, seed: int = 1) -> None:
        self.now_ms = START_MS
        self.events: list[Event] = []
        self.changes: list[Change] = []
        self.repeats: list[Change] = []
        self.state = State()
        chance = random.Random(seed)
        self.world = World(
            self.state,
            rules or Rules(),
            b"\x00" * 15 + b"\x2a",
            lambda: self.now_ms,
            chance.randrange,
        )
        self.chat = Chat(self.world, HybridClock(lambda: self.now_ms), ORIGIN_TAG, self._publish)

    def _publish(self, events: list[Event], changes: list[Change], again: bool) -> None:
        self.events += events
        (self.repeats if again else self.changes).extend(changes)

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
        if (older := self.chat.gives_way(intent)) is not None:
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

    def lobby(self) -> Channel:
        """The lobby, which a server makes at its first start."""
        lobby = Channel(ChannelName.parse("#lobby"), Number("1000000000000"), LOBBY, self.now_ms)
        self.state.restore_channel(lobby)
        return lobby

    def ranks(self, name: str) -> dict[str, int]:
        """Nickname and rank of those in a channel."""
        return {user.nick.text: rank for user, rank in self.state.occupants(self.channel(name))}


def check_state(state: State) -> None:
    """What is true of every state, whatever happened."""
    for uid, user in state.users.items():
        assert user.uid == user.face.uid == uid
        assert user.face.nick == user.nick.text
        assert user.face.number == user.number
        if user.durable:
            assert user.number == user.identity == str(uid)
            assert state.identities.named(user.nick.text) is state.identities.get(uid) is not None
        else:
            assert user.number == state.numbers[user.nick.folded]
            identity = state.identities.named(user.nick.text)
            assert identity is None or identity.number == user.identity
        assert user.face.mask == f"{user.nick}!{user.username}@{user.host}"
        assert state.user_named(user.nick.text) is user
        assert state.user_named(user.number) is user
        assert state.lookalike(user.nick, besides=user) is None
        assert state.identities.lookalike(user.nick, state.identities.get(user.identity)) is None
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


NICKS = ["ana", "Ana", "bob", "bоb", "carol", "Νina", "nina", "νina", "vina", "ｆoo", "foo"]
CHANNELS = ["#lobby", "#tea", "#TEA", "#Éa", "#éA", "#x"]
MASKS = ["ana", "*!*@host.example", "bob!*@*", "a b", "*"]
TEXTS = ["", "hello", "a\r\nb", "\0", "é" * 3000, "\ud800"]

_mode = st.tuples(
    st.booleans(),
    st.sampled_from([*FLAGS, *LISTS, "k", "l"]),
    st.sampled_from([*MASKS, "3", "$hash", None]),
)
_rank = st.tuples(st.booleans(), st.sampled_from("ov"), st.sampled_from(NICKS))
_verbs = st.one_of(
    st.tuples(st.just("connect"), st.sampled_from(NICKS)),
    st.tuples(st.just("log in"), st.sampled_from(NICKS), st.sampled_from(NICKS)),
    st.tuples(st.just("issue")),
    st.tuples(st.just("read")),
    st.tuples(st.just("disconnect"), st.sampled_from(TEXTS)),
    st.tuples(st.just("rename"), st.sampled_from(NICKS)),
    st.tuples(st.just("join"), st.sampled_from(CHANNELS), st.sampled_from([None, "$hash"])),
    st.tuples(st.just("part"), st.sampled_from(CHANNELS), st.sampled_from(TEXTS)),
    st.tuples(st.just("kick"), st.sampled_from(CHANNELS), st.sampled_from(NICKS)),
    st.tuples(st.just("invite"), st.sampled_from(CHANNELS), st.sampled_from(NICKS)),
    st.tuples(st.just("topic"), st.sampled_from(CHANNELS), st.sampled_from(TEXTS)),
    st.tuples(st.just("modes"), st.sampled_from(CHANNELS), st.lists(_mode, max_size=4)),
    st.tuples(st.just("ranks"), st.sampled_from(CHANNELS), st.lists(_rank, max_size=4)),
    st.tuples(
        st.just("say"),
        st.sampled_from([*CHANNELS, *NICKS, "*", "&"]),
        st.sampled_from(TEXTS),
        st.integers(0, 5),
        st.sampled_from([None, "again"]),
    ),
    st.tuples(st.just("away"), st.sampled_from([None, *TEXTS])),
    st.tuples(st.just("operator"), st.booleans()),
    st.tuples(st.just("end"), st.sampled_from(CHANNELS)),
    st.tuples(st.just("wait"), st.integers(-5_000, 100_000)),
)
SCRIPTS = st.lists(st.tuples(st.sampled_from(NICKS), _verbs), max_size=60)
"""What people might do: who (by one of the names that they may have), and what."""


def play(room: Room, who: str, verb: str, *arguments: Any) -> None:
    """Let *who* do something; what is refused, or makes no sense just now, does not happen."""
    actor = room.state.user_named(who)
    with suppress(ChatError):
        if verb == "connect":
            room.user(*arguments)
        elif verb == "log in":
            whose, nick = arguments
            identity = room.state.identities.named(whose)
            if identity is not None:
                room.user(nick, credential=Credential(identity.number, identity.token_hash))
        elif verb == "wait":
            room.now_ms += arguments[0]
        elif verb == "end":
            channel = room.state.channel_named(arguments[0])
            if channel is not None and not channel.is_lobby and not channel.occupants:
                room.chat.record([ChannelEnded(channel.name.text)])
        elif actor is not None:
            intent = _intent(room, verb, arguments)
            if intent is not None:
                room.do(actor, intent)


def _intent(room: Room, verb: str, arguments: tuple[Any, ...]) -> Intent | None:
    simple = {"disconnect": Disconnect, "away": SetAway, "read": CatchUp}
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
    return _aimed_intent(room, verb, *arguments)


def _aimed_intent(room: Room, verb: str, target: str, *more: Any) -> Intent | None:
    channel, find = room.state.channel_named(target), room.state.user_named
    recipient = room.state.recipient(target)
    if verb == "say":
        text, style, client_id = more
        whom: Any = channel or recipient or (target if target in "*&" else None)
        return whom and Say(whom, message_text(text), style, client_id=client_id)
    if channel is None:
        return None
    if verb in ("kick", "invite"):
        user = find(more[0])
        return user and (Kick if verb == "kick" else Invite)(channel, user)
    if verb == "modes":
        return SetModes(channel, tuple(ModeChange(*mode) for mode in more[0]))
    if verb == "ranks":
        ranks = ((on, mode, user) for on, mode, nick in more[0] if (user := find(nick)))
        return SetRank(channel, tuple(ranks))
    return (Part if verb == "part" else SetTopic)(channel, *more)
