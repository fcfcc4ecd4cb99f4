"""Coming and going: PASS, NICK, USER, PING, PONG, QUIT, ERROR."""

from __future__ import annotations

import hmac
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tertulia.domain.commands.connect import Connect, gives_way
from tertulia.domain.commands.rename import Rename
from tertulia.domain.errors import NicknameInUse, TooManyIdentities, WrongCredential
from tertulia.domain.identities import hash_token
from tertulia.domain.names import Nickname
from tertulia.protocols.backlog import hand_over_backlog
from tertulia.protocols.irc import numerics as n
from tertulia.protocols.irc.commands.identity import tell_identity
from tertulia.protocols.irc.commands.server import send_isupport, send_lusers, send_motd
from tertulia.protocols.irc.commands.table import command
from tertulia.protocols.irc.isupport import CHANNEL_MODES, USER_MODES
from tertulia.protocols.irc.parser import Line
from tertulia.protocols.irc.refusals import refusal

if TYPE_CHECKING:
    from tertulia.protocols.irc.session import IrcSession

_NOT_IN_USERNAME = re.compile(r"[^A-Za-z0-9._-]", re.ASCII)
USERNAME_LENGTH = 18
BARRED = "Too many wrong tokens came from your address; try again in a minute"


@command("PASS", 1, unregistered=True)
def pass_(session: IrcSession, line: Line) -> None:
    """``PASS <password>``: the server's password, if it has one.

    ``PASS <number>:<token>`` to come as an identity (see IDENTITY), where the server has a
    password ``PASS <password>/<number>:<token>``.
    """
    if session.registration is None:
        session.reply(n.ERR_ALREADYREGISTERED, "You may not reregister")
    else:
        session.registration.take_pass(line.params[0])


@command("NICK", unregistered=True)
def nick(session: IrcSession, line: Line) -> None:
    """``NICK <nickname>``."""
    if not line.params or not line.params[0]:
        session.reply(n.ERR_NONICKNAMEGIVEN, "No nickname given")
        return
    nickname = Nickname.parse(line.params[0])
    registration = session.registration
    if registration is None:
        session.core.execute(session, Rename(nickname))
        return
    if not _may_prove(session):
        return
    try:
        gives_way(session.core.world, nickname, registration.credential)
    except WrongCredential as wrong:
        session.service.guesses.wrong(session.shell.peer.host, session.shell.now())
        _turn_away(session, str(wrong))
        return
    registration.nick = nickname
    complete(session)


@command("USER", 4, unregistered=True)
def user(session: IrcSession, line: Line) -> None:
    """``USER <username> 0 * <realname>``."""
    registration = session.registration
    if registration is None:
        session.reply(n.ERR_ALREADYREGISTERED, "You may not reregister")
        return
    if not line.params[3] or not line.params[0]:
        session.reply(n.ERR_NEEDMOREPARAMS, "USER", "Not enough parameters")
        return
    username = _NOT_IN_USERNAME.sub("", line.params[0])[: USERNAME_LENGTH - 1]
    if not username:
        session.reply(n.ERR_INVALIDUSERNAME, "Your username is not valid: use letters and digits")
        return
    # The tilde says that nobody vouches for it (there is no ident).
    registration.username = f"~{username}"
    registration.realname = line.params[3]
    complete(session)


def complete(session: IrcSession) -> None:
    """Let the client become a user, if it has said all that it takes."""
    registration = session.registration
    if registration is None or not registration.is_complete:
        return
    if not _knows_password(session):
        _turn_away(session, "Password incorrect")
        return
    assert registration.nick is not None
    assert registration.username is not None
    intent = Connect(
        registration.nick,
        registration.username,
        session.shell.peer.host,
        registration.realname,
        session.shell.peer.secure,
        session.protocol,
        registration.credential,
        None if registration.token is None else hash_token(registration.token),
    )
    try:
        session.core.connect(session, intent)
    except NicknameInUse as error:
        # Somebody was faster; the client is asked for another nickname.
        registration.nick = None
        session.reply(*refusal(error, "NICK"))
        return
    except WrongCredential as wrong:
        _turn_away(session, str(wrong))
        return
    except TooManyIdentities as error:
        registration.token = None
        session.fail("IDENTITY", "TOO_MANY_IDENTITIES", text=str(error))
        complete(session)
        return
    session.registration = None
    session.service.registering -= 1
    _welcome(session)
    if registration.token is not None:
        tell_identity(session, registration.token)
    hand_over_backlog(session)


def _may_prove(session: IrcSession) -> bool:
    """Turn away who comes from where too many wrong tokens came from."""
    assert session.registration is not None
    if session.registration.credential is None:
        return True
    if not session.service.guesses.is_barred(session.shell.peer.host, session.shell.now()):
        return True
    _turn_away(session, BARRED)
    return False


def _turn_away(session: IrcSession, why: str) -> None:
    session.reply(n.ERR_PASSWDMISMATCH, why)
    session.end("Bad password")


def _knows_password(session: IrcSession) -> bool:
    wanted = session.service.config.password
    if wanted is None:
        return True
    assert session.registration is not None
    given = session.registration.password
    return hmac.compare_digest(wanted.encode(), given.encode())


def _welcome(session: IrcSession) -> None:
    service, config = session.service, session.service.config
    assert session.user is not None
    started = datetime.fromtimestamp(service.started / 1000, UTC)
    session.reply(
        n.RPL_WELCOME, f"Welcome to the {config.network} network, {session.user.face.mask}"
    )
    session.reply(n.RPL_YOURHOST, f"Your host is {config.server}, running version {config.version}")
    session.reply(n.RPL_CREATED, f"This server was started {started:%Y-%m-%d %H:%M:%S} UTC")
    letters = "".join(sorted(set(CHANNEL_MODES) - {","} | set("ov")))
    session.reply(n.RPL_MYINFO, config.server, config.version, USER_MODES, letters, "beIklov")
    send_isupport(session)
    send_lusers(session)
    send_motd(session)


@command("PING", unregistered=True)
def ping(session: IrcSession, line: Line) -> None:
    """``PING <token>``."""
    if not line.params:
        session.reply(n.ERR_NEEDMOREPARAMS, "PING", "Not enough parameters")
    elif not line.params[0]:
        session.reply(n.ERR_NOORIGIN, "No origin specified")
    else:
        session.say("PONG", session.service.config.server, line.params[0])


@command("PONG", unregistered=True)
def pong(_session: IrcSession, _line: Line) -> None:
    """``PONG <token>``: that it came is what counts."""


@command("ERROR", unregistered=True)
def error(_session: IrcSession, _line: Line) -> None:
    """``ERROR``: from a client it means nothing."""


@command("QUIT", unregistered=True)
def quit_(session: IrcSession, line: Line) -> None:
    """``QUIT [reason]``."""
    reason = line.params[0] if line.params else ""
    session.end(f"Quit: {reason}" if reason else "Quit")
