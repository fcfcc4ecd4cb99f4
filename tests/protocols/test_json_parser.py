"""Documents are found however they arrive, and nothing but BadInput comes of the rest."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.protocols.json_documents import BadInput, Document, decoder
from tertulia.protocols.json_parser import DEPTH, STRIKES, Parser
from tertulia.protocols.jsonchat.messages import Message, decode

LIMIT = 300


def told(items):
    """What the parser said, in a form that can be compared."""
    return [
        item.op if isinstance(item, Message) else (str(item), item.is_json, item.last)
        for item in items
    ]


def whole(data, limit=LIMIT):
    return told(Parser(limit, decode).feed(data))


def bytewise(data, limit=LIMIT):
    parser = Parser(limit, decode)
    return told([item for byte in data for item in parser.feed(bytes([byte]))])


A = b'{"op":"A"}'
NOT_JSON = ("This is not JSON", False, False)
TOO_LONG = (f"A message has at most {LIMIT} bytes", False, False)


@pytest.mark.parametrize(
    ("data", "ops"),
    [
        (A, ["A"]),
        (A + A + A, ["A", "A", "A"]),
        (b" \r\n\t" + A + b" \n " + A + b"\r\n", ["A", "A"]),
        (b'{"op":"}{","message":"\\"}{[\\\\"}' + A, ["}{", "A"]),
        (b'{"op":"A","more":[1,{"x":[]},-2.5e3,true,null,{}]}', ["A"]),
        (b'{\n  "op" : "A" ,\n  "message" : "b"\n}\n' + A, ["A", "A"]),
        ('{"op":"é€😀"}'.encode(), ["é€😀"]),
        (b'{"op":"\\ud83d\\ude00"}', ["😀"]),
        (b"", []),
        (b" \n ", []),
    ],
)
def test_documents_are_found_whole_and_byte_by_byte(data, ops):
    assert whole(data) == ops
    assert bytewise(data) == ops


def test_the_fields_are_read():
    [message] = Parser(LIMIT, decode).feed(b'{"op":"JOIN","channel":"#a","pass":"p","user":"u"}')
    assert isinstance(message, Message)
    assert (message.op, message.channel, message.pass_, message.user) == ("JOIN", "#a", "p", "u")


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (b"[]", "A message is a JSON object, not a list"),
        (b'[{"op":"A"}]', "A message is a JSON object, not a list"),
        (b'"op"', "A message is a JSON object, not a text"),
        (b"1", "A message is a JSON object, not a number"),
        (b"null", "A message is a JSON object, not null"),
        (b"{}", "A message has a field op that says what it is"),
        (b'{"op":5}', "The field op must be a text, not a number"),
        (b'{"op":null}', "The field op must be a text, not null"),
        (b'{"op":"A","name":["x"]}', "The field name must be a text, not a list"),
        (b'{"op":"A","hash":{}}', "The field hash must be a text or a whole number, not object"),
        (b'{"op":"A","hash":1e999}', "A number in this message is out of range"),
        (b'{"op":"A","hash":' + b"9" * 200 + b".0}", None),
    ],
)
def test_what_is_json_but_no_message_is_no_strike(document, sentence):
    parser = Parser(10_000, decode)
    for _ in range(2 * STRIKES):
        [problem] = parser.feed(document + b"\n")
        assert isinstance(problem, BadInput)
        assert problem.is_json
        assert not problem.last
        assert sentence is None or str(problem) == sentence
    assert told(parser.feed(A)) == ["A"]


@pytest.mark.parametrize(
    "data",
    [
        b"hello there, server",
        b"{op:1}",
        b"{'op':'A'}",
        b'{"op":"A",}',
        b'{"op" "A"}',
        b'{"op":A}',
        b'{"op":NaN}',
        b'{"op":"A"]',
        b"}",
        b"]",
        b":",
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"op":"\xff"}',
        b'{"op":"\xed\xa0\x80"}',
        b'{"op":"\\ud800"}',
        b'{"op":"\\udc00"}',
        b'{"op":"\\x41"}',
        b'{"op":"a',
        b'{"op":"a\\',
        b"nope nope nope nope",
        b"-",
        b'{"op":"A","x":' + b"[" * 5000,
        b'{"op":"A","x":' + b'{"x":' * 5000,
    ],
    ids=repr,
)
def test_what_cannot_be_read_is_one_error_and_the_next_line_is_read(data):
    assert whole(data + b"\n" + A, 100_000) == [NOT_JSON, "A"]


def test_what_is_broken_and_closed_in_one_chunk_ends_there():
    assert whole(b"{nope}" + A + b"{'op':'A'}" + A) == [NOT_JSON, "A", NOT_JSON, "A"]


@pytest.mark.parametrize("data", [b"hello", b'{"op" "A"', b"}", b'{"op":"A"]'])
def test_what_cannot_be_read_ends_with_its_chunk(data):
    parser = Parser(LIMIT, decode)
    assert told(parser.feed(data)) == [NOT_JSON]
    assert told(parser.feed(A)) == ["A"]


def test_an_object_that_was_never_closed_ends_where_a_line_begins_another():
    assert whole(b'{"op":"B"\n' + A + b"\n") == [NOT_JSON, "A"]
    assert bytewise(b'{"op":"B"\n' + A + b"\n") == [NOT_JSON, "A"]


def test_an_object_that_was_never_closed_ends_where_a_chunk_begins_another():
    parser = Parser(LIMIT, decode)
    assert parser.feed(b'{"op":"B"') == []
    assert told(parser.feed(A)) == [NOT_JSON, "A"]


def test_what_is_broken_inside_loses_nothing_behind_it():
    assert whole(b'{"op":NaN}' + A) == [NOT_JSON, "A"]


def test_depth_is_limited():
    deep = b'{"op":"A","x":' + b"[" * (DEPTH - 1) + b"]" * (DEPTH - 1) + b"}"
    deeper = b'{"op":"A","x":' + b"[" * DEPTH + b"]" * DEPTH + b"}"
    assert whole(deep) == ["A"]
    assert whole(deeper) == [NOT_JSON]


def of_length(length):
    return b'{"op":"L","message":"' + b"x" * (length - 23) + b'"}'


@pytest.mark.parametrize("read", [whole, bytewise])
def test_the_longest_document_and_one_longer(read):
    assert len(of_length(LIMIT)) == LIMIT
    assert read(of_length(LIMIT) + A) == ["L", "A"]
    assert read(of_length(LIMIT + 1) + A) == [TOO_LONG, "A"]


def test_a_document_that_is_much_too_long_is_one_error_and_takes_no_memory():
    parser = Parser(LIMIT, decode)
    found = parser.feed(b'{"op":"L","message":"')
    for _ in range(100):
        found += parser.feed(b"x" * 50)
        assert len(parser._buffer) <= LIMIT + 50
    found += parser.feed(b'"} ' + A)
    assert told(found) == [TOO_LONG, "A"]


def test_a_document_that_is_too_long_and_then_breaks_is_one_error():
    parser = Parser(LIMIT, decode)
    assert told(parser.feed(b'{"op":"L","message":"' + b"x" * LIMIT)) == [TOO_LONG]
    assert told(parser.feed(b"xxx\n" + A)) == ["A"]


def test_three_strikes_in_a_row_are_the_last():
    parser = Parser(LIMIT, decode)
    problems = parser.feed(b"a\n" + A + b"b\nc\nd\n" + A)
    assert told(problems) == [NOT_JSON, "A", NOT_JSON, NOT_JSON, (NOT_JSON[0], False, True)]
    assert parser.feed(A) == []
    assert parser._buffer == b""


@pytest.mark.parametrize(
    ("chunks", "newline"),
    [
        ([A], None),
        ([A + b"\n"], True),
        ([A + b"\r\n"], True),
        ([A, b" ", b"\n"], True),
        ([A + A + b"\n"], False),
        ([A, A + b"\n"], False),
        ([b"\n" + A], None),
        ([b"hello\n"], True),
        ([b"hello", A + b"\n"], False),
        ([b'{\n"op":"A"\n}'], None),
    ],
)
def test_a_program_is_known_by_the_end_of_its_first_message(chunks, newline):
    parser = Parser(LIMIT, decode)
    for chunk in chunks:
        parser.feed(chunk)
    assert parser.newline is newline


# Whatever comes


SPACES = st.text(" \t\r\n", max_size=3).map(str.encode)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
DOCUMENTS = st.builds(
    lambda op, more, ascii, indent: json.dumps(
        {"x": more, "op": op}, ensure_ascii=ascii, indent=indent
    ).encode(),
    st.text(max_size=5),
    VALUES,
    st.booleans(),
    st.none() | st.just(1),
)


def joined(pieces):
    return b"".join(bytes([piece]) if isinstance(piece, int) else piece for piece in pieces)


PIECES = st.sampled_from(
    [*b'{}[]"\\:,\n 1\xff\x00', b"tru", b'"op"', A, b'{"op":', b"\\ud800", b"x" * 120, b"NaN"]
)
GARBAGE = st.binary(max_size=60) | st.lists(PIECES, max_size=40).map(joined)


@given(st.lists(st.tuples(SPACES, DOCUMENTS), max_size=5), st.data())
def test_documents_are_the_same_in_any_chunks(parts, data):
    stream = b"".join(space + document for space, document in parts)
    ops = [json.loads(document)["op"] for _, document in parts]
    assert whole(stream, 10_000) == ops
    assert bytewise(stream, 10_000) == ops
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    parser, found = Parser(10_000, decode), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += parser.feed(stream[start:end])
    assert told(found) == ops


def feed_garbage(stream, size):
    parser = Parser(LIMIT, decode)
    for start in range(0, len(stream), size):
        for item in parser.feed(stream[start : start + size]):
            assert isinstance(item, Message | BadInput)
        assert len(parser._buffer) <= LIMIT


@given(GARBAGE)
def test_nothing_but_bad_input_comes_of_garbage(stream):
    feed_garbage(stream, 1)
    feed_garbage(stream, 7)
    feed_garbage(stream, max(1, len(stream)))


@pytest.mark.fuzz
@given(GARBAGE)
def test_nothing_but_bad_input_comes_of_much_garbage(stream):
    feed_garbage(stream, 1)
    feed_garbage(stream, max(1, len(stream)))


@given(GARBAGE)
def test_after_garbage_and_an_empty_line_all_is_well(stream):
    parser = Parser(LIMIT, decode)
    problems = parser.feed(stream + b'\n"\n' + b"}\n")
    if not any(isinstance(item, BadInput) and item.last for item in problems):
        assert told(parser.feed(A))[-1:] == ["A"]


@pytest.mark.parametrize(
    "flood",
    [
        b"{",
        b"[",
        b"{\n",
        b'{"a":[',
        b'"',
        b"\\",
        b'{"a":"\\',
        b"1",
        b"1 ",
        b"\n",
        b"\xff",
        b'{"a":"b',
    ],
    ids=repr,
)
def test_a_flood_is_cut_off_or_costs_no_memory(flood):
    parser = Parser(LIMIT, decode)
    for _ in range(50):
        parser.feed(flood * 100)
        assert len(parser._buffer) <= LIMIT
        if parser._strikes < STRIKES:
            parser.feed(flood[:1])


@pytest.mark.parametrize("filler", [b"x", b"\\n", b"1,", b'"",', b"\xc3\xa9"], ids=repr)
def test_every_byte_is_looked_at_once(filler, monkeypatch):
    """Counted in bytes that the patterns go over, not in seconds."""
    looked_at = 0
    original = Parser._scan

    def counting(self):
        nonlocal looked_at
        before = self._position
        try:
            return original(self)
        finally:
            looked_at += self._position - before

    monkeypatch.setattr(Parser, "_scan", counting)
    head, tail = (b'{"op":"A","x":[', b"1]}") if filler in (b"1,", b'"",') else (b'{"op":"', b'"}')
    document = head + filler * 3000 + tail
    assert len(bytewise(document, 100_000)) == 1
    assert looked_at <= len(document)


# What another protocol makes of it


class Listed(Document, frozen=True, gc=False):
    """A document with a list in it."""

    users: list[str] | None = None
    success: bool | None = None


@pytest.mark.parametrize(
    ("document", "reason", "request_hash"),
    [
        (b'{"op":"A","hash":"h","users":[1]}', "What is in the field users must be texts", "h"),
        (b'{"op":"A","hash":7,"users":"x"}', "The field users must be a list of texts", 7),
        (b'{"op":"A","success":"yes"}', "The field success must be true or false", None),
        (b'{"hash":"h"}', "A message has a field op that says what it is", "h"),
        (b'{"op":"ACK","hash":"h","success":1}', "The field success must be true or false", None),
        (b'{"op":1,"hash":"h","x":Infinity}', "The field op must be a text", None),
        (b'{"op":1,"hash":{}}', "The field op must be a text, not a number", None),
        (b'{"op":1,"hash":"%s"}' % (b"h" * 129), "The field op must be a text", None),
        (b'{"op":1,"hash":1%s}' % (b"0" * 30), "The field op must be a text", None),
    ],
)
def test_what_is_wrong_is_said_and_which_request_it_was(document, reason, request_hash):
    [problem] = Parser(LIMIT, decoder(Listed)).feed(document)
    assert isinstance(problem, BadInput)
    assert str(problem).startswith(reason)
    assert (problem.is_json, problem.hash) == (True, request_hash)


def test_how_much_cannot_be_read_before_it_is_too_much():
    parser = Parser(LIMIT, decoder(Listed), strikes=5)
    problems = [item for _ in range(10) for item in parser.feed(b"no json\n")]
    lasts = [item.last for item in problems if isinstance(item, BadInput)]
    assert lasts == [False] * 4 + [True]
