"""PyChat: the published table, command by command, and what else its clients are shown."""

import pytest

from tertulia.domain.channels import LOBBY_SHUT_MS
from tertulia.domain.commands.modes import SetModes
from tertulia.domain.commands.profile import SetAway
from tertulia.domain.commands.say import Say
from tertulia.domain.commands.topic import SetTopic
from tertulia.domain.events import ModeChange, Said, Style
from tertulia.domain.text import Text
from tertulia.protocols.pychat.flavour import PyChatFlavour
from tests.protocols.jsonchat_kit import Core
from tests.protocols.text_kit import SAMPLES, OldPyChat, PyChat, kick, operator_of


@pytest.fixture
def core():
    return Core()


def come(core, nick, kind=PyChat):
    client = kind(core)
    client.send(f"!nick {nick}")
    client.got()
    return client


@pytest.fixture
def ana(core):
    return come(core, "ana")


@pytest.fixture
def bia(core, ana):
    bia = come(core, "bia")
    ana.got()
    return bia


KINDS = pytest.mark.parametrize("kind", [PyChat, OldPyChat])


# Logging in


@KINDS
def test_a_nickname_is_answered_with_who_is_here(core, ana, kind):
    client = kind(core)
    assert client.got() == []
    client.send("!nick Zé")
    assert client.got() == ["!users 2 ana Zé"]
    assert ana.got() == ["Zé joined #lobby"]


@pytest.mark.parametrize(
    "line", ["hello", "!users", "!sendmsg hi", "!poke ana", "!exit", "!frob", "nick ana", "/nick a"]
)
@KINDS
def test_whoever_says_something_else_first_is_sent_away_without_a_word(core, line, kind):
    client = kind(core)
    client.send(line)
    assert client.shell.closed
    assert client.frames() in ([b""], [])
    assert not core.state.users


@pytest.mark.parametrize("data", [b"\xff\xfe\n", b"x" * 10_000])
def test_so_is_what_cannot_be_read(core, data):
    client = PyChat(core)
    client.raw(data)
    assert client.shell.closed
    assert not client.shell.sent


def test_help_may_come_before(core):
    client = PyChat(core)
    lines = client.asks("!help")
    assert len(lines) == 7
    assert all(line.endswith(";") and ": " in line and line[0] != "!" for line in lines)
    assert client.asks("!nick ana") == ["!users 1 ana"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ana", "already in use"),
        ("1st", "not a valid name"),
        ("a b", "one word"),
        ("x" * 33, "long"),
    ],
)
def test_a_bad_name_is_told_and_another_may_be_tried(core, ana, name, words):
    client = PyChat(core)
    [line] = client.asks(f"!nick {name}")
    assert words in line
    assert client.asks("!nick eva") == ["!users 2 ana eva"]


def test_who_does_not_log_in_is_sent_away(core):
    client = PyChat(core, login_s=10)
    client.session.tick(9)
    assert not client.shell.closed
    client.session.tick(10)
    assert client.shell.closed
    assert not client.shell.sent


def test_who_has_a_nickname_stays(core, ana):
    ana.session.tick(1e9)
    assert not ana.shell.closed


# The commands


def test_users_are_listed_in_the_order_of_their_names(core, ana):
    for nick in ("Zoe", "bia", "Ada"):
        come(core, nick)
    ana.got()
    assert ana.asks("!users") == ["!users 4 Ada ana bia Zoe"]


def test_a_message_goes_to_all_but_the_sender(ana, bia):
    assert ana.asks("!sendmsg  hello,   you ") == []
    assert bia.got() == ["!msg ana hello,   you"]


def test_a_text_is_no_command(ana, bia):
    ana.send("!sendmsg !poke bia")
    assert bia.got() == ["!msg ana !poke bia"]


def test_a_new_name_is_told_to_all(ana, bia):
    assert ana.asks("!changenickname anita") == ["!changenickname ana anita"]
    assert bia.got() == ["!changenickname ana anita"]
    [line] = ana.asks("!changenickname bia")
    assert "already in use" in line
    assert bia.got() == []


def test_a_poke_is_seen_by_all(core, ana, bia):
    eva = come(core, "eva")
    bia.got()
    assert ana.asks("!poke bia") == ["!poke ana bia"]
    assert bia.got() == ["!poke ana bia"]
    assert eva.got() == ["!poke ana bia"]


def test_somebody_elsewhere_feels_a_poke_too(core, ana):
    core.user("rui")
    assert ana.asks("!poke rui") == ["!poke ana rui"]
    assert [e.fact.target for e in core.events if isinstance(e.fact, Said)] == ["#lobby", "rui"]


def test_a_poke_from_elsewhere_is_one(core, ana):
    rui = core.user("rui")
    core.do(rui, Say(ana.session.user, Text("ana"), Style.POKE))
    assert ana.got() == ["!poke rui ana"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("!poke eva", "There is no user eva"),
        ("!poke", "!poke <name>"),
        ("!poke bia now", "There is no user bia now"),
        ("!sendmsg", "!sendmsg <text>"),
        ("!sendmsg  ", "!sendmsg <text>"),
        ("!sendmsg " + "x" * 5000, "longer than"),
        ("!users now", "!users"),
        ("!help me", "!help"),
        ("!changenickname", "!changenickname <new>"),
        ("!changenickname a b", "one word"),
        ("!nick eva", "!changenickname"),
        ("!frob", "!frob"),
        ("!!", "There is no command"),
        ("hello", "hello"),
        ("!" + "x" * 3000, "There is no command"),
        ("!changenickname " + "x" * 3000, "not a valid name"),
        ("x" * 9000, "at most"),
    ],
)
@KINDS
def test_what_is_wrong_is_told_in_one_line_and_changes_nothing(core, ana, bia, kind, line, words):
    eva = come(core, "rui", kind)
    ana.got()
    seen = len(core.events)
    eva.send(line)
    [told] = eva.got()
    assert words in told
    assert told[0] != "!"
    assert len(told.encode()) < 1024
    assert len(core.events) == seen
    assert not eva.shell.closed
    assert ana.got() == []


def test_invalid_utf_8_is_told_and_not_said(ana, bia):
    ana.raw(b"!sendmsg one \xff two\n")
    [line] = ana.got()
    assert "UTF-8" in line
    assert bia.got() == []


def test_control_characters_are_not_passed_on(ana, bia):
    ana.raw(b"!sendmsg one\x1b[2J\0\x07two\n")
    assert bia.got() == ["!msg ana one[2Jtwo"]


def test_exit_leaves(core, ana, bia):
    ana.send("!exit")
    assert ana.shell.closed
    assert ana.got() == []
    assert bia.got() == ["ana left the server: Left"]


def test_who_closes_is_told_nothing(ana, bia):
    ana.session.eof()
    assert ana.shell.closed
    assert ana.got() == []


def test_what_an_old_client_said_last_counts(core, bia):
    old = come(core, "old", OldPyChat)
    bia.got()
    old.raw(b"!sendmsg bye")
    old.session.eof()
    assert bia.got()[0] == "!msg old bye"


def test_what_is_said_last_needs_no_end_of_a_line(ana, bia):
    ana.raw(b"!sendmsg bye")
    ana.session.eof()
    assert bia.got()[0] == "!msg ana bye"


def test_the_end_is_told_in_words(ana):
    ana.session.end("The server is shutting down")
    assert ana.got() == ["The server is shutting down"]


def test_nor_is_the_reason_a_command(ana):
    ana.session.end("!poke ana bia")
    assert ana.got() == ["... !poke ana bia"]


# The lobby


def test_who_was_kicked_is_told_how_long_and_comes_back_by_itself(core, ana, bia):
    boss = operator_of(core)
    kick(core, boss, "#lobby", "ana", "enough")
    assert ana.got() == ["boss kicked ana out of #lobby: enough"]
    bia.got()
    for line in ("!sendmsg but", "!poke bia"):
        [told] = ana.asks(line)
        assert told == "You were kicked out of #lobby; come back in 60 seconds"
    assert ana.asks("!users") == ["!users 1 bia"]
    ana.session.tick(0)
    assert ana.got() == ["You will be back in 60 seconds"]
    ana.session.tick(0)
    assert ana.got() == []
    core.now_ms += LOBBY_SHUT_MS
    ana.session.tick(0)
    assert ana.got() == ["You are back in #lobby"]
    assert bia.got() == ["ana joined #lobby"]
    ana.session.tick(0)
    assert ana.got() == []


def test_who_was_kicked_is_back_with_the_next_command(core, ana, bia):
    kick(core, operator_of(core), "#lobby", "ana")
    core.now_ms += LOBBY_SHUT_MS
    bia.got()
    ana.send("!sendmsg back")
    assert bia.got() == ["ana joined #lobby", "!msg ana back"]


def test_who_may_not_come_in_is_told_why(core):
    core.do(operator_of(core), SetModes(core.channel("#lobby"), (ModeChange(True, "l", "1"),)))
    come(core, "ana")
    client = PyChat(core)
    client.send("!nick eva")
    assert client.got() == ["!users 1 ana", "#lobby is full"]
    assert not client.shell.closed


# What happens elsewhere


def test_what_others_do_is_told_in_words(core, ana):
    lobby, boss = core.channel("#lobby"), operator_of(core)
    bia = come(core, "bia")
    assert ana.got() == ["bia joined #lobby"]
    core.do(boss, SetTopic(lobby, "tea"))
    core.do(bia.session.user, SetAway("lunch"))
    core.do(boss, SetModes(lobby, (ModeChange(True, "m"),)))
    assert ana.got() == [
        "boss set the topic of #lobby: tea",
        "bia is away: lunch",
        "boss set mode +m of #lobby",
    ]
    bia.session.eof()
    assert ana.got() == ["bia left the server: Connection closed"]


def test_messages_have_the_form_that_fits(core, ana):
    rui = core.user("rui")
    core.do(rui, Say(ana.session.user, Text("just you")))
    core.do(rui, Say("*", Text("to all")))
    core.do(rui, Say("&", Text("to all here")))
    core.do(rui, Say(ana.session.user, Text("VERSION"), Style.REQUEST))
    assert ana.got() == ["rui (to you): just you", "!msg rui to all", "!msg rui to all here"]
    bia = come(core, "bia")
    ana.got()
    core.do(bia.session.user, Say(core.channel("#lobby"), Text("waves"), Style.ACTION))
    core.do(bia.session.user, Say(core.channel("#lobby"), Text("\x02b\x02!"), Style.NOTICE))
    assert ana.got() == ["* bia waves", "!msg bia b!"]


@pytest.mark.parametrize("change", SAMPLES, ids=lambda change: type(change).__name__)
@pytest.mark.parametrize("limit", [1024, None])
def test_every_change_is_lines_or_nothing(change, limit):
    data = PyChatFlavour(limit).render(change).decode()
    lines = data.split("\n")
    assert lines.pop() == ""
    commands = ("!msg ", "!poke ", "!changenickname ")
    assert all(line and (line[0] != "!" or line.startswith(commands)) for line in lines)
    assert data.isprintable() or "\n" in data


def test_what_the_disk_refused_is_told(core, ana):
    fact = Said(ana.session.user.face, "#lobby", Style.SAY, Text("x"), None, None, "", False)
    ana.session.refused(fact, None)
    [line] = ana.got()
    assert line.startswith("Your message to #lobby was not sent")


# Old clients and new programs


def test_an_old_client_is_sent_whole_messages_that_end_with_nothing(core, ana):
    old = come(core, "old", OldPyChat)
    ana.send("!sendmsg " + "é" * 1500)
    frames = old.frames()
    assert len(frames) == 3
    assert all(len(frame) < 1024 and frame.startswith(b"!msg ana ") for frame in frames)
    assert all(b"\n" not in frame for frame in frames)
    assert "".join(f.decode().removeprefix("!msg ana ") for f in frames) == "é" * 1500
    assert old.shell.frames is not None


def test_a_new_program_is_sent_lines_of_any_length(core, ana, bia):
    assert ana.shell.frames is None
    bia.send("!sendmsg " + "x" * 4000)
    assert ana.frames() == [b"!msg bia " + b"x" * 4000 + b"\n"]


def test_where_a_long_sentence_goes_on_it_is_no_command(core, ana):
    old = come(core, "old", OldPyChat)
    rui = core.user("rui")
    core.do(rui, Say(old.session.user, Text("!exit " * 600)))
    frames = [frame.decode() for frame in old.frames()]
    assert frames[0].startswith("rui (to you): !exit")
    boss = operator_of(core)
    core.world.rules = type(core.world.rules)(topic_bytes=4000)
    core.do(boss, SetTopic(core.channel("#lobby"), "x" * 990 + " " + "!exit " * 200))
    frames += [frame.decode() for frame in old.frames()]
    assert len(frames) > 5
    assert not any(frame.startswith("!") for frame in frames)


def test_a_long_list_of_users_is_several_for_an_old_client(core):
    for i in range(60):
        come(core, f"{'n' * 28}{i:02}")
    old = OldPyChat(core)
    old.send("!nick old")
    lists = [frame.decode().split(" ") for frame in old.frames()]
    assert len(lists) > 1
    for command, count, *names in lists:
        assert command == "!users"
        assert int(count) == len(names)
    assert sum(len(names) for _, _, *names in lists) == 61
    new = PyChat(core)
    new.send("!nick new")
    assert len(new.got()) == 1


def test_what_is_skipped_is_told(ana):
    assert (
        ana.session.flavour.skipped(7) == b"7 messages were left out here; the history has them\n"
    )
