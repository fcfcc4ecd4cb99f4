"""For the operators of the server: OPER, KILL, WALLOPS, REHASH."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tertulia.domain.commands.kill import Kill
from tertulia.domain.commands.profile import SetUserMode
from tertulia.domain.policy import must_be_operator
from tertulia.domain.text import message_text, short_text
from tertulia.protocols.irc import numerics as n
from tertulia.protocols.irc.commands.lookup import user_named
from tertulia.protocols.irc.commands.table import command
from tertulia.protocols.irc.parser import Line
from tertulia.protocols.operators import is_operator
from tertulia.protocols.session import Steps

if TYPE_CHECKING:
    from tertulia.protocols.irc.session import IrcSession

REASON_BYTES = 300


@command("OPER", 2, cost=5)
def oper(session: IrcSession, line: Line) -> Steps:
    """``OPER <name> <password>``."""
    name, password = line.params[:2]
    if not (yield from is_operator(session.service.config.operators, name, password)):
        session.reply(n.ERR_PASSWDMISMATCH, "Password incorrect")
        return
    session.core.execute(session, SetUserMode("o", True))
    session.reply(n.RPL_YOUREOPER, "You are now an IRC operator")


@command("KILL", 1)
def kill(session: IrcSession, line: Line) -> None:
    """``KILL <nickname> [reason]``: take someone off the server."""
    assert session.user is not None
    must_be_operator(session.user)
    whom = user_named(session, line.params[0])
    reason = line.params[1] if len(line.params) > 1 else ""
    session.core.execute(session, Kill(whom, short_text(reason, REASON_BYTES)))


@command("WALLOPS", 1)
def wallops(session: IrcSession, line: Line) -> None:
    """``WALLOPS <text>``: to all users with mode +w."""
    assert session.user is not None
    must_be_operator(session.user)
    text = message_text(line.params[0])
    data = f":{session.user.face.mask} WALLOPS :{text}\r\n".encode()
    for user in session.core.state.users.values():
        other = session.core.session_of(user)
        if "w" in user.modes and other is not None and other.protocol == "irc":
            other.shell.send(data)


@command("REHASH")
def rehash(session: IrcSession, _line: Line) -> None:
    """``REHASH``: read the settings again."""
    assert session.user is not None
    must_be_operator(session.user)
    session.reply(n.RPL_REHASHING, "settings", "Reading the settings again")
    wrong = session.service.rehash()
    if wrong is not None:
        session.fail("REHASH", "NOT_APPLIED", text=wrong)
