"""What is told of events that are no messages: answers of the server, and what it refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tertulia.client import words
from tertulia.client.interface.formats import bare
from tertulia.client.session import events as ev
from tertulia.client.session.model import Kind, Message
from tertulia.client.words import _, ngettext

MOST_ROWS = 200
_SERVER_CODES = frozenset(
    {"001", "002", "003", "004", "005", "042", "250", "251", "252", "253", "254", "255", "265"}
    | {"266", "372", "375", "376", "396", "422", "NOTICE"}
)


class Told(NamedTuple):
    """A line to show; *target* is the buffer it belongs to, if there is one of that name."""

    text: str
    target: str = ""
    kind: Kind = Kind.INFO


def lines(event: ev.Event) -> Iterator[Told]:
    """Yield what is told of *event*."""
    teller = _TELLERS.get(type(event))
    if teller is not None:
        yield from teller(event)


def is_for_server(event: ev.Event) -> bool:
    """Whether it is about the connection, and belongs to the server's buffer."""
    if isinstance(event, ev.Reply):
        return event.code in _SERVER_CODES
    return isinstance(event, ev.Welcome | ev.Issued)


def plain(message: Message) -> str:
    """Return what *message* says, in one line without formatting."""
    return bare(message.text if message.is_spoken and message.text else words.describe(message))


def _welcome(event: ev.Welcome) -> Iterator[Told]:
    text = _("You are {nick} on {network}.")
    yield Told(text.format(nick=event.nick, network=event.network or _("this server")))


def _issued(event: ev.Issued) -> Iterator[Told]:
    yield Told(_("Your number is {number}. It is kept here.").format(number=event.number))


def _refused_credential(event: ev.CredentialRefused) -> Iterator[Told]:
    text = _("The server does not accept this identity: {why}")
    yield Told(text.format(why=event.why), kind=Kind.ERROR)


def _nick_taken(event: ev.NickTaken) -> Iterator[Told]:
    if event.instead:
        text = _("{nick} cannot be had ({why}): {instead} is tried.")
    else:
        text = _("{nick} cannot be had ({why}).")
    told = text.format(nick=event.nick, why=event.why, instead=event.instead)
    yield Told(told, kind=Kind.ERROR)


def _invited(event: ev.Invited) -> Iterator[Told]:
    text = _("{by} invites you into {channel}: /join {channel}")
    yield Told(text.format(by=event.by, channel=event.channel))


def _reply(event: ev.Reply) -> Iterator[Told]:
    yield Told(event.text, event.target)


def _refused(event: ev.Refused) -> Iterator[Told]:
    start = f"{event.target}: " if event.target else ""
    yield Told(start + event.text, event.target, Kind.ERROR)


def _channels(event: ev.ChannelList) -> Iterator[Told]:
    rows = sorted(event.rows, key=lambda row: -row.users)
    yield Told(ngettext("{n} channel", "{n} channels", len(rows)).format(n=len(rows)))
    for row in rows[:MOST_ROWS]:
        yield Told(f"{row.channel}  {row.users}  {bare(row.topic)}")


def _who(event: ev.WhoList) -> Iterator[Told]:
    for row in event.rows[:MOST_ROWS]:
        away = f"  ({_('away')})" if row.away else ""
        where = f"  {row.channel}" if row.channel not in ("", "*") else ""
        yield Told(f"{row.nick}  {row.username}@{row.host}{where}  {bare(row.realname)}{away}")
    count = len(event.rows)
    yield Told(ngettext("{n} person", "{n} people", count).format(n=count))


def _names(event: ev.NamesList) -> Iterator[Told]:
    yield Told(f"{event.channel}: {' '.join(event.names)}", event.channel)


def _whois(event: ev.WhoisReply) -> Iterator[Told]:
    if not event.fields and not event.more:
        yield Told(_("There is nobody called {nick}.").format(nick=event.nick), kind=Kind.ERROR)
    for key, value in event.fields.items():
        yield Told(f"{event.nick}  {key}: {bare(value)}")
    for line in event.more:
        yield Told(f"{event.nick}  {bare(line)}")


_TELLERS: dict[type[ev.Event], Callable[[Any], Iterator[Told]]] = {
    ev.Welcome: _welcome,
    ev.Issued: _issued,
    ev.CredentialRefused: _refused_credential,
    ev.NickTaken: _nick_taken,
    ev.Invited: _invited,
    ev.Reply: _reply,
    ev.Refused: _refused,
    ev.ChannelList: _channels,
    ev.WhoList: _who,
    ev.NamesList: _names,
    ev.WhoisReply: _whois,
}
