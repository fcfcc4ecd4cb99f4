"""What each dialect shows of what happens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tertulia.domain import changes as c
from tertulia.domain import events as e
from tertulia.domain.events import Face, Style
from tertulia.domain.ids import Conversation, Hlc, Uid
from tertulia.domain.text import TEXT_BYTES, Text, cut, neutral
from tertulia.protocols.jsonchat.documents import FRAME_BYTES, Documents
from tertulia.protocols.jsonchat.flavour import Classic, Discovery
from tertulia.protocols.words import readable
from tests.protocols.test_jsonchat_documents import unpadded

CLASSIC, DISCOVERY = Classic(Documents(FRAME_BYTES)), Discovery(Documents(FRAME_BYTES))
LINES = Discovery(Documents(None))

ANA = Face(Uid("u1"), "Ana", "0000000000001", "Ana!a@h")
BEA = Face(Uid("u2"), "Bea", "0000000000002", "Bea!b@h")
AT = (Hlc(1_700_000_000_123 << 16), "the-id-of-it")


def said(text="hello", target="#Room", style=Style.SAY):
    return c.Spoken(*AT, ANA, target, style, Text(text), None, "")


ENTERED = c.Entered(*AT, ANA, "#Room", "Ana", None, False)
DEPARTED = c.Departed(*AT, ANA, "#Room", "")
EXPELLED = c.Expelled(*AT, ANA, "#Room", BEA, "too \x02loud")
GONE = c.Gone(*AT, ANA, "bye", ("#room", "#other"))
RANKS = c.ModesChanged(
    *AT,
    ANA,
    "#Room",
    (
        c.ShownMode(True, "o", "Bea", BEA),
        c.ShownMode(False, "o", "Ana", ANA),
        c.ShownMode(True, "v", "Bea", BEA),
        c.ShownMode(False, "v", "Bea", BEA),
    ),
)
MODES = c.ModesChanged(*AT, ANA, "#Room", (c.ShownMode(True, "k", "*"), c.ShownMode(False, "n")))

SENTENCES = [
    (ENTERED, ["Ana joined #Room"]),
    (replace(ENTERED, admin=True), ["Ana joined #Room", "Ana is an admin of #Room"]),
    (DEPARTED, ["Ana left #Room"]),
    (replace(DEPARTED, reason="late"), ["Ana left #Room: late"]),
    (EXPELLED, ["Ana kicked Bea out of #Room: too loud"]),
    (replace(EXPELLED, reason="Ana"), ["Ana kicked Bea out of #Room"]),
    (c.TopicChanged(*AT, ANA, "#Room", Text("\x0304,01tea")), ["Ana set the topic of #Room: tea"]),
    (c.TopicChanged(*AT, ANA, "#Room", Text("")), ["Ana took the topic of #Room away"]),
    (GONE, ["Ana left the server: bye"]),
    (c.NickChanged(*AT, ANA, BEA), ["Ana is now called Bea"]),
    (c.Summoned(*AT, ANA, BEA, "#Room"), ["Ana invites Bea to #Room"]),
    (c.AwayChanged(*AT, ANA, "lunch"), ["Ana is away: lunch"]),
    (c.AwayChanged(*AT, ANA, ""), ["Ana is away"]),
    (c.AwayChanged(*AT, ANA, None), ["Ana is back"]),
    (MODES, ["Ana set mode +k-n * of #Room"]),
    (
        RANKS,
        [
            "Ana made Bea an admin of #Room",
            "Ana says that Ana is no longer an admin of #Room",
            "Ana gave voice to Bea in #Room",
            "Ana took voice from Bea in #Room",
        ],
    ),
]
UNSEEN = [
    c.TagsSpoken(*AT, ANA, "#Room", {"+typing": "active"}, ""),
    c.RealnameChanged(*AT, ANA, "Ana"),
    c.UserModeChanged(*AT, ANA, "o", True),
    c.Arrived(*AT, ANA),
    said("VERSION", style=Style.REQUEST),
    said("VERSION x", style=Style.RESPONSE),
    said("\x02\x0304\x0f"),
]


@pytest.mark.parametrize(("change", "sentences"), SENTENCES)
def test_the_classic_dialect_says_it_in_sentences_with_names_folded(change, sentences):
    folded = [s.replace("Ana", "ana").replace("Bea", "bea").replace("#R", "#r") for s in sentences]
    assert unpadded(CLASSIC.render(change)) == [
        {"op": "MESSAGE", "target": "", "message": sentence} for sentence in folded
    ]


def service_message(target, sentence):
    return {
        "op": "MESSAGE",
        "name": "*",
        "username": "*",
        "target": target,
        "message": sentence,
    }


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        (change, sentences)
        for change, sentences in SENTENCES
        if not isinstance(change, c.Entered | c.Departed | c.Expelled | c.Gone)
        and change is not RANKS
    ],
)
def test_what_has_no_op_is_a_message_from_nobody(change, sentences):
    channel = getattr(change, "channel", "")
    assert unpadded(DISCOVERY.render(change)) == [service_message(channel, s) for s in sentences]


def about(op, nick, **more):
    return {"op": op, "user": nick, "username": nick, "channel": "#Room", **more}


@pytest.mark.parametrize(
    ("change", "documents"),
    [
        (ENTERED, [about("JOIN", "Ana")]),
        (replace(ENTERED, admin=True), [about("JOIN", "Ana"), about("ADMIN", "Ana")]),
        (DEPARTED, [about("PART", "Ana")]),
        (replace(DEPARTED, reason="late"), [about("PART", "Ana", message="late")]),
        (EXPELLED, [about("KICK", "Bea", message="too loud")]),
        (GONE, [{**about("PART", "Ana", message="bye"), "channel": "*"}]),
        (replace(GONE, channels=("#Room",)), [about("PART", "Ana", message="bye")]),
        (
            RANKS,
            [
                about("ADMIN", "Bea"),
                service_message("#Room", "Ana says that Ana is no longer an admin of #Room"),
                service_message("#Room", "Ana gave voice to Bea in #Room"),
                service_message("#Room", "Ana took voice from Bea in #Room"),
            ],
        ),
    ],
)
def test_the_ops_of_the_discovery_dialect(change, documents):
    assert unpadded(DISCOVERY.render(change)) == documents


@pytest.mark.parametrize("flavour", [CLASSIC, DISCOVERY, LINES])
@pytest.mark.parametrize("change", UNSEEN, ids=lambda change: type(change).__name__)
def test_what_is_not_shown(flavour, change):
    assert flavour.render(change) == b""


@pytest.mark.parametrize(
    ("style", "text", "shown"),
    [
        (Style.SAY, "a \x02bold\x02 \x0312,4word\x0f", "a bold word"),
        (Style.NOTICE, "look", "look"),
        (Style.ACTION, "waves", "* Ana waves"),
    ],
)
def test_a_message(style, text, shown):
    [document] = unpadded(DISCOVERY.render(said(text, style=style)))
    assert document == {
        "op": "MESSAGE",
        "name": "Ana",
        "username": "Ana",
        "target": "#Room",
        "message": shown,
    }


@pytest.mark.parametrize(
    ("target", "classic", "discovery"),
    [("#Room", "#room", "#Room"), ("*", "*", "*"), ("&", "&", "&"), ("Bea", "§§", "Bea")],
)
def test_whom_a_message_is_for(target, classic, discovery):
    [document] = unpadded(CLASSIC.render(said(target=target)))
    assert (document["name"], document["target"]) == ("ana", classic)
    [document] = unpadded(DISCOVERY.render(said(target=target)))
    assert (document["name"], document["target"]) == ("Ana", discovery)


def test_programs_are_told_id_and_time_and_old_clients_are_not():
    line = LINES.render(said())
    assert line.endswith(b"\n")
    assert b'"id":"the-id-of-it","time":"2023-11-14T22:13:20.123Z"' in line
    [document] = unpadded(DISCOVERY.render(said()))
    assert document.keys().isdisjoint({"id", "time"})


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        (e.Said(ANA, "#Room", 0, Text("x")), "Your message to #room was not sent"),
        (e.ChannelCreated(ANA, "#Room", "1", Conversation(99)), "#room was not created"),
        (e.TopicSet(ANA, "#Room", Text("x")), "The topic of #room was not changed"),
        (e.ModesSet(ANA, "#Room", ()), "The modes of #room were not changed"),
        (e.ChannelEnded("#Room"), "What you asked for was not done"),
    ],
)
def test_what_could_not_be_stored_is_named(fact, words):
    [document] = unpadded(CLASSIC.not_done(fact))
    assert document["op"] == "ERROR"
    assert words in document["message"]
    assert "disk" in document["message"]


TEXTS = st.text(max_size=1500).map(lambda raw: Text(cut(neutral(raw), TEXT_BYTES)))
NICKS = st.sampled_from(["Ana", "\\" * 32, "😀" * 32, "İ" * 32])
CHANNELS = st.sampled_from(["#Room", "#" + '"' * 63, "#" + "\U0001d54f" * 63])


@given(NICKS, CHANNELS, TEXTS)
def test_whatever_happens_every_document_fits(nick, channel, text):
    by = replace(ANA, nick=nick)
    reason = cut(text, 390)
    for change in (
        c.Spoken(*AT, by, channel, Style.ACTION, text, None, ""),
        c.Spoken(*AT, by, nick, Style.SAY, text, None, ""),
        c.Entered(*AT, by, channel, text, text, True),
        c.Departed(*AT, by, channel, reason),
        c.Expelled(*AT, by, channel, by, reason),
        c.Gone(*AT, by, reason, (channel,)),
        c.TopicChanged(*AT, by, channel, Text(reason)),
        c.NickChanged(*AT, by, by),
        c.Summoned(*AT, by, by, channel),
        c.AwayChanged(*AT, by, reason),
        c.ModesChanged(*AT, by, channel, (c.ShownMode(True, "o", nick, by),) * 3),
        c.ModesChanged(*AT, by, channel, (c.ShownMode(True, "b", text[:200]),) * 3),
    ):
        for flavour in (CLASSIC, DISCOVERY):
            for document in unpadded(flavour.render(change)):
                assert document["op"]
                assert isinstance(flavour, Discovery) or "message" in document
    for flavour in (CLASSIC, DISCOVERY):
        unpadded(flavour.error(text, "\0" * 20))
        unpadded(flavour.farewell(text))
        unpadded(flavour.skipped(10**9))
        unpadded(flavour.users(channel, [nick] * 30, '"' * 64))
        unpadded(flavour.channels([channel] * 30, "x" * 128))


def test_readable_text_has_no_formatting():
    assert readable("\x02a\x1d\x1f\x1e\x11\x16b\x0f\x03c\x0312d\x0304,12e\x04ff0000f\x0399,g") == (
        "abcdef,g"
    )
