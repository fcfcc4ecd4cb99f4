"""Whatever a peer sends: nothing is raised, every request has one answer, and the peer has no
users but its own."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.protocols.json_documents import BadInput
from tertulia.protocols.json_parser import Parser
from tertulia.protocols.peer.messages import Message, decode
from tests.protocols.peer_kit import REQUESTS, Network

WORDS = st.sampled_from(
    ["ana", "rui", "eva", "#tea", "#new", "#lobby", "#", "*", "&", "", "9", "far.example", "é"]
)
TEXTS = WORDS | st.text(max_size=8)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = TEXTS | st.integers() | st.booleans() | st.none() | FLOATS
VALUES = TEXTS | st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4), max_leaves=6)
LISTS = st.lists(TEXTS, max_size=4)
FIELDS = {
    **dict.fromkeys(("name", "username", "user", "channel", "target", "message", "pass"), VALUES),
    **dict.fromkeys(("users", "userList", "channels", "channelList"), LISTS | VALUES),
    "success": VALUES,
}
OPS = st.sampled_from([*REQUESTS, "ACK", "ERROR", "login", "POKE"])
DOCUMENTS = st.tuples(OPS, st.fixed_dictionaries({}, optional=FIELDS))
GARBAGE = st.binary(max_size=60) | st.text('{}[]",:\\ aop\n', max_size=30).map(str.encode)


def encoded(document, request):
    op, fields = document
    return json.dumps({"op": op, **fields, "hash": request}).encode()


def check(network, far):
    """What the peer has here, and nobody else."""
    users = network.place.state.users
    theirs = {uid for uid, user in users.items() if user.protocol == "peer"}
    assert theirs == far.session.users.keys()
    assert "ana" in network.nicks()
    assert not far.session._open
    assert network.place.loop.timers == 0


def populated():
    network = Network(requests_per_second=1e9)
    network.place.person("ana", "#tea")
    return network


def all_requests_are_answered(documents):
    network = populated()
    far = network.linked("far.example")
    asked = []
    for i, document in enumerate(documents):
        far.raw(encoded(document, i))
        if document[0] not in ("ACK", "ERROR"):
            asked.append(i)
    answers = far.documents()
    acks = [d for d in answers if d["op"] == "ACK"]
    assert sorted(d["hash"] for d in acks) == asked
    assert all(d["success"] or d["message"] for d in acks)
    check(network, far)


@given(st.lists(DOCUMENTS, max_size=12))
def test_every_request_is_answered_once(documents):
    all_requests_are_answered(documents)


@pytest.mark.fuzz
@given(st.lists(DOCUMENTS, max_size=40))
def test_every_one_of_many_requests_is_answered_once(documents):
    all_requests_are_answered(documents)


def garbage_harms_nobody(stream, size):
    network = populated()
    far = network.linked("far.example")
    for start in range(0, len(stream), size):
        far.raw(stream[start : start + size])
    far.got()
    if not far.session.closing:
        check(network, far)
    assert network.nicks() >= {"ana"}


MIXED = st.lists(GARBAGE | DOCUMENTS.map(lambda d: encoded(d, "x")), max_size=8).map(b"".join)


@given(MIXED)
def test_garbage_is_harmless_whole_and_byte_by_byte(stream):
    garbage_harms_nobody(stream, 1)
    garbage_harms_nobody(stream, max(1, len(stream)))


@pytest.mark.fuzz
@given(MIXED)
def test_much_garbage_is_harmless(stream):
    garbage_harms_nobody(stream, 1)
    garbage_harms_nobody(stream, max(1, len(stream)))


@given(MIXED)
def test_before_login_garbage_does_nothing(stream):
    network = populated()
    far = network.peer()
    far.raw(stream)
    far.got()
    linked = network.service.links
    assert network.nicks() == {"ana"} or far.session in linked


@given(st.lists(DOCUMENTS, max_size=5), st.data())
def test_documents_are_the_same_in_any_chunks(documents, data):
    stream = b"".join(encoded(document, i) for i, document in enumerate(documents))

    def told(items):
        return [str(i) if isinstance(i, BadInput) else i for i in items]

    whole = told(Parser(10_000, decode, 99).feed(stream))
    parser = Parser(10_000, decode, 99)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    found: list[Message | BadInput] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += parser.feed(stream[start:end])
    assert told(found) == whole


@given(st.lists(DOCUMENTS, max_size=8), st.integers(0, 8))
def test_what_the_disk_refuses_is_answered_too(documents, fails_at):
    network = populated()
    far = network.linked("far.example")
    asked = 0
    for i, document in enumerate(documents):
        network.place.log.instant = i < fails_at
        far.raw(encoded(document, i))
        asked += document[0] not in ("ACK", "ERROR")
        network.place.run()
        while network.place.log.waiting:
            network.place.log.fail()
            network.place.run()
    assert len([d for d in far.documents() if d["op"] == "ACK"]) == asked
    network.place.log.instant = True
    check(network, far)
