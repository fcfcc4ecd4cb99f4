"""Which addresses are near: this machine, its links, and private networks."""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import socket
import struct
import time
from functools import lru_cache
from pathlib import Path

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface

_SIOCGIFADDR = 0x8915
_SIOCGIFNETMASK = 0x891B
_LINKS_KNOWN_FOR_S = 60


def shortest(host: str) -> Address:
    """Return the address of *host* as the kernel names it; a mapped IPv4 one as IPv4."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def is_near(address: Address) -> bool:
    """Whether *address* is this machine's, private, or on one of this machine's links."""
    if address.is_loopback or address.is_link_local or address.is_private:
        return True
    known = int(time.monotonic() / _LINKS_KNOWN_FOR_S)
    return any(address in network for network in _links(known))


@lru_cache(maxsize=1)
def _links(_minute: int) -> tuple[Network, ...]:
    return tuple(interface.network for interface in _interfaces())


def own_addresses() -> list[str]:
    """Return the addresses at which other machines may reach this one, IPv4 first."""
    found = [interface.ip for interface in _interfaces()]
    return [str(a) for a in found if not a.is_loopback and not a.is_link_local]


def _interfaces() -> list[Interface]:
    """The addresses of this machine's interfaces, with the prefixes of their links."""
    return [*_interfaces_v4(), *_interfaces_v6()]


def _interfaces_v4() -> list[Interface]:
    """The IPv4 ones (netdevice(7))."""
    found: list[Interface] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            with contextlib.suppress(OSError):
                address, mask = (
                    socket.inet_ntoa(fcntl.ioctl(probe.fileno(), code, request)[20:24])
                    for code in (_SIOCGIFADDR, _SIOCGIFNETMASK)
                )
                found.append(ipaddress.ip_interface(f"{address}/{mask}"))
    return found


def _interfaces_v6() -> list[Interface]:
    """The IPv6 ones, where the kernel lists them."""
    table = Path("/proc/net/if_inet6")
    found: list[Interface] = []
    with contextlib.suppress(OSError, ValueError):
        for line in table.read_text().splitlines():
            digits, _, length, *_ = line.split()
            address = ipaddress.IPv6Address(int(digits, 16))
            found.append(ipaddress.ip_interface(f"{address}/{int(length, 16)}"))
    return found
