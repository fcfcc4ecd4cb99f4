"""Users, channels and who is where. `State.apply` is the only thing that changes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import cast

from msgspec.structs import replace

from tertulia.domain import changes as c
from tertulia.domain import events as e
from tertulia.domain.channels import ADMIN, LISTS, LOBBY_SHUT_MS, RANKS, Channel, ListEntry, Topic
from tertulia.domain.history import describe
from tertulia.domain.identities import Identities, Identity
from tertulia.domain.ids import Hlc, Uid, is_durable, milliseconds
from tertulia.domain.lookalikes import Lookalikes
from tertulia.domain.names import ChannelName, Nickname, Number, fold_name, is_number
from tertulia.domain.users import BOT, BROADCAST_INTERVAL_MS, PARTNERS_MOST, User
from tertulia.domain.waiting import Waiting

ACKNOWLEDGED_MOST = 50_000
NUMBERS_MOST = 200_000
"""Of how many nicknames the numbers are kept; who invents more of them costs no more."""


class State:
    """Everything a server knows about its users and channels."""

    def __init__(self) -> None:
        self.users: dict[Uid, User] = {}
        self.channels: dict[str, Channel] = {}
        self.numbers: dict[str, Number] = {}
        """The number of each nickname that was ever used, by its folded form."""
        self.changed_channels: dict[str, None] = {}
        """Channels whose durable settings are newer than their record on disk."""
        self.changed_numbers: dict[str, None] = {}
        self.identities = Identities()
        self.waiting = Waiting()
        self.memberships: dict[Uid, dict[str, None]] = {}
        """The channels (folded) that each member of one belongs to."""
        self.acknowledged: dict[str, None] = {}
        """The ids of messages to groups that somebody has, the last ones."""
        self._put_by: dict[Uid, None] = {}
        """Users here who are handed everything by way of the disk: those with bare identities."""
        self._nicknames: dict[str, User] = {}
        self._lookalikes: Lookalikes[User] = Lookalikes()
        self._number_owners: dict[str, str] = {}

    # What is where

    def user_named(self, raw: str) -> User | None:
        """Return the user with that nickname, or with that number."""
        user = self._nicknames.get(fold_name(raw))
        if user is None and is_number(raw):
            user = self.users.get(Uid(raw)) or self._nicknames.get(self._number_owners.get(raw, ""))
            # An identity takes its number along when it is called otherwise.
            return user if user is not None and user.number == raw else None
        return user

    def recipient(self, raw: str) -> User | Identity | None:
        """Return who gets a message to *raw*: a user, or an identity whose user is not here."""
        user = self.user_named(raw)
        if user is None and (identity := self.identities.named(raw)) is not None:
            return self.users.get(identity.uid) or identity
        return user

    def user_or_identity(self, uid: Uid) -> User | Identity | None:
        """Return who has that uid: a user, or an identity whose user is not here."""
        return self.users.get(uid) or self.identities.get(uid)

    def channel_numbered(self, number: str) -> Channel | None:
        """Return the channel of that number."""
        return self.channels.get(self._number_owners.get(number, ""))

    def lookalike(self, nick: Nickname, besides: User | None = None) -> User | None:
        """Return the user, *besides* this one, who has *nick* or one that looks like it."""
        return self._lookalikes.find(nick, besides)

    def channel_named(self, raw: str) -> Channel | None:
        """Return the channel of that name."""
        return self.channels.get(raw) or self.channels.get(fold_name(raw))

    def number_taken(self, number: str) -> bool:
        """Whether some nickname or channel has that number."""
        return number in self._number_owners or number in self.identities

    def occupants(self, channel: Channel) -> Iterator[tuple[User, int]]:
        """Yield those who are in *channel*, with their rank (`ADMIN` | `VOICE`)."""
        users = self.users
        return ((users[uid], rank) for uid, rank in channel.occupants.items())

    # What changes it

    def apply(self, event: e.Event, msgid: str) -> list[c.Change]:
        """Let *event* take effect; return what others can see of it."""
        return _APPLY[type(event.fact)](self, event.hlc, msgid, event.fact)

    def restore_channel(self, channel: Channel) -> None:
        """Put back a channel as it was on disk; keeps who is in it now."""
        name = channel.name.folded
        if (before := self.channels.get(name)) is not None:
            self._set_members(before, frozenset())
        self.channels[name] = channel
        self._number_owners[channel.number] = name
        members, channel.members = channel.members, frozenset()
        self._set_members(channel, members)

    def restore_number(self, nickname: str, number: Number) -> None:
        """Put back the number of a nickname (folded)."""
        self.numbers[nickname] = number
        self._number_owners[number] = nickname

    def undo(self, event: e.Event) -> None:
        """*event* could not be written: take back what no record on disk can tell.

        Channels are put back as they are on disk, and so is what waits.
        """
        fact = event.fact
        if isinstance(fact, e.IdentityIssued):
            self.identities.forget(Number(fact.number))
            if (user := self.users.get(fact.by.uid)) is not None:
                user.identity = None

    def rewrite(self, event: e.Event, msgid: str) -> None:
        """*event* could not be written, but remains so: its record is to be written again.

        What waits is as it was on disk before.
        """
        fact = event.fact
        if isinstance(fact, e.NumberAssigned):
            self.changed_numbers[fact.nickname] = None
        elif isinstance(fact, e.IdentityRenamed | e.IdentityUsed | e.IdentityForgotten):
            self.identities.changed[Number(fact.number)] = None
        elif isinstance(fact, e.Received):
            self.waiting.receive(fact.by.uid, fact.until, fact.count)
        elif isinstance(fact, e.Acknowledged):
            self._acknowledged(event.hlc, msgid, fact)

    def forget_channel(self, channel: Channel) -> None:
        """Drop a channel that does not exist (any more), and everyone from it."""
        self._set_members(channel, frozenset())
        del self.channels[channel.name.folded]
        self._number_owners.pop(channel.number, None)
        for uid in channel.occupants:
            self.users[uid].channels.pop(channel.name.folded, None)

    def _set_members(self, channel: Channel, members: frozenset[Uid]) -> None:
        name = channel.name.folded
        for uid in channel.members - members:
            channels = self.memberships[uid]
            del channels[name]
            if not channels:
                del self.memberships[uid]
        for uid in members - channel.members:
            self.memberships.setdefault(uid, {})[name] = None
        channel.members = members

    def _connected(self, hlc: Hlc, msgid: str, fact: e.Connected) -> list[c.Change]:
        user = User(fact, Nickname.parse(fact.face.nick), milliseconds(hlc))
        if self.identities.is_bare(user.uid):
            self._put_by[user.uid] = None
            user.catching_up = True
        else:
            user.catching_up = user.durable and self.waiting.count(user.uid) > 0
        self.users[user.uid] = user
        self._add_nickname(user)
        return [c.Arrived(hlc, msgid, fact.face)]

    def _disconnected(self, hlc: Hlc, msgid: str, fact: e.Disconnected) -> list[c.Change]:
        user = self.users.pop(fact.face.uid)
        self._put_by.pop(user.uid, None)
        self._forget_nickname(user)
        left = tuple(user.channels)
        for channel in user.channels.values():
            self._take_out(user, channel, hlc)
        user.channels = {}
        for name in user.invited_to:
            if (inviting := self.channels.get(name)) is not None:
                inviting.invited.discard(user.uid)
        return [c.Gone(hlc, msgid, fact.face, fact.reason, left, user.realname)]

    def _add_nickname(self, user: User) -> None:
        self._nicknames[user.nick.folded] = user
        self._lookalikes.add(user)

    def _forget_nickname(self, user: User) -> None:
        del self._nicknames[user.nick.folded]
        self._lookalikes.remove(user)

    def _take_out(self, user: User, channel: Channel, hlc: Hlc) -> None:
        channel.occupants.pop(user.uid, None)
        channel.revision += 1
        if not channel.occupants:
            channel.emptied = milliseconds(hlc)
            self.changed_channels[channel.name.folded] = None

    def _number_assigned(self, _hlc: Hlc, _msgid: str, fact: e.NumberAssigned) -> list[c.Change]:
        self.restore_number(fact.nickname, Number(fact.number))
        self.changed_numbers[fact.nickname] = None
        if len(self.numbers) > NUMBERS_MOST:
            self._forget_a_number()
        return []

    def _forget_a_number(self) -> None:
        """Drop the number of a nickname that nobody has: of those known longest, the first."""
        for nickname in self.numbers:
            if nickname not in self._nicknames and self.identities.named(nickname) is None:
                del self._number_owners[self.numbers.pop(nickname)]
                self.changed_numbers[nickname] = None
                return

    def _identity_issued(self, hlc: Hlc, _msgid: str, fact: e.IdentityIssued) -> list[c.Change]:
        number = Number(fact.number)
        issued = None if fact.token else milliseconds(hlc)
        self.identities.add(Identity(number, Nickname.parse(fact.nickname), fact.token, issued))
        user = self.users.get(fact.by.uid)
        if user is not None:
            user.identity = number
        return []

    def _identity_used(self, _hlc: Hlc, _msgid: str, fact: e.IdentityUsed) -> list[c.Change]:
        self.identities.use(Number(fact.number))
        return []

    def _identity_forgotten(
        self, _hlc: Hlc, _msgid: str, fact: e.IdentityForgotten
    ) -> list[c.Change]:
        self.identities.forget(Number(fact.number))
        return []

    def _identity_renamed(self, _hlc: Hlc, _msgid: str, fact: e.IdentityRenamed) -> list[c.Change]:
        self.identities.rename(Number(fact.number), Nickname.parse(fact.nickname))
        return []

    def _received(self, _hlc: Hlc, _msgid: str, fact: e.Received) -> list[c.Change]:
        self.waiting.receive(fact.by.uid, fact.until, fact.count)
        return []

    def _caught_up(self, _hlc: Hlc, _msgid: str, fact: e.CaughtUp) -> list[c.Change]:
        self.waiting.forget(fact.by.uid)
        self.users[fact.by.uid].catching_up = False
        return []

    def _created(self, hlc: Hlc, _msgid: str, fact: e.ChannelCreated) -> list[c.Change]:
        name = ChannelName.parse(fact.channel)
        channel = Channel(name, Number(fact.number), fact.incarnation, milliseconds(hlc))
        channel.key = fact.key
        if fact.flags is not None:
            channel.flags = frozenset(fact.flags)
        if is_durable(fact.by.uid):
            channel.admins = frozenset((fact.by.uid,))
        self.restore_channel(channel)
        self.changed_channels[name.folded] = None
        return []

    def _gathered(self, hlc: Hlc, msgid: str, fact: e.Gathered) -> list[c.Change]:
        channel = self.channels[fold_name(fact.channel)]
        members = channel.members.union(face.uid for face in fact.members)
        self._set_members(channel, members)
        self.changed_channels[channel.name.folded] = None
        for face in fact.members:
            if self.identities.is_bare(face.uid):
                self.waiting.add(face.uid, hlc, msgid, fact)
        return [describe(hlc, msgid, fact)]

    def _ended(self, _hlc: Hlc, _msgid: str, fact: e.ChannelEnded) -> list[c.Change]:
        channel = self.channel_named(fact.channel)
        if channel is not None:
            self.forget_channel(channel)
            self.changed_channels[channel.name.folded] = None
        return []

    def _said(self, hlc: Hlc, msgid: str, fact: e.Said) -> list[c.Change]:
        self._charge_broadcast(hlc, fact)
        if fact.to is not None:
            self._remember_partners(fact.by.uid, fact.to)
            if fact.waits:
                self.waiting.add(fact.to, hlc, msgid, fact)
        elif (self._put_by or self.memberships) and fact.style in e.WAITING_STYLES:
            for uid in self._put_by_for(fact):
                if uid != fact.by.uid:
                    self.waiting.add(uid, hlc, msgid, fact)
        return [describe(hlc, msgid, fact)]

    def _put_by_for(self, fact: e.Said) -> Iterable[Uid]:
        """Return for whom *fact*, which is meant for many, is put by."""
        if fact.target in ("*", "&"):
            return self._put_by
        channel = self.channel_named(fact.target)
        if channel is None or fact.status or not channel.members:
            return ()
        return [uid for uid in channel.members if self.identities.is_bare(uid)]

    def _acknowledged(self, hlc: Hlc, msgid: str, fact: e.Acknowledged) -> list[c.Change]:
        if fact.waits:
            self.waiting.add(fact.to, hlc, msgid, fact)
        if fact.is_of_group:
            self._settle(fact)
        return [describe(hlc, msgid, fact)]

    def _settle(self, fact: e.Acknowledged) -> None:
        """Whoever gets this message to a group from now on need not tell."""
        self.acknowledged[fact.message] = None
        if len(self.acknowledged) > ACKNOWLEDGED_MOST:
            del self.acknowledged[next(iter(self.acknowledged))]
        channel = self.channel_numbered(fact.about)
        if channel is not None:
            bare = [uid for uid in channel.members if self.identities.is_bare(uid)]
            self.waiting.settled.append((fact.message, tuple(bare)))

    def _charge_broadcast(self, hlc: Hlc, fact: e.Said | e.Signalled) -> None:
        if fact.target in ("*", "&") and (user := self.users.get(fact.by.uid)):
            now = milliseconds(hlc)
            user.broadcasts_until = max(user.broadcasts_until, now) + BROADCAST_INTERVAL_MS

    def _remember_partners(self, one: Uid, other: Uid) -> None:
        for uid, partner in ((one, other), (other, one)):
            user = self.users.get(uid)
            if user is not None and partner not in user.partners:
                user.partners[partner] = None
                if len(user.partners) > PARTNERS_MOST:
                    del user.partners[next(iter(user.partners))]

    def _signalled(self, hlc: Hlc, msgid: str, fact: e.Signalled) -> list[c.Change]:
        self._charge_broadcast(hlc, fact)
        return [c.TagsSpoken(hlc, msgid, fact.by, fact.target, fact.tags, fact.status)]

    def _joined(self, hlc: Hlc, msgid: str, fact: e.Joined) -> list[c.Change]:
        user = self.users[fact.by.uid]
        channel = self.channels[fold_name(fact.channel)]
        channel.occupants[user.uid] = ADMIN if fact.admin else 0
        user.channels[channel.name.folded] = channel
        channel.invited.discard(user.uid)
        user.invited_to -= {channel.name.folded}
        if channel.emptied is not None:
            channel.emptied = None
            self.changed_channels[channel.name.folded] = None
        return [c.Entered(hlc, msgid, fact.by, fact.channel, user.realname, user.away, fact.admin)]

    def _parted(self, hlc: Hlc, msgid: str, fact: e.Parted) -> list[c.Change]:
        if fact.quit:  # the Disconnected that goes with it takes effect
            return []
        self._leave(fact.by, fact.channel, hlc)
        return [describe(hlc, msgid, fact)]

    def _kicked(self, hlc: Hlc, msgid: str, fact: e.Kicked) -> list[c.Change]:
        channel = self.channels[fold_name(fact.channel)]
        if fact.whom.uid in channel.occupants:
            self._leave(fact.whom, fact.channel, hlc)
        if channel.is_lobby:
            now = milliseconds(hlc)
            still = {key: until for key, until in channel.shut_out.items() if until > now}
            still[fact.whom.uid] = still[fold_name(fact.whom.nick)] = now + LOBBY_SHUT_MS
            channel.shut_out = still
        return [describe(hlc, msgid, fact)]

    def _member_kicked(self, hlc: Hlc, msgid: str, fact: e.MemberKicked) -> list[c.Change]:
        channel, uid = self.channels[fold_name(fact.channel)], fact.whom.uid
        self._set_members(channel, channel.members - {uid})
        channel.admins -= {uid}
        self.changed_channels[channel.name.folded] = None
        if self.identities.is_bare(uid):
            self.waiting.add(uid, hlc, msgid, fact)
        return self._kicked(hlc, msgid, fact)

    def _leave(self, face: e.Face, name: str, hlc: Hlc) -> None:
        user = self.users[face.uid]
        channel = user.channels.pop(fold_name(name))
        self._take_out(user, channel, hlc)

    def _renamed(self, hlc: Hlc, msgid: str, fact: e.Renamed) -> list[c.Change]:
        user = self.users[fact.by.uid]
        self._forget_nickname(user)
        user.nick = Nickname.parse(fact.now.nick)
        user.number = Number(fact.now.number)
        user.face = fact.now
        for channel in user.channels.values():
            channel.revision += 1
        self._add_nickname(user)
        return [c.NickChanged(hlc, msgid, fact.by, fact.now)]

    def _topic_set(self, hlc: Hlc, msgid: str, fact: e.TopicSet) -> list[c.Change]:
        channel = self.channels[fold_name(fact.channel)]
        channel.topic = Topic(fact.topic, fact.by.mask, milliseconds(hlc)) if fact.topic else None
        self.changed_channels[channel.name.folded] = None
        return [describe(hlc, msgid, fact)]

    def _modes_set(self, hlc: Hlc, msgid: str, fact: e.ModesSet) -> list[c.Change]:
        channel = self.channels[fold_name(fact.channel)]
        for change in fact.modes:
            self._set_mode(channel, change, e_by=fact.by.mask, at=milliseconds(hlc))
        self.changed_channels[channel.name.folded] = None
        return [describe(hlc, msgid, fact)]

    @staticmethod
    def _set_mode(channel: Channel, change: e.ModeChange, *, e_by: str, at: int) -> None:
        mode, value = change.mode, change.value
        if mode in LISTS:
            masks = channel.lists[mode]
            if change.on:
                masks[cast(str, value)] = ListEntry(e_by, at)
            else:
                masks.pop(cast(str, value), None)
        elif mode == "k":
            channel.key = value if change.on else None
        elif mode == "l":
            channel.limit = int(cast(str, value)) if change.on else None
        elif change.on:
            channel.flags |= {mode}
        else:
            channel.flags -= {mode}

    def _ranks_set(self, hlc: Hlc, msgid: str, fact: e.RanksSet) -> list[c.Change]:
        channel = self.channels[fold_name(fact.channel)]
        channel.revision += 1
        for change in fact.ranks:
            rank = RANKS[change.mode]
            held = channel.occupants[change.whom.uid]
            channel.occupants[change.whom.uid] = held | rank if change.on else held & ~rank
        return [describe(hlc, msgid, fact)]

    def _admins_set(self, hlc: Hlc, msgid: str, fact: e.AdminsSet) -> list[c.Change]:
        channel = self.channels[fold_name(fact.channel)]
        for change in fact.ranks:
            uid = change.whom.uid
            if change.mode == "o" and is_durable(uid):
                channel.admins = channel.admins | {uid} if change.on else channel.admins - {uid}
        self.changed_channels[channel.name.folded] = None
        return self._ranks_set(hlc, msgid, fact)

    def _invited(self, hlc: Hlc, msgid: str, fact: e.Invited) -> list[c.Change]:
        channel = self.channels[fold_name(fact.channel)]
        channel.invited.add(fact.whom.uid)
        self.users[fact.whom.uid].invited_to |= {channel.name.folded}
        return [c.Summoned(hlc, msgid, fact.by, fact.whom, fact.channel)]

    def _away_set(self, hlc: Hlc, msgid: str, fact: e.AwaySet) -> list[c.Change]:
        self.users[fact.by.uid].away = fact.message
        return [c.AwayChanged(hlc, msgid, fact.by, fact.message)]

    def _realname_set(self, hlc: Hlc, msgid: str, fact: e.RealnameSet) -> list[c.Change]:
        self.users[fact.by.uid].realname = fact.realname
        return [c.RealnameChanged(hlc, msgid, fact.by, fact.realname)]

    def _usermode_set(self, hlc: Hlc, msgid: str, fact: e.UserModeSet) -> list[c.Change]:
        user = self.users[fact.by.uid]
        user.modes = user.modes | {fact.mode} if fact.on else user.modes - {fact.mode}
        if fact.mode == BOT:
            user.face = replace(user.face, bot=fact.on)
        return [c.UserModeChanged(hlc, msgid, fact.by, fact.mode, fact.on)]


_Handler = Callable[[State, Hlc, str, e.Fact], list[c.Change]]

_APPLY = cast(
    "dict[type[e.Fact], _Handler]",
    {
        e.Connected: State._connected,
        e.Disconnected: State._disconnected,
        e.NumberAssigned: State._number_assigned,
        e.IdentityIssued: State._identity_issued,
        e.IdentityUsed: State._identity_used,
        e.IdentityForgotten: State._identity_forgotten,
        e.IdentityRenamed: State._identity_renamed,
        e.Received: State._received,
        e.CaughtUp: State._caught_up,
        e.ChannelCreated: State._created,
        e.ChannelEnded: State._ended,
        e.Said: State._said,
        e.Signalled: State._signalled,
        e.Joined: State._joined,
        e.Parted: State._parted,
        e.Kicked: State._kicked,
        e.MemberKicked: State._member_kicked,
        e.Gathered: State._gathered,
        e.Acknowledged: State._acknowledged,
        e.Renamed: State._renamed,
        e.TopicSet: State._topic_set,
        e.ModesSet: State._modes_set,
        e.RanksSet: State._ranks_set,
        e.AdminsSet: State._admins_set,
        e.Invited: State._invited,
        e.AwaySet: State._away_set,
        e.RealnameSet: State._realname_set,
        e.UserModeSet: State._usermode_set,
    },
)
