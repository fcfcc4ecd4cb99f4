"""A connection with another server: the handshake, and then a link of the node."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
from collections.abc import Callable
from typing import Protocol, cast

from tertulia.replication.framing import encode
from tertulia.replication.handshake import Accepted, Handshake, Refused, Role
from tertulia.replication.messages import Error, Hello
from tertulia.server.addresses import shortest
from tertulia.server.peer_address import shown_address

HANDSHAKE_S = 10.0
"""How long the handshake may take, after TLS."""
FLUSH_S = 1.0
"""How long what is queued may take to go out when a link is closed."""
WRITE_HIGH, WRITE_LOW = 64 * 1024, 16 * 1024
"""Of what is queued; the node itself bounds how much that can be."""


class Owner(Protocol):
    """Whose connection it is."""

    def handshake(self, role: Role, certificate: bytes) -> Handshake:
        """Return a handshake; *certificate* is the SHA-256 of the responder's."""

    def unwanted(self, peer: Hello) -> str:
        """Return why there is no link with *peer*, who knows the secret, empty if there is."""

    def opened(self, link: MeshLink) -> None:
        """*link* has passed the handshake."""

    def data(self, link: MeshLink, data: bytes) -> None:
        """An open *link* brought bytes."""

    def drained(self, link: MeshLink) -> None:
        """An open *link* has room again."""

    def closed(self, link: MeshLink, why: str) -> None:
        """The connection of an open *link* is no more."""


class MeshLink(asyncio.Protocol):
    """One end of the connection. *over* is called when the handshake is, with its result;
    *certificate* is the SHA-256 of the responder's, if that is this end."""

    def __init__(
        self,
        owner: Owner,
        role: Role,
        over: Callable[[MeshLink, Accepted | Refused], None],
        certificate: bytes = b"",
    ) -> None:
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._role = role
        self._over = over
        self._handshake: Handshake | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._peer: Hello | None = None
        self._is_over = False
        self._is_open = False
        self._why = ""
        self.host = ""
        self.port = 0
        self.certificate = certificate

    # What the node sees: see `tertulia.replication.peer.Link`

    @property
    def peer(self) -> Hello:
        """What the other end said of itself."""
        assert self._peer is not None
        return self._peer

    @property
    def initiated(self) -> bool:
        """Whether this end connected."""
        return self._role == "initiator"

    @property
    def address(self) -> str:
        """Where the other end is, for people."""
        return shown_address(self.host, self.port)

    @property
    def queued(self) -> int:
        """How many bytes the socket has not taken yet."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def send(self, data: bytes) -> None:
        """Queue whole lines."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self, reason: str) -> None:
        """Close the connection, after what is queued."""
        self._why = self._why or reason
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()
            self._loop.call_later(FLUSH_S, self._transport.abort)

    def abort(self) -> None:
        """Close the connection at once, if it is there yet."""
        if self._transport is not None:
            self._transport.abort()

    # What the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake; the transport is one of TLS."""
        self._transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername")
        if not name or self._is_over:
            self._finish(Refused("protocol", "the connection was closed at once"))
            self._transport.abort()
            return
        self.host, self.port = _host(name), name[1]
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._transport.set_write_buffer_limits(WRITE_HIGH, WRITE_LOW)
        if self.initiated:
            found: ssl.SSLObject = transport.get_extra_info("ssl_object")
            self.certificate = hashlib.sha256(found.getpeercert(binary_form=True) or b"").digest()
        self._handshake = self._owner.handshake(self._role, self.certificate)
        self._timer = self._loop.call_later(HANDSHAKE_S, self._timed_out)
        self.send(self._handshake.start())

    def data_received(self, data: bytes) -> None:
        """Give what came to the handshake, or to the node."""
        if self._is_open:
            if not self._why:
                self._owner.data(self, data)
        elif self._handshake is not None and self._handshake.result is None:
            self._shake(self._handshake, data)

    def _shake(self, handshake: Handshake, data: bytes) -> None:
        answer = handshake.feed(data)
        result = handshake.result
        if isinstance(result, Accepted) and (why := self._owner.unwanted(result.peer)):
            answer, result = encode(Error(why)), Refused("banned", why, result.peer)
        self.send(answer)
        if result is None:
            return
        if isinstance(result, Refused):
            self._finish(result)
            self.close(result.text)
            return
        self._peer = result.peer
        self._is_open = True
        self._finish(result)
        self._owner.opened(self)
        if handshake.rest and not self._why:
            self._owner.data(self, handshake.rest)

    def eof_received(self) -> bool:
        """The other end says nothing more, so the connection is closed."""
        if self._handshake is not None:
            self._handshake.eof()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if self._is_open:
            self._owner.closed(self, self._why or "the connection was lost")
        else:
            self._finish(Refused("protocol", "the connection was lost in the handshake"))

    def resume_writing(self) -> None:
        """There is room again for what is to be sent."""
        if self._is_open:
            # The node may be in the middle of a `send`.
            self._loop.call_soon(self._owner.drained, self)

    # Inside

    def _timed_out(self) -> None:
        self._timer = None
        text = f"the other end did not finish the handshake within {HANDSHAKE_S:.0f} seconds"
        self._finish(Refused("protocol", text))
        self.abort()

    def _finish(self, result: Accepted | Refused) -> None:
        """Tell once what came of the handshake."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._is_over:
            self._is_over = True
            self._over(self, result)


def _host(name: tuple[str, ...]) -> str:
    """Return the host of a socket's *name*, a link-local one with its interface."""
    host = name[0].partition("%")[0]
    scope = int(name[3]) if len(name) == 4 else 0
    if scope:
        try:
            return f"{host}%{socket.if_indextoname(scope)}"
        except OSError:  # it is gone
            return f"{host}%{scope}"
    return str(shortest(host))
