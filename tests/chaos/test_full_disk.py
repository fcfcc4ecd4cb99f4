"""The disk of the data directory is full for a while.

A small file system holds the data, and a filler file takes what is left of it. Meanwhile

- whoever says something or changes a channel is told clearly that it was not done, under the
  label of the command; nobody else sees anything of it, and the channel stays as it was;
- history, lists and topics can be read, and people come and go;
- when the filler is gone the same process stores again, by itself; what was refused can be
  said again under its id and is then there once;
- nothing that was acknowledged is lost, nothing is shown or stored twice, and the log has no
  gap: also after a kill.

A server that is started on a full disk says so in one line.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.chaos.kit import CAPS, ECHO, MIB, SOURCE, Irc, Json, Line, Server, close_all

SIZE = 24 * MIB
AGAIN = f"again {'y' * 300}"


def _run(*command: str | Path) -> None:
    """Run a command, or skip the test with what it says."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        pytest.skip(f"there is no {command[0]}")
    if done.returncode:
        pytest.skip(f"{command[0]}: {done.stderr.strip()}")


@pytest.fixture(params=["tmpfs", "ext4"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A small file system."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    if request.param == "tmpfs":
        _run("mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", folder)
    else:
        image = tmp_path / "image"
        with image.open("wb") as file:
            file.truncate(SIZE)
        _run("mkfs.ext4", "-q", "-m", "0", image)
        _run("mount", "-o", "loop", image, folder)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], timeout=30, check=True)


class Filler:
    """A file that takes all the space there is."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "filler"

    def fill(self) -> None:
        with self._path.open("ab", buffering=0) as file:
            for size in (MIB, 4096, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"x" * size)

    def remove(self) -> None:
        self._path.unlink()


class Person:
    """Someone who says things and notes what became of them."""

    def __init__(self, client: Irc) -> None:
        self.client = client
        self.stored: list[str] = []
        self.refused: list[str] = []
        self._labels = 0

    async def do(self, command: str, tags: str = "") -> Line:
        """Send a labelled command, and return the first line of its answer."""
        self._labels += 1
        label = f"l{self._labels}"
        since = len(self.client.items)
        self.client.send(f"@label={label}{tags} {command}")
        return await self.client.until(lambda line: line.tags.get("label") == label, since)

    async def say(self, text: str, tags: str = "", target: str = "#tea") -> bool:
        """Say something; whether it was stored."""
        line = await self.do(f"PRIVMSG {target} :{text}", tags)
        if line.command == "FAIL":
            assert line.params[1] == "NOT_STORED"
            assert "disk" in line.params[-1]
            self.refused.append(text)
            return False
        assert (line.command, line.params[-1]) == ("PRIVMSG", text)
        self.stored.append(text)
        return True

    async def say_with_room(self, text: str) -> None:
        """Say something now that there is room again.

        A write that began before may still fail, and what rests on it is refused with it;
        then the next is stored.
        """
        assert await self.say(f"{text} 1") or await self.say(f"{text} 2")

    async def say_until_refused(self) -> None:
        """There may be some room left in files that the database has already."""
        for i in range(20_000):
            if not await self.say(f"{self._labels}.{i} {'x' * 380}"):
                break
        else:
            raise AssertionError("the disk never was full")
        # A message may have needed one more page of an index than a new channel does.
        for i in range(20):
            if (await self.do(f"JOIN #full{i}")).command == "FAIL":
                return
        raise AssertionError("the disk never was full")


def texts_in_log(data: Path) -> list[str]:
    """All messages in the log; its sequence numbers have no gap."""
    db = apsw.Connection(str(data / "tertulia.db"), flags=apsw.SQLITE_OPEN_READONLY)
    texts, last = [], 0
    for row_id, body in db.execute("SELECT id, body FROM event ORDER BY id"):
        assert row_id & (1 << 40) - 1 == (last & (1 << 40) - 1) + 1 or row_id >> 40 > last >> 40
        last = row_id
        fact: dict[str, Any] = json.loads(body)
        if fact["k"] == "said":
            texts.append(fact["text"])
    assert db.pragma("integrity_check") == "ok"
    db.close()
    return texts


def texts_seen(client: Irc) -> list[str]:
    return [line.params[-1] for line in client.items if line.command == "PRIVMSG"]


async def history(client: Irc) -> list[str]:
    lines = await client.ask("CHATHISTORY LATEST #tea * 100")
    return [line.params[-1] for line in lines if line.command == "PRIVMSG"]


async def _while_full(server: Server, ana: Person, bob: Irc, jo: Json) -> None:
    """What works on a full disk, and what does not."""
    for n in range(20):
        await ana.say(f"full {n} after {len(ana.stored)} {'x' * 300}")
    assert not await ana.say(AGAIN, ";+tertulia/id=again")
    changes = ("TOPIC #tea :other", "MODE #tea +b x!*@*", "JOIN #new")
    assert [(await ana.do(change)).params[1] for change in changes] == ["NOT_STORED"] * 3
    answer = await jo.ask("MESSAGE", target="#tea", message="json " + "x" * 300)
    assert answer["op"] == "ERROR"
    assert "stored" in answer["message"]
    # Others read on.
    expected = ana.stored[-90:]  # of a page of 100, which has who came and went, too
    assert (await history(bob))[-len(expected) :] == expected
    assert [x.params[-1] for x in await bob.ask("TOPIC #tea")][:1] == ["before"]
    assert [x.command for x in await bob.ask("MODE #tea b")] == ["368"]
    assert not any("#new" in line.params for line in await bob.ask("LIST"))
    # And people come, talk of nothing, and go.
    eve = await Irc.open(server.ports["irc"], "eve", *CAPS)
    joined = await eve.ask("JOIN #tea")
    assert joined[0].command == "JOIN"
    assert {"ana", "bob", "eve", "jo"} <= set(joined[-2].params[-1].replace("@", "").split())
    eve.send("QUIT :bye")
    await eve.until_end()
    await bob.until(lambda line: line.command == "QUIT" and line.nick == "eve")


async def test_a_disk_is_full_for_a_while(disk, tmp_path):
    data, log, filler = disk / "data", tmp_path / "log", Filler(disk)
    settings = {"LIMITS__COMMANDS_PER_SECOND": 0}
    server = await Server.start(data, log, **settings)
    try:
        ana = Person(await Irc.open(server.ports["irc"], "ana", *ECHO))
        bob = await Irc.open(server.ports["irc"], "bob", *CAPS)
        jo = await Json.open(server.ports["json"], "jo")
        await ana.client.ask("JOIN #tea")
        await bob.ask("JOIN #tea")
        await jo.ask("JOIN", channel="#tea")
        assert (await ana.do("TOPIC #tea :before")).command == "TOPIC"
        assert await ana.say("before")
        filler.fill()
        await ana.say_until_refused()
        await _while_full(server, ana, bob, jo)
        # The same once more: it does not get worse with time.
        filler.remove()
        await ana.say_with_room("between")
        filler.fill()
        await ana.say_until_refused()
        await _while_full(server, ana, bob, jo)

        filler.remove()
        await ana.say_with_room("settled")
        assert await ana.say(AGAIN, ";+tertulia/id=again")
        assert (await ana.do(f"PRIVMSG #tea :{AGAIN}", ";+tertulia/id=again")).command == "PRIVMSG"
        assert (await ana.do("TOPIC #tea :after")).command == "TOPIC"
        assert (await ana.do("JOIN #new")).command in ("JOIN", "BATCH")
        assert (await jo.ask("MESSAGE", target="#tea", message="json after"))["id"]
        await bob.until(lambda line: line.params[-1] == "json after")
        # Not counting what bob asked history for.
        live = Counter(x.params[-1] for x in bob.items if x.command == "PRIVMSG" and not x.batch)
        assert set(live) == {*ana.stored, "json after"}
        assert set(live.values()) == {1}
        assert not set(texts_seen(bob)) & (set(ana.refused) - {AGAIN})
        await close_all(ana.client, bob, jo)
        assert server.faults() == []
    finally:
        await server.kill()

    server = await Server.start(data, log, **settings)
    try:
        stored = Counter(texts_in_log(data))
        assert stored == Counter([*ana.stored, "json after"])
        eve = await Irc.open(server.ports["irc"], "eve", *CAPS)
        await eve.ask("JOIN #tea,#new")
        assert (await eve.ask("TOPIC #tea"))[0].params[-1] == "after"
        # And once more, with an end that nobody could prepare for.
        ana = Person(await Irc.open(server.ports["irc"], "ana", *ECHO))
        await ana.client.ask("JOIN #tea")
        filler.fill()
        await ana.say_until_refused()
        await server.kill()
        filler.remove()
        await close_all(eve, ana.client)
    finally:
        await server.kill()
    server = await Server.start(data, log, **settings)
    await server.stop()
    assert Counter(texts_in_log(data)) == stored + Counter(ana.stored)


async def test_the_search_index_goes_on_after_a_full_disk(disk, tmp_path):
    data, log, filler = disk / "data", tmp_path / "log", Filler(disk)
    server = await Server.start(data, log, LIMITS__COMMANDS_PER_SECOND=0)
    try:
        ana = Person(await Irc.open(server.ports["irc"], "ana", *ECHO))
        await ana.client.ask("JOIN #tea")
        assert await ana.say("lighthouse before")
        filler.fill()
        await ana.say_until_refused()
        filler.remove()
        await ana.say_with_room("lighthouse after")
        await ana.client.close()
        await server.stop()
    finally:
        await server.kill()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tertulia", "search", "lighthouse", "--data", str(data)),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )
    out, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0
    found = out.decode()
    assert "lighthouse before" in found
    assert "lighthouse after" in found


async def test_a_start_on_a_full_disk_says_so(disk, tmp_path):
    data, log, filler = disk / "data", tmp_path / "log", Filler(disk)
    data.mkdir()
    filler.fill()
    with pytest.raises(AssertionError, match="did not start"):
        await Server.start(data, log)
    told = log.read_text().strip()
    assert "Traceback" not in told
    assert len(told.splitlines()) == 1
    assert "full" in told or "disk" in told or "space" in told
    filler.remove()
    server = await Server.start(data, log)
    await server.stop()
