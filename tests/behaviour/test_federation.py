"""Several servers, one chat: how they come to be linked, and what becomes of that."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tertulia.server.complaints import Complaints
from tertulia.server.mesh.secret import code_of, read_secrets
from tests.behaviour.irc_clients import Ircv3Client
from tests.behaviour.networks import (
    LINK_S,
    OTHER,
    SECRET,
    at,
    data_of,
    free_port,
    linked,
    member,
    member_process,
    named,
    rows,
    until,
)
from tests.behaviour.operators import operator_of
from tests.behaviour.places import running, tertulia_process, tertulia_says

TEA = "#tea"


async def test_two_servers_are_one_chat(tmp_path: Path) -> None:
    ports = free_port(), free_port()
    async with (
        member(tmp_path, "north", ports[1], port=ports[0]) as north,
        member(tmp_path, "south", ports[0], port=ports[1]) as south,
    ):
        ana, rui = await north.irc("ana"), await south.irc("rui")
        await ana.enter(TEA)
        await linked(tmp_path / "north", "south")
        await linked(tmp_path / "south", "north")
        await rui.enter(TEA)
        await ana.expect_joined("rui", TEA)
        ana.say(TEA, "bom dia")
        await rui.expect_said("ana", TEA, "bom dia")
        rui.tell("ana", "psst")
        await ana.expect_told("rui", "psst")
        ana.say("*", "to all")
        await rui.expect_said("ana", "*", "to all")
        assert await rui.users(TEA) == {"ana", "rui"}
        async with operator_of(tmp_path / "north") as operator:
            # Where nobody answered at first, it is tried again.
            async with asyncio.timeout(LINK_S):
                while (await rows(operator)).keys() != {"south.example"}:
                    await asyncio.sleep(0.02)
            network = await operator.do("servers")
            assert (network["health"], network["ports"]) == ("ok", [ports[0]])
            [row] = network["servers"]
            assert (row["name"], row["state"], row["users"]) == ("south.example", "linked", 1)
            stats = await operator.do("stats")
            assert (stats["servers"], stats["health"], stats["users"]) == (1, "ok", 1)
            async with operator_of(tmp_path / "south") as other:
                async with asyncio.timeout(LINK_S):
                    while (await other.do("stats"))["state"] != stats["state"]:
                        await asyncio.sleep(0.02)
            rui.send(f"TOPIC {TEA} :bule")
            ana.send(f"TOPIC {TEA} :chaleira")
            await ana.fence()
            assert (await operator.do("stats"))["state"] != stats["state"]
            [_, other] = sorted(await operator.do("users"), key=lambda row: row["nick"])
            assert other["server"] == "south.example"


async def test_what_was_said_before_comes_with_the_link(tmp_path: Path) -> None:
    async with member(tmp_path, "north") as north:
        ana = await north.irc("ana")
        await ana.enter(TEA)
        for i in range(300):
            ana.say(TEA, f"message {i}")
        await ana.fence()
        async with member(tmp_path, "south", north.ports["mesh"]) as south:
            await linked(tmp_path / "south", "north")
            rui = await south.ircv3("rui")
            await rui.enter(TEA)
            async with asyncio.timeout(LINK_S):
                while "message 299" not in await texts(rui):
                    await asyncio.sleep(0.05)
            assert (await texts(rui))[-50:] == [f"message {i}" for i in range(250, 300)]


async def texts(client: Ircv3Client) -> list[str]:
    """Return what was said in the channel."""
    return [line.params[-1] for line in await client.history(TEA) if line.command == "PRIVMSG"]


async def test_another_secret_is_no_link_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def about(complaints: Complaints, whom: str, *more: Any) -> None:
        tried.append(whom)
        say(complaints, whom, *more)

    say = Complaints.about
    monkeypatch.setattr(Complaints, "about", about)
    with capture_logs() as logs:
        async with (
            member(tmp_path, "north") as north,
            member(tmp_path, "south", north.ports["mesh"], secrets=(OTHER,)),
            operator_of(tmp_path / "south") as operator,
        ):
            place = at(north.ports["mesh"])
            async with asyncio.timeout(LINK_S):
                while "secret" not in ((await rows(operator)).get(place, {}).get("why") or ""):
                    await asyncio.sleep(0.02)
            await until(lambda: len(tried) > 4, "it was tried again and again")
            assert [row["state"] for row in (await rows(operator)).values()] == ["away"]
    told = [line for line in logs if line["log_level"] != "info"]
    assert len(told) == 2, logs
    assert all("do not share a secret" in line["reason"] for line in told)
    [line] = [line for line in told if "another network" in line["event"]]
    assert "tertulia invite" in line["remedy"]
    assert SECRET.hex() not in repr(logs)


async def test_two_secrets_are_good_while_one_takes_the_place_of_the_other(tmp_path: Path) -> None:
    async with (
        member(tmp_path, "north", secrets=(OTHER, SECRET)) as north,
        member(tmp_path, "south", north.ports["mesh"]),
    ):
        await linked(tmp_path / "south", "north")


async def test_join_while_both_run(tmp_path: Path) -> None:
    async with (
        member(tmp_path, "north") as north,
        member(tmp_path, "south", secrets=(OTHER,)) as south,
    ):
        ana, rui = await north.irc("ana"), await south.irc("rui")
        await ana.enter(TEA)
        await rui.enter(TEA)
        async with operator_of(tmp_path / "south") as operator:
            peers = [at(north.ports["mesh"])]
            await operator.do("join", secrets=[SECRET.hex()], peers=peers)
        await linked(tmp_path / "south", "north")
        await linked(tmp_path / "north", "south")
        await ana.expect_joined("rui", TEA)
        assert read_secrets(tmp_path / "south" / "network.secret") == [SECRET]
    # What was joined is remembered.
    async with member(tmp_path, "north", port=north.ports["mesh"]), member(tmp_path, "south"):
        await linked(tmp_path / "south", "north")


@pytest.mark.parametrize("by", ["name", "id"])
async def test_a_banned_server_is_cut_off_and_stays_away(tmp_path: Path, by: str) -> None:
    now = named("north")
    async with (
        member(tmp_path, "north", reload=lambda: now) as north,
        member(tmp_path, "south", north.ports["mesh"]) as south,
    ):
        await linked(tmp_path / "north", "south")
        whom = "south.example" if by == "name" else south.server._store.server_id.hex()
        now = named("north", banned=(whom,))
        assert north.server.reload() is None
        await linked(tmp_path / "north")
        async with operator_of(tmp_path / "south") as operator, asyncio.timeout(LINK_S):
            while "banned" not in ((await rows(operator))["north.example"]["why"] or ""):
                await asyncio.sleep(0.02)
        await linked(tmp_path / "north")
        now = named("north")
        assert north.server.reload() is None
        await linked(tmp_path / "north", "south")


async def test_peers_can_be_given_to_a_server_that_runs(tmp_path: Path) -> None:
    now = named("south")
    async with (
        member(tmp_path, "north") as north,
        running(data_of(tmp_path, "south"), named("south"), ("irc",), lambda: now) as south,
    ):
        rui = await south.irc("rui")
        await rui.enter(TEA)
        async with operator_of(tmp_path / "south") as operator:
            assert (await operator.do("servers"))["health"] is None
        now = named("south", north.ports["mesh"])
        assert south.server.reload() is None
        await linked(tmp_path / "south", "north")
        ana = await north.irc("ana")
        assert "rui" in await ana.users()
        await ana.enter(TEA)
        await rui.expect_joined("ana", TEA)


async def test_a_secret_that_was_given_up_closes_the_links_that_rest_on_it(tmp_path: Path) -> None:
    async with (
        member(tmp_path, "north") as north,
        member(tmp_path, "south", north.ports["mesh"]),
        operator_of(tmp_path / "north") as operator,
    ):
        await linked(tmp_path / "north", "south")
        await operator.do("join", secrets=[OTHER.hex(), SECRET.hex()])
        await linked(tmp_path / "north", "south")
        await operator.do("join", secrets=[OTHER.hex()])
        assert (await rows(operator))["south.example"]["state"] == "away"
        async with operator_of(tmp_path / "south") as other:
            await other.do("join", secrets=[OTHER.hex()])
        await linked(tmp_path / "north", "south")


def doubled(logs: list[Any]) -> list[Any]:
    return [line for line in logs if line["event"] == "two servers have one id"]


async def test_a_copy_of_a_server_is_refused_and_both_are_told(tmp_path: Path) -> None:
    async with member(tmp_path, "north"):
        pass
    shutil.copytree(tmp_path / "north", tmp_path / "copy")
    with capture_logs() as logs:
        async with (
            member(tmp_path, "north") as north,
            member(tmp_path, "copy", north.ports["mesh"]),
        ):
            await until(lambda: len(doubled(logs)) >= 2, "both were told")
            await linked(tmp_path / "north")
            await linked(tmp_path / "copy")
    told = doubled(logs)
    assert {line["log_level"] for line in told} == {"error"}
    assert all("tertulia new-id" in line["reason"] for line in told)
    status, out, errors = await tertulia_says(tmp_path, "new-id", "--data", str(tmp_path / "copy"))
    assert (status, errors) == (0, "")
    async with (
        member(tmp_path, "north") as north,
        member(tmp_path, "copy", north.ports["mesh"]) as copy,
    ):
        assert copy.server._store.server_id.hex() in out
        await linked(tmp_path / "north", "copy")


async def test_a_copy_that_comes_to_a_third_server_costs_both_their_links(tmp_path: Path) -> None:
    async with member(tmp_path, "north"):
        pass
    shutil.copytree(tmp_path / "north", tmp_path / "copy")
    with capture_logs() as logs:
        async with (
            member(tmp_path, "south") as south,
            member(tmp_path, "north", south.ports["mesh"]),
        ):
            await linked(tmp_path / "south", "north")
            async with member(tmp_path, "copy", south.ports["mesh"]):
                await until(lambda: doubled(logs), "the third server said so")
                await linked(tmp_path / "south")


async def test_who_stops_in_order_is_gone_with_a_word(tmp_path: Path) -> None:
    async with member(tmp_path, "north") as north:
        ana = await north.irc("ana")
        await ana.enter(TEA)
        async with member(tmp_path, "south", north.ports["mesh"]) as south:
            await linked(tmp_path / "north", "south")
            rui = await south.irc("rui")
            await rui.enter(TEA)
            await ana.expect_joined("rui", TEA)
            # Whoever comes stays until the server stops.
            south._clients.clear()
        gone = await ana.expect_quit("rui")
        assert "shutting down" in gone.text
        await linked(tmp_path / "north")
        assert await ana.users(TEA) == {"ana"}
        await rui.drop()


async def test_who_is_killed_is_cut_off_and_comes_back(tmp_path: Path) -> None:
    ports = free_port(), free_port()
    async with member(tmp_path, "north", ports[1], port=ports[0]) as north:
        ana = await north.irc("ana")
        await ana.enter(TEA)
        async with member_process(tmp_path, "south", ports[1], ports[0]) as south:
            await linked(tmp_path / "north", "south")
            rui = await south.irc("rui")
            await rui.enter(TEA)
            await ana.expect_joined("rui", TEA)
            rui.say(TEA, "the last words")
            await rui.fence()
            await ana.expect_said("rui", TEA, "the last words")
            south.process.kill()
            await south.process.wait()
        async with operator_of(tmp_path / "north") as operator:
            await linked(tmp_path / "north")
            assert (await rows(operator))["south.example"]["users"] == 1
            [cut] = [row for row in await operator.do("users") if row["nick"] == "rui"]
            assert cut["cut_off"]
            assert (await operator.do("stats"))["health"] == "isolated"
        assert await ana.users(TEA) == {"ana", "rui"}
        ana.say(TEA, "are you there?")
        async with member_process(tmp_path, "south", ports[1], ports[0]) as south:
            await linked(tmp_path / "north", "south")
            # Their sessions ended with their server.
            await ana.expect_quit("rui")
            rui = await south.ircv3("rui")
            await rui.enter(TEA)
            await ana.expect_joined("rui", TEA)
            assert (await texts(rui))[-1] == "are you there?"


async def test_strangers_at_the_door_keep_nobody_out(tmp_path: Path) -> None:
    async with member(tmp_path, "north") as north:
        port = north.ports["mesh"]
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(100)]
        async with member(tmp_path, "south", port):
            await linked(tmp_path / "north", "south")
        # For each one more the oldest was closed.
        assert [await idle[i][0].read() for i in range(30)] == [b""] * 30
        for _, writer in idle:
            writer.close()


async def test_garbage_at_the_door_is_closed(tmp_path: Path) -> None:
    async with member(tmp_path, "north") as north:
        reader, writer = await asyncio.open_connection("127.0.0.1", north.ports["mesh"])
        writer.write(b"GET / HTTP/1.0\r\n\r\n" * 10)
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(LINK_S):
                await reader.read()
        writer.close()


# The program


async def test_invite_and_join_from_the_first_start_to_a_new_secret(tmp_path: Path) -> None:
    ports = free_port(), free_port()
    (tmp_path / "settings.toml").write_text("[network]\ndiscovery = false\n")
    config = ["--config", str(tmp_path / "settings.toml")]

    def serve(name: str, port: int):
        words = ["--data", str(tmp_path / name), "--name", f"{name}.example", *config]
        listen = ["--listen", "irc://127.0.0.1:0", "--listen", f"mesh://127.0.0.1:{port}"]
        return tertulia_process(tmp_path, "serve", *words, *listen)

    async def does(*words: str, given: str = "", status: int = 0) -> tuple[str, str]:
        async with tertulia_process(tmp_path, *words, given=given) as process:
            got, out, errors = await process.said()
        assert got == status, errors
        return out, errors

    north, south = ["--data", str(tmp_path / "north")], ["--data", str(tmp_path / "south")]
    peer = ["--peer", at(ports[0])]
    async with serve("north", ports[0]) as first, serve("south", ports[1]) as second:
        await first.ready()
        await second.ready()
        code, hint = await does("invite", *north)
        assert code.count("\n") == 1
        assert "tertulia join" in hint and code.strip() not in hint
        out, _ = await does("join", *south, *peer, given=code)
        assert out == "linked with north.example\n"
        out, _ = await does("servers", *north)
        _, row, health = out.splitlines()
        assert row.startswith("south.example  linked ")
        assert health.startswith("ok")
        stats, _ = await does("stats", *north)
        assert "1 reached, ok" in stats
        assert "\nstate " in stats
        # Another secret, and nobody is cut off meanwhile.
        fresh, _ = await does("invite", "--rotate", *north)
        assert fresh != code
        assert (await does("invite", *north))[0] == fresh
        await does("join", "--rotate", *south, given=fresh)
        for where in (north, south):
            await does("join", "--finish", *where)
        await linked(tmp_path / "north", "south")
        assert code_of(read_secrets(tmp_path / "south" / "network.secret")[0]) == fresh.strip()
        assert len(read_secrets(tmp_path / "north" / "network.secret")) == 1
        _, errors = await does("forget", "south.example", *north, status=1)
        assert "is linked" in errors
        await second.terminate()
        out, _ = await does("forget", "south.example", *north)
        assert out == "south.example is forgotten\n"
        await first.terminate()


async def test_join_before_the_first_start(tmp_path: Path) -> None:
    data = tmp_path / "south"
    async with member(tmp_path, "north") as north:
        words = ["join", "--data", str(data), "--peer", at(north.ports["mesh"])]
        async with tertulia_process(tmp_path, *words, given=code_of(SECRET)) as process:
            assert (await process.said())[0] == 0
        async with member(tmp_path, "south"):
            await linked(tmp_path / "south", "north")


async def test_a_server_by_itself_has_no_mesh(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as place, operator_of(tmp_path / "data") as operator:
        network = await operator.do("servers")
        assert (network["health"], network["servers"]) == (None, [])
        assert (await operator.do("stats"))["state"] is None
        assert "looks for no others" in await operator.refused("join", secrets=[SECRET.hex()])
        assert not place.server.hub.carrier.is_open
        assert not {"mesh.crt", "network.secret"} & {p.name for p in (tmp_path / "data").iterdir()}
