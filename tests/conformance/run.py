"""Run the public IRC test suite (progval/irctest) against this server, and judge the result.

Usage: python tests/conformance/run.py --irctest DIR [-n PROCESSES] [arguments for pytest]

DIR is a checkout of https://github.com/progval/irctest; without --irctest it is taken from the
environment variable IRCTEST. Nothing is written into it. Further arguments go to pytest, for
example -k join; then only part of the suite is run, and no number of passes is asked for.

The run fails if a test fails which known_failures.txt does not list, or if fewer than FEWEST
tests pass. If the interpreter lacks what the suite needs, a virtual environment is made for it
in the user's cache folder.
"""

import argparse
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
KNOWN_FAILURES = HERE / "known_failures.txt"
UPSTREAM = "https://github.com/progval/irctest"

# What the specifications say of every server: not the tests written for one of them, not those
# which their authors call strict or deprecated, not those which need accounts.
SELECTION = "not implementation-specific and not deprecated and not strict and not services"
FEWEST = 270

# Beside the dependencies of the server itself. filelock is what keeps two test processes from
# picking the same port.
TOOLS = ("pytest!=9.0.0", "pytest-xdist", "pytest-timeout", "filelock")

# Seconds for one test. Two of them wait for minutes to pass; faketime makes these short.
TIMEOUT = 60
TIMEOUT_WITHOUT_FAKETIME = 300

PYTEST_FINISHED = (0, 1)  # all passed, some failed; others mean that pytest itself did not work


class Outcome(NamedTuple):
    test: str  # as in known_failures.txt: cap.py::CapTestCase::testReqOne
    status: str  # passed, failed, skipped
    reason: str  # one line, empty if passed


def fail(message: str) -> NoReturn:
    sys.exit(f"run.py: {message}")


def arguments() -> tuple[Path, str, list[str]]:
    """The checkout, the number of processes, and what is for pytest."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0], allow_abbrev=False
    )
    parser.add_argument("--irctest", metavar="DIR", default=os.environ.get("IRCTEST"))
    parser.add_argument("-n", metavar="PROCESSES", default="2")
    options, rest = parser.parse_known_args()
    if not options.irctest:
        fail(f"give --irctest DIR or set IRCTEST; to get it: git clone {UPSTREAM}")
    checkout = Path(options.irctest).expanduser().resolve()
    if not (checkout / "irctest" / "server_tests").is_dir():
        fail(f"{checkout} is no checkout of irctest; to get one: git clone {UPSTREAM}")
    return checkout, options.n, rest


# The interpreter


def is_installed(requirement: str) -> bool:
    """Whether some version is, except one that is ruled out; the others are the user's choice."""
    name = re.split(r"[^A-Za-z0-9._-]", requirement)[0]
    try:
        installed = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return requirement != f"{name}!={installed}"


def requirements() -> list[str]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    return [*project["project"]["dependencies"], *TOOLS]


def interpreter() -> Path:
    """One that has everything: this one, or that of a virtual environment made for the suite."""
    wanted = requirements()
    if all(map(is_installed, wanted)):
        return Path(sys.executable)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache / "tertulia" / f"conformance-{version}"
    python, stamp = folder / "bin" / "python", folder / "installed"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == "\n".join(wanted):
        return python
    print(f"making {folder} for the suite", file=sys.stderr)
    venv.create(folder, clear=True, with_pip=True)
    pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    if subprocess.run([*pip, *wanted]).returncode:
        fail("installing what the suite needs failed; the reason is above")
    stamp.write_text("\n".join(wanted), encoding="utf-8")
    return python


# The run


def run_suite(python: Path, checkout: Path, processes: str, rest: list[str], report: Path) -> int:
    """Run the suite in its checkout and write a JUnit report. Returns pytest's exit status."""
    timeout = TIMEOUT if shutil.which("faketime") else TIMEOUT_WITHOUT_FAKETIME
    command = [
        *(str(python), "-m", "pytest", "irctest/server_tests"),
        *("--controller", "tertulia_controller", "-m", SELECTION),
        # The dialogue of a failed test is in the report; --show-capture=all puts it here as well.
        *("-q", "-rN", "--tb=short", "--show-capture=no", "-p", "no:cacheprovider"),
        *("-n", processes, f"--timeout={timeout}", f"--junit-xml={report}", *rest),
    ]
    paths = [HERE, PROJECT / "src", *filter(None, [os.environ.get("PYTHONPATH")])]
    with tempfile.TemporaryDirectory(prefix="conformance-") as scratch:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "PYTHONDONTWRITEBYTECODE": "1",
            # The suite keeps the ports in use in a file here, which belongs to one user.
            "TMPDIR": scratch,
        }
        return subprocess.run(command, cwd=checkout, env=environment).returncode


# The result


def outcome(case: ET.Element) -> Outcome:
    dotted = case.get("classname", "").removeprefix("irctest.server_tests.")
    module, _, class_name = dotted.rpartition(".")
    test = f"{module.replace('.', '/')}.py::{class_name}::{case.get('name')}"
    for tag, status in (("error", "failed"), ("failure", "failed"), ("skipped", "skipped")):
        found = case.find(tag)
        if found is not None:
            lines = (found.get("message") or found.text or "no reason given").splitlines()
            return Outcome(test, status, lines[0].strip() if lines else "")
    return Outcome(test, "passed", "")


def outcomes(report: Path) -> list[Outcome]:
    """What became of every test. One that failed twice, in the test and after it, counts once."""
    by_test: dict[str, Outcome] = {}
    for case in ET.parse(report).iter("testcase"):
        new = outcome(case)
        if new.test not in by_test or new.status == "failed":
            by_test[new.test] = new
    return sorted(by_test.values())


def known_failures() -> dict[str, str]:
    """From the test to the reason why it fails."""
    return dict(_parse_known_failures(KNOWN_FAILURES.read_text(encoding="utf-8")))


def _parse_known_failures(text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            test, separator, reason = line.partition(" # ")
            if not separator or not reason.strip():
                fail(f"{KNOWN_FAILURES}:{number}: give the reason after ' # '")
            yield test.strip(), reason.strip()


def judge(results: list[Outcome], known: dict[str, str], whole: bool) -> list[str]:
    """Print the summary. Returns what is wrong, nothing if the run is a success."""
    groups = {
        status: [result for result in results if result.status == status]
        for status in ("passed", "failed", "skipped")
    }
    print()
    for status in ("skipped", "failed"):
        for result in groups[status]:
            note = f" (known: {known[result.test]})" if result.test in known else ""
            print(f"{status}: {result.test}: {result.reason}{note}")
    for result in groups["passed"]:
        if result.test in known:
            print(f"passed, strike it from {KNOWN_FAILURES.name}: {result.test}")
    print(", ".join(f"{len(group)} {status}" for status, group in groups.items()))

    wrong = []
    new = [result for result in groups["failed"] if result.test not in known]
    if new:
        wrong.append(f"{len(new)} failed that {KNOWN_FAILURES.name} does not list")
    if whole and len(groups["passed"]) < FEWEST:
        wrong.append(f"only {len(groups['passed'])} passed, {FEWEST} should")
    return wrong


def main() -> None:
    checkout, processes, rest = arguments()
    known = known_failures()
    python = interpreter()
    handle, name = tempfile.mkstemp(prefix="conformance-", suffix=".xml")
    os.close(handle)
    status = run_suite(python, checkout, processes, rest, Path(name))
    if status not in PYTEST_FINISHED:
        fail(f"pytest did not finish (exit status {status})")
    results = outcomes(Path(name))
    wrong = judge(results, known, whole=not rest)
    if any(result.status == "failed" for result in results):
        print(f"What the failed tests sent and received is in {name}")
    else:
        Path(name).unlink()
    if wrong:
        fail("; ".join(wrong))


if __name__ == "__main__":
    main()
