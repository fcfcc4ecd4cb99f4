"""Who is let in: who knows the secret, and nobody who listened, stands in between or repeats."""

import hashlib
import hmac
from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tertulia.replication.framing import encode
from tertulia.replication.handshake import (
    LINE_BYTES,
    REMEDY,
    Accepted,
    Handshake,
    Refused,
    Role,
)
from tertulia.replication.messages import Error, Hello, Ping, Proof
from tests.replication.kit import at_length, server_id

OLD, NEW, WRONG = b"o" * 32, b"n" * 32, b"w" * 32
CERTIFICATE = hashlib.sha256(b"certificate").digest()
ANA = Hello(server_id(1), 3, "ana", "1" * 64, "a" * 32)
BOB = Hello(server_id(2), 4, "bob", "2" * 64, "b" * 32)


@dataclass
class End:
    """One end, and what it said."""

    role: Role
    hello: Hello
    secrets: tuple[bytes, ...] = (NEW,)
    certificate: bytes = CERTIFICATE
    more: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.handshake = Handshake(
            self.role, self.hello, self.secrets, self.certificate, **self.more
        )
        self.said = self.handshake.start()
        self.heard = 0

    def hear(self, data: bytes) -> None:
        self.said += self.handshake.feed(data)

    @property
    def result(self):
        return self.handshake.result


def dialer(hello=ANA, **more) -> End:
    return End("initiator", hello, **more)


def listener(hello=BOB, **more) -> End:
    return End("responder", hello, **more)


def meet(one: End, other: End, change=lambda end, data: data) -> None:
    """Bring each what the other says, until both are silent."""
    while True:
        moved = False
        for near, far in ((one, other), (other, one)):
            if data := near.said[far.heard :]:
                far.heard = len(near.said)
                far.hear(change(near, data))
                moved = True
        if not moved:
            return


def test_who_shares_a_secret_is_let_in():
    one, other = dialer(), listener()
    meet(one, other)
    assert one.result == Accepted(BOB, 1)
    assert other.result == Accepted(ANA, 1)
    assert one.handshake.rest == other.handshake.rest == b""


def test_the_initiator_is_the_first_to_prove_anything():
    other = listener()
    other.hear(encode(ANA))
    assert other.said == encode(BOB)


def test_the_proof_is_what_is_written_down():
    one, other = dialer(), listener()
    meet(one, other)
    for end, role in ((one, b"initiator"), (other, b"responder")):
        fields = [b"tertulia mesh 1", role, CERTIFICATE]
        fields += [bytes.fromhex(ANA.nonce), bytes.fromhex(BOB.nonce)]
        fields += [bytes.fromhex(ANA.server), bytes.fromhex(BOB.server)]
        text = b"".join(len(f).to_bytes(2, "big") + f for f in fields)
        mac = hmac.new(NEW, text, hashlib.sha256).hexdigest()
        assert end.said.splitlines()[1] == encode(Proof((mac,))).strip()


@pytest.mark.parametrize("one", [(OLD,), (NEW,), (OLD, NEW), (NEW, OLD), (WRONG,), (WRONG, OLD)])
@pytest.mark.parametrize("other", [(OLD,), (NEW,), (NEW, OLD)])
def test_while_secrets_change_any_of_them_will_do(one, other):
    near, far = dialer(secrets=one), listener(secrets=other)
    meet(near, far)
    shared = bool({*one} & {*other})
    assert isinstance(near.result, Accepted) is shared
    assert isinstance(far.result, Accepted) is shared


def test_a_wrong_secret_is_told_to_both():
    one, other = dialer(secrets=(WRONG,)), listener()
    meet(one, other)
    assert other.result == Refused("secret", "bob and ana do not share a secret", ANA)
    assert one.result == Refused("protocol", "bob and ana do not share a secret", BOB, by_peer=True)


def test_somebody_in_between_has_another_certificate():
    one, other = dialer(certificate=hashlib.sha256(b"mallory").digest()), listener()
    meet(one, other)
    assert isinstance(one.result, Refused)
    assert isinstance(other.result, Refused)


def test_a_pinned_certificate_is_looked_at_before_anything_is_proven():
    good, bad = {BOB.server: CERTIFICATE}, {BOB.server: b"x" * 32}
    one, other = dialer(more={"pins": good}), listener()
    meet(one, other)
    assert isinstance(one.result, Accepted)
    one, other = dialer(more={"pins": bad}), listener()
    meet(one, other)
    assert one.result.why == "pin"
    assert b"PROOF" not in one.said
    # The responder sees its own certificate only, and has nothing to compare.
    one, other = dialer(), listener(more={"pins": {ANA.server: b"x" * 32}})
    meet(one, other)
    assert isinstance(other.result, Accepted)


def test_what_one_proved_does_not_prove_the_other():
    """Somebody who sends back what they hear, as any other server."""
    one = dialer()
    echo = replace(BOB, nonce=ANA.nonce)
    one.hear(encode(echo))
    proof = one.said.splitlines(keepends=True)[1]
    one.hear(proof)
    assert one.result.why == "secret"


@given(st.sampled_from(["initiator", "responder"]), st.integers(0, 255), st.integers(0, 255))
def test_a_replay_proves_nothing(role, a, b):
    one, other = dialer(), listener()
    meet(one, other)
    heard = (other if role == "initiator" else one).said
    fresh = replace(ANA if role == "initiator" else BOB, nonce=f"{a:02x}{b:02x}".ljust(64, "f"))
    again = End(role, fresh)
    again.hear(heard)
    assert again.result.why == "secret"


@given(st.data(), st.booleans(), st.integers(0, 7))
def test_a_flipped_bit_lets_nobody_in(data, initiator, bit):
    """But in what the proof does not cover, which TLS does, nobody but they themselves is
    harmed: epoch, name, process, network and versions."""
    one, other = dialer(), listener()
    target = one if initiator else other

    def flip(end: End, said: bytes) -> bytes:
        if end is not target or b"HELLO" not in said:
            return said
        start = said.index(data.draw(st.sampled_from([b'"server":"', b'"nonce":"']))) + 9
        at = start + data.draw(st.integers(1, 30))
        return said[:at] + bytes([said[at] ^ 1 << bit]) + said[at + 1 :]

    meet(one, other, flip)
    assert isinstance(one.result, Refused) or isinstance(other.result, Refused)
    assert not isinstance((other if initiator else one).result, Accepted)


@given(st.data(), st.booleans())
def test_a_changed_proof_lets_nobody_in(data, initiator):
    one, other = dialer(), listener()
    target = one if initiator else other

    def flip(end: End, said: bytes) -> bytes:
        if end is not target or b"PROOF" not in said:
            return said
        start = said.index(b'"macs":["') + 9
        at = start + data.draw(st.integers(0, 63))
        return said[:at] + (b"0" if said[at : at + 1] != b"0" else b"1") + said[at + 1 :]

    meet(one, other, flip)
    assert (other if initiator else one).result.why == "secret"


def test_versions():
    one, other = dialer(replace(ANA, versions=(1, 2, 5))), listener(replace(BOB, versions=(5, 2)))
    meet(one, other)
    assert one.result.version == other.result.version == 5
    one, other = dialer(), listener(replace(BOB, versions=(2, 3)))
    meet(one, other)
    assert one.result.why == "version"
    assert "ana speaks 1 of the protocol, bob speaks 2, 3" in one.result.text


def test_a_copy_of_this_server_is_refused_with_a_remedy():
    one, other = dialer(), listener(replace(BOB, server=ANA.server))
    meet(one, other)
    assert one.result.why == other.result.why == "double"
    assert REMEDY in one.result.text
    assert ANA.server in one.result.text


def test_this_server_itself():
    one, other = dialer(), listener(replace(ANA, nonce="3" * 64))
    meet(one, other)
    assert one.result.why == "itself"


def test_who_is_not_wanted_is_told_why():
    one, other = dialer(), listener(more={"banned": lambda server: f"not {server}"})
    meet(one, other)
    assert other.result.why == "banned"
    assert one.result.text == f"not {ANA.server}"
    assert one.result.by_peer


@pytest.mark.parametrize("size", [1, 3, 100])
def test_what_comes_behind_is_kept(size):
    one, other = dialer(), listener()
    other.hear(encode(ANA))
    one.hear(other.said)
    data = one.said.splitlines(keepends=True)[1] + b"anything\n" * 1000
    rest = b""
    for start in range(0, len(data), size):
        if other.result is None:
            other.hear(data[start : start + size])
        else:
            rest += data[start : start + size]
    assert other.handshake.rest + rest == b"anything\n" * 1000


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n", b"\n", b"{}\n", b"x" * (LINE_BYTES + 1), encode(Ping(1)),
        encode(Proof(("0" * 64,))), encode(ANA) * 2, encode(ANA) + encode(Ping(1)),
        encode(replace(ANA, nonce="1" * 63)), encode(replace(ANA, nonce="G" * 64)),
        encode(replace(ANA, server="x")), encode(replace(ANA, epoch=0)),
        encode(replace(ANA, process="")), encode(replace(ANA, name="\x1b[2J")),
        encode(replace(ANA, cluster="c" * 64)), encode(replace(ANA, versions=(*range(17),))),
        encode(replace(ANA, name="x" * LINE_BYTES)),
    ],
)  # fmt: skip
def test_what_is_no_handshake(said):
    end = listener()
    end.hear(said)
    assert end.result.why == "protocol"
    assert end.said.count(b"ERROR") == 1


def test_what_the_other_end_says_can_be_logged():
    end = dialer()
    end.hear(encode(Error("\x1b[2J" + "é" * 1000)))
    assert end.result.text.isprintable()
    assert len(end.result.text) <= 300
    assert end.result.by_peer


def test_proofs_of_any_kind():
    for macs in ((), ("",), ("é",), ("x" * 3000,), ("0" * 64,) * 3):
        end = listener()
        end.hear(encode(ANA) + encode(Proof(macs)))
        assert end.result.why == "secret"


def test_of_many_macs_the_first_two_count():
    one, other = dialer(), listener()
    other.hear(encode(ANA))
    one.hear(other.said)
    [mac] = msgspec.json.decode(one.said.splitlines()[1])["macs"]
    other.hear(encode(Proof(("0" * 64, "0" * 64, mac))))
    assert other.result.why == "secret"


def test_silence():
    end = dialer()
    end.handshake.eof()
    assert end.result.why == "protocol"


@given(st.binary())
def test_anything_at_all(data):
    end = listener()
    end.hear(data)
    end.hear(data + b"\n")
    assert not isinstance(end.result, Accepted)


@pytest.mark.fuzz
@given(st.data(), st.booleans(), st.integers(0, 7), st.binary())
def test_handshakes_at_length(data, initiator, bit, junk):
    at_length(test_a_flipped_bit_lets_nobody_in)(data, initiator, bit)
    at_length(test_anything_at_all)(junk)
