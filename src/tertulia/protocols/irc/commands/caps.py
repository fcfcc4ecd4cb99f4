"""CAP (ircv3.net/specs/extensions/capability-negotiation)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tertulia.protocols.irc import numerics as n
from tertulia.protocols.irc.caps import NAMES, Cap
from tertulia.protocols.irc.commands.registration import complete
from tertulia.protocols.irc.commands.table import command
from tertulia.protocols.irc.names import in_lines
from tertulia.protocols.irc.parser import Line

if TYPE_CHECKING:
    from tertulia.protocols.irc.session import IrcSession

LIST_BYTES = 400


@command("CAP", 1, unregistered=True)
def cap(session: IrcSession, line: Line) -> None:
    """``CAP LS [version] | LIST | REQ <names> | END``."""
    subcommand = line.params[0].upper()
    if subcommand == "LS":
        _list_all(session, line)
    elif subcommand == "LIST":
        _send_list(session, "LIST", [name for name, bit in NAMES.items() if bit & session.caps])
    elif subcommand == "REQ":
        _request(session, line.params[1] if len(line.params) > 1 else "")
    elif subcommand == "END":
        if session.registration is not None:
            session.registration.negotiating = False
            complete(session)
    else:
        shown = line.params[0] if line.params[0] and " " not in line.params[0] else "*"
        session.reply(n.ERR_INVALIDCAPCMD, shown, "Invalid CAP command")


def _list_all(session: IrcSession, line: Line) -> None:
    registration = session.registration
    version = line.params[1] if len(line.params) > 1 else ""
    number = int(version) if version.isascii() and version.isdigit() and len(version) < 6 else 301
    if registration is not None:
        registration.negotiating = True
        registration.cap_version = max(registration.cap_version, number)
    if number >= 302:
        # Implied for clients of version 302 ("CAP LS Version").
        session.set_caps(session.caps | Cap.CAP_NOTIFY)
        values = {"sasl": "PLAIN", "tertulia/identity": session.core.state.server}
        names = [f"{name}={values[name]}" if name in values else name for name in _offered(session)]
        _send_list(session, "LS", names, several=True)
    else:
        _send_list(session, "LS", list(_offered(session)))


def _offered(session: IrcSession) -> dict[str, int]:
    """Return the capabilities that this server has."""
    if session.service.config.can_search:
        return NAMES
    return {name: bit for name, bit in NAMES.items() if bit != Cap.SEARCH}


def _send_list(
    session: IrcSession, subcommand: str, names: list[str], *, several: bool = False
) -> None:
    lines = list(in_lines(names, LIST_BYTES)) if several else [" ".join(names)]
    *first, last = lines or [""]
    for text in first:
        session.say("CAP", session.nick, subcommand, "*", text)
    session.say("CAP", session.nick, subcommand, last)


def _request(session: IrcSession, text: str) -> None:
    if session.registration is not None:
        session.registration.negotiating = True
    caps = session.caps
    offered = _offered(session)
    for word in text.split():
        bit = offered.get(word.removeprefix("-"))
        if bit is None:
            session.say("CAP", session.nick, "NAK", text)
            return
        caps = caps & ~bit if word.startswith("-") else caps | bit
    session.say("CAP", session.nick, "ACK", text)
    session.set_caps(caps)
