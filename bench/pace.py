"""Messages at a steady rate, and how long each delivery takes."""

from __future__ import annotations

import re
import time
from array import array

from bench.procs import Meter, Usage
from bench.room import SEQUENCE_DIGITS, Room
from bench.swarm import PRIVMSG, Client, Progress

_SEQUENCE = re.compile(rb" :(\d{%d}) " % SEQUENCE_DIGITS)


class Pace:
    """Sends `rate` messages a second, whatever the server does (an open loop).

    A latency is the time from just before send() until the epoll call that reported the
    member's socket readable has returned, so reading many sockets one after the other does
    not count against the server, except while the previous round is still being read.
    """

    def __init__(self, room: Room, rate: float) -> None:
        self._room = room
        self._rate = rate
        self._sent_at: dict[int, float] = {}
        self._sent_by = dict.fromkeys(room.senders, 0)
        self.latencies = array("d")

    def run(self, seconds: float, pid: int | None) -> Usage:
        """Fill `latencies` (in seconds, unsorted): one for each delivery."""
        swarm = self._room.swarm
        total = int(seconds * self._rate)
        expected = total * self._room.fanout
        progress = Progress("deliveries")
        swarm.hot(True)
        swarm.watch = self._watch
        meter = Meter(pid)
        start = time.perf_counter()
        sent = received = 0
        while received < expected:
            due = start + sent / self._rate - time.perf_counter()
            if sent < total and due <= 0:
                self._send()
                sent += 1
                continue
            found = swarm.pump(PRIVMSG, max(0.0, due) if sent < total else 0.1)
            received += found
            progress.note(found, f"{received} of {expected} arrived")
        usage = meter.stop()
        swarm.watch = None
        self._room.check(total, self._sent_by)
        return usage

    def _send(self) -> None:
        sender: Client = self._room.next_sender()
        sequence, line = self._room.line()
        self._sent_by[sender] += 1
        self._sent_at[sequence] = time.perf_counter()
        self._room.swarm.send(sender, line)

    def _watch(self, buffer: bytearray, end: int) -> None:
        arrived, sent_at = self._room.swarm.polled_at, self._sent_at
        for match in _SEQUENCE.finditer(buffer, 0, end):
            self.latencies.append(arrived - sent_at[int(match[1])])


def percentile(values: array[float], part: float) -> float:
    """The smallest value that at least `part` (0..1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-part * len(ordered) // 1) - 1))]
