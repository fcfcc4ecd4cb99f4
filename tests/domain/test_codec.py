"""What is taken from another server, and what would harm the clients of this one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.domain import codec
from tertulia.domain import events as e
from tertulia.domain.codec import Unusable
from tertulia.domain.ids import LOBBY, Hlc, Uid
from tertulia.domain.presence import Resident
from tertulia.domain.text import Text
from tertulia.domain.users import Place

ANA = e.Face(Uid("s1"), "ana", "1234567890123", "ana!a@there")
SAID = e.Said(ANA, "#tea", e.Style.SAY, Text("olá \x02bold\x0f and \x1funder"))
RESIDENT = Resident(
    e.Connected(ANA, "a", "there", "Ana of there", True, "irc"),
    Hlc(7),
    "i",
    "at sea",
    (Place("#tea", LOBBY, 1),),
)
HARMFUL = ["\r\nQUIT", "a\nb", "\0", "\x01VERSION\x01", "\x1b[2J", "\x85", "\u2028", "\x7f"]
DECODERS: list[Callable[[bytes], Any]] = [
    codec.logged, codec.shared, codec.wanted, codec.resident,
]  # fmt: skip


def test_what_was_encoded_is_decoded() -> None:
    assert codec.logged(codec.encode(SAID)) == SAID
    away = e.AwaySet(ANA, None)
    assert codec.shared(codec.encode(away)) == away
    kicked = e.Kicked(ANA, "#tea", ANA, "out")
    assert codec.wanted(codec.encode(kicked)) == kicked
    assert codec.resident(codec.encode(RESIDENT)) == RESIDENT


def test_each_kind_is_taken_only_where_it_belongs() -> None:
    assert e.Said not in get_args(e.SharedFact)
    for decode in (codec.shared, codec.wanted, codec.resident):
        with pytest.raises(Unusable):
            decode(codec.encode(SAID))
    with pytest.raises(Unusable):
        codec.wanted(codec.encode(e.AwaySet(ANA, None)))


@pytest.mark.parametrize("harm", HARMFUL)
def test_no_control_characters_anywhere(harm: str) -> None:
    for path in paths(tree_of(RESIDENT)):
        tree = tree_of(RESIDENT)
        put(tree, path, harm)
        with pytest.raises(Unusable):
            codec.resident(msgspec.json.encode(tree))


@pytest.mark.parametrize("key", ["nick", "mask", "number"])
@pytest.mark.parametrize("name", ["two words", ":colon", " "])
def test_a_name_is_one_word(key: str, name: str) -> None:
    tree = tree_of(SAID)
    tree["by"][key] = name
    with pytest.raises(Unusable):
        codec.logged(msgspec.json.encode(tree))


def test_texts_may_have_spaces_colons_and_formatting() -> None:
    for text in (":)", "two words", "\x02\x03\x04\x0f\x11\x16\x1d\x1e\x1f", "😀"):
        said = msgspec.structs.replace(SAID, text=Text(text))
        assert codec.logged(codec.encode(said)) == said


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"7", b"[]", b"{}", b'{"k":7}', b'{"k":"of a later version"}', b"\xff",
     b'{"k":"said"}', b"[" * 100_000],
)  # fmt: skip
def test_what_makes_no_sense_is_unusable(decode: Callable[[bytes], Any], body: bytes) -> None:
    with pytest.raises(Unusable):
        decode(body)


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["k", "by", "nick", "face", "at", "x"]), inner, max_size=4),
    max_leaves=9,
).map(msgspec.json.encode))  # fmt: skip
def test_nothing_else_is_raised(body: bytes) -> None:
    for decode in DECODERS:
        with contextlib.suppress(Unusable):
            decode(body)


def tree_of(fact: Any) -> Any:
    return msgspec.json.decode(codec.encode(fact))


def paths(tree: Any) -> list[tuple[Any, ...]]:
    """Where in *tree* there are texts."""
    if isinstance(tree, str):
        return [()]
    inside = tree if isinstance(tree, dict) else {}
    return [(key, *path) for key, value in inside.items() for path in paths(value)]


def put(tree: Any, path: tuple[Any, ...], text: str) -> None:
    """Put *text* in a place of *tree*."""
    for key in path[:-1]:
        tree = tree[key]
    tree[path[-1]] = text
