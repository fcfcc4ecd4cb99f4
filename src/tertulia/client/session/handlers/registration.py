"""Coming: capabilities, the welcome, identities, and how one is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tertulia.client.session import events as ev
from tertulia.client.session.doing import SYNC
from tertulia.client.session.handlers.errors import refused
from tertulia.client.session.handlers.table import Context, on
from tertulia.client.session.outbox import FENCE
from tertulia.client.session.pulse import TOKEN
from tertulia.client.session.registration import SETTLED
from tertulia.client.session.settings import Credential
from tertulia.client.session.wire import ServerLine

if TYPE_CHECKING:
    from tertulia.client.session.session import Session


@on("CAP", params=3)
def cap(session: Session, line: ServerLine, _context: Context) -> None:
    """``CAP <nick> <subcommand> [*] <names>``."""
    registration, subcommand, text = session.registration, line.param(1).upper(), line.params[-1]
    if subcommand == "LS":
        registration.listed(text, is_last=line.param(2) != "*" or len(line.params) < 4)
    elif subcommand == "ACK":
        registration.acknowledged(text)
    elif subcommand == "NAK":
        registration.refused(text)
    elif subcommand == "NEW":
        registration.appeared(text)
    elif subcommand == "DEL":
        session.caps.difference_update(text.split())


@on("AUTHENTICATE", params=1)
def authenticate(session: Session, line: ServerLine, _context: Context) -> None:
    """The server waits for the credential."""
    if line.param(0) == "+":
        session.registration.authenticate()


@on("903")
def authenticated(session: Session, _line: ServerLine, _context: Context) -> None:
    """RPL_SASLSUCCESS."""
    session.registration.authenticated()


@on("902", "904", "905")
def not_authenticated(session: Session, line: ServerLine, _context: Context) -> None:
    """ERR_NICKLOCKED, ERR_SASLFAIL, ERR_SASLTOOLONG."""
    session.registration.not_authenticated(line.params[-1] if line.params else "")


@on("900", "901", params=3)
def logged_in(session: Session, line: ServerLine, _context: Context) -> None:
    """RPL_LOGGEDIN: ``<nick> <mask> <account>``; RPL_LOGGEDOUT has no account."""
    session.account = line.param(2) if line.command == "900" else ""


@on("907", "908")
def more_sasl(_session: Session, _line: ServerLine, _context: Context) -> None:
    """ERR_SASLALREADY and RPL_SASLMECHS need no answer: another numeric says how it ended."""


@on("464", "465")
def shut_out(session: Session, line: ServerLine, _context: Context) -> None:
    """ERR_PASSWDMISMATCH, ERR_YOUREBANNEDCREEP: coming again would be no use."""
    if session.link.state is ev.State.ONLINE:
        session.tell(ev.Refused(line.command, line.params[-1]))
        return
    why = line.params[-1] if line.params else ""
    if session.registration.credential is not None and line.command == "464":
        session.tell(ev.CredentialRefused(why))
    session.stop(why)


@on("001", params=1)
def welcome(session: Session, line: ServerLine, _context: Context) -> None:
    """RPL_WELCOME: what one is called."""
    session.nick = line.param(0)
    session.server_name = line.source
    last = line.params[-1].rpartition(" ")[2]
    if last.startswith(f"{session.nick}!") and "@" in last:
        session.own_mask = last


@on("005", params=2)
def isupport(session: Session, line: ServerLine, _context: Context) -> None:
    """RPL_ISUPPORT."""
    session.features.take(line.params[1:-1])
    if session.features.fold is not session.model.fold:
        session.model.refold(session.features.fold)


@on("376", "422")
def end_of_motd(session: Session, _line: ServerLine, _context: Context) -> None:
    """RPL_ENDOFMOTD, ERR_NOMOTD: the server has said what it says at first."""
    session.welcomed()


@on("431", "432", "433", "436", "437", "447", params=1)
def nick_refused(session: Session, line: ServerLine, context: Context) -> None:
    """A nickname cannot be had; 437 may be about a channel."""
    name = line.param(1) if len(line.params) > 2 else ""
    if line.command == "437" and session.features.is_channel(name):
        refused(session, line, context)
        return
    session.registration.nick_refused(name or session.registration.tried, line.params[-1])


@on("IDENTITY", params=3)
def identity(session: Session, line: ServerLine, _context: Context) -> None:
    """``IDENTITY <nick> <number> <token>``: one's own from now on; ``IDENTITY <nick> SERVER <id>
    <name>``: known there as well."""
    number, token = line.param(1), line.param(2)
    if number == "SERVER":
        session.known_at(token, line.param(3))
    else:
        session.issued(Credential(number, token))


@on("RESUME", params=1)
def resume(session: Session, line: ServerLine, _context: Context) -> None:
    """``RESUME TOKEN [*] <token>``, ``RESUME ACCEPTED``."""
    if line.param(0) == "ACCEPTED":
        session.resume.accepted()
    elif line.param(0) == "TOKEN" and line.param(1) == "*":
        session.resume.take_part(line.param(2))
    elif line.param(0) == "TOKEN":
        session.resume.take(line.param(1))


@on("PING")
def ping(session: Session, line: ServerLine, _context: Context) -> None:
    """The server asks whether one is there."""
    session.send("PONG", *line.params[:2])


@on("PONG")
def pong(session: Session, line: ServerLine, _context: Context) -> None:
    """The server is there, and has done what was sent before the PING."""
    token = line.params[-1] if line.params else ""
    if token == SETTLED:
        session.settled()
    elif token.startswith(FENCE):
        session.outbox.answered(token)
    elif token.startswith(SYNC):
        session.tell(ev.Synced(token.removeprefix(SYNC)))
    elif token.startswith(TOKEN):
        session.pulse.answered(token)


@on("ERROR")
def error(session: Session, line: ServerLine, _context: Context) -> None:
    """The server ends the connection, and says why."""
    session.say_why(line.params[-1] if line.params else "")
