"""The table for people and the file for programs."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.figures import METRICS, Measured, Metric
from bench.peers import REFERENCE
from bench.workloads import Scale

GOAL_FOR = "tertulia"
_BUSY = ("burst", "bigroom", "joins", "single", "steady")


def table(measured: Measured) -> str:
    """One row a figure, one column a server: median, ratio to the reference, goal."""
    servers = list(measured.rounds)
    rows = [["", *servers, f"goal ({GOAL_FOR})"]]
    for metric in METRICS:
        if any(measured.value(server, metric.key) is not None for server in servers):
            cells = [_cell(measured, server, metric) for server in servers]
            rows.append([metric.title, *cells, _verdict(measured, metric)])
    for workload in _BUSY:
        cells = [_busy(measured, server, workload) for server in servers]
        if any(cells):
            rows.append([f"{workload}: cores server/generator/other", *cells, ""])
    return "\n".join([*aligned(rows), "", *_notes(measured)])


def _cell(measured: Measured, server: str, metric: Metric) -> str:
    value = measured.value(server, metric.key)
    if value is None:
        return "-"
    text = metric.show(value)
    ratio = measured.ratio(server, metric.key)
    if metric.ratio and ratio is not None and server != REFERENCE:
        text += f" ({ratio:.2f}x)"
    if metric.key.endswith(".rate") and measured.generator_saturated(server, metric.workload):
        text += " g"
    return text


def _verdict(measured: Measured, metric: Metric) -> str:
    if metric.goal is None:
        return ""
    words = {True: "reached", False: "MISSED", None: "not measured"}
    return f"{metric.goal} {words[measured.reached(GOAL_FOR, metric)]}"


def _busy(measured: Measured, server: str, workload: str) -> str:
    shares = [measured.value(server, f"{workload}.{who}") for who in _SHARES]
    if shares[1] is None:
        return ""
    return "/".join("?" if share is None else f"{share:.2f}" for share in shares)


_SHARES = ("server", "generator", "others")


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        first, *rest = [
            cell.ljust(width) if index in (0, len(row) - 1) else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join([first, *rest]).rstrip())
    lines.insert(1, "-" * max(map(len, lines)))
    return lines


def _notes(measured: Measured) -> list[str]:
    rounds = max((len(each) for each in measured.rounds.values()), default=0)
    return [
        f"Medians of {rounds} round(s); (x) is the median of each round's ratio to {REFERENCE}.",
        "g: the load generator was saturated, not the server; the server may do more.",
        *(f"FAILED {failure}" for failure in measured.failures),
    ]


def circumstances() -> dict[str, Any]:
    """Return when and on what machine something was measured."""
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cpus": os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
            "load_average_after": os.getloadavg(),
        },
    }


def as_json(measured: Measured, scale: Scale, notes: Sequence[str]) -> dict[str, Any]:
    """Everything: every figure of every round, medians, ratios, goals, the machine."""
    summary = {
        server: {
            key: {
                "median": measured.value(server, key),
                "ratio": measured.ratio(server, key),
                "min_max": measured.spread(server, key),
            }
            for key in sorted({key for each in rounds for key in each})
        }
        for server, rounds in measured.rounds.items()
    }
    return {
        **circumstances(),
        "reference": REFERENCE,
        "scale": asdict(scale),
        "goals": {metric.key: _goal(measured, metric) for metric in METRICS if metric.goal},
        "summary": summary,
        "rounds": measured.rounds,
        "failures": measured.failures,
        "notes": list(notes),
    }


def _goal(measured: Measured, metric: Metric) -> dict[str, Any]:
    assert metric.goal is not None
    return {
        "at_most": metric.goal.limit,
        "of": "absolute" if metric.goal.absolute else REFERENCE,
        "reached": measured.reached(GOAL_FOR, metric),
    }


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write the document, indented."""
    path.write_text(json.dumps(document, indent=2) + "\n")
