"""The datagram by which servers find each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tertulia.replication.announcement import (
    DATAGRAM_BYTES,
    Announced,
    Foreign,
    decode,
    encode,
)
from tests.replication.kit import at_length, server_id

SECRET, OTHER = b"s" * 32, b"o" * 32
ANA = Announced(server_id(1), 1_700_000_000, 7447, 1_700_000_000_123, "ana")
NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=15)
ANY = st.builds(
    Announced,
    server=st.integers(0, (1 << 128) - 1).map(server_id),
    epoch=st.integers(1, (1 << 48) - 1),
    port=st.integers(1, 65535),
    at_ms=st.integers(0, (1 << 64) - 1),
    name=NAMES,
)


@given(ANY)
def test_it_is_read_back(announced):
    data = encode(announced, SECRET)
    assert len(data) <= DATAGRAM_BYTES
    assert decode(data, [SECRET]) == announced
    assert decode(data, [OTHER, SECRET]) == announced
    assert decode(data, [OTHER]) == Foreign(announced.server, announced.name)
    assert decode(data, []) == Foreign(announced.server, announced.name)


def test_the_bytes_on_the_wire():
    data = encode(ANA, SECRET)
    assert data.startswith(b"TERT\x01" + bytes.fromhex(ANA.server))
    assert data[21:40] == (
        (1_700_000_000).to_bytes(8, "big")
        + (7447).to_bytes(2, "big")
        + (1_700_000_000_123).to_bytes(8, "big")
        + b"\x03"
    )
    assert data[40:43] == b"ana"
    assert len(data) == 75


def test_a_long_name_is_cut():
    data = encode(replace(ANA, name="é" * 60), SECRET)
    assert len(data) <= DATAGRAM_BYTES
    found = decode(data, [SECRET])
    assert isinstance(found, Announced)
    assert found.name == "é" * 31


@given(ANY, st.data())
def test_a_changed_bit_is_seen(announced, data):
    whole = encode(announced, SECRET)
    at = data.draw(st.integers(0, len(whole) * 8 - 1))
    changed = bytearray(whole)
    changed[at // 8] ^= 1 << at % 8
    assert not isinstance(decode(bytes(changed), [SECRET]), Announced)


@given(st.binary(max_size=300), st.integers(0, 300))
def test_anything_is_nothing_or_foreign(data, cut):
    for junk in (data, b"TERT\x01" + data, encode(ANA, SECRET)[:cut], encode(ANA, SECRET) + data):
        found = decode(junk, [SECRET, OTHER])
        assert found is None or isinstance(found, Foreign) or junk == encode(ANA, SECRET)
        if isinstance(found, Foreign):
            assert found.name.isprintable()


@pytest.mark.parametrize(
    "change", [{"epoch": 0}, {"epoch": 1 << 48}, {"port": 0}, {"name": "a\x1b[2J"}, {"name": "a\n"}]
)
def test_what_makes_no_sense_is_none_even_with_the_secret(change):
    assert decode(encode(replace(ANA, **change), SECRET), [SECRET]) is None


@pytest.mark.fuzz
@given(ANY, st.data(), st.binary(max_size=300), st.integers(0, 300))
def test_announcements_at_length(announced, data, junk, cut):
    at_length(test_a_changed_bit_is_seen)(announced, data)
    at_length(test_anything_is_nothing_or_foreign)(junk, cut)
