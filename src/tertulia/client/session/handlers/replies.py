"""Answers to questions: WHO, WHOIS, LIST, AWAY."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tertulia.client.session import events as ev
from tertulia.client.session.handlers.people import set_away
from tertulia.client.session.handlers.table import Context, on
from tertulia.client.session.wire import ServerLine

if TYPE_CHECKING:
    from tertulia.client.session.session import Session


@on("301", params=3)
def is_away(session: Session, line: ServerLine, _context: Context) -> None:
    """RPL_AWAY: as part of a WHOIS, or because one wrote to somebody who is away."""
    nick, message = line.param(1), line.params[-1]
    asked = session.replies.whois(nick)
    if asked is not None:
        asked[0]["away"] = message
        return
    set_away(session, nick, message)
    session.tell(ev.Reply("301", message, nick))


@on("305", "306")
def away_changed(session: Session, line: ServerLine, _context: Context) -> None:
    """RPL_UNAWAY, RPL_NOWAWAY."""
    session.tell(ev.AwayChanged(line.command == "306"))


@on("352", params=7)
def who(session: Session, line: ServerLine, _context: Context) -> None:
    """RPL_WHOREPLY: ``<channel> <user> <host> <server> <nick> <flags> <hops and realname>``."""
    channel, username, host, _server, nick, flags = line.params[1:7]
    realname = line.params[-1].partition(" ")[2] if len(line.params) > 7 else ""
    is_gone = flags.startswith("G")
    user = session.model.users.get(session.model.fold(nick))
    if user is not None:
        user.username, user.host, user.realname = username, host, realname
        user.is_bot = "B" in flags and bool(session.features.text("BOT"))
        set_away(session, nick, (user.away or "") if is_gone else None)
    where = "" if channel == "*" else channel
    session.replies.add_who(ev.WhoRow(nick, username, host, realname, where, is_gone))


@on("315", params=2)
def end_of_who(session: Session, line: ServerLine, _context: Context) -> None:
    """RPL_ENDOFWHO."""
    session.replies.end_who(line.param(1))


@on("321")
def list_begins(_session: Session, _line: ServerLine, _context: Context) -> None:
    """RPL_LISTSTART says nothing."""


@on("322", params=3)
def listed(session: Session, line: ServerLine, _context: Context) -> None:
    """RPL_LIST: ``<channel> <users> <topic>``."""
    count = line.param(2)
    users = int(count[:9]) if count.isascii() and count.isdigit() else 0
    topic = line.param(3) if len(line.params) > 3 else ""
    session.replies.add_channel(ev.ListRow(line.param(1), users, topic))


@on("323")
def end_of_list(session: Session, _line: ServerLine, _context: Context) -> None:
    """RPL_LISTEND."""
    session.replies.end_list()


@on("311", params=6)
def whois_user(session: Session, line: ServerLine, _context: Context) -> None:
    """RPL_WHOISUSER: ``<nick> <user> <host> * <realname>``."""
    fields = session.replies.begin_whois(line.param(1))
    fields["user"], fields["host"], fields["realname"] = line.param(2), line.param(3), line.param(5)


_FIELDS = {"312": "server", "330": "account", "319": "channels"}
_FLAGS = {"313": "operator", "335": "bot", "671": "secure"}


@on("312", "313", "317", "319", "330", "335", "671", "320", "307", "338", "378", "276", "310")
def whois_more(session: Session, line: ServerLine, _context: Context) -> None:
    """The other lines of a WHOIS."""
    asked = session.replies.whois(line.param(1))
    if asked is None:
        session.tell(ev.Reply(line.command, " ".join(line.params[1:])))
        return
    fields, code = asked[0], line.command
    if code == "319":
        fields["channels"] = f"{fields.get('channels', '')} {line.params[-1]}".strip()
    elif code in _FIELDS:
        fields[_FIELDS[code]] = line.param(2)
    elif code in _FLAGS:
        fields[_FLAGS[code]] = "yes"
    elif code == "317":
        fields["idle_s"], fields["since"] = line.param(2), line.param(3)
    else:
        number = line.params[-1].rpartition(" number ")[2]
        if code == "378" and number.isdigit():
            fields["number"] = number
        session.replies.more_whois(line.param(1), " ".join(line.params[2:]))


@on("318", params=2)
def end_of_whois(session: Session, line: ServerLine, _context: Context) -> None:
    """RPL_ENDOFWHOIS."""
    session.replies.end_whois(line.param(1))


@on("341")
def inviting(_session: Session, _line: ServerLine, _context: Context) -> None:
    """RPL_INVITING: what was asked for was done."""


@on("396", params=2)
def own_host(session: Session, line: ServerLine, _context: Context) -> None:
    """RPL_VISIBLEHOST."""
    name, _, _host = session.own_mask.partition("@")
    if name:
        session.own_mask = f"{name}@{line.param(1).rpartition('@')[2]}"


@on("375", "372", "002", "003", "004", "251", "252", "253", "254", "255", "265", "266")
def welcome_words(session: Session, line: ServerLine, _context: Context) -> None:
    """What servers say at first."""
    session.tell(ev.Reply(line.command, " ".join(line.params[1:])))
