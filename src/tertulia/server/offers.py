"""What the server offers, and at which of this machine's addresses."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from tertulia.server.addresses import Address
from tertulia.server.interfaces import Held


class Offer(Struct, frozen=True):
    """A protocol that is listened for; *bound* is where, as the sockets say."""

    protocol: str
    port: int
    bound: tuple[Address, ...]

    def takes(self, address: Address) -> bool:
        """Whether a connection to *address*, one of this machine's, arrives there."""
        return any(
            at == address or (at.is_unspecified and at.version == address.version)
            for at in self.bound
        )

    @property
    def is_open(self) -> bool:
        """Whether others than this machine may come to it, when there is a network."""
        return any(not at.is_loopback for at in self.bound)


def offer_of(protocol: str, sockets: Iterable[Any]) -> Offer:
    """Return what a listener for *protocol* offers, which has these *sockets*."""
    names = [one.getsockname() for one in sockets if one.family != socket.AF_UNIX]
    bound = tuple(ipaddress.ip_address(name[0].partition("%")[0]) for name in names)
    return Offer(protocol, names[0][1] if names else 0, bound)


def preferred(held: Iterable[Held]) -> list[Held]:
    """Return usable addresses, those first that serve longest and farthest on a local network.

    A link-local one means something only with its interface, so it is last; unique-local ones
    stay when the provider changes the global ones; temporary ones go away.
    """
    return sorted((one for one in held if one.is_usable), key=_rank)


def _rank(one: Held) -> tuple[bool, bool, bool]:
    ip = one.at.ip
    return ip.is_link_local, not one.is_lasting, not ip.is_private
