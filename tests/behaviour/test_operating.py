"""The operator's commands, as programs beside a server that is one too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.behaviour.places import tertulia_process, tertulia_says

TEA = "#tea"
NAME = "tea.example"


def serve(home: Path, data: str = "data"):
    """Run ``tertulia serve`` with its data in *home*."""
    listen = ["--listen", "irc://127.0.0.1:0", "--listen", "json://127.0.0.1:0"]
    return tertulia_process(home, "serve", "--data", str(home / data), "--name", NAME, *listen)


async def does(home: Path, *arguments: str, data: str = "data") -> str:
    """Run a command that succeeds; return what it prints."""
    status, out, errors = await tertulia_says(home, *arguments, "--data", str(home / data))
    assert (status, errors) == (0, ""), (arguments, errors)
    return out


async def test_a_day_at_the_console(tmp_path: Path) -> None:
    async with serve(tmp_path) as process:
        await process.ready()
        ana = await process.irc("ana")
        await ana.enter(TEA)
        rui = await process.meet("json", "rui")
        await rui.enter(TEA)
        (head, *rows) = (await does(tmp_path, "users")).splitlines()
        assert head.startswith("NICKNAME") and [row.split()[0] for row in rows] == ["ana", "rui"]
        told = json.loads((await does(tmp_path, "users", "tea", "--json")).splitlines()[0])
        assert (told["nick"], told["protocol"], told["channels"]) == ("ana", "irc", [TEA])
        assert await does(tmp_path, "say", TEA, "bom dia, 茶") == f"Said to {TEA}\n"
        for client in (ana, rui):
            await client.expect_said(NAME, TEA, "bom dia, 茶")
        assert "Said" in await does(tmp_path, "say", "rui", "psst")
        await rui.expect_told(NAME, "psst")
        assert "Green" in await does(tmp_path, "topic", "tea", "Green")
        (_, lobby, tea) = (await does(tmp_path, "channels")).splitlines()
        assert lobby.startswith("#lobby ") and tea.startswith("#tea ") and tea.endswith("Green")
        assert json.loads(await does(tmp_path, "stats", "--json"))["protocols"] == {
            "irc": 1,
            "json": 1,
        }
        assert "irc 1, json 1" in await does(tmp_path, "stats")
        await does(tmp_path, "kick", "tea", "rui", "--reason", "late")
        await rui.expect_kicked("rui", TEA, "late")
        await does(tmp_path, "kick", "rui", "--reason", "enough")
        await rui.expect_goodbye("enough")
        await does(tmp_path, "ban", "tea", "rui")
        await does(tmp_path, "unban", "tea", "rui!*@*")
        status, out, errors = await tertulia_says(
            tmp_path, "op", "tea", "rui", "--data", str(tmp_path / "data")
        )
        assert (status, out, errors) == (1, "", "tertulia: There is no user rui\n")
        assert await does(tmp_path, "shutdown", "--reason", "tea is over") == ""
        await ana.expect_goodbye("tea is over")
        assert not (tmp_path / "data" / "control").exists()
        status, out, errors = await process.said()
        assert (status, out) == (0, "")
        assert "Traceback" not in errors and "bom dia" not in errors
    async with serve(tmp_path) as process:
        await process.ready()
        found = await does(tmp_path, "search", "dia", "--from", NAME, "--json")
        assert json.loads(found)["text"] == "bom dia, 茶"
        await process.terminate()


async def test_a_terminal_that_cannot_show_everything_shows_the_rest(tmp_path: Path) -> None:
    async with serve(tmp_path) as process:
        await process.ready()
        arguments = ["topic", "lobby", "chá 茶", "--data", str(tmp_path / "data")]
        status, out, errors = await tertulia_says(
            tmp_path, *arguments, PYTHONIOENCODING="ascii:strict"
        )
        assert (status, errors) == (0, "")
        assert out.startswith("#lobby: ch? ? (tea.example, ")
        await process.terminate()


async def test_each_server_has_its_own(tmp_path: Path) -> None:
    async with serve(tmp_path, "one") as first, serve(tmp_path, "two") as second:
        await first.ready()
        await second.ready()
        await first.irc("ana")
        assert "ana" in await does(tmp_path, "users", data="one")
        assert "ana" not in await does(tmp_path, "users", data="two")
        await does(tmp_path, "shutdown", data="one")
        assert (await first.said())[0] == 0
        assert await does(tmp_path, "users", data="two")
        await second.terminate()


async def test_a_server_that_was_killed_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    async with serve(tmp_path) as process:
        await process.ready()
        process.process.kill()
        await process.process.wait()
    assert (tmp_path / "data" / "control").exists()
    arguments = ["users", "--data", str(tmp_path / "data")]
    status, out, errors = await tertulia_says(tmp_path, *arguments)
    assert (status, out, errors.count("\n")) == (2, "", 1)
    assert errors.startswith("tertulia: no server is running with the data in ")
    async with serve(tmp_path) as process:
        await process.ready()
        assert await does(tmp_path, "users")
        await process.terminate()


@pytest.mark.parametrize("command", ["users", "channels", "stats", "shutdown"])
async def test_where_there_is_no_server(tmp_path: Path, command: str) -> None:
    status, out, errors = await tertulia_says(tmp_path, command)
    assert (status, out, errors.count("\n")) == (2, "", 1)
    assert "tertulia serve" in errors and "--data" in errors
