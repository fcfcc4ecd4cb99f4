"""What is told of events that are no messages: answers of the server, and what it refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tertulia.client.interface import dates
from tertulia.client.interface.formats import bare
from tertulia.client.session import events as ev
from tertulia.client.session.model import Kind, Message
from tertulia.client.words import Words, describe

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


def lines(event: ev.Event, words: Words) -> Iterator[Told]:
    """Yield what is told of *event*."""
    teller = _TELLERS.get(type(event))
    if teller is not None:
        yield from teller(event, words)


def is_for_server(event: ev.Event) -> bool:
    """Whether it is about the connection, and belongs to the server's buffer."""
    if isinstance(event, ev.Reply):
        return event.code in _SERVER_CODES
    return isinstance(event, ev.Welcome | ev.Issued | ev.KnownAt | ev.CertificateNew)


def plain(message: Message, words: Words) -> str:
    """Return what *message* says, in one line without formatting."""
    return " ".join(describe(message, words).split())


def _welcome(event: ev.Welcome, _: Words) -> Iterator[Told]:
    text = _("You are {nick} on {network}.")
    yield Told(text.format(nick=event.nick, network=event.network or _("this server")))


def _issued(event: ev.Issued, _: Words) -> Iterator[Told]:
    text = _("Your number is {number}; it is kept here, and yours from now on.")
    yield Told(text.format(number=event.number))


def _known_at(event: ev.KnownAt, _: Words) -> Iterator[Told]:
    yield Told(_("{server} knows you as well.").format(server=event.name))


def _refused_credential(event: ev.CredentialRefused, _: Words) -> Iterator[Told]:
    text = _("The server does not accept this identity: {why}")
    yield Told(text.format(why=event.why), kind=Kind.ERROR)


def _new_certificate(event: ev.CertificateNew, _: Words) -> Iterator[Told]:
    text = _("{address} is new here; its certificate is remembered: {fingerprint}")
    yield Told(text.format(address=event.address, fingerprint=event.fingerprint))


def _nick_taken(event: ev.NickTaken, _: Words) -> Iterator[Told]:
    if event.instead:
        text = _("{nick} cannot be had ({why}): {instead} is tried.")
    else:
        text = _("{nick} cannot be had ({why}).")
    told = text.format(nick=event.nick, why=event.why, instead=event.instead)
    yield Told(told, kind=Kind.ERROR)


def _invited(event: ev.Invited, _: Words) -> Iterator[Told]:
    text = _("{by} invites you into {channel}: /join {channel}")
    yield Told(text.format(by=event.by, channel=event.channel))


def _reply(event: ev.Reply, _: Words) -> Iterator[Told]:
    yield Told(event.text, event.target)


def _refused(event: ev.Refused, _: Words) -> Iterator[Told]:
    start = f"{event.target}: " if event.target else ""
    yield Told(start + event.text, event.target, Kind.ERROR)


def _channels(event: ev.ChannelList, _: Words) -> Iterator[Told]:
    rows = sorted(event.rows, key=lambda row: -row.users)
    yield Told(_.plural("{count} channel", "{count} channels", len(rows)))
    for row in rows[:MOST_ROWS]:
        yield Told(f"{row.channel}  {row.users}  {bare(row.topic)}")


def _who(event: ev.WhoList, _: Words) -> Iterator[Told]:
    for row in event.rows[:MOST_ROWS]:
        away = f"  ({_('away')})" if row.away else ""
        where = f"  {row.channel}" if row.channel not in ("", "*") else ""
        yield Told(f"{row.nick}  {row.username}@{row.host}{where}  {bare(row.realname)}{away}")
    yield Told(_.plural("{count} person", "{count} people", len(event.rows)))


def _names(event: ev.NamesList, _: Words) -> Iterator[Told]:
    yield Told(f"{event.channel}: {' '.join(event.names)}", event.channel)


def _whois(event: ev.WhoisReply, _: Words) -> Iterator[Told]:
    if not event.fields and not event.more:
        yield Told(_("There is nobody called {nick}.").format(nick=event.nick), kind=Kind.ERROR)
    known = {
        "user": _("user"),
        "host": _("host"),
        "realname": _("real name"),
        "channels": _("channels"),
        "server": _("server"),
        "account": _("account"),
        "number": _("number"),
        "away": _("away"),
        "idle_s": _("idle, seconds"),
        "since": _("here since"),
        "secure": _("encrypted"),
        "bot": _("a bot"),
        "operator": _("an operator"),
    }
    for key, value in event.fields.items():
        if key == "since" and value.isdecimal():
            value = dates.moment_name(int(value) * 1000, _.language)
        colon = f": {bare(value)}" if value else ""
        yield Told(f"{event.nick}  {known.get(key, key)}{colon}")
    for line in event.more:
        yield Told(f"{event.nick}  {bare(line)}")


_TELLERS: dict[type[ev.Event], Callable[[Any, Words], Iterator[Told]]] = {
    ev.Welcome: _welcome,
    ev.Issued: _issued,
    ev.KnownAt: _known_at,
    ev.CredentialRefused: _refused_credential,
    ev.CertificateNew: _new_certificate,
    ev.NickTaken: _nick_taken,
    ev.Invited: _invited,
    ev.Reply: _reply,
    ev.Refused: _refused,
    ev.ChannelList: _channels,
    ev.WhoList: _who,
    ev.NamesList: _names,
    ev.WhoisReply: _whois,
}
