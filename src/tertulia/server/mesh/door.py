"""Where other servers come in: who has not shown yet that they know the secret is kept few."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable

import structlog

from tertulia.replication.handshake import Accepted, Refused
from tertulia.server.addresses import Address, shortest
from tertulia.server.mesh.link import MeshLink, Owner
from tertulia.server.mesh.tls import MeshTls

logger = structlog.get_logger()

STRANGERS_MOST = 64
"""Connections that have not passed the handshake. For one more the oldest is closed: who knows
the secret needs a moment to show it, so it is not theirs."""
STRANGERS_PER_ADDRESS = 8
TLS_S = 10.0
BACKLOG = 128
_NOT_THERE = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
PAUSE_S = 1.0
"""How long nobody is let in when the system cannot."""

Over = Callable[[MeshLink, "Accepted | Refused"], None]


class Door:
    """Takes connections of other servers; *allows* tells from which addresses.

    *over* is told what came of each handshake, and *failed* who did not get as far as that.
    """

    def __init__(
        self,
        owner: Owner,
        tls: MeshTls,
        allows: Callable[[Address], bool],
        over: Over,
        failed: Callable[[str, str], None],
    ) -> None:
        self._owner = owner
        self._tls = tls
        self._allows = allows
        self._over = over
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._visits: dict[asyncio.Task[None], Address] = {}
        """Those of strangers, the oldest first."""
        self._listening: list[asyncio.Task[None]] = []

    async def open(self, host: str | None, port: int) -> list[socket.socket]:
        """Listen; return the sockets. Raises `OSError`."""
        found = await self._loop.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        sockets: list[socket.socket] = []
        try:
            for family, _, _, _, name in dict.fromkeys(found):
                try:
                    sockets.append(_bound(family, name))
                except OSError as error:
                    # A machine may be without IPv6; nobody asked for that in particular.
                    if host is not None or error.errno not in _NOT_THERE:
                        raise
            if not sockets:
                raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        except BaseException:
            for one in sockets:
                one.close()
            raise
        self._listening += [self._loop.create_task(self._listen(one)) for one in sockets]
        return sockets

    def close(self) -> None:
        """Take no more connections, and close those of strangers."""
        for task in (*self._listening, *self._visits):
            task.cancel()

    async def _listen(self, listener: socket.socket) -> None:
        # Not `create_server`: with TLS that tells of a connection only when TLS is there.
        with listener:
            while True:
                try:
                    visitor, name = await self._loop.sock_accept(listener)
                except OSError as error:
                    logger.warning("no servers are let in for a moment", reason=error.strerror)
                    await asyncio.sleep(PAUSE_S)
                    continue
                try:
                    self._meet(visitor, shortest(name[0]))
                except Exception:
                    logger.exception("fault", protocol="mesh")
                    visitor.close()

    def _meet(self, visitor: socket.socket, address: Address) -> None:
        if self._admits(address):
            task = self._loop.create_task(self._visit(visitor, address))
            self._visits[task] = address
            task.add_done_callback(lambda task: self._visits.pop(task, None))
        else:
            visitor.close()

    def _admits(self, address: Address) -> bool:
        """Whether somebody at *address* may try."""
        if not self._allows(address):
            self._failed(str(address), "not a near address, nor one of network.peers")
            return False
        count = sum(other == address for other in self._visits.values())
        if count >= STRANGERS_PER_ADDRESS and not address.is_loopback:
            self._failed(str(address), "too many connections from this address")
            return False
        if len(self._visits) >= STRANGERS_MOST:
            oldest = next(iter(self._visits))
            del self._visits[oldest]
            oldest.cancel()
        return True

    async def _visit(self, visitor: socket.socket, address: Address) -> None:
        """Let somebody show who they are; this ends when they have, or have not."""
        over: asyncio.Future[None] = self._loop.create_future()
        links: list[MeshLink] = []

        def finished(link: MeshLink, result: Accepted | Refused) -> None:
            if not over.done():
                over.set_result(None)
            self._over(link, result)

        def link() -> MeshLink:
            links.append(MeshLink(self._owner, "responder", finished, self._tls.digest))
            return links[-1]

        try:
            await self._loop.connect_accepted_socket(
                link, visitor, ssl=self._tls.server, ssl_handshake_timeout=TLS_S
            )
            await over
        except OSError as error:
            self._failed(str(address), f"no TLS: {error.strerror or type(error).__name__}")
        except asyncio.CancelledError:
            if links:  # then the connection is that of a transport, which ends with what is awaited
                links[0].abort()
            else:
                visitor.close()
            raise
        except Exception:
            logger.exception("fault", protocol="mesh")


def _bound(family: int, name: tuple[object, ...]) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setblocking(False)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(name)
        one.listen(BACKLOG)
    except BaseException:
        one.close()
        raise
    return one
