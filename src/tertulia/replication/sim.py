"""A network of nodes in one process, with a clock of its own: what happens depends on chance
alone, and so on its seed.

Between two servers there may be a *wire*; over it both connect when they have no link. What is
sent is delayed, and may get lost, come twice or in another order, a line at a time: worse than
any TCP connection does.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from tertulia.replication.mesh import Me
from tertulia.replication.messages import Hello
from tertulia.replication.node import TICK_S, Node

DIAL_S = 1.0


class Chance(Protocol):
    """Where chance comes from: `random.Random`, with a seed."""

    def random(self) -> float:
        """Return 0 ≤ x < 1."""


class Conditions(Struct, frozen=True, kw_only=True):
    """How a wire behaves: *delay_s* from and to; shares of lines that are lost, come twice, or
    are overtaken; and how many bytes it takes a second, None for any number."""

    delay_s: tuple[float, float] = (0.001, 0.02)
    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    bytes_per_s: float | None = None


FINE = Conditions()


class _Host:
    """A server that is alive."""

    def __init__(self, me: Me, node: Node) -> None:
        self.me = me
        self.node = node
        # No set, whose order would not be the same with the same seed.
        self.ends: dict[SimLink, None] = {}


class _Wire:
    def __init__(self, conditions: Conditions) -> None:
        self.conditions = conditions
        self.is_cut = False


class SimLink:
    """One end of a connection, as a node has it."""

    def __init__(
        self, network: SimNetwork, wire: _Wire, host: _Host, peer: Hello, initiated: bool
    ) -> None:
        self._network = network
        self._wire = wire
        self._host = host
        self._free_at = 0.0
        self._arrives_at = 0.0
        self.other: SimLink = self
        self.peer = peer
        self.initiated = initiated
        self.address = f"sim:{peer.name}"
        self.queued = 0
        self.most_queued = 0
        self.is_open = True
        self.reason = ""

    def send(self, data: bytes) -> None:
        """Queue lines."""
        if not self.is_open:
            return
        rate = self._wire.conditions.bytes_per_s
        for line in data.splitlines(keepends=True):
            if rate is None:
                self._fly(line)
                continue
            self.queued += len(line)
            self.most_queued = max(self.most_queued, self.queued)
            self._free_at = max(self._free_at, self._network.now) + len(line) / rate
            self._network.at(self._free_at, lambda line=line: self._taken(line))  # type: ignore[misc]

    def _taken(self, line: bytes) -> None:
        self.queued -= len(line)
        self._fly(line)
        if not self.queued and self.is_open:
            self._host.node.drained(self)

    def _fly(self, line: bytes) -> None:
        conditions, chance = self._wire.conditions, self._network.chance
        if self._wire.is_cut or chance.random() < conditions.loss:
            return
        for _ in range(2 if chance.random() < conditions.duplication else 1):
            self._network.at(self._arrival(), lambda: self.other._arrive(line))

    def _arrival(self) -> float:
        conditions, chance = self._wire.conditions, self._network.chance
        least, most = conditions.delay_s
        at = self._network.now + least + (most - least) * chance.random()
        if chance.random() < conditions.reordering:
            return at + most * 3 * chance.random()
        self._arrives_at = max(self._arrives_at, at)
        return self._arrives_at

    def _arrive(self, line: bytes) -> None:
        if self.is_open and not self._wire.is_cut:
            self._host.node.data(self, line)

    def close(self, reason: str) -> None:
        """Close, behind what is queued."""
        if self.is_open:
            self.reason = reason
            self._network.after(0, self.end)
            self._tell_other()

    def _tell_other(self) -> None:
        self.is_open = False
        if not self._wire.is_cut:
            at = max(self._free_at, self._arrives_at, self._network.now) + 0.001
            self._network.at(at, self.other.end)

    def end(self) -> None:
        """The connection is no more."""
        self.is_open = False
        if self in self._host.ends:
            del self._host.ends[self]
            self._host.node.closed(self)

    def vanish(self, silently: bool) -> None:
        """The server at this end is no more."""
        if not silently:
            self._tell_other()
        self.is_open = False


class SimNetwork:
    """The network, its clock, and all that is going to happen."""

    def __init__(
        self, chance: Chance, conditions: Conditions = FINE, start: float = 1000.0
    ) -> None:
        self.chance = chance
        self.now = start
        self.conditions = conditions
        self._hosts: dict[str, _Host] = {}
        self._wires: dict[frozenset[str], _Wire] = {}
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def clock(self) -> float:
        """Return the time, in seconds."""
        return self.now

    def at(self, time: float, do: Callable[[], None]) -> None:
        """Let something happen at a time."""
        self._count += 1
        heapq.heappush(self._heap, (time, self._count, do))

    def after(self, delay: float, do: Callable[[], None]) -> None:
        """Let something happen later."""
        self.at(self.now + delay, do)

    def run_until(self, time: float) -> None:
        """Let everything happen up to a time."""
        while self._heap and self._heap[0][0] <= time:
            self.now, _, do = heapq.heappop(self._heap)
            do()
        self.now = max(self.now, time)

    def run_for(self, seconds: float) -> None:
        """Let everything happen for a while."""
        self.run_until(self.now + seconds)

    def add(self, me: Me, node: Node) -> None:
        """A server starts."""
        assert me.server not in self._hosts, "it is alive already: see `add_double`"
        host = self._hosts[me.server] = _Host(me, node)
        self.after(TICK_S * self.chance.random(), lambda: self._tick(host))

    def crash(self, server: str) -> None:
        """A server is no more; some of its peers hear of it at once, some by its silence."""
        host = self._hosts.pop(server)
        for end in host.ends:
            end.vanish(silently=self.chance.random() < 0.5)
        host.ends.clear()

    def stop(self, server: str) -> None:
        """A server stops in an orderly way."""
        host = self._hosts.pop(server)
        host.node.bye()

    def wire(self, one: str, other: str, conditions: Conditions | None = None) -> None:
        """Let *one* and *other* be able to connect."""
        wire = _Wire(conditions or self.conditions)
        self._wires[frozenset((one, other))] = wire
        for me, peer in ((one, other), (other, one)):
            self.after(0.1 * self.chance.random(), lambda me=me, peer=peer: self._dial(me, peer))  # type: ignore[misc]

    def cut(self, one: str, other: str) -> None:
        """Nothing gets through from now on; nobody is told."""
        self._wires[frozenset((one, other))].is_cut = True

    def heal(self, one: str, other: str) -> None:
        """What is sent gets through again."""
        self._wires[frozenset((one, other))].is_cut = False

    def change(self, one: str, other: str, conditions: Conditions) -> None:
        """The wire behaves otherwise from now on."""
        self._wires[frozenset((one, other))].conditions = conditions

    def connect(self, one: str, other: str) -> tuple[SimLink, SimLink]:
        """*one* connects to *other* now, over the wire between them."""
        wire = self._wires[frozenset((one, other))]
        return self._connect(wire, self._hosts[one], self._hosts[other])

    def add_double(self, me: Me, node: Node, peer: str) -> SimLink:
        """Another server with an id that there is already starts, and connects to *peer*."""
        host = _Host(me, node)
        self.after(TICK_S * self.chance.random(), lambda: self._tick(host, lasting=True))
        wire = self._wires[frozenset((me.server, peer))]
        return self._connect(wire, host, self._hosts[peer])[0]

    def _connect(self, wire: _Wire, one: _Host, other: _Host) -> tuple[SimLink, SimLink]:
        near = SimLink(self, wire, one, other.me.hello("00" * 32), True)
        far = SimLink(self, wire, other, one.me.hello("00" * 32), False)
        near.other, far.other = far, near
        for host, end in ((one, near), (other, far)):
            host.ends[end] = None
            host.node.opened(end)
        return near, far

    def _dial(self, one: str, other: str) -> None:
        self.after(DIAL_S * (0.5 + self.chance.random()), lambda: self._dial(one, other))
        wire = self._wires[frozenset((one, other))]
        near, far = self._hosts.get(one), self._hosts.get(other)
        if near is None or far is None or wire.is_cut or other in near.node.linked:
            return
        if not (near.node.refuses(other) or far.node.refuses(one)):
            self._connect(wire, near, far)

    def _tick(self, host: _Host, lasting: bool = False) -> None:
        if lasting or self._hosts.get(host.me.server) is host:
            host.node.tick()
            self.after(TICK_S, lambda: self._tick(host, lasting))
