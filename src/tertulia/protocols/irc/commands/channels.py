"""Channels: JOIN, PART, TOPIC, NAMES, KICK, INVITE."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from tertulia.domain import errors as x
from tertulia.domain.channels import Channel
from tertulia.domain.commands.invite import Invite
from tertulia.domain.commands.join import Join
from tertulia.domain.commands.kick import Kick
from tertulia.domain.commands.part import Part
from tertulia.domain.commands.topic import SetTopic
from tertulia.domain.names import ChannelName
from tertulia.domain.users import User
from tertulia.protocols.irc import numerics as n
from tertulia.protocols.irc.caps import Cap
from tertulia.protocols.irc.commands.lookup import channel_named, find_channel, recipient_named
from tertulia.protocols.irc.commands.table import command
from tertulia.protocols.irc.names import CHUNK_BYTES, in_lines, visible_chunks
from tertulia.protocols.irc.parser import LINE_BYTES, Line
from tertulia.protocols.session import Steps, VerifyPassword

if TYPE_CHECKING:
    from tertulia.protocols.irc.session import IrcSession


@command("JOIN", 1, cost=2)
def join(session: IrcSession, line: Line) -> Steps | None:
    """``JOIN <channels> [keys]``, or ``JOIN 0`` to leave all."""
    if line.params[0] == "0":
        assert session.user is not None
        for channel in list(session.user.channels.values()):
            session.core.execute(session, Part(channel))
        return None
    names = line.params[0].split(",")
    keys = line.params[1].split(",") if len(line.params) > 1 else []
    if not keys:
        _join_open(session, names)
        return None
    return _join_with_keys(session, names, keys)


def _join_open(session: IrcSession, names: list[str]) -> None:
    for name in names:
        if name:
            try:
                _join_one(session, ChannelName.parse(name), None)
            except x.ChatError as error:
                session.failed(error)


def _join_with_keys(session: IrcSession, names: list[str], keys: list[str]) -> Steps:
    for raw, key in zip_longest(names, keys[: len(names)], fillvalue=""):
        if not raw:
            continue
        try:
            name = ChannelName.parse(raw)
            channel = session.core.state.channels.get(name.folded)
            hashed = None if channel is None else channel.key
            proof = None
            if hashed is not None and key and (yield VerifyPassword(hashed, key)):
                proof = hashed
            _join_one(session, name, proof)
        except x.ChatError as error:
            session.failed(error)


def _join_one(session: IrcSession, name: ChannelName, proof: str | None) -> None:
    assert session.user is not None
    if name.folded in session.user.channels:
        return
    session.core.execute(session, Join(name, proof))
    channel = session.core.state.channels[name.folded]
    if channel.topic is not None:
        send_topic(session, channel)
    send_names(session, channel)
    if session.resumption is not None:
        session.resumption.joined(channel)


@command("PART", 1)
def part(session: IrcSession, line: Line) -> None:
    """``PART <channels> [reason]``."""
    reason = line.params[1] if len(line.params) > 1 else ""
    for name in line.params[0].split(","):
        try:
            session.core.execute(session, Part(channel_named(session, name), reason))
        except x.ChatError as error:
            session.failed(error)


@command("TOPIC", 1)
def topic(session: IrcSession, line: Line) -> None:
    """``TOPIC <channel> [topic]``."""
    channel = channel_named(session, line.params[0])
    if len(line.params) > 1:
        session.core.execute(session, SetTopic(channel, line.params[1]))
    elif channel.is_hidden and not is_in(session, channel):
        raise x.NotInChannel(channel.name.text)
    elif channel.topic is None:
        session.reply(n.RPL_NOTOPIC, channel.name.text, "No topic is set")
    else:
        send_topic(session, channel)


def send_topic(session: IrcSession, channel: Channel) -> None:
    """Tell the topic that *channel* has, who set it and when."""
    assert channel.topic is not None
    name = channel.name.text
    session.reply(n.RPL_TOPIC, name, channel.topic.text)
    session.reply(n.RPL_TOPICWHOTIME, name, channel.topic.by, str(channel.topic.at // 1000))


@command("NAMES")
def names(session: IrcSession, line: Line) -> None:
    """``NAMES <channels>``."""
    wanted = line.params[0] if line.params and line.params[0] else "*"
    for name in wanted.split(","):
        channel = find_channel(session, name)
        if channel is not None and (is_in(session, channel) or not channel.is_hidden):
            send_names_of(session, channel)
    session.reply(n.RPL_ENDOFNAMES, wanted, "End of /NAMES list")


def send_names(session: IrcSession, channel: Channel) -> None:
    """Tell who is in *channel*."""
    send_names_of(session, channel)
    session.reply(n.RPL_ENDOFNAMES, channel.name.text, "End of /NAMES list")


def send_names_of(session: IrcSession, channel: Channel) -> None:
    """Send the lines of RPL_NAMREPLY."""
    all_signs = bool(session.caps & Cap.MULTI_PREFIX)
    masks = bool(session.caps & Cap.USERHOST_IN_NAMES)
    state = session.core.state
    if is_in(session, channel):
        chunks = session.service.names.chunks(state, channel, all_signs=all_signs, masks=masks)
    else:
        chunks = visible_chunks(state, channel, all_signs=all_signs, masks=masks)
    symbol = "@" if channel.is_hidden else "="
    server, nick = session.service.config.server, session.nick
    head = f":{server} {n.RPL_NAMREPLY} {nick} {symbol} {channel.name} :"
    room = LINE_BYTES - 2 - len(head.encode())
    if room < CHUNK_BYTES:  # names in other scripts, that take up to four bytes a letter
        chunks = [part for chunk in chunks for part in in_lines(chunk.split(" "), room)]
    session.send("".join([f"{head}{chunk}\r\n" for chunk in chunks]).encode())


def is_in(session: IrcSession, channel: Channel) -> bool:
    """Whether the user of *session* is in *channel*."""
    return session.user is not None and session.user.uid in channel.occupants


@command("KICK", 2)
def kick(session: IrcSession, line: Line) -> None:
    """``KICK <channels> <nicknames> [reason]``: of one channel, or pair by pair."""
    reason = line.params[2] if len(line.params) > 2 else ""
    channels, nicknames = line.params[0].split(","), line.params[1].split(",")
    most = session.service.config.targets_most
    if len(nicknames) > most:
        session.reply(n.ERR_TOOMANYTARGETS, nicknames[most], f"At most {most} targets")
        nicknames = nicknames[:most]
    if len(channels) == 1:
        channels *= len(nicknames)
    for name, nickname in zip(channels, nicknames, strict=False):
        try:
            channel = channel_named(session, name)
            if not is_in(session, channel) and not _is_operator(session):
                raise x.NotInChannel(channel.name.text)
            whom = recipient_named(session, nickname)
            session.core.execute(session, Kick(channel, whom, reason))
        except x.ChatError as error:
            session.failed(error)


def _is_operator(session: IrcSession) -> bool:
    return session.user is not None and session.user.is_operator


@command("INVITE")
def invite(session: IrcSession, line: Line) -> None:
    """``INVITE <nickname> <channel>``; without parameters, where one is invited."""
    if len(line.params) < 2:
        _list_invitations(session)
        return
    whom = recipient_named(session, line.params[0])
    channel = channel_named(session, line.params[1])
    session.core.execute(session, Invite(channel, whom))
    session.reply_bare(n.RPL_INVITING, whom.nick.text, channel.name.text)
    if isinstance(whom, User):
        tell_if_away(session, whom)


def _list_invitations(session: IrcSession) -> None:
    assert session.user is not None
    for channel in session.core.state.channels.values():
        if session.user.uid in channel.invited:
            session.reply(n.RPL_INVITELIST, channel.name.text)
    session.reply(n.RPL_ENDOFINVITELIST, "End of /INVITE list")


def tell_if_away(session: IrcSession, user: User) -> None:
    """Tell that *user* is away, if so."""
    if user.away is not None:
        session.reply(n.RPL_AWAY, user.nick.text, user.away)
