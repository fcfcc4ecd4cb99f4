"""The domain's refusals in IRC's words: the one place where they are translated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from tertulia.domain import errors as x
from tertulia.protocols.irc import numerics as n

Refusal = tuple[str, ...]
"""A numeric and its parameters, the text last; or ``FAIL``, with its code and context."""


def refusal(error: x.ChatError, command: str) -> Refusal:
    """Return how *error*, which *command* led to, is told."""
    for kind in type(error).__mro__:
        if kind in _REFUSALS:
            numeric, context = _REFUSALS[kind]
            return (numeric, *context(error), str(error))
    if isinstance(error, x.TooManyBroadcasts):
        return (n.RPL_TRYAGAIN, command, str(error))
    return ("FAIL", command, _CODES.get(type(error), "REFUSED"), str(error))


def _nothing(_error: Any) -> tuple[str, ...]:
    return ()


def _channel(error: Any) -> tuple[str, ...]:
    return (error.channel,)


def _name(error: Any) -> tuple[str, ...]:
    return (shown(error.name),)


def shown(name: str) -> str:
    """Return *name* as it can be repeated in a parameter, ``*`` if it cannot.

    A space, a colon in front, or nothing at all would shift the other parameters.
    """
    fits = name.isprintable() and " " not in name and not name.startswith(":")
    return name if name and fits else "*"


_REFUSALS = cast(
    "dict[type[object], tuple[str, Callable[[Any], tuple[str, ...]]]]",
    {
        x.InvalidNickname: (n.ERR_ERRONEUSNICKNAME, _name),
        x.InvalidChannelName: (n.ERR_NOSUCHCHANNEL, _name),
        x.EmptyText: (n.ERR_NOTEXTTOSEND, _nothing),
        x.NicknameInUse: (n.ERR_NICKNAMEINUSE, lambda e: (e.nickname,)),
        x.WrongCredential: (n.ERR_PASSWDMISMATCH, _nothing),
        x.NoSuchUser: (n.ERR_NOSUCHNICK, _name),
        x.CutOff: (n.ERR_NOSUCHNICK, _name),
        x.NoSuchChannel: (n.ERR_NOSUCHCHANNEL, _channel),
        x.NotInChannel: (n.ERR_NOTONCHANNEL, _channel),
        x.UserNotInChannel: (n.ERR_USERNOTINCHANNEL, lambda e: (e.nickname, e.channel)),
        x.AlreadyInChannel: (n.ERR_USERONCHANNEL, lambda e: (e.nickname, e.channel)),
        x.NotAdmin: (n.ERR_CHANOPRIVSNEEDED, _channel),
        x.CannotSend: (n.ERR_CANNOTSENDTOCHAN, _channel),
        x.Banned: (n.ERR_BANNEDFROMCHAN, _channel),
        x.ShutOut: (n.ERR_BANNEDFROMCHAN, _channel),
        x.InviteOnly: (n.ERR_INVITEONLYCHAN, _channel),
        x.ChannelFull: (n.ERR_CHANNELISFULL, _channel),
        x.WrongPassword: (n.ERR_BADCHANNELKEY, _channel),
        x.CannotBeMember: (n.ERR_CANNOTSENDTOCHAN, _channel),
        x.TooManyChannels: (n.ERR_TOOMANYCHANNELS, _channel),
        x.ListFull: (n.ERR_BANLISTFULL, lambda e: (e.channel, e.mode)),
        x.ModeRefused: (n.ERR_INVALIDMODEPARAM, lambda e: (e.channel, e.mode, "*")),
        x.NotOperator: (n.ERR_NOPRIVILEGES, _nothing),
    },
)

_CODES: dict[type[x.ChatError], str] = {
    x.AlreadyIssued: "ALREADY_ISSUED",
    x.InvalidText: "INVALID_TEXT",
    x.StorageFailed: "NOT_STORED",
    x.TooManyIdentities: "TOO_MANY_IDENTITIES",
    x.TooManyMemberships: "TOO_MANY_MEMBERSHIPS",
    x.TooManyWaiting: "TOO_MANY_WAITING",
}
