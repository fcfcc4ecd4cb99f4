"""The commands that are typed, ``/join #tea``: one table, for all interfaces.

What is typed becomes intents for the session, or something `Local` that the interface does itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from msgspec import Struct

from tertulia.client.session import intents as i
from tertulia.client.session.model import Buffer, BufferKind
from tertulia.client.session.session import Session
from tertulia.client.words import Words


class Mistake(Exception):
    """What was typed cannot be done; the text says why, and what to type."""


class Local(Struct, frozen=True):
    """Something that the interface does: *name* is that of the command."""

    name: str
    argument: str = ""


Result: TypeAlias = i.Intent | Local


class Here(Struct):
    """Where something was typed, and by whom."""

    buffer: Buffer
    session: Session
    words: Words


class Command(Struct, frozen=True):
    """A command: its names without ``/``, its arguments and help in English, and what it leads to.
    It *needs* so many words."""

    name: str
    aliases: tuple[str, ...]
    arguments: str
    help: str
    make: Callable[[str, Here], list[Result]]
    needs: int = 0


def parse(text: str, here: Here) -> list[Result]:
    """Return what *text*, typed in a buffer, leads to. Raises `Mistake`.

    ``//`` at the beginning says a text that begins with ``/``.
    """
    if not text.startswith("/") or text.startswith("//"):
        return _said(text[1:] if text.startswith("//") else text, here)
    name, _, rest = text[1:].partition(" ")
    command, _ = find(name), here.words
    if command is None:
        raise Mistake(_("There is no command /{name}; /help lists them").format(name=name))
    rest = rest.strip()
    if len(rest.split()) < command.needs:
        raise Mistake(usage(command, here.words))
    return command.make(rest, here)


def usage(command: Command, _: Words) -> str:
    """Return how a command is written."""
    return _("Write it like this: {usage}").format(usage=_written(command, _))


def _written(command: Command, _: Words) -> str:
    return (
        f"/{command.name} {_(command.arguments)}".strip()
        if command.arguments
        else f"/{command.name}"
    )


def help_lines(name: str, _: Words) -> list[str]:
    """Return a line for each command, or for that one."""
    command = find(name.removeprefix("/")) if name else None
    chosen = COMMANDS if command is None else (command,)
    return [_explained(one, _) for one in chosen]


def _explained(command: Command, _: Words) -> str:
    also = "".join([f", /{alias}" for alias in command.aliases])
    return f"{_written(command, _)}: {_(command.help)}{also and f' ({also[2:]})'}"


def find(name: str) -> Command | None:
    """Return the command of that name or alias."""
    return _BY_NAME.get(name.casefold())


def complete(text: str, cursor: int, here: Here) -> list[str]:
    """Return what the word before *cursor* may become: commands, nicknames, channels."""
    before = text[:cursor]
    start = before.rfind(" ") + 1
    word = before[start:]
    if start == 0 and word.startswith("/") and not word.startswith("//"):
        names = [name for one in COMMANDS for name in (one.name, *one.aliases)]
        return sorted(f"/{name}" for name in names if name.startswith(word[1:].casefold()))
    if not word:
        return []
    fold = here.session.model.fold
    found = [name for name in _names(here, word) if fold(name).startswith(fold(word))]
    suffix = ": " if start == 0 and not here.session.features.is_channel(word) else ""
    return [f"{name}{suffix}" for name in dict.fromkeys(found)]


def _names(here: Here, word: str) -> Iterable[str]:
    if here.session.features.is_channel(word):
        return [one.name for one in here.session.model if one.is_channel]
    spoke = [m.by for m in reversed(here.buffer.messages[-200:]) if m.is_spoken and not m.own]
    members = sorted((one.nick for one in here.buffer.members.values()), key=str.casefold)
    others = [here.buffer.name] if here.buffer.kind is BufferKind.QUERY else []
    return [*spoke, *members, *others, *here.session.settings.contacts]


# What each of them leads to


def _said(text: str, here: Here) -> list[Result]:
    return [i.Say(_talk(here), text)] if text.strip() else []


def _talk(here: Here) -> str:
    """Return the name of the channel or person that one talks with."""
    if here.buffer.kind is BufferKind.SERVER:
        raise Mistake(here.words("Nobody hears you here; /join or /query somebody first"))
    return here.buffer.name


def _channel(here: Here) -> str:
    if not here.buffer.is_channel:
        raise Mistake(here.words("This is no channel"))
    return here.buffer.name


def _take_channel(rest: str, here: Here) -> tuple[str, str]:
    """Return the channel that *rest* begins with, or the present one, and the rest."""
    first, _, others = rest.partition(" ")
    if here.session.features.is_channel(first):
        return first, others.strip()
    return _channel(here), rest


def _join(rest: str, _here: Here) -> list[Result]:
    channel, _, password = rest.partition(" ")
    return [i.Join(channel, password.strip())]


def _part(rest: str, here: Here) -> list[Result]:
    channel, reason = _take_channel(rest, here)
    return [i.Part(channel, reason)]


def _msg(rest: str, _here: Here) -> list[Result]:
    target, _, text = rest.partition(" ")
    return [i.Say(target, text)]


def _notice(rest: str, _here: Here) -> list[Result]:
    target, _, text = rest.partition(" ")
    return [i.Say(target, text, "notice")]


def _query(rest: str, _here: Here) -> list[Result]:
    nick, _, text = rest.partition(" ")
    return [i.OpenQuery(nick), *([i.Say(nick, text)] if text.strip() else [])]


def _me(rest: str, here: Here) -> list[Result]:
    return [i.Say(_talk(here), rest, "action")]


def _nick(rest: str, _here: Here) -> list[Result]:
    return [i.Nick(rest.split()[0])]


def _topic(rest: str, here: Here) -> list[Result]:
    channel, topic = _take_channel(rest, here)
    if not topic:
        return [Local("topic", channel)]
    return [i.SetTopic(channel, topic)]


def _kick(rest: str, here: Here) -> list[Result]:
    channel, rest = _take_channel(rest, here)
    nick, _, reason = rest.partition(" ")
    return [i.Kick(channel, nick, reason.strip())]


def _ban(rest: str, here: Here) -> list[Result]:
    channel, mask = _take_channel(rest, here)
    return [i.Ban(channel, mask)]


def _unban(rest: str, here: Here) -> list[Result]:
    channel, mask = _take_channel(rest, here)
    return [i.Ban(channel, mask, on=False)]


def _invite(rest: str, here: Here) -> list[Result]:
    nick, _, channel = rest.partition(" ")
    return [i.Invite(nick, channel.strip() or _channel(here))]


def _op(rest: str, here: Here) -> list[Result]:
    channel, nicks = _take_channel(rest, here)
    return [i.SetRank(channel, nick) for nick in nicks.split()]


def _deop(rest: str, here: Here) -> list[Result]:
    channel, nicks = _take_channel(rest, here)
    return [i.SetRank(channel, nick, on=False) for nick in nicks.split()]


def _mode(rest: str, here: Here) -> list[Result]:
    # Where names of channels may begin with +, modes are meant all the same.
    is_mode = rest.startswith(("+", "-"))
    channel, modes = (_channel(here), rest) if is_mode else _take_channel(rest, here)
    return [i.SetModes(channel, modes)]


def _poke(rest: str, here: Here) -> list[Result]:
    nick = rest.split()[0]
    return [i.Poke(nick, here.buffer.name if here.buffer.is_channel else "")]


def _away(rest: str, here: Here) -> list[Result]:
    return [i.Away(rest or here.words("away"))]


def _back(_rest: str, _here: Here) -> list[Result]:
    return [i.Away("")]


def _who(rest: str, here: Here) -> list[Result]:
    return [i.Who(rest or (here.buffer.name if here.buffer.is_channel else "*"))]


def _whois(rest: str, here: Here) -> list[Result]:
    nick = rest or (here.buffer.name if here.buffer.kind is BufferKind.QUERY else "")
    if not nick:
        raise Mistake(usage(_BY_NAME["whois"], here.words))
    return [i.Whois(nick)]


def _whom(rest: str, here: Here) -> list[Result]:
    return [i.Names(_take_channel(rest, here)[0])]


def _list(rest: str, _here: Here) -> list[Result]:
    return [i.ListChannels(rest)]


def _search(rest: str, here: Here) -> list[Result]:
    return [i.Search(rest, "" if here.buffer.kind is BufferKind.SERVER else here.buffer.name)]


def _history(_rest: str, here: Here) -> list[Result]:
    return [i.LoadOlder(_talk(here))]


def _close(rest: str, here: Here) -> list[Result]:
    return [i.Close(rest or _talk(here))]


def _clear(_rest: str, here: Here) -> list[Result]:
    return [i.Clear(here.buffer.name)]


def _raw(rest: str, _here: Here) -> list[Result]:
    return [i.Raw(rest)]


def _quit(rest: str, _here: Here) -> list[Result]:
    return [i.Quit(rest)]


def _reconnect(_rest: str, _here: Here) -> list[Result]:
    return [i.Reconnect()]


def _again(_rest: str, here: Here) -> list[Result]:
    return [i.SendAgain(one.number) for one in here.buffer.pending]


def _drop(_rest: str, here: Here) -> list[Result]:
    return [i.Drop(one.number) for one in here.buffer.pending]


def _ignore(rest: str, here: Here) -> list[Result]:
    if not rest:
        return [Local("ignore")]
    mask, fold = rest.split()[0], here.session.model.fold
    known = any(fold(one) == fold(mask) for one in here.session.settings.ignored)
    return [i.Ignore(mask, on=not known), Local("ignore")]


def _contact(rest: str, here: Here) -> list[Result]:
    if not rest:
        return [Local("contact")]
    name, _, whom = rest.partition(" ")
    if not whom and name.casefold() not in map(str.casefold, here.session.settings.contacts):
        raise Mistake(usage(_BY_NAME["contact"], here.words))
    return [i.Contact(name, whom.strip()), Local("contact")]


def _local(name: str) -> Callable[[str, Here], list[Result]]:
    return lambda rest, _here: [Local(name, rest)]


COMMANDS: tuple[Command, ...] = (
    Command("join", ("j", "entrar"), "<channel> [password]", "goes into a channel", _join, 1),
    Command("part", ("leave", "deixar"), "[channel] [reason]", "leaves a channel", _part),
    Command("msg", ("m", "privado"), "<nickname> <text>", "says something to somebody", _msg, 2),
    Command(
        "query", ("q", "conversar"), "<nickname> [text]", "opens a conversation with somebody",
        _query, 1,
    ),
    Command("me", ("eu",), "<text>", "tells what you do", _me, 1),
    Command("notice", ("aviso",), "<nickname> <text>", "says something that nobody answers by"
            " itself", _notice, 2),
    Command("nick", ("apelido",), "<nickname>", "calls you otherwise", _nick, 1),
    Command(
        "topic", ("tópico", "topico"), "[channel] [topic]", "shows the topic, or sets another",
        _topic,
    ),
    Command(
        "kick", ("expulsar",), "[channel] <nickname> [reason]", "puts somebody out of a channel",
        _kick, 1,
    ),
    Command(
        "ban", ("banir",), "[channel] <nickname or mask>", "lets somebody into a channel no more",
        _ban, 1,
    ),
    Command("unban", ("desbanir",), "[channel] <mask>", "lets them in again", _unban, 1),
    Command(
        "invite", ("convidar",), "<nickname> [channel]", "asks somebody into a channel", _invite, 1
    ),
    Command(
        "op", ("admin", "administrador"), "[channel] <nickname>", "makes somebody an admin of a"
        " channel", _op, 1,
    ),
    Command("deop", ("rebaixar",), "[channel] <nickname>", "makes them none any more", _deop, 1),
    Command("mode", ("modo",), "[channel] <modes>", "sets modes of a channel", _mode, 1),
    Command("poke", ("cutucar",), "<nickname>", "pokes somebody", _poke, 1),
    Command("away", ("ausente",), "[message]", "says that you are away", _away),
    Command("back", ("voltei",), "", "says that you are back", _back),
    Command("who", ("quem",), "[channel or mask]", "lists who is there", _who),
    Command("whois", ("ficha",), "<nickname>", "tells about somebody", _whois),
    Command("names", ("nomes", "users", "usuários", "usuarios"), "[channel]", "lists who is in a"
            " channel", _whom),
    Command("list", ("channels", "canais"), "[mask]", "lists the channels", _list),
    Command("search", ("buscar",), "<words>", "looks for words in what was said", _search, 1),
    Command("history", ("histórico", "historico"), "", "brings what was said before", _history),
    Command(
        "ignore", ("ignorar",), "[nickname or mask]", "hears nothing of somebody, or again if it"
        " did not; alone, lists them", _ignore,
    ),
    Command(
        "contact", ("contato",), "[name [nickname or number]]", "keeps a name of your own for"
        " somebody, or forgets it; alone, lists them", _contact,
    ),
    Command("clear", ("limpar",), "", "clears the screen", _clear),
    Command(
        "close", ("fechar",), "[name]", "leaves the channel, or closes the conversation", _close
    ),
    Command("again", ("reenviar",), "", "sends again what could not be sent", _again),
    Command("drop", ("descartar",), "", "gives up what could not be sent", _drop),
    Command("reconnect", ("reconectar",), "", "connects again, now", _reconnect),
    Command("raw", ("quote", "cru"), "<line>", "sends a line to the server as it is", _raw, 1),
    Command("help", ("h", "ajuda"), "[command]", "shows this", _local("help")),
    Command("quit", ("exit", "sair"), "[reason]", "leaves", _quit),
)  # fmt: skip
_BY_NAME = {name: one for one in COMMANDS for name in (one.name, *one.aliases)}
