"""Announcements on networks without IPv6: the same, to a group of IPv4.

They are made beside those over IPv6, because not everybody on a network may have that.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
from collections.abc import Sequence

from tertulia.replication.announcement import PORT
from tertulia.server.interfaces import Held, speaks_multicast
from tertulia.server.mesh.ears import open_ear_for
from tertulia.server.offers import Offer

GROUP = "239.255.74.47"
"""Of those that stay on the local network (RFC 2365 6.1)."""


class Announcer4:
    """Announces one *offer* over IPv4."""

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        self._socket: socket.socket | None = None

    def announce(self, held: Sequence[Held], data: bytes) -> str | None:
        """Announce once on every interface; return why nobody can hear it, if so."""
        try:
            self._socket = self._socket or _open()
        except OSError as error:
            return f"no IPv4: {error.strerror}"
        heard = [self._send(self._socket, one, data) for one in _multicasting(held)]
        return None if any(heard) else "no interface carries multicast over IPv4"

    def _send(self, by: socket.socket, one: Held, data: bytes) -> bool:
        if not self._offer.takes(one.at.ip):
            return False
        try:
            by.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, _from(one))
            by.sendto(data, (GROUP, PORT))
        except BlockingIOError:
            pass  # Full buffers are no failure: the next one is due in a few seconds.
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Say nothing more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def open_ear() -> socket.socket:
    """Return a socket that hears what is said to the group. Raises `OSError`."""
    return open_ear_for(socket.AF_INET, GROUP, PORT)


def join(ear: socket.socket, held: Sequence[Held]) -> None:
    """Let *ear* be in the group on every interface that has IPv4."""
    for one in _multicasting(held):
        # Where it is in the group already, that is an error and all is well.
        with contextlib.suppress(OSError):
            request = socket.inet_aton(GROUP) + _from(one)[4:]
            ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)


def _multicasting(held: Sequence[Held]) -> list[Held]:
    return [
        one
        for one in held
        if isinstance(one.at.ip, ipaddress.IPv4Address)
        and not one.at.ip.is_loopback
        and speaks_multicast(one.name)
    ]


def _from(one: Held) -> bytes:
    """Return the ``struct ip_mreqn`` (ip(7)) of an address and its interface."""
    return struct.pack("@4s4si", bytes(4), one.at.ip.packed, one.index)


def _open() -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setblocking(False)
    opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
    return opened
