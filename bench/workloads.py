"""The workloads: each drives one server once and returns figures by metric key."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.pace import Pace, percentile
from bench.peers import Running
from bench.procs import Memory, Usage, memory
from bench.room import Flood, Load, Room
from bench.swarm import Swarm

Figures = dict[str, float]
_FIRST = 20


@dataclass(frozen=True)
class Scale:
    """How much is done. Seconds of sending per run, warm-up not included."""

    burst: float = 1.5
    bigroom: float = 1.5
    single: float = 1.5
    steady: float = 3.0
    warm_up: float = 0.3
    settle: float = 0.7
    members: int = 200
    big_members: int = 2000
    idle: int = 1000
    many: int = 10_000


QUICK = Scale(burst=0.6, bigroom=0.6, single=0.6, steady=1.5, warm_up=0.2, settle=0.3, many=0)


@dataclass(frozen=True)
class Run:
    """What one workload gets: the server, its clients (none yet) and how much to do."""

    server: Running
    swarm: Swarm
    scale: Scale
    window: int
    wanted: frozenset[str]
    last_round: bool


def burst(run: Run) -> Figures:
    """10 senders in a room of 200, 20 lines at a time, 200 messages in flight."""
    return _flooded(run, "burst", run.scale.burst, Load(burst=20, window=200))


def single(run: Run) -> Figures:
    """The same room, one message in flight, and clients that acknowledge at once.

    With the usual delayed acknowledgements a server that leaves Nagle's algorithm on spends
    most of this workload waiting for a 40 ms timer, and its CPU is measured with cold caches.
    """
    run.swarm.quick_ack = True
    return _flooded(run, "single", run.scale.single, Load(burst=1, window=1))


def _flooded(run: Run, name: str, seconds: float, load: Load) -> Figures:
    room, _ = _room(run, run.scale.members)
    room.flood(load, run.scale.warm_up, None)
    return _flood_figures(name, room.flood(load, seconds, run.server.pid))


def bigroom(run: Run) -> Figures:
    """2,000 join at once; then 10 senders, 5 lines at a time, 50 messages in flight."""
    room, joins = _room(run, run.scale.big_members)
    figures: Figures = {}
    if "joins" in run.wanted:
        figures["joins.wall_s"] = joins.wall
        if joins.server is not None:
            figures["joins.cpu_s"] = joins.server
        figures |= _shares("joins", joins)
    if "bigroom" in run.wanted:
        load = Load(burst=5, window=50)
        room.flood(load, run.scale.warm_up, None)
        flood = room.flood(load, run.scale.bigroom, run.server.pid)
        figures |= _flood_figures("bigroom", flood)
    return figures


def steady(run: Run) -> Figures:
    """100 messages a second in a room of 200: latency of the deliveries."""
    room, _ = _room(run, run.scale.members)
    Pace(room, 100).run(run.scale.warm_up, None)
    pace = Pace(room, 100)
    usage = pace.run(run.scale.steady, run.server.pid)
    figures = {
        "steady.p50_ms": percentile(pace.latencies, 0.50) * 1e3,
        "steady.p99_ms": percentile(pace.latencies, 0.99) * 1e3,
        "steady.max_ms": max(pace.latencies) * 1e3,
    }
    if usage.server is not None:
        figures["steady.cpu_us"] = usage.server / len(pace.latencies) * 1e6
    return figures | _shares("steady", usage)


def idle(run: Run) -> Figures:
    """Memory a connection that does nothing: registered, then in a channel of 1,000, then 10,000.

    The first connections are not counted: they pay for what the server makes once.
    """
    swarm, scale = run.swarm, run.scale
    swarm.grow(_FIRST, run.window)
    before = _settled_memory(run)
    figures: Figures = {}
    _grow_idle(run, "idle", scale.idle, before, figures)
    if run.last_round and scale.many:
        _grow_idle(run, "many", scale.many, before, figures)
    return figures


def idle_room(run: Run) -> Figures:
    """As idle, with all of 1,000 connections in one channel, which they join a few at a time."""
    swarm, scale = run.swarm, run.scale
    swarm.grow(_FIRST, run.window)
    before = _settled_memory(run)
    swarm.grow(scale.idle, run.window)
    Room(swarm).join_gently(20)
    return _memory_figures("idle_room", scale.idle, before, _settled_memory(run))


def _grow_idle(run: Run, name: str, size: int, before: Memory | None, figures: Figures) -> None:
    """Connect until there are `size`, and require that every one of them answers."""
    start = time.perf_counter()
    run.swarm.grow(size, run.window)
    figures[f"{name}.connect_s"] = time.perf_counter() - start
    figures |= _memory_figures(name, size, before, _settled_memory(run))
    run.swarm.fence()
    figures[f"{name}.alive"] = len(run.swarm.clients)


def _settled_memory(run: Run) -> Memory | None:
    time.sleep(run.scale.settle)
    return None if run.server.pid is None else memory(run.server.pid)


def _memory_figures(name: str, size: int, before: Memory | None, after: Memory | None) -> Figures:
    if before is None or after is None:
        return {}
    return {
        f"{name}.pss_kib": (after.pss - before.pss) / (size - _FIRST),
        f"{name}.rss_kib": (after.rss - before.rss) / (size - _FIRST),
    }


# One start of the server each; the names on the command line are in PARTS.
DRIVERS: dict[str, Callable[[Run], Figures]] = {
    "burst": burst,
    "bigroom": bigroom,
    "single": single,
    "steady": steady,
    "idle": idle,
    "idle_room": idle_room,
}

# What the command line calls a workload -> the drivers that measure it.
PARTS: dict[str, tuple[str, ...]] = {
    "burst": ("burst",),
    "bigroom": ("bigroom",),
    "joins": ("bigroom",),
    "single": ("single",),
    "steady": ("steady",),
    "idle": ("idle", "idle_room"),
}


def _room(run: Run, size: int) -> tuple[Room, Usage]:
    run.swarm.grow(size, run.window)
    room = Room(run.swarm)
    return room, room.join_all(run.server.pid)


def _flood_figures(name: str, flood: Flood) -> Figures:
    figures = {
        f"{name}.rate": flood.deliveries / flood.usage.wall,
        f"{name}.messages": flood.messages,
    }
    if flood.usage.server is not None:
        figures[f"{name}.cpu_us"] = flood.usage.server / flood.deliveries * 1e6
    return figures | _shares(name, flood.usage)


def _shares(name: str, usage: Usage) -> Figures:
    shares = {f"{name}.generator": usage.generator_share, f"{name}.others": usage.other_share}
    if usage.server_share is not None:
        shares[f"{name}.server"] = usage.server_share
    return shares
