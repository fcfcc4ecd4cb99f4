"""MODE, of channels and of oneself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tertulia.domain import errors as x
from tertulia.domain.channels import FLAGS, LISTS, RANKS, Channel
from tertulia.domain.commands.modes import SetModes, SetRank
from tertulia.domain.commands.profile import SetUserMode
from tertulia.domain.events import ModeChange
from tertulia.domain.names import fold_name
from tertulia.domain.policy import must_be_admin
from tertulia.domain.users import User
from tertulia.protocols.irc import numerics as n
from tertulia.protocols.irc.commands.channels import is_in
from tertulia.protocols.irc.commands.lookup import channel_named, user_named
from tertulia.protocols.irc.commands.table import command
from tertulia.protocols.irc.parser import Line
from tertulia.protocols.irc.refusals import shown
from tertulia.protocols.session import HashPassword, Steps

if TYPE_CHECKING:
    from tertulia.protocols.irc.session import IrcSession

KEY_BYTES = 50
CHANGES_MOST = 50

_LISTINGS = {
    "b": (n.RPL_BANLIST, n.RPL_ENDOFBANLIST, "ban"),
    "e": (n.RPL_EXCEPTLIST, n.RPL_ENDOFEXCEPTLIST, "exception"),
    "I": (n.RPL_INVEXLIST, n.RPL_ENDOFINVEXLIST, "invite exception"),
}
_OWN_MODES = "Biw"


@command("MODE", 1)
def mode(session: IrcSession, line: Line) -> Steps | None:
    """``MODE <channel or own nickname> [modes [parameters]]``."""
    target = line.params[0]
    if not target.startswith("#"):
        _user_mode(session, line)
        return None
    channel = channel_named(session, target)
    if len(line.params) == 1:
        _tell_modes(session, channel)
        return None
    changes, ranks = _read(session, channel, line)
    keys = [c for c in changes if c.mode == "k" and c.on]
    if keys:
        return _with_key(session, channel, changes, ranks)
    _set(session, channel, changes, ranks)
    return None


def _with_key(
    session: IrcSession,
    channel: Channel,
    changes: list[ModeChange],
    ranks: list[tuple[bool, str, User]],
) -> Steps:
    """Hash the password before it goes anywhere; whether it may be set is checked twice."""
    assert session.user is not None
    must_be_admin(channel, session.user)
    hashed = []
    for change in changes:
        if change.mode == "k" and change.on:
            change = ModeChange(True, "k", (yield HashPassword(change.value or "")))
        hashed.append(change)
    current = session.core.state.channel_named(channel.name.folded)
    if current is None:
        raise x.NoSuchChannel(channel.name.text)
    _set(session, current, hashed, ranks)


def _set(
    session: IrcSession,
    channel: Channel,
    changes: list[ModeChange],
    ranks: list[tuple[bool, str, User]],
) -> None:
    if changes:
        session.core.execute(session, SetModes(channel, tuple(changes)))
    if ranks:
        session.core.execute(session, SetRank(channel, tuple(ranks)))


def _tell_modes(session: IrcSession, channel: Channel) -> None:
    letters = "".join(sorted(channel.flags))
    values = []
    if channel.key is not None:
        letters += "k"
        values.append("*")
    if channel.limit is not None:
        letters += "l"
        values.append(str(channel.limit))
    name = channel.name.text
    session.reply_bare(n.RPL_CHANNELMODEIS, name, f"+{letters}", *values)
    session.reply_bare(n.RPL_CREATIONTIME, name, str(channel.created // 1000))


def _read(
    session: IrcSession, channel: Channel, line: Line
) -> tuple[list[ModeChange], list[tuple[bool, str, User]]]:
    """Return what the line wants changed; answer what is asked or wrong in it."""
    changes: list[ModeChange] = []
    ranks: list[tuple[bool, str, User]] = []
    values = line.params[2:]
    on = True
    for letter in line.params[1]:
        if letter in "+-":
            on = letter == "+"
        elif len(changes) + len(ranks) >= CHANGES_MOST:
            break
        elif letter in RANKS:
            if values:
                _read_rank(session, ranks, on, letter, values.pop(0))
        elif letter in LISTS and not values:
            _tell_list(session, channel, letter)
        elif letter in LISTS or letter == "k" or (letter == "l" and on):
            value = values.pop(0) if values else ""
            if _is_usable(session, channel, on, letter, value):
                changes.append(ModeChange(on, letter, value))
        elif letter == "l" or letter in FLAGS:
            changes.append(ModeChange(on, letter))
        else:
            session.reply(n.ERR_UNKNOWNMODE, shown(letter), "is not a channel mode here")
    return changes, ranks


def _read_rank(
    session: IrcSession, ranks: list[tuple[bool, str, User]], on: bool, letter: str, nick: str
) -> None:
    try:
        ranks.append((on, letter, user_named(session, nick)))
    except x.ChatError as error:
        session.failed(error)


def _is_usable(session: IrcSession, channel: Channel, on: bool, letter: str, value: str) -> bool:
    if letter == "k" and on:
        fine = 0 < len(value.encode()) <= KEY_BYTES and not set(" ,:") & set(value)
        why = f"A key has 1 to {KEY_BYTES} bytes and no space, comma or colon"
    elif letter == "l":
        fine = value.isascii() and value.isdigit() and len(value) < 9 and int(value or 0) > 0
        why = "A limit is a positive number"
    else:
        return True
    if not fine:
        session.reply(n.ERR_INVALIDMODEPARAM, channel.name.text, letter, "*", why)
    return fine


def _tell_list(session: IrcSession, channel: Channel, letter: str) -> None:
    item, end, what = _LISTINGS[letter]
    name = channel.name.text
    assert session.user is not None
    if not is_in(session, channel) and channel.is_hidden:
        raise x.NotInChannel(name)
    for mask, entry in channel.lists[letter].items():
        session.reply_bare(item, name, mask, entry.by, str(entry.at // 1000))
    session.reply(end, name, f"End of channel {what} list")


def _user_mode(session: IrcSession, line: Line) -> None:
    user = session.user
    assert user is not None
    if fold_name(line.params[0]) != user.nick.folded:
        user_named(session, line.params[0])
        session.reply(n.ERR_USERSDONTMATCH, "You can only see and change your own modes")
        return
    if len(line.params) == 1:
        session.reply_bare(n.RPL_UMODEIS, "+" + "".join(sorted(user.modes)))
        return
    on = True
    for letter in line.params[1]:
        if letter in "+-":
            on = letter == "+"
        elif letter in _OWN_MODES or (letter == "o" and not on):
            session.core.execute(session, SetUserMode(letter, on))
        elif letter != "o":
            session.reply(n.ERR_UMODEUNKNOWNFLAG, "Unknown mode flag")
