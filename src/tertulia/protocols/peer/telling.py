"""What a peer is told of what happens here.

A peer is told who is in every channel that is not hidden, and of hidden ones while a user of
its own is there; what is said it is told where its users hear it. What the peer itself said is
never told back to it, only what that led to and it cannot know.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from tertulia.domain import changes as c
from tertulia.domain.changes import Change, ShownMode
from tertulia.domain.channels import ADMIN, VOICE, Channel
from tertulia.domain.ids import Uid
from tertulia.domain.state import State
from tertulia.protocols.peer import wire
from tertulia.protocols.peer.wire import Fields
from tertulia.protocols.words import mode_sentences, sentences, spoken


class Teller:
    """Finds what a peer is to be told; *own* are the peer's users."""

    def __init__(self, state: State, own: Mapping[Uid, object]) -> None:
        self._state = state
        self._own = own

    # What there is

    def everyone(self) -> Fields:
        """Return the list of all users that are not the peer's."""
        users = self._state.users.values()
        return wire.users([user.nick.text for user in users if user.uid not in self._own])

    def channels(self) -> Fields:
        """Return the list of the channels that the peer may know of."""
        channels = self._state.channels.values()
        return wire.channels([channel.name.text for channel in channels if self.sees(channel)])

    def occupants(self, channel: Channel) -> Iterator[Fields]:
        """Return who is in *channel* and not the peer's, and which of them are its admins."""
        name = channel.name.text
        there = [
            (user.nick.text, rank)
            for user, rank in self._state.occupants(channel)
            if user.uid not in self._own
        ]
        yield wire.users([nick for nick, _ in there], name)
        for nick, rank in there:
            if rank & ADMIN:
                yield wire.promoted(nick, name)

    def all_channels(self) -> Iterator[Fields]:
        """Return who is where."""
        yield self.channels()
        for channel in list(self._state.channels.values()):
            if channel.occupants and self.sees(channel):
                yield from self.occupants(channel)

    def sees(self, channel: Channel) -> bool:
        """Whether the peer may know who is in *channel*."""
        return not channel.is_hidden or self._hears(channel)

    def _hears(self, channel: Channel) -> bool:
        """Whether somebody of the peer is in *channel*."""
        return not channel.occupants.keys().isdisjoint(self._own.keys())

    # What happens

    def tell(self, change: Change) -> Iterator[Fields]:
        """Return what the peer is told of *change*, which has taken effect."""
        tell = _TELL.get(type(change))
        return iter(()) if tell is None else tell(self, change)

    def consequences(self, change: Change) -> Iterator[Fields]:
        """Return what the peer cannot know of *change*, which is what it asked for."""
        if isinstance(change, c.Entered):
            channel = self._channel(change.channel)
            if channel.is_hidden and len(channel.occupants.keys() & self._own.keys()) <= 1:
                yield from self.occupants(channel)
            if change.admin:
                yield wire.promoted(change.by.nick, change.channel)
        elif isinstance(change, c.Departed | c.Expelled):
            yield from self._lose_sight((change.channel,))
        elif isinstance(change, c.Gone):
            yield from self._lose_sight(change.channels)

    def _channel(self, name: str) -> Channel:
        channel = self._state.channel_named(name)
        # Only what is empty ends, and of that nothing is seen.
        assert channel is not None
        return channel

    def _lose_sight(self, names: Collection[str]) -> Iterator[Fields]:
        """The last of the peer's users may have left a hidden channel."""
        for name in names:
            channel = self._channel(name)
            if not self.sees(channel):
                yield wire.users((), channel.name.text)

    def _spoken(self, change: c.Spoken) -> Iterator[Fields]:
        text, nick, target = spoken(change, str), change.by.nick, change.target
        if not text or target == "&":
            return
        if target == "*":
            yield wire.said(nick, target, text)
        elif target[0] != "#":
            whom = self._state.user_named(target)
            if whom is not None and whom.uid in self._own:
                yield wire.said(nick, whom.nick.text, text)
        elif (channel := self._state.channel_named(target)) is not None:
            if change.status:
                yield from self._spoken_to_ranks(change, channel, text)
            elif self._hears(channel):
                yield wire.said(nick, channel.name.text, text)

    def _spoken_to_ranks(self, change: c.Spoken, channel: Channel, text: str) -> Iterator[Fields]:
        """A peer knows no ranks: those who are meant are told it directly."""
        wanted = ADMIN if change.status == "@" else ADMIN | VOICE
        for user, rank in self._state.occupants(channel):
            if user.uid in self._own and rank & wanted:
                yield wire.said(change.by.nick, user.nick.text, text)

    def _entered(self, change: c.Entered) -> Iterator[Fields]:
        if self.sees(self._channel(change.channel)):
            yield wire.joined(change.by.nick, change.channel)
            if change.admin:
                yield wire.promoted(change.by.nick, change.channel)

    def _departed(self, change: c.Departed) -> Iterator[Fields]:
        if change.by.uid in self._own or self.sees(self._channel(change.channel)):
            yield wire.parted(change.by.nick, change.channel)
        if change.by.uid in self._own:
            yield from self._lose_sight((change.channel,))

    def _expelled(self, change: c.Expelled) -> Iterator[Fields]:
        whom = change.whom
        if whom.uid in self._own or self.sees(self._channel(change.channel)):
            yield wire.expelled(whom.nick, change.channel, change.reason)
        if whom.uid in self._own:
            yield from self._lose_sight((change.channel,))

    def _gone(self, change: c.Gone) -> Iterator[Fields]:
        is_own = change.by.uid in self._own
        for name in change.channels:
            channel = self._channel(name)
            if is_own or self.sees(channel):
                yield wire.parted(change.by.nick, channel.name.text)
        if is_own:
            yield from self._lose_sight(change.channels)

    def _nick_changed(self, change: c.NickChanged) -> Iterator[Fields]:
        user = self._state.users[change.by.uid]
        for channel in user.channels.values():
            if self.sees(channel):
                yield wire.parted(change.by.nick, channel.name.text)
                yield wire.joined(change.now.nick, channel.name.text)
                if channel.occupants[user.uid] & ADMIN:
                    yield wire.promoted(change.now.nick, channel.name.text)

    def _modes_changed(self, change: c.ModesChanged) -> Iterator[Fields]:
        channel = self._channel(change.channel)
        if not self._hears(channel) and (shown := _hidden_or_not(change)) is not None:
            yield from self.occupants(channel) if shown else self._lose_sight((change.channel,))
            return
        others = []
        for mode in change.modes:
            if not (mode.whom is not None and mode.mode == "o" and mode.on):
                others.append(mode)
            elif self.sees(channel):
                yield wire.promoted(mode.whom.nick, change.channel)
        yield from self._remarked(change, channel, mode_sentences(change, others, str))

    def _topic_changed(self, change: c.TopicChanged) -> Iterator[Fields]:
        channel = self._channel(change.channel)
        yield from self._remarked(change, channel, sentences(change, str))

    def _remarked(self, change: Any, channel: Channel, told: list[str]) -> Iterator[Fields]:
        """What has no op is told as what whoever did it does."""
        if self._hears(channel):
            for sentence in told:
                yield wire.said(change.by.nick, change.channel, f"* {sentence}")

    def _summoned(self, change: c.Summoned) -> Iterator[Fields]:
        if change.whom.uid in self._own:
            for sentence in sentences(change, str):
                yield wire.said(change.by.nick, change.whom.nick, f"* {sentence}")


_TELL: dict[type[Change], Callable[[Teller, Any], Iterator[Fields]]] = {
    c.Spoken: Teller._spoken,
    c.Entered: Teller._entered,
    c.Departed: Teller._departed,
    c.Expelled: Teller._expelled,
    c.Gone: Teller._gone,
    c.NickChanged: Teller._nick_changed,
    c.ModesChanged: Teller._modes_changed,
    c.TopicChanged: Teller._topic_changed,
    c.Summoned: Teller._summoned,
}


def _hidden_or_not(change: c.ModesChanged) -> bool | None:
    """Return whether a channel that was hidden is shown now, False the other way round, None
    for neither."""
    found: list[ShownMode] = [mode for mode in change.modes if mode.mode == "s"]
    return not found[-1].on if found else None
