"""What waits for numeric users is handed over whole, in order and once, whatever happens.

- The server is killed in the middle of handing over, again and again: nothing that was on disk is
  lost, the order is kept, and only the one that was in flight comes again.
- Many users and groups at once: everyone gets everything exactly once.

The long version does it with many more, measures how long a message takes between two IRC users
while one numeric user is handed a very long backlog, and prints the figures (shown with ``-s``).
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from pathlib import Path
from statistics import median, quantiles

import pytest

from bench.procs import process_cpu_seconds
from tests.chaos.kit import Irc, Numeric, Server, close_all

LISTEN = ("--listen", "numeric://127.0.0.1:0")
SETTINGS = {"LIMITS__COMMANDS_PER_SECOND": 0, "HISTORY__SEARCH": "false"}
MEMBERS = 10
OPENED_AT_ONCE = 50


async def start(folder: Path) -> Server:
    return await Server.start(folder / "data", folder / "log", *LISTEN, **SETTINGS)


# The server is killed


async def kills(folder: Path, rounds: int, messages: int, chance: random.Random) -> None:
    """Kill the server *rounds* times while somebody is handed what waits."""
    server = await start(folder)
    author = await Numeric.open(server.ports["numeric"])
    reader = await Numeric.open(server.ports["numeric"])
    await author.fence()
    await reader.close()
    said, again = 0, 0
    got: list[int] = []
    unsure: set[int] = set()
    for number in range(rounds + 1):
        for _ in range(messages):
            author.say(reader.number, str(said))
            said += 1
        await author.fence()
        reader = await Numeric.open(server.ports["numeric"], reader.number)
        if number == rounds:
            await reader.fence()
        else:
            wanted = chance.randrange(1, messages)
            await reader.until(lambda _, r=reader, n=wanted: len(r.texts()) >= n)  # type: ignore[misc]
            author.say(reader.number, str(said))
            if chance.random() < 0.5:
                await author.fence()
            else:
                unsure.add(said)  # it may or may not be in time
            said += 1
            await server.kill()
            await reader.until_end()
            assert server.faults() == []
        fresh = [int(text) for text in reader.texts()]
        assert fresh == sorted(set(fresh)), fresh
        if got and fresh and fresh[0] == got[-1]:
            again += 1
            del fresh[0]
        assert not got or not fresh or fresh[0] > got[-1], (got[-1], fresh[0])
        got += fresh
        await close_all(reader, author)
        if number < rounds:
            server = await start(folder)
            author = await Numeric.open(server.ports["numeric"], author.number)
    missing = set(range(said)) - set(got)
    assert missing <= unsure, missing
    print(f"\n{rounds} times killed: {said} messages, {again} came twice, {len(missing)} never")
    await server.stop()


def _seed(default: int) -> int:
    return int(os.environ.get("TERTULIA_CHAOS_SEED", default))


async def test_what_waits_survives_kills(tmp_path: Path) -> None:
    await kills(tmp_path, 4, 12, random.Random(_seed(1)))


@pytest.mark.chaos
@pytest.mark.timeout(3600)
async def test_what_waits_survives_100_kills(tmp_path: Path) -> None:
    seed = _seed(random.SystemRandom().randrange(1_000_000))
    print(f"\nTERTULIA_CHAOS_SEED={seed}")
    await kills(tmp_path, 100, 40, random.Random(seed))


# Many users and groups


async def crowd(folder: Path, users: int, groups: int, messages: int) -> None:
    """Let *users* write to each other and to *groups*, and check what everyone got."""
    server = await start(folder)
    port = server.ports["numeric"]
    people: list[Numeric] = []
    for _ in range(0, users, OPENED_AT_ONCE):
        people += await asyncio.gather(*(Numeric.open(port) for _ in range(OPENED_AT_ONCE)))
    began, cpu = time.monotonic(), process_cpu_seconds(server.pid)
    expected: dict[str, Counter[str]] = {one.number: Counter() for one in people}
    receipts: dict[str, Counter[str]] = {one.number: Counter() for one in people}
    for i in range(groups):
        members = [people[(i * MEMBERS + j) % users] for j in range(MEMBERS)]
        maker, *others = members
        maker.send(f"10{maker.number}{Numeric.SENT}{''.join(one.number for one in others)}")
        told = await maker.until(lambda frame, by=maker.number: frame[25:38] == by)  # type: ignore[misc]
        receipts[maker.number][told[2:15]] += messages
        for n in range(messages):
            maker.say(told[2:15], f"{i}.{n} to the group")
            for one in others:
                expected[one.number][f"{i}.{n} to the group"] += 1
    for i, one in enumerate(people):
        to = people[(i + 1) % users]
        one.say(to.number, f"{i} to the next")
        expected[to.number][f"{i} to the next"] += 1
        receipts[one.number][to.number] += 1
    await asyncio.gather(*(_has(one, expected[one.number]) for one in people))
    took_s, cpu_s = time.monotonic() - began, process_cpu_seconds(server.pid) - cpu
    await asyncio.gather(*(one.fence() for one in people))
    for one in people:
        assert Counter(one.texts()) == expected[one.number]
        for i in range(groups):
            order = [text for text in one.texts() if text.startswith(f"{i}.")]
            assert order == sorted(order, key=lambda text: int(text.split(".")[1].split()[0]))
        # One for each message, to a group too.
        told_of = Counter(frame[2:15] for frame in one.items if frame[:2] == "07")
        assert told_of == receipts[one.number]
    total = sum(counts.total() for counts in expected.values())
    print(
        f"\n{users} users, {groups} groups: {total} deliveries in {took_s:.1f} s, CPU {cpu_s:.1f} s"
    )
    await close_all(*people)
    await server.stop()


async def _has(one: Numeric, expected: Counter[str]) -> None:
    await one.until(lambda _: len(one.texts()) >= expected.total())


async def test_a_crowd_gets_everything_once(tmp_path: Path) -> None:
    await crowd(tmp_path, 100, 10, 3)


@pytest.mark.chaos
@pytest.mark.timeout(600)
async def test_a_large_crowd_gets_everything_once(tmp_path: Path) -> None:
    await crowd(tmp_path, 1_000, 100, 3)


# A long backlog


@pytest.mark.chaos
@pytest.mark.timeout(1200)
async def test_a_long_backlog_while_others_talk(tmp_path: Path) -> None:
    count, talk_s = 100_000, 20.0
    server = await start(tmp_path)
    port = server.ports["numeric"]
    author, reader = await Numeric.open(port), await Numeric.open(port)
    await author.fence()
    await reader.close()
    ana, bob = [await Irc.open(server.ports["irc"], nick) for nick in ("ana", "bob")]
    for i in range(count - 10):
        author.say(reader.number, f"message {i}")
        if i % 1000 == 999:
            await author.fence()
    before = await _talk(ana, bob, talk_s)
    reader = await Numeric.open(port, reader.number)
    cpu, began = process_cpu_seconds(server.pid), time.monotonic()
    during = await _talk(ana, bob, talk_s)
    took_s, cpu_s = time.monotonic() - began, process_cpu_seconds(server.pid) - cpu
    texts = reader.texts()
    assert texts == [f"message {i}" for i in range(len(texts))]
    assert len(texts) > 10
    for name, times in (("before", before), ("during", during)):
        p99 = quantiles(times, n=100)[98]
        print(f"\n{name}: p50 {median(times) * 1000:.2f} ms, p99 {p99 * 1000:.2f} ms", end="")
    print(f"\n{len(texts)} of {count} handed over in {took_s:.0f} s, CPU {cpu_s:.1f} s")
    await close_all(author, reader, ana, bob)
    await server.stop()


async def _talk(one: Irc, other: Irc, seconds: float) -> list[float]:
    """Let *one* write to *other*; return how long each message took."""
    times: list[float] = []
    end = time.monotonic() + seconds
    while (began := time.monotonic()) < end:
        text, since = f"n{len(times)}", len(other.items)
        one.send(f"PRIVMSG {other.nick} :{text}")
        await other.until(lambda line: line.command == "PRIVMSG", since)
        times.append(time.monotonic() - began)
        await asyncio.sleep(0.005)
    return times
