"""Servers that send anything: nothing is raised, nothing harms a terminal, nothing grows."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.client.session import intents as i
from tertulia.client.session.handlers.table import HANDLERS
from tertulia.client.session.wire import LONGEST, LineBuffer, line, parse, raw_line
from tests.client.session_kit import OURS, Table, table

HARMLESS = set("\x01\x02\x03\x04\x0f\x11\x16\x1d\x1e\x1f")
NAMES = "ana rui #tea #x * +o - ana!u@h +1 -1 1 chathistory labeled-response netsplit ACK LS NEW"
NAMES += " SERVER TOKEN TARGETS +b sent-1 history-1 2027-01-15T08:00:00Z"
WORDS = st.one_of(st.sampled_from(NAMES.split()), st.text(max_size=12))
KEYS = "time msgid label batch account +typing +tertulia/seen +tertulia/delivered +tertulia/poke"
TAGS = st.dictionaries(st.sampled_from(KEYS.split()), WORDS, max_size=3)
COMMANDS = st.one_of(
    st.sampled_from([*HANDLERS, "BATCH", "999", "433", "404", "XYZZY"]),
    st.integers(0, 999).map("{:03}".format),
)


@st.composite
def server_lines(draw: st.DrawFn) -> bytes:
    source = draw(st.sampled_from([":irc.example ", ":rui!u@h ", ":ana!u@h ", "", ":"]))
    tags = ";".join(f"{key}={value}" for key, value in draw(TAGS).items()).replace(" ", "")
    params = draw(st.lists(WORDS, min_size=1, max_size=5))
    colon = draw(st.sampled_from(["", ":"]))
    head = f"@{tags} " if tags else ""
    words = [*params[:-1], f"{colon}{params[-1]}"]
    return f"{head}{source}{draw(COMMANDS)} {' '.join(words)}\r\n".encode()


INTENTS = st.one_of(
    st.builds(i.Say, WORDS, st.text(max_size=600)),
    st.builds(i.Join, WORDS),
    st.builds(i.Part, WORDS),
    st.builds(i.OpenQuery, WORDS),
    st.builds(i.Close, WORDS),
    st.builds(i.LoadOlder, WORDS),
    st.builds(i.MarkRead, WORDS),
    st.builds(i.Typing, WORDS),
    st.builds(i.Nick, WORDS),
    st.builds(i.Search, WORDS, WORDS),
    st.builds(i.Raw, st.text()),
    st.builds(i.Ignore, WORDS, st.booleans()),
    st.builds(i.Contact, WORDS, WORDS),
    st.builds(i.SendAgain, st.integers(0, 30)),
    st.builds(i.Drop, st.integers(0, 30)),
    st.builds(i.Clear, WORDS),
    st.just(i.Reconnect()),
)


def check(one: Table) -> None:
    """Check what holds whatever a server does."""
    one.session.take_events()
    for sent in one.session.take_output().split(b"\r\n"):
        tags, _, rest = sent.partition(b" ") if sent.startswith(b"@") else (b"", b"", sent)
        assert not {0, 10, 13} & set(sent)
        assert len(rest) <= 510, tags
    for buffer in one.session.model:
        for message in (*buffer.messages, *buffer.pending):
            text = message.text + message.by + message.whom
            assert {c for c in text if unicodedata.category(c) == "Cc"} <= HARMLESS
        times = [buffer.log.key_of(index) for index in range(len(buffer.log))]
        assert times == sorted(times)
        ids = [message.msgid for message in buffer.messages if message.msgid]
        assert len(ids) == len(set(ids))


@settings(deadline=None)
@given(
    st.lists(st.one_of(server_lines(), st.binary(max_size=80), INTENTS), max_size=40),
    st.sampled_from(["", OURS]),
)
def test_nothing_that_a_server_sends_is_raised(steps: list[bytes | i.Intent], caps: str) -> None:
    one = table(caps=caps, channels=("#tea",))
    one.enter("#tea", "rui")
    for step in steps:
        if isinstance(step, bytes):
            one.session.receive(step)
        else:
            one.session.do(step)
        one.session.tick()
        check(one)
        if one.session.wants_close or one.dial() is not None:
            one.session.lost()
            one.session.start()
            one.dial()
            one.session.opened()


@given(st.lists(server_lines(), max_size=12).map(b"".join), st.data())
def test_it_does_not_matter_where_bytes_are_cut(data: bytes, cuts: st.DataObject) -> None:
    whole = LineBuffer().feed(data)
    pieces, buffer = [], LineBuffer()
    while data:
        size = cuts.draw(st.integers(1, len(data)))
        pieces += buffer.feed(data[:size])
        data = data[size:]
    assert pieces == whole


def test_a_line_without_end_is_dropped_and_the_next_one_taken() -> None:
    buffer = LineBuffer()
    for _ in range(10):
        assert buffer.feed(b"x" * LONGEST) == []
    assert buffer.feed(b"rest\r\nPING a\r\n") == [b"PING a\r"]


@given(st.binary())
def test_what_is_parsed_has_nothing_that_a_terminal_obeys(raw: bytes) -> None:
    parsed = parse(raw)
    if parsed is not None:
        text = "".join([parsed.command, parsed.source, *parsed.params, *parsed.tags.values()])
        assert {c for c in text if unicodedata.category(c) == "Cc"} <= HARMLESS


@given(st.text(), st.lists(st.text(), max_size=4))
def test_what_is_sent_is_one_line(text: str, words: list[str]) -> None:
    for data in (line("PRIVMSG", *words, text), raw_line(text)):
        assert data.endswith(b"\r\n")
        assert not {0, 10, 13} & set(data[:-2])
        assert len(data) <= 512


@pytest.mark.parametrize(
    "hostile",
    ["\x1b[2J\x1b]0;title\x07", "\x9b31m", "\u202e\u2066right", "a\x08\x7fb", "\x90q\x9c"],
)
def test_hostile_text_is_harmless(hostile: str) -> None:
    one = table()
    one.enter("#tea", "rui")
    one.says(f":rui!u@h PRIVMSG #tea :a{hostile}b", f":rui!u@h TOPIC #tea :{hostile}")
    for message in one.buffer("#tea").messages:
        assert not set("\x1b\x07\x08\x7f\x90\x9b\x9c") & set(message.text)


def test_a_flood_of_members_batches_and_questions_is_bounded() -> None:
    one = table(caps=OURS)
    for number in range(2000):
        one.session.receive(f":irc.example BATCH +{number} chathistory #x\r\n".encode())
        one.session.receive(f"@batch=1;label=q{number} :x!u@h PRIVMSG #x :y\r\n".encode())
        one.session.receive(f":rui!u@h PRIVMSG ana :\x01VERSION\x01 {number}\r\n".encode())
    assert len(one.session.batches._open) <= 100
    assert one.session.take_output().count(b"NOTICE") <= 1
