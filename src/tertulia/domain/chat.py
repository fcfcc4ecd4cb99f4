"""One chat: intents come in, what happened and what can be seen of it goes out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, cast

from msgspec.structs import replace

from tertulia.domain import effects
from tertulia.domain import events as e
from tertulia.domain.changes import Change
from tertulia.domain.commands import (
    acknowledge,
    catch_up,
    connect,
    gather,
    identify,
    invite,
    join,
    kick,
    kill,
    modes,
    part,
    poke,
    profile,
    rename,
    say,
    topic,
)
from tertulia.domain.elsewhere import AGAIN, Elsewhere
from tertulia.domain.follow_up import follow_up
from tertulia.domain.ids import (
    EVERYONE,
    EVERYONE_HERE,
    NOWHERE,
    Conversation,
    Hlc,
    HybridClock,
    Uid,
    at_milliseconds,
    msgid,
)
from tertulia.domain.names import Nickname, Number
from tertulia.domain.retries import Retries
from tertulia.domain.state import State
from tertulia.domain.users import User
from tertulia.domain.world import World

_SETTLES_NICKNAMES = frozenset({e.Connected, e.Disconnected, e.Renamed})
WRITES = frozenset(
    {
        e.TopicSet,
        e.ModesSet,
        e.AdminsSet,
        e.Gathered,
        e.MemberKicked,
        e.IdentityRenamed,
        e.ChannelEnded,
        e.ChannelKept,
        e.NumberAssigned,
    }
)
"""The facts that write over what was written before."""

Publish = Callable[[list[e.Event], list[Change], bool], None]


class Intent(Protocol):
    """Anything that `Chat.execute` knows how to decide."""


_Decide = Callable[[World, User, Any], list[e.Fact]]

_DECIDE = cast(
    "dict[type[Intent], _Decide]",
    {
        acknowledge.Acknowledge: acknowledge.acknowledge,
        catch_up.Receive: catch_up.receive,
        catch_up.CatchUp: catch_up.catch_up,
        connect.Disconnect: connect.disconnect,
        connect.Rejoin: connect.rejoin,
        gather.Gather: gather.gather,
        identify.IssueIdentity: identify.issue_identity,
        invite.Invite: invite.invite,
        join.Join: join.join,
        kick.Kick: kick.kick,
        kill.Kill: kill.kill,
        modes.SetModes: modes.set_modes,
        modes.SetRank: modes.set_rank,
        part.Part: part.part,
        poke.Poke: poke.poke,
        profile.SetAway: profile.set_away,
        profile.SetRealname: profile.set_realname,
        profile.SetUserMode: profile.set_user_mode,
        rename.Rename: rename.rename,
        say.Say: say.say,
        topic.SetTopic: topic.set_topic,
    },
)


class Chat:
    """The chat as it is on one server.

    *publish* is called once an intent, with what happened, the changes that may be shown when
    that is on disk, and whether these were shown before, and are again only to the one who
    asked. *tag* is 32 bits that name the server and epoch.
    """

    def __init__(self, world: World, clock: HybridClock, tag: int, publish: Publish) -> None:
        self.world = world
        self.state: State = world.state
        self._clock = clock
        self._tag = tag
        self._publish = publish
        self._retries = Retries(self.state.waiting)
        self.displace: Callable[[User, str], None] = lambda _user, _reason: None
        """Ends the session of a user here, because another server wants it."""
        self._elsewhere = Elsewhere(
            self.state,
            self._show,
            lambda: at_milliseconds(self.world.now()),
            self._call,
            lambda user: self.displace(user, AGAIN),
        )

    def gives_way(self, intent: connect.Connect) -> User | None:
        """Return who must leave before *intent*: the same identity, connected before."""
        return connect.gives_way(self.world, intent.nick, intent.credential)

    def connect(self, intent: connect.Connect) -> User:
        """Let someone come to the server; raises `NicknameInUse` or `WrongCredential`."""
        facts = connect.connect(self.world, intent)
        self.record(facts)
        user = self.state.user_named(intent.nick.text)
        assert user is not None
        return user

    def take_from(self, older: User) -> None:
        """Let the same identity, which is connected to another server, be there no more.

        The session in which it was issued may be somebody else's by its uid: who that is goes
        on being shown, but not under its nickname.
        """
        self.record([e.Wanted(older.server, e.Disconnected(older.face, AGAIN))])
        stop = self._elsewhere.shade if older.durable else self._elsewhere.displace
        self._publish([], stop(older), False)

    def _call(self, user: User, face: e.Face) -> None:
        """Let a user of this server have another nickname, and the number of that."""
        facts: list[e.Fact] = []
        if not user.durable:
            facts, number = connect.number_of(self.world, Nickname.parse(face.nick))
            face = replace(face, number=number)
        self.record([*facts, e.Renamed(user.face, face)])

    def register(self) -> Number:
        """Give out the number of a new bare identity, or raise `TooManyIdentities`."""
        facts, number = identify.register(self.world)
        self.record(facts)
        return number

    def execute(self, actor: User, intent: Intent) -> None:
        """Do what *actor* wants, or raise the `ChatError` that says why not."""
        facts = _DECIDE[type(intent)](self.world, actor, intent)
        client_id = intent.client_id if type(intent) is say.Say else None
        if client_id is None:
            self.record(facts)
            for fact in facts:
                if type(fact) is e.Wanted and not fact.server:
                    self.asked(fact.fact)
        else:
            self._record_once(actor, facts, client_id)

    def record(
        self, facts: Sequence[e.Fact], client_id: str | None = None
    ) -> tuple[list[e.Event], list[Change]]:
        """Let *facts* happen now, and publish them; return what happened and what is seen."""
        events: list[e.Event] = []
        changes: list[Change] = []
        for fact in facts:
            hlc = self._clock.tick()
            event = e.Event(hlc, self._conversation(fact), fact, client_id, self._tag)
            if type(fact) in WRITES:
                event = self._stamped(event)
            changes += effects.apply(self.state, event, msgid(hlc, self._tag))
            events.append(event)
        if (self.state.displaced or self.state.shadows) and any(
            type(f) in _SETTLES_NICKNAMES for f in facts
        ):
            changes += self._elsewhere.returning()
        if facts:
            self._publish(events, changes, False)
        return events, changes

    def _stamped(self, event: e.Event) -> e.Event:
        """Return *event* so that it counts more than what it writes over, though that may have
        been written by a server whose clock is ahead."""
        latest = effects.latest(self.state, event)
        return replace(event, stamp=Hlc(latest + 1)) if latest >= event.hlc else event

    def _record_once(self, actor: User, facts: list[e.Fact], client_id: str) -> None:
        """A client that says the same thing again, not knowing that it was heard, is shown
        what it said the first time."""
        heard = self._retries.heard(actor.uid, client_id)
        if heard is not None:
            self._publish([], heard.changes, True)
            return
        events, changes = self.record(facts, client_id)
        for event in events:
            self._retries.remember(event, changes)

    def forget_retry(self, event: e.Event) -> None:
        """*event* could not be written: whoever says it again has not said it before."""
        self._retries.forget(event)

    def rewrite(self, event: e.Event) -> None:
        """*event* could not be written, but remains so: write its record again."""
        effects.rewrite(self.state, event, msgid(event.hlc, event.tag))

    # What happened elsewhere

    def merge(self, events: Iterable[e.Event]) -> list[Change]:
        """Let what was logged on other servers happen here; return what can be seen of it.

        What a client said again on another server, not knowing that it was heard, is shown once.
        """
        changes: list[Change] = []
        for event in events:
            self._clock.observe(event.hlc)
            again = self._retries.merged(event)
            seen = effects.merge(self.state, again or event, msgid(event.hlc, event.tag))
            if again is None:
                self._retries.remember(event, seen)
                changes += seen
        return changes

    def tell(self, server: str, event: e.Event) -> list[Change]:
        """Let happen what *server* tells of its users; return what can be seen of it."""
        self._clock.observe(event.hlc)
        return self._elsewhere.tell(server, event)

    def asked(self, fact: e.WantedFact) -> None:
        """Let happen what another server wants of users of this one, if it still can."""
        users, channel = self.state.users, None
        if not isinstance(fact, e.Disconnected):
            channel = self.state.channel_named(fact.channel)
            if channel is None:
                return
        if isinstance(fact, e.RanksSet):
            assert channel is not None
            here = [one for one in fact.ranks if one.whom.uid in channel.occupants]
            ranks = tuple(one for one in here if not users[one.whom.uid].server)
            if ranks:
                self.record([e.RanksSet(fact.by, channel.name.text, ranks)])
        elif isinstance(fact, e.Kicked):
            assert channel is not None
            user = users.get(fact.whom.uid)
            if user is not None and not user.server and user.uid in channel.occupants:
                self.record([e.Kicked(fact.by, channel.name.text, user.face, fact.reason)])
        elif (user := users.get(fact.face.uid)) is not None and not user.server:
            self.displace(user, fact.reason)

    def _show(self, event: e.Event) -> list[Change]:
        return effects.present(self.state, event, msgid(event.hlc, event.tag))

    def see_to(self, events: Iterable[e.Event]) -> None:
        """Do what this server has to do because of what happened elsewhere."""
        for event in events:
            if facts := follow_up(self.state, event):
                self.record(facts)

    def _conversation(self, fact: e.Fact) -> Conversation:
        if type(fact) is e.Said:
            return self.conversation_with(fact.by.uid, fact.target, fact.to)
        if type(fact) is e.ChannelCreated or type(fact) is e.ChannelEnded:
            return fact.incarnation
        name = getattr(fact, "channel", None)
        channel = None if name is None else self.state.channel_named(name)
        return NOWHERE if channel is None else channel.incarnation

    def conversation_with(self, uid: Uid, target: str, to: Uid | None) -> Conversation:
        """Return the history that a message from *uid* to *target* belongs to."""
        if to is not None:
            return direct_conversation(uid, to)
        if target == "*":
            return EVERYONE
        if target == "&":
            return EVERYONE_HERE
        channel = self.state.channel_named(target)
        return NOWHERE if channel is None else channel.incarnation


def direct_conversation(one: Uid, other: Uid) -> Conversation:
    """Return the history that two users share."""
    pair = "\0".join(sorted((one, other)))
    digest = hashlib.blake2b(pair.encode(), digest_size=8).digest()
    return Conversation((int.from_bytes(digest, "big") >> 2) | 1 << 62)
