"""Where the servers of a network are, and the wires between them, which can be cut.

On Linux as root each has a network namespace of its own, all of them at one bridge; elsewhere all
are on the loopback interface, and reach each other through relays. One wire may be slow: that is a
relay in either case.

Nothing tells the ends that a wire was cut: what is sent does not arrive. Only who is unplugged may
see that.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import itertools
import os
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

from bench.relay import Relay
from tests.behaviour.machines import Machine, ip, why_not
from tests.behaviour.networks import free_port
from tests.chaos.kit import MIB

PORT = 7447
CLONE_NEWNET = 0x40000000
NOBODY = "02:00:00:00:00:99"

Streams: TypeAlias = "tuple[asyncio.StreamReader, asyncio.StreamWriter]"
Wire: TypeAlias = "tuple[int, int]"
"""Two servers, the smaller number first."""


def wires(count: int) -> list[Wire]:
    """Return those between *count* servers."""
    return list(itertools.combinations(range(count), 2))


class Lab(ABC):
    """*count* servers, numbered from 0. The first of a *slow* pair connects to the second, at
    *rate* bytes a second."""

    def __init__(self, count: int, slow: Wire | None, rate: int) -> None:
        self.count = count
        self.slow = slow
        self.rate = rate
        self.relays: dict[Wire, Relay] = {}
        """By who connects to whom."""

    @abstractmethod
    def within(self, n: int) -> Sequence[str]:
        """Return the command that runs another one where server *n* is."""

    @abstractmethod
    def listens(self, n: int) -> str:
        """Return where server *n* listens for others."""

    @abstractmethod
    def peers(self, n: int) -> list[str]:
        """Return where server *n* is to look for others."""

    @abstractmethod
    def socket_at(self, n: int) -> socket.socket:
        """Return a socket where server *n* is."""

    @abstractmethod
    def cut(self, wire: Wire) -> None:
        """Let nothing through."""

    @abstractmethod
    def mend(self, wire: Wire) -> None:
        """Let everything through again."""

    @abstractmethod
    def unplug(self, n: int) -> None:
        """Cut off a server from all others."""

    @abstractmethod
    def plug(self, n: int) -> None:
        """Undo that."""

    async def connect(self, n: int, port: int) -> Streams:
        """Come to server *n* as a client."""
        sock = self.socket_at(n)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        except BaseException:
            sock.close()
            raise
        return await asyncio.open_connection(sock=sock, limit=MIB)

    def hurry(self) -> None:
        """Let the slow wire be slow no more."""
        for relay in self.relays.values():
            relay.rate = None

    async def end(self) -> None:
        """Take everything away."""
        for relay in self.relays.values():
            await relay.close()


class Namespaces(Lab):
    """A network namespace for each server, and one for the bridge.

    A wire is cut by the wrong Ethernet address in the tables of both ends: what they send goes to
    nobody.
    """

    def __init__(self, count: int, slow: Wire | None, rate: int) -> None:
        super().__init__(count, slow, rate)
        self._machines: list[Machine] = []
        try:
            self._switch = self._machine()
            self._switch.ip("link", "add", "bridge", "type", "bridge")
            self._switch.ip("address", "add", f"{_address(-1)}/24", "dev", "bridge")
            self._switch.ip("link", "set", "bridge", "up")
            self._servers = [self._machine() for _ in range(count)]
            for n in range(count):
                self._lay_cable(n)
            for wire in wires(count):
                self.mend(wire)
            if slow is not None:
                self._slow_down(slow, rate)
        except BaseException:
            self._demolish()
            raise

    def _machine(self) -> Machine:
        self._machines.append(Machine())
        return self._machines[-1]

    def _lay_cable(self, n: int) -> None:
        machine = self._servers[n]
        cable = ("type", "veth", "peer", "name", "eth0", "netns", machine.name)
        ip("link", "add", f"port{n}", "netns", self._switch.name, *cable)
        machine.ip("link", "set", "eth0", "address", _mac(n))
        # The address of the slow wire's relay is all that there is besides.
        machine.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6")
        machine.ip("address", "add", f"{_address(n)}/24", "dev", "eth0")
        machine.ip("link", "set", "eth0", "up")
        self._switch.ip("link", "set", f"port{n}", "master", "bridge", "up")

    def _slow_down(self, slow: Wire, rate: int) -> None:
        self._send(slow, NOBODY, NOBODY)
        listener = _socket_in(self._switch.name)
        listener.bind((_address(-1), PORT))
        target = (_address(slow[1]), PORT)
        self.relays[slow] = Relay(listener, target, lambda: _socket_in(self._switch.name), rate)

    def within(self, n: int) -> Sequence[str]:
        return self._servers[n].within

    def listens(self, n: int) -> str:
        return f"{_address(n)}:{PORT}"

    def peers(self, n: int) -> list[str]:
        found = {other: other for other in range(self.count) if other != n}
        if self.slow is not None and n in self.slow:
            one, other = self.slow
            if n == one:
                found[other] = -1
            else:
                del found[one]
        return [f"{_address(at)}:{PORT}" for at in found.values()]

    def socket_at(self, n: int) -> socket.socket:
        return _socket_in(self._servers[n].name)

    def cut(self, wire: Wire) -> None:
        if wire == self.slow and wire in self.relays:
            self.relays[wire].is_cut = True
        else:
            self._send(wire, NOBODY, NOBODY)

    def mend(self, wire: Wire) -> None:
        if wire == self.slow and wire in self.relays:
            self.relays[wire].is_cut = False
        else:
            self._send(wire, _mac(wire[0]), _mac(wire[1]))

    def _send(self, wire: Wire, first: str, second: str) -> None:
        """Let what each end sends the other go to these Ethernet addresses."""
        for here, there, mac in ((wire[0], wire[1], second), (wire[1], wire[0], first)):
            where = (_address(there), "lladdr", mac, "dev", "eth0", "nud", "permanent")
            self._servers[here].ip("neighbour", "replace", *where)

    def unplug(self, n: int) -> None:
        self._switch.ip("link", "set", f"port{n}", "down")

    def plug(self, n: int) -> None:
        self._switch.ip("link", "set", f"port{n}", "up")

    async def end(self) -> None:
        await super().end()
        self._demolish()

    def _demolish(self) -> None:
        for machine in self._machines:
            machine.end()


class Relayed(Lab):
    """All servers on the loopback interface, with a relay for each that looks for another."""

    def __init__(self, count: int, slow: Wire | None, rate: int) -> None:
        super().__init__(count, slow, rate)
        self._ports = [free_port() for _ in range(count)]
        self._cut: set[Wire] = set()
        self._unplugged: set[int] = set()
        self._relay_ports: dict[Wire, int] = {}
        for one, other in itertools.permutations(range(count), 2):
            if (other, one) != slow:
                listener = socket.socket()
                listener.bind(("127.0.0.1", 0))
                self._relay_ports[one, other] = listener.getsockname()[1]
                target = ("127.0.0.1", self._ports[other])
                speed = rate if (one, other) == slow else None
                self.relays[one, other] = Relay(listener, target, socket.socket, speed)

    def within(self, n: int) -> Sequence[str]:
        return ()

    def listens(self, n: int) -> str:
        return f"127.0.0.1:{self._ports[n]}"

    def peers(self, n: int) -> list[str]:
        return [f"127.0.0.1:{port}" for (one, _), port in self._relay_ports.items() if one == n]

    def socket_at(self, n: int) -> socket.socket:
        return socket.socket()

    def cut(self, wire: Wire) -> None:
        self._cut.add(wire)
        self._set()

    def mend(self, wire: Wire) -> None:
        self._cut.discard(wire)
        self._set()

    def unplug(self, n: int) -> None:
        self._unplugged.add(n)
        self._set()

    def plug(self, n: int) -> None:
        self._unplugged.discard(n)
        self._set()

    def _set(self) -> None:
        for (one, other), relay in self.relays.items():
            wire = (min(one, other), max(one, other))
            relay.is_cut = wire in self._cut or bool(self._unplugged & {one, other})


def _address(n: int) -> str:
    """Return the address of server *n*; the bridge is -1."""
    return f"10.77.0.{n + 2}"


def _mac(n: int) -> str:
    return f"02:00:00:00:00:{n + 2:02x}"


def _socket_in(namespace: str) -> socket.socket:
    """Return a socket in a network namespace: it stays there, whoever uses it."""
    # A thread of its own, which is nowhere else before or after.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_enter, namespace).result()


def _enter(namespace: str) -> socket.socket:
    handle = os.open(f"/var/run/netns/{namespace}", os.O_RDONLY)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(handle, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "cannot enter a network namespace")
        return socket.socket()
    finally:
        os.close(handle)


@contextlib.asynccontextmanager
async def lab(count: int, slow: Wire | None = None, rate: int = 1024) -> AsyncIterator[Lab]:
    """A place for *count* servers; it is gone in the end."""
    reason = why_not()
    if reason is not None:
        print(f"all servers are on the loopback interface, behind relays: {reason}")
    made: Lab = Namespaces(count, slow, rate) if reason is None else Relayed(count, slow, rate)
    try:
        yield made
    finally:
        await made.end()
