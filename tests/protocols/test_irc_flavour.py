"""Whatever happens is told in whole lines that fit, with all of the words."""

from functools import reduce
from operator import or_

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.domain import changes as c
from tertulia.domain.events import Face, Style
from tertulia.domain.ids import Uid, at_milliseconds, msgid
from tertulia.domain.text import TEXT_BYTES, Text, cut, neutral
from tertulia.domain.world import Rules
from tertulia.protocols.irc.caps import NAMES, Cap
from tertulia.protocols.irc.flavour import IrcFlavour, format_modes, server_time
from tertulia.protocols.irc.parser import LINE_BYTES, parse_tags
from tests.domain.kit import SCRIPTS, Room, play

SERVER = "s" * 59 + ".net"
SERVER_TAG_BYTES = 8191 - 4096
HLC = at_milliseconds(1_700_000_000_123)
MSGID = msgid(HLC, 1)
RULES = Rules()
FUZZ = settings.get_profile("fuzz")

_letters = st.sampled_from("aZ_éñЖ中𐐨")
NICKS = st.text(_letters, min_size=1, max_size=32)
CHANNELS = st.text(_letters, max_size=63).map("#{}".format)
CAPS = st.sets(st.sampled_from(list(NAMES.values()))).map(lambda caps: reduce(or_, caps, 0))
_any_text = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    ["palabra " * 600, "中" * 1400, "𐐨 " * 900, "x" * TEXT_BYTES, "\x0304,05é" * 500, " " * 600]
)


def texts(limit: int) -> st.SearchStrategy[Text]:
    """What the domain lets through, of at most *limit* bytes."""
    return _any_text.map(lambda text: Text(cut(neutral(text), limit)))


TEXTS = texts(TEXT_BYTES).filter(lambda text: bool(text) and not text.isspace())
REASONS = texts(RULES.reason_bytes)
TAGS = st.none() | st.text(
    st.characters(exclude_characters=" \r\n\0", exclude_categories=["Cs"]), max_size=60
).map(lambda raw: {f"+{key}": value for key, value in parse_tags(raw).items()})


@st.composite
def faces(draw: st.DrawFn) -> Face:
    nick = draw(NICKS)
    host = draw(st.sampled_from(["10.0.0.1", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"]))
    account = draw(st.sampled_from(["", "ana"]))
    mask = f"{nick}!~{'u' * draw(st.integers(1, 18))}@{host}"
    return Face(Uid("s1"), nick, "0000000000001", mask, account, draw(st.booleans()))


_shown_modes = st.builds(
    c.ShownMode,
    st.booleans(),
    st.sampled_from("beIklmnt"),
    st.none() | st.text(_letters, min_size=1, max_size=50).map("{}!*@*".format),
)
_at = {"hlc": st.just(HLC), "msgid": st.just(MSGID)}
_by = {**_at, "by": faces()}
_targets = CHANNELS | NICKS | st.sampled_from("*&")
_statuses = st.sampled_from(["", "@", "+"])
SPOKEN = st.builds(
    c.Spoken,
    **_by,
    target=_targets,
    style=st.sampled_from([Style.SAY, Style.NOTICE, Style.ACTION, Style.REQUEST, Style.RESPONSE]),
    text=TEXTS,
    tags=TAGS,
    status=_statuses,
)
REALNAMES = texts(RULES.realname_bytes)
AWAYS = st.none() | texts(RULES.away_bytes)
OTHERS: st.SearchStrategy[c.Change] = st.one_of(
    st.builds(
        c.TagsSpoken, **_by, target=_targets, tags=TAGS.map(lambda t: t or {}), status=_statuses
    ),
    st.builds(
        c.Entered, **_by, channel=CHANNELS, realname=REALNAMES, away=AWAYS, admin=st.booleans()
    ),
    st.builds(c.Departed, **_by, channel=CHANNELS, reason=REASONS, quit=st.booleans()),
    st.builds(c.Expelled, **_by, channel=CHANNELS, whom=faces(), reason=REASONS),
    st.builds(c.TopicChanged, **_by, channel=CHANNELS, topic=texts(RULES.topic_bytes)),
    st.builds(
        c.ModesChanged,
        **_by,
        channel=CHANNELS,
        modes=st.lists(_shown_modes, min_size=1, max_size=50).map(tuple),
    ),
    st.builds(c.Arrived, **_by),
    st.builds(c.Gone, **_by, reason=REASONS, channels=st.just(("#a", "#b"))),
    st.builds(c.NickChanged, **_by, now=faces()),
    st.builds(c.Summoned, **_by, whom=faces(), channel=CHANNELS, overheard=st.booleans()),
    st.builds(c.AwayChanged, **_by, message=AWAYS),
    st.builds(c.RealnameChanged, **_by, realname=REALNAMES),
    st.builds(c.UserModeChanged, **_by, mode=st.sampled_from("Biow"), on=st.booleans()),
)


def lines(data: bytes) -> list[tuple[dict[str, str], str]]:
    """The lines in *data* as tags and the rest; each is whole, fits, and has nothing odd."""
    assert not data or data.endswith(b"\r\n")
    found = []
    for raw in data.split(b"\r\n")[:-1]:
        assert raw
        assert not set(b"\r\n\0") & set(raw)
        line = raw.decode()
        tags = ""
        if line.startswith("@"):
            tags, _, line = line.partition(" ")
            assert tags != "@"
        assert line.startswith(":")
        assert len(line.encode()) + 2 <= LINE_BYTES
        found.append((parse_tags(tags[1:]), line))
    return found


def check(change: c.Change, caps: int) -> None:
    """What is true of every change, for every kind of client."""
    flavour = IrcFlavour(caps, SERVER)
    live = lines(flavour.render(change))
    batched = lines(flavour.render_in_batch(change, "history"))
    for tags, _ in live:
        assert ("time" in tags) <= bool(caps & Cap.SERVER_TIME)
        assert ("account" in tags) <= bool(caps & Cap.ACCOUNT_TAG)
        if not caps & Cap.MESSAGE_TAGS:
            assert "msgid" not in tags
            assert "bot" not in tags
            assert not any(key.startswith("+") for key in tags)
    assert all(tags["batch"] == "history" for tags, _ in batched)
    assert not any("batch" in tags for tags, _ in live)
    if caps & Cap.MESSAGE_TAGS and live:
        assert live[0][0]["msgid"] == MSGID
    if not isinstance(change, c.Entered):  # who is away is told live only
        assert [rest for _, rest in batched] == [rest for _, rest in live]


def words(change: c.Spoken, found: list[tuple[dict[str, str], str]]) -> str:
    """What the lines of a message say, put together."""
    said = ""
    opening, closing = "", ""
    if change.style != Style.SAY and change.style != Style.NOTICE:
        opening, closing = "\x01", "\x01"
    if change.style == Style.ACTION:
        opening += "ACTION "
    heads = set()
    for _, line in found:
        head, _, text = line[1:].partition(" :")
        heads.add(head)
        assert text.startswith(opening)
        assert text.endswith(closing)
        said += text.removeprefix(opening).removesuffix(closing)
    assert len(heads) == 1
    return said


def check_spoken(change: c.Spoken, caps: int) -> None:
    check(change, caps)
    found = lines(IrcFlavour(caps, SERVER).render(change))
    assert words(change, found) == change.text
    verb = found[0][1].split(" ")[1]
    quiet = change.style in (Style.NOTICE, Style.RESPONSE) or change.target in ("*", "&")
    assert verb == ("NOTICE" if quiet else "PRIVMSG")
    # The id is that of the whole message.
    assert sum("msgid" in tags for tags, _ in found) == bool(caps & Cap.MESSAGE_TAGS)
    if caps & Cap.MESSAGE_TAGS:
        for key, value in (change.tags or {}).items():
            assert found[0][0][key] == value


@given(OTHERS, CAPS)
def test_every_change_is_told_in_whole_lines_that_fit(change, caps):
    check(change, caps)


@given(SPOKEN, CAPS)
def test_no_word_of_a_message_is_lost(change, caps):
    check_spoken(change, caps)


@pytest.mark.fuzz
@given(OTHERS, CAPS)
def test_every_change_is_told_in_whole_lines_that_fit_at_length(change, caps):
    check(change, caps)


@pytest.mark.fuzz
@given(SPOKEN, CAPS)
def test_no_word_of_a_message_is_lost_at_length(change, caps):
    check_spoken(change, caps)


def check_script(script: list, caps: int) -> None:
    room = Room()
    room.lobby()
    for nick in ("ana", "bob"):
        room.user(nick, "#tea", "#lobby")
    for who, action in script:
        play(room, who, *action)
    flavour = IrcFlavour(caps, SERVER)
    for change in (*room.changes, *room.repeats):
        found = lines(flavour.render(change))
        if isinstance(change, c.Spoken):
            assert words(change, found) == change.text


@given(SCRIPTS, CAPS)
def test_whatever_people_do_is_told_in_whole_lines_that_fit(script, caps):
    check_script(script, caps)


@pytest.mark.fuzz
@settings(FUZZ, max_examples=5_000)
@given(SCRIPTS, CAPS)
def test_whatever_people_do_is_told_in_whole_lines_that_fit_at_length(script, caps):
    check_script(script, caps)


@given(st.lists(_shown_modes, min_size=1, max_size=50), CHANNELS, faces())
def test_no_mode_is_lost(modes, channel, by):
    change = c.ModesChanged(HLC, MSGID, by, channel, tuple(modes))
    found = lines(IrcFlavour(0, SERVER).render(change))
    letters, values = "", []
    for _, line in found:
        _, verb, where, mode, *more = line.split(" ")
        assert (verb, where) == ("MODE", channel)
        sign = ""
        for letter in mode:
            sign, letters = (letter, letters) if letter in "+-" else (sign, letters + sign + letter)
        values += more
    assert letters == "".join(f"{'+' if mode.on else '-'}{mode.mode}" for mode in modes)
    assert values == [m.value for m in modes if m.value is not None and (m.on or m.mode != "l")]


ANA = Face(Uid("s1"), "ana", "0000000000001", "ana!~u@h", "ana_acct", bot=True)


def test_tags_by_capability():
    change = c.Spoken(HLC, MSGID, ANA, "#tea", Style.SAY, Text("hi"), {"+x": "a b"}, "")
    rest = ":ana!~u@h PRIVMSG #tea :hi\r\n"
    time = "2023-11-14T22:13:20.123Z"
    assert IrcFlavour(0, "s").render(change).decode() == rest
    assert IrcFlavour(Cap.SERVER_TIME, "s").render(change).decode() == f"@time={time} {rest}"
    everything = Cap.SERVER_TIME | Cap.ACCOUNT_TAG | Cap.MESSAGE_TAGS
    [(tags, _)] = lines(IrcFlavour(everything, "s").render(change))
    assert tags == {
        "time": time,
        "account": "ana_acct",
        "msgid": MSGID,
        "bot": "",
        "+x": "a b",
    }


@pytest.mark.parametrize(
    ("modes", "text"),
    [
        ([(True, "o", "ana"), (True, "v", "rui"), (False, "m", None)], "+ov-m ana rui"),
        ([(True, "k", "*"), (True, "l", "5")], "+kl * 5"),
        ([(False, "l", "5"), (False, "b", "x!*@*")], "-lb x!*@*"),
    ],
)
def test_modes_as_irc_writes_them(modes, text):
    assert format_modes(tuple(c.ShownMode(*mode) for mode in modes)) == text


@pytest.mark.parametrize(("target", "shown"), [("*", "$*"), ("&", f"${SERVER}")])
def test_what_is_for_everyone_is_a_notice(target, shown):
    change = c.Spoken(HLC, MSGID, ANA, target, Style.SAY, Text("hi"), None, "")
    assert lines(IrcFlavour(0, SERVER).render(change)) == [({}, f":ana!~u@h NOTICE {shown} :hi")]


def test_who_is_away_is_told_to_those_who_asked():
    change = c.Entered(HLC, MSGID, ANA, "#tea", "Ana", "lunch", admin=False)
    found = lines(IrcFlavour(Cap.AWAY_NOTIFY | Cap.EXTENDED_JOIN, "s").render(change))
    assert [rest for _, rest in found] == [
        ":ana!~u@h JOIN #tea ana_acct :Ana",
        ":ana!~u@h AWAY :lunch",
    ]
    assert lines(IrcFlavour(0, "s").render(change)) == [({}, ":ana!~u@h JOIN #tea")]


def test_time_is_utc_with_milliseconds():
    assert server_time(at_milliseconds(0)) == "1970-01-01T00:00:00.000Z"
    assert server_time(HLC) == "2023-11-14T22:13:20.123Z"
