"""WHO, and its extension WHOX (ircv3.net/specs/extensions/whox)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tertulia.domain.channels import Channel
from tertulia.domain.masks import matches, normal_mask
from tertulia.domain.users import User
from tertulia.protocols.irc import numerics as n
from tertulia.protocols.irc.caps import Cap
from tertulia.protocols.irc.commands.channels import is_in
from tertulia.protocols.irc.commands.lookup import find_channel, server_of
from tertulia.protocols.irc.commands.table import command
from tertulia.protocols.irc.commands.users import idle_s
from tertulia.protocols.irc.names import is_invisible, prefix
from tertulia.protocols.irc.parser import Line
from tertulia.protocols.irc.refusals import shown

if TYPE_CHECKING:
    from tertulia.protocols.irc.session import IrcSession

WHOX_FIELDS = "tcuihsnfdlaor"
MATCHES_MOST = 500


@command("WHO", cost=3)
def who(session: IrcSession, line: Line) -> None:
    """``WHO <mask> [o%fields,token]``."""
    mask = line.params[0] if line.params and line.params[0] else "*"
    options = line.params[1] if len(line.params) > 1 else ""
    flags, percent, fields = options.partition("%")
    for user, channel in _found(session, mask):
        if "o" in flags and not user.is_operator:
            continue
        if percent:
            _tell_whox(session, user, channel, fields)
        else:
            _tell_who(session, user, channel)
    session.reply(n.RPL_ENDOFWHO, shown(mask), "End of /WHO list")


def _found(session: IrcSession, mask: str) -> Iterator[tuple[User, Channel | None]]:
    """Yield who *mask* means: those in a channel, the user of that name, or all it matches."""
    state = session.core.state
    if mask.startswith("#"):
        channel = find_channel(session, mask)
        if channel is None or (channel.is_hidden and not is_in(session, channel)):
            return
        for user, _ in state.occupants(channel):
            if is_in(session, channel) or not is_invisible(user):
                yield user, channel
        return
    user_named = state.user_named(mask)
    if user_named is not None:
        yield user_named, None
        return
    yield from _matching(session, mask)


def _matching(session: IrcSession, mask: str) -> Iterator[tuple[User, None]]:
    full = normal_mask("*" if mask == "0" else mask)
    found = 0
    for user in session.core.state.users.values():
        if not (
            matches(full, user.face.mask)
            or matches(mask, user.host)
            or matches(mask, user.realname)
            or matches(mask, server_of(session, user))
        ):
            continue
        if is_invisible(user) and not _share_a_channel(session, user):
            continue
        yield user, None
        found += 1
        if found == MATCHES_MOST:
            return


def _share_a_channel(session: IrcSession, user: User) -> bool:
    assert session.user is not None
    return user is session.user or not session.user.channels.keys().isdisjoint(user.channels)


def _flags(session: IrcSession, user: User, channel: Channel | None) -> str:
    flags = "H" if user.away is None and not user.is_cut_off else "G"
    if user.is_operator:
        flags += "*"
    if "B" in user.modes:
        flags += "B"
    if channel is not None:
        all_signs = bool(session.caps & Cap.MULTI_PREFIX)
        flags += prefix(channel.occupants[user.uid], all_of_them=all_signs)
    return flags


def _tell_who(session: IrcSession, user: User, channel: Channel | None) -> None:
    session.reply(
        n.RPL_WHOREPLY,
        "*" if channel is None else channel.name.text,
        user.username,
        user.host,
        server_of(session, user),
        user.nick.text,
        _flags(session, user, channel),
        f"{1 if user.server else 0} {user.realname}",
    )


def _tell_whox(session: IrcSession, user: User, channel: Channel | None, options: str) -> None:
    wanted, _, token = options.partition(",")
    is_token = token.isascii() and token.isdigit() and len(token) <= 3
    values = {
        "t": token if is_token else "0",
        "c": "*" if channel is None else channel.name.text,
        "u": user.username,
        "i": user.host,
        "h": user.host,
        "s": server_of(session, user),
        "n": user.nick.text,
        "f": _flags(session, user, channel),
        "d": "1" if user.server else "0",
        "l": str(idle_s(session, user)),
        "a": user.face.account or "0",
        "o": "n/a",
        "r": user.realname,
    }
    fields = [values[field] for field in WHOX_FIELDS if field in wanted]
    if not fields:
        return
    if "r" in wanted:
        session.reply(n.RPL_WHOSPCRPL, *fields)
    else:
        session.reply_bare(n.RPL_WHOSPCRPL, *fields)
