"""python -m bench.paced: what old clients in the room cost everybody else.

Bursts and single messages in a room of 200, without and with clients of the JSON chat in it
that must be sent one document at a time. They are sent what the pause between two allows, and
a note for the rest, so the server should hardly notice them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import selectors
import socket
import sys
from collections.abc import Iterator, Sequence
from multiprocessing.synchronize import Event
from statistics import median
from tempfile import TemporaryDirectory

from bench.figures import SATURATED
from bench.peers import Running, running, tertulia_with
from bench.swarm import Swarm
from bench.workloads import DRIVERS, Run, Scale

ROOM = "bench"
DOCUMENT_BYTES = 1024
WORKLOADS = ("burst", "single")


def _visit(port: int, size: int, ready: Event) -> None:
    """Be *size* people with the classic client in the room, and read what comes."""
    selector = selectors.DefaultSelector()
    for i in range(size):
        sock = socket.create_connection(("127.0.0.1", port))
        for fields in ({"op": "LOGIN", "name": f"old{i}"}, {"op": "JOIN", "channel": ROOM}):
            sock.recv(DOCUMENT_BYTES)  # the greeting, then the answer to LOGIN
            sock.send(json.dumps(fields).encode())
        selector.register(sock, selectors.EVENT_READ)
    ready.set()
    while True:
        for key, _ in selector.select():
            assert isinstance(key.fileobj, socket.socket)
            if not key.fileobj.recv(DOCUMENT_BYTES):
                return


@contextlib.contextmanager
def visitors(port: int, size: int) -> Iterator[None]:
    """Let old clients be in the room."""
    if not size:
        yield
        return
    ready = multiprocessing.Event()
    process = multiprocessing.Process(target=_visit, args=(port, size, ready), daemon=True)
    process.start()
    try:
        if not ready.wait(20):
            raise SystemExit("the old clients could not join")
        yield
    finally:
        process.terminate()
        process.join()


def measure(workload: str, turn: int, paced: int) -> tuple[float, float]:
    """Return µs of server CPU a delivery to an IRC client, and how busy the server's core was."""
    with TemporaryDirectory(prefix="bench-") as folder, contextlib.ExitStack() as stack:
        server, port = stack.enter_context(_server(folder))
        swarm = Swarm(server.address, "abcdefgh"[turn % 8])
        stack.callback(swarm.close)
        swarm.grow(Scale().members, 64)
        stack.enter_context(visitors(port, paced))
        run = Run(server, swarm, Scale(), 64, frozenset({workload}), last_round=False)
        figures = DRIVERS[workload](run)
        return figures[f"{workload}.cpu_us"], figures[f"{workload}.server"]


@contextlib.contextmanager
def _server(folder: str) -> Iterator[tuple[Running, int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with running(tertulia_with(f"json://127.0.0.1:{port}"), None) as server:
        yield server, port


def main(arguments: Sequence[str]) -> int:
    """Print the medians, and their ratios."""
    parser = argparse.ArgumentParser(prog="python -m bench.paced", description=__doc__)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    for workload in WORKLOADS:
        ratios = []
        for turn in range(options.rounds):
            without, _ = measure(workload, turn, 0)
            with_them, busy = measure(workload, turn, options.clients)
            ratios.append(with_them / without)
            note = " (saturated)" if busy > SATURATED else ""
            print(f"{workload}: {without:.3f} -> {with_them:.3f} us a delivery{note}", flush=True)
        print(f"{workload}: ratio {median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
