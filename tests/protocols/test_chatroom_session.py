"""The chat room: what is typed is said, and what begins with / is done."""

import re

import pytest

from tertulia.domain import errors as x
from tertulia.domain.commands.join import Join
from tertulia.domain.commands.modes import SetModes
from tertulia.domain.commands.profile import SetAway
from tertulia.domain.commands.say import Say
from tertulia.domain.events import ModeChange, Said, Style
from tertulia.domain.history import Page, describe
from tertulia.domain.ids import Hlc
from tertulia.domain.names import ChannelName
from tertulia.domain.text import Text
from tertulia.protocols.chatroom.commands import COMMANDS, find
from tertulia.protocols.chatroom.flavour import ChatRoomFlavour
from tertulia.protocols.chatroom.language import PORTUGUESE, in_words
from tertulia.protocols.operators import Operator
from tertulia.protocols.session import TakeBackup
from tests.protocols.elsewhere import abroad
from tests.protocols.jsonchat_kit import Core
from tests.protocols.text_kit import SAMPLES, Room, kick, local_time, operator_of

LOBBY, TEA = "#lobby", "#tea"


@pytest.fixture
def core():
    return Core()


@pytest.fixture
def ana(core):
    return Room(core).named("ana")


@pytest.fixture
def bia(core, ana):
    bia = Room(core).named("bia")
    ana.got()
    return bia


def untimed(lines):
    """What comes without the time before it."""
    assert all(re.match(r"(\[[0-9:-]+( [0-9:]+)?\]|--|!!) ", line) for line in lines), lines
    return [re.sub(r"^\[[0-9:]+\] ", "", line) for line in lines]


# Coming and going


def test_who_comes_is_a_guest_in_the_lobby_and_told_so_in_two_languages(core):
    first = Room(core)
    english, portuguese, joined = first.got()
    guest = first.session.user.nick.text
    assert re.fullmatch(r"guest[0-9]{4}", guest)
    assert guest in english and "/nick" in english and "/help" in english
    assert guest in portuguese and "/apelido" in portuguese and "/ajuda" in portuguese
    assert untimed([joined]) == [f"-- {guest} joined #lobby"]


def test_guests_have_names_of_their_own(core):
    guests = {Room(core).session.user.nick.text for _ in range(200)}
    assert len(guests) == 200


def test_who_may_not_be_in_the_lobby_is_told_and_stays(core):
    core.do(operator_of(core), SetModes(core.channel(LOBBY), (ModeChange(True, "l", "1"),)))
    Room(core)
    room = Room(core)
    assert room.got()[2:] == ["!! #lobby is full"]
    assert room.asks("hello?") == ["!! You are in no channel; /join #lobby brings you back"]
    assert not room.shell.closed


def test_whoever_only_reads_stays(ana):
    ana.session.tick(1e9)
    assert not ana.shell.closed


@pytest.mark.parametrize(("line", "reason"), [("/quit", "Left"), ("/sair até já", "até já")])
def test_leaving(ana, bia, line, reason):
    ana.send(line)
    assert ana.shell.closed
    assert ana.got() == []
    assert untimed(bia.got()) == [f"-- ana left the server: {reason}"]


def test_the_end_is_told_to_who_is_still_there(ana, bia):
    ana.session.end("The server is shutting down")
    assert ana.got() == ["-- The server is shutting down"]
    bia.got()
    bia.session.eof()
    assert bia.got() == []


@pytest.mark.parametrize("last", ["k", "bye"])
def test_what_is_said_last_needs_no_end_of_a_line(ana, bia, last):
    ana.raw(last.encode())
    ana.session.eof()
    said, _left = untimed(bia.got())
    assert said == f"ana: {last}"


# Talking


def test_what_is_typed_is_said_to_the_others(ana, bia):
    assert ana.asks("olá, está aí alguém?") == []
    [line] = bia.got()
    assert re.fullmatch(r"\[\d\d:\d\d\] ana: olá, está aí alguém\?", line)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("//quit", "ana: /quit"),
        ("/me waves", "* ana waves"),
        ("/EU acena", "* ana acena"),
        ("/poke bia", "* ana pokes bia"),
        ("/cutucar bia", "* ana pokes bia"),
        ("/msg bia just you", "ana (private): just you"),
        ("/privado BIA só você", "ana (private): só você"),
        ("/msg * to all", "ana (to everyone): to all"),
        ("/msg & to all", "ana (to everyone here): to all"),
        ("/msg #lobby hi", "ana: hi"),
        (" /not a command", "ana:  /not a command"),
        ("!nick x", "ana: !nick x"),
        ("oops\x08\x08\x7f\x7fhello", "ana: hello"),
        ("\x08\x08x", "ana: x"),
        ("a\x1b[2Jb\x07\0c", "ana: a[2Jbc"),
        ("\x02b\x02 \x0304red", "ana: b red"),
    ],
)
def test_what_is_typed_and_what_others_see(ana, bia, typed, said):
    assert ana.asks(typed) == []
    assert untimed(bia.got()) == [said]


def test_one_talks_where_one_went_last(ana, bia):
    lines = untimed(ana.asks("/join #tea"))
    assert lines == [
        "-- ana joined #tea", "-- ana is an admin of #tea", "-- You talk in #tea now",
    ]  # fmt: skip
    bia.send("/entrar tea")
    assert bia.got()[-1] == "-- Agora você fala em #tea"
    ana.got()
    ana.send("in the tea house")
    assert untimed(bia.got()) == ["ana: in the tea house"]
    assert ana.asks("/join #lobby") == ["-- You talk in #lobby now"]
    ana.send("in the lobby")
    assert untimed(bia.got()) == ["#lobby ana: in the lobby"]
    bia.send("still here")
    assert untimed(ana.got()) == ["#tea bia: still here"]
    bia.send("/me waves")
    assert untimed(ana.got()) == ["#tea * bia waves"]


def test_who_leaves_a_channel_talks_where_they_were_before(ana, bia):
    ana.send("/join #tea")
    ana.send("/join #coffee")
    assert untimed(ana.asks("/part")) == [
        "-- ana left #coffee", "-- You left #coffee",
    ]  # fmt: skip
    assert ana.session.channel.name.text == TEA
    ana.send("/deixar #tea tchau")
    assert ana.session.channel.name.text == LOBBY
    bia.got()
    ana.send("back")
    assert untimed(bia.got()) == ["ana: back"]
    ana.send("/part")
    assert ana.asks("hm?") == ["!! You are in no channel; /join #lobby brings you back"]
    ana.send("/join #lobby")
    ana.got()
    assert ana.asks("again") == []


def test_who_is_kicked_out_talks_elsewhere(core, ana, bia):
    ana.send("/join #tea")
    bia.send("/join #tea")
    ana.got()
    assert untimed(ana.asks("/kick bia too loud")) == ["-- ana kicked bia out of #tea: too loud"]
    bia.got()
    bia.session.tick(0)
    ana.asks("/join #lobby")
    bia.send("oh")
    assert untimed(ana.got()) == ["bia: oh"]
    kick(core, operator_of(core), LOBBY, "bia")
    [line] = bia.asks("/join #lobby")
    assert line == "!! You were kicked out of #lobby; come back in 60 seconds"


def test_topic_and_password_of_a_channel(core, ana, bia):
    ana.send("/join #tea cinnamon")
    assert bia.asks("/join #tea") == ["!! The password of #tea is missing or wrong"]
    assert bia.asks("/entrar #tea noz") == ["!! A senha de #tea falta ou está errada"]
    assert ana.asks("/topic")[-1] == "-- #tea has no topic"
    ana.send("/tópico chá verde?")
    assert bia.asks("/join #tea cinnamon")[-1] == "-- The topic of #tea is: chá verde?"
    assert ana.asks("/topico")[-1] == "-- O tópico de #tea é: chá verde?"
    assert bia.asks("/topic mine") == ["!! You are not an admin of #tea"]
    ana.send("/admin bia")
    assert untimed(bia.got())[-1] == "-- ana made bia an admin of #tea"


def test_a_message_for_somebody_who_is_not_here_waits(core, ana):
    assert ana.asks("/msg eva hello") == ["!! There is no user eva"]
    assert ana.asks("/privado eva olá") == ["!! Não há nenhum usuário eva"]


# Looking


def test_who_is_here(core, ana, bia):
    ana.send("/join #tea")
    core.user("rui")
    assert ana.asks("/users") == ["-- Users in #tea: ana"]
    assert ana.asks("/users #lobby") == ["-- Users in #lobby: ana, bia"]
    assert ana.asks("/usuários #lobby") == ["-- Usuários em #lobby: ana, bia"]
    assert ana.asks("/usuarios #nowhere") == ["!! O canal #nowhere não existe"]
    assert ana.asks("/who") == ["-- Users: ana, bia, rui"]
    assert bia.asks("/canais") == ["-- Canais: #lobby, #tea"]
    core.do(ana.session.user, SetAway("lunch"))
    number = ana.session.user.number
    assert bia.asks("/who ana") == [
        f"-- ana: number {number}, by chatroom, in #lobby, #tea",
        "-- ana is away: lunch",
    ]
    assert bia.asks("/who eva") == ["!! There is no user eva"]


def test_who_is_on_another_server(core, ana, bia):
    rui = abroad(core.chat, "rui", LOBBY)
    assert ana.asks("/who") == ["-- Users: ana, bia, rui"]
    assert ana.asks("/users") == ["-- Users in #lobby: ana, bia, rui"]
    described = f"-- rui: number {rui.number}, by irc, in #lobby"
    assert ana.asks("/who rui") == [described, "-- rui is on north.example"]
    rui.is_cut_off = True
    assert ana.asks("/who rui") == [
        described,
        "-- rui is on north.example, which cannot be reached now",
    ]
    assert ana.asks("/quem rui")[1:] == [
        "-- rui está em north.example, que não pode ser alcançado agora"
    ]
    assert ana.asks("/msg rui olá") == [
        "!! rui is on a server that cannot be reached now",
    ]
    assert ana.asks("/privado rui olá") == [
        "!! rui está em um servidor que não pode ser alcançado agora",
    ]


def test_a_hidden_channel_is_seen_only_by_those_in_it(core, ana, bia):
    ana.send("/join #tea")
    core.do(ana.session.user, SetModes(core.channel(TEA), (ModeChange(True, "s"),)))
    assert bia.asks("/channels") == ["-- Channels: #lobby"]
    assert bia.asks("/users #tea") == ["!! There is no channel #tea"]
    assert "#tea" not in bia.asks("/who ana")[0]
    assert ana.asks("/channels") == ["-- Channels: #lobby, #tea"]


def test_away_and_back(ana, bia):
    assert ana.asks("/away lunch") == ["-- You are away"]
    assert ana.asks("/voltei") == ["-- Você está de volta"]
    assert untimed(bia.got()) == ["-- ana is away: lunch", "-- ana is back"]


def past(core, ana, ms, text):
    face = ana.session.user.face
    return describe(
        Hlc(ms << 16), "id", Said(face, LOBBY, Style.SAY, Text(text), None, None, "", False)
    )


def test_history_has_the_date_where_that_is_not_today(core, ana):
    now = core.now_ms
    ana.shell.answer = [past(core, ana, now - 2_000_000, "old"), past(core, ana, now, "new")]
    old, new = ana.asks("/history")
    assert re.fullmatch(r"\[\d{4}-\d\d-\d\d \d\d:\d\d\] ana: old", old)
    assert re.fullmatch(r"\[\d\d:\d\d\] ana: new", new)
    assert ana.shell.asked == [Page((core.channel(LOBBY).incarnation,), 20, latest=True)]


@pytest.mark.parametrize(
    ("said", "limit"), [("5", 5), ("100", 100), ("5000", 100), ("9" * 50, 100)]
)
def test_how_much_history(ana, said, limit):
    ana.shell.answer = []
    assert ana.asks(f"/histórico {said}") == ["-- Nada foi dito em #lobby"]
    assert ana.shell.asked[0].limit == limit


@pytest.mark.parametrize("said", ["0", "-1", "x", "1.5", "²", "0x10"])
def test_how_much_history_is_a_number(ana, said):
    assert ana.asks(f"/history {said}") == ["!! How many lines is a number from 1 to 100"]


def test_what_is_logged_is_told(ana):
    [line] = ana.asks("/log")
    assert line.startswith("-- #lobby is written")
    ana.send("/entrar #tea")
    assert ana.asks("/log") == ["-- #tea não fica nos logs de texto"]


# Operators


OPERATORS = (Operator("boss", "hash of secret"),)


def test_an_operator_takes_a_backup(core):
    boss = Room(core, operators=OPERATORS).named("ana")
    assert boss.asks("/backup") == ["!! Only a server operator may do this"]
    assert boss.asks("/operador boss wrong") == ["!! Senha incorreta"]
    assert boss.asks("/oper nobody secret") == ["!! Password incorrect"]
    assert boss.asks("/oper boss secret") == ["-- You are an operator now"]
    boss.shell.answer = "backups/today"
    assert boss.asks("/backup") == ["-- The backup is backups/today"]
    assert boss.shell.asked == [TakeBackup()]
    boss.shell.answer = x.NoBackup("the disk is full")
    assert boss.asks("/backup") == ["!! There is no backup: the disk is full"]


def test_operators_are_those_of_the_settings_now(core, ana):
    ana.service.configure(Room(core, operators=OPERATORS).service.config)
    assert ana.asks("/oper boss secret") == ["-- You are an operator now"]


# Help and what is wrong


def test_help_tells_every_command_in_either_language(ana):
    english, portuguese = ana.asks("/help"), ana.asks("/ajuda")
    assert len(english) == len(portuguese) == len(COMMANDS)
    for command, one, other in zip(COMMANDS, english, portuguese, strict=True):
        for line in (one, other):
            assert f"/{command.names['en']}" in line
            assert f"/{command.names['pt']}" in line
        assert one.endswith(command.does["en"])
        assert other.endswith(command.does["pt"])
    assert "-- /who, /quem [NAME]: who is here, or more about one" in english
    assert "-- /quem, /who [NOME]: quem está aqui, ou mais sobre alguém" in portuguese


NAMES = """
    help ajuda nick apelido users usuarios usuários msg privado me eu poke cutucar join entrar part
    deixar channels canais history historico histórico log backup topic topico away ausente back
    voltei who quit sair oper operador NICK Usua\u0301rios
"""


@pytest.mark.parametrize("word", NAMES.split())
def test_the_names_of_the_commands(word):
    assert find(f"/{word}") is not None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/frob", "There is no command /frob; /help"),
        ("/", "There is no command /;"),
        ("/{0}", "There is no command /{0};"),
        ("/" + "x" * 3000, "There is no command"),
        ("/nick", "Write it so: /nick NAME"),
        ("/apelido", "Escreva assim: /apelido NOME"),
        ("/msg ana", "Write it so: /msg NAME TEXT"),
        ("/me", "Write it so: /me TEXT"),
        ("/nick bia", "already in use"),
        ("/apelido bia", "já está em uso"),
        ("/nick 1st", "not a valid name"),
        ("/apelido 1st", "não é um nome válido: até 32 letras, dígitos e []\\`_^{|}-"),
        ("/nick a b", "not a valid name"),
        ("/nick " + "x" * 3000, "not a valid name"),
        ("/join #" + "x" * 3000, "not a valid name"),
        ("/part #nowhere", "There is no channel #nowhere"),
        ("/kick bia", "not an admin"),
        ("/expulsar bia", "não é administrador"),
        ("/poke eva", "There is no user eva"),
        ("/msg eva {0}", "There is no user eva"),
        ("x" * 5000, "longer than"),
        ("x" * 9000, "at most"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_and_changes_nothing(core, ana, bia, line, words):
    seen = len(core.events)
    [told] = ana.asks(line)
    assert told.startswith("!! ")
    assert words in told
    assert len(told.encode()) < 1024
    assert len(core.events) == seen
    assert not ana.shell.closed
    assert bia.got() == []


def test_what_is_no_utf_8_is_told_and_not_said(ana, bia):
    ana.raw(b"one \xc3 two\none \xff two\n")
    assert ana.got() == ["!! The line is not valid UTF-8; nothing was sent"] * 2
    assert bia.got() == []


@pytest.mark.parametrize("kind", PORTUGUESE, ids=lambda kind: kind.__name__)
def test_errors_are_told_in_portuguese(kind):
    error = kind.__new__(kind)
    for field in ("name", "nickname", "channel", "wait_s", "why"):
        setattr(error, field, "tea")
    assert in_words(error, "pt") not in ("", str(error))


def test_what_the_disk_refused_is_told(ana):
    fact = Said(ana.session.user.face, LOBBY, Style.SAY, Text("x"), None, None, "", False)
    ana.session.refused(fact, None)
    [line] = ana.got()
    assert line.startswith("!! Your message to #lobby was not sent")


# What is shown


@pytest.mark.parametrize("change", SAMPLES, ids=lambda change: type(change).__name__)
@pytest.mark.parametrize("old", [True, False])
def test_every_change_is_lines_or_nothing(change, old):
    flavour = ChatRoomFlavour(LOBBY, "\n", old, local_time)
    data = flavour.render(change).decode()
    lines = data.split("\n")
    assert lines.pop() == ""
    assert all(re.match(r"\[\d\d:\d\d\] \S", line) and line.isprintable() for line in lines)


def test_what_is_skipped_is_told(ana):
    assert b"7 messages were left out" in ana.session.flavour.skipped(7)


def test_those_who_talk_in_one_place_share_a_flavour(ana):
    service = ana.service
    own = ana.session.flavour
    assert service.flavour(LOBBY, "\n", old=False) is own
    ana.send("/join #tea")
    assert ana.session.flavour is service.flavour(TEA, "\n", old=False) is not own


def test_a_message_from_elsewhere(core, ana):
    rui = core.user("rui")
    core.do(rui, Join(ChannelName.parse(LOBBY)))
    ana.got()
    core.do(rui, Say(core.channel(LOBBY), Text("hi")))
    core.do(rui, Say(ana.session.user, Text("waves"), Style.ACTION))
    assert untimed(ana.got()) == ["rui: hi", "* rui waves (private)"]


# Lines and terminals


def test_lines_end_as_the_client_ends_them(core, ana):
    room = Room(core)
    assert room.frames()[0].count(b"\r\n") == 3  # nobody knows yet
    room.raw(b"one\n")
    ana.send("two")
    assert room.frames()[0].endswith(b"ana: two\n")
    assert b"\r" not in room.frames()[0]
    other = Room(core)
    other.raw(b"one\r\n")
    other.frames()
    ana.send("three")
    assert other.frames()[0].endswith(b"ana: three\r\n")


def test_telnet_that_negotiates_has_lines_of_its_own(core, ana):
    room = Room(core)
    room.frames()
    room.raw(b"\xff\xfb\x1f\xff\xfd\x03\xff\xfb\x1f")
    assert room.frames() == [b"\xff\xfe\x1f\xff\xfc\x03"]
    ana.got()
    room.raw(b"he\xff\xf1llo")
    room.pause()
    assert ana.got() == []
    room.raw(b"\n")
    assert untimed(ana.got()) == [f"{room.session.user.nick}: hello"]
    ana.send("hi")
    assert room.frames()[0].endswith(b"\r\n")


def test_a_client_that_ends_nothing_is_sent_one_message_at_a_time(core, ana):
    old = Room(core)
    assert old.shell.frames is None
    old.raw(b"hello")
    ana.got()
    old.pause()
    assert untimed(ana.got()) == [f"{old.session.user.nick}: hello"]
    assert old.shell.frames is not None
    old.got()
    ana.send("é" * 1500)
    frames = old.frames()
    assert len(frames) == 3
    assert all(len(frame) <= 1024 and frame.endswith(b"\n") for frame in frames)


def test_guessing_a_password_costs_more(ana):
    assert ana.session.cost("hello") == 1
    assert ana.session.cost("/oper x y") == ana.session.cost("x\x08/oper x y") == 5
