"""DNS-SD (RFC 6763): the server as services that anyone can browse for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

import zeroconf
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from tertulia.protocols.announcement import SERVICE, SERVICE_OF, Card, to_txt
from tertulia.server.interfaces import Held, speaks_multicast
from tertulia.server.offers import Offer, preferred

# So that a packet holds all records, whatever virtual interfaces there are.
MOST_ADDRESSES = 12
USERS_EVERY_S = 60.0
# Whoever answers to each name that is tried could hold it up for ever.
PATIENCE_S = 4.0


def published(offers: Sequence[Offer], held: Sequence[Held]) -> list[Held]:
    """Return the addresses at which others find any of *offers*, the best first.

    A link-local address is published where an interface has no other of that family, as in
    the old announcement, so that who hears both sees one server. Without any network, those
    on this machine are to find what is open to all.
    """
    reached = [
        one
        for one in preferred(held)
        if any(offer.takes(one.at.ip) for offer in offers) and speaks_multicast(one.name)
    ]
    far = [one for one in reached if not one.at.ip.is_loopback]
    better = {(one.index, one.at.version) for one in far if not one.at.ip.is_link_local}
    kept = [
        one
        for one in far
        if not one.at.ip.is_link_local or (one.index, one.at.version) not in better
    ]
    return (kept or reached)[:MOST_ADDRESSES]


class Publisher:
    """Publishes *offers*; *card* says what the server is now, *now* is a clock in seconds."""

    def __init__(
        self, offers: Sequence[Offer], card: Callable[[], Card], now: Callable[[], float]
    ) -> None:
        # What only this machine can reach is not for the network.
        self._offers = [offer for offer in offers if offer.is_open]
        self._card = card
        self._now = now
        self._zeroconf: AsyncZeroconf | None = None
        self._infos: dict[str, AsyncServiceInfo] = {}
        self._said: Card | None = None
        self._said_at = 0.0
        self._held: list[Held] = []

    async def publish(self, held: Sequence[Held]) -> str | None:
        """Publish what is new since the last time; return why it cannot be done, if so."""
        held = published(self._offers, held)
        if not held:
            await self.close()
            return "no address to publish" if self._offers else None
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._publish(held)
        except TimeoutError:
            await self.close()
            return "the network does not agree to a name"
        except Exception as error:
            # Whatever a library trips over that reads what anyone on the network sends: the
            # chat goes on, and so do the announcements.
            await self.close()
            return _words(error)
        return None

    async def _publish(self, held: list[Held]) -> None:
        if held != self._held:
            # On another link the name may be somebody's (RFC 6762, 8): ask again.
            await self.close()
        if self._zeroconf is None:
            await self._begin(held)
        elif self._card() != self._said and self._now() - self._said_at >= USERS_EVERY_S:
            await self._renew(self._zeroconf)

    async def _begin(self, held: list[Held]) -> None:
        self._zeroconf = zero = AsyncZeroconf(interfaces=_interfaces(held))
        self._held = held
        self._describe({})
        # Another server of that name is no hindrance: this one gets a number behind its own.
        registered = await asyncio.gather(
            *(zero.async_register_service(i, allow_name_change=True) for i in self._infos.values())
        )
        await asyncio.gather(*registered)

    async def _renew(self, zero: AsyncZeroconf) -> None:
        self._describe({type_: info.name for type_, info in self._infos.items()})
        updated = [await zero.async_update_service(info) for info in self._infos.values()]
        await asyncio.gather(*updated)

    def _describe(self, names: dict[str, str]) -> None:
        """Make the records of now; *names* are those that the services have already."""
        self._said, self._said_at = self._card(), self._now()
        self._infos = {
            type_: _info(self._said, offer, type_, self._held, names.get(type_))
            for type_, offer in self._services().items()
        }

    def _services(self) -> dict[str, Offer]:
        """Return the offer that each service stands for: the first of its protocol."""
        services = {SERVICE: self._offers[0]}
        for offer in self._offers:
            if offer.protocol in SERVICE_OF:
                services.setdefault(SERVICE_OF[offer.protocol], offer)
        return services

    async def close(self) -> None:
        """Say goodbye."""
        zero, self._zeroconf = self._zeroconf, None
        if zero is not None:
            with contextlib.suppress(OSError, RuntimeError, zeroconf.Error):
                await zero.async_close()


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"port 5353: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def _info(
    card: Card, offer: Offer, type_: str, held: list[Held], name: str | None
) -> AsyncServiceInfo:
    """Return the service *type_* of *offer*; *name* is the one it has already."""
    ours = [one.at.ip for one in held if type_ == SERVICE or offer.takes(one.at.ip)]
    kind = type_.split(".")[0].removeprefix("_")
    return AsyncServiceInfo(
        type_,
        name or f"{_instance(card.name)}.{type_}",
        port=offer.port,
        properties=to_txt(card),
        # A name of its own: the host's may be another responder's to answer for.
        server=f"{kind}-{card.server_id}.local.",
        parsed_addresses=[str(address) for address in ours],
    )


def _instance(name: str) -> str:
    """Return the name that people see in a list; a dot in it would part it in two labels."""
    return name.removesuffix(".local").replace(".", "-")


def _interfaces(held: list[Held]) -> list[str | int | tuple[tuple[str, int, int], int]]:
    """Return the interfaces as zeroconf takes them: by address for IPv4, by index for IPv6."""
    v4: list[str | int | tuple[tuple[str, int, int], int]]
    v4 = [str(one.at.ip) for one in held if one.at.version == 4]
    return [*v4, *dict.fromkeys(one.index for one in held if one.at.version == 6)]
