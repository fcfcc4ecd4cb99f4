"""About the server: MOTD, LUSERS, VERSION, TIME, INFO, ADMIN, STATS, LINKS, MAP, HELP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tertulia.domain.policy import must_be_operator
from tertulia.domain.servers import ServerStatus
from tertulia.protocols.irc import numerics as n
from tertulia.protocols.irc.commands.help import TOPICS
from tertulia.protocols.irc.commands.table import command
from tertulia.protocols.irc.parser import Line
from tertulia.protocols.irc.refusals import shown

if TYPE_CHECKING:
    from tertulia.protocols.irc.session import IrcSession

TOKENS_PER_LINE = 12


@command("MOTD")
def motd(session: IrcSession, _line: Line) -> None:
    """``MOTD``."""
    send_motd(session)


def send_motd(session: IrcSession) -> None:
    """Send the message of the day."""
    config = session.service.config
    if not config.motd:
        session.reply(n.ERR_NOMOTD, "There is no message of the day")
        return
    session.reply(n.RPL_MOTDSTART, f"- {config.server} Message of the day -")
    for line in config.motd:
        session.reply(n.RPL_MOTD, f"- {line}")
    session.reply(n.RPL_ENDOFMOTD, "End of /MOTD command")


@command("LUSERS")
def lusers(session: IrcSession, _line: Line) -> None:
    """``LUSERS``."""
    send_lusers(session)


def send_lusers(session: IrcSession) -> None:
    """Tell how many are here."""
    state, service = session.core.state, session.service
    users = list(state.users.values())
    here = sum(not user.server for user in users)
    others = sum(one.reachable for one in session.core.servers())
    invisible = sum("i" in user.modes for user in users)
    operators = sum(user.is_operator for user in users)
    total, most = len(users), max(service.most_users, len(users))
    channels = sum(bool(channel.occupants) for channel in state.channels.values())
    visible = total - invisible
    text = f"There are {visible} users and {invisible} invisible on {others + 1} servers"
    session.reply(n.RPL_LUSERCLIENT, text)
    session.reply(n.RPL_LUSEROP, str(operators), "operator(s) online")
    session.reply(n.RPL_LUSERUNKNOWN, str(service.registering), "unknown connection(s)")
    session.reply(n.RPL_LUSERCHANNELS, str(channels), "channels formed")
    session.reply(n.RPL_LUSERME, f"I have {here} clients and {others} servers")
    for numeric, where, count in (
        (n.RPL_LOCALUSERS, "local", here),
        (n.RPL_GLOBALUSERS, "global", total),
    ):
        text = f"Current {where} users {count}, max {most}"
        session.reply(numeric, str(count), str(most), text)


@command("VERSION")
def version(session: IrcSession, _line: Line) -> None:
    """``VERSION``."""
    config = session.service.config
    session.reply(n.RPL_VERSION, config.version, config.server, config.description)
    send_isupport(session)


def send_isupport(session: IrcSession) -> None:
    """Tell what the server can do."""
    tokens = session.service.isupport()
    for i in range(0, len(tokens), TOKENS_PER_LINE):
        line = tokens[i : i + TOKENS_PER_LINE]
        session.reply(n.RPL_ISUPPORT, *line, "are supported by this server")


@command("TIME")
def time(session: IrcSession, _line: Line) -> None:
    """``TIME``: the server's clock, UTC."""
    now = datetime.fromtimestamp(session.core.world.now() / 1000, UTC)
    session.reply(n.RPL_TIME, session.service.config.server, f"{now:%A %d %B %Y, %H:%M:%S} UTC")


@command("INFO")
def info(session: IrcSession, _line: Line) -> None:
    """``INFO``."""
    config, service = session.service.config, session.service
    started = datetime.fromtimestamp(service.started / 1000, UTC)
    for text in (
        f"{config.version}, a chat server for many protocols",
        config.description,
        f"Started {started:%Y-%m-%d %H:%M:%S} UTC",
    ):
        session.reply(n.RPL_INFO, text)
    session.reply(n.RPL_ENDOFINFO, "End of /INFO list")


@command("ADMIN")
def admin(session: IrcSession, _line: Line) -> None:
    """``ADMIN``: whom to ask."""
    config = session.service.config
    session.reply(n.RPL_ADMINME, config.server, "Administrative info")
    session.reply(n.RPL_ADMINLOC1, config.description)
    session.reply(n.RPL_ADMINLOC2, config.network)
    session.reply(n.RPL_ADMINEMAIL, config.admin or "No contact was given")


@command("STATS")
def stats(session: IrcSession, line: Line) -> None:
    """``STATS u`` (uptime), for operators also ``STATS m`` (commands)."""
    letter = line.params[0][:1] if line.params else "*"
    if letter == "u":
        seconds = (session.core.world.now() - session.service.started) // 1000
        minutes, s = divmod(seconds, 60)
        hours, m = divmod(minutes, 60)
        days, h = divmod(hours, 24)
        session.reply(n.RPL_STATSUPTIME, f"Server Up {days} days {h}:{m:02}:{s:02}")
    elif letter == "m":
        assert session.user is not None
        must_be_operator(session.user)
        for name, count in sorted(session.service.commands_seen.items()):
            session.reply_bare(n.RPL_STATSCOMMANDS, name, str(count))
    session.reply(n.RPL_ENDOFSTATS, shown(letter), "End of /STATS report")


@command("LINKS")
def links(session: IrcSession, _line: Line) -> None:
    """``LINKS``: the servers of the network."""
    config = session.service.config
    session.reply(n.RPL_LINKS, config.server, config.server, f"0 {config.description}")
    for one in _reachable(session):
        hops = 1 if one.linked else 2
        told = f"{hops} {_how(one)}"
        session.reply(n.RPL_LINKS, one.name, one.via or config.server, told)
    session.reply(n.RPL_ENDOFLINKS, "*", "End of /LINKS list")


@command("MAP")
def map_(session: IrcSession, _line: Line) -> None:
    """``MAP``: the servers of the network, those that are cut off as well."""
    state, config = session.core.state, session.service.config
    here = sum(not user.server for user in state.users.values())
    session.reply(n.RPL_MAP, f"{config.server} ({here} users)")
    for one in sorted(session.core.servers(), key=lambda one: one.name):
        session.reply(n.RPL_MAP, f" `- {one.name} ({one.users} users): {_how(one)}")
    session.reply(n.RPL_MAPEND, "End of /MAP")


def _reachable(session: IrcSession) -> list[ServerStatus]:
    found = [one for one in session.core.servers() if one.reachable]
    return sorted(found, key=lambda one: one.name)


def _how(one: ServerStatus) -> str:
    """Return how a server is connected, in words."""
    if not one.reachable:
        return f"cut off{f' ({one.why})' if one.why else ''}"
    if not one.linked:
        return f"by way of {one.via}"
    latency = "" if one.latency_s is None else f", {one.latency_s * 1000:.1f} ms away"
    missing = f", {one.lag} events to come" if one.lag else ""
    return f"linked{latency}{missing}"


@command("HELP")
@command("HELPOP")
def help_(session: IrcSession, line: Line) -> None:
    """``HELP [topic]``."""
    asked = line.params[0] if line.params and line.params[0] else "index"
    text = TOPICS.get(asked.upper())
    if text is None:
        session.reply(n.ERR_HELPNOTFOUND, shown(asked), "No help available on this topic")
        return
    first, *lines = text
    session.reply(n.RPL_HELPSTART, asked, first)
    for text_line in lines:
        session.reply(n.RPL_HELPTXT, asked, text_line)
    session.reply(n.RPL_ENDOFHELP, asked, "End of /HELP")
