"""CHATHISTORY: what is asked of history, and how it is shown."""

import pytest

from tertulia.domain.ids import at_milliseconds, milliseconds
from tertulia.protocols.irc.config import IrcConfig
from tertulia.protocols.irc.flavour import server_time
from tests.protocols.irc_kit import SERVER, Irc

CAPS = "batch message-tags server-time draft/chathistory"
STEP_MS = 1000


@pytest.fixture
def irc():
    return Irc()


@pytest.fixture
def bob(irc):
    """Who has heard ten messages in #tea, a second apart."""
    ana = irc.client("ana", "#tea")
    bob = irc.client("bob", "#tea", caps=CAPS)
    for number in range(10):
        irc.now_ms += STEP_MS
        ana.send(f"PRIVMSG #tea :m{number}")
    irc.ids = [line.partition("msgid=")[2].split(" ")[0] for line in bob.got()]
    irc.times = [server_time(event.hlc) for event in irc.log.events[-10:]]
    return bob


def answered(lines, target="#tea"):
    """The texts in a batch of history."""
    assert lines[0] == f"BATCH +history chathistory {target}"
    assert lines[-1] == "BATCH -history"
    assert all(line.startswith("@batch=history;time=") for line in lines[1:-1])
    return [line.rpartition(":")[2] for line in lines[1:-1]]


def numbers(lines):
    return "".join(text.removeprefix("m") for text in answered(lines))


@pytest.mark.parametrize("kind", ["msgid", "timestamp"])
@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("LATEST #tea * 3", "789"),
        ("LATEST #tea * 50", "0123456789"),
        ("LATEST #TEA {5} 50", "6789"),
        ("LATEST #tea {5} 2", "89"),
        ("LATEST #tea * 0", ""),
        ("BEFORE #tea {5} 3", "234"),
        ("BEFORE #tea {1} 3", "0"),
        ("BEFORE #tea {0} 3", ""),
        ("AFTER #tea {5} 3", "678"),
        ("AFTER #tea {9} 3", ""),
        ("AROUND #tea {5} 3", "456"),
        ("AROUND #tea {5} 4", "3456"),
        ("AROUND #tea {0} 4", "01"),
        ("AROUND #tea {5} 1", "5"),
        ("BETWEEN #tea {2} {6} 10", "345"),
        ("BETWEEN #tea {2} {6} 2", "34"),
        ("BETWEEN #tea {6} {2} 10", "345"),
        ("BETWEEN #tea {6} {2} 2", "45"),
        ("BETWEEN #tea {2} {2} 2", ""),
        ("latest #tea * 1", "9"),
    ],
)
def test_pages(irc, bob, kind, question, found):
    references = irc.ids if kind == "msgid" else irc.times
    line = question.format(*(f"{kind}={reference}" for reference in references))
    assert numbers(bob.asks(f"CHATHISTORY {line}")) == found


def test_a_page_is_bounded_by_the_settings(irc, bob):
    irc.service.configure(IrcConfig(server=SERVER, history_most=2))
    assert numbers(bob.asks("CHATHISTORY LATEST #tea * 5")) == "89"


def test_a_message_is_shown_as_it_was(irc, bob):
    line = bob.asks("CHATHISTORY LATEST #tea * 1")[1]
    assert line == (
        f"@batch=history;time={irc.times[9]};msgid={irc.ids[9]}"
        " :ana!~ana@192.0.2.1 PRIVMSG #tea :m9"
    )


@pytest.mark.parametrize(
    "moment",
    ["2023-11-14T22:13:25.123Z", "2023-11-14T23:13:25.123+01:00", "2023-11-14T22:13:25.123"],
)
def test_moments(bob, moment):
    assert numbers(bob.asks(f"CHATHISTORY AFTER #tea timestamp={moment} 2")) == "56"


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:00", "1969-12-31", "9999-12-31T23:59Z"])
@pytest.mark.parametrize("subcommand", ["AFTER", "BEFORE", "AROUND", "LATEST"])
def test_the_ends_of_the_calendar(bob, moment, subcommand):
    found = numbers(bob.asks(f"CHATHISTORY {subcommand} #tea timestamp={moment} 20"))
    assert found in ("", "0123456789")


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("", "INVALID_PARAMS * :Unknown subcommand"),
        (" NONSENSE", "INVALID_PARAMS NONSENSE :Unknown subcommand"),
        (" :a b", "INVALID_PARAMS * :Unknown subcommand"),
        (" LATEST #tea *", "INVALID_PARAMS LATEST :Insufficient parameters"),
        (" BETWEEN #tea msgid=x 5", "INVALID_PARAMS BETWEEN :Insufficient parameters"),
        (" TARGETS timestamp=x 5", "INVALID_PARAMS TARGETS :Insufficient parameters"),
        (" LATEST #tea * x", "INVALID_PARAMS LATEST :The limit is not a number"),
        (" LATEST #tea * -1", "INVALID_PARAMS LATEST :The limit is not a number"),
        (" LATEST #tea * ٣", "INVALID_PARAMS LATEST :The limit is not a number"),
        (" LATEST #tea * 999999999", "INVALID_PARAMS LATEST :The limit is not a number"),
        (" LATEST #none * 5", "INVALID_TARGET LATEST #none :There is no history of that for you"),
        (" LATEST #two * 5", "INVALID_TARGET LATEST #two :There is no history of that for you"),
        (" LATEST none * 5", "INVALID_TARGET LATEST none :There is no history of that for you"),
        (" LATEST * * 5", "INVALID_TARGET LATEST * :There is no history of that for you"),
        (" BEFORE #tea * 5", "INVALID_PARAMS BEFORE * :A reference is msgid=… or timestamp=…"),
        (" LATEST #tea x 5", "INVALID_PARAMS LATEST x :A reference is msgid=… or timestamp=…"),
        (" AFTER #tea msgid=x 5", "INVALID_PARAMS AFTER msgid=x :A reference is msgid=… or"
         " timestamp=…"),
        (" AFTER #tea timestamp=x 5", "INVALID_PARAMS AFTER timestamp=x :A reference is msgid=… or"
         " timestamp=…"),
        (" TARGETS timestamp=x * 5", "INVALID_PARAMS TARGETS timestamp=x :A reference is msgid=…"
         " or timestamp=…"),
        (" TARGETS timestamp=2023-01-01 timestamp=2024-01-01 x", "INVALID_PARAMS TARGETS :The"
         " limit is not a number"),
    ],
)  # fmt: skip
def test_what_is_refused(irc, bob, question, answer):
    irc.client("rui", "#two")
    assert bob.asks(f"CHATHISTORY{question}") == [f"FAIL CHATHISTORY {answer}"]


def test_without_batches(irc, bob):
    bob.send("CAP REQ :-batch -server-time -message-tags")
    assert bob.asks("CHATHISTORY LATEST #tea * 2") == [
        ":ana!~ana@192.0.2.1 PRIVMSG #tea :m8", ":ana!~ana@192.0.2.1 PRIVMSG #tea :m9"
    ]  # fmt: skip
    assert bob.asks("CHATHISTORY LATEST #tea * 0") == []


def test_with_a_label(irc, bob):
    bob.send("CAP REQ :labeled-response")
    lines = bob.asks("@label=1 CHATHISTORY LATEST #tea * 1")
    assert lines[0] == "@label=1 BATCH +history chathistory #tea"
    assert lines[-1] == "BATCH -history"


def test_events_are_shown_to_those_who_want_them(irc, bob):
    bob.send("CAP REQ :draft/event-playback")
    irc.client("rui", "#tea").send("QUIT")
    lines = bob.asks("CHATHISTORY LATEST #tea * 2")[1:-1]
    assert [line.split(" ")[2] for line in lines] == ["JOIN", "QUIT"]
    bob.send("CAP REQ :-draft/event-playback")
    assert numbers(bob.asks("CHATHISTORY LATEST #tea * 2")) == "89"


def test_the_history_with_somebody(irc, bob):
    rui = irc.client("rui", caps=CAPS)
    bob.send("PRIVMSG rui :one")
    rui.send("PRIVMSG bob :two")
    assert answered(bob.asks("CHATHISTORY LATEST RUI * 5"), "rui") == ["one", "two"]
    assert answered(rui.asks("CHATHISTORY LATEST bob * 5"), "bob") == ["one", "two"]
    assert answered(bob.asks("CHATHISTORY LATEST ana * 5"), "ana") == []


def test_what_was_just_said_is_there(irc, bob):
    lines = bob.asks("PRIVMSG #tea :now", "CHATHISTORY LATEST #tea * 1")
    assert answered(lines) == ["now"]


def test_the_history_of_a_channel_is_for_those_in_it(irc, bob):
    bob.send("PART #tea")
    assert "INVALID_TARGET" in bob.asks("CHATHISTORY LATEST #tea * 5")[0]


def targets(lines):
    assert lines[0] == "BATCH +targets draft/chathistory-targets"
    assert lines[-1] == "BATCH -targets"
    head = f"@batch=targets :{SERVER} CHATHISTORY TARGETS ".replace(f":{SERVER} ", "")
    assert all(line.startswith(head) for line in lines[1:-1])
    return [tuple(line.removeprefix(head).split(" ")) for line in lines[1:-1]]


def moment(ms):
    return f"timestamp={server_time(at_milliseconds(ms))}"


def test_targets(irc, bob):
    rui = irc.client("rui")
    start = irc.now_ms
    for client, line in ((rui, "PRIVMSG bob :x"), (bob, "PRIVMSG #tea :x"), (bob, "JOIN #new")):
        irc.now_ms += STEP_MS
        client.send(line)
    found = targets(bob.asks(f"CHATHISTORY TARGETS {moment(start)} {moment(start + 10**6)} 5"))
    assert found == [
        ("rui", server_time(at_milliseconds(start + STEP_MS))),
        ("#tea", server_time(at_milliseconds(start + 2 * STEP_MS))),
    ]
    one = targets(bob.asks(f"CHATHISTORY TARGETS {moment(start + 10**6)} {moment(start)} 1"))
    assert one == found[:1]
    none = f"CHATHISTORY TARGETS {moment(0)} {moment(1)} 5"
    assert targets(bob.asks(none)) == []
    rui.send("QUIT")
    again = targets(bob.asks(f"CHATHISTORY TARGETS {moment(start)} {moment(start + 10**6)} 5"))
    assert again == found[1:]
    bob.send("CAP REQ :-batch")
    [line] = bob.asks(f"CHATHISTORY TARGETS {moment(start)} {moment(start + 10**6)} 5")
    assert line == f"CHATHISTORY TARGETS #tea {found[1][1]}"
    assert milliseconds(at_milliseconds(start)) == start


def test_whoever_comes_back_with_an_identity_is_told_who_wrote_before(irc, bob):
    eva = irc.connect()
    eva.send("CAP REQ :tertulia/identity", "NICK eva", "USER eva 0 * :Real")
    got = eva.asks("IDENTITY NEW", "CAP END")
    [number, token] = next(line.split()[2:] for line in got if line.startswith("IDENTITY "))
    start = irc.now_ms
    bob.send("PRIVMSG eva :x")
    eva.send("QUIT")
    again = irc.connect()
    again.send(f"PASS {number}{token}", "CAP REQ :batch", "NICK eva", "USER eva 0 * :Real")
    again.asks("CAP END")
    found = targets(again.asks(f"CHATHISTORY TARGETS {moment(start)} {moment(start + 10**6)} 5"))
    assert [name for name, _ in found] == ["bob"]
