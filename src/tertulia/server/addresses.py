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
    return (*_links_v4(), *_links_v6())


def _links_v4() -> list[Network]:
    """The IPv4 prefixes of this machine's interfaces (netdevice(7))."""
    found: list[Network] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            with contextlib.suppress(OSError):
                address, mask = (
                    socket.inet_ntoa(fcntl.ioctl(probe.fileno(), code, request)[20:24])
                    for code in (_SIOCGIFADDR, _SIOCGIFNETMASK)
                )
                found.append(ipaddress.ip_network(f"{address}/{mask}", strict=False))
    return found


def _links_v6() -> list[Network]:
    """The IPv6 prefixes of this machine's interfaces, where the kernel lists them."""
    table = Path("/proc/net/if_inet6")
    found: list[Network] = []
    with contextlib.suppress(OSError, ValueError):
        for line in table.read_text().splitlines():
            digits, _, length, *_ = line.split()
            address = ipaddress.IPv6Address(int(digits, 16))
            found.append(ipaddress.ip_network(f"{address}/{int(length, 16)}", strict=False))
    return found


def own_addresses() -> list[str]:
    """Return the addresses at which other machines may reach this one, IPv4 first."""
    v4: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            with contextlib.suppress(OSError):
                v4.append(socket.inet_ntoa(fcntl.ioctl(probe, _SIOCGIFADDR, request)[20:24]))
    v6: list[str] = []
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/net/if_inet6").read_text().splitlines():
            v6.append(str(ipaddress.IPv6Address(int(line.split()[0], 16))))
    found = [ipaddress.ip_address(a) for a in (*v4, *v6)]
    return [str(a) for a in found if not a.is_loopback and not a.is_link_local]
