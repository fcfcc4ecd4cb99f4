"""The documents that a peer is sent, as fields, with both spellings of those that have two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from tertulia.protocols.json_documents import Hash
from tertulia.protocols.words import readable

Fields = dict[str, Any]

_encode = msgspec.json.Encoder().encode


def line(fields: Fields) -> bytes:
    """Return the bytes of one document."""
    return _encode(fields) + b"\n"


# Requests; who sends them adds the hash


def login(server: str) -> Fields:
    """Say what this server is called."""
    return {"op": "LOGIN", "name": server}


def said(nick: str, target: str, text: str) -> Fields:
    """*text* must be readable."""
    fields = {"op": "MESSAGE", "username": nick, "name": nick, "target": target}
    return {**fields, "message": text}


def joined(nick: str, channel: str) -> Fields:
    """A user came into a channel."""
    return _about("JOIN", nick, channel)


def parted(nick: str, channel: str) -> Fields:
    """A user is no longer in a channel."""
    return _about("PART", nick, channel)


def promoted(nick: str, channel: str) -> Fields:
    """A user is an admin of a channel."""
    return _about("ADMIN", nick, channel)


def expelled(nick: str, channel: str, reason: str) -> Fields:
    """A user was kicked out of a channel."""
    fields = _about("KICK", nick, channel)
    return {**fields, "message": readable(reason)} if reason else fields


def _about(op: str, nick: str, channel: str) -> Fields:
    return {"op": op, "channel": channel, "username": nick, "user": nick}


def users(nicks: Sequence[str], channel: str | None = None) -> Fields:
    """Say who is on this server, or in *channel*."""
    fields: Fields = {"op": "USERS", "userList": nicks, "users": nicks}
    return fields if channel is None else {**fields, "channel": channel}


def channels(names: Sequence[str]) -> Fields:
    """Say which channels there are."""
    return {"op": "CHANNELS", "channelList": names, "channels": names}


# What is no request


def ack(request: Hash, reason: str = "") -> Fields:
    """Answer a request: it was done, unless there is a *reason* why not, which must be readable."""
    fields: Fields = {"op": "ACK", "success": not reason, "hash": request}
    return {**fields, "message": reason} if reason else fields


def error(reason: str, request: Hash) -> Fields:
    """Say that something was not understood; *reason* must be readable."""
    fields: Fields = {"op": "ERROR", "message": reason}
    return fields if request is None else {**fields, "hash": request}


def goodbye(reason: str) -> Fields:
    """Say why the connection is being closed."""
    return {"op": "DISCONNECT", "message": readable(reason)}
