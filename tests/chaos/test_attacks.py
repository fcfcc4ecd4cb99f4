"""Nobody can hurt the others: what hostile clients cost the server, and everyone else.

The attacks are those of `attacks.py`. In the short version:

- who never reads is closed when its output queue is over the limit, and others see why;
- who floods is read only as fast as the limits allow, and not closed;
- half a line is never more than a line in memory, and a line that never ends neither;
- who never registers is closed after the time that is set, and told why;
- meanwhile two others talk, and the memory of the server stays bounded.

The long version does it with many more, and measures how long a message takes between the two
others during each attack, beside the quiet server in the same run (shown with ``-s``).
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median, quantiles

import pytest

from tests.chaos.kit import MIB, PATIENCE_S, Irc, Server, close_all

ATTACKS = Path(__file__).with_name("attacks.py")
SWEEP_S = 5
"""How often the server looks for who is overdue."""
FEW = 10
RATIO = 50
FLOOR_S = 0.5
"""However quiet the server is otherwise, this is no harm."""


class Attack:
    """A process that attacks, and what it said in the end."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.closed = 0
        self.first_s = self.last_s = 0.0
        self.last_lines: list[str] = []

    async def end(self) -> None:
        """Stop attacking."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self.until_over()

    async def until_over(self) -> None:
        """Wait until all have been closed."""
        assert self._process.stdout is not None
        out = await asyncio.wait_for(self._process.stdout.read(), PATIENCE_S)
        await self._process.wait()
        first, *others = out.decode().splitlines()
        _, closed, first_s, last_s = first.split()
        self.closed, self.first_s, self.last_s = int(closed), float(first_s), float(last_s)
        self.last_lines = [line.removeprefix("last ") for line in others]


@asynccontextmanager
async def attack(kind: str, server: Server, count: int) -> AsyncIterator[Attack]:
    """Attack *server*, until `Attack.end`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(ATTACKS), kind, str(server.ports["irc"]), str(count)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        going = await asyncio.wait_for(process.stdout.readline(), PATIENCE_S)
        assert going == b"going\n"
        yield Attack(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


class Pair:
    """Two people who talk, and somebody who watches."""

    def __init__(self, server: Server, talker: Irc, listener: Irc, watcher: Irc) -> None:
        self.server = server
        self.talker = talker
        self.listener = listener
        self.watcher = watcher
        self._said = 0

    @classmethod
    async def open(cls, server: Server) -> Pair:
        port = server.ports["irc"]
        clients = [await Irc.open(port, nick) for nick in ("anna", "bert", "watch")]
        for client in clients[:2]:
            await client.ask("JOIN #pair")
        await clients[2].ask("JOIN #watch")
        return cls(server, *clients)

    async def latency(self) -> float:
        """Return how long one message takes, in seconds."""
        self._said += 1
        text, since = str(self._said), len(self.listener.items)
        began = time.perf_counter()
        self.talker.send(f"PRIVMSG #pair :{text}")
        await self.listener.until(lambda line: line.params[-1] == text, since)
        return time.perf_counter() - began

    async def latencies(self, count: int, pause_s: float) -> list[float]:
        found = []
        for _ in range(count):
            found.append(await self.latency())
            await asyncio.sleep(pause_s)
        return found

    async def close(self) -> None:
        await close_all(self.talker, self.listener, self.watcher)


@asynccontextmanager
async def scene(folder: Path, **settings: object) -> AsyncIterator[Pair]:
    """A server, and people on it who do no harm."""
    server = await Server.start(folder / "data", folder / "log", **settings)
    try:
        pair = await Pair.open(server)
        await pair.latency()
        yield pair
        await pair.latency()
        await pair.close()
        await server.stop()
    finally:
        await server.kill()


async def _until_silent_are_gone(pair: Pair, count: int, limit: int) -> None:
    for i in range(count):
        quit_ = await pair.watcher.until(
            lambda line, i=i: line.command == "QUIT" and line.nick == f"silent{i}"  # type: ignore[misc]
        )
        assert quit_.params == [f"Output queue exceeded ({limit} bytes)"]


async def test_who_never_reads_is_closed(tmp_path):
    limit = 256 * 1024
    async with scene(tmp_path, LIMITS__COMMANDS_PER_SECOND=0, LIMITS__OUTPUT_BYTES=limit) as pair:
        before = pair.server.rss()
        async with attack("silent", pair.server, FEW) as silent:
            await _until_silent_are_gone(pair, FEW, limit)
            await pair.latency()
            await silent.end()
        assert pair.server.peak() - before < FEW * limit + 48 * MIB


@pytest.mark.parametrize("kind", ["flood", "half", "endless"])
async def test_who_sends_too_much_is_held_back(tmp_path, kind):
    async with scene(tmp_path) as pair:
        before = pair.server.rss()
        async with attack(kind, pair.server, FEW) as others:
            for _ in range(20):
                await pair.latency()
            await others.end()
        assert others.closed == 0
        assert pair.server.peak() - before < 32 * MIB


async def test_who_never_registers_is_closed(tmp_path):
    async with scene(tmp_path, LIMITS__LOGIN_S=1) as pair:
        async with attack("mute", pair.server, FEW) as mute:
            await pair.latency()
            await mute.until_over()
        assert mute.closed == FEW
        assert mute.first_s >= 1
        [last] = mute.last_lines
        assert last == "ERROR :Closing Link: 127.0.0.1 (Registration timed out)"


# The long version

COUNT = 400
PAUSE_S = 0.01
OUTPUT_BYTES = 4 * MIB
"""How much may wait for a client, by default."""


def _told(name: str, found: list[float]) -> tuple[float, float]:
    p50, p99 = median(found), quantiles(found, n=100)[98]
    print(f"{name:28} p50 {p50 * 1e3:8.2f} ms   p99 {p99 * 1e3:8.2f} ms   n={len(found)}")
    return p50, p99


def _tell_memory(server: Server, before: int) -> None:
    found = (before, server.peak(), server.rss())
    print(
        "memory {:.0f} MiB before, {:.0f} at most, {:.0f} after".format(*(n / MIB for n in found))
    )


def _no_harm(quiet: tuple[float, float], attacked: tuple[float, float]) -> None:
    for calm, found in zip(quiet, attacked, strict=True):
        assert found < max(RATIO * calm, FLOOR_S)


@pytest.mark.chaos
@pytest.mark.timeout(300)
async def test_many_who_never_read_at_length(tmp_path):
    count, limit = 20, OUTPUT_BYTES
    async with scene(tmp_path, LIMITS__COMMANDS_PER_SECOND=0) as pair:
        print()
        quiet = _told("quiet", await pair.latencies(COUNT, PAUSE_S))
        async with attack("silent", pair.server, 0) as talk:
            busy = _told("one talks all the time", await pair.latencies(COUNT, PAUSE_S))
            await talk.end()
        before = pair.server.rss()
        async with attack("silent", pair.server, count) as silent:
            found = await pair.latencies(COUNT, PAUSE_S)
            await _until_silent_are_gone(pair, count, limit)
            await silent.end()
        attacked = _told(f"and {count} never read", found)
        _tell_memory(pair.server, before)
        _no_harm(quiet, busy)
        _no_harm(quiet, attacked)
        assert pair.server.peak() - before < count * limit + 64 * MIB


@pytest.mark.chaos
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("kind", "count"), [("flood", 50), ("half", 500), ("endless", 50)])
async def test_many_who_send_too_much_at_length(tmp_path, kind, count):
    # As fast as the two need it; the others get no more than they.
    async with scene(tmp_path, LIMITS__COMMANDS_PER_SECOND=100) as pair:
        print()
        quiet = _told("quiet", await pair.latencies(COUNT, PAUSE_S))
        before = pair.server.rss()
        async with attack(kind, pair.server, count) as others:
            found = await pair.latencies(COUNT, PAUSE_S)
            await others.end()
        attacked = _told(f"{count} x {kind}", found)
        _tell_memory(pair.server, before)
        _no_harm(quiet, attacked)
        # Those who flood a channel are in it, and each may leave so much unread.
        assert pair.server.peak() - before < count * OUTPUT_BYTES + 64 * MIB


@pytest.mark.chaos
@pytest.mark.timeout(300)
async def test_a_thousand_who_never_register_at_length(tmp_path):
    count, login_s = 1_000, 5
    async with scene(tmp_path, LIMITS__COMMANDS_PER_SECOND=100, LIMITS__LOGIN_S=login_s) as pair:
        print()
        quiet = _told("quiet", await pair.latencies(COUNT, PAUSE_S))
        before = pair.server.rss()
        async with attack("mute", pair.server, count) as mute:
            # Until the last of them has been closed, which may also cost.
            until, found = time.monotonic() + login_s + SWEEP_S + 1, []
            while time.monotonic() < until:
                found += await pair.latencies(10, PAUSE_S)
            await mute.end()
        attacked = _told(f"{count} say nothing", found)
        _tell_memory(pair.server, before)
        print(f"closed after {mute.first_s:.1f} to {mute.last_s:.1f} s")
        assert mute.closed == count
        assert mute.first_s >= login_s
        _no_harm(quiet, attacked)
        assert pair.server.peak() - before < 64 * MIB
