"""NICK, WHO and WHOX, WHOIS, WHOWAS, AWAY, ISON, USERHOST, SETNAME and MONITOR."""

import pytest

from tertulia.protocols.irc.config import IrcConfig
from tertulia.protocols.irc.whowas import ENTRIES_PER_NICKNAME
from tests.protocols.irc_kit import SERVER, Irc, commands

ANA = ":ana!~ana@192.0.2.1"
BOB = ":bob!~bob@192.0.2.1"
NOW_S = 1_700_000_000


@pytest.fixture
def irc():
    return Irc()


@pytest.fixture
def ana(irc):
    return irc.client("ana", "#tea")


@pytest.fixture
def bob(irc, ana):
    return irc.client("bob", "#tea")


# NICK


def test_another_nickname(irc, ana, bob):
    assert ana.asks("NICK anna") == [f"{ANA} NICK anna"]
    assert bob.got() == [f"{ANA} NICK anna"]
    assert ana.asks("NICK anna") == []
    assert ana.asks("NICK ANNA") == [":anna!~ana@192.0.2.1 NICK ANNA"]
    assert ana.asks("NICK bob") == ["433 ANNA bob :The nickname bob is already in use"]
    assert ana.asks("NICK") == ["431 ANNA :No nickname given"]
    assert ana.asks("NICK a*b")[0].startswith("432 ANNA a*b :")


# WHO


def who(client, *words):
    lines = client.asks(" ".join(["WHO", *words]))
    assert lines[-1].startswith("315 ")
    return lines[:-1]


def test_who_is_in_a_channel(irc, ana, bob):
    bob.send("AWAY :x", "MODE bob +B")
    ana.send("MODE #tea +v ana")
    irc.forget()
    assert who(ana, "#tea") == [
        f"352 ana #tea ~ana 192.0.2.1 {SERVER} ana H@ :0 Real ana",
        f"352 ana #tea ~bob 192.0.2.1 {SERVER} bob GB :0 Real bob",
    ]
    many = irc.client("rui", "#tea", caps="multi-prefix")
    assert " ana H@+ :" in who(many, "#tea")[0]


@pytest.mark.parametrize(
    ("mask", "found"),
    [
        ("bob", ["bob"]),
        ("BOB", ["bob"]),
        ("*", ["ana", "bob", "far", "me"]),
        ("0", ["ana", "bob", "far", "me"]),
        ("", ["ana", "bob", "far", "me"]),
        ("b*", ["bob"]),
        ("?ob", ["bob"]),
        ("198.51.*", ["far"]),
        ("~a*@192.*", ["ana"]),
        ("real?b*", ["bob"]),
        (SERVER, ["ana", "bob", "far", "me"]),
        ("none", []),
        ("#none", []),
    ],
)
def test_who_matches(irc, ana, bob, mask, found):
    irc.client("far", host="198.51.100.1")
    lines = who(irc.client("me"), mask)
    assert [line.split()[6] for line in lines] == found


def test_the_number_of_a_user_finds_them(irc, ana, bob):
    assert len(who(ana, bob.user.number)) == 1


def test_who_without_a_mask(ana):
    assert ana.asks("WHO")[-1] == "315 ana * :End of /WHO list"
    assert ana.asks("WHO :a b")[-1] == "315 ana * :End of /WHO list"


def test_operators_only(irc, ana, bob):
    bob.send("OPER root secret")
    [line] = who(ana, "*", "o")
    assert " bob H* :" in line
    assert who(ana, "#tea", "o%n") == ["354 ana bob"]


def test_the_invisible(irc, ana, bob):
    bob.send("MODE bob +i")
    out = irc.client("out")
    assert [line.split()[6] for line in who(out, "*")] == ["ana", "out"]
    assert [line.split()[6] for line in who(out, "#tea")] == ["ana"]
    assert [line.split()[6] for line in who(out, "bob")] == ["bob"]
    assert [line.split()[6] for line in who(ana, "*")] == ["ana", "bob", "out"]
    assert [line.split()[6] for line in who(bob, "bo*")] == ["bob"]
    ana.send("MODE #tea +s")
    assert who(out, "#tea") == []


def test_no_more_than_so_many(irc, ana, bob, monkeypatch):
    monkeypatch.setattr("tertulia.protocols.irc.commands.who.MATCHES_MOST", 1)
    assert len(who(ana, "*")) == 1


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ("%n", "bob"),
        ("%tn,42", "42 bob"),
        ("%nt,42", "42 bob"),
        ("%tn", "0 bob"),
        ("%tn,1234", "0 bob"),
        ("%tn,x", "0 bob"),
        ("%cuihsnfdlao", f"#tea ~bob 192.0.2.1 192.0.2.1 {SERVER} bob H 0 0 0 n/a"),
        ("%nr", "bob :Real bob"),
        ("%r", ":Real bob"),
        ("%nz", "bob"),
        ("%", None),
        ("%z", None),
    ],
)
def test_whox(ana, bob, fields, answer):
    lines = who(ana, "#tea", fields)
    assert lines[1:] == ([] if answer is None else [f"354 ana {answer}"])


# WHOIS


def test_whois(irc, ana, bob):
    assert ana.asks("WHOIS bob") == [
        "311 ana bob ~bob 192.0.2.1 * :Real bob",
        "319 ana bob :#tea",
        f"312 ana bob {SERVER} :A Tertulia server",
        f"317 ana bob 0 {NOW_S} :seconds idle, signon time",
        "318 ana bob :End of /WHOIS list",
    ]
    assert ana.asks(f"WHOIS {SERVER} BOB,x")[-1] == "318 ana bob :End of /WHOIS list"
    assert ana.asks(f"WHOIS {bob.user.number}")[0].startswith("311 ana bob ")


def test_whois_tells_what_is_special(irc, ana):
    bob = irc.client("bob", secure=True)
    bob.send("OPER root secret", "MODE bob +B", "AWAY :tea time")
    assert ana.asks("WHOIS bob")[2:-2] == [
        "313 ana bob :is a server operator",
        "301 ana bob :tea time",
        "335 ana bob :is a bot on Tertulia",
        "671 ana bob :is using a secure connection",
    ]
    where = f"378 bob ana :is connecting from 192.0.2.1 by irc, number {ana.user.number}"
    assert where in bob.asks("WHOIS ana")
    assert "378" in ana.numerics("WHOIS ana")
    assert "378" not in ana.numerics("WHOIS bob")


def test_whois_shows_the_channels_that_one_may_know_of(irc, ana, bob):
    bob.send("JOIN #secret", "MODE #secret +s", "JOIN #open")
    out = irc.client("out")
    assert "319 out bob :#tea @#open" in out.asks("WHOIS bob")
    assert "319 bob bob :#tea @#secret @#open" in bob.asks("WHOIS bob")
    bob.send("MODE bob +i")
    assert "319" not in out.numerics("WHOIS bob")
    assert "319 ana bob :#tea" in ana.asks("WHOIS bob")


@pytest.mark.parametrize(
    ("line", "answers"),
    [
        ("WHOIS", ["431 ana :No nickname given"]),
        ("WHOIS :", ["431 ana :No nickname given"]),
        ("WHOIS none", ["401 ana none :No such nick", "318 ana none :End of /WHOIS list"]),
        ("WHOIS :a b", ["401 ana * :No such nick", "318 ana * :End of /WHOIS list"]),
        ("WHOWAS", ["431 ana :No nickname given"]),
        ("WHOWAS :", ["431 ana :No nickname given"]),
        (
            "WHOWAS none",
            ["406 ana none :There was no such nickname", "369 ana none :End of WHOWAS"],
        ),
    ],
)
def test_who_is_not_here(ana, line, answers):
    assert ana.asks(line) == answers


# WHOWAS


def test_whowas(irc, ana):
    for _ in range(ENTRIES_PER_NICKNAME + 1):
        irc.now_ms += 1000
        irc.client("bob").send("QUIT")
    lines = ana.asks("WHOWAS BOB")
    assert commands(lines) == ["314", "312"] * ENTRIES_PER_NICKNAME + ["369"]
    assert lines[:2] == [
        "314 ana bob ~bob 192.0.2.1 * :Real bob",
        f"312 ana bob {SERVER} :2023-11-14 22:13:31 UTC",
    ]
    assert "22:13:30" in lines[3]
    for count, found in (("2", 2), ("0", 10), ("-1", 10), ("x", 10), ("9" * 9, 10)):
        assert ana.numerics(f"WHOWAS bob {count}").count("314") == found


def test_a_nickname_that_was_changed_is_remembered(irc, ana, bob):
    bob.send("NICK rob")
    bob.send("NICK ROB")
    assert commands(ana.asks("WHOWAS bob")) == ["NICK", "314", "312", "369"][1:]
    assert ana.numerics("WHOWAS rob") == ["406", "369"]


# AWAY, ISON, USERHOST, SETNAME


def test_away(irc, ana, bob):
    follower = irc.client("rui", "#tea", caps="away-notify")
    assert bob.asks("AWAY :tea time") == ["306 bob :You have been marked as being away"]
    assert follower.got() == [f"{BOB} AWAY :tea time"]
    assert bob.asks("AWAY :") == ["305 bob :You are no longer marked as being away"]
    assert bob.asks("AWAY") == ["305 bob :You are no longer marked as being away"]
    assert follower.got() == [f"{BOB} AWAY"]
    assert ana.got() == [":rui!~rui@192.0.2.1 JOIN #tea"][1:]


def test_ison(ana, bob):
    assert ana.asks("ISON BOB none ana :rui bob") == ["303 ana :bob ana bob"]
    assert ana.asks("ISON none") == ["303 ana :"]


def test_userhost(irc, ana, bob):
    bob.send("AWAY :x", "OPER root secret")
    assert ana.asks("USERHOST ana none BOB") == [
        "302 ana :ana=+~ana@192.0.2.1 bob*=-~bob@192.0.2.1"
    ]
    assert ana.asks("USERHOST a b c d e bob") == ["302 ana :"]


def test_setname(irc, ana, bob):
    rui = irc.client("rui", "#tea", caps="setname")
    irc.forget()
    assert rui.asks("SETNAME :Rui R.") == [":rui!~rui@192.0.2.1 SETNAME :Rui R."]
    assert bob.got() == []
    assert ana.asks("SETNAME :Ana B.") == []
    assert rui.got() == [f"{ANA} SETNAME :Ana B."]
    assert ana.asks("SETNAME :  ") == ["FAIL SETNAME INVALID_REALNAME :A real name cannot be empty"]
    assert "Rui R." in ana.asks("WHOIS rui")[0]


# MONITOR


def test_monitor(irc, ana):
    assert ana.asks("MONITOR + Bob,rui") == ["731 ana :Bob,rui"]
    bob = irc.client("bob")
    ana.got()
    bob.send("QUIT")
    assert ana.got() == ["731 ana :bob"]
    bob = irc.connect()
    bob.send("NICK BOB", "USER b 0 * :x")
    assert ana.got() == ["730 ana :BOB!~b@192.0.2.1"]
    bob.send("NICK rui")
    assert ana.got() == ["731 ana :BOB", "730 ana :rui!~b@192.0.2.1"]
    bob.send("NICK RUI")
    assert ana.got() == []
    assert ana.asks("MONITOR S") == ["730 ana :RUI!~b@192.0.2.1", "731 ana :Bob"]
    assert ana.asks("MONITOR L") == ["732 ana :Bob,rui", "733 ana :End of MONITOR list"]
    assert ana.asks("MONITOR - BOB,none") == []
    assert ana.asks("MONITOR L") == ["732 ana :rui", "733 ana :End of MONITOR list"]
    assert ana.asks("MONITOR C", "MONITOR L") == ["733 ana :End of MONITOR list"]
    bob.send("QUIT")
    assert ana.got() == []


def test_monitor_is_refused(irc, ana):
    irc.service.configure(IrcConfig(server=SERVER, monitored_most=2))
    lines = ana.asks("MONITOR + one,9,two,three,four")
    assert [line.split(" :")[0] for line in lines] == [
        "432 ana 9", "734 ana 2 three,four", "731 ana"
    ]  # fmt: skip
    assert ana.asks("MONITOR + two") == ["731 ana :two"]
    wrong = ["FAIL MONITOR INVALID_PARAMS :MONITOR takes +, -, C, L or S"]
    assert ana.asks("MONITOR x") == wrong
    assert ana.asks("MONITOR +") == ana.asks("MONITOR -") == ana.asks("MONITOR + ,") == []


def test_many_monitored_names_take_several_lines(irc, ana):
    names = [f"name{i}" for i in range(90)]
    half = len(names) // 2
    ana.send(f"MONITOR + {','.join(names[:half])}", f"MONITOR + {','.join(names[half:])}")
    lines = ana.asks("MONITOR L")[:-1]
    assert len(lines) > 1
    assert all(len(line) < 450 for line in lines)
    assert [n for line in lines for n in line.partition(" :")[2].split(",")] == names


def test_who_has_gone_follows_nobody(irc, ana):
    ana.send("MONITOR + bob", "QUIT")
    assert irc.service.monitor.watchers("bob") == ()
    irc.client("bob")
    assert irc.service.monitor._watchers == {}


def test_extended_monitor(irc, ana):
    bob = irc.client("bob")
    watcher = irc.client("w", caps="extended-monitor away-notify setname")
    watcher.send("MONITOR + bob")
    plain = irc.client("p", caps="away-notify")
    plain.send("MONITOR + bob")
    irc.forget()
    bob.send("AWAY :x", "SETNAME :Bob")
    assert watcher.got() == [f"{BOB} AWAY :x", f"{BOB} SETNAME :Bob"]
    assert plain.got() == []
