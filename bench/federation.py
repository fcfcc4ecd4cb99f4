"""python -m bench.federation: what it costs to share a chat, and how fast a split heals.

Two servers on this machine, linked over a relay that can be cut or slow.

- heal: so many events on one server while the other one cannot be reached; the time from when it
  can be until somebody there has been shown all of them.
- both: events on both sides, and meanwhile people who talk on each: how long what they say takes
  to the one beside them, while it heals.
- slow: what a server keeps for one that reads slowly, or not at all, while it has much to tell.
- burst: the burst of `python -m bench` on one server alone, and with another one linked.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench.pace import percentile
from bench.peers import Running
from bench.report import aligned, circumstances
from bench.swarm import Swarm
from bench.town import Pair, Probe, Server, User, pair, until
from bench.workloads import Figures, Run, Scale
from bench.workloads import burst as burst_workload

CHANNEL = "#split"
TEXT_BYTES = 60
LONG_TEXT_BYTES = 380
SAMPLE_S = 0.2
MIB = 1 << 20


@dataclass(frozen=True)
class Size:
    """How much is done: events that are missing, events on each side, events for a slow one."""

    missing: tuple[int, ...] = (1_000, 10_000, 50_000)
    each: int = 100_000
    slow: int = 50_000
    scale: Scale = field(default_factory=Scale)


QUICK = Size((1_000, 5_000), 10_000, 10_000, Scale(burst=0.6, warm_up=0.2))
RATES: dict[str, int | None] = {"1 KiB/s": 1024, "64 KiB/s": 65536, "nothing": 0}


@dataclass(frozen=True)
class Goal:
    """At most so much."""

    key: str
    limit: float


def goals(size: Size) -> list[Goal]:
    """Return what is aimed at."""
    heals = [Goal(f"heal.{count}.s", 10 + count / 10_000) for count in size.missing]
    live = [Goal(f"both.{side}.p99_ms", 250) for side in ("here", "there")]
    queues = [Goal(f"slow.{rate}.queued_mib", 8) for rate in RATES]
    return [*heals, Goal("both.s", 30), *live, *queues, Goal("burst.ratio", 1.10)]


class Sides:
    """A speaker and a reader on each of two servers."""

    def __init__(self, users: Sequence[User]) -> None:
        self.users = users
        self.speaker_here, self.reader_here, self.speaker_there, self.reader_there = users

    @classmethod
    async def come(cls, servers: Pair) -> Sides:
        """Let them all be in the channel."""
        users = []
        for name, server in (("here", servers.here), ("there", servers.there)):
            users += [await User.come(server, f"{role}{name}", CHANNEL) for role in ("say", "hear")]
        await servers.same()
        return cls(users)

    def leave(self) -> None:
        for user in self.users:
            user.close()


def _from(side: str) -> bytes:
    return b":say" + side.encode() + b"!"


async def heal(parent: Path | None, here: int, there: int, probe: bool = False) -> Figures:
    """Let so many events happen on each side of a split, and time the healing."""
    async with pair(parent) as servers:
        sides = await Sides.come(servers)
        sides.reader_there.count(_from("here"))
        sides.reader_here.count(_from("there"))
        await servers.apart()
        await asyncio.gather(
            sides.speaker_here.say(CHANNEL, here, TEXT_BYTES),
            sides.speaker_there.say(CHANNEL, there, TEXT_BYTES),
        )
        probes = [Probe(servers.here, "a"), Probe(servers.there, "b")] if probe else []
        start = time.perf_counter()
        servers.relay.is_cut = False
        linked = asyncio.create_task(_timed(servers.linked, start))
        await asyncio.gather(
            sides.reader_there.until(_from("here"), here),
            sides.reader_here.until(_from("there"), there),
        )
        figures = {"s": time.perf_counter() - start, "linked_s": await linked}
        for side, one in zip(("here", "there"), probes, strict=False):
            times = await one.stop()
            figures[f"{side}.p50_ms"] = percentile(times, 0.5) * 1e3
            figures[f"{side}.p99_ms"] = percentile(times, 0.99) * 1e3
            figures[f"{side}.max_ms"] = max(times) * 1e3
        await servers.same()
        shown = sides.reader_there.seen(_from("here")), sides.reader_here.seen(_from("there"))
        if shown != (here, there):
            raise SystemExit(f"{here} and {there} were said, {shown} were shown")
        sides.leave()
        return figures


async def _timed(what: Callable[[], Awaitable[None]], start: float) -> float:
    await what()
    return time.perf_counter() - start


async def slow(parent: Path | None, rate: int | None, count: int) -> Figures:
    """Say so much while the other one reads at *rate* bytes a second, 0: nothing; None: while
    there is no other one."""
    async with pair(parent) as servers:
        speaker = await User.come(servers.here, "sayhere", CHANNEL)
        await servers.same()
        if rate is None:
            await servers.there.stop()
        elif rate:
            servers.relay.rate = rate
        else:
            servers.relay.is_cut = True
        before = servers.here.rss()
        figures = {"queued_mib": 0.0, "grown_mib": 0.0}
        over = asyncio.create_task(speaker.say(CHANNEL, count, LONG_TEXT_BYTES))
        while not over.done():
            await asyncio.wait([over], timeout=SAMPLE_S)
            queued = (await servers.here.link())["queued"] / MIB
            grown = (servers.here.rss() - before) / MIB
            figures["queued_mib"] = max(figures["queued_mib"], queued)
            figures["grown_mib"] = max(figures["grown_mib"], grown)
        await over
        speaker.close()
        return figures


async def burst(parent: Path | None, scale: Scale, turn: int, linked: bool) -> Figures:
    """Run the burst of `python -m bench` on one of two servers, or on one alone."""
    async with pair(parent) as servers:
        if not linked:
            await servers.there.stop()
        running = Running(("127.0.0.1", servers.here.irc), servers.here.pid)
        swarm = Swarm(running.address, "abcdefghjk"[turn % 10])
        run = Run(running, swarm, scale, 64, frozenset({"burst"}), last_round=False)
        try:
            # Nothing here is to be done meanwhile: the relay is idle or its own thread's.
            figures = await asyncio.to_thread(burst_workload, run)
        finally:
            swarm.close()
        if linked:
            await until(lambda: _caught_up(servers.there), "the other one has everything")
        return figures


async def _caught_up(server: Server) -> bool:
    lag: int = (await server.link())["lag"]
    return lag == 0


async def measure(parts: Sequence[str], size: Size, turn: int, parent: Path | None) -> Figures:
    """Return the figures of one round."""
    found: Figures = {}
    if "heal" in parts:
        for count in size.missing:
            _add(found, f"heal.{count}", await heal(parent, count, 0))
    if "both" in parts:
        _add(found, "both", await heal(parent, size.each, size.each, probe=True))
    if "slow" in parts:
        _add(found, "slow.alone", await slow(parent, None, size.slow))
        for name, rate in RATES.items():
            _add(found, f"slow.{name}", await slow(parent, rate, size.slow))
    if "burst" in parts:
        order = (False, True) if turn % 2 else (True, False)
        figures = {linked: await burst(parent, size.scale, turn, linked) for linked in order}
        _add(found, "burst.alone", figures[False])
        _add(found, "burst.linked", figures[True])
        ratio = figures[True]["burst.cpu_us"] / figures[False]["burst.cpu_us"]
        found["burst.ratio"] = ratio
    return found


def _add(found: Figures, name: str, figures: Figures) -> None:
    for key, value in figures.items():
        found[f"{name}.{key.removeprefix('burst.')}"] = value
    shown = ", ".join([f"{key} {value:.3g}" for key, value in figures.items()])
    print(f"{name}: {shown}", file=sys.stderr, flush=True)


def table(rounds: Sequence[Figures], wanted: Sequence[Goal]) -> str:
    """Return the medians, and which goals are reached."""
    limits = {goal.key: goal.limit for goal in wanted}
    too_much = {goal.key for goal in missed(rounds, wanted)}
    rows = [["", "median", "least", "most", "goal"]]
    for key in dict.fromkeys(key for each in rounds for key in each):
        values = [each[key] for each in rounds if key in each]
        verdict = ""
        if key in limits:
            verdict = f"<= {limits[key]:g} {'MISSED' if key in too_much else 'reached'}"
        rows.append([key, *(_shown(f(values)) for f in (median, min, max)), verdict])
    return "\n".join(aligned(rows))


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def missed(rounds: Sequence[Figures], wanted: Sequence[Goal]) -> list[Goal]:
    """Return which goals are missed, of what was measured."""
    found = []
    for goal in wanted:
        values = [each[goal.key] for each in rounds if goal.key in each]
        if values and median(values) > goal.limit:
            found.append(goal)
    return found


def document(rounds: Sequence[Figures], wanted: Sequence[Goal]) -> dict[str, Any]:
    """Return everything for programs."""
    return {
        **circumstances(),
        "goals": {goal.key: goal.limit for goal in wanted},
        "rounds": list(rounds),
    }


PARTS = ("heal", "both", "slow", "burst")


async def rounds_of(options: argparse.Namespace, size: Size) -> list[Figures]:
    """Measure, and stop in order when asked to."""
    this = asyncio.current_task()
    assert this is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    return [
        await measure(options.parts, size, turn, options.folder) for turn in range(options.rounds)
    ]


def _parts(text: str) -> tuple[str, ...]:
    found = tuple(text.split(","))
    if not {*found} <= {*PARTS}:
        raise argparse.ArgumentTypeError(f"some of {','.join(PARTS)}")
    return found


def main(arguments: Sequence[str]) -> int:
    """Print the table; returns 1 if a goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.federation", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    add = parser.add_argument
    add("--parts", type=_parts, default=PARTS, metavar="NAMES",
        help=f"comma-separated: {','.join(PARTS)} (default: all)")  # fmt: skip
    add("--quick", action="store_true", help="one round, with few events")
    add("--rounds", type=int, metavar="N", help="default: 3, quick: 1")
    add("--json", type=Path, default=Path("bench-federation.json"), metavar="FILE")
    add("--folder", type=Path, help="where the servers keep their files; not a RAM disk")
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (1 if options.quick else 3)
    size = QUICK if options.quick else Size()
    rounds: list[Figures] = []
    with contextlib.suppress(asyncio.CancelledError):
        rounds = asyncio.run(rounds_of(options, size))
    if not rounds:
        return 143
    wanted = goals(size)
    print(table(rounds, wanted))
    options.json.write_text(json.dumps(document(rounds, wanted), indent=2) + "\n")
    return 1 if missed(rounds, wanted) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
