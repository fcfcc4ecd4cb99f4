"""Connecting to other servers."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable

from tertulia.replication.handshake import Accepted, Refused
from tertulia.server.addresses import Address, shortest
from tertulia.server.mesh.link import MeshLink, Owner
from tertulia.server.mesh.tls import MeshTls

CONNECT_S = 5.0
"""How long one address may take to connect and to begin TLS."""
TRIED_MOST = 4
"""Addresses of one name that are tried."""


class Unreachable(Exception):
    """Nobody is there; ``str(error)`` says why."""


async def addresses_of(host: str, port: int) -> list[tuple[str, Address]]:
    """Return the addresses of *host*, as one connects to them and without interface.

    Raises `Unreachable`.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_S):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError) as error:
        raise Unreachable(f"there is no address of {host}: {_words(error)}") from error
    names = [str(name[0]) for *_, name in found]
    # A link-local address means something only with its interface, as it was given.
    if "%" in host:
        names = [host]
    return [(name, shortest(name)) for name in dict.fromkeys(names)][:TRIED_MOST]


async def dial(
    owner: Owner, tls: MeshTls, host: str, port: int
) -> tuple[MeshLink, Accepted | Refused]:
    """Connect to a server, and go through the handshake. Raises `Unreachable`."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[Accepted | Refused] = loop.create_future()

    def finished(_link: MeshLink, result: Accepted | Refused) -> None:
        if not over.done():
            over.set_result(result)

    try:
        async with asyncio.timeout(CONNECT_S):
            _, link = await loop.create_connection(
                lambda: MeshLink(owner, "initiator", finished),
                host,
                port,
                ssl=tls.client,
                # Certificates are known by what they are, not by a name in them.
                server_hostname="",
                ssl_handshake_timeout=CONNECT_S,
            )
    except (OSError, TimeoutError) as error:
        raise Unreachable(_words(error)) from error
    try:
        # The link itself sees to it that this does not take for ever.
        return link, await over
    except asyncio.CancelledError:
        link.abort()
        raise


async def dial_any(
    owner: Owner,
    tls: MeshTls,
    host: str,
    port: int,
    learnt: Callable[[list[Address]], None],
) -> tuple[MeshLink, Accepted | Refused]:
    """Connect to a server at one of the addresses of *host*; *learnt* is told what they are.

    Raises `Unreachable`.
    """
    addresses = await addresses_of(host, port)
    learnt([address for _, address in addresses])
    failure = Unreachable(f"there is no address of {host}")
    for name, _ in addresses:
        try:
            return await dial(owner, tls, name, port)
        except Unreachable as error:
            failure = error
    raise failure


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError) and not error.args:
        return f"no answer within {CONNECT_S:.0f} seconds"
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        # The loops say it in different ways; what they make of TLS has numbers of its own.
        number = 0 if isinstance(error, ssl.SSLError) else error.errno or 0
        text = os.strerror(number) if number > 0 else error.strerror
    return " ".join(text.split()) or type(error).__name__
