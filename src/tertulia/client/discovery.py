"""Finding servers on the local network: by their announcements, and by DNS-SD.

Zeroconf is imported late: it takes its time to load, and whoever says where to go needs none.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any

from tertulia.client.servers import MOST_SERVERS, Found, Servers
from tertulia.protocols.announcement import GROUP, PORT, SERVICE, from_txt, parse_datagram

if TYPE_CHECKING:
    from zeroconf import ServiceStateChange
    from zeroconf.asyncio import AsyncZeroconf

_ANSWER_MS = 3000


async def find_servers(
    timeout_s: float, warn: Callable[[str], None]
) -> AsyncGenerator[Found, None]:
    """Yield each server on the network once, as they are heard of, for *timeout_s* seconds.

    Announcements come every five seconds. *warn* is given a line for each of the two ways that
    does not work.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout_s
    finder = Finder()
    try:
        await finder.listen(warn)
        while (now := loop.time()) < end:
            finder.news.clear()
            for found in finder.servers.ready(now):
                yield found
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(min(end, finder.servers.next_due())):
                    await finder.news.wait()
        for found in finder.servers.ready(float("inf")):
            yield found
    finally:
        await finder.close()


class Finder:
    """Listens; *news* is set when *servers* may know more."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self.servers = Servers(is_ours)
        self._transport: asyncio.DatagramTransport | None = None
        self._zeroconf: AsyncZeroconf | None = None
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def listen(self, warn: Callable[[str], None]) -> None:
        """Listen in both ways."""
        from zeroconf import Error

        try:
            await self._listen_for_announcements()
        except OSError as error:
            warn(f"port {PORT} cannot be listened on, so only DNS-SD is: {_words(error)}")
        try:
            await self._browse()
        except (OSError, RuntimeError, Error) as error:
            warn(f"DNS-SD does not work, so only announcements are heard: {_words(error)}")

    async def close(self) -> None:
        """Listen no more."""
        if self._transport is not None:
            self._transport.close()
        for task in self._asking.values():
            task.cancel()
        if self._zeroconf is not None:
            await self._zeroconf.async_close()

    async def _listen_for_announcements(self) -> None:
        opened = join_group()
        try:
            self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Listener(self._heard), sock=opened
            )
        except BaseException:
            opened.close()
            raise

    def _heard(self, data: bytes, address: str) -> None:
        if (port := parse_datagram(data)) is not None:
            self.servers.announce(address, port, asyncio.get_running_loop().time())
            self.news.set()

    async def _browse(self) -> None:
        from zeroconf import IPVersion
        from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf

        self._zeroconf = AsyncZeroconf(ip_version=IPVersion.All)
        await self._zeroconf.zeroconf.async_wait_for_start()
        AsyncServiceBrowser(self._zeroconf.zeroconf, SERVICE, handlers=[self._changed])

    def _changed(self, *, name: str, state_change: ServiceStateChange, **_more: Any) -> None:
        """A service appeared or changed: ask for its records."""
        if state_change.name == "Removed":
            return
        asking = self._asking.get(name)
        if len(self._asking) < MOST_SERVERS and (asking is None or asking.done()):
            self._asking[name] = asyncio.create_task(self._ask(name))

    async def _ask(self, name: str) -> None:
        from zeroconf.asyncio import AsyncServiceInfo

        assert self._zeroconf is not None
        info = AsyncServiceInfo(SERVICE, name)
        if await info.async_request(self._zeroconf.zeroconf, _ANSWER_MS):
            addresses = [_with_name(address) for address in info.parsed_scoped_addresses()]
            self.servers.describe(name, from_txt(info.properties), addresses)
            self.news.set()


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, heard: Callable[[bytes, str], None]) -> None:
        self._heard = heard

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        host, _port, _flow, scope = addr
        bare = host.partition("%")[0]
        self._heard(data, _with_name(f"{bare}%{scope}") if scope else bare)


def join_group() -> socket.socket:
    """Return a socket that hears the announcements on every interface. Raises `OSError`.

    Others on this machine may hear them too.
    """
    opened = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # Bound to the group, it hears nothing else, such as SSDP, which has the same port.
        opened.bind((GROUP, PORT))
        group = socket.inet_pton(socket.AF_INET6, GROUP)
        for index, _name in socket.if_nameindex():
            with contextlib.suppress(OSError):  # an interface without IPv6 or multicast
                request = group + struct.pack("@I", index)
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)
    except BaseException:
        opened.close()
        raise
    return opened


def is_ours(address: str) -> bool:
    """Whether *address* is one of this machine's: only such can be bound."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind(socket.getaddrinfo(address, 0, type=socket.SOCK_DGRAM)[0][4])
    except OSError:
        return False
    return True


def _with_name(address: str) -> str:
    """Return an address whose scope is a number with the name of its interface instead."""
    bare, _, scope = address.partition("%")
    with contextlib.suppress(OSError):
        return f"{bare}%{socket.if_indextoname(int(scope))}" if scope.isdecimal() else address
    return bare


def _words(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__
