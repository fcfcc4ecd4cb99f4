"""Users, channels and who is where. Only `effects` changes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tertulia.domain import events as e
from tertulia.domain.channels import Channel
from tertulia.domain.identities import Identities, Identity
from tertulia.domain.ids import Conversation, Hlc, Uid, at_milliseconds, milliseconds
from tertulia.domain.lookalikes import Lookalikes
from tertulia.domain.names import ChannelName, Nickname, Number, fold_name, is_number
from tertulia.domain.servers import Apart
from tertulia.domain.users import PARTNERS_MOST, User
from tertulia.domain.waiting import Waiting

NUMBERS_MOST = 200_000
"""Of how many nicknames the numbers are kept; who invents more of them costs no more."""


class State:
    """Everything a server knows about users and channels, its own and those of others."""

    def __init__(self) -> None:
        self.server_face = e.Face(Uid("server"), "", "0" * 13, "")
        """How the server itself is shown."""
        self.server = ""
        """The id of this server, in hexadecimal digits."""
        self.servers: dict[str, str] = {}
        """The names of other servers, by id."""
        self.apart: list[Apart] = []
        """When not all servers heard each other, the last times."""
        self.users: dict[Uid, User] = {}
        self.channels: dict[str, Channel] = {}
        """The channels that there are, by their folded name."""
        self.incarnations: dict[Conversation, Channel] = {}
        """These, those that lost to one of the same name, and those that ended."""
        self.numbers: dict[str, Number] = {}
        """The number of each nickname that was ever used, by its folded form."""
        self.number_places: dict[Number, str] = {}
        """When each number was given out."""
        self.changed_channels: dict[Conversation, None] = {}
        """Incarnations whose durable settings are newer than their record on disk."""
        self.changed_numbers: dict[Number, None] = {}
        self.identities = Identities()
        self.waiting = Waiting()
        self.memberships: dict[Uid, dict[str, None]] = {}
        """The channels (folded) that each member of one belongs to."""
        self.acknowledged: dict[str, None] = {}
        """The ids of messages to groups that somebody has, the last ones."""
        self.heard: dict[int, Hlc] = {}
        """The time of the last event of each source, by its tag."""
        self.shadows: dict[Uid, dict[str, Any]] = {}
        """Those of whom somebody newer is shown, by their servers (`presence.Resident`): the
        same identity has connected to several, which have not all heard of each other."""
        self.displaced: dict[Uid, e.Face] = {}
        """Users of other servers who are called otherwise here than there, where nobody may have
        heard yet of whoever keeps their nickname; with the face that they have there."""
        self.pending: dict[str, dict[Uid, None]] = {}
        """Who is in channels (folded) that are not known yet."""
        self.dropped_until = Hlc(0)
        """Before that some messages are no longer kept, here or anywhere."""
        self.is_drop_new = False
        """Whether that is later than what is on disk."""
        self.put_by: dict[Uid, None] = {}
        """Users here who are handed everything by way of the disk: those with bare identities."""
        self._namesakes: dict[str, list[Channel]] = {}
        self._nicknames: dict[str, User] = {}
        self._lookalikes: Lookalikes[User] = Lookalikes()
        self._number_owners: dict[str, str] = {}

    def dropped(self, until: Hlc) -> None:
        """Note that messages before *until* (or some of them) are no longer kept."""
        if until > self.dropped_until:
            self.dropped_until = until
            self.is_drop_new = True

    def lacks_beginning(self, channel: Channel | None) -> bool:
        """Whether something said in *channel* (None: between two users) may be kept no more."""
        since = Hlc(0) if channel is None else at_milliseconds(channel.created)
        return since < self.dropped_until

    # What is where

    def user_named(self, raw: str) -> User | None:
        """Return the user with that nickname, or with that number."""
        user = self._nicknames.get(fold_name(raw))
        if user is None and is_number(raw):
            user = self.users.get(Uid(raw)) or self._nicknames.get(self._number_owners.get(raw, ""))
            # An identity takes its number along when it is called otherwise.
            return user if user is not None and self._has_number(user, raw) else None
        return user

    def _has_number(self, user: User, number: str) -> bool:
        if user.number == number:
            return True
        return number not in self.identities and self._number_owners[number] == user.nick.folded

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

    def namesakes(self, channel: Channel) -> list[Channel]:
        """Return the incarnations of the name of *channel*, the first one first."""
        return sorted(self._namesakes[channel.name.folded], key=lambda one: one.origin)

    def histories(self, channel: Channel) -> tuple[Conversation, ...]:
        """Return the histories that are shown as that of *channel*: its own, and those of
        incarnations that were made apart from it and have not ended."""
        namesakes = self._namesakes.get(channel.name.folded, ())
        if len(namesakes) < 2:
            return (channel.incarnation,)
        others = [one for one in namesakes if one.is_alive and one is not channel]
        return (channel.incarnation, *(one.incarnation for one in others))

    def lacking_since(self, ms: int) -> int:
        """Return from when on somebody may lack something who has what was said at *ms*."""
        since = ms
        for apart in sorted(self.apart, key=lambda one: one.since, reverse=True):
            if apart.since < since <= apart.until:
                since = apart.since
        return since

    # Channels

    def incarnation(self, conversation: Conversation, name: str) -> Channel:
        """Return the incarnation whose history *conversation* is; of *name* if it is new here."""
        channel = self.incarnations.get(conversation)
        if channel is None:
            channel = Channel(ChannelName.parse(name), Number(""), conversation, 0)
            self.add_incarnation(channel)
        return channel

    def add_incarnation(self, channel: Channel) -> None:
        """Know of *channel*; whether it is the one of its name is another question."""
        self.incarnations[channel.incarnation] = channel
        self._namesakes.setdefault(channel.name.folded, []).append(channel)

    def winner(self, name: str) -> Channel | None:
        """Return the incarnation that is the channel *name* (folded): the first that is alive."""
        alive = [one for one in self._namesakes.get(name, ()) if one.is_alive]
        return min(alive, key=lambda one: one.origin) if alive else None

    def put_channel(self, channel: Channel) -> None:
        """Let *channel* be the one of its name."""
        name = channel.name.folded
        before = self.channels.get(name)
        if before is not None:
            self._count_members(before, (), before.members)
            self._disown(before)
        self.channels[name] = channel
        self._number_owners.setdefault(channel.number, name)
        self._count_members(channel, channel.members, ())

    def restore_channel(self, channel: Channel) -> None:
        """Put back an incarnation as it was on disk; keeps who is in the channel now."""
        known = self.incarnations.get(channel.incarnation)
        if known is not None:
            self._namesakes[channel.name.folded].remove(known)
        self.add_incarnation(channel)
        if self.winner(channel.name.folded) is channel:
            self.put_channel(channel)

    def forget_incarnation(self, channel: Channel) -> None:
        """Drop an incarnation that was never made."""
        del self.incarnations[channel.incarnation]
        self._namesakes[channel.name.folded].remove(channel)

    def forget_channel(self, channel: Channel) -> None:
        """Have no channel of that name (any more), and nobody in it."""
        name = channel.name.folded
        self._count_members(channel, (), channel.members)
        del self.channels[name]
        self._disown(channel)
        for uid in channel.occupants:
            self.users[uid].channels.pop(name, None)
            self.users[uid].places.pop(name, None)
        channel.occupants = {}

    def _disown(self, channel: Channel) -> None:
        if self._number_owners.get(channel.number) == channel.name.folded:
            del self._number_owners[channel.number]

    def set_members(self, channel: Channel, members: frozenset[Uid]) -> None:
        """Let *members* belong to *channel*."""
        if self.channels.get(channel.name.folded) is channel:
            self._count_members(channel, members - channel.members, channel.members - members)
        channel.members = members

    def _count_members(self, channel: Channel, more: Iterable[Uid], less: Iterable[Uid]) -> None:
        name = channel.name.folded
        for uid in less:
            channels = self.memberships[uid]
            del channels[name]
            if not channels:
                del self.memberships[uid]
        for uid in more:
            self.memberships.setdefault(uid, {})[name] = None

    # Who is there

    def add_user(self, user: User) -> None:
        """Know of a user."""
        self.users[user.uid] = user
        if (identity := self.identities.get(user.uid)) is not None:
            user.partners = identity.partners
        self.add_nickname(user)

    def add_nickname(self, user: User) -> None:
        """*user* is called what they are called."""
        self._nicknames[user.nick.folded] = user
        self._lookalikes.add(user)

    def forget_nickname(self, user: User) -> None:
        """*user* is called so no more."""
        if self._nicknames.get(user.nick.folded) is user:
            del self._nicknames[user.nick.folded]
        self._lookalikes.remove(user)

    def take_out(self, user: User, channel: Channel, hlc: Hlc) -> None:
        """Let *user* be in *channel* no more."""
        channel.occupants.pop(user.uid, None)
        channel.revision += 1
        if not channel.occupants:
            channel.emptied = milliseconds(hlc)
            self.changed_channels[channel.incarnation] = None
            if not channel.is_alive:
                # It was over already, but for them.
                self.forget_channel(channel)

    def remember_partners(self, one: Uid, other: Uid) -> None:
        """Note that two users write to each other; of an identity this outlasts connections."""
        for uid, partner in ((one, other), (other, one)):
            known = self.users.get(uid) or self.identities.get(uid)
            if known is not None and partner not in known.partners:
                known.partners[partner] = None
                if len(known.partners) > PARTNERS_MOST:
                    del known.partners[next(iter(known.partners))]

    # Numbers

    def restore_number(self, nickname: str, number: Number, place: str) -> None:
        """Put back a number that was given to a nickname (folded) at *place*."""
        self.number_places[number] = place
        self._number_owners[number] = nickname
        last = self.numbers.get(nickname)
        # It may have had another before, or one on each of two servers that were cut apart: all
        # lead to it, the last is shown.
        if last is None or place > self.number_places[last]:
            self.numbers[nickname] = number

    def take_number(self, nickname: str, number: Number) -> None:
        """A nickname (folded) does not have that number after all: it has the one before."""
        del self.numbers[nickname], self._number_owners[number]
        others = [one for one in self.number_places if self._number_owners.get(one) == nickname]
        if others:
            self.numbers[nickname] = max(others, key=lambda one: self.number_places[one])

    def owner_of_number(self, number: str) -> str | None:
        """Return the folded name of the nickname or channel that has that number."""
        return self._number_owners.get(number)

    def forget_a_number(self) -> None:
        """Drop the number of a nickname that nobody has: of those known longest, the first."""
        for nickname in self.numbers:
            if nickname not in self._nicknames and self.identities.named(nickname) is None:
                number = self.numbers.pop(nickname)
                del self._number_owners[number], self.number_places[number]
                self.changed_numbers[number] = None
                return

    # What could not be written

    def undo(self, event: e.Event) -> None:
        """*event* could not be written: take back what no record on disk can tell.

        Channels are put back as they are on disk, and so is what waits.
        """
        fact = event.fact
        if isinstance(fact, e.IdentityIssued):
            self.identities.forget(Number(fact.number))
            if (user := self.users.get(fact.by.uid)) is not None:
                user.identity = None
