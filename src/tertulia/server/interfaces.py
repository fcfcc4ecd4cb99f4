"""The addresses that this machine's interfaces have now."""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import socket
import struct
from pathlib import Path

from msgspec import Struct

Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface

_SIOCGIFADDR = 0x8915
_SIOCGIFFLAGS = 0x8913
_SIOCGIFNETMASK = 0x891B
_IFF_UP = 0x1
_IFF_LOOPBACK = 0x8
_IFF_MULTICAST = 0x1000
# rtnetlink(7): what the kernel knows about an address.
_IFA_F_TEMPORARY = 0x01
_IFA_F_DADFAILED = 0x08
_IFA_F_DEPRECATED = 0x20
_IFA_F_TENTATIVE = 0x40


class Held(Struct, frozen=True):
    """An address, with the prefix of its link, and the interface that has it."""

    name: str
    index: int
    at: Interface
    flags: int = 0

    @property
    def is_usable(self) -> bool:
        """Whether it can be sent from already."""
        return not self.flags & (_IFA_F_TENTATIVE | _IFA_F_DADFAILED)

    @property
    def is_lasting(self) -> bool:
        """Whether it is to be kept, and not one of those that are given up for privacy."""
        return not self.flags & (_IFA_F_DEPRECATED | _IFA_F_TEMPORARY)


def held_addresses() -> list[Held]:
    """Return the addresses of this machine, IPv4 first."""
    return [*held_v4(), *held_v6()]


def held_v4() -> list[Held]:
    """Return the IPv4 ones, one an interface (netdevice(7))."""
    found: list[Held] = []
    for index, name in socket.if_nameindex():
        with contextlib.suppress(OSError):
            address, mask = (
                socket.inet_ntoa(_ask(name, code)[4:8]) for code in (_SIOCGIFADDR, _SIOCGIFNETMASK)
            )
            found.append(Held(name, index, ipaddress.ip_interface(f"{address}/{mask}")))
    return found


def held_v6() -> list[Held]:
    """Return the IPv6 ones, where the kernel lists them."""
    table = Path("/proc/net/if_inet6")
    found: list[Held] = []
    with contextlib.suppress(OSError, ValueError):
        for line in table.read_text().splitlines():
            digits, index, length, _scope, flags, name = line.split()
            address = ipaddress.IPv6Address(int(digits, 16))
            at = ipaddress.ip_interface(f"{address}/{int(length, 16)}")
            found.append(Held(name, int(index, 16), at, int(flags, 16)))
    return found


def speaks_multicast(name: str) -> bool:
    """Whether the interface is up and can carry multicast; the loopback one can.

    A port of a bridge is none of its own: what is said on the bridge is said on all of them.
    """
    if Path(f"/sys/class/net/{name}/brport").exists():
        return False
    try:
        flags: int = struct.unpack_from("H", _ask(name, _SIOCGIFFLAGS))[0]
    except OSError:
        return False
    return bool(flags & _IFF_UP and flags & (_IFF_LOOPBACK | _IFF_MULTICAST))


def _ask(name: str, code: int) -> bytes:
    """Return what the kernel says of an interface, after its name. Raises `OSError`."""
    request = struct.pack("256s", name.encode()[:15])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        return fcntl.ioctl(probe.fileno(), code, request)[16:]
