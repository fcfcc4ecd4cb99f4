"""Which figures go into the table, what is aimed at, and how rounds are summarised."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median

from bench.peers import REFERENCE
from bench.workloads import Figures

SATURATED = 0.9


@dataclass(frozen=True)
class Goal:
    """At most `limit`: times the reference's figure in the same round, or absolute."""

    limit: float
    absolute: bool = False

    def __str__(self) -> str:
        return f"<= {self.limit:g}" if self.absolute else f"<= {self.limit:.2f}x"


@dataclass(frozen=True)
class Metric:
    """One row of the table. `show`: how a value in the metric's unit is written."""

    key: str
    title: str
    show: Callable[[float], str]
    goal: Goal | None = None
    ratio: bool = True

    @property
    def workload(self) -> str:
        """The part of the key before the dot."""
        return self.key.partition(".")[0]


def _digits(count: int) -> Callable[[float], str]:
    return lambda value: f"{value:.{count}f}"


def _thousands(value: float) -> str:
    return f"{value / 1000:,.0f}k"


METRICS = (
    Metric("burst.cpu_us", "burst: us CPU / delivery", _digits(3), Goal(0.6)),
    Metric("burst.rate", "burst: deliveries / s", _thousands),
    Metric("bigroom.cpu_us", "big room: us CPU / delivery", _digits(3), Goal(0.6)),
    Metric("bigroom.rate", "big room: deliveries / s", _thousands),
    Metric("joins.cpu_s", "2,000 joins: CPU s", _digits(2), Goal(1.0)),
    Metric("joins.wall_s", "2,000 joins: wall s", _digits(2)),
    Metric("single.cpu_us", "single: us CPU / delivery", _digits(2), Goal(1.2)),
    Metric("single.rate", "single: deliveries / s", _thousands),
    Metric("steady.p50_ms", "steady: p50 ms", _digits(2)),
    Metric("steady.p99_ms", "steady: p99 ms", _digits(2), Goal(1.0)),
    Metric("idle.pss_kib", "idle, 1,000: KiB PSS each", _digits(1), Goal(10, True), False),
    Metric("idle_room.pss_kib", "idle in a room: KiB PSS each", _digits(1), Goal(10, True), False),
    Metric("many.pss_kib", "idle, 10,000: KiB PSS each", _digits(1), Goal(10, True), False),
    Metric("many.alive", "idle, 10,000: answering", _digits(0), None, False),
    Metric("many.connect_s", "idle, 10,000: connected in s", _digits(1), None, False),
)


@dataclass
class Measured:
    """All rounds: server -> one dict of figures a round; and what went wrong."""

    rounds: dict[str, list[Figures]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, server: str, turn: int, figures: Figures) -> None:
        """Merge the figures of one workload into the server's round `turn` (from 0)."""
        rounds = self.rounds.setdefault(server, [])
        while len(rounds) <= turn:
            rounds.append({})
        rounds[turn] |= figures

    def value(self, server: str, key: str) -> float | None:
        """The median over the rounds that have the figure."""
        return _median(each[key] for each in self.rounds.get(server, []) if key in each)

    def spread(self, server: str, key: str) -> tuple[float, float] | None:
        """The smallest and the largest value of all rounds."""
        values = [each[key] for each in self.rounds.get(server, []) if key in each]
        return (min(values), max(values)) if values else None

    def ratio(self, server: str, key: str) -> float | None:
        """The median of the rounds' own ratios to the reference: noise that lasts longer
        than a round weighs on both sides of each."""
        own, other = self.rounds.get(server, []), self.rounds.get(REFERENCE, [])
        return _median(
            mine[key] / theirs[key]
            for mine, theirs in zip(own, other, strict=False)
            if key in mine and theirs.get(key)
        )

    def generator_saturated(self, server: str, workload: str) -> bool:
        """The load generator's core was full and the server's was not: the rate is the
        generator's, and the server may be faster than shown."""
        generator = self.value(server, f"{workload}.generator")
        busy = self.value(server, f"{workload}.server")
        return generator is not None and generator >= SATURATED and (busy or 0.0) < SATURATED

    def reached(self, server: str, metric: Metric) -> bool | None:
        """Whether the goal is reached; None: no goal, or not measured."""
        if metric.goal is None:
            return None
        absolute = metric.goal.absolute
        figure = self.value(server, metric.key) if absolute else self.ratio(server, metric.key)
        return None if figure is None else figure <= metric.goal.limit


def _median(values: Iterable[float]) -> float | None:
    found = list(values)
    return median(found) if found else None
