"""The answer to a labelled command: ACK, one line, or one batch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.protocols.irc.labels import Labelled
from tertulia.protocols.irc.parser import parse_tags

_TAGS = st.sampled_from(
    ["", "@time=2026-01-01T00:00:00.000Z ", "@msgid=a;+x=y ", "@batch=history "]
)
_WORDS = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=20)
LINES = st.lists(st.tuples(_TAGS, _WORDS.map(lambda words: f":s NOTICE ana :{words}")), max_size=6)


def response(*chunks: str, label: str = "1") -> list[str]:
    """The lines of an answer."""
    labelled = Labelled(label)
    for chunk in chunks:
        labelled.add(chunk.encode())
    answer = labelled.response("s").decode()
    assert answer.endswith("\r\n")
    return answer.removesuffix("\r\n").split("\r\n")


def split(line: str) -> tuple[dict[str, str], str]:
    if not line.startswith("@"):
        return {}, line
    tags, _, rest = line[1:].partition(" ")
    return parse_tags(tags), rest


@given(LINES, st.booleans())
def test_every_line_is_there_once_in_order_and_the_label_once(lines, glued):
    chunks = [f"{tags}{rest}\r\n" for tags, rest in lines]
    found = [split(line) for line in response(*(["".join(chunks)] if glued else chunks))]
    assert [tags.get("label") for tags, _ in found] == ["1"] + [None] * (len(found) - 1)
    if not lines:
        assert found == [({"label": "1"}, ":s ACK")]
    elif len(lines) == 1:
        assert [rest for _, rest in found] == [lines[0][1]]
    else:
        (_, opening), *inside, (_, closing) = found
        assert (opening, closing) == (":s BATCH +label labeled-response", ":s BATCH -label")
        assert [rest for _, rest in inside] == [rest for _, rest in lines]
        for (tags, _), (own, _) in zip(inside, lines, strict=True):
            kept = {"batch": "label", **split(f"{own}x")[0]}
            assert tags == kept


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64))
def test_a_label_comes_back_as_it_was(label):
    [line] = response(label=label)
    assert split(line) == ({"label": label}, ":s ACK")


def test_a_batch_bears_the_label_itself():
    batch = [":s BATCH +h chathistory #tea", "@batch=h :a PRIVMSG #tea :b", ":s BATCH -h"]
    first, *others = response(*(f"{line}\r\n" for line in batch))
    assert split(first) == ({"label": "1"}, batch[0])
    assert others == batch[1:]


@pytest.mark.parametrize("extra", [":s NOTICE ana :after", ":s BATCH -other"])
def test_a_batch_with_something_behind_it_is_inside_one(extra):
    batch = [":s BATCH +h chathistory #tea", "@batch=h :a PRIVMSG #tea :b", ":s BATCH -h", extra]
    answer = [split(line) for line in response(*(f"{line}\r\n" for line in batch))]
    assert [rest for _, rest in answer[1:-1]] == [split(line)[1] for line in batch]
    assert answer[0] == ({"label": "1"}, ":s BATCH +label labeled-response")
