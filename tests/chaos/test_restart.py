"""A start does not read history: with a million messages it is ready as soon as with none.

The database is written by the storage layer itself: messages in a hundred channels, the
settings of these, and the numbers of ten thousand nicknames. Then the server is started on it:
how much CPU time it takes until it is ready, how much memory it has then and while it fills
the search index, and that a client gets at history at once. The short version is the same
with fewer messages, and looks at no clock.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tertulia.domain import events as e
from tertulia.domain.channels import Channel, Topic
from tertulia.domain.ids import Conversation, Hlc, Uid, at_milliseconds, msgid
from tertulia.domain.names import ChannelName, Number
from tertulia.domain.text import Text
from tertulia.storage.records import Write, encode_channel
from tests.chaos.kit import CAPS, MIB, Irc, Server
from tests.storage.kit import Disk

CHANNELS = 100
NICKNAMES = 10_000
BATCH = 5_000
START_MS = 1_700_000_000_000
BASE = 5_000


def _records() -> Iterator[Write]:
    for i in range(CHANNELS):
        incarnation = Conversation(BASE + i)
        number = Number(f"1{i:012}")
        channel = Channel(ChannelName.parse(f"#c{i}"), number, incarnation, START_MS)
        channel.topic = Topic(Text(f"about {i}"), "ana!u@h", START_MS)
        # Left just now, so that it does not end meanwhile.
        channel.emptied = int(time.time() * 1000)
        channel.origin = msgid(at_milliseconds(START_MS), 0)
        yield "INSERT INTO channel VALUES (?, ?)", (incarnation, encode_channel(channel))
    for i in range(NICKNAMES):
        yield "INSERT INTO number VALUES (?, ?, ?)", (f"0{i:012}", f"nick{i}", msgid(i, 0))


def _messages(count: int) -> Iterator[e.Event]:
    faces = [
        e.Face(Uid(f"s{i}"), f"nick{i}", f"0{i:012}", f"nick{i}!~nick{i}@10.0.0.{i}")
        for i in range(100)
    ]
    for i in range(count):
        place = i % CHANNELS
        text = Text(f"message {i} of a history that nobody reads at the start of a server")
        fact = e.Said(faces[i * 7 % 100], f"#c{place}", 0, text)
        hlc = Hlc(at_milliseconds(START_MS + i))
        yield e.Event(hlc, Conversation(BASE + place), fact)


def fill(folder: Path, count: int) -> None:
    """Write a database with so many messages."""
    folder.mkdir()
    disk = Disk(folder)
    assert disk.append(writes=list(_records())) is None
    batch: list[e.Event] = []
    for event in _messages(count):
        batch.append(event)
        if len(batch) == BATCH:
            assert disk.append(*batch) is None
            batch.clear()
    assert disk.append(*batch) is None
    disk.close()


async def use(server: Server, count: int) -> None:
    """What was there before is there."""
    messages_only = [cap for cap in CAPS if "playback" not in cap]
    ana = await Irc.open(server.ports["irc"], "ana", *messages_only)
    joined = await ana.ask("JOIN #c7")
    assert [line.params[-1] for line in joined if line.command == "332"] == ["about 7"]
    page = await ana.ask("CHATHISTORY LATEST #c7 * 2")
    texts = [line.params[-1].split()[1] for line in page if line.command == "PRIVMSG"]
    assert texts == [str(count - 193), str(count - 93)]
    page = await ana.ask("CHATHISTORY AFTER #c7 timestamp=1970-01-01T00:00:00Z 1")
    assert [x.params[-1].split()[1] for x in page if x.command == "PRIVMSG"] == ["7"]
    await ana.close()


async def test_a_start_finds_what_was_there(tmp_path):
    fill(tmp_path / "data", 10_000)
    server = await Server.start(tmp_path / "data", tmp_path / "log")
    try:
        await use(server, 10_000)
        await server.stop()
    finally:
        await server.kill()


@pytest.mark.chaos
@pytest.mark.timeout(600)
async def test_a_start_with_a_million_messages(tmp_path):
    count = 1_000_000
    empty = await Server.start(tmp_path / "empty", tmp_path / "log")
    nothing_s, nothing_bytes = empty.ready_cpu_s, empty.rss()
    await empty.stop()
    began = time.monotonic()
    fill(tmp_path / "data", count)
    size = (tmp_path / "data" / "tertulia.db").stat().st_size
    print(f"\n{count} messages, {size / MIB:.0f} MiB, in {time.monotonic() - began:.1f} s")
    began = time.monotonic()
    server = await Server.start(tmp_path / "data", tmp_path / "log")
    wall_s, ready_bytes = time.monotonic() - began, server.rss()
    try:
        print(
            f"ready after {server.ready_cpu_s:.2f} s of CPU time, {wall_s:.2f} s in all, with"
            f" {ready_bytes / MIB:.0f} MiB (an empty one: {nothing_s:.2f} s,"
            f" {nothing_bytes / MIB:.0f} MiB)"
        )
        assert server.ready_cpu_s < 3
        await use(server, count)
        # The index of a million messages is made meanwhile, a part at a time.
        peak = 0
        for _ in range(20):
            await asyncio.sleep(0.5)
            peak = max(peak, server.rss())
        await use(server, count)
        print(f"and {peak / MIB:.0f} MiB at most while the index is made")
        assert peak - nothing_bytes < 128 * MIB
        await server.stop()
    finally:
        await server.kill()
