"""About the server, help, and what operators may."""

import pytest

from tertulia.protocols.irc.commands import COMMANDS
from tertulia.protocols.irc.commands.help import TOPICS
from tertulia.protocols.irc.config import IrcConfig
from tests.protocols.irc_kit import CONFIG, SERVER, Irc, commands

ANA = ":ana!~ana@192.0.2.1"


@pytest.fixture
def irc():
    return Irc()


@pytest.fixture
def ana(irc):
    return irc.client("ana", "#tea")


@pytest.fixture
def root(irc):
    root = irc.client("root")
    root.send("OPER root secret")
    root.got()
    return root


def test_motd(irc, ana):
    assert ana.asks("MOTD") == ["422 ana :There is no message of the day"]
    irc.service.configure(IrcConfig(server=SERVER, motd=("one", "", " two")))
    assert ana.asks("MOTD") == [
        f"375 ana :- {SERVER} Message of the day -",
        "372 ana :- one",
        "372 ana :- ",
        "372 ana :-  two",
        "376 ana :End of /MOTD command",
    ]


def test_lusers(irc, ana, root):
    irc.client("bob").send("QUIT")
    irc.connect()
    ana.send("MODE ana +i")
    assert ana.asks("LUSERS") == [
        "251 ana :There are 1 users and 1 invisible on 1 servers",
        "252 ana 1 :operator(s) online",
        "253 ana 1 :unknown connection(s)",
        "254 ana 1 :channels formed",
        "255 ana :I have 2 clients and 0 servers",
        "265 ana 2 3 :Current local users 2, max 3",
        "266 ana 2 3 :Current global users 2, max 3",
    ]


def test_version(irc, ana):
    lines = ana.asks("VERSION")
    assert lines[0] == f"351 ana tertulia {SERVER} :A Tertulia server"
    assert commands(lines[1:]) == ["005"] * 3


def test_isupport_is_true(irc, ana):
    tokens = dict(
        token.partition("=")[::2] for line in ana.asks("VERSION")[1:] for token in line.split()[2:]
    )
    nick = "n" * int(tokens["NICKLEN"])
    assert ana.numerics(f"NICK {nick}") == ["NICK"]
    assert ana.numerics(f"NICK {nick}n") == ["432"]
    ana.send("NICK ana")
    channel = "#" + "c" * (int(tokens["CHANNELLEN"]) - 1)
    assert ana.numerics(f"JOIN {channel}c") == ["403"]
    assert ana.numerics(f"JOIN {channel}") == ["JOIN", "353", "366"]
    for key, line in (("TOPICLEN", "TOPIC #tea :{}"), ("AWAYLEN", "AWAY :{}")):
        ana.send(line.format("x" * 450))
        kept = irc.channel("#tea").topic.text if key == "TOPICLEN" else ana.user.away
        assert len(kept) == int(tokens[key])
    kinds = tokens["CHANMODES"].split(",")
    assert kinds[:3] == ["beI", "k", "l"]
    for letter in kinds[3]:
        assert ana.numerics(f"MODE #tea +{letter}") in (["MODE"], [])
    most = int(tokens["MAXTARGETS"])
    assert "407" not in ana.numerics(f"PRIVMSG {','.join(f'n{i}' for i in range(most))} :x")
    assert "407" in ana.numerics(f"PRIVMSG {','.join(f'n{i}' for i in range(most + 1))} :x")


def test_time_and_info(irc, ana):
    assert ana.asks("TIME") == [f"391 ana {SERVER} :Tuesday 14 November 2023, 22:13:20 UTC"]
    assert ana.asks("INFO") == [
        "371 ana :tertulia, a chat server for many protocols",
        "371 ana :A Tertulia server",
        "371 ana :Started 2023-11-14 22:13:20 UTC",
        "374 ana :End of /INFO list",
    ]


def test_admin(irc, ana):
    assert ana.asks("ADMIN") == [
        f"256 ana {SERVER} :Administrative info",
        "257 ana :A Tertulia server",
        "258 ana :Tertulia",
        "259 ana :No contact was given",
    ]
    irc.service.configure(IrcConfig(server=SERVER, admin="mail us"))
    assert ana.asks("ADMIN")[-1] == "259 ana :mail us"


def test_links(ana):
    assert ana.asks("LINKS") == [
        f"364 ana {SERVER} {SERVER} :0 A Tertulia server", "365 ana * :End of /LINKS list"
    ]  # fmt: skip


def test_stats(irc, ana, root):
    irc.now_ms += (86_400 + 3 * 3600 + 4 * 60 + 5) * 1000
    assert ana.asks("STATS u") == [
        "242 ana :Server Up 1 days 3:04:05", "219 ana u :End of /STATS report"
    ]  # fmt: skip
    assert ana.asks("STATS") == ["219 ana * :End of /STATS report"]
    assert ana.asks("STATS :") == ["219 ana * :End of /STATS report"]
    assert ana.asks("STATS x") == ["219 ana x :End of /STATS report"]
    assert ana.asks("STATS m") == ["481 ana :Only a server operator may do this"]
    lines = root.asks("STATS m")
    assert "212 root JOIN 1" in lines
    assert lines[-1] == "219 root m :End of /STATS report"


# HELP


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_a_help_topic(ana, name):
    lines = ana.asks(f"HELP {name.lower()}")
    assert lines[0].startswith(f"704 ana {name.lower()} :{name}")
    assert commands(lines) == ["704", *["705"] * (len(lines) - 2), "706"]
    assert len(lines) > 2
    assert all(len(line.encode()) < 450 for line in lines)


def test_every_help_topic_is_a_command():
    assert TOPICS.keys() - {"INDEX"} == COMMANDS.keys()


def test_the_index(ana):
    lines = ana.asks("HELP")
    assert lines[0].startswith("704 ana index :")
    words = " ".join(line.partition(" :")[2] for line in lines[1:-1]).split()
    assert set(words) == set(COMMANDS)
    assert ana.asks("HELPOP :") == lines


def test_no_such_topic(ana):
    assert ana.asks("HELP dance") == ["524 ana dance :No help available on this topic"]
    assert ana.asks("HELP :a b") == ["524 ana * :No help available on this topic"]


# Operators


@pytest.mark.parametrize("words", ["root wrong", "other secret", "root :", "root hash of secret"])
def test_who_is_no_operator(ana, words):
    assert ana.asks(f"OPER {words}") == ["464 ana :Password incorrect"]
    assert not ana.user.is_operator


def test_an_operator(ana):
    assert ana.asks("OPER root secret") == [
        f"{ANA} MODE ana +o", "381 ana :You are now an IRC operator"
    ]  # fmt: skip
    assert ana.user.is_operator


@pytest.mark.parametrize("line", ["KILL root :x", "WALLOPS :x", "REHASH"])
def test_what_only_operators_may(ana, root, line):
    assert ana.asks(line) == ["481 ana :Only a server operator may do this"]
    assert not root.shell.closed


def test_kill(irc, ana, root):
    bob = irc.client("bob", "#tea")
    irc.forget()
    assert root.asks("KILL bob :spam") == []
    words = "Killed (root (spam))"
    assert bob.got() == [f"ERROR :Closing Link: 192.0.2.1 ({words})"]
    assert bob.shell.closed
    assert ana.got() == [f":bob!~bob@192.0.2.1 QUIT :{words}"]
    assert root.asks("KILL bob") == ["401 root bob :There is no user bob"]
    root.send("KILL ana")
    assert "no reason given" in ana.got()[0]
    assert root.asks("KILL root")[-1].startswith("ERROR :Closing Link")


def test_wallops(irc, ana, root):
    ana.send("MODE ana +w")
    ana.got()
    assert root.asks("WALLOPS :a  message") == []
    assert ana.got() == [":root!~root@192.0.2.1 WALLOPS :a  message"]
    assert root.asks("WALLOPS :") == ["412 root :There is no text to send"]
    assert root.asks("WALLOPS") == ["461 root WALLOPS :Not enough parameters"]


def test_rehash(irc, root):
    irc.rehashed = [None]
    told = ["382 root settings :Reading the settings again"]
    assert root.asks("REHASH") == told
    irc.rehashed = ["limits.x: wrong"]
    assert root.asks("REHASH") == [*told, "FAIL REHASH NOT_APPLIED :limits.x: wrong"]


def test_other_settings_count_from_then_on(irc, ana):
    irc.service.configure(IrcConfig(server=SERVER, network="Other", targets_most=1))
    assert "NETWORK=Other" in " ".join(ana.asks("VERSION"))
    assert ana.numerics("PRIVMSG a,b :x") == ["407"]
    assert CONFIG.network != "Other"


def test_the_server_keeps_its_name():
    irc = Irc()
    ana = irc.client("ana")
    irc.service.configure(IrcConfig(server="renamed.example"))
    assert ana.asks("PING x") == [f"PONG {SERVER} :x"]
