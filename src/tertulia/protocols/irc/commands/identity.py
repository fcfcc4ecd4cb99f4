"""IDENTITY: to be the same user again at every connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tertulia.domain.commands.identify import IssueIdentity
from tertulia.domain.identities import hash_token
from tertulia.protocols.irc.commands.table import command
from tertulia.protocols.irc.parser import Line
from tertulia.protocols.irc.refusals import shown

if TYPE_CHECKING:
    from tertulia.protocols.irc.session import IrcSession


@command("IDENTITY", 1, unregistered=True, cost=10)
def identity(session: IrcSession, line: Line) -> None:
    """``IDENTITY NEW``: is answered once with a number and a secret token.

    ``:server IDENTITY <nick> <number> :<token>``. Before registration the answer comes behind
    the welcome, and one is that user at once; after it, from the next connection on.

    ``IDENTITY SERVERS`` tells on which servers it is one's own:
    ``:server IDENTITY <nick> SERVER <id> :<name>`` for each.
    """
    subcommand = line.params[0].upper()
    if subcommand == "SERVERS" and session.user is not None:
        _tell_servers(session)
        return
    if subcommand != "NEW":
        text = "Unknown subcommand"
        session.fail("IDENTITY", "INVALID_PARAMS", shown(line.params[0]), text=text)
        return
    token = session.core.world.fresh_token()
    if session.registration is not None:
        if session.registration.credential is not None:
            session.fail("IDENTITY", "ALREADY_ISSUED", text="You have said who you are")
        else:
            session.registration.token = token
        return
    session.core.execute(session, IssueIdentity(hash_token(token)))
    tell_identity(session, token)


def _tell_servers(session: IrcSession) -> None:
    core, own = session.core, session.service.config.server
    known = {core.state.server: own} | {one.server: one.name for one in core.servers()}
    for server, name in known.items():
        session.say("IDENTITY", session.nick, "SERVER", server, name)


def tell_identity(session: IrcSession, token: str) -> None:
    """Tell the user of *session* their number and the secret *token* that proves it."""
    assert session.user is not None
    assert session.user.identity is not None
    session.say("IDENTITY", session.nick, session.user.identity, token)
    note = (
        "Keep this number and token, nobody can tell you the token again. Your nickname is yours"
        " from now on: next time log in with PASS <number>:<token>, or with SASL PLAIN"
    )
    session.say("NOTE", "IDENTITY", "KEEP_TOKEN", note)
