"""JOIN, PART, TOPIC, NAMES, KICK, INVITE and LIST."""

import pytest

from tertulia.domain.world import Rules
from tertulia.protocols.irc.names import CHUNK_BYTES
from tests.protocols.irc_kit import Irc, commands

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
def bob(irc):
    return irc.client("bob")


# JOIN


def test_join(irc, ana, bob):
    assert bob.asks("JOIN #Tea") == [
        f"{BOB} JOIN #tea",
        "353 bob = #tea :@ana bob",
        "366 bob #tea :End of /NAMES list",
    ]
    assert ana.got() == [f"{BOB} JOIN #tea"]
    assert bob.asks("JOIN #tea") == []
    ana.send("TOPIC #tea :leaves")
    assert commands(irc.client("rui").asks("JOIN #tea")) == ["JOIN", "332", "333", "353", "366"]


def test_join_several(irc, ana, bob):
    ana.send("MODE #tea +k secret")
    assert commands(bob.asks("JOIN #one,,#two,tea,#tea")) == [
        "JOIN", "353", "366", "JOIN", "353", "366", "403", "475"
    ]  # fmt: skip
    assert list(bob.user.channels) == ["#one", "#two"]
    assert commands(bob.asks("JOIN #three,#tea,#four x,secret")) == ["JOIN", "353", "366"] * 3
    assert len(bob.user.channels) == 5
    assert sorted(commands(bob.asks("JOIN 0"))) == ["PART"] * 5
    assert bob.asks("JOIN 0") == []


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("tea", "403 bob tea :'tea' is not a valid name: a channel name starts with #"),
        ("#" + "x" * 64, "403 bob #" + "x" * 64 + " :"),
        ("#\x01", "403 bob * :"),
        ("&local", "403 bob &local :"),
    ],
)
def test_join_what_is_no_channel(bob, name, answer):
    [line] = bob.asks(f"JOIN {name}")
    assert line.startswith(answer)
    assert bob.asks(f"JOIN {name} key")[0].startswith(answer)


@pytest.mark.parametrize(
    ("mode", "numeric"),
    [("+i", "473"), ("+k secret", "475"), ("+l 1", "471"), ("+b bob", "474")],
)
def test_join_is_refused(irc, ana, bob, mode, numeric):
    ana.send(f"MODE #tea {mode}")
    assert bob.numerics("JOIN #tea") == [numeric]
    assert bob.numerics("JOIN #tea wrong") == [numeric]
    ana.send("INVITE bob #tea")
    expected = ["475"] if "k" in mode else ["JOIN", "353", "366"]
    assert bob.numerics("JOIN #tea") == expected


def test_too_many_channels(irc):
    irc = Irc(rules=Rules(channels_per_user=2))
    bob = irc.client("bob", "#one", "#two")
    assert bob.asks("JOIN #three")[0].startswith("405 bob #three :")


def test_extended_join(irc, ana, bob):
    carol = irc.client("carol", "#tea", caps="extended-join away-notify")
    bob.send("AWAY :tea time", "JOIN #tea")
    assert carol.got() == [f"{BOB} JOIN #tea * :Real bob", f"{BOB} AWAY :tea time"]
    assert f"{BOB} JOIN #tea" in ana.got()


# PART


def test_part(irc, ana, bob):
    bob.send("JOIN #tea")
    ana.got()
    assert bob.asks("PART #tea :so long") == [f"{BOB} PART #tea :so long"]
    assert ana.got() == [f"{BOB} PART #tea :so long"]
    assert bob.asks("PART #tea") == ["442 bob #tea :You are not in #tea"]
    assert bob.asks("PART #none,x") == [
        "403 bob #none :There is no channel #none", "403 bob x :There is no channel x"
    ]  # fmt: skip
    assert ana.asks("PART #TEA") == [f"{ANA} PART #tea"]


# TOPIC


def test_topic(irc, ana, bob):
    assert ana.asks("TOPIC #tea") == ["331 ana #tea :No topic is set"]
    assert ana.asks("TOPIC #tea :green leaves") == [f"{ANA} TOPIC #tea :green leaves"]
    assert bob.asks("TOPIC #TEA") == [
        "332 bob #tea :green leaves", f"333 bob #tea {ANA[1:]} :{NOW_S}"
    ]  # fmt: skip
    assert bob.asks("TOPIC #tea :mine") == ["442 bob #tea :You are not in #tea"]
    bob.send("JOIN #tea")
    assert bob.asks("TOPIC #tea :mine") == ["482 bob #tea :You are not an admin of #tea"]
    ana.send("MODE #tea -t")
    assert f"{BOB} TOPIC #tea :mine" in bob.asks("TOPIC #tea :mine")
    assert ana.asks("TOPIC #tea :")[-1] == f"{ANA} TOPIC #tea :"
    assert ana.asks("TOPIC #tea") == ["331 ana #tea :No topic is set"]
    assert bob.asks("TOPIC #none") == ["403 bob #none :There is no channel #none"]


def test_the_topic_of_a_secret_channel_is_for_those_in_it(ana, bob):
    ana.send("TOPIC #tea :x", "MODE #tea +s")
    assert bob.numerics("TOPIC #tea") == ["442"]
    assert ana.numerics("TOPIC #tea") == ["332", "333"]


# NAMES


def test_names(irc, ana, bob):
    bob.send("JOIN #tea", "JOIN #two")
    ana.send("MODE #tea +v bob", "MODE #tea +v ana")
    irc.forget()
    assert ana.asks("NAMES #tea") == [
        "353 ana = #tea :@ana +bob", "366 ana #tea :End of /NAMES list"
    ]  # fmt: skip
    assert commands(ana.asks("NAMES #tea,#two")) == ["353", "353", "366"]
    assert ana.asks("NAMES") == ["366 ana * :End of /NAMES list"]
    assert ana.asks("NAMES #none") == ["366 ana #none :End of /NAMES list"]
    many = irc.client("rui", "#tea", caps="multi-prefix userhost-in-names")
    assert many.asks("NAMES #tea")[0] == (
        f"353 rui = #tea :@+{ANA[1:]} +{BOB[1:]} rui!~rui@192.0.2.1"
    )


def test_names_from_outside(irc, ana, bob):
    irc.client("rui", "#tea").send("MODE rui +i")
    assert bob.asks("NAMES #tea")[0] == "353 bob = #tea :@ana"
    assert ana.asks("NAMES #tea")[0] == "353 ana = #tea :@ana rui"
    ana.send("MODE #tea +s")
    assert bob.numerics("NAMES #tea") == ["366"]
    assert ana.asks("NAMES #tea")[0] == "353 ana @ #tea :@ana rui"


@pytest.mark.parametrize("letter", ["x", "é", "中"])
def test_many_names_take_several_lines_that_fit(irc, letter):
    nicks = [f"n{i}" + letter * (31 - len(str(i))) for i in range(30)]
    channel = "#" + letter * 63
    for nick in nicks:
        irc.client(nick, channel)
    lines = irc.client("ana", channel).asks(f"NAMES {channel}")
    assert len(lines) > 3
    assert all(len(line.encode()) <= 490 for line in lines)
    found = [name for line in lines[:-1] for name in line.partition(" :")[2].split()]
    assert found == ["@" + nicks[0], *nicks[1:], "ana"]
    assert CHUNK_BYTES < 490


# KICK


def test_kick(irc, ana, bob):
    bob.send("JOIN #tea")
    irc.forget()
    assert bob.asks("KICK #tea ana") == ["482 bob #tea :You are not an admin of #tea"]
    assert ana.asks("KICK #tea bob :spam") == [f"{ANA} KICK #tea bob :spam"]
    assert bob.got() == [f"{ANA} KICK #tea bob :spam"]
    assert ana.asks("KICK #tea bob") == ["441 ana bob #tea :bob is not in #tea"]
    assert ana.asks("KICK #tea none") == ["401 ana none :There is no user none"]
    assert ana.asks("KICK #none bob") == ["403 ana #none :There is no channel #none"]
    assert bob.asks("KICK #tea ana") == ["442 bob #tea :You are not in #tea"]
    bob.send("JOIN #tea")
    assert ana.asks("KICK #tea bob")[-1] == f"{ANA} KICK #tea bob :ana"


def test_kick_several(irc, ana):
    nicks = ["b1", "b2", "b3", "b4", "b5"]
    for nick in nicks:
        irc.client(nick, "#tea", "#two")
    ana.send("JOIN #two")
    irc.forget()
    lines = ana.asks(f"KICK #tea {','.join(nicks)}")
    assert commands(lines) == ["407", "KICK", "KICK", "KICK", "KICK"]
    assert lines[0].startswith("407 ana b5 :")
    assert ana.numerics("KICK #tea,#two b5,b5") == ["KICK", "482"]


def test_an_operator_kicks_from_outside(irc, ana):
    root = irc.client("root")
    root.send("OPER root secret")
    root.got()
    assert root.asks("KICK #tea ana") == []
    assert ana.got() == [":root!~root@192.0.2.1 KICK #tea ana :root"]


# INVITE


def test_invite(irc, ana, bob):
    overhearing = irc.client("rui", "#tea", caps="invite-notify")
    ana.send("MODE #tea +i")
    irc.forget()
    assert ana.asks("INVITE bob #tea") == ["341 ana bob #tea"]
    assert bob.got() == [f"{ANA} INVITE bob #tea"]
    assert overhearing.got() == [f"{ANA} INVITE bob #tea"]
    assert bob.asks("INVITE") == ["336 bob :#tea", "337 bob :End of /INVITE list"]
    assert bob.numerics("JOIN #tea") == ["JOIN", "353", "366"]
    assert bob.asks("INVITE") == ["337 bob :End of /INVITE list"]


def test_invite_is_refused(irc, ana, bob):
    rui = irc.client("rui")
    assert bob.asks("INVITE rui #tea") == ["442 bob #tea :You are not in #tea"]
    bob.send("JOIN #tea")
    assert ana.asks("INVITE bob #tea") == ["443 ana bob #tea :bob is already in #tea"]
    assert ana.asks("INVITE none #tea") == ["401 ana none :There is no user none"]
    assert ana.asks("INVITE bob #none") == ["403 ana #none :There is no channel #none"]
    ana.send("MODE #tea +i")
    assert bob.asks("INVITE rui #tea") == ["482 bob #tea :You are not an admin of #tea"]
    rui.send("AWAY :tea time")
    assert ana.asks("INVITE rui #tea") == ["341 ana rui #tea", "301 ana rui :tea time"]


# LIST


@pytest.fixture
def channels(irc):
    """#old (2 hours, 1 user, a topic of 30 minutes), #big (3 users), #secret, #empty."""
    ana = irc.client("ana", "#old", "#empty")
    ana.send("PART #empty")
    irc.now_ms += 90 * 60_000
    ana.send("TOPIC #old :green tea")
    irc.now_ms += 30 * 60_000
    for nick in ("b1", "b2", "b3"):
        irc.client(nick, "#big")
    irc.client("s", "#secret").send("MODE #secret +s")
    return irc.client("asker")


def listed(client, *words):
    lines = client.asks(" ".join(["LIST", *words]))
    assert lines[0] == "321 asker Channel :Users  Name"
    assert lines[-1] == "323 asker :End of /LIST"
    return [line.removeprefix("322 asker ") for line in lines[1:-1]]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], ["#old", "#big"]),
        ([":"], ["#old", "#big"]),
        (["#big"], ["#big"]),
        (["#BIG,#none"], ["#big"]),
        (["#secret"], []),
        (["#empty"], []),
        ([">1"], ["#big"]),
        ([">3"], []),
        (["<3"], ["#old"]),
        (["U>1"], ["#big"]),
        ([">0,<3"], ["#old"]),
        (["C>60"], ["#old"]),
        (["c<60"], ["#big"]),
        (["T<31"], ["#old"]),
        (["T<30"], []),
        (["T>29"], ["#old"]),
        (["T>31"], []),
        (["#b*"], ["#big"]),
        (["*ig"], ["#big"]),
        (["#?ld"], ["#old"]),
        (["!#b*"], ["#old"]),
        (["!*big,!*old"], []),
        (["#big,<3"], []),
        ([">x"], []),
        (["C>"], []),
        ([">1234567890"], []),
        ([","], []),
    ],
)
def test_list(channels, words, found):
    assert [line.split()[0] for line in listed(channels, *words)] == found


def test_what_the_list_says(channels):
    assert listed(channels) == ["#old 1 :green tea", "#big 3 :"]


def test_a_secret_channel_is_listed_for_those_in_it(irc, channels):
    [member] = [client for client in irc.clients if client.session.nick == "s"]
    assert "322 s #secret 1 :" in member.asks("LIST")
