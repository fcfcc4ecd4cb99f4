"""Where the chat meets its sessions: changes are routed to whoever is to see them.

The hub owns which session belongs to which user, and who sees what happens where. It is the
`Core` that sessions talk to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, cast

import structlog
from msgspec.structs import replace

from tertulia.domain import changes as c
from tertulia.domain.channels import ADMIN, VOICE, Channel
from tertulia.domain.chat import Chat, Intent
from tertulia.domain.commands.connect import Connect, Disconnect
from tertulia.domain.commands.identify import sift_unused
from tertulia.domain.elsewhere import AGAIN
from tertulia.domain.errors import StorageFailed
from tertulia.domain.events import WAITING_STYLES, ChannelEnded, Event, Fact
from tertulia.domain.ids import HybridClock, Uid, at_milliseconds
from tertulia.domain.names import Number, fold_name
from tertulia.domain.resume import Token
from tertulia.domain.servers import ServerStatus
from tertulia.domain.state import State
from tertulia.domain.users import User
from tertulia.domain.world import World
from tertulia.protocols.session import Flavour, Onlooker
from tertulia.server.carrier import Carrier
from tertulia.server.fanout import AnySession, Audience, Groups, Run, union
from tertulia.server.gate import Batch, Gate, Log
from tertulia.server.receipts import Receipts
from tertulia.server.recovery import DurableState, Recovery
from tertulia.storage.records import take_writes

logger = structlog.get_logger()

SIFTED_MOST = 500
"""How many identities are looked at in one go, for which nobody came."""
_TOLD_AT = frozenset(10**n for n in range(12))

Observer = Callable[[c.Change], None]
"""Is told of those who come, go, or change their nickname."""


class Hub:
    """The chat of this server and the sessions that take part in it.

    *reload* reads the durable state back from disk, after a failure to write; *committed*
    is called when events are on disk.
    """

    def __init__(
        self,
        world: World,
        clock: HybridClock,
        tag: int,
        log: Log,
        reload: Callable[[], DurableState],
        committed: Callable[[], None] = lambda: None,
    ) -> None:
        self.chat = Chat(world, clock, tag, self._publish)
        self.chat.displace = self._end
        self.world = world
        self.state: State = world.state
        self.recovery = Recovery(self, reload)
        self.gate = Gate(
            log,
            lambda: take_writes(world.state),
            self._close_run,
            self.recovery.failed,
            self._written,
            self._opened,
        )
        self.heard = dict(world.state.heard)
        """The time of the last event on disk of each source, by its tag."""
        self.carrier: Carrier = Carrier()
        """What carries the chat to other servers, if any does."""
        self.observers: list[Observer] = []
        self.left_alone: dict[tuple[str, str], int] = {}
        """How much input of each protocol was left alone, and why."""
        self.watchers_of: Callable[[User], Iterable[AnySession]] = lambda _user: ()
        """Sessions that follow a user without sharing a channel (IRC's extended-monitor)."""
        self.onlookers: Collection[Onlooker[Any]] = ()
        """Sessions that are told once of everything that happens: those of other servers."""
        self._receipts = Receipts(self.gate, lambda: self._acting)
        self._committed = committed
        self._sessions: dict[Uid, AnySession] = {}
        self._audiences: dict[str, Audience] = {}
        self._everyone = Audience()
        self._run: Run | None = None
        self._acting: AnySession | None = None
        self._tainted = False

    # What sessions ask for

    def connect(self, session: AnySession, intent: Connect) -> User:
        """Let the person at *session* come to the server.

        Raises `NicknameInUse` or `WrongCredential`. Who comes as an identity takes the place
        of an older session of theirs.
        """
        while intent.credential and (older := self.chat.gives_way(intent)) is not None:
            self._give_way(older)
        self._acting, self._tainted = session, False
        try:
            user = self.chat.connect(intent)
        finally:
            self._acting = None
        self._sessions[user.uid] = session
        session.user = user
        if session.is_shown:
            self._everyone.add(session)
        return user

    def _give_way(self, older: User) -> None:
        """The same identity has connected again: here, or on another server before."""
        if older.server:
            self.chat.take_from(older)
        else:
            self._end(older, AGAIN)

    def _end(self, user: User, reason: str) -> None:
        """Let somebody who is here be here no more."""
        if (session := self._sessions.get(user.uid)) is not None:
            session.end(reason)

    def register(self, session: AnySession) -> Number:
        """Give out the number of a new bare identity, or raise `TooManyIdentities`."""
        self._acting, self._tainted = session, False
        try:
            return self.chat.register()
        finally:
            self._acting = None

    def execute(self, session: AnySession, intent: Intent) -> None:
        """Do what the person at *session* wants, or raise the `ChatError` that says why not."""
        assert session.user is not None
        self._acting, self._tainted = session, False
        try:
            self.chat.execute(session.user, intent)
        finally:
            self._acting = None

    async def execute_for(self, actor: User, intent: Intent) -> None:
        """Do what *actor* wants, who has no session, and wait until it is on disk.

        Raises the `ChatError` that says why not, `StorageFailed` if it is the disk.
        """
        claims = self.gate.batch.claims
        claimed = len(claims)
        self.chat.execute(actor, intent)
        self.command_over()
        is_durable = len(claims) > claimed
        error = await self.gate.written()
        if error is not None and is_durable:
            raise StorageFailed("Not done: the server cannot write to its disk; try again later")

    def disconnect(self, session: AnySession, reason: str) -> None:
        """Let the person at *session* leave the server."""
        self.execute(session, Disconnect(reason))

    def record(self, facts: list[Fact]) -> None:
        """Let *facts* happen that nobody here asked for."""
        self._tainted = False
        self.chat.record(facts)

    def reflavour(self, session: AnySession, flavour: Flavour) -> None:
        """From now on *session* sees *flavour*."""
        if flavour is session.flavour:
            return
        self._close_run()
        user = session.user
        places = [] if user is None else [self._audiences[name] for name in user.channels]
        if user is not None:
            places.append(self._everyone)
        for audience in places:
            audience.remove(session)
        session.flavour = flavour
        for audience in places:
            audience.add(session)

    def servers(self) -> list[ServerStatus]:
        """Return how other servers are."""
        return self.carrier.servers()

    def session_of(self, user: User) -> AnySession | None:
        """Return the session of *user*, if it is on this server."""
        return self._sessions.get(user.uid)

    def note(self, session: AnySession, reason: str) -> None:
        """Count what came from *session* and was left alone without its being told."""
        kind = reason.partition(":")[0]
        key = (session.protocol, kind)
        count = self.left_alone[key] = self.left_alone.get(key, 0) + 1
        if count in _TOLD_AT:  # so that nobody fills the log
            logger.info("left alone", protocol=session.protocol, reason=reason, count=count)

    def sessions(self) -> list[AnySession]:
        """Return the sessions of all users on this server."""
        return list(self._sessions.values())

    def send(self, session: AnySession, data: bytes) -> None:
        """Send *data* to one session, in its place among everything else."""
        if self._run is not None:
            self._close_run()
        self.gate.send(session, data, self._tainted)

    def command_over(self) -> None:
        """What is sent from now on does not depend on what was just done."""
        self._tainted = False

    # What happened elsewhere

    def show(self, changes: Iterable[c.Change]) -> None:
        """Let those who are here see what happened on other servers, when it is on disk."""
        for change in changes:
            _ROUTES[type(change)](self, change, True)
        if self.state.waiting.woken and not self.gate.rests:
            self._wake()
        self.gate.touch()

    # What happened

    def _publish(self, events: list[Event], changes: list[c.Change], again: bool) -> None:
        acting = self._acting
        durable = False
        batch = self.gate.batch
        if self.carrier.is_open:
            batch.shared += events
        for event in events:
            fact = event.fact
            if fact.durability == "presence":
                continue
            batch.events.append(event)
            if fact.can_be_refused:
                batch.claims.append((acting, event, acting.label if acting else None))
                durable = True
        if events and acting is not None:
            batch.speakers.add(acting)
        # What was said before and is shown again may still be on its way to the disk.
        self._tainted = durable or again
        for change in changes:
            if again:
                self._echo(change)
            else:
                _ROUTES[type(change)](self, change, durable)
        if self.onlookers and not again:
            for change in changes:
                self._tell_onlookers(change, durable)
        # While the gate rests, what was put by is not written for a while.
        if self.state.waiting.woken and not self.gate.rests:
            self._wake()
        self.gate.touch()

    def _opened(self, batch: Batch) -> None:
        if batch.events:
            last = batch.events[-1]
            self.heard[last.tag] = last.hlc
        for one in batch.copied:
            self.heard[one.event.tag] = one.event.hlc
        self.carrier.opened(batch)

    def token(self) -> Token:
        """Return the token of a client that sees what it was sent up to now; what is sent next
        is sent only if all of that is on disk."""
        self._tainted = True
        return Token(dict(self.state.heard), self.world.now())

    def _tell_onlookers(self, change: c.Change, durable: bool) -> None:
        for onlooker in self.onlookers:
            if data := onlooker.overhear(change):
                self.gate.send(onlooker, data, durable)

    def _written(self) -> None:
        self.state.waiting.deleting.clear()
        if self.state.waiting.woken:
            self._wake()
        self._committed()

    def _wake(self) -> None:
        """Tell those who are here that something was put by for them."""
        woken, self.state.waiting.woken = self.state.waiting.woken, {}
        for uid in woken:
            if (session := self._sessions.get(uid)) is not None:
                session.something_waits()

    def _spoken(self, change: c.Spoken, durable: bool) -> None:
        target = change.target
        if target[0] == "#":
            audience = self._audiences.get(target) or self._audiences.get(fold_name(target))
            if audience is None:
                # Nobody is there to hear it, but who said it may want to see it.
                self._echo(change)
            elif change.status:
                self._to_ranks(change, durable)
            else:
                self._to_audience(audience, change, durable, self._silent_speaker(change))
                if change.receipt:
                    self._receipts.expect_from(audience, change)
        elif target in ("*", "&"):
            self._to_audience(self._everyone, change, durable, self._silent_speaker(change))
        else:
            self._to_user(change, durable)

    def _together(self, change: c.Together, durable: bool) -> None:
        """What belongs together is about one channel, or about users who share several."""
        if change.channel:
            self._in_channel(change, durable)
            audience = self._audiences.get(fold_name(change.channel))
            for one in change.changes:
                if audience is not None and isinstance(one, c.Spoken) and one.receipt:
                    self._receipts.expect_from(audience, one)
        else:
            self._scattered(change, durable)

    def _scattered(self, change: c.Together, durable: bool) -> None:
        """Show everyone those of several who left that shared a channel with them."""
        gone = [one for one in change.changes if isinstance(one, c.Gone)]
        names = {name for one in gone for name in one.channels}
        seen: dict[tuple[Flavour, frozenset[str]], list[AnySession]] = {}
        for flavour, recipients in self._neighbours(names, None):
            for session in recipients:
                if session.user is not None:
                    common = frozenset(names.intersection(session.user.channels))
                    seen.setdefault((flavour, common), []).append(session)
        for (flavour, common), sessions in seen.items():
            shown = tuple(one for one in gone if not common.isdisjoint(one.channels))
            self._deliver(((flavour, sessions),), replace(change, changes=shown), durable)
        for one in gone:
            self._tell_observers(one)

    def _silent_speaker(self, change: c.Change) -> AnySession | None:
        acting = self._acting
        return None if acting is None or acting.echoes(change) else acting

    def _echo(self, change: c.Change) -> None:
        acting = self._acting
        if acting is not None and acting.echoes(change):
            self._show(acting, change)

    def _to_user(self, change: c.Spoken | c.TagsSpoken, durable: bool) -> None:
        self._echo(change)
        if change.to is None:
            user = self.state.user_named(change.target)
        else:
            user = self.state.users.get(change.to)
        if user is None or (user.catching_up and _waits(change)):
            return
        session = self._sessions.get(user.uid)
        if session is not None:
            self._deliver_to(session, change, durable)
            # Who is handed everything from disk may not be shown this at all.
            if isinstance(change, c.Spoken) and change.receipt and not user.catching_up:
                self._receipts.expect((session,), change)

    def _acknowledged(self, change: c.Acknowledged, durable: bool) -> None:
        user = self.state.users.get(change.to)
        session = self._sessions.get(change.to)
        if user is not None and session is not None and not user.catching_up:
            self._deliver_to(session, change, durable)

    def _to_ranks(self, change: c.Spoken | c.TagsSpoken, durable: bool) -> None:
        """Deliver what is meant for those of a rank (STATUSMSG)."""
        wanted = ADMIN if change.status == "@" else ADMIN | VOICE
        channel = self.state.channel_named(change.target)
        assert channel is not None
        self._echo(change)
        for uid, rank in channel.occupants.items():
            session = self._sessions.get(uid)
            if rank & wanted and session is not None and session is not self._acting:
                self._deliver_to(session, change, durable)

    def _in_channel(self, change: Any, durable: bool) -> None:
        self._to_audience(self._audiences.get(fold_name(change.channel)), change, durable)

    def _entered(self, change: c.Entered, durable: bool) -> None:
        name = fold_name(change.channel)
        audience = self._audiences.get(name)
        session = self._sessions.get(change.by.uid)
        if session is not None and session.is_shown:
            if audience is None:
                audience = self._audiences[name] = Audience()
            self._close_run()
            audience.add(session)
        self._to_audience(audience, change, durable)

    def _departed(self, change: c.Departed, durable: bool) -> None:
        self._in_channel(change, durable)
        self._take_out(change.by.uid, (fold_name(change.channel),))

    def _expelled(self, change: c.Expelled, durable: bool) -> None:
        self._in_channel(change, durable)
        self._take_out(change.whom.uid, (fold_name(change.channel),))

    def _take_out(self, uid: Uid, names: Iterable[str]) -> None:
        self._close_run()
        session = self._sessions.get(uid)
        for name in names:
            audience = self._audiences.get(name)
            if audience is not None and session is not None:
                audience.remove(session)
                if not audience:
                    del self._audiences[name]

    def _arrived(self, change: c.Arrived, _durable: bool) -> None:
        self._tell_observers(change)

    def _gone(self, change: c.Gone, durable: bool) -> None:
        uid = change.by.uid
        session = self._sessions.get(uid)
        groups = self._neighbours(change.channels, session)
        self._deliver(groups, change, durable)
        self._take_out(uid, change.channels)
        if session is not None:
            self._everyone.remove(session)
            del self._sessions[uid]
        self._tell_observers(change)

    def _nick_changed(self, change: c.NickChanged, durable: bool) -> None:
        user = self.state.users[change.by.uid]
        acting = self._sessions.get(user.uid)
        self._show_own(acting, change, durable)
        self._deliver(self._neighbours(user.channels, acting), change, durable)
        self._tell_observers(change)

    def _about_user(self, change: c.AwayChanged | c.RealnameChanged, durable: bool) -> None:
        user = self.state.users[change.by.uid]
        own = self._sessions.get(user.uid)
        if isinstance(change, c.RealnameChanged):
            self._show_own(own, change, durable)
        groups = self._neighbours(user.channels, own)
        self._deliver(groups, change, durable)
        seen = {session for _, group in groups for session in group}
        for watcher in self.watchers_of(user):
            if watcher not in seen and watcher is not own:
                self._deliver_to(watcher, change, durable)

    def _summoned(self, change: c.Summoned, durable: bool) -> None:
        whom = self._sessions.get(change.whom.uid)
        if whom is not None:
            self._deliver_to(whom, change, durable)
        audience = self._audiences.get(fold_name(change.channel))
        if audience is not None:
            # Those in the channel are told where their protocol has a word for it.
            overheard = replace(change, overheard=True)
            self._deliver(union((audience,), without=self._acting), overheard, durable)

    def _user_mode_changed(self, change: c.UserModeChanged, durable: bool) -> None:
        self._show_own(self._sessions.get(change.by.uid), change, durable)

    def _tell_observers(self, change: c.Change) -> None:
        for observer in self.observers:
            observer(change)

    # Who is to see it

    def _neighbours(self, channels: Iterable[str], without: AnySession | None) -> Groups:
        audiences = [self._audiences[name] for name in channels if name in self._audiences]
        return union(audiences, without)

    def _to_audience(
        self,
        audience: Audience | None,
        change: c.Change,
        durable: bool,
        silent: AnySession | None = None,
    ) -> None:
        if audience is None:
            return
        acting = self._acting
        if acting is not None and acting.capturing and acting is not silent:
            # Its own copy is part of the answer to a labelled command.
            self._show(acting, change)
            silent = acting
        run = self._run
        if run is None or run.audience is not audience or run.durable is not durable:
            self._close_run()
            run = self._run = Run(audience, durable)
        run.items.append((change, silent))

    def _show(self, session: AnySession | None, change: c.Change) -> None:
        if session is not None:
            self._close_run()
            session.show(change)

    def _show_own(self, session: AnySession | None, change: c.Change, durable: bool) -> None:
        if session is None:
            return
        if session is self._acting:
            self._show(session, change)
        else:
            self._deliver_to(session, change, durable)

    def _deliver(self, groups: Groups, change: c.Change, durable: bool) -> None:
        self._close_run()
        for flavour, recipients in groups:
            if recipients and (chunk := flavour.render(change)):
                self.gate.add(recipients, chunk, durable)

    def _deliver_to(self, session: AnySession, change: c.Change, durable: bool) -> None:
        self._deliver(((session.flavour, (session,)),), change, durable)

    def _close_run(self) -> None:
        run = self._run
        if run is not None:
            self._run = None
            for recipients, chunk in run.rendered():
                self.gate.add(recipients, chunk, run.durable)

    def put_out(self, channel: Channel, reason: str) -> None:
        """Take everyone out of a channel that does not exist after all."""
        now = at_milliseconds(self.world.now())
        for user, _ in list(self.state.occupants(channel)):
            session = self._sessions.get(user.uid)
            if session is not None:
                left = c.Departed(now, "", user.face, channel.name.text, reason)
                self._deliver_to(session, left, durable=False)
                self._tell_onlookers(left, durable=False)
        self.state.forget_channel(channel)
        self._audiences.pop(channel.name.folded, None)

    # The life of channels and identities

    def forget_unused_identities(self) -> None:
        """Forget some of the identities that nobody has come as for longer than they are kept."""
        if over := sift_unused(self.world, SIFTED_MOST):
            self.record(over)

    def end_forgotten_channels(self) -> None:
        """End the channels that have been empty for longer than the rules allow."""
        limit = self.world.now() - self.world.rules.channel_grace_s * 1000
        over: list[Fact] = [
            ChannelEnded(channel.name.text, incarnation)
            for channel in self.state.channels.values()
            for incarnation in self.state.histories(channel)
            if channel.emptied is not None
            and channel.emptied <= limit
            and not channel.is_lobby
            and not channel.admins
            and not channel.members
        ]
        if over:
            self.record(over)


def _waits(change: c.Spoken | c.TagsSpoken) -> bool:
    """Whether *change* is shown later to who is being handed what had waited before it."""
    return isinstance(change, c.Spoken) and change.style in WAITING_STYLES


_ROUTES = cast(
    "dict[type[c.Change], Callable[[Hub, c.Change, bool], None]]",
    {
        c.Spoken: Hub._spoken,
        c.TagsSpoken: Hub._spoken,
        c.Together: Hub._together,
        c.CutOff: Hub._in_channel,
        c.Entered: Hub._entered,
        c.Departed: Hub._departed,
        c.Expelled: Hub._expelled,
        c.Acknowledged: Hub._acknowledged,
        c.Gathered: Hub._in_channel,
        c.TopicChanged: Hub._in_channel,
        c.ModesChanged: Hub._in_channel,
        c.Arrived: Hub._arrived,
        c.Gone: Hub._gone,
        c.NickChanged: Hub._nick_changed,
        c.AwayChanged: Hub._about_user,
        c.RealnameChanged: Hub._about_user,
        c.Summoned: Hub._summoned,
        c.UserModeChanged: Hub._user_mode_changed,
    },
)
