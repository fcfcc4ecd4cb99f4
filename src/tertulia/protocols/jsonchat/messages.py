"""What JSON clients say: one `Message` a document."""

from __future__ import annotations

from tertulia.domain.identities import Credential, hash_token
from tertulia.protocols.json_documents import Document, Refused, decoder

ID_BYTES = 64


class Message(Document, frozen=True, gc=False):
    """One document of a client, as it came; what it does not know is ignored."""

    number: str | None = None
    token: str | None = None
    id: str | None = None
    receipt: bool = False
    seen: list[str] | None = None

    def credential(self) -> Credential | None:
        """Return what proves an identity, None if the client does not claim to have one."""
        if self.number is None and self.token is None:
            return None
        if self.number is None or self.token is None:
            raise Refused(f"{self.op} needs both a number and a token, or neither")
        return Credential(self.number, hash_token(self.token))

    def client_id(self) -> str | None:
        """Return the id that the client gave its message, None if it gave none."""
        if self.id and len(self.id.encode()) > ID_BYTES:
            raise Refused(f"The id of a message has at most {ID_BYTES} bytes")
        return self.id or None


decode = decoder(Message)
"""Return what a document says."""
