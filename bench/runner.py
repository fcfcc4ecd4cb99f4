"""The order of things: rounds, workloads, servers, one fresh server for each."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Measured
from bench.peers import Server, StartError, running
from bench.swarm import Swarm, SwarmError
from bench.workloads import DRIVERS, PARTS, Figures, Run, Scale

_PREFIXES = "abcdefghjk"


@dataclass(frozen=True)
class Plan:
    """What to measure. `folder`: where the servers keep their files (None: the usual /tmp)."""

    servers: Sequence[Server]
    workloads: Sequence[str]
    rounds: int
    scale: Scale
    folder: Path | None


def measure(plan: Plan, say: Callable[[str], None]) -> Measured:
    """Run the plan. The servers of one workload follow each other directly, and a different
    one begins each round, so slow changes of the machine hit all of them alike."""
    measured = Measured({server.name: [] for server in plan.servers})
    drivers = list(dict.fromkeys(each for name in plan.workloads for each in PARTS[name]))
    for turn in range(plan.rounds):
        for driver in drivers:
            for server in _rotated(plan.servers, turn):
                start = time.perf_counter()
                outcome = _attempt(plan, server, driver, turn, measured)
                took = time.perf_counter() - start
                say(
                    f"round {turn + 1}/{plan.rounds} {driver} {server.name}: {outcome} {took:.1f} s"
                )
    return measured


def _rotated(servers: Sequence[Server], by: int) -> list[Server]:
    shift = by % len(servers)
    return [*servers[shift:], *servers[:shift]]


def _attempt(plan: Plan, server: Server, driver: str, turn: int, measured: Measured) -> str:
    try:
        figures = _drive(plan, server, driver, turn)
    except (StartError, SwarmError, OSError) as error:
        measured.failures.append(f"{server.name} {driver} (round {turn + 1}): {error}")
        return f"FAILED ({error})"
    measured.add(server.name, turn, figures)
    return "done"


def _drive(plan: Plan, server: Server, driver: str, turn: int) -> Figures:
    with contextlib.ExitStack() as stack:
        # The server goes first, then the clients: it need not tell 2,000 that 1,999 left.
        clients = stack.enter_context(contextlib.ExitStack())
        up = stack.enter_context(running(server, plan.folder))
        swarm = Swarm(up.address, _PREFIXES[turn % len(_PREFIXES)])
        clients.callback(swarm.close)
        run = Run(
            server=up,
            swarm=swarm,
            scale=plan.scale,
            window=server.window,
            wanted=frozenset(plan.workloads),
            last_round=turn == plan.rounds - 1,
        )
        return DRIVERS[driver](run)
