"""Backups of a server that runs, and what it is like to come back to one."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import datetime
from pathlib import Path

from tests.behaviour.irc_clients import Ircv3Client
from tests.behaviour.places import Process, tertulia_process, tertulia_says

TEA = "#tea"
UNLIMITED = {"TERTULIA__LIMITS__COMMANDS_PER_SECOND": "0"}


def serve(home: Path, data: Path, **variables: str):
    """Run a server with its data in *data*."""
    words = ["serve", "--data", str(data), "--listen", "irc://127.0.0.1:0"]
    return tertulia_process(home, *words, **UNLIMITED, **variables)


async def come(process: Process, nick: str) -> Ircv3Client:
    """Return a client in #tea, whose echoes tell it what is on disk."""
    client = await process.ircv3(nick)
    await client.enter(TEA)
    return client


async def exported(home: Path, data: Path) -> list[dict[str, str]]:
    status, out, errors = await tertulia_says(
        home, "export", "--channel", TEA, "--format", "jsonl", "--data", str(data)
    )
    assert (status, errors) == (0, "")
    return [json.loads(line) for line in out.splitlines()]


def said(rows: list[dict[str, str]], nick: str) -> list[str]:
    return [row["text"] for row in rows if row["kind"] == "message" and row["from"] == nick]


async def test_a_backup_under_load_has_all_that_was_acknowledged_before(tmp_path: Path) -> None:
    acknowledged: dict[str, list[str]] = {nick: [] for nick in ("ana", "rui", "eva")}
    copy, restored = tmp_path / "copy.db", tmp_path / "restored"

    async def talk(client: Ircv3Client) -> None:
        mine = acknowledged[client.nick]
        while True:
            text = f"message {len(mine)}"
            client.say(TEA, text)
            await client.expect_said(client.nick, TEA, text)
            mine.append(text)

    async with serve(tmp_path, tmp_path / "data") as process:
        await process.ready()
        talkers = []
        for nick in acknowledged:
            client = await come(process, nick)
            talkers.append(asyncio.create_task(talk(client)))
        while min(map(len, acknowledged.values())) < 50:
            await asyncio.wait(talkers, timeout=0.01)
        before = {nick: list(texts) for nick, texts in acknowledged.items()}
        status, out, errors = await tertulia_says(
            tmp_path, "backup", str(copy), "--data", str(tmp_path / "data")
        )
        after = {nick: len(texts) for nick, texts in acknowledged.items()}
        for talker in talkers:
            talker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await talker
        assert (status, errors) == (0, "")
        assert out.startswith(str(copy))
        # A server uses that directory: nothing is restored there.
        status, _, errors = await tertulia_says(
            tmp_path, "restore", str(copy), "--data", str(tmp_path / "data")
        )
        assert status == 2
        assert "stop it" in errors
    assert all(after[nick] > len(before[nick]) for nick in before), "there was no load"
    status, _, errors = await tertulia_says(tmp_path, "restore", str(copy), "--data", str(restored))
    assert (status, errors) == (0, "")
    rows = await exported(tmp_path, restored)
    for nick, texts in before.items():
        found = said(rows, nick)
        assert found[: len(texts)] == texts
        assert found == [f"message {i}" for i in range(len(found))]


async def test_after_a_restore_ids_are_new_and_logs_are_made_again(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy.db"
    async with serve(tmp_path, data) as process:
        await process.ready()
        ana = await come(process, "ana")
        ana.say(TEA, "kept")
        await ana.expect_said("ana", TEA, "kept")
        assert (await tertulia_says(tmp_path, "backup", str(copy), "--data", str(data)))[0] == 0
        ana.say(TEA, "lost")
        await ana.expect_said("ana", TEA, "lost")
        await process.terminate()
    lost = {row["msgid"] for row in await exported(tmp_path, data)}
    assert "lost" in text_log(data)
    status, out, _ = await tertulia_says(tmp_path, "restore", str(copy), "--data", str(data))
    assert status == 0
    [aside] = data.glob("before-restore-*")
    assert str(aside) in out
    assert "lost" in text_log(aside)
    kept = {row["msgid"] for row in await exported(tmp_path, data)}
    assert kept < lost
    async with serve(tmp_path, data) as process:
        await process.ready()
        ana = await come(process, "ana")
        ana.say(TEA, "new")
        await ana.expect_said("ana", TEA, "new")
        await process.terminate()
    rows = await exported(tmp_path, data)
    assert said(rows, "ana") == ["kept", "new"]
    assert not ({row["msgid"] for row in rows} - kept) & lost
    found = text_log(data)
    assert "lost" not in found
    assert found.index("<ana> kept") < found.index("<ana> new")


async def test_a_server_that_is_killed_leaves_text_logs_whole(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for round in range(3):
        async with serve(tmp_path, data) as process:
            await process.ready()
            ana = await come(process, "ana")
            for i in range(20):
                ana.say(TEA, f"round {round} message {i}")
            await ana.expect_said("ana", TEA, f"round {round} message 19")
            process.process.kill()
            await process.process.wait()
    async with serve(tmp_path, data) as process:
        await process.ready()
        await process.terminate()
    lines = [line for line in text_log(data).splitlines() if "<ana>" in line]
    assert [line.partition("> ")[2] for line in lines] == [
        f"round {round} message {i}" for round in range(3) for i in range(20)
    ]


def text_log(folder: Path) -> str:
    """Return the text logs of #tea, whatever days they are of."""
    paths = sorted((folder / "logs" / TEA).iterdir())
    assert all(datetime.strptime(path.name, "%Y-%m-%d.log") for path in paths)
    return "".join(path.read_text("utf-8") for path in paths)


async def test_text_logs_and_backups_can_be_turned_off(tmp_path: Path) -> None:
    data = tmp_path / "data"
    settings = {"TERTULIA__HISTORY__TEXT_LOGS": "false", "TERTULIA__BACKUP__DAILY": "false"}
    async with serve(tmp_path, data, **settings) as process:
        await process.ready()
        ana = await come(process, "ana")
        ana.say(TEA, "hello")
        await ana.expect_said("ana", TEA, "hello")
        await process.terminate()
    assert not {path.name for path in data.iterdir()} & {"logs", "logs.db", "backups"}
