"""An IRC session: registration, capabilities, labels, and what every command has in common."""

from itertools import permutations

import pytest

from tertulia.domain.commands.connect import Connect
from tertulia.domain.names import Nickname
from tertulia.protocols.irc.caps import NAMES, Cap
from tertulia.protocols.irc.commands import COMMANDS
from tertulia.protocols.irc.config import IrcConfig
from tertulia.protocols.session import TokenBucket
from tests.protocols.irc_kit import CONFIG, SERVER, Irc, commands
from tests.server.kit import FULL, Person

LABELS = "labeled-response batch"


@pytest.fixture
def irc():
    return Irc()


# Registration


@pytest.mark.parametrize("order", list(permutations(["CAP END", "NICK ana", "USER a 0 * :Ana B."])))
def test_registration_in_any_order(irc, order):
    client = irc.connect()
    lines = client.asks("PASS x", *order)
    assert lines[0].startswith("001 ana :Welcome")
    assert client.user.nick.text == "ana"
    assert (client.user.realname, client.user.username) == ("Ana B.", "~a")
    assert (client.user.host, client.user.secure, client.user.protocol) == (
        "192.0.2.1", False, "irc"
    )  # fmt: skip


def test_the_welcome(irc):
    client = irc.connect()
    lines = client.asks("NICK ana", "USER a 0 * :x")
    assert commands(lines) == [
        "001", "002", "003", "004", "005", "005", "005",
        "251", "252", "253", "254", "255", "265", "266", "422",
    ]  # fmt: skip
    assert lines[0] == "001 ana :Welcome to the Tertulia network, ana!~a@192.0.2.1"
    assert lines[3] == f"004 ana {SERVER} tertulia Biow CIbeiklmnostv :beIklov"
    tokens = [token for line in lines[4:7] for token in line.split(" :")[0].split()[2:]]
    assert tokens == irc.service.isupport()
    # A message has at most 15 parameters.
    assert all(line.partition(" :")[0].count(" ") <= 14 for line in lines[4:7])


@pytest.mark.parametrize("end", ["NICK ana", "USER a 0 * :x"])
def test_capabilities_hold_registration_up(irc, end):
    client = irc.connect()
    client.send("CAP LS 302", "NICK ana", "USER a 0 * :x")
    assert client.session.user is None
    assert "001" in client.numerics("CAP END")
    other = irc.connect()
    other.send("NICK bob", "CAP REQ :batch", "USER b 0 * :x")
    assert other.session.user is None
    assert commands(other.asks("CAP END"))[0] == "001"


@pytest.mark.parametrize("line", ["CAP LIST", "CAP NONSENSE"])
def test_other_questions_about_capabilities_do_not(irc, line):
    client = irc.connect()
    client.send("NICK ana", line, "USER a 0 * :x")
    assert client.session.user is not None


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("NICK", "431 * :No nickname given"),
        ("NICK :", "431 * :No nickname given"),
        ("NICK 9a", "432 * 9a :'9a' is not a valid name: it starts with a digit or a hyphen"),
        ("NICK :a b", "432 * * :'a b' is not a valid name: only letters, digits and"
         " []\\`_^{|}- are allowed"),
        ("NICK rui", "433 * rui :The nickname rui is already in use"),
        ("NICK RUI", "433 * RUI :The nickname RUI is already in use"),
        ("USER a 0 *", "461 * USER :Not enough parameters"),
        ("USER a 0 * :", "461 * USER :Not enough parameters"),
        ("USER  0 * :x", "461 * USER :Not enough parameters"),
        ("USER :", "461 * USER :Not enough parameters"),
        ("USER é 0 * :x", "468 * :Your username is not valid: use letters and digits"),
        ("PASS", "461 * PASS :Not enough parameters"),
        ("CAP", "461 * CAP :Not enough parameters"),
        ("PING", "461 * PING :Not enough parameters"),
        ("PING :", "409 * :No origin specified"),
        ("PING a", f"PONG {SERVER} :a"),
        ("PING :a b", f"PONG {SERVER} :a b"),
        ("JOIN #tea", "451 * :You have not registered"),
        ("PRIVMSG rui :hello", "451 * :You have not registered"),
        ("DANCE", "421 * DANCE :Unknown command"),
        ("PONG x", None),
        ("ERROR :x", None),
        ("", None),
        ("   ", None),
    ],
)  # fmt: skip
def test_before_registration(irc, line, answer):
    irc.client("rui")
    client = irc.connect()
    assert client.asks(line) == ([] if answer is None else [answer])
    client.send("NICK ana", "USER a 0 * :x")
    assert client.session.user is not None


def test_every_command_that_is_not_for_the_unregistered_says_so(irc):
    client = irc.connect()
    for name, spec in COMMANDS.items():
        if not spec.unregistered:
            assert client.numerics(f"{name} a b c d") == ["451"], name


def test_a_username_is_made_of_what_can_be_shown(irc):
    client = irc.connect()
    client.send("NICK ana", f"USER é!@a.b-c_{'d' * 30} 0 * :x")
    assert client.user.username == "~a.b-c_ddddddddddd"
    assert client.user.face.mask == "ana!~a.b-c_ddddddddddd@192.0.2.1"


def test_a_nickname_can_be_chosen_again(irc):
    client = irc.connect()
    client.send("NICK one", "NICK two")
    assert client.session.nick == "two"
    client.send("USER a 0 * :x")
    assert client.user.nick.text == "two"


def test_a_nickname_that_somebody_else_took_meanwhile(irc):
    slow = irc.connect()
    slow.send("CAP LS", "NICK ana", "USER a 0 * :x")
    fast = irc.client("Ana")
    assert slow.asks("CAP END")[-1] == "433 * ana :The nickname ana is already in use"
    assert slow.session.user is None
    assert slow.asks("NICK other")[0].startswith("001 other ")
    assert fast.user.nick.text == "Ana"


def test_who_is_registered_cannot_register_again(irc):
    ana = irc.client("ana")
    assert ana.asks("PASS x") == ["462 ana :You may not reregister"]
    assert ana.asks("USER a 0 * :x") == ["462 ana :You may not reregister"]
    assert ana.asks("USER") == ["461 ana USER :Not enough parameters"]


@pytest.mark.parametrize("given", [[], ["PASS wrong"], ["PASS right", "PASS wrong"], ["PASS :"]])
def test_the_servers_password(irc, given):
    irc.service.configure(IrcConfig(server=SERVER, password="right"))
    client = irc.connect()
    lines = client.asks(*given, "NICK ana", "USER a 0 * :x")
    assert lines == [
        "464 ana :Password incorrect", "ERROR :Closing Link: 192.0.2.1 (Bad password)"
    ]  # fmt: skip
    assert client.shell.closed
    assert client.session.user is None
    client = irc.connect()
    client.send("PASS right", "NICK ana", "USER a 0 * :x")
    assert client.session.user is not None


def test_those_who_have_not_registered_are_counted(irc):
    clients = [irc.connect() for _ in range(3)]
    assert irc.service.registering == 3
    clients[0].send("NICK ana", "USER a 0 * :x")
    clients[1].send("QUIT")
    clients[1].session.end("again")
    assert irc.service.registering == 1
    clients[0].send("QUIT")
    clients[2].session.eof()
    assert irc.service.registering == 0


# Capabilities


def test_the_capabilities_are_listed(irc):
    [line] = irc.connect().asks("CAP LS")
    head, _, names = line.partition(" :")
    assert head == "CAP * LS"
    assert names.split() == list(NAMES)


def test_many_capabilities_take_several_lines_for_those_who_understand(irc, monkeypatch):
    monkeypatch.setattr("tertulia.protocols.irc.commands.caps.LIST_BYTES", 60)
    lines = irc.connect().asks("CAP LS 302")
    assert len(lines) > 2
    assert all(line.startswith("CAP * LS * :") for line in lines[:-1])
    assert lines[-1].startswith("CAP * LS :")
    words = [name for line in lines for name in line.partition(" :")[2].split()]
    assert [word.partition("=")[0] for word in words] == list(NAMES)
    assert len(irc.connect().asks("CAP LS 301")) == 1


@pytest.mark.parametrize(
    ("version", "notified"),
    [("302", True), ("99999", True), ("301", False), ("", False), ("x", False), ("٣٠٢", False),
     ("9" * 5000, False)],
)  # fmt: skip
def test_version_302_means_cap_notify(irc, version, notified):
    client = irc.connect()
    client.send(f"CAP LS {version}".strip()[:500])
    assert bool(client.session.caps & Cap.CAP_NOTIFY) is notified


@pytest.mark.parametrize(
    ("request_", "answer", "caps"),
    [
        ("batch", "ACK :batch", Cap.BATCH),
        ("batch setname", "ACK :batch setname", Cap.BATCH | Cap.SETNAME),
        ("draft/chathistory", "ACK :draft/chathistory", Cap.CHATHISTORY),
        ("-batch", "ACK :-batch", 0),
        ("batch -batch", "ACK :batch -batch", 0),
        ("batch nonsense", "NAK :batch nonsense", 0),
        ("-nonsense", "NAK :-nonsense", 0),
        ("BATCH", "NAK :BATCH", 0),
        ("", "ACK :", 0),
    ],
)
def test_capabilities_are_asked_for(irc, request_, answer, caps):
    client = irc.connect()
    assert client.asks(f"CAP REQ :{request_}") == [f"CAP * {answer}"]
    assert client.session.caps == caps


def test_capabilities_can_be_given_up(irc):
    client = irc.client("ana", caps="batch setname")
    assert client.asks("CAP LIST") == ["CAP ana LIST :setname batch"]
    assert client.asks("CAP REQ :-batch") == ["CAP ana ACK :-batch"]
    assert client.asks("CAP LIST") == ["CAP ana LIST :setname"]
    assert client.asks("CAP REQ :-setname nope") == ["CAP ana NAK :-setname nope"]
    assert client.session.caps == Cap.SETNAME


def test_wrong_questions_about_capabilities(irc):
    client = irc.client("ana")
    assert client.asks("CAP NONSENSE") == ["410 ana NONSENSE :Invalid CAP command"]
    assert client.asks("CAP :a b") == ["410 ana * :Invalid CAP command"]
    assert client.asks("CAP :") == ["410 ana * :Invalid CAP command"]
    assert client.asks("CAP END") == []
    assert client.asks("CAP REQ") == ["CAP ana ACK :"]


def test_what_is_seen_follows_the_capabilities(irc):
    ana, bob = irc.client("ana", "#tea"), irc.client("bob", "#tea")
    assert ana.asks("PING x", "CAP REQ :server-time message-tags account-tag")[1:] == [
        "CAP ana ACK :server-time message-tags account-tag"
    ]
    bob.send("PRIVMSG #tea :hello")
    [line] = ana.got()
    assert line.startswith("@time=2023-11-14T22:13:20.123Z;msgid=")
    assert line.endswith(" :bob!~bob@192.0.2.1 PRIVMSG #tea :hello")


def test_sessions_of_one_kind_share_a_flavour(irc):
    ana, bob = (
        irc.client("ana", caps="server-time"),
        irc.client("bob", caps="server-time cap-notify"),
    )
    assert ana.session.flavour is bob.session.flavour
    assert ana.session.flavour is not irc.client("rui").session.flavour


# Every command


FEWEST = {name: spec.params for name, spec in COMMANDS.items() if spec.params}


@pytest.mark.parametrize("name", sorted(FEWEST))
def test_missing_parameters(irc, name):
    ana = irc.client("ana", "#tea")
    for count in range(FEWEST[name]):
        line = " ".join([name, *["#tea"] * count])
        assert ana.asks(line) == [f"461 ana {name} :Not enough parameters"]


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - {"QUIT", *FEWEST}))
@pytest.mark.parametrize("params", [[], [""], ["", ""], ["\x01"], ["a b"], [":"], ["*"], [","]])
def test_strange_parameters_are_answered_in_well_formed_lines(irc, name, params):
    ana = irc.client("ana", "#tea")
    line = " ".join([name, *params[:-1], *(f":{p}" for p in params[-1:])])
    lines = ana.asks(line)
    assert not ana.shell.closed
    assert all(line and len(line.encode()) <= 510 for line in lines)
    assert ana.asks("PING x") == [f"PONG {SERVER} :x"]


@pytest.mark.parametrize("name", sorted(FEWEST))
@pytest.mark.parametrize("word", ["\x01", ":", "*", ",", "é" * 100, "#", "#é", "$", "@#", "0"])
def test_strange_words_are_answered_in_well_formed_lines(irc, name, word):
    ana = irc.client("ana", "#tea")
    lines = ana.asks(" ".join([name, *[word] * 3, f":{word}"]))
    assert not ana.shell.closed
    assert all(line and len(line.encode()) <= 510 for line in lines)


def test_commands_are_read_in_any_case_and_counted(irc):
    ana = irc.client("ana")
    assert ana.asks("ping x", "PiNg y") == [f"PONG {SERVER} :x", f"PONG {SERVER} :y"]
    assert irc.service.commands_seen["PING"] == 2
    ana.send("DANCE")
    assert "DANCE" not in irc.service.commands_seen


def test_an_unknown_command(irc):
    ana = irc.client("ana")
    assert ana.asks("DANCE") == ["421 ana DANCE :Unknown command"]
    assert ana.asks("x" * 100) == [f"421 ana {'X' * 64} :Unknown command"]
    assert ana.asks("\x01\x02") == ["421 ana * :Unknown command"]


def test_lines_that_cannot_be_read(irc):
    ana = irc.client("ana")
    ana.raw(b"PRIVMSG ana :\xff\r\n")
    assert ana.got() == ["FAIL PRIVMSG INVALID_UTF8 :Message was not valid UTF-8"]
    ana.raw(b"\xff\xff\r\n")
    assert ana.got() == ["FAIL * INVALID_UTF8 :Message was not valid UTF-8"]
    assert ana.asks("PRIVMSG ana :" + "x" * 500) == ["417 ana :Input line was too long"]
    assert ana.asks("@" + "x" * 4096 + " PING x") == ["417 ana :Input line was too long"]
    ana.raw(b"PING whole")
    assert ana.got() == []
    ana.raw(b"\n")
    assert ana.got() == [f"PONG {SERVER} :whole"]


def test_leaving(irc):
    ana, bob = irc.client("ana", "#tea"), irc.client("bob", "#tea")
    assert ana.asks("QUIT :bye", "PING x") == ["ERROR :Closing Link: 192.0.2.1 (Quit: bye)"]
    assert ana.shell.closed
    assert bob.got() == [":ana!~ana@192.0.2.1 QUIT :Quit: bye"]
    assert bob.asks("QUIT") == ["ERROR :Closing Link: 192.0.2.1 (Quit)"]
    assert irc.state.users == {}
    lone = irc.connect()
    assert lone.asks("QUIT") == ["ERROR :Closing Link: 192.0.2.1 (Quit)"]


# Time


def test_who_does_not_register_is_let_go(irc):
    client = irc.connect()
    client.session.tick(CONFIG.login_s)
    assert not client.shell.closed
    client.session.tick(CONFIG.login_s + 1)
    irc.run()
    assert client.got() == ["ERROR :Closing Link: 192.0.2.1 (Registration timed out)"]


def test_who_is_silent_is_asked_once_and_then_let_go(irc):
    ana = irc.client("ana")
    times = (CONFIG.ping_s - 1, CONFIG.ping_s + 1, CONFIG.ping_s + 2)
    for now, expected in zip(times, ([], [f"PING :{SERVER}"], []), strict=True):
        ana.session.tick(now)
        irc.run()
        assert ana.got() == expected
    ana.send("PONG x")
    ana.session.last_heard = CONFIG.ping_s + 3
    ana.session.tick(CONFIG.ping_s * 2 + 1)
    assert not ana.shell.closed
    ana.session.tick(CONFIG.ping_s * 3 + 4)
    irc.run()
    assert ana.got()[-1] == "ERROR :Closing Link: 192.0.2.1 (Ping timeout: 240 seconds)"


def test_who_says_too_much_is_read_more_slowly(irc):
    ana = irc.client("ana", bucket=TokenBucket(1, 10))
    ana.shell.clock = 100
    counts = [len(ana.asks(*["PING x"] * 30))]
    assert ana.shell.held
    while sum(counts) < 30:
        ana.shell.clock += 100
        ana.session.advance()
        irc.run()
        counts.append(len(ana.got()))
    assert all(9 <= count <= 12 for count in counts[:-1])
    assert not ana.shell.held


@pytest.mark.parametrize(
    ("line", "cost"),
    [
        ("PING x", 1),
        ("LIST", 5),
        ("LIST\r", 5),
        ("list", 5),
        ("  LIST >5", 5),
        ("CHATHISTORY LATEST #tea * 10", 4),
        ("@label=1 CHATHISTORY LATEST #tea * 10", 4),
        (":ana LIST", 5),
        ("@a=b :ana WHO *", 3),
        ("DANCE", 1),
        ("", 1),
        ("\r", 1),
        ("@a", 1),
        (":a", 1),
        ("é", 1),
    ],
)
def test_who_asks_for_more_pays_more(irc, line, cost):
    assert irc.connect().session.cost(line.encode()) == cost


# Labels


@pytest.fixture
def labelled(irc):
    return irc.client("ana", "#tea", caps=LABELS)


def test_an_answer_bears_the_label(irc, labelled):
    assert labelled.asks("@label=1 PING x") == [f"@label=1 PONG {SERVER} :x"]
    assert labelled.asks("@label=2 PONG x") == ["@label=2 ACK"]
    lines = labelled.asks("@label=3 LINKS")
    assert lines[0] == "@label=3 BATCH +label labeled-response"
    assert [line.split(" ")[0] for line in lines[1:3]] == ["@batch=label"] * 2
    assert lines[3:] == ["BATCH -label"]
    assert labelled.asks("PING x") == [f"PONG {SERVER} :x"]


def test_errors_bear_it_too(irc, labelled):
    for number, (line, numeric) in enumerate(
        (("PART #none", "403"), ("NICK 9", "432"), ("DANCE", "421"), ("JOIN", "461"))
    ):
        [answer] = labelled.asks(f"@label=e{number} {line}")
        assert answer.startswith(f"@label=e{number} {numeric} ")


def test_ones_own_copy_is_in_the_answer(irc, labelled):
    bob = irc.client("bob", "#tea")
    assert labelled.asks("@label=1 TOPIC #tea :leaves") == [
        "@label=1 :ana!~ana@192.0.2.1 TOPIC #tea :leaves"
    ]
    assert bob.got() == [":ana!~ana@192.0.2.1 TOPIC #tea :leaves"]
    lines = labelled.asks("@label=2 JOIN #two")
    assert commands([line.partition(" ")[2] for line in lines[1:-1]]) == ["JOIN", "353", "366"]
    assert labelled.asks("@label=3 PRIVMSG #tea :hello") == ["@label=3 ACK"]
    labelled.send("CAP REQ :echo-message")
    assert labelled.asks("@label=4 PRIVMSG #tea :hello") == [
        "@label=4 :ana!~ana@192.0.2.1 PRIVMSG #tea :hello"
    ]
    assert labelled.asks("@label=5 NICK anna") == ["@label=5 :ana!~ana@192.0.2.1 NICK anna"]


def test_what_waits_keeps_its_label(irc, labelled):
    lines = labelled.asks("@label=1 OPER root wrong", "PING x")
    assert lines == ["@label=1 464 ana :Password incorrect", f"PONG {SERVER} :x"]


@pytest.mark.parametrize("caps", ["", "batch", "labeled-response"])
def test_without_the_capabilities_there_is_no_label(irc, caps):
    assert irc.client("ana", caps=caps).asks("@label=1 PING x") == [f"PONG {SERVER} :x"]


@pytest.mark.parametrize("label", ["", "x" * 65])
def test_what_is_no_label(irc, labelled, label):
    assert labelled.asks(f"@label={label} PING x") == [f"PONG {SERVER} :x"]


def test_the_answer_to_quit_bears_its_label(irc, labelled):
    lines = labelled.asks("@label=1 QUIT")
    assert lines[-1] == "ERROR :Closing Link: 192.0.2.1 (Quit)"
    assert all("label=1" in line for line in lines[:-1])


def test_a_label_is_escaped(irc, labelled):
    assert labelled.asks(r"@label=a\sb\: PONG") == [r"@label=a\sb\: ACK"]


# What could not be written


def test_what_could_not_be_written_is_told_with_its_label(irc, labelled):
    bob = irc.client("bob", "#tea")
    irc.log.instant = False
    labelled.send("@label=1 PRIVMSG #tea :hello", "PRIVMSG #tea :two", "PING x")
    bob.send("PING y")
    irc.log.fail(FULL)
    irc.log.instant = True
    irc.run()
    assert bob.got() == [f"PONG {SERVER} :y"]
    lines = labelled.got()
    assert "hello" not in str(lines)
    words = "Not done (#tea): the server cannot write to its disk; try again later"
    assert f"@label=1 FAIL * NOT_STORED :{words}" in lines
    assert f"FAIL * NOT_STORED :{words}" in lines
    assert f"PONG {SERVER} :x" in lines


def test_users_of_other_protocols_are_seen(irc):
    ana = irc.client("ana")
    other = Person(irc.hub, irc.flavour)
    irc.hub.connect(other, Connect(Nickname.parse("old"), "json", "h", "Old", False, "json"))
    assert ana.asks("WHOIS old")[0] == "311 ana old json h * :Old"
    assert "317 ana old 0 " in ana.asks("WHOIS old")[2]
