"""Saying things: PRIVMSG, NOTICE, TAGMSG, POKE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tertulia.domain import errors as x
from tertulia.domain.channels import Channel
from tertulia.domain.commands.acknowledge import Acknowledge
from tertulia.domain.commands.poke import Poke
from tertulia.domain.commands.say import Say
from tertulia.domain.events import Style
from tertulia.domain.identities import Identity
from tertulia.domain.ids import milliseconds, parse_msgid
from tertulia.domain.text import Text, message_text
from tertulia.domain.users import User
from tertulia.protocols.irc import numerics as n
from tertulia.protocols.irc.caps import Cap
from tertulia.protocols.irc.commands.channels import tell_if_away
from tertulia.protocols.irc.commands.lookup import channel_named, recipient_named
from tertulia.protocols.irc.commands.table import command
from tertulia.protocols.irc.flavour import DELIVERED_TAG, POKE_TAG, SEEN_TAG
from tertulia.protocols.irc.parser import LINE_BYTES, Line
from tertulia.protocols.irc.refusals import shown

if TYPE_CHECKING:
    from tertulia.protocols.irc.session import IrcSession

CLIENT_ID_TAG = "+tertulia/id"
CLIENT_ID_LENGTH = 64
_OURS = frozenset({DELIVERED_TAG, SEEN_TAG, POKE_TAG})
"""Tags that only the server puts on messages."""
ROOMY = 60
"""Texts of up to so many characters fit in any line."""

Target = Channel | User | Identity | Literal["*", "&"]


@command("PRIVMSG")
def privmsg(session: IrcSession, line: Line) -> None:
    """``PRIVMSG <targets> <text>``."""
    params = line.params
    if len(params) < 2:
        _incomplete(session, line)
        return
    session.last_spoke = session.last_heard
    style, text = _styled(params[1])
    _send(session, line, style, message_text(text))


def _incomplete(session: IrcSession, line: Line) -> None:
    if not line.params:
        session.reply(n.ERR_NORECIPIENT, f"No recipient given ({line.command})")
    else:
        session.reply(n.ERR_NOTEXTTOSEND, "No text to send")


def _styled(text: str) -> tuple[int, str]:
    """Return what a text is, and its words (CTCP: rawmessage between two \\x01)."""
    if not text.startswith("\x01"):
        return Style.SAY, text
    text = text.removesuffix("\x01")[1:]
    if text[:7].upper() == "ACTION ":
        return Style.ACTION, text[7:]
    return Style.REQUEST, text


@command("NOTICE")
def notice(session: IrcSession, line: Line) -> None:
    """``NOTICE <targets> <text>``: nothing that goes wrong is answered (RFC 1459, 4.4.2)."""
    if len(line.params) < 2:
        return
    style, text = _styled(line.params[1])
    try:
        words = message_text(text)
    except x.InvalidText:
        return
    quiet = Style.NOTICE if style == Style.SAY else Style.RESPONSE
    _send(session, line, quiet, words, answered=False)


@command("TAGMSG", 1)
def tagmsg(session: IrcSession, line: Line) -> None:
    """``TAGMSG <targets>``: client-only tags alone.

    With `SEEN_TAG` it tells one user that their message was read.
    """
    if line.tags and SEEN_TAG in line.tags and session.caps & Cap.RECEIPTS:
        _send_seen(session, line.params[0], line.tags[SEEN_TAG])
    else:
        _send(session, line, Style.TAGS, Text(""))


def _send_seen(session: IrcSession, raw: str, message: str) -> None:
    read = parse_msgid(message)
    if read is None:
        session.fail("TAGMSG", "INVALID_MSGID", shown(raw), text="This is no message id")
        return
    author = recipient_named(session, raw)
    assert session.user is not None
    at = milliseconds(read[0])
    seen = Acknowledge(author, session.user.number, message, at, seen=True)
    session.core.execute(session, seen)


@command("POKE", 1, cost=2)
def poke(session: IrcSession, line: Line) -> None:
    """``POKE <nickname> [channel]``: it is shown to others as an action, in the channel if
    one is given."""
    whom = recipient_named(session, line.params[0])
    channel = channel_named(session, line.params[1]) if len(line.params) > 1 else None
    session.core.execute(session, Poke(whom, channel))
    _tell_if_absent(session, whom)


def _send(
    session: IrcSession, line: Line, style: int, text: Text, *, answered: bool = True
) -> None:
    raw = line.params[0]
    tags, client_id = _client_tags(line.tags) if line.tags else (None, None)
    if "," not in raw:
        _send_one(session, raw, style, text, tags, client_id, answered)
        return
    targets = [target for target in raw.split(",") if target]
    most = session.service.config.targets_most
    if len(targets) > most:
        if answered:
            session.reply(n.ERR_TOOMANYTARGETS, "*", f"Not sent: at most {most} targets")
        return
    for i, target in enumerate(dict.fromkeys(targets)):
        own_id = f"{client_id}/{i}" if client_id else None
        _send_one(session, target, style, text, tags, own_id, answered)


def _send_one(
    session: IrcSession,
    raw: str,
    style: int,
    text: Text,
    tags: dict[str, str] | None,
    client_id: str | None,
    answered: bool,
) -> None:
    try:
        target, status = _target(session, raw)
        if len(text) > ROOMY and not _fits(session, raw, style, text):
            session.reply(n.ERR_INPUTTOOLONG, "Not sent: too long for one line, with your name")
            return
        # The receipt for what is said to a channel would come from whoever is first.
        receipt = bool(session.caps & Cap.RECEIPTS) and type(target) is not Channel
        intent = Say(target, text, style, tags, status, client_id, receipt)
        session.core.execute(session, intent)
        if answered and type(target) is not Channel and style != Style.TAGS:
            _tell_if_absent(session, target)
    except x.ChatError as error:
        if answered:
            session.failed(error)


def _tell_if_absent(session: IrcSession, target: Target) -> None:
    if isinstance(target, User):
        tell_if_away(session, target)
    elif isinstance(target, Identity):
        nick = target.nick.text
        session.reply(n.RPL_AWAY, nick, f"{nick} is not here; your message waits for them")


def _fits(session: IrcSession, target: str, style: int, text: str) -> bool:
    """Whether others can be shown *text* in one line, as it was sent.

    Cutting it would lose words. Most clients know how much fits and split by themselves.
    """
    assert session.user is not None
    command = "NOTICE" if style in (Style.NOTICE, Style.RESPONSE) else "PRIVMSG"
    wrapping = len("\x01ACTION \x01") if style == Style.ACTION else 0
    line = f":{session.user.face.mask} {command} {target} :{text}\r\n"
    return len(line.encode()) + wrapping <= LINE_BYTES


def _target(session: IrcSession, raw: str) -> tuple[Target, str]:
    first = raw[:1]
    if first == "#":
        return channel_named(session, raw), ""
    if first == "$":
        if raw == "$*":
            return "*", ""
        if raw[1:].lower() == session.service.config.server.lower():
            return "&", ""
    if first in ("@", "+") and raw[1:2] == "#":
        return channel_named(session, raw[1:]), first
    return recipient_named(session, raw), ""


def _client_tags(tags: dict[str, str]) -> tuple[dict[str, str] | None, str | None]:
    """Return the client-only tags, which are passed on, and the client's own message id."""
    passed = {k: v for k, v in tags.items() if k.startswith("+") and k not in _OURS}
    client_id = passed.pop(CLIENT_ID_TAG, None)
    if client_id is not None and not 0 < len(client_id) <= CLIENT_ID_LENGTH:
        client_id = None
    return passed or None, client_id
