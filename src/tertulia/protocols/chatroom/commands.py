"""The commands of the chat room: one table that is read by the parser and by ``/help``."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal

from tertulia.domain import errors as x
from tertulia.domain.channels import Channel
from tertulia.domain.commands.join import Join
from tertulia.domain.commands.kick import Kick
from tertulia.domain.commands.modes import SetRank
from tertulia.domain.commands.part import Part
from tertulia.domain.commands.poke import Poke
from tertulia.domain.commands.profile import SetAway, SetUserMode
from tertulia.domain.commands.rename import Rename
from tertulia.domain.commands.say import Say
from tertulia.domain.commands.topic import SetTopic
from tertulia.domain.events import Style
from tertulia.domain.history import Page
from tertulia.domain.identities import Identity
from tertulia.domain.names import ChannelName, Nickname, fold_name
from tertulia.domain.policy import must_be_operator
from tertulia.domain.text import cut, message_text
from tertulia.domain.users import User
from tertulia.protocols.chatroom.command import Command
from tertulia.protocols.chatroom.language import Both, Language, Refused, both
from tertulia.protocols.joining import join_with
from tertulia.protocols.operators import is_operator
from tertulia.protocols.session import Steps, TakeBackup
from tertulia.protocols.words import waits

if TYPE_CHECKING:
    from tertulia.protocols.chatroom.session import ChatRoomSession

HISTORY_LINES, HISTORY_MOST = 20, 100
_NAME_BYTES = 260
"""More than a name can have: of what is longer an error shows no more."""

NOT_A_COMMAND = both(
    "There is no command {0}; /help lists those there are, //text says /text",
    "Não há nenhum comando {0}; /ajuda mostra os que há, //texto diz /texto",
)


def find(line: str) -> tuple[Command, Language | None] | None:
    """Return the command that *line* is, and the language if its name tells."""
    if not line.startswith("/"):
        return None
    return _BY_NAME.get(_plain(line[1:].partition(" ")[0]))


def _plain(word: str) -> str:
    """Return *word* in lower case and without accents, as it is looked up."""
    letters = unicodedata.normalize("NFD", word.lower())
    return "".join([letter for letter in letters if not unicodedata.combining(letter)])


def _help(session: ChatRoomSession, _argument: str) -> None:
    for command in COMMANDS:
        session.info(command.explained(session.language))


def _nick(session: ChatRoomSession, name: str) -> None:
    session.core.execute(session, Rename(Nickname.parse(cut(name, _NAME_BYTES))))


def _msg(session: ChatRoomSession, argument: str) -> None:
    name, _, text = argument.partition(" ")
    target: Channel | User | Identity | Literal["*", "&"]
    if name == "*":
        target = "*"
    elif name == "&":
        target = "&"
    elif name.startswith("#"):
        target = _channel(session, name)
    else:
        target = _recipient(session, name)
    waiting = isinstance(target, Identity)
    session.core.execute(session, Say(target, message_text(text.strip(" ")), receipt=waiting))
    _tell_that_it_waits(session, target)


def _me(session: ChatRoomSession, text: str) -> None:
    session.core.execute(session, Say(session.channel, message_text(text), Style.ACTION))


def _poke(session: ChatRoomSession, name: str) -> None:
    whom = _recipient(session, name)
    session.core.execute(session, Poke(whom, session.channel))
    _tell_that_it_waits(session, whom)


def _tell_that_it_waits(session: ChatRoomSession, target: object) -> None:
    if isinstance(target, Identity):
        session.info(waits(target.nick.text, str))


def _join(session: ChatRoomSession, argument: str) -> Steps:
    word, _, password = argument.partition(" ")
    name = ChannelName.parse(cut(_with_sign(word), _NAME_BYTES))
    if name.folded not in session.me.channels:
        state = session.core.state
        intent: Join = yield from join_with(state, name, password.strip(" ") or None)
        session.core.execute(session, intent)
    channel = _channel(session, name.text)
    session.talk_in(channel)
    session.tell(both("You talk in {0} now", "Agora você fala em {0}"), channel.name)
    if channel.topic is not None:
        _show_topic(session, channel)


def _part(session: ChatRoomSession, argument: str) -> None:
    channel, reason = _channel_first(session, argument)
    session.core.execute(session, Part(channel, reason))
    session.tell(both("You left {0}", "Você saiu de {0}"), channel.name)


def _users(session: ChatRoomSession, argument: str) -> None:
    channel, _ = _channel_first(session, argument)
    if not _sees(session, channel):
        raise x.NoSuchChannel(channel.name.text)
    nicks = _listed(user.nick.text for user, _ in session.core.state.occupants(channel))
    session.tell(both("Users in {0}: {1}", "Usuários em {0}: {1}"), channel.name, nicks)


def _who(session: ChatRoomSession, name: str) -> None:
    state = session.core.state
    if not name:
        nicks = _listed(user.nick.text for user in state.users.values())
        session.tell(both("Users: {0}", "Usuários: {0}"), nicks)
        return
    user = state.user_named(name)
    if user is None:
        raise x.NoSuchUser(name)
    places = [one.name.text for one in user.channels.values() if _sees(session, one)]
    session.tell(
        both("{0}: number {1}, by {2}, in {3}", "{0}: número {1}, por {2}, em {3}"),
        user.nick, user.number, user.protocol, _listed(places),
    )  # fmt: skip
    if user.server:
        _tell_server(session, user)
    if user.away is not None:
        session.tell(both("{0} is away: {1}", "{0} está ausente: {1}"), user.nick, user.away)


def _tell_server(session: ChatRoomSession, user: User) -> None:
    """Tell which other server *user* is on, and whether it can be reached."""
    name = session.core.state.servers.get(user.server, user.server)
    if user.is_cut_off:
        told = both(
            "{0} is on {1}, which cannot be reached now",
            "{0} está em {1}, que não pode ser alcançado agora",
        )
    else:
        told = both("{0} is on {1}", "{0} está em {1}")
    session.tell(told, user.nick, name)


def _channels(session: ChatRoomSession, _argument: str) -> None:
    channels = session.core.state.channels.values()
    names = _listed(channel.name.text for channel in channels if _sees(session, channel))
    session.tell(both("Channels: {0}", "Canais: {0}"), names)


def _history(session: ChatRoomSession, argument: str) -> Steps:
    if argument and not (argument.isascii() and argument.isdigit() and int(argument[:9])):
        raise Refused(
            both(
                f"How many lines is a number from 1 to {HISTORY_MOST}",
                f"Quantas linhas é um número de 1 a {HISTORY_MOST}",
            )
        )
    channel = session.channel
    lines = min(int(argument[:9] or HISTORY_LINES), HISTORY_MOST)
    page = yield Page(session.core.state.histories(channel), lines, latest=True)
    now = session.core.world.now()
    data = b"".join([session.flavour.recall(change, now) for change in page])
    if len(page) < lines and session.core.state.lacks_beginning(channel):
        session.tell(
            both(
                "Some of what was said before {0} is no longer kept",
                "Nem tudo o que foi dito antes de {0} ainda está guardado",
            ),
            session.flavour.moment(session.core.state.dropped_until),
        )
    if data:
        session.shell.send(data)
    else:
        session.tell(both("Nothing was said in {0}", "Nada foi dito em {0}"), channel.name)


def _log(session: ChatRoomSession, _argument: str) -> None:
    channel = session.channel
    if session.service.config.is_logged(channel.name):
        session.tell(
            both(
                "{0} is written to the text logs of this server, a file a day; /history shows"
                " the last lines",
                "{0} fica nos logs de texto deste servidor, um arquivo por dia; /histórico mostra"
                " as últimas linhas",
            ),
            channel.name,
        )
    else:
        session.tell(
            both("{0} is not written to the text logs", "{0} não fica nos logs de texto"),
            channel.name,
        )


def _backup(session: ChatRoomSession, _argument: str) -> Steps:
    must_be_operator(session.me)
    place = yield TakeBackup()
    session.tell(both("The backup is {0}", "O backup é {0}"), place)


def _topic(session: ChatRoomSession, text: str) -> None:
    channel = session.channel
    if text:
        session.core.execute(session, SetTopic(channel, text))
    else:
        _show_topic(session, channel)


def _show_topic(session: ChatRoomSession, channel: Channel) -> None:
    if channel.topic is None:
        session.tell(both("{0} has no topic", "{0} não tem tópico"), channel.name)
    else:
        sentence = both("The topic of {0} is: {1}", "O tópico de {0} é: {1}")
        session.tell(sentence, channel.name, channel.topic.text)


def _away(session: ChatRoomSession, message: str) -> None:
    session.core.execute(session, SetAway(message))
    session.tell(both("You are away", "Você está ausente"))


def _back(session: ChatRoomSession, _argument: str) -> None:
    session.core.execute(session, SetAway(None))
    session.tell(both("You are back", "Você está de volta"))


def _kick(session: ChatRoomSession, argument: str) -> None:
    name, _, reason = argument.partition(" ")
    session.core.execute(session, Kick(session.channel, _user(session, name), reason.strip(" ")))


def _admin(session: ChatRoomSession, name: str) -> None:
    whom = _user(session, name)
    session.core.execute(session, SetRank(session.channel, ((True, "o", whom),)))


def _oper(session: ChatRoomSession, argument: str) -> Steps:
    name, _, password = argument.partition(" ")
    operators = session.service.config.operators
    if not (yield from is_operator(operators, name, password.strip(" "))):
        raise Refused(both("Password incorrect", "Senha incorreta"))
    session.core.execute(session, SetUserMode("o", True))
    session.tell(both("You are an operator now", "Agora você é operador"))


def _quit(session: ChatRoomSession, reason: str) -> None:
    session.leave(reason or "Left")


# What the arguments name


def _with_sign(word: str) -> str:
    return word if word.startswith("#") else f"#{word}"


def _channel(session: ChatRoomSession, name: str) -> Channel:
    channel = session.core.state.channel_named(name)
    if channel is None:
        raise x.NoSuchChannel(name)
    return channel


def _channel_first(session: ChatRoomSession, argument: str) -> tuple[Channel, str]:
    """Return the channel that *argument* begins with, or where one talks; and the rest."""
    if not argument.startswith("#"):
        return session.channel, argument
    name, _, rest = argument.partition(" ")
    return _channel(session, name), rest.strip(" ")


def _user(session: ChatRoomSession, name: str) -> User:
    user = session.core.state.user_named(name)
    if user is None:
        raise x.NoSuchUser(name)
    return user


def _recipient(session: ChatRoomSession, name: str) -> User | Identity:
    recipient = session.core.state.recipient(name)
    if recipient is None:
        raise x.NoSuchUser(name)
    return recipient


def _sees(session: ChatRoomSession, channel: Channel) -> bool:
    return not channel.is_hidden or session.me.uid in channel.occupants


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names, key=fold_name)) or "-"


# The table


def _command(
    english: str,
    portuguese: str,
    handler: Callable[[ChatRoomSession, str], Steps | None],
    does: Both,
    arguments: Both | None = None,
    *,
    needs: int = 0,
    cost: int = 1,
) -> Command:
    names = both(english, portuguese)
    return Command(names, arguments or both("", ""), does, handler, needs, cost)


_NAME = both("NAME", "NOME")
_TEXT = both("TEXT", "TEXTO")
_MAYBE_CHANNEL = both("[#CHANNEL]", "[#CANAL]")

COMMANDS = (
    _command("help", "ajuda", _help, both("shows this", "mostra isto")),
    _command(
        "nick", "apelido", _nick, both("chooses your name", "escolhe o seu nome"), _NAME, needs=1
    ),
    _command(
        "users", "usuários", _users, both("who is in a channel", "quem está num canal"),
        _MAYBE_CHANNEL,
    ),
    _command(
        "who", "quem", _who,
        both("who is here, or more about one", "quem está aqui, ou mais sobre alguém"),
        both("[NAME]", "[NOME]"),
    ),
    _command(
        "msg", "privado", _msg, both("tells one person", "diz a uma pessoa"),
        both("NAME TEXT", "NOME TEXTO"), needs=2,
    ),
    _command("me", "eu", _me, both("tells what you do", "conta o que você faz"), _TEXT, needs=1),
    _command("poke", "cutucar", _poke, both("pokes somebody", "cutuca alguém"), _NAME, needs=1),
    _command(
        "join", "entrar", _join,
        both("goes to a channel, and talks there", "vai a um canal, e fala lá"),
        both("#CHANNEL [PASSWORD]", "#CANAL [SENHA]"), needs=1,
    ),
    _command(
        "part", "deixar", _part, both("leaves a channel", "sai de um canal"),
        both("[#CHANNEL] [REASON]", "[#CANAL] [MOTIVO]"),
    ),
    _command("channels", "canais", _channels, both("what channels there are", "que canais há")),
    _command(
        "history", "histórico", _history,
        both(
            f"the last lines, {HISTORY_LINES} or up to {HISTORY_MOST}",
            f"as últimas linhas, {HISTORY_LINES} ou até {HISTORY_MOST}",
        ),
        both("[LINES]", "[LINHAS]"), cost=4,
    ),
    _command("log", "log", _log, both("what is kept", "o que se guarda")),
    _command(
        "topic", "tópico", _topic, both("the channel's topic, or another", "o tópico, ou outro"),
        both("[TEXT]", "[TEXTO]"),
    ),
    _command(
        "away", "ausente", _away, both("you are away", "você está ausente"),
        both("[TEXT]", "[TEXTO]"),
    ),
    _command("back", "voltei", _back, both("you are back", "você está de volta")),
    _command(
        "kick", "expulsar", _kick, both("expels somebody (admins)", "expulsa alguém (admins)"),
        both("NAME [REASON]", "NOME [MOTIVO]"), needs=1,
    ),
    _command(
        "admin", "administrador", _admin,
        both("makes somebody an admin (admins)", "faz de alguém um admin (admins)"),
        _NAME, needs=1,
    ),
    _command(
        "oper", "operador", _oper, both("makes you an operator", "faz de você um operador"),
        both("NAME PASSWORD", "NOME SENHA"), needs=2, cost=5,
    ),
    _command(
        "backup", "backup", _backup,
        both("takes a backup (operators)", "faz um backup (operadores)"), cost=5,
    ),
    _command(
        "quit", "sair", _quit, both("leaves", "sai"), both("[REASON]", "[MOTIVO]"),
    ),
)  # fmt: skip

_BY_NAME: dict[str, tuple[Command, Language | None]] = {
    _plain(command.names[language]): (
        command,
        None if command.names["en"] == command.names["pt"] else language,
    )
    for command in COMMANDS
    for language in ("en", "pt")
}
