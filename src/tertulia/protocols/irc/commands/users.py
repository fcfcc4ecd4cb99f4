"""About users: WHOIS, WHOWAS, AWAY, ISON, USERHOST, SETNAME."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tertulia.domain.commands.profile import SetAway, SetRealname
from tertulia.domain.users import User
from tertulia.protocols.irc import numerics as n
from tertulia.protocols.irc.caps import Cap
from tertulia.protocols.irc.commands.lookup import server_of
from tertulia.protocols.irc.commands.table import command
from tertulia.protocols.irc.names import in_lines, prefix
from tertulia.protocols.irc.parser import Line
from tertulia.protocols.irc.refusals import shown

if TYPE_CHECKING:
    from tertulia.protocols.irc.session import IrcSession

USERHOSTS_MOST = 5


@command("WHOIS", cost=2)
def whois(session: IrcSession, line: Line) -> None:
    """``WHOIS [server] <nickname>``."""
    if not line.params or not line.params[-1]:
        session.reply(n.ERR_NONICKNAMEGIVEN, "No nickname given")
        return
    name = line.params[-1].partition(",")[0]
    user = session.core.state.user_named(name)
    if user is None:
        session.reply(n.ERR_NOSUCHNICK, shown(name), "No such nick")
    else:
        _tell_whois(session, user)
        name = user.nick.text
    session.reply(n.RPL_ENDOFWHOIS, shown(name), "End of /WHOIS list")


def _tell_whois(session: IrcSession, user: User) -> None:
    nick, config = user.nick.text, session.service.config
    session.reply(n.RPL_WHOISUSER, nick, user.username, user.host, "*", user.realname)
    channels = _shown_channels(session, user)
    for part in in_lines(channels):
        session.reply(n.RPL_WHOISCHANNELS, nick, part)
    description = f"a server of {config.network}" if user.server else config.description
    session.reply(n.RPL_WHOISSERVER, nick, server_of(session, user), description)
    if user.is_operator:
        session.reply(n.RPL_WHOISOPERATOR, nick, "is a server operator")
    if user.away is not None:
        session.reply(n.RPL_AWAY, nick, user.away)
    if user.is_cut_off:
        session.reply(n.RPL_WHOISSPECIAL, nick, "is on a server that cannot be reached now")
    if "B" in user.modes:
        session.reply(n.RPL_WHOISBOT, nick, f"is a bot on {config.network}")
    if user.secure:
        session.reply(n.RPL_WHOISSECURE, nick, "is using a secure connection")
    if session.user is user or (session.user is not None and session.user.is_operator):
        session.reply(
            n.RPL_WHOISHOST, nick, f"is connecting from {user.host} by {user.protocol},"
            f" number {user.number}"
        )  # fmt: skip
    idle = str(idle_s(session, user))
    session.reply(n.RPL_WHOISIDLE, nick, idle, str(user.since // 1000), "seconds idle, signon time")


def idle_s(session: IrcSession, user: User) -> int:
    """Return for how many seconds *user* has said nothing, 0 where that is not known."""
    other = session.core.session_of(user)
    spoke = getattr(other, "last_spoke", None)
    return 0 if spoke is None else max(0, int(session.shell.now() - spoke))


def _shown_channels(session: IrcSession, user: User) -> Iterator[str]:
    assert session.user is not None
    mine = session.user.channels
    hidden_user = "i" in user.modes and user is not session.user
    for name, channel in user.channels.items():
        if name in mine or not (channel.is_hidden or hidden_user):
            rank = channel.occupants[user.uid]
            all_signs = bool(session.caps & Cap.MULTI_PREFIX)
            yield prefix(rank, all_of_them=all_signs) + channel.name.text


@command("WHOWAS")
def whowas(session: IrcSession, line: Line) -> None:
    """``WHOWAS <nickname> [count]``."""
    if not line.params or not line.params[0]:
        session.reply(n.ERR_NONICKNAMEGIVEN, "No nickname given")
        return
    name = line.params[0].partition(",")[0]
    formers = session.service.whowas.of(name)
    count = line.params[1] if len(line.params) > 1 else ""
    if count.isascii() and count.isdigit() and len(count) < 9 and int(count) > 0:
        formers = formers[: int(count)]
    if not formers:
        session.reply(n.ERR_WASNOSUCHNICK, shown(name), "There was no such nickname")
    for former in formers:
        session.reply(
            n.RPL_WHOWASUSER, former.nick, former.username, former.host, "*", former.realname
        )
        until = datetime.fromtimestamp(former.until / 1000, UTC)
        server = session.service.config.server
        session.reply(n.RPL_WHOISSERVER, former.nick, server, f"{until:%Y-%m-%d %H:%M:%S} UTC")
    session.reply(n.RPL_ENDOFWHOWAS, shown(name), "End of WHOWAS")


@command("AWAY")
def away(session: IrcSession, line: Line) -> None:
    """``AWAY [message]``."""
    message = line.params[0] if line.params and line.params[0] else None
    session.core.execute(session, SetAway(message))
    if message is None:
        session.reply(n.RPL_UNAWAY, "You are no longer marked as being away")
    else:
        session.reply(n.RPL_NOWAWAY, "You have been marked as being away")


@command("ISON", 1)
def ison(session: IrcSession, line: Line) -> None:
    """``ISON <nicknames>``."""
    asked = " ".join(line.params).split()
    users = (session.core.state.user_named(name) for name in asked)
    here = (user.nick.text for user in users if user is not None)
    session.reply(n.RPL_ISON, next(in_lines(here), ""))


@command("USERHOST", 1)
def userhost(session: IrcSession, line: Line) -> None:
    """``USERHOST <nicknames>``, up to five."""
    found = []
    for name in line.params[:USERHOSTS_MOST]:
        user = session.core.state.user_named(name)
        if user is not None:
            star = "*" if user.is_operator else ""
            here = "+" if user.away is None else "-"
            found.append(f"{user.nick}{star}={here}{user.username}@{user.host}")
    session.reply(n.RPL_USERHOST, " ".join(found))


@command("SETNAME", 1)
def setname(session: IrcSession, line: Line) -> None:
    """``SETNAME <realname>`` (ircv3.net/specs/extensions/setname)."""
    if not line.params[0].strip():
        session.fail("SETNAME", "INVALID_REALNAME", text="A real name cannot be empty")
        return
    session.core.execute(session, SetRealname(line.params[0]))
