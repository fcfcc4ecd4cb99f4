"""MONITOR (ircv3.net/specs/extensions/monitor)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tertulia.domain.errors import InvalidNickname
from tertulia.domain.names import Nickname
from tertulia.protocols.irc import numerics as n
from tertulia.protocols.irc.commands.table import command
from tertulia.protocols.irc.names import in_lines
from tertulia.protocols.irc.parser import Line

if TYPE_CHECKING:
    from tertulia.protocols.irc.session import IrcSession

LIST_BYTES = 380


@command("MONITOR", 1)
def monitor(session: IrcSession, line: Line) -> None:
    """``MONITOR + nicks | - nicks | C | L | S``."""
    action = line.params[0].upper()
    names = [name for name in (line.params[1] if len(line.params) > 1 else "").split(",") if name]
    monitor = session.service.monitor
    if action == "+":
        _follow(session, names)
    elif action == "-":
        for name in names:
            monitor.remove(session, name)
    elif action == "C":
        monitor.clear(session)
    elif action == "L":
        _tell(session, n.RPL_MONLIST, monitor.followed(session))
        session.reply(n.RPL_ENDOFMONLIST, "End of MONITOR list")
    elif action == "S":
        _tell_status(session, monitor.followed(session))
    else:
        session.fail("MONITOR", "INVALID_PARAMS", text="MONITOR takes +, -, C, L or S")


def _follow(session: IrcSession, names: list[str]) -> None:
    monitor, most = session.service.monitor, session.service.config.monitored_most
    followed = []
    for i, name in enumerate(names):
        try:
            Nickname.parse(name)
        except InvalidNickname as error:
            session.failed(error)
            continue
        if len(monitor.followed(session)) >= most and not monitor.follows(session, name):
            rest = ",".join(names[i:])[:LIST_BYTES]
            session.reply(n.ERR_MONLISTFULL, str(most), rest, "Monitor list is full")
            break
        monitor.add(session, name)
        followed.append(name)
    _tell_status(session, followed)


def _tell_status(session: IrcSession, names: list[str]) -> None:
    online, offline = [], []
    for name in names:
        user = session.core.state.user_named(name)
        if user is None:
            offline.append(name)
        else:
            online.append(user.face.mask)
    _tell(session, n.RPL_MONONLINE, online)
    _tell(session, n.RPL_MONOFFLINE, offline)


def _tell(session: IrcSession, numeric: str, names: list[str]) -> None:
    for part in in_lines(names, LIST_BYTES, separator=","):
        session.reply(numeric, part)
