"""python -m bench: compare IRC servers under load and print one table."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from bench.peers import REFERENCE, Server, external_server, known_servers
from bench.procs import raise_open_files
from bench.report import as_json, table, write_json
from bench.runner import Plan, measure
from bench.workloads import PARTS, QUICK, Scale

_KNOWN = ("tertulia", "inspircd", "ngircd")
_FILES_NEEDED = 10_200


@dataclass(frozen=True)
class Options:
    """The command line, checked."""

    quick: bool
    workloads: list[str]
    servers: list[str]
    external: list[Server]
    rounds: int
    json: Path
    tertulia: str | None
    folder: Path | None


def _names(allowed: Sequence[str]) -> type[argparse.Action]:
    """An argparse action for a comma-separated list of known names."""

    class Names(argparse.Action):
        def __call__(
            self,
            parser: argparse.ArgumentParser,
            namespace: argparse.Namespace,
            values: object,
            option_string: str | None = None,
        ) -> None:
            names = [name for name in str(values).split(",") if name]
            for name in names:
                if name not in allowed:
                    parser.error(f"{option_string}: {name!r} is none of {', '.join(allowed)}")
            setattr(namespace, self.dest, list(dict.fromkeys(names)))

    return Names


def parse(arguments: Sequence[str]) -> Options:
    """Exits with status 2 and a message when the arguments are wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="one short round, without the 10,000 connections")
    add("--workload", dest="workloads", action=_names(tuple(PARTS)), default=list(PARTS),
        metavar="NAMES", help=f"comma-separated: {','.join(PARTS)} (default: all)")  # fmt: skip
    add("--servers", action=_names(_KNOWN), default=list(_KNOWN), metavar="NAMES",
        help=f"comma-separated: {','.join(_KNOWN)} (default: those installed)")  # fmt: skip
    add("--server", dest="external", action="append", default=[], metavar="NAME=HOST:PORT[:PID]",
        help="another server that runs already; its rate limits must be off")  # fmt: skip
    add("--rounds", type=int, metavar="N", help="default: 3, quick: 1")
    add("--json", type=Path, default=Path("bench-results.json"), metavar="FILE")
    add("--tertulia", metavar="CMD", help="default: this Python -m tertulia")
    add("--folder", type=Path, help="where the servers keep their files; not a RAM disk")
    found = vars(parser.parse_args(arguments))
    found["rounds"] = (1 if found["quick"] else 3) if found["rounds"] is None else found["rounds"]
    if found["rounds"] < 1:
        parser.error("--rounds: at least 1")
    try:
        found["external"] = [external_server(text) for text in found["external"]]
    except ValueError as error:
        parser.error(f"--server: {error}")
    return Options(**found)


def _available(options: Options) -> tuple[list[Server], list[str]]:
    """The servers to measure, and a line for each that cannot be."""
    known = known_servers(options.tertulia)
    chosen = [known[name] for name in options.servers] + options.external
    notes = [f"skipped {each.name}: {each.unavailable}" for each in chosen if each.unavailable]
    servers = [each for each in chosen if not each.unavailable]
    if REFERENCE not in [each.name for each in servers]:
        notes.append(f"no ratios: {REFERENCE} is not among the servers")
    return servers, notes


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(143)  # unwinds, so that the servers are stopped


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status: 0, or 1 when a run failed or there is nothing to measure."""
    options = parse(arguments)
    signal.signal(signal.SIGTERM, _terminate)
    servers, notes = _available(options)
    files = raise_open_files()
    if files < _FILES_NEEDED:
        notes.append(f"open files are limited to {files}: 10,000 connections will fail")
    for note in notes:
        print(note)
    if not servers:
        print("nothing to measure")
        return 1
    scale = QUICK if options.quick else Scale()
    plan = Plan(servers, options.workloads, options.rounds, scale, options.folder)
    start = time.perf_counter()
    measured = measure(plan, lambda line: print(line, file=sys.stderr, flush=True))
    print(table(measured))
    print(f"{time.perf_counter() - start:.0f} s in all; all figures in {options.json}")
    write_json(options.json, as_json(measured, scale, notes))
    return 1 if measured.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
