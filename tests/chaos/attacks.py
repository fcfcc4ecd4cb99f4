"""Clients that mean no good, as a program: ``python attacks.py KIND PORT COUNT``.

It is a process of its own, so that what it does costs those who are measured only what the
server lets it cost. It says ``going`` when everyone is in place, goes on until its standard
input is closed or all connections are, and then says what became of them. The kinds:

silent    COUNT members of #noise and #watch never read, while somebody talks in #noise
flood     COUNT members of #noise send messages as fast as they can
half      COUNT connections send half a line, a byte at a time
endless   COUNT connections send one line that never ends, as fast as they can
mute      COUNT connections say nothing at all
"""

from __future__ import annotations

import resource
import selectors
import socket
import sys
import time
from collections.abc import Callable

BLOCK = 1 << 16
BURST = 50
LINE = b"PRIVMSG #noise :" + b"ruido " * 60 + b"\r\n"


class Attacker:
    """One connection; *chunk* is what it sends again and again."""

    def __init__(self, port: int, chunk: bytes = b"", receive_bytes: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(30)
        self.socket.connect(("127.0.0.1", port))
        self.began = time.monotonic()
        self.closed_after: float | None = None
        self.chunk = chunk
        self._rest = b""
        self.last = b""

    def register(self, nick: str, *channels: str) -> None:
        """Become a user, in these channels."""
        joins = "".join(f"JOIN {channel}\r\n" for channel in channels)
        greeting = f"NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n{joins}PING in\r\n"
        self.socket.sendall(greeting.encode())
        self.fence(b":in\r\n")

    def fence(self, end: bytes) -> None:
        """Read until *end* comes."""
        last = b""
        while end not in last:
            data = self.socket.recv(BLOCK)
            assert data
            last = last[-16:] + data

    def send(self) -> None:
        """Send as much as goes out now."""
        try:
            sent = self.socket.send(self._rest or self.chunk)
        except BlockingIOError:
            return
        except OSError:
            self.closed()
            return
        self._rest = (self._rest or self.chunk)[sent:]

    def read(self) -> None:
        try:
            data = self.socket.recv(BLOCK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.last = (self.last + data)[-200:]
        else:
            self.closed()

    def closed(self) -> None:
        if self.closed_after is None:
            self.closed_after = time.monotonic() - self.began


class Attack:
    """A kind of attack that is under way."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._selector.register(sys.stdin, selectors.EVENT_READ)
        self.attackers: list[Attacker] = []

    def add(self, attacker: Attacker, events: int) -> None:
        attacker.socket.setblocking(False)
        self.attackers.append(attacker)
        self._selector.register(attacker.socket, events, attacker)

    def step(self, wait_s: float) -> bool:
        """Do what can be done now; whether to go on."""
        for key, events in self._selector.select(wait_s):
            attacker = key.data
            if attacker is None:
                return False
            if events & selectors.EVENT_READ:
                attacker.read()
            if events & selectors.EVENT_WRITE and attacker.closed_after is None:
                attacker.send()
            if attacker.closed_after is not None:
                self._selector.unregister(attacker.socket)
        return True

    def _over(self) -> bool:
        return bool(self.attackers) and all(a.closed_after is not None for a in self.attackers)

    def run(self, between: Callable[[], None] = lambda: None, wait_s: float = 0.5) -> None:
        print("going", flush=True)
        while self.step(wait_s) and not self._over():
            between()
        closed = sorted(a.closed_after for a in self.attackers if a.closed_after is not None)
        span = f"{closed[0]:.3f} {closed[-1]:.3f}" if closed else "0 0"
        print(f"closed {len(closed)} {span}", flush=True)
        for last in sorted({attacker.last.splitlines()[-1:][0] for attacker in self.attackers
                            if attacker.last}):  # fmt: skip
            print(f"last {last.decode()}", flush=True)


def silent(port: int, count: int) -> None:
    attack = Attack()
    for i in range(count):
        attacker = Attacker(port, receive_bytes=4096)
        attacker.register(f"silent{i}", "#noise", "#watch")
        attack.attackers.append(attacker)
    talker = Attacker(port)
    talker.register("talker", "#noise")

    def talk() -> None:
        talker.socket.sendall(LINE * BURST + b"PING on\r\n")
        talker.fence(b":on\r\n")

    attack.run(talk, 0)


def flood(port: int, count: int) -> None:
    attack = Attack()
    for i in range(count):
        attacker = Attacker(port, LINE * 150)
        attacker.register(f"flood{i}", "#noise")
        attack.add(attacker, selectors.EVENT_READ | selectors.EVENT_WRITE)
    attack.run()


def half(port: int, count: int) -> None:
    attack = Attack()
    for i in range(count):
        attacker = Attacker(port, b"x")
        attacker.register(f"half{i}")
        attack.add(attacker, selectors.EVENT_READ | selectors.EVENT_WRITE)
    attack.run(lambda: time.sleep(0.02))


def endless(port: int, count: int) -> None:
    attack = Attack()
    for _ in range(count):
        attack.add(Attacker(port, b"x" * BLOCK), selectors.EVENT_READ | selectors.EVENT_WRITE)
    attack.run()


def mute(port: int, count: int) -> None:
    attack = Attack()
    for _ in range(count):
        attack.add(Attacker(port), selectors.EVENT_READ)
    attack.run()


KINDS = {each.__name__: each for each in (silent, flood, half, endless, mute)}

if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    KINDS[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3]))
