"""The chat of this server among those of others: what passes between `Hub` and `Replicator`.

What others logged is written here in the same way as what happened here, behind the gate, and
seen when it is on disk. Who is on other servers is told by each of these, and kept in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, get_args

import structlog
from msgspec import Raw
from msgspec.structs import replace

from tertulia.domain import changes as c
from tertulia.domain import codec
from tertulia.domain import events as e
from tertulia.domain.errors import ChatError
from tertulia.domain.ids import (
    AHEAD_MS,
    EVERYONE_HERE,
    NOWHERE,
    Conversation,
    Hlc,
    Uid,
    at_milliseconds,
    milliseconds,
    msgid,
    origin_tag,
)
from tertulia.domain.presence import Resident, differences, residents
from tertulia.domain.servers import CATCHING_UP_MS, Apart, ServerStatus
from tertulia.domain.users import User
from tertulia.replication.interface import Replicator, ServerId, Source
from tertulia.replication.messages import Item, Run
from tertulia.server import crowds
from tertulia.server.carrier import Carrier
from tertulia.server.gate import Batch
from tertulia.server.hub import Hub
from tertulia.storage.log import Copied

logger = structlog.get_logger()

UNNOTICED_MS = 10_000
"""How long a server may be out of reach before that is noticed."""
APART_MOST = 200
FOR_EVER = 1 << 62
GRACE_S = 60.0
CLOCK_TOLD_MS = 3_600_000
"""How often it is told that the clock of a server is ahead."""
_SHARED = frozenset(get_args(e.SharedFact))


class Timer(Protocol):
    """What `later` returns."""

    def cancel(self) -> None:
        """Do not do it after all."""


Later = Callable[[float, Callable[[], None]], Timer]


class Federation(Carrier):
    """What carries the chat of *hub* to others, and brings theirs.

    *server_id* and *epoch* are this server's; *committed* says how far each source is on disk;
    *raise_floor* sees to it that this server's next epoch is later than one, and
    *remember_apart* that it is known after a restart when servers could not reach each other.
    """

    def __init__(
        self,
        hub: Hub,
        server_id: bytes,
        epoch: int,
        committed: dict[Source, int],
        later: Later,
        raise_floor: Callable[[int], None],
        remember_apart: Callable[[list[Apart]], None] = lambda _apart: None,
    ) -> None:
        self._hub = hub
        self._server = ServerId(server_id.hex())
        self._source: Source = (self._server, epoch)
        self._later = later
        self._raise_floor = raise_floor
        self._remember_apart = remember_apart
        self.committed = committed
        """The number of the last event on disk of every source."""
        self.grace_s = GRACE_S
        """How long who is on a server that cannot be reached is still shown."""
        self.replicator: Replicator | None = None
        self._graces: dict[str, Timer] = {}
        self._cut_off_at: dict[str, int] = {}
        self._clock_told: dict[str, int] = {}
        """When it was told of which servers that their clocks are ahead."""
        hub.carrier = self

    # What happened here

    @property
    def is_open(self) -> bool:  # type: ignore[override]  # it changes here
        """Whether there is somebody who is told what happens."""
        return self.replicator is not None

    def opened(self, batch: Batch) -> None:
        """What *batch* holds is on disk: others are told of it."""
        first = self.committed.get(self._source, 0) + 1
        if batch.events:
            self.committed[self._source] = first + len(batch.events) - 1
        for one in batch.copied:
            self.committed[ServerId(one.server.hex()), one.epoch] = one.seq
        if self.replicator is None:
            return
        if batch.brought:
            self.replicator.committed(batch.brought)
        if batch.events or batch.shared:
            if parts := self._parts(batch, first):
                self.replicator.published(parts)
            self._ask(batch)

    def failed(self, batches: Sequence[Batch]) -> None:
        """Nothing of what was to be written happened; who is here is told all the same."""
        if self.replicator is None:
            return
        for batch in batches:
            if batch.brought:
                self.replicator.refused(batch.brought)
            present = [_item(event) for event in batch.shared if type(event.fact) in _SHARED]
            if present:
                self.replicator.published([present])
            self._ask(batch)

    def _parts(self, batch: Batch, first: int) -> list[Run | list[Item]]:
        """Return what *batch* holds in the order in which it happened.

        Who comes is told before what they say. What was put off, as it could not be written
        before, is not among what happened in this batch, and comes first.
        """
        parts: list[Run | list[Item]] = []
        place = {id(event): i for i, event in enumerate(batch.events)}
        done = 0
        for event in batch.shared:
            if type(event.fact) in _SHARED and not _is_untold(event.fact):
                _add_present(parts, _item(event))
            at = place.get(id(event))
            if at is not None:
                for other in batch.events[done : at + 1]:
                    self._add_logged(parts, other, first)
                done = at + 1
        for other in batch.events[done:]:
            self._add_logged(parts, other, first)
        return parts

    def _add_logged(self, parts: list[Run | list[Item]], event: e.Event, first: int) -> None:
        last = parts[-1] if parts else None
        if isinstance(last, Run):
            last.items.append(_item(event))
            return
        told = sum(len(part.items) for part in parts if isinstance(part, Run))
        parts.append(Run(*self._source, first + told, [_item(event)]))

    def _ask(self, batch: Batch) -> None:
        assert self.replicator is not None
        for event in batch.shared:
            if isinstance(event.fact, e.Wanted) and event.fact.server:
                body = Raw(codec.encode(event.fact.fact))
                item = Item(event.hlc, event.conversation, body)
                self.replicator.ask(ServerId(event.fact.server), item)

    # What happened elsewhere

    def take(self, runs: Sequence[Run], late: bool) -> None:
        """Let events of other servers happen."""
        batch = self._hub.gate.batch
        events: list[e.Event] = []
        changes: list[c.Change] = []
        for run in runs:
            server = bytes.fromhex(run.server)
            tag = origin_tag(server, run.epoch)
            for seq, item in enumerate(run.items, run.first):
                event = self._event(item, tag)
                batch.copied.append(
                    Copied(server, run.epoch, seq, event, bytes(item.body).decode())
                )
                changes += self._merge(event)
                events.append(event)
            if run.items:
                self._compare_clocks(run.server, Hlc(run.items[-1].hlc))
        batch.brought += runs
        self._tell_what_is_dropped(events, runs)
        self._hub.show(crowds.late(changes, self._now()) if late else changes)
        self._hub.chat.see_to(events)

    def _tell_what_is_dropped(self, events: Sequence[e.Event], runs: Sequence[Run]) -> None:
        dropped = sum(isinstance(event.fact, e.Erased) for event in events)
        if dropped:
            names = {self._hub.state.servers.get(run.server, run.server) for run in runs}
            logger.info(
                "messages are no longer kept elsewhere",
                server=", ".join(sorted(names)),
                messages=dropped,
            )

    def _compare_clocks(self, server: str, hlc: Hlc) -> None:
        """Tell the operator of a clock that is not followed (see `HybridClock`)."""
        now = self._hub.world.now()
        ahead_ms = milliseconds(hlc) - now
        if ahead_ms > AHEAD_MS and now >= self._clock_told.get(server, 0) + CLOCK_TOLD_MS:
            self._clock_told[server] = now
            logger.warning(
                "the clock of a server is ahead of this one's; one of them is wrong",
                name=self._hub.state.servers.get(server, server),
                seconds=ahead_ms // 1000,
            )

    def _event(self, item: Item, tag: int) -> e.Event:
        try:
            fact: e.Fact = codec.logged(bytes(item.body))
        except codec.Unusable as error:
            logger.warning("an event of another server is not understood", reason=str(error))
            fact = e.Unknown()
        place = Conversation(item.conversation)
        if place == EVERYONE_HERE:  # which is there
            place = NOWHERE
        return e.Event(Hlc(item.hlc), place, fact, item.retry, tag, Hlc(item.stamp))

    def _merge(self, event: e.Event) -> list[c.Change]:
        if isinstance(event.fact, e.Said) and event.fact.target == "&":
            return []
        try:
            return self._hub.chat.merge([event])
        except (ChatError, ValueError, KeyError) as error:
            logger.warning("an event of another server makes no sense", reason=repr(error))
            return []

    def _now(self) -> Hlc:
        return at_milliseconds(self._hub.world.now())

    # Who is there

    def present(self, server: ServerId, items: Sequence[Item]) -> None:
        """Let changes of who is where on *server* happen."""
        # Only what is logged has the tag of its epoch.
        tag = origin_tag(bytes.fromhex(server), 0)
        for item in items:
            try:
                fact = codec.shared(bytes(item.body))
            except codec.Unusable as error:
                logger.warning("who is on another server is not understood", reason=str(error))
                continue
            event = e.Event(Hlc(item.hlc), Conversation(item.conversation), fact, tag=tag)
            self._compare_clocks(server, event.hlc)
            self._hub.show(self._tell(server, event))

    def _tell(self, server: str, event: e.Event) -> list[c.Change]:
        try:
            return self._hub.chat.tell(server, event)
        except (ChatError, ValueError, KeyError) as error:
            logger.warning("who is on another server makes no sense", reason=repr(error))
            return []

    def replace(self, server: ServerId, users: Sequence[Raw]) -> None:
        """These, and nobody else, are on *server*."""
        try:
            told = [codec.resident(bytes(user)) for user in users]
        except codec.Unusable as error:
            logger.warning("who is on another server is not understood", reason=str(error))
            return
        self._show_back(server, {one.came.face.uid: one.at for one in told})
        self._let_be_there(server, told)

    def _let_be_there(self, server: str, told: Sequence[Resident]) -> None:
        """Show the users of *server* who are there now, and no longer those who are not."""
        changes: list[c.Change] = []
        for event in differences(self._hub.state, server, told, 0, self._now()):
            changes += self._tell(server, event)
        state = self._hub.state
        name = state.servers.get(server, server)
        shown = crowds.crowds(changes, state.server_face.nick, name, self._now())
        self._hub.show(shown)

    def everybody(self, server: ServerId) -> list[Raw]:
        """Return who is on *server*."""
        where = "" if server == self._server else server
        return [Raw(codec.encode(one)) for one in residents(self._hub.state, where)]

    def asked(self, by: ServerId, item: Item) -> None:
        """Another server wants something of a user of this one."""
        try:
            self._hub.chat.asked(codec.wanted(bytes(item.body)))
        except (codec.Unusable, ChatError, ValueError, KeyError) as error:
            logger.warning("what a server wants is not understood", server=by, reason=repr(error))

    # Which servers there are

    def reach(self, server: ServerId, name: str, reachable: bool, orderly: bool) -> None:
        """*server* can be reached now, or no longer."""
        self._hub.state.servers[server] = name
        if reachable:
            logger.info("server linked", name=name)
            self._end_grace(server)
            self._note_apart(self._cut_off_at.pop(server, None))
            return
        if orderly:
            logger.info("server stopped", name=name)
            self._forget(server)
            return
        logger.warning("server cut off", name=name)
        self._cut_off_at[server] = self._hub.world.now() - UNNOTICED_MS
        self._note_apart(self._cut_off_at[server], for_ever=True)
        self._cut_off(server)
        self._end_grace(server)
        self._graces[server] = self._later(self.grace_s, lambda: self._forget(server))

    def _note_apart(self, since: int | None, for_ever: bool = False) -> None:
        """Remember that some server could not be reached since then, as yet or until now."""
        if since is None:
            return
        state = self._hub.state
        until = FOR_EVER if for_ever else self._hub.world.now() + CATCHING_UP_MS
        others = [one for one in state.apart if one.since != since]
        state.apart = [*others, Apart(since, until)][-APART_MOST:]
        self._remember_apart(state.apart)

    def _end_grace(self, server: str) -> None:
        if (timer := self._graces.pop(server, None)) is not None:
            timer.cancel()

    def _cut_off(self, server: str) -> None:
        users = [user for user in self._hub.state.users.values() if user.server == server]
        for user in users:
            user.is_cut_off = True
        self._tell_channels(server, users, back=False)

    def _show_back(self, server: str, there: Mapping[Uid, Hlc]) -> None:
        """Those who were cut off and are *there* since then, as before, are cut off no more."""
        cut_off = [u for u in self._hub.state.users.values() if u.server == server and u.is_cut_off]
        back = [user for user in cut_off if there.get(user.uid) == user.came]
        self._tell_channels(server, back, back=True)
        for user in cut_off:
            user.is_cut_off = False

    def _tell_channels(self, server: str, users: Iterable[User], back: bool) -> None:
        nicks: dict[str, list[str]] = {}
        for user in users:
            for channel in user.channels.values():
                nicks.setdefault(channel.name.text, []).append(user.nick.text)
        now, name = self._now(), self._hub.state.servers.get(server, server)
        self._hub.show(
            [c.CutOff(now, "", name, channel, tuple(who), back) for channel, who in nicks.items()]
        )

    def _forget(self, server: str) -> None:
        """Nobody of *server* is there any more."""
        self._graces.pop(server, None)
        self._let_be_there(server, ())

    def lost(self, server: ServerId, epoch: int, first: int, last: int) -> None:
        """Nobody keeps these events any more."""
        name = self._hub.state.servers.get(server, server)
        logger.warning("events are kept nowhere any more", server=name, first=first, last=last)

    def overtaken(self, epoch: int) -> None:
        """Others know of a later epoch of this server than its own."""
        self._raise_floor(epoch)
        logger.error("the history of this server and its clock were set back; start it again")

    def doubled(self, server: ServerId, name: str, why: str) -> None:
        """Two servers have one id."""
        logger.error("two servers have one id", name=name, reason=why)

    def servers(self) -> list[ServerStatus]:
        """Return how other servers are."""
        if self.replicator is None:
            return []
        users = self._hub.state.users.values()
        return [
            ServerStatus(
                server=peer.server,
                name=peer.name,
                reachable=peer.reachable,
                linked=peer.linked,
                users=sum(user.server == peer.server for user in users),
                address=peer.address,
                via=peer.via,
                latency_s=peer.latency_s,
                lag=peer.lag,
                behind=peer.behind,
                queued=peer.queued,
                why=peer.why,
            )
            for peer in self.replicator.peers().values()
        ]


def _is_untold(fact: e.Fact) -> bool:
    """Whether *fact* is told otherwise (by who quits), or is for this server alone."""
    if isinstance(fact, e.Parted):
        return fact.quit
    return isinstance(fact, e.Signalled) and fact.target == "&"


def _item(event: e.Event) -> Item:
    fact = event.fact
    if isinstance(fact, e.Connected):
        fact = replace(fact, claim=msgid(event.hlc, event.tag))
    body = Raw(codec.encode(fact))
    return Item(event.hlc, event.conversation, body, event.stamp, event.client_id)


def _add_present(parts: list[Any], item: Item) -> None:
    if parts and isinstance(parts[-1], list):
        parts[-1].append(item)
    else:
        parts.append([item])
