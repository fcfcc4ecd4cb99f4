"""RESUME, an extension of this server (docs/irc.md): go on where one left off.

A token that does not fit in a line comes in pieces, ``*`` and the piece, before the last one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tertulia.domain.resume import decode_token
from tertulia.protocols.irc.commands.table import command
from tertulia.protocols.irc.parser import Line
from tertulia.protocols.resume import Resume

if TYPE_CHECKING:
    from tertulia.protocols.irc.session import IrcSession

PIECE = 400


@command("RESUME", unregistered=True, cost=2)
def resume(session: IrcSession, line: Line) -> None:
    """``RESUME [<token> [<msgid>,…]]``: without a token, be told the present one, and later ones.

    With one, each channel that is joined from now on brings what the client lacks. The message
    ids are those that it was shown after the token.
    """
    if session.resumption is None:
        session.resumption = Resume(session, lambda token: _tell(session, token))
    resumption = session.resumption
    assert isinstance(resumption, Resume)
    if not line.params:
        resumption.ask()
        return
    if line.params[0] == "*":
        resumption.add_piece(line.params[-1])
        return
    token = decode_token(resumption.whole(line.params[0]))
    if token is None:
        session.fail("RESUME", "INVALID_TOKEN", text="This is no token of a Tertulia server")
        return
    seen = line.params[1].split(",") if len(line.params) > 1 else []
    resumption.go_on_from(token.with_messages(seen))
    session.say("RESUME", "ACCEPTED")


def _tell(session: IrcSession, token: str) -> None:
    while len(token) > PIECE:
        session.say("RESUME", "TOKEN", "*", token[:PIECE])
        token = token[PIECE:]
    session.say("RESUME", "TOKEN", token)
