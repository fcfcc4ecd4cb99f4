"""AUTHENTICATE: to say who one is before one is there (ircv3.net/specs/extensions/sasl-3.1).

PLAIN (RFC 4616) is the one mechanism: the number is the name, the token the password.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from tertulia.domain.commands.connect import proven
from tertulia.domain.errors import WrongCredential
from tertulia.domain.identities import Credential, hash_token
from tertulia.domain.names import is_number
from tertulia.protocols.irc import numerics as n
from tertulia.protocols.irc.caps import Cap
from tertulia.protocols.irc.commands.registration import BARRED
from tertulia.protocols.irc.commands.table import command
from tertulia.protocols.irc.parser import Line

if TYPE_CHECKING:
    from tertulia.protocols.irc.session import IrcSession

MECHANISM = "PLAIN"
CHUNK = 400
LONGEST = 4 * CHUNK


@command("AUTHENTICATE", 1, unregistered=True, cost=2)
def authenticate(session: IrcSession, line: Line) -> None:
    """``AUTHENTICATE PLAIN``, then ``AUTHENTICATE <base64>`` in pieces of 400; ``*`` ends it."""
    registration, said = session.registration, line.params[0]
    if registration is None or registration.credential is not None:
        session.reply(n.ERR_SASLALREADY, "You have already said who you are")
    elif not session.caps & Cap.SASL:
        session.reply(n.ERR_SASLFAIL, "Ask for the capability sasl first")
    elif said == "*":
        registration.sasl = None
        session.reply(n.ERR_SASLABORTED, "SASL authentication aborted")
    elif registration.sasl is None:
        _begin(session, said)
    elif len(said) > CHUNK or len(registration.sasl) + len(said) > LONGEST:
        registration.sasl = None
        session.reply(n.ERR_SASLTOOLONG, "SASL message too long")
    elif len(said) == CHUNK:
        registration.sasl += said
    else:
        text = registration.sasl + ("" if said == "+" else said)
        registration.sasl = None
        _conclude(session, text)


def _begin(session: IrcSession, mechanism: str) -> None:
    assert session.registration is not None
    if mechanism.upper() != MECHANISM:
        session.reply(n.RPL_SASLMECHS, MECHANISM, "are available SASL mechanisms")
        session.reply(n.ERR_SASLFAIL, "SASL authentication failed")
        return
    session.registration.sasl = ""
    session.send(b"AUTHENTICATE +\r\n")


def _conclude(session: IrcSession, text: str) -> None:
    registration, host, now = session.registration, session.shell.peer.host, session.shell.now()
    assert registration is not None
    guesses = session.service.guesses
    if guesses.is_barred(host, now):
        session.reply(n.ERR_SASLFAIL, BARRED)
        return
    credential = _credential(text)
    try:
        if credential is None:
            raise WrongCredential
        proven(session.core.world, credential)
    except WrongCredential as wrong:
        guesses.wrong(host, now)
        session.reply(n.ERR_SASLFAIL, str(wrong))
        return
    registration.credential = credential
    number = credential.number
    mask = f"{session.nick}!*@{host}"
    session.reply(n.RPL_LOGGEDIN, mask, number, f"You are now logged in as {number}")
    session.reply(n.RPL_SASLSUCCESS, "SASL authentication successful")


def _credential(text: str) -> Credential | None:
    """Return what ``authzid NUL authcid NUL password`` in base64 says, None if it is not that."""
    try:
        parts = base64.b64decode(text, validate=True).decode().split("\0")
    except (binascii.Error, ValueError):
        return None
    if len(parts) != 3:
        return None
    acts_as, number, token = parts
    if acts_as not in ("", number) or not is_number(number):
        return None
    return Credential(number, hash_token(token))
