"""Every document is one recv(1024), and nothing is lost where there are several."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.protocols.jsonchat.documents import FRAME_BYTES, Documents
from tertulia.protocols.words import readable

PADDED, LINES = Documents(FRAME_BYTES), Documents(None)
TEXTS = st.text(
    st.sampled_from('ab "\\é€😀/\u2028\x7f\u0301') | st.characters(codec="utf-8"), max_size=3000
).map(readable)


def unpadded(data):
    assert len(data) % FRAME_BYTES == 0
    return [
        json.loads(data[start : start + FRAME_BYTES].decode())
        for start in range(0, len(data), FRAME_BYTES)
    ]


def test_a_document_is_padded_to_what_an_old_client_reads():
    data = PADDED.one({"op": "A"})
    assert data == b'{"op":"A"}' + b" " * (FRAME_BYTES - 11) + b"\n"


def test_a_document_for_a_program_is_a_line():
    assert LINES.one({"op": "A"}) == b'{"op":"A"}\n'


@given(TEXTS)
def test_a_text_is_spread_and_nothing_is_lost(text):
    fields = {"op": "MESSAGE", "target": "#€" * 30}
    documents = unpadded(PADDED.spread(fields, "message", text))
    assert "".join(document["message"] for document in documents) == text
    assert all({**document, "message": ""} == {**fields, "message": ""} for document in documents)
    assert json.loads(LINES.spread(fields, "message", text)) == {**fields, "message": text}


@given(TEXTS)
def test_a_text_is_cut_to_one_document(text):
    [document] = unpadded(PADDED.fitting({"op": "ERROR"}, "message", text))
    assert text.startswith(document["message"])
    assert len(text) * 4 > 900 or document["message"] == text
    assert json.loads(LINES.fitting({"op": "ERROR"}, "message", text))["message"] == text


@pytest.mark.parametrize("character", ["x", '"', "\\", "é", "😀"])
@pytest.mark.parametrize("length", [470, 490, 500, 960, 980, 990, 1000])
def test_texts_around_the_limit(character, length):
    data = PADDED.spread({"op": "MESSAGE"}, "message", character * length)
    assert "".join(document["message"] for document in unpadded(data)) == character * length


@given(st.lists(st.text("ab\\é€😀", min_size=1, max_size=32), max_size=200))
def test_a_list_is_spread_and_nobody_is_lost(names):
    documents = unpadded(PADDED.listed({"op": "USERS"}, ("users", "userList"), names))
    assert [name for document in documents for name in document["users"]] == names
    assert all(document["users"] == document["userList"] for document in documents)
    assert len(documents) == 1 or all(document["users"] for document in documents)
    [line] = LINES.listed({"op": "USERS"}, ("users",), names).splitlines()
    assert json.loads(line) == {"op": "USERS", "users": names}
