"""Which addresses are near: this machine, its links, and private networks."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterable
from functools import lru_cache

from tertulia.server.interfaces import held_addresses

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LINKS_KNOWN_FOR_S = 60


def shortest(host: str) -> Address:
    """Return the address of *host* as the kernel names it; a mapped IPv4 one as IPv4."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def network_of(text: str) -> Network:
    """Return the network that *text* names, or the one address; raises `ValueError`."""
    network = ipaddress.ip_network(text)
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped:
        raise ValueError(f"{text} is an IPv4 address in IPv6")
    return network


def is_listed(address: Address, networks: Iterable[str]) -> bool:
    """Whether *address* is one of *networks*, or in one of them."""
    return any(address in network_of(text) for text in networks)


def is_near(address: Address) -> bool:
    """Whether *address* is this machine's, private, or on one of this machine's links."""
    if address.is_loopback or address.is_link_local or address.is_private:
        return True
    known = int(time.monotonic() / _LINKS_KNOWN_FOR_S)
    return any(address in network for network in _links(known))


@lru_cache(maxsize=1)
def _links(_minute: int) -> tuple[Network, ...]:
    return tuple(held.at.network for held in held_addresses())


def own_addresses() -> list[str]:
    """Return the addresses at which other machines may reach this one, IPv4 first."""
    found = [held.at.ip for held in held_addresses()]
    return [str(a) for a in found if not a.is_loopback and not a.is_link_local]


def own_link_local_addresses() -> list[str]:
    """Return the addresses that reach no farther than a link, without its name: that is another
    one on each machine."""
    found = [held.at.ip for held in held_addresses()]
    return [str(a) for a in found if a.is_link_local]
