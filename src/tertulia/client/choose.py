"""Which servers there are to come to: on the local network, and those where one was before."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping

from msgspec import Struct

from tertulia.client.discovery import find_servers
from tertulia.client.profile import Server
from tertulia.client.servers import Found
from tertulia.client.session.settings import Address
from tertulia.client.uri import PORTS

LISTEN_S = 6.0
"""Old announcements come every five seconds."""
MORE_S = 0.8
"""How long to wait for others when there is one."""
PROBE_S = 1.5
ADDRESSES_MOST = 4
REMEMBERED_MOST = 10


class Candidate(Struct, frozen=True, kw_only=True):
    """A server to come to. *id* is that of one of ours, *users* None where it is not told;
    *is_remembered* if one was there before."""

    addresses: tuple[Address, ...]
    name: str = ""
    network: str = ""
    id: str = ""
    users: int | None = None
    is_remembered: bool = False

    @property
    def uri(self) -> str:
        """Where it is."""
        return str(self.addresses[0])

    def is_same(self, other: Candidate) -> bool:
        """Whether both are one server."""
        if self.id and other.id:
            return self.id == other.id
        return bool({*self.addresses} & {*other.addresses})


def of_found(found: Found) -> Candidate | None:
    """Return the candidate that was found, None if it is not known to speak IRC."""
    card = found.card
    scheme = next((one for one in ("ircs", "irc") if one in card.ports), None)
    if scheme is None:
        return None
    # A link-local address is good on one interface only: others first.
    hosts = sorted(found.addresses, key=lambda host: host.startswith("fe80:"))
    addresses = [Address(host, card.ports[scheme], scheme == "ircs") for host in hosts]
    return Candidate(
        addresses=tuple(addresses[:ADDRESSES_MOST]), name=card.name, network=card.network,
        id=card.server_id, users=card.users,
    )  # fmt: skip


async def candidates(
    remembered: Iterable[Server], warn: Callable[[str], None], listen_s: float = LISTEN_S
) -> AsyncGenerator[Candidate, None]:
    """Yield each server that can be come to, as it is found; *warn* is told what does not work."""
    news: asyncio.Queue[Candidate | None] = asyncio.Queue()
    sources = [_found(listen_s, warn), *map(_remembered, list(remembered)[:REMEMBERED_MOST])]
    tasks = [asyncio.create_task(_into(news, source)) for source in sources]
    try:
        for _ in tasks:
            while (candidate := await news.get()) is not None:
                yield candidate
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _into(news: asyncio.Queue[Candidate | None], source: AsyncIterator[Candidate]) -> None:
    try:
        async for candidate in source:
            news.put_nowait(candidate)
    finally:
        news.put_nowait(None)


async def _found(listen_s: float, warn: Callable[[str], None]) -> AsyncIterator[Candidate]:
    async with contextlib.aclosing(find_servers(listen_s, warn)) as servers:
        async for found in servers:
            candidate = of_found(found) or await _behind(found)
            if candidate is not None:
                yield candidate


async def _behind(found: Found) -> Candidate | None:
    """Return what answers at the port of IRC where a server says only that it is there."""
    for host in found.addresses[:ADDRESSES_MOST]:
        address = Address(host, PORTS["irc"])
        if await _answers(address):
            return Candidate(addresses=(address,), name=found.card.name)
    return None


async def _remembered(server: Server) -> AsyncIterator[Candidate]:
    if await _answers(server.address):
        yield Candidate(
            addresses=(server.address,), name=server.name, network=server.network, id=server.id,
            is_remembered=True,
        )  # fmt: skip


async def _answers(address: Address) -> bool:
    with contextlib.suppress(OSError, UnicodeError, TimeoutError):
        async with asyncio.timeout(PROBE_S):
            _, writer = await asyncio.open_connection(address.host, address.port)
        writer.transport.abort()
        return True
    return False


async def gather(source: AsyncGenerator[Candidate, None]) -> list[Candidate]:
    """Return those to choose from: what comes soon behind the first, each server once."""
    loop = asyncio.get_running_loop()
    known: list[Candidate] = []
    end: float | None = None
    async with contextlib.aclosing(source):
        with contextlib.suppress(TimeoutError, StopAsyncIteration):
            while True:
                async with asyncio.timeout_at(end):
                    candidate = await anext(source)
                _add(known, candidate)
                end = end or loop.time() + MORE_S
    return known


def _add(known: list[Candidate], new: Candidate) -> None:
    for index, old in enumerate(known):
        if old.is_same(new):
            better, other = (old, new) if old.users is not None else (new, old)
            known[index] = Candidate(
                addresses=tuple(dict.fromkeys([*better.addresses, *other.addresses])),
                name=better.name or other.name,
                network=better.network or other.network,
                id=better.id or other.id,
                users=better.users,
                is_remembered=old.is_remembered or new.is_remembered,
            )
            return
    known.append(new)


def by_network(
    found: Iterable[Candidate], numbers: Mapping[str, str]
) -> list[tuple[Candidate, ...]]:
    """Put servers together where it does not matter to which one comes.

    *numbers* are one's own, by the ids of the servers that know them: those that know the same
    one are one network.
    """
    networks: dict[str, list[Candidate]] = {}
    for one in found:
        key = numbers.get(one.id, "") if one.id else ""
        networks.setdefault(key or one.uri, []).append(one)
    return [tuple(some) for some in networks.values()]
