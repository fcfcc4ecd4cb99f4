"""The operator's console: what becomes of each request that comes in through the control socket.

Whoever asks acts as the server itself, and the chat's own commands decide (see
`tertulia.domain.console`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Literal, TypeVar, cast

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from tertulia.domain import errors as x
from tertulia.domain.channels import ADMIN, Channel
from tertulia.domain.commands.kick import Kick
from tertulia.domain.commands.kill import Kill
from tertulia.domain.commands.modes import SetModes, SetRank
from tertulia.domain.commands.say import Say
from tertulia.domain.commands.topic import SetTopic
from tertulia.domain.console import console
from tertulia.domain.events import ModeChange
from tertulia.domain.fingerprint import Fingerprint, shared_parts
from tertulia.domain.identities import Identity
from tertulia.domain.masks import normal_mask
from tertulia.domain.names import is_number
from tertulia.domain.state import State
from tertulia.domain.text import message_text, short_text
from tertulia.domain.users import User
from tertulia.server import control_messages as m
from tertulia.server.hub import Hub
from tertulia.server.mesh.desk import NetworkDesk

TURN_S = 0.002
"""How long something is put together before others have their turn."""

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode


class Console:
    """Does what the operator asks for, as the server called *name*.

    *stats* tells how the server is; *shut_down* begins its end, for a reason; *network* is asked
    about other servers.
    """

    def __init__(
        self,
        hub: Hub,
        name: str,
        stats: Callable[[], m.ServerStats],
        shut_down: Callable[[str], None],
        network: NetworkDesk,
    ) -> None:
        self._hub = hub
        self._state = hub.state
        self._actor = console(name)
        self._stats = stats
        self._shut_down = shut_down
        self._network = network

    async def answer(self, request: m.AnyRequest) -> Any:
        """Do what *request* asks, and wait until it is on disk; return what it is answered
        with, or raise the `ChatError` that says why not."""
        return await _ANSWERS[type(request)](self, request)

    # What there is

    async def _users(self, request: m.Users) -> Raw:
        state = self._state
        channel = None if request.channel is None else self._channel(request.channel)
        if channel is None:
            users = list(state.users.values())
        else:
            users = [user for user, _ in state.occupants(channel)]
        absent = self._absent(channel) if request.absent else ()
        here = (_user_row(state, user) for user in users)
        return await _listed(chain(here, (_absent_row(state, one) for one in absent)))

    def _absent(self, channel: Channel | None) -> Iterator[Identity]:
        """Return the identities that belong to *channel*, or all, whose users are not here."""
        identities, here = self._state.identities, self._state.user_named
        if channel is None:
            known = list(identities)
        else:
            known = [one for uid in channel.members if (one := identities.get(uid)) is not None]
        # Who was issued an identity just now is here under its nickname.
        return (one for one in known if here(one.number) is None and here(one.nick.text) is None)

    async def _channels(self, _request: m.Channels) -> Raw:
        channels = list(self._state.channels.values())
        return await _listed(_channel_row(self._state, channel) for channel in channels)

    async def _tell_stats(self, _request: m.Stats) -> m.ServerStats:
        stats = self._stats()
        if stats.health is None:  # there is nobody to compare with
            return stats
        found = Fingerprint()
        async for part in _in_turns(shared_parts(self._state)):
            found.add(part)
        return replace(stats, state=found.text)

    async def _servers(self, _request: m.Servers) -> m.Network:
        return self._network.network()

    # What is done

    async def _say(self, request: m.Say) -> str:
        target = self._target(request.target)
        await self._do(Say(target, message_text(request.text)))
        if isinstance(target, Identity):
            return f"{target.nick} is not here; the message waits for them"
        if isinstance(target, str):
            return f"Said to everyone{' here' if target == '&' else ''}"
        return f"Said to {target.name if isinstance(target, Channel) else target.nick}"

    async def _kick(self, request: m.Kick) -> str:
        channel, whom = self._channel(request.channel), self._recipient(request.user)
        await self._do(Kick(channel, whom, request.reason))
        return f"{whom.nick} was kicked out of {channel.name}"

    async def _kill(self, request: m.Kill) -> str:
        whom = self._user(request.user)
        await self._do(Kill(whom, request.reason))
        if whom.server:
            return f"{self._state.servers[whom.server]} was asked to disconnect {whom.nick}"
        return f"{whom.nick} was disconnected"

    async def _ban(self, request: m.Ban) -> str:
        channel = self._channel(request.channel)
        name, mask = channel.name.text, self._mask(request.mask, channel)
        if not request.on and mask not in channel.lists["b"]:
            raise x.NotInList(name, "b", mask)
        await self._do(SetModes(channel, (ModeChange(request.on, "b", mask),)))
        return f"{mask} is {'' if request.on else 'no longer '}banned from {name}"

    async def _op(self, request: m.Op) -> str:
        channel, whom = self._channel(request.channel), self._user(request.user)
        await self._do(SetRank(channel, ((request.on, "o", whom),)))
        return f"{whom.nick} is {'' if request.on else 'no longer '}an admin of {channel.name}"

    async def _topic(self, request: m.Topic) -> m.ChannelTopic:
        channel = self._channel(request.channel)
        if request.topic is not None:
            await self._do(SetTopic(channel, request.topic))
        name, topic = channel.name.text, channel.topic
        if topic is None:
            return m.ChannelTopic(channel=name, topic=None, by=None, at=None)
        return m.ChannelTopic(channel=name, topic=topic.text, by=topic.by, at=_time(topic.at))

    async def _do(self, intent: Say | Kick | Kill | SetModes | SetRank | SetTopic) -> None:
        await self._hub.execute_for(self._actor, intent)

    async def _join(self, request: m.Join) -> str:
        return await self._network.join(request)

    async def _forget(self, request: m.Forget) -> str:
        return self._network.forget(request)

    async def _shutdown(self, request: m.Shutdown) -> str:
        self._shut_down(short_text(request.reason, self._hub.world.rules.reason_bytes))
        return "The server is shutting down"

    # Who and what is meant

    def _channel(self, raw: str) -> Channel:
        state = self._state
        # A shell takes # for the beginning of a comment, so it may be left out.
        channel = state.channel_numbered(raw) or state.channel_named(
            raw if raw.startswith("#") else f"#{raw}"
        )
        if channel is None:
            raise x.NoSuchChannel(raw)
        return channel

    def _user(self, raw: str) -> User:
        user = self._state.user_named(raw)
        if user is None:
            raise x.NoSuchUser(raw)
        return user

    def _target(self, raw: str) -> Channel | User | Identity | Literal["*", "&"]:
        if raw in ("*", "&"):
            return cast('Literal["*", "&"]', raw)
        if raw.startswith("#") or (is_number(raw) and raw[0] == "1"):
            return self._channel(raw)
        return self._recipient(raw)

    def _recipient(self, raw: str) -> User | Identity:
        recipient = self._state.recipient(raw)
        if recipient is None:
            raise x.NoSuchUser(raw)
        return recipient

    def _mask(self, raw: str, channel: Channel) -> str:
        if not raw.strip():
            raise x.ModeRefused(channel.name.text, "b", "there is no mask")
        whom = self._state.recipient(raw) if is_number(raw) else None
        return normal_mask(raw if whom is None else whom.nick.text)


async def _listed(rows: Iterable[Struct]) -> Raw:
    """Return the list of *rows* as JSON; others have their turn while it is put together."""
    return Raw(b"[" + b",".join([_encode(row) async for row in _in_turns(rows)]) + b"]")


async def _in_turns(items: Iterable[T]) -> AsyncIterator[T]:
    """Yield *items*; others have their turn now and then."""
    loop = asyncio.get_running_loop()
    until = loop.time() + TURN_S
    for item in items:
        yield item
        if loop.time() > until:
            await asyncio.sleep(0)
            until = loop.time() + TURN_S


def _user_row(state: State, user: User) -> m.UserRow:
    return m.UserRow(
        nick=user.nick.text,
        number=user.number,
        here=True,
        protocol=user.protocol,
        secure=user.secure,
        address=user.host,
        since=_time(user.since),
        channels=tuple([channel.name.text for channel in user.channels.values()]),
        away=user.away,
        operator=user.is_operator,
        waiting=state.waiting.count(user.uid),
        server=state.servers.get(user.server, user.server) if user.server else None,
        cut_off=user.is_cut_off,
    )


def _absent_row(state: State, one: Identity) -> m.UserRow:
    waiting = state.waiting.count(one.uid)
    return m.UserRow(nick=one.nick.text, number=one.number, here=False, waiting=waiting)


def _channel_row(state: State, channel: Channel) -> m.ChannelRow:
    limit = "" if channel.limit is None else f"l {channel.limit}"
    return m.ChannelRow(
        name=channel.name.text,
        number=channel.number,
        users=len(channel.occupants),
        modes=f"+{''.join(sorted(channel.flags))}{limit}",
        password=channel.key is not None,
        topic=None if channel.topic is None else channel.topic.text,
        created=_time(channel.created),
        admins=tuple(sorted(_admins(state, channel))),
    )


def _admins(state: State, channel: Channel) -> set[str]:
    """Return the nicknames of those who are admins now, or will be when they come again."""
    present = [uid for uid, rank in channel.occupants.items() if rank & ADMIN]
    found = [
        state.users.get(uid) or state.identities.get(uid) for uid in (*channel.admins, *present)
    ]
    return {one.nick.text for one in found if one is not None}


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


_ANSWERS = cast(
    "dict[type[m.AnyRequest], Callable[[Console, m.AnyRequest], Awaitable[Any]]]",
    {
        m.Users: Console._users,
        m.Channels: Console._channels,
        m.Say: Console._say,
        m.Kick: Console._kick,
        m.Kill: Console._kill,
        m.Ban: Console._ban,
        m.Op: Console._op,
        m.Topic: Console._topic,
        m.Stats: Console._tell_stats,
        m.Servers: Console._servers,
        m.Join: Console._join,
        m.Forget: Console._forget,
        m.Shutdown: Console._shutdown,
    },
)
