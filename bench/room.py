"""One channel full of members, and the messages that go through it."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass

from bench.procs import Meter, Usage
from bench.swarm import PRIVMSG, Client, Progress, Swarm, SwarmError

_JOIN = b" JOIN "
_END_OF_NAMES = b" 366 "
SENDERS = 10
TEXT_BYTES = 60
SEQUENCE_DIGITS = 8


@dataclass(frozen=True)
class Load:
    """How messages are sent: `burst` lines at a time, at most `window` messages in flight.

    A message is in flight until as many deliveries have arrived as it and all before it
    make. When there is room for a burst in the window, the sender whose turn it is sends it.
    """

    burst: int
    window: int


@dataclass(frozen=True)
class Flood:
    """What one flood did; every delivery of every message has arrived and was counted."""

    messages: int
    deliveries: int
    usage: Usage


class Room:
    """A channel and its members, who are all the clients of the swarm; the first ones send."""

    def __init__(self, swarm: Swarm, channel: bytes = b"#bench") -> None:
        self.swarm = swarm
        self.channel = channel
        self.senders = swarm.clients[:SENDERS]
        self._next_sender = itertools.cycle(self.senders)
        self._sequence = itertools.count()

    @property
    def fanout(self) -> int:
        """Deliveries a message: every member but its sender."""
        return len(self.swarm.clients) - 1

    def join_all(self, pid: int | None) -> Usage:
        """All members join at once; returns what was used until the last had read all of it.

        The i-th to join is seen by i members, so exactly n(n+1)/2 JOIN lines must arrive,
        then the end of NAMES; a fence makes sure that everything has been read.
        """
        swarm, size = self.swarm, len(self.swarm.clients)
        swarm.hot(True)
        meter = Meter(pid)
        for client in swarm.clients:
            swarm.send(client, b"JOIN " + self.channel + b"\r\n")
        expected = size * (size + 1) // 2
        progress = Progress(f"{size} joins at once")
        arrived = 0
        while arrived < expected:
            found = swarm.pump(_JOIN)
            arrived += found
            progress.note(found, f"{arrived} of {expected} JOIN lines arrived")
        swarm.fence()
        usage = meter.stop()
        if arrived != expected:
            raise SwarmError(f"{arrived} JOIN lines arrived, {expected} expected")
        return usage

    def join_gently(self, step: int) -> None:
        """All members join, `step` at a time, each step read to its end by everybody."""
        clients = self.swarm.clients
        for first in range(0, len(clients), step):
            group = clients[first : first + step]
            self.swarm.hot(False)
            for client in group:
                self.swarm.send(client, b"JOIN " + self.channel + b"\r\n")
            self.swarm.await_each(_END_OF_NAMES, group)
        self.swarm.fence()

    def line(self) -> tuple[int, bytes]:
        """The next message: its sequence number and its line; the text is TEXT_BYTES long."""
        sequence = next(self._sequence)
        text = b"%0*d " % (SEQUENCE_DIGITS, sequence)
        padding = b"x" * (TEXT_BYTES - len(text))
        return sequence, b"PRIVMSG " + self.channel + b" :" + text + padding + b"\r\n"

    def next_sender(self) -> Client:
        """The senders take turns."""
        return next(self._next_sender)

    def flood(self, load: Load, seconds: float, pid: int | None) -> Flood:
        """Send for so long, wait for all deliveries, check each member's count.

        Starts and ends with everybody fenced. Raises SwarmError when a delivery is missing
        or one too many.
        """
        swarm, fanout = self.swarm, self.fanout
        sent_by = dict.fromkeys(self.senders, 0)
        sent = received = 0
        progress = Progress("deliveries")
        swarm.hot(True)
        meter = Meter(pid)
        deadline = time.perf_counter() + seconds
        while True:
            if time.perf_counter() < deadline:
                while sent + load.burst - received // fanout <= load.window:
                    sent_by[self._send_burst(load.burst)] += load.burst
                    sent += load.burst
            elif received >= sent * fanout:
                break
            found = swarm.pump(PRIVMSG)
            received += found
            progress.note(found, f"{received} of {sent * fanout} arrived")
        usage = meter.stop()
        self.check(sent, sent_by)
        return Flood(sent, received, usage)

    def _send_burst(self, size: int) -> Client:
        sender = self.next_sender()
        self.swarm.send(sender, b"".join(self.line()[1] for _ in range(size)))
        return sender

    def check(self, sent: int, sent_by: dict[Client, int]) -> None:
        """Every member must have received exactly the messages of the others."""
        for client in self.swarm.clients:
            expected = sent - sent_by.get(client, 0)
            if client.counted != expected:
                raise SwarmError(f"{client.nick} got {client.counted} lines of {expected}")
        self.swarm.fence()
        if self.swarm.stray:
            raise SwarmError(f"{self.swarm.stray} deliveries too many")
