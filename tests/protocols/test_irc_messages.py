"""PRIVMSG, NOTICE and TAGMSG."""

import pytest

from tertulia.domain.world import Rules
from tests.protocols.irc_kit import SERVER, Irc, commands

ANA = ":ana!~ana@192.0.2.1"


@pytest.fixture
def irc():
    return Irc()


@pytest.fixture
def ana(irc):
    return irc.client("ana", "#tea")


@pytest.fixture
def bob(irc, ana):
    return irc.client("bob", "#tea")


@pytest.mark.parametrize("verb", ["PRIVMSG", "NOTICE"])
@pytest.mark.parametrize("target", ["#tea", "bob"])
def test_a_message(ana, bob, verb, target):
    assert ana.asks(f"{verb} {target} :hello  there ") == []
    assert bob.got() == [f"{ANA} {verb} {target} :hello  there "]


def test_to_any_spelling_of_a_name(ana, bob):
    ana.send("PRIVMSG #TEA :one", "PRIVMSG BOB :two", f"PRIVMSG {bob.user.number} :three")
    assert bob.got() == [
        f"{ANA} PRIVMSG #tea :one", f"{ANA} PRIVMSG bob :two", f"{ANA} PRIVMSG bob :three"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("PRIVMSG", "411 ana :No recipient given (PRIVMSG)"),
        ("PRIVMSG bob", "412 ana :No text to send"),
        ("PRIVMSG bob :", "412 ana :There is no text to send"),
        ("PRIVMSG bob :   ", "412 ana :There is no text to send"),
        ("PRIVMSG bob :\x01", "412 ana :There is no text to send"),
        ("PRIVMSG bob :\x01ACTION \x01", "412 ana :There is no text to send"),
        ("PRIVMSG none :x", "401 ana none :There is no user none"),
        ("PRIVMSG #none :x", "403 ana #none :There is no channel #none"),
        ("PRIVMSG $other.example :x", "401 ana $other.example :There is no user $other.example"),
        ("PRIVMSG a,b,c,d,e :x", "407 ana * :Not sent: at most 4 targets"),
        ("PRIVMSG @#none :x", "403 ana #none :There is no channel #none"),
        ("PRIVMSG &tea :x", "401 ana &tea :There is no user &tea"),
        ("TAGMSG", "461 ana TAGMSG :Not enough parameters"),
        ("TAGMSG none", "401 ana none :There is no user none"),
    ],
)
def test_what_is_refused(ana, bob, line, answer):
    assert ana.asks(line) == [answer]
    assert ana.asks(line.replace("PRIVMSG", "NOTICE")) == (
        [] if "PRIVMSG" in line else [answer]
    )  # fmt: skip
    assert bob.got() == []


def test_a_channel_refuses(irc, ana, bob):
    out = irc.client("out")
    assert out.asks("PRIVMSG #tea :x") == ["404 out #tea :Cannot send to #tea: you are not in it"]
    ana.send("MODE #tea +mC")
    bob.got()
    assert bob.asks("PRIVMSG #tea :x") == ["404 bob #tea :Cannot send to #tea: it is moderated"]
    assert ana.numerics("PRIVMSG #tea :\x01VERSION\x01") == ["404"]
    assert ana.numerics("PRIVMSG #tea :\x01ACTION waves\x01") == []
    ana.send("MODE #tea -m+b bob")
    bob.got()
    assert bob.asks("PRIVMSG #tea :x") == ["404 bob #tea :Cannot send to #tea: you are banned"]
    assert bob.asks("NOTICE #tea :x", "TAGMSG #tea")[0].startswith("404 bob #tea :")
    assert commands(bob.asks("NOTICE #tea :x")) == []


def test_several_targets(irc, ana, bob):
    rui = irc.client("rui")
    assert ana.asks("PRIVMSG bob,,rui,none,bob :hello") == ["401 ana none :There is no user none"]
    assert bob.got() == [f"{ANA} PRIVMSG bob :hello"]
    assert rui.got() == [f"{ANA} PRIVMSG rui :hello"]


@pytest.mark.parametrize(("sign", "hears"), [("@", []), ("+", ["bob"])])
def test_to_those_of_a_rank(irc, ana, bob, sign, hears):
    ana.send("MODE #tea +v bob")
    rui = irc.client("rui", "#tea")
    irc.forget()
    rui.send(f"PRIVMSG {sign}#tea :hello")
    line = f":rui!~rui@192.0.2.1 PRIVMSG {sign}#tea :hello"
    assert ana.got() == [line]
    assert bob.got() == ([line] if "bob" in hears else [])


@pytest.mark.parametrize("target", ["$*", f"${SERVER}", f"${SERVER.upper()}"])
def test_to_everyone(irc, ana, bob, target):
    out = irc.client("out")
    shown = "$*" if target == "$*" else f"${SERVER}"
    ana.send(f"PRIVMSG {target} :hello")
    for client in (bob, out):
        assert client.got() == [f"{ANA} NOTICE {shown} :hello"]


def test_messages_to_everyone_are_rare(irc):
    irc = Irc(rules=Rules(broadcast_burst=1))
    ana = irc.client("ana")
    assert ana.asks("PRIVMSG $* :one") == []
    assert ana.asks("PRIVMSG $* :two") == [
        "263 ana PRIVMSG :Messages to everyone are limited; try again in 10 seconds"
    ]
    irc.world.rules = Rules(broadcast="operators")
    assert ana.asks("PRIVMSG $* :x") == ["481 ana :Only a server operator may do this"]


@pytest.mark.parametrize(
    ("verb", "text"),
    [
        ("PRIVMSG", "\x01ACTION waves\x01"),
        ("PRIVMSG", "\x01VERSION\x01"),
        ("PRIVMSG", "\x01PING 1 2\x01"),
        ("NOTICE", "\x01VERSION x y\x01"),
    ],
)
def test_ctcp_passes(ana, bob, verb, text):
    ana.send(f"{verb} bob :{text}")
    assert bob.got() == [f"{ANA} {verb} bob :{text}"]


@pytest.mark.parametrize("text", ["\x01action waves", "\x01ACTION waves", "\x01Action waves\x01"])
def test_an_action_in_any_spelling(ana, bob, text):
    ana.send(f"PRIVMSG bob :{text}")
    assert bob.got() == [f"{ANA} PRIVMSG bob :\x01ACTION waves\x01"]


@pytest.mark.parametrize("extra", [0, 1])
@pytest.mark.parametrize(("opening", "closing"), [("", ""), ("\x01ACTION ", "\x01")])
@pytest.mark.parametrize("letter", ["x", "é"])
def test_what_does_not_fit_in_a_line_is_refused_not_cut(ana, bob, extra, opening, closing, letter):
    room = 512 - len(f"{ANA} PRIVMSG #tea :{opening}{closing}\r\n".encode())
    size = room // len(letter.encode()) + extra
    text = letter * size
    answer = ana.asks(f"PRIVMSG #tea :{opening}{text}{closing}")
    if extra:
        assert answer == ["417 ana :Not sent: too long for one line, with your name"]
        assert bob.got() == []
    else:
        assert answer == []
        assert bob.got() == [f"{ANA} PRIVMSG #tea :{opening}{text}{closing}"]


def test_who_is_away_is_told_of(ana, bob):
    bob.send("AWAY :tea time")
    assert ana.asks("PRIVMSG bob :x") == ["301 ana bob :tea time"]
    assert ana.asks("NOTICE bob :x", "PRIVMSG #tea :x") == []
    assert ana.asks("TAGMSG bob") == []


# Tags


@pytest.fixture
def tagged(irc, ana):
    return irc.client("tagged", "#tea", caps="message-tags")


def test_client_tags_are_passed_on(ana, bob, tagged):
    ana.send(r"@+a=1\s2;b=3;+c;msgid=x PRIVMSG #tea :hello")
    assert bob.got() == [f"{ANA} PRIVMSG #tea :hello"]
    [line] = tagged.got()
    assert line.startswith("@msgid=")
    assert line.endswith(rf";+a=1\s2;+c {ANA} PRIVMSG #tea :hello")
    assert "msgid=x" not in line


def test_tags_alone(ana, bob, tagged):
    assert ana.asks("@+typing=active TAGMSG #tea") == []
    assert bob.got() == []
    [line] = tagged.got()
    assert line.endswith(f";+typing=active {ANA} TAGMSG #tea")
    assert ana.asks("@+typing=active TAGMSG tagged") == []
    assert tagged.got()[0].endswith(f"{ANA} TAGMSG tagged")


def test_a_message_that_is_sent_again_is_said_once(irc, ana, bob):
    for _ in range(2):
        assert ana.asks("@+tertulia/id=1 PRIVMSG #tea :hello") == []
    assert bob.got() == [f"{ANA} PRIVMSG #tea :hello"]
    echo = irc.client("echo", "#tea", caps="echo-message message-tags")
    bob.got()
    first = echo.asks("@+tertulia/id=1 PRIVMSG #tea :hello")
    assert len(first) == 1
    assert "tertulia/id" not in first[0]
    assert echo.asks("@+tertulia/id=1 PRIVMSG #tea :hello") == first
    assert len(bob.got()) == 1
    both = "@+tertulia/id=2 PRIVMSG #tea,bob :hello"
    assert len(echo.asks(both)) == 2
    assert len(echo.asks(both)) == 2
    assert len(bob.got()) == 2


@pytest.mark.parametrize("given", ["", "x" * 65])
def test_what_is_no_id_is_none(ana, bob, given):
    for _ in range(2):
        ana.send(f"@+tertulia/id={given} PRIVMSG #tea :hello")
    assert len(bob.got()) == 2


def test_speaking_is_what_ends_idleness(ana, bob):
    bob.session.last_heard = 50
    bob.shell.clock = ana.shell.clock = 80
    assert "317 ana bob 80 " in str(ana.asks("WHOIS bob"))
    bob.send("NOTICE ana :x")
    assert "317 ana bob 80 " in str(ana.asks("WHOIS bob"))
    bob.send("PRIVMSG ana :x")
    assert "317 ana bob 30 " in str(ana.asks("WHOIS bob"))
