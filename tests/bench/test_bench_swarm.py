"""The counting of the load generator, against a server that cuts lines anywhere."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from bench.swarm import PRIVMSG, Swarm, SwarmError

LINE = b":a00001!bench@127.0.0.1 PRIVMSG #bench :00000001 text\r\n"


class Script:
    """A server for one client: welcomes it, answers its fences, and sends what it is told."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.connection: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        self.connection, _ = self.listener.accept()
        for line in self.connection.makefile("rb"):
            if line.startswith(b"USER"):
                self.send(b":s 001 a00000 :Welcome\r\n")
            elif line.startswith(b"PING"):
                self.send(b":s PONG s :" + line.split()[1] + b"\r\n")

    def send(self, data: bytes) -> None:
        assert self.connection is not None
        self.connection.sendall(data)

    def close(self) -> None:
        if self.connection is not None:
            with contextlib.suppress(OSError):  # ended by the test
                self.connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self.listener.close()


@pytest.fixture
def script() -> Iterator[Script]:
    script = Script()
    yield script
    script.close()


@pytest.fixture
def swarm(script: Script) -> Iterator[Swarm]:
    swarm = Swarm(script.listener.getsockname())
    swarm.grow(1, 1)
    yield swarm
    swarm.close()


def pump_until(swarm: Swarm, count: int) -> int:
    total = 0
    while total < count:
        found = swarm.pump(PRIVMSG, 5.0)
        total += found
    return total


@pytest.mark.parametrize("cut", range(1, len(LINE)))
def test_a_line_cut_anywhere_counts_once_and_only_when_complete(
    script: Script, swarm: Swarm, cut: int
) -> None:
    swarm.hot(True)
    script.send(LINE + LINE[:cut])
    assert pump_until(swarm, 1) == 1
    script.send(LINE[cut:] + LINE)
    assert pump_until(swarm, 2) == 2
    assert swarm.clients[0].counted == 3


def test_a_fence_notices_a_delivery_too_many(script: Script, swarm: Swarm) -> None:
    script.send(LINE)
    swarm.fence()
    assert swarm.stray == 1
    swarm.fence()
    assert swarm.stray == 0


def test_a_ping_is_answered_while_counting(script: Script, swarm: Swarm) -> None:
    swarm.hot(True)
    script.send(b"PING :still there?\r\n")
    swarm.pump(PRIVMSG, 5.0)
    script.send(LINE)
    assert pump_until(swarm, 1) == 1


def test_a_lost_connection_is_an_error_with_the_last_line(script: Script, swarm: Swarm) -> None:
    script.send(b"ERROR :Excess flood\r\n")
    swarm.pump(PRIVMSG, 5.0)
    assert script.connection is not None
    script.connection.shutdown(socket.SHUT_RDWR)
    with pytest.raises(SwarmError, match=r"a00000 lost .*Excess flood"):
        pump_until(swarm, 1)
