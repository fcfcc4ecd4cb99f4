"""What is done when somebody wants something."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace

from tertulia.client.session import events as ev
from tertulia.client.session import intents as i
from tertulia.client.session.model import Buffer, BufferKind, Kind

if TYPE_CHECKING:
    from tertulia.client.session.session import Session

SYNC = "sync-"
"""What the token of the PING behind `Sync` begins with."""
SEEN_TAG = "+tertulia/seen"
_KINDS = {"say": Kind.SAY, "action": Kind.ACTION, "notice": Kind.NOTICE}


def do(session: Session, intent: i.Intent) -> None:
    """Do what *intent* says."""
    _DO[type(intent)](session, intent)


def _say(session: Session, intent: i.Say) -> None:
    target = session.resolve(intent.target)
    if not target or " " in target:
        session.tell(ev.Refused("TARGET", "there is nobody to say it to", target))
        return
    session.pulse.said(target)
    session.outbox.say(session.buffer_for(target), target, _KINDS[intent.kind], intent.text)


def _join(session: Session, intent: i.Join) -> None:
    name = intent.channel
    if not session.features.is_channel(name):
        name = f"#{name}"
    if not name[1:] or set(name) & set(" ,\x07"):
        session.tell(ev.Refused("CHANNEL", "this is no name of a channel", name))
        return
    buffer = session.open_channel(name)
    buffer.wants_in = True
    buffer.password = intent.password or buffer.password
    if not buffer.is_joined:
        session.send("JOIN", name, *([buffer.password] if buffer.password else []))


def _part(session: Session, intent: i.Part) -> None:
    buffer = session.model.get(intent.channel)
    if buffer is None or not buffer.is_channel:
        session.tell(ev.Refused("CHANNEL", "one is not there", intent.channel))
        return
    buffer.wants_in = False
    if buffer.is_joined:
        session.send("PART", buffer.name, *([intent.reason] if intent.reason else []))
    else:
        session.outbox.cannot_enter(buffer, "not in the channel")
        session.tell(ev.BufferChanged(buffer))


def _open_query(session: Session, intent: i.OpenQuery) -> None:
    nick = session.resolve(intent.nick)
    if not nick or " " in nick or session.features.is_channel(nick):
        session.tell(ev.Refused("TARGET", "this is no nickname", nick))
        return
    is_new = session.model.get(nick) is None
    buffer = session.open_query(nick)
    if is_new and session.is_settled:
        session.history.entered(buffer)


def _close(session: Session, intent: i.Close) -> None:
    buffer = session.model.get(intent.name)
    if buffer is None:
        return
    if buffer.is_joined:
        session.send("PART", buffer.name)
    for message in list(buffer.pending):
        session.outbox.drop(message.number)
    session.history.forget(buffer)
    session.model.close(buffer)
    session.tell(ev.Closed(buffer))


def _nick(session: Session, intent: i.Nick) -> None:
    session.wants_nick(intent.nick)


def _topic(session: Session, intent: i.SetTopic) -> None:
    session.send("TOPIC", intent.channel, intent.topic)


def _kick(session: Session, intent: i.Kick) -> None:
    reason = [intent.reason] if intent.reason else []
    session.send("KICK", intent.channel, session.resolve(intent.nick), *reason)


def _ban(session: Session, intent: i.Ban) -> None:
    mask = intent.mask
    if not set("!@*?") & set(mask):
        mask = f"{session.resolve(mask)}!*@*"
    session.send("MODE", intent.channel, "+b" if intent.on else "-b", mask)


def _invite(session: Session, intent: i.Invite) -> None:
    session.send("INVITE", session.resolve(intent.nick), intent.channel)


def _rank(session: Session, intent: i.SetRank) -> None:
    sign = "+" if intent.on else "-"
    nick = session.resolve(intent.nick)
    session.send("MODE", intent.channel, f"{sign}{intent.mode}", nick)


def _modes(session: Session, intent: i.SetModes) -> None:
    session.send("MODE", intent.channel, *intent.modes.split())


def _poke(session: Session, intent: i.Poke) -> None:
    nick = session.resolve(intent.nick)
    if session.offers.pokes:
        session.send("POKE", nick, *([intent.channel] if intent.channel else []))
    else:
        _say(session, i.Say(intent.channel or nick, f"pokes {nick}", "action"))


def _away(session: Session, intent: i.Away) -> None:
    session.away = intent.message
    session.send("AWAY", *([intent.message] if intent.message else []))


def _whois(session: Session, intent: i.Whois) -> None:
    session.send("WHOIS", session.resolve(intent.nick))


def _who(session: Session, intent: i.Who) -> None:
    session.replies.ask_who(intent.mask or "*")


def _names(session: Session, intent: i.Names) -> None:
    session.replies.ask_names(intent.channel)


def _list(session: Session, intent: i.ListChannels) -> None:
    session.send("LIST", *([intent.mask] if intent.mask else []))


def _search(session: Session, intent: i.Search) -> None:
    session.replies.search(intent.words, intent.target)


def _older(session: Session, intent: i.LoadOlder) -> None:
    buffer = session.model.get(intent.target)
    if buffer is not None:
        session.history.older(buffer)


def _read(session: Session, intent: i.MarkRead) -> None:
    buffer = session.model.get(intent.target)
    if buffer is None:
        buffer = session.model.server
    if len(buffer.log):
        buffer.read_at = max(buffer.read_at, buffer.log.key_of(-1))
    _tell_seen(session, buffer)
    if buffer.unread or buffer.mentions:
        buffer.unread = buffer.mentions = 0
        session.tell(ev.BufferChanged(buffer))


def _tell_seen(session: Session, buffer: Buffer) -> None:
    """Tell who wrote the last direct message that it was read, once."""
    if buffer.kind is not BufferKind.QUERY or not session.offers.receipts:
        return
    if not session.settings.tells_seen:
        return
    theirs = (m for m in reversed(buffer.messages) if m.is_spoken and not m.own and m.msgid)
    last = next(theirs, None)
    if last is not None and last.msgid != buffer.told_seen:
        buffer.told_seen = last.msgid
        session.send("TAGMSG", buffer.name, tags={SEEN_TAG: last.msgid})


def _typing(session: Session, intent: i.Typing) -> None:
    session.pulse.tell_typing(intent.target, intent.is_typing)


def _again(session: Session, intent: i.SendAgain) -> None:
    session.outbox.send_again(intent.number)


def _drop(session: Session, intent: i.Drop) -> None:
    session.outbox.drop(intent.number)


def _clear(session: Session, intent: i.Clear) -> None:
    buffer = session.model.get(intent.target) or session.model.server
    buffer.log.clear()
    session.tell(ev.Merged(buffer, ()))


def _ignore(session: Session, intent: i.Ignore) -> None:
    fold = session.model.fold
    others = [one for one in session.settings.ignored if fold(one) != fold(intent.mask)]
    ignored = (*others, intent.mask) if intent.on else tuple(others)
    session.settings = replace(session.settings, ignored=ignored)
    session.tell(ev.WishesChanged())


def _contact(session: Session, intent: i.Contact) -> None:
    name = intent.name.casefold()
    contacts = {
        key: whom for key, whom in session.settings.contacts.items() if key.casefold() != name
    }
    if intent.whom:
        contacts[intent.name] = intent.whom
    session.settings = replace(session.settings, contacts=contacts)
    session.tell(ev.WishesChanged())


def _sync(session: Session, intent: i.Sync) -> None:
    session.send("PING", f"{SYNC}{intent.token}")


def _raw(session: Session, intent: i.Raw) -> None:
    session.send_raw(intent.line)


def _quit(session: Session, intent: i.Quit) -> None:
    reason = intent.reason or session.settings.quit_reason
    session.send("QUIT", *([reason] if reason else []))
    session.stop(reason)


def _reconnect(session: Session, _intent: i.Reconnect) -> None:
    session.reconnect()


_DO = cast(
    "dict[type[i.Intent], Callable[[Session, Any], None]]",
    {
        i.Say: _say,
        i.Join: _join,
        i.Part: _part,
        i.OpenQuery: _open_query,
        i.Close: _close,
        i.Nick: _nick,
        i.SetTopic: _topic,
        i.Kick: _kick,
        i.Ban: _ban,
        i.Invite: _invite,
        i.SetRank: _rank,
        i.SetModes: _modes,
        i.Poke: _poke,
        i.Away: _away,
        i.Whois: _whois,
        i.Who: _who,
        i.Names: _names,
        i.ListChannels: _list,
        i.Search: _search,
        i.LoadOlder: _older,
        i.MarkRead: _read,
        i.Typing: _typing,
        i.SendAgain: _again,
        i.Drop: _drop,
        i.Clear: _clear,
        i.Ignore: _ignore,
        i.Contact: _contact,
        i.Sync: _sync,
        i.Raw: _raw,
        i.Quit: _quit,
        i.Reconnect: _reconnect,
    },
)
