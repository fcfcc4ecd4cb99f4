"""What processes use: CPU time and memory, read from the kernel (Linux only)."""

from __future__ import annotations

import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_CPUCLOCK_SCHED = 2


def tree(pid: int) -> list[int]:
    """The process and all its living descendants."""
    found = [pid]
    for parent in found:
        for listing in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found.extend(int(child) for child in listing.read_text().split())
            except OSError:  # the thread ended meanwhile
                continue
    return found


def stat_cpu_seconds(pid: int) -> float:
    """utime + stime of all threads of one process, in seconds (10 ms resolution)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def process_cpu_seconds(pid: int) -> float:
    """utime + stime of all threads of one process, in seconds.

    The kernel's CPU clock of the process (clock_getcpuclockid(3)) is the same sum as in
    /proc/<pid>/stat, ended threads included, but in nanoseconds instead of 10 ms ticks.
    """
    try:
        return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)
    except OSError:
        return stat_cpu_seconds(pid)


def cpu_seconds(pid: int) -> float:
    """CPU seconds used so far by the process and its living descendants."""
    return sum(process_cpu_seconds(each) for each in tree(pid))


@dataclass(frozen=True)
class Memory:
    """Memory of a process and its descendants, in KiB."""

    rss: int
    pss: int


def memory(pid: int) -> Memory:
    """Resident and proportional set size now, from /proc/<pid>/smaps_rollup."""
    rss = pss = 0
    for each in tree(pid):
        for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
            key, _, value = line.partition(":")
            if key == "Rss":
                rss += int(value.split()[0])
            elif key == "Pss":
                pss += int(value.split()[0])
    return Memory(rss, pss)


def machine_busy_seconds() -> float:
    """CPU seconds the whole machine was busy since it started, stolen time included."""
    line = Path("/proc/stat").read_text().partition("\n")[0]
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, line.split()[1:9])
    return (user + nice + system + irq + softirq + steal) / _TICKS_PER_SECOND


@dataclass(frozen=True)
class Usage:
    """CPU seconds and wall-clock seconds between two moments; server None: unknown."""

    wall: float
    server: float | None
    generator: float
    machine: float

    @property
    def generator_share(self) -> float:
        """Part of one core that the load generator used (1.0: all of it)."""
        return self.generator / self.wall

    @property
    def server_share(self) -> float | None:
        """Cores the server used on average; above 1.0 with several busy threads."""
        return None if self.server is None else self.server / self.wall

    @property
    def other_share(self) -> float:
        """Cores used by anything that is neither the server nor the generator."""
        return max(0.0, self.machine - self.generator - (self.server or 0.0)) / self.wall


class Meter:
    """Reads what the server and this process use from its creation until stop()."""

    def __init__(self, pid: int | None) -> None:
        self._pid = pid
        self._start = self._now()

    def _now(self) -> Usage:
        server = None if self._pid is None else cpu_seconds(self._pid)
        return Usage(time.perf_counter(), server, time.process_time(), machine_busy_seconds())

    def stop(self) -> Usage:
        """What was used since the meter was created."""
        start, now = self._start, self._now()
        server = None
        if now.server is not None and start.server is not None:
            server = now.server - start.server
        return Usage(
            now.wall - start.wall,
            server,
            now.generator - start.generator,
            now.machine - start.machine,
        )


def raise_open_files() -> int:
    """Raise the soft limit of open files to the hard one (servers inherit it); returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
