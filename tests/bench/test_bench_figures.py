"""Medians, ratios, goals, the table and the command line of the load generator."""

from __future__ import annotations

import json
import os
from array import array
from pathlib import Path

import pytest

from bench.__main__ import parse
from bench.figures import METRICS, Measured
from bench.pace import percentile
from bench.peers import external_server
from bench.procs import Meter, Usage
from bench.report import as_json, table, write_json
from bench.workloads import Scale


@pytest.fixture
def measured() -> Measured:
    measured = Measured()
    for turn, (ours, theirs) in enumerate([(0.1, 0.2), (0.3, 1.0), (0.2, 0.2)]):
        measured.add("tertulia", turn, {"burst.cpu_us": ours, "burst.generator": 0.95})
        measured.add("inspircd", turn, {"burst.cpu_us": theirs, "burst.server": 0.99})
    return measured


def test_the_ratio_is_the_median_of_the_rounds_ratios(measured: Measured) -> None:
    assert measured.value("tertulia", "burst.cpu_us") == 0.2
    assert measured.ratio("tertulia", "burst.cpu_us") == pytest.approx(0.5)
    assert measured.reached("tertulia", METRICS[0]) is True


def test_a_round_without_the_reference_gives_no_ratio() -> None:
    measured = Measured()
    measured.add("tertulia", 1, {"burst.cpu_us": 1.0})
    measured.add("inspircd", 0, {"burst.cpu_us": 1.0})
    assert measured.ratio("tertulia", "burst.cpu_us") is None
    assert measured.reached("tertulia", METRICS[0]) is None


def test_the_table_says_when_the_generator_was_the_limit(measured: Measured) -> None:
    measured.add("tertulia", 0, {"burst.rate": 5e6, "burst.server": 0.5})
    measured.failures.append("ngircd burst: lost")
    text = table(measured)
    assert "5,000k g" in text
    assert "<= 0.60x reached" in text
    assert "FAILED ngircd burst: lost" in text


def test_the_file_has_every_round(measured: Measured, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_json(path, as_json(measured, Scale(), ["a note"]))
    document = json.loads(path.read_text())
    assert len(document["rounds"]["tertulia"]) == 3
    assert document["goals"]["burst.cpu_us"] == {
        "at_most": 0.6,
        "of": "inspircd",
        "reached": True,
    }


@pytest.mark.parametrize(
    ("part", "expected"), [(0.0, 1), (0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100)]
)
def test_percentiles(part: float, expected: int) -> None:
    assert percentile(array("d", range(100, 0, -1)), part) == expected


def test_the_meter_sees_its_own_process_as_a_server() -> None:
    meter = Meter(os.getpid())
    sum(range(200_000))
    usage = meter.stop()
    assert usage.server is not None
    assert usage.server == pytest.approx(usage.generator, abs=0.05)


def test_what_others_used_is_never_negative() -> None:
    assert Usage(wall=1.0, server=0.5, generator=0.5, machine=0.9).other_share == 0.0


def test_other_servers_by_address() -> None:
    server = external_server("ergo=127.0.0.1:6667:42")
    assert server.external is not None
    assert (server.external.address, server.external.pid) == (("127.0.0.1", 6667), 42)
    with pytest.raises(ValueError, match="is not name=host:port"):
        external_server("127.0.0.1:6667")


def test_the_command_line() -> None:
    assert parse([]).rounds == 3
    options = parse(["--quick", "--workload", "burst,joins", "--servers", "inspircd"])
    assert (options.rounds, options.workloads) == (1, ["burst", "joins"])
    with pytest.raises(SystemExit):
        parse(["--workload", "bursts"])
