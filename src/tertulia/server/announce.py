"""The old announcement: a multicast datagram on every interface, for the discovery client."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Sequence

import structlog

from tertulia.protocols.announcement import GROUP, PORT, datagram
from tertulia.server.interfaces import Held, speaks_multicast
from tertulia.server.offers import Offer, preferred

logger = structlog.get_logger()

# RFC 3542 6.1: the datagram goes no farther than the link.
_HOPS = 1


def sources(offer: Offer, held: Sequence[Held]) -> list[Held]:
    """Return the address to announce *offer* from, for each interface that has one.

    COMPAT: the discovery client connects to the sender's address and drops the scope, so a
    link-local one is the last choice.
    """
    best: dict[int, Held] = {}
    for one in preferred(held):
        if isinstance(one.at.ip, ipaddress.IPv6Address) and offer.takes(one.at.ip):
            best.setdefault(one.index, one)
    return [one for one in best.values() if speaks_multicast(one.name)]


class Announcer:
    """Announces one *offer* to a group and port, by default the old ones. Nothing but the old
    announcement is ever sent to those, because the discovery client decodes whatever arrives
    there."""

    def __init__(self, offer: Offer, to: tuple[str, int] = (GROUP, PORT)) -> None:
        self._offer = offer
        self._to = to
        self._datagram = datagram(offer.port)
        self._socket: socket.socket | None = None
        self._failing: set[str] = set()

    def announce(self, held: Sequence[Held], data: bytes | None = None) -> str | None:
        """Announce once on every interface, the old announcement or *data*; return why nobody
        can hear it, if so."""
        if data is not None:
            self._datagram = data
        try:
            self._socket = self._socket or _open()
        except OSError as error:
            return f"no IPv6: {error.strerror}"
        chosen = sources(self._offer, held)
        failures = {}
        for one in chosen:
            if (reason := self._send(self._socket, one)) is not None:
                failures[one.name] = reason
        if len(failures) < len(chosen):
            self._log(failures)
            return None
        # Without a network there is only the loopback interface, which has no route for multicast.
        return "no interface carries multicast over IPv6" if self._offer.is_open else None

    def _log(self, failures: dict[str, str]) -> None:
        """Tell which interfaces fail beside others that do not, each once while it does."""
        for name in failures.keys() - self._failing - {"lo"}:
            logger.warning("not announced on an interface", interface=name, reason=failures[name])
        self._failing = set(failures)

    def _send(self, by: socket.socket, one: Held) -> str | None:
        """Send from an address, on its interface; return why not, if so."""
        info = one.at.ip.packed + struct.pack("@I", one.index)
        control = [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, info)]
        try:
            by.sendmsg([self._datagram], control, 0, self._to)
        except BlockingIOError:
            return None  # Full buffers are no failure: the next one is due in a few seconds.
        except OSError as error:
            return error.strerror or str(error)
        return None

    def close(self) -> None:
        """Say nothing more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _open() -> socket.socket:
    opened = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    opened.setblocking(False)
    opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, _HOPS)
    return opened
