"""Two servers show each other that they know the network's secret, right after TLS.

Both say `Hello`; then the initiator proves that it knows the secret, then the responder does. A
proof is an HMAC-SHA256 over who proves, the responder's certificate, both nonces and both ids:
somebody in between has another certificate, and nothing that was said once fits a second time.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from tertulia.replication.bounds import EPOCH_END, is_name, is_server_id
from tertulia.replication.framing import Frame, decode, encode
from tertulia.replication.messages import Error, Hello, Proof

LINE_BYTES = 4096
SECRETS_MOST = 2
"""The new secret and the old one, while one takes the place of the other."""
VERSIONS_MOST = 16
REMEDY = "stop the copy and give it an id of its own (tertulia new-id)"

_LABEL = b"tertulia mesh 1"
_NONCE = re.compile(r"[0-9a-f]{64}", re.ASCII)

Role: TypeAlias = Literal["initiator", "responder"]
Why: TypeAlias = Literal["protocol", "version", "itself", "double", "banned", "pin", "secret"]


class Accepted(Struct, frozen=True):
    """The other end is of this network: what it said, and the version that both speak."""

    peer: Hello
    version: int


class Refused(Struct, frozen=True):
    """There will be no link: *text* says why to people, *by_peer* if the other end refused.

    Of those at an address that turned out to be *itself* nobody need be told.
    """

    why: Why
    text: str
    peer: Hello | None = None
    by_peer: bool = False


class Handshake:
    """One end of the handshake, from connection to `result`.

    *certificate* is the SHA-256 of the responder's certificate in DER, as this end sees it;
    *pins* are those of known servers, for an initiator; *banned* returns why a server is not
    wanted, empty if it is. The one who runs it sends `start()` and what `feed` returns, and
    limits the time it may take.
    """

    def __init__(
        self,
        role: Role,
        hello: Hello,
        secrets: Sequence[bytes],
        certificate: bytes,
        *,
        pins: Mapping[str, bytes] | None = None,
        banned: Callable[[str], str] = lambda _: "",
    ) -> None:
        assert 1 <= len(secrets) <= SECRETS_MOST
        assert all(secrets)
        assert len(certificate) == hashlib.sha256().digest_size
        self._role = role
        self._hello = hello
        self._secrets = secrets
        self._certificate = certificate
        self._pins = pins or {}
        self._banned = banned
        self._buffer = b""
        self._peer: Hello | None = None
        self._version = 0
        self.result: Accepted | Refused | None = None

    @property
    def rest(self) -> bytes:
        """What came behind the handshake."""
        return self._buffer

    def start(self) -> bytes:
        """Return what is to be said first."""
        return encode(self._hello)

    def feed(self, data: bytes) -> bytes:
        """Take *data*; return what is to be said."""
        self._buffer += data
        out = b""
        while self.result is None:
            line, end, rest = self._buffer.partition(b"\n")
            if len(line) > LINE_BYTES:
                return out + self._refuse("protocol", "this is not a server of Tertulia")
            if not end:
                break
            self._buffer = rest
            out += self._take(decode(line.removesuffix(b"\r")))
        return out

    def eof(self) -> None:
        """The other end says nothing more."""
        if self.result is None:
            self._refuse("protocol", "the other end closed the connection without a word")

    def _take(self, message: Frame) -> bytes:
        if isinstance(message, Error):
            self.result = Refused("protocol", _shown(message.message), self._peer, by_peer=True)
            return b""
        if self._peer is None:
            if isinstance(message, Hello) and _is_in_order(message):
                return self._greeted(message)
        elif isinstance(message, Proof):
            return self._proven(self._peer, message)
        return self._refuse("protocol", "this is not how servers of Tertulia begin")

    def _greeted(self, peer: Hello) -> bytes:
        self._peer = peer
        common = set(peer.versions) & set(self._hello.versions)
        if not common:
            return self._refuse(
                "version",
                f"no common version: {self._hello.name} speaks {_listed(self._hello.versions)} "
                f"of the protocol, {peer.name} speaks {_listed(peer.versions)}",
            )
        self._version = max(common)
        unwanted = self._unwanted(peer)
        if unwanted is not None:
            return self._refuse(*unwanted)
        return self._prove() if self._role == "initiator" else b""

    def _unwanted(self, peer: Hello) -> tuple[Why, str] | None:
        """Return why *peer* is not wanted, whatever it can prove."""
        if peer.server == self._hello.server:
            if peer.process == self._hello.process:
                return "itself", "this server is connected to itself"
            return "double", (
                f"two servers have the id {peer.server}, {self._hello.name} and {peer.name}: "
                f"one is a copy of the other; {REMEDY}"
            )
        if banned := self._banned(peer.server):
            return "banned", banned
        pin = self._pins.get(peer.server)
        if self._role == "initiator" and pin is not None and pin != self._certificate:
            return "pin", (
                f"the certificate of {peer.name} ({peer.server}) is not the one that is known; "
                "if it was made anew, the old one is to be forgotten"
            )
        return None

    def _proven(self, peer: Hello, proof: Proof) -> bytes:
        other: Role = "responder" if self._role == "initiator" else "initiator"
        wanted = [mac.encode() for mac in self._macs(other, peer)]
        given = [mac.encode() for mac in proof.macs[:SECRETS_MOST]]
        # All are compared, however it ends, so that time tells nothing.
        matches = [hmac.compare_digest(a, b) for a in wanted for b in given]
        if not any(matches):
            return self._refuse(
                "secret", f"{self._hello.name} and {peer.name} do not share a secret"
            )
        self.result = Accepted(peer, self._version)
        return self._prove() if self._role == "responder" else b""

    def _prove(self) -> bytes:
        assert self._peer is not None
        return encode(Proof(tuple(self._macs(self._role, self._peer))))

    def _macs(self, role: Role, peer: Hello) -> list[str]:
        ends = (self._hello, peer) if self._role == "initiator" else (peer, self._hello)
        fields = [
            _LABEL,
            role.encode(),
            self._certificate,
            *(bytes.fromhex(hello.nonce) for hello in ends),
            *(bytes.fromhex(hello.server) for hello in ends),
        ]
        text = b"".join([len(field).to_bytes(2, "big") + field for field in fields])
        return [hmac.new(secret, text, hashlib.sha256).hexdigest() for secret in self._secrets]

    def _refuse(self, why: Why, text: str) -> bytes:
        self.result = Refused(why, text, self._peer)
        return encode(Error(text))


def _is_in_order(hello: Hello) -> bool:
    return (
        is_server_id(hello.server)
        and is_server_id(hello.process)
        and _NONCE.fullmatch(hello.nonce) is not None
        and 0 < hello.epoch < EPOCH_END
        and is_name(hello.name)
        and is_name(hello.cluster)
        and len(hello.versions) <= VERSIONS_MOST
    )


def _listed(versions: Sequence[int]) -> str:
    return ", ".join(map(str, versions)) or "none"


def _shown(text: str) -> str:
    """Return what the other end said as it can be written to a log."""
    return "".join([c if c.isprintable() else "?" for c in text[:300]])
