"""The operator's console: it acts as a user does, and is none."""

from __future__ import annotations

from tertulia.domain.events import Connected, Face
from tertulia.domain.ids import Hlc, Uid
from tertulia.domain.names import Nickname, Number, fold_name
from tertulia.domain.users import User

UID = Uid("console")
NUMBER = Number("0000000000000")


def console(server: str) -> User:
    """Return who does what is asked for at the console of the server of that name.

    Others see the server's name as theirs. They have the rights of an operator, and are never
    in the `State`: in no list, in no channel, and not to be spoken to.
    """
    face = Face(UID, server, NUMBER, server)
    came = Connected(face, "console", server, "", secure=True, protocol="console")
    user = User(came, Nickname(server, fold_name(server)), came=Hlc(0))
    user.modes = frozenset("o")
    return user
