"""Servers of one network find each other on a local one: they announce themselves, and listen.

What is said is in `tertulia.replication.announcement`. Nothing is ever answered, and what does not
work is one warning: interfaces may come and go, and servers that were met are remembered.
"""

from __future__ import annotations

import contextlib
import random
import socket
import struct
from collections.abc import Callable, Sequence

import structlog

from tertulia.replication.announcement import (
    DATAGRAM_BYTES,
    GROUP,
    INTERVAL_S,
    INTERVAL_SPREAD,
    PORT,
    Announced,
    Foreign,
    decode,
    encode,
)
from tertulia.server.announce import Announcer
from tertulia.server.complaints import Complaints
from tertulia.server.interfaces import Held, held_addresses, speaks_multicast
from tertulia.server.mesh import ipv4
from tertulia.server.mesh.ears import open_ear_for
from tertulia.server.offers import Offer

logger = structlog.get_logger()

DATAGRAMS_MOST = 64
"""How many are looked at in one go; the others wait, and what does not fit is lost."""

Heard = Callable[["Announced | Foreign", str], None]


class MeshDiscovery:
    """Announces what *about* returns for each of the *offers* that others can reach, with the
    newest of *secrets*, and tells *heard* what others announce, and from where.

    `tick` is called a few times a second; times are monotonic seconds.
    """

    def __init__(
        self,
        about: Callable[[int], Announced],
        secrets: Callable[[], Sequence[bytes]],
        heard: Heard,
    ) -> None:
        self._about = about
        self._secrets = secrets
        self._heard = heard
        self._announcers: list[tuple[Offer, list[Announcer | ipv4.Announcer4]]] = []
        self._ears: dict[Callable[[], socket.socket], socket.socket] = {}
        """Those that are open, by what opens them."""
        self._due = 0.0
        self._is_on = False
        self._complaints = Complaints()

    def add(self, offer: Offer) -> None:
        """Others can come in at *offer*."""
        announcers: list[Announcer | ipv4.Announcer4] = []
        if any(at.version == 6 for at in offer.bound):
            announcers.append(Announcer(offer, (GROUP, PORT)))
        if any(at.version == 4 for at in offer.bound):
            announcers.append(ipv4.Announcer4(offer))
        if announcers:
            self._announcers.append((offer, announcers))

    def switch(self, on: bool) -> None:
        """Begin, or end."""
        self._is_on = on
        if not on:
            self.close()

    def hurry(self) -> None:
        """Announce at once: something changed."""
        self._due = 0.0

    def close(self) -> None:
        """Announce and hear nothing more."""
        self._is_on = False
        for _, announcers in self._announcers:
            for announcer in announcers:
                announcer.close()
        for ear in self._ears.values():
            ear.close()
        self._ears = {}

    def tick(self, now: float) -> None:
        """Do what is due at the time *now*."""
        if not self._is_on:
            return
        if now >= self._due:
            self._due = now + INTERVAL_S * random.uniform(1 - INTERVAL_SPREAD, 1 + INTERVAL_SPREAD)
            self._round(held_addresses())
        for ear in self._ears.values():
            self._listen(ear)

    def _round(self, held: Sequence[Held]) -> None:
        problems = {"listening": self._join(held)}
        for offer, announcers in self._announcers:
            data = encode(self._about(offer.port), self._secrets()[0])
            reasons = [announcer.announce(held, data) for announcer in announcers]
            problems["announcement"] = reasons[0] if all(reasons) else None
        found = {key: text for key, text in problems.items() if text}
        if found:
            text = "other servers on the network may not be found by themselves"
            self._complaints.about(
                "", "discovery", repr(found), lambda: logger.warning(text, **found)
            )

    # Hearing

    def _join(self, held: Sequence[Held]) -> str | None:
        """Be in the groups on every interface there is now; return why not, if so."""
        reason = None
        for opens, join in ((_open_ear, _join), (ipv4.open_ear, ipv4.join)):
            try:
                ear = self._ears.get(opens) or opens()
            except OSError as error:
                reason = reason or f"port {PORT}: {error.strerror}"
                continue
            self._ears[opens] = ear
            join(ear, held)
        # It takes only one of them to be found.
        return None if self._ears else reason

    def _listen(self, ear: socket.socket) -> None:
        secrets = self._secrets()
        for _ in range(DATAGRAMS_MOST):
            try:
                data, sender = ear.recvfrom(DATAGRAM_BYTES + 1)
            except OSError:  # there is nothing more, or an interface went away
                return
            said = decode(data, secrets)
            if said is not None:
                self._heard(said, _address(*sender))


def _join(ear: socket.socket, held: Sequence[Held]) -> None:
    """Let *ear* be in the group on every interface."""
    group = socket.inet_pton(socket.AF_INET6, GROUP)
    for index, name in {one.index: one.name for one in held}.items():
        if speaks_multicast(name):
            # Where it is in the group already, that is an error and all is well. An
            # interface without IPv6 has none of it.
            with contextlib.suppress(OSError):
                request = group + struct.pack("@I", index)
                ear.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)


def _open_ear() -> socket.socket:
    return open_ear_for(socket.AF_INET6, GROUP, PORT)


def _address(host: str, _port: int, _flow: int = 0, scope: int = 0) -> str:
    """Return where a datagram came from, a link-local address with its interface."""
    bare = host.partition("%")[0]
    if not scope:
        return bare
    with contextlib.suppress(OSError):
        return f"{bare}%{socket.if_indextoname(scope)}"
    return f"{bare}%{scope}"
