"""Whatever somebody types, others are shown the words, and nothing else happens.

The clients check that each message they are sent is well-formed; here it is checked that there
are as many as there should be, of the right kind, with the right words.
"""

from __future__ import annotations

import itertools

import pytest

from tests.behaviour.clients import Client, Seen
from tests.behaviour.irc_clients import IrcClient
from tests.behaviour.json_clients import JsonClient
from tests.behaviour.places import CLIENTS, PROTOCOLS, Place
from tests.behaviour.text_clients import ChatRoomClient

TEA = "#tea"
END = "that was all"

# What is typed, and the words that are left of it. Those that have a line feed can come from
# JSON clients only: in IRC what follows it is the sender's own next command.
TEXTS: dict[str, tuple[str, str]] = {
    "crlf": ("one\r\nQUIT :two", "one QUIT :two"),
    "lf": ("one\nKICK #tea rui\n", "one KICK #tea rui"),
    "cr": ("one\rPART #tea", "one PART #tea"),
    "nul": ("one\0two", "one two"),
    "line separators": ("one\u2028QUIT\u2029two\x85three", "one QUIT two three"),
    "vertical": ("one\vtwo\fthree\x1cfour", "one two three four"),
    "escape": ("one\x1b[2J\x07two\x9b3J", "one[2Jtwo3J"),
    "delete": ("one\x7ftwo\x08three", "onetwothree"),
    "command": ("!nick evil", "!nick evil"),
    "slash": ("/quit now", "/quit now"),
    "colon": (":rui!r@h QUIT :forged", ":rui!r@h QUIT :forged"),
    "tags": ("@time=1;msgid=2 :x PRIVMSG #tea :y", "@time=1;msgid=2 :x PRIVMSG #tea :y"),
    "document": ('"}{"op":"DISCONNECT"}', '"}{"op":"DISCONNECT"}'),
    "backslash": ("\\r\\nQUIT \\u000aQUIT \\", "\\r\\nQUIT \\u000aQUIT \\"),
    "backwards": ("\u202eevil\u202c good", "\u202eevil\u202c good"),
    "combining": ("e\u0301a" + "\u0300" * 40, "éà" + "\u0300" * 39),
    "number": ("0500000000000011000000000000", "0500000000000011000000000000"),
    "request": ("\x01DCC SEND x\x01", "DCC SEND x"),
    "format": ("\x02b\x02\x0312,4c\x0f", "bc"),
}
ONLY_JSON = {"crlf", "lf", "request"}
# What a terminal sends for the end of a line, and to erase.
NOT_TYPED = {"crlf", "lf", "cr", "delete"}
JSON = [name for name in PROTOCOLS if issubclass(CLIENTS[name], JsonClient)]
PAIRS = list(itertools.product(PROTOCOLS, PROTOCOLS))
LONG = "palavra comprida é assim " * 150


def is_irc(protocol: str) -> bool:
    return issubclass(CLIENTS[protocol], IrcClient)


def typed_with(protocol: str) -> list[str]:
    """Return the names of the texts that can come from clients of *protocol*."""
    if issubclass(CLIENTS[protocol], JsonClient):
        return [*TEXTS]
    return [name for name in TEXTS if name not in (ONLY_JSON if is_irc(protocol) else NOT_TYPED)]


def words(text: str) -> str:
    """Return what counts of *text*: neither spaces nor IRC formatting."""
    for code in ("\x0312,4", "\x02", "\x0f"):
        text = text.replace(code, "")
    return "".join(text.split())


async def meet(place: Place, one: str, other: str) -> tuple[Client, Client]:
    """Ana with protocol *one* and Rui with *other*, both in #tea, both admins."""
    ana, rui = await place.meet(one, "ana"), await place.meet(other, "rui")
    await ana.enter(TEA)
    await rui.enter(TEA)
    ana.promote(TEA, "rui")
    await rui.expect_promoted("rui", TEA)
    await ana.rest()
    return ana, rui


async def heard(ana: Client, rui: Client) -> list[Seen]:
    """Return what Rui was shown until Ana said that that was all."""
    ana.say(TEA, END)
    await rui.fence_behind(ana)
    seen = await rui.rest()
    assert seen.pop().text == END
    return seen


@pytest.mark.parametrize(("one", "other"), PAIRS)
async def test_a_text_is_only_a_text(place: Place, one: str, other: str) -> None:
    ana, rui = await meet(place, one, other)
    for name in typed_with(one):
        typed, expected = TEXTS[name]
        ana.say(TEA, typed)
        heard_of = await heard(ana, rui)
        assert [(s.kind, s.by, s.where) for s in heard_of] == [("said", "ana", TEA)], name
        assert words(heard_of[0].text) == words(expected), name
    assert await ana.users(TEA) == {"ana", "rui"}
    assert not ana.is_closed and not rui.is_closed


@pytest.mark.parametrize(("one", "other"), PAIRS)
async def test_so_is_a_direct_message_and_a_reason(place: Place, one: str, other: str) -> None:
    ana, rui = await meet(place, one, other)
    for name in typed_with(one):
        typed, expected = TEXTS[name]
        ana.tell("rui", typed)
        assert words((await rui.expect_seen("told", by="ana")).text) == words(expected)
        ana.part(TEA, typed)
        assert words((await rui.expect_seen("left", by="ana")).text) == words(expected)
        ana.join(TEA)
        await rui.expect_joined("ana", TEA)
        rui.promote(TEA, "ana")
        await ana.expect_promoted("ana", TEA)
        ana.kick(TEA, "rui", typed)
        assert words((await rui.expect_seen("kicked", whom="rui")).text) == words(expected)
        rui.join(TEA)
        await ana.expect_joined("rui", TEA)
        ana.promote(TEA, "rui")
        await rui.expect_promoted("rui", TEA)
    assert await rui.rest() == []


@pytest.mark.parametrize("one", PROTOCOLS)
@pytest.mark.parametrize("other", PROTOCOLS)
async def test_so_are_last_words(place: Place, one: str, other: str) -> None:
    ana, rui = await meet(place, one, other)
    ana.strict = False
    ana.quit("go\x1b[2J\0od\u2028night" + " zzz" * 100)
    last = (await rui.expect_quit("ana")).text
    assert "go[2Jodnight" in words(last)
    assert await rui.rest() == []


@pytest.mark.parametrize("reason", ["\x1b[2J", "ç" * 245])
async def test_last_words_are_repeated_well_formed(place: Place, reason: str) -> None:
    ana = await place.irc("ana")
    ana.quit(reason)
    await ana.expect_goodbye()


@pytest.mark.parametrize(("one", "other"), PAIRS)
async def test_what_is_too_long_is_split_cut_or_refused(place: Place, one: str, other: str) -> None:
    ana, rui = await meet(place, one, other)
    ana.say(TEA, LONG)
    if is_irc(one):
        await ana.expect_error("too long")
        assert await heard(ana, rui) == []
    else:
        seen = await heard(ana, rui)
        assert {(s.kind, s.by, s.where) for s in seen} == {("said", "ana", TEA)}
        assert words("".join(s.text for s in seen)) == words(LONG)
    ana.say(TEA, "x" * 4097)
    await ana.expect_error()
    assert await heard(ana, rui) == []
    if not is_irc(one):
        ana.part(TEA, LONG)
        reason = (await rui.expect_seen("left", by="ana")).text
        assert LONG.startswith(reason) and len(reason) > 100


@pytest.mark.parametrize(("one", "other"), PAIRS)
async def test_half_a_character_is_refused(place: Place, one: str, other: str) -> None:
    ana, rui = await meet(place, one, other)
    if isinstance(ana, IrcClient):
        for broken in (b"\xed\xa0\x80", b"\xff", b"\xc3", b"\xc0\x8a"):
            ana.raw(b"PRIVMSG #tea :one " + broken + b" two\r\n")
            await ana.expect_error("utf-8")
    elif isinstance(ana, ChatRoomClient):
        for broken in (b"\xed\xa0\x80", b"\xff", b"\xc3", b"\xc0\x8a"):
            ana.raw(b"/msg #tea one " + broken + b" two\r\n")
            await ana.expect_error("utf-8")
    else:
        assert isinstance(ana, JsonClient)
        for half in ("\ud800", "\udc00", "\ude00\ud83d"):
            ana.say(TEA, f"one {half} two")
            await ana.expect_error()
            await ana.fence()
    assert await heard(ana, rui) == []


# Names


BAD_NAMES = [
    "a b",
    "a\r\nb",
    "a\0b",
    "a\u2028b",
    "a\x1bb",
    ":ana",
    "#tea",
    "*",
    "&",
    "§§",
    "a" * 5000,
]


@pytest.mark.parametrize("one", JSON)
@pytest.mark.parametrize("name", BAD_NAMES)
async def test_a_name_is_nothing_else(place: Place, one: str, name: str) -> None:
    ana, rui = await meet(place, one, "ircv3")
    ana.rename(name)
    await ana.expect_error()
    if name in (":ana", "*", "&", "§§"):  # not pretty, but no trouble to anyone
        await ana.enter(f"#{name}")
    elif name != TEA:
        ana.join(f"#{name}")
        await ana.expect_error()
    ana.kick(TEA, name)
    await ana.expect_error()
    ana.say(f"#{name}", "hello")
    ana.tell(name, "hello")
    await ana.fence()
    seen = await rui.rest()
    assert all(s.kind == "said" and s.where == name for s in seen)
    assert await rui.users() >= {"ana", "rui"}


@pytest.mark.parametrize("other", PROTOCOLS)
@pytest.mark.parametrize("name", ["a\x1b[2Jb", "a\u2028b", "a\x00b", "\x01a", "ana\u200b"])
async def test_nor_is_one_from_irc(place: Place, name: str, other: str) -> None:
    ana, rui = await place.irc("ana"), await place.meet(other, "rui")
    await rui.enter(TEA)
    await rui.rest()
    ana.strict = False  # what it is told of its own bad name is not the subject
    ana.send(f"NICK {name}")
    ana.send(f"JOIN #{name}")
    ana.send(f"JOIN #tea,#\x07{name}")
    await rui.expect_seen("joined", where=TEA)
    ana.quit()
    await rui.expect_seen("left" if "rech" in other else "quit")
    assert await rui.channels() <= {TEA, "#lobby", "#a"}


@pytest.mark.parametrize("line", ["NICK {}", "JOIN #{}", "PART #{}", "PRIVMSG {} :x", "KICK #t {}"])
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("é" * 200, id="long"),
        pytest.param("x\x1b[2J", id="escape"),
        pytest.param("x\u2028y", id="line separator"),
    ],
)
async def test_a_refusal_is_well_formed(place: Place, line: str, name: str) -> None:
    ana = await place.irc("ana")
    await ana.enter("#t")
    ana.send(line.format(name))
    await ana.expect_error()


LONG_NAMES = pytest.mark.parametrize(
    ("nick", "channel"),
    [
        pytest.param("n" * 32, "#" + "c" * 63, id="ascii"),
        pytest.param("ñ" * 32, "#" + "ç" * 63, id="two bytes"),
        pytest.param("名" * 32, "#" + "茶" * 63, id="three bytes"),
        pytest.param("𠮷" * 32, "#" + "𠮷" * 63, id="four bytes"),
    ],
)


@LONG_NAMES
@pytest.mark.parametrize("other", PROTOCOLS)
async def test_the_longest_names_leave_room_for_all_else(
    place: Place, other: str, nick: str, channel: str
) -> None:
    ana = await place.come(CLIENTS["json-lines"], nick)
    rui = await place.meet(other, "rui")
    await ana.enter(channel)
    rui.join(channel)
    await rui.expect_joined("rui", channel)
    ana.say(channel, LONG)
    got = ""
    while words(got) != words(LONG):
        got += (await rui.expect_seen("said", by=nick, where=channel)).text
    ana.promote(channel, "rui")
    await rui.expect_promoted("rui", channel)
    ana.part(channel, LONG)
    await rui.expect_seen("left", by=nick)
    ana.join(channel)
    await rui.expect_joined(nick, channel)
    rui.kick(channel, nick, "rubbish " * 8)
    await rui.expect_seen("kicked", whom=nick)
    assert await rui.users(channel) == {"rui"}
    assert channel in await rui.channels()
    ana.quit(LONG)
    await rui.rest()


# What only IRC has


@pytest.mark.parametrize("other", PROTOCOLS)
async def test_a_topic_is_only_a_topic(place: Place, other: str) -> None:
    ana, rui = await place.irc("ana"), await place.meet(other, "rui")
    await ana.enter(TEA)
    await rui.enter(TEA)
    for name in TEXTS.keys() - ONLY_JSON:
        typed, expected = TEXTS[name]
        ana.set_topic(TEA, typed)
        assert words((await rui.expect_seen("topic", where=TEA)).text) == words(expected)
        rui.part(TEA)
        await rui.expect_left("rui", TEA)
        await rui.enter(TEA)
    ana.set_topic(TEA, "ç" * 230)
    assert len((await rui.expect_seen("topic", where=TEA)).text) > 150
    ana.set_topic(TEA, "ç" * 255)
    await ana.expect_error("too long")
    ana.say(TEA, END)
    await rui.expect_said("ana", TEA, END)


@pytest.mark.parametrize("name", sorted(TEXTS.keys() - ONLY_JSON))
async def test_a_real_name_is_only_a_name(place: Place, name: str) -> None:
    typed, expected = TEXTS[name]
    ana = await place.knock(CLIENTS["irc"])
    assert isinstance(ana, IrcClient)
    ana.realname = typed
    await ana.log_in("ana")
    old, new = await place.irc("old"), await place.ircv3("new")
    for client in (old, new):
        await client.enter(TEA)
    await ana.enter(TEA)
    joined = await new.expect_joined("ana", TEA)
    assert words(joined.raw.params[2]) == words(expected)
    ana.send(f"SETNAME :{typed}!")
    for client in (old, new):
        client.send("WHOIS ana")
        (line,) = await client.answer("311", "318")
        assert words(line.params[-1]).rstrip("!") == words(expected)
        client.send("WHO ana")
        (line,) = await client.answer("352", "315")
        assert words(line.params[-1]).rstrip("!") == words(f"0 {expected}")


@pytest.mark.parametrize("other", PROTOCOLS)
async def test_a_client_tag_is_only_a_tag(place: Place, other: str) -> None:
    ana, rui = await place.ircv3("ana"), await place.meet(other, "rui")
    await ana.enter(TEA)
    await rui.enter(TEA)
    await rui.rest()
    ana.send(rf"@+evil=\r\nQUIT\s\:x\\;+n;+a=b;time=9;msgid=x PRIVMSG {TEA} :hello")
    said = await rui.expect_said("ana", TEA, "hello")
    if other == "ircv3":
        assert said.raw.tags["+evil"] == "\r\nQUIT ;x\\"
        assert said.raw.tags["+a"] == "b"
        assert said.raw.tags["msgid"] != "x"
    assert await rui.rest() == []


# What only JSON has


@pytest.mark.parametrize("one", JSON)
@pytest.mark.parametrize(
    "secret", ["a b", "a,b", "a\r\nb", "a\0b", "\u2028", ":", "x" * 10_000, "ü"]
)
async def test_a_password_can_be_anything_and_is_shown_to_nobody(
    place: Place, one: str, secret: str
) -> None:
    ana, rui = await place.meet(one, "ana"), await place.ircv3("rui")
    eva = await place.come(CLIENTS["rech-lines"], "eva")
    ana.join(TEA, secret)
    await ana.expect_joined("ana", TEA)
    eva.join(TEA, f"{secret}.")
    await eva.expect_error("password")
    eva.join(TEA, secret)
    await eva.expect_joined("eva", TEA)
    rui.join(TEA)
    await rui.expect_error("password")
    await ana.rest()
    for client in (ana, rui, eva):
        shown = "".join(s.text for s in client.seen if s.kind != "fence")
        assert len(secret) < 5 or secret not in shown


@pytest.mark.parametrize("one", JSON)
@pytest.mark.parametrize("label", ["\r\nQUIT", "\u2028", "\0", '"}', "x" * 128, 7, -(2**63)])
async def test_a_hash_comes_back_as_it_was(place: Place, one: str, label: str | int) -> None:
    ana = await place.meet(one, "ana")
    assert isinstance(ana, JsonClient)
    ana.strict = False  # it is given its own words
    ana.send("PART", channel="#nowhere", hash=label)
    assert (await ana.expect_error("#nowhere")).raw["hash"] == label
