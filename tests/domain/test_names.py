import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.domain import names
from tertulia.domain.errors import InvalidChannelName, InvalidName, InvalidNickname
from tertulia.domain.names import ChannelName, Nickname, fold_name, is_number

LETTERS = st.characters(categories=["Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd"])
LIKELY = st.text(LETTERS | st.sampled_from("[]\\`_^{|}-#"), min_size=1, max_size=12)
ANYTHING = st.text(max_size=70) | LIKELY


def parsed(kind, raw):
    try:
        return kind.parse(raw)
    except InvalidName:
        return None


@pytest.mark.parametrize("raw", ["ana", "Ana", "[x]", "a-1", "Łukasz", "Ζωή", "李明", "_" * 32])
def test_nicknames(raw):
    nick = Nickname.parse(raw)
    assert nick.text == raw
    assert nick.folded == raw.lower()
    assert str(nick) == raw


@pytest.mark.parametrize(
    "raw",
    ["", "1a", "-a", "a b", "a,b", "a!b", "a@b", "#a", "*", "&", "a\0", "a" * 33, "²a", "é" * 33,
     "a\u200b", "a\u2028", "a\ud800", "\u3164", "אaב", "ﬁ", "😀", "١a"],
)  # fmt: skip
def test_what_is_no_nickname(raw):
    with pytest.raises(InvalidNickname):
        Nickname.parse(raw)


@pytest.mark.parametrize("raw", ["#", "#a", "#C++", "#" + "a" * 63, "#日本", "#😀", "##", "#a:b"])
def test_channel_names(raw):
    name = ChannelName.parse(raw)
    assert name.text == raw
    assert name.folded == raw.lower()


@pytest.mark.parametrize(
    "raw",
    ["", "a", "&a", "#a b", "#a,b", "#a\r", "#a\x07", "#" + "a" * 64, "#\u00a0", "#\u200b",
     "#\u3164", "#\u2800", "#a\ufe0f", "#a\ud800", "#a\u202e"],
)  # fmt: skip
def test_what_is_no_channel_name(raw):
    with pytest.raises(InvalidChannelName):
        ChannelName.parse(raw)


def test_names_are_equal_whatever_their_case():
    assert Nickname.parse("Ana") == Nickname.parse("aNA")
    assert len({Nickname.parse("Ana"), Nickname.parse("ANA")}) == 1
    assert ChannelName.parse("#É") == ChannelName.parse("#e\u0301")
    assert Nickname.parse("a") != ChannelName.parse("#a")
    assert repr(Nickname.parse("Ana")) == "Nickname('Ana')"


def test_characters_of_another_width_are_the_same_letters():
    assert Nickname.parse("ｆｏｏ") == Nickname.parse("foo")
    assert ChannelName.parse("#ｆｏｏ") == ChannelName.parse("#foo")
    assert fold_name("ｆｏｏ") == "foo"


def test_folding_makes_no_character_that_means_something():
    assert fold_name("＊！＠，＃　") == "＊！＠，＃　"


def test_the_folding_of_ascii_is_what_irc_is_told():
    every = "".join(map(chr, range(128)))
    assert fold_name(every) == every.lower()
    assert Nickname.parse("{A}").folded != Nickname.parse("[a]").folded


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ana", "аnа"),  # Cyrillic а
        ("bob1", "bоb1"),  # Cyrillic о, and a digit that stays one
        ("bob3", "bobЗ"),  # Cyrillic Ze
        ("Ivan", "Іvan"),  # Cyrillic І, capital
        ("ivan", "іvan"),  # and small
        ("Nina", "Νina"),  # Greek capital Nu; its small ν looks like v
        ("vina", "νina"),
        ("lara", "Ӏara"),  # Cyrillic palochka, capital
        ("foo", "ｆoo"),
        ("_x", "_х"),
    ],
)
def test_names_that_look_alike(one, other):
    one, other = Nickname.parse(one), Nickname.parse(other)
    assert one.looks_like(other)
    assert other.looks_like(one)


@pytest.mark.parametrize(("one", "other"), [("bot1", "botl"), ("ana", "anna"), ("o", "o0")])
def test_names_that_do_not_look_alike(one, other):
    assert not Nickname.parse(one).looks_like(Nickname.parse(other))


def test_what_looks_alike_has_one_prototype():
    """The table has pairs only; "looks like" must not depend on which of them is asked."""
    prototypes = names._prototypes()
    for code, prototype in prototypes.items():
        if len(prototype) == 1:
            assert prototypes[ord(prototype)] == prototype, chr(code)
    for c in "[]\\`_^{|}-" + string.ascii_letters + string.digits:
        expected = c.translate(names._ASCII_PROTOTYPES).lower()
        assert prototypes.get(ord(c), c).lower() == expected


def test_numbers():
    assert is_number("0123456789012")
    for raw in (
        "2123456789012",
        "012345678901",
        "01234567890123",
        "٠123456789012",
        "0" * 12 + "\n",
    ):
        assert not is_number(raw)


@given(ANYTHING)
def test_a_name_has_nothing_that_could_end_it(raw):
    for kind in (Nickname, ChannelName):
        name = parsed(kind, raw) or parsed(kind, "#" + raw)
        if name is not None:
            for text in (name.text, name.folded):
                assert not any(
                    c in " ,\r\n\0\x07" or unicodedata.category(c)[0] in "CZ" for c in text
                )
                assert unicodedata.is_normalized("NFC", text)
    nick = parsed(Nickname, raw)
    assert nick is None or not set("!@*?:#&$") & set(nick.text + nick.folded)


@given(ANYTHING)
def test_folding_twice_is_folding_once(raw):
    assert fold_name(fold_name(raw)) == fold_name(raw)


@given(ANYTHING)
def test_a_name_is_found_by_what_was_typed(raw):
    nick = parsed(Nickname, raw)
    if nick is not None:
        assert fold_name(raw) == fold_name(nick.text) == nick.folded
        assert Nickname.parse(nick.text) == nick
        again = parsed(Nickname, nick.folded)  # longer than the name, now and then
        assert again is None or again.folded == nick.folded
    channel = parsed(ChannelName, "#" + raw)
    if channel is not None:
        assert fold_name("#" + raw) == fold_name(channel.text) == channel.folded


@given(LIKELY, LIKELY)
def test_equal_names_look_alike(raw, other):
    one, other = parsed(Nickname, raw), parsed(Nickname, other)
    if one and other:
        assert one.looks_like(one)
        assert one.looks_like(other) == other.looks_like(one)
        assert one != other or one.looks_like(other)


@pytest.mark.fuzz
@given(st.text(LETTERS, min_size=1, max_size=32))
def test_a_name_is_found_by_what_was_typed_long(raw):
    nick = parsed(Nickname, raw)
    if nick is not None:
        assert fold_name(raw) == nick.folded
        assert not set(nick.skeletons).isdisjoint(Nickname.parse(nick.text).skeletons)
