"""The servers that were heard of: what two sources say of the same one is put together."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from tertulia.protocols.announcement import Card

# Anyone on the network can claim to be any number of servers.
MOST_SERVERS = 256
MOST_ADDRESSES = 16

# How long an old announcement waits for DNS-SD to say whose it is. A server that starts
# announces at once, and is described when it has found a name that is free.
GRACE_S = 3.0


@dataclass
class Found:
    """A server on the network. What is not known of it is empty, None for the users.

    *addresses* are as one connects to them: a link-local one has its scope, ``fe80::1%eth0``.
    *ports* are by protocol: ``irc``, ``ircs``, ``json``, ``rech`` and so on.
    """

    card: Card
    addresses: list[str] = field(default_factory=list)

    @property
    def ports(self) -> dict[str, int]:
        """Return the ports by protocol."""
        return self.card.ports

    def add(self, addresses: Iterable[str]) -> None:
        """Remember more addresses; of a link-local one, that with its scope."""
        for address in addresses:
            bare = address.partition("%")[0]
            if address in self.addresses or len(self.addresses) >= MOST_ADDRESSES:
                continue
            if bare == address and any(bare == known.partition("%")[0] for known in self.addresses):
                continue
            if bare in self.addresses:
                self.addresses[self.addresses.index(bare)] = address
            else:
                self.addresses.append(address)


class Servers:
    """Puts together what is heard; says each server once.

    *is_ours* tells whether an address is this machine's: what is announced from its loopback
    address is the same server as one at its other addresses and that port.
    """

    def __init__(self, is_ours: Callable[[str], bool]) -> None:
        self._is_ours = is_ours
        self._described: dict[str, Found] = {}
        self._announced: dict[tuple[str, int], float] = {}
        """When somebody announced an address and port that nobody has described."""
        self._said: set[str | tuple[str, int]] = set()

    def describe(self, key: str, card: Card, addresses: Iterable[str]) -> None:
        """Hear of a server through DNS-SD; *key* is the name of its service."""
        key = card.server_id or key
        if key not in self._described and self._is_full:
            return
        found = self._described.setdefault(key, Found(card))
        found.card = card
        found.add(addresses)
        for address, port in list(self._announced):
            if self._is_of(found, address, port):
                del self._announced[address, port]
                found.add([address])
                if (address, port) in self._said:
                    self._said.add(key)

    def announce(self, address: str, port: int, now: float) -> None:
        """Hear an old announcement from *address* at the time *now*, in seconds."""
        for found in self._described.values():
            if self._is_of(found, address, port):
                found.add([address])
                return
        if (address, port) not in self._announced and not self._is_full:
            self._announced[address, port] = now

    def ready(self, now: float) -> Iterator[Found]:
        """Yield the servers that were not yielded and of which enough is known."""
        for key, found in self._described.items():
            if key not in self._said and found.addresses:
                self._said.add(key)
                yield found
        for (address, port), heard in list(self._announced.items()):
            if (address, port) not in self._said and now >= heard + GRACE_S:
                self._said.add((address, port))
                yield Found(Card(name="", ports={"rech": port}), [address])

    def next_due(self) -> float:
        """Return when an announcement has waited long enough; infinity if none waits."""
        waiting = (heard for key, heard in self._announced.items() if key not in self._said)
        return min(waiting, default=float("inf")) + GRACE_S

    @property
    def _is_full(self) -> bool:
        return len(self._described) + len(self._announced) >= MOST_SERVERS

    def _is_of(self, found: Found, address: str, port: int) -> bool:
        if found.ports.get("rech") != port:
            return False
        bare = {known.partition("%")[0] for known in found.addresses}
        if address.partition("%")[0] in bare:
            return True
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback and any(
            self._is_ours(known) for known in found.addresses
        )
