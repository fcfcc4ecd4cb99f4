"""Servers of one network find each other, each on a machine of its own (see `machines`)."""

import asyncio
import contextlib
import json
import shutil

from tests.behaviour.machines import join, join_without_ipv6, line_of, program, tertulia
from tests.behaviour.networks import OTHER, data_of

# Announcements come every five seconds, and the server with the higher id is polite.
LINK_S = 30

VISITOR = r"""
import socket, sys
nick = sys.argv[1]
visit = socket.create_connection(("::1", 6667), 10)
visit.settimeout(60)

def send(*lines):
    visit.sendall("".join([line + "\r\n" for line in lines]).encode())

send(f"NICK {nick}", f"USER {nick} 0 * :{nick}", "JOIN #tea")
for line in visit.makefile():
    words = line.split()
    if words[1] == "366":
        print("in", flush=True)
        send(f"PRIVMSG #tea :{nick} is here")
    elif words[1] == "PRIVMSG":
        print(line.strip(), flush=True)
        if words[-1] == "here":
            send("PRIVMSG #tea :welcome")
"""


@contextlib.asynccontextmanager
async def server(machine, home, name, *secrets, settings=""):
    """A server that listens for IRC and for other servers."""
    home.mkdir(exist_ok=True)
    config = home / f"{name}.toml"
    config.write_text(settings)
    words = ("--data", str(data_of(home, name, *secrets)), "--name", f"{name}.example")
    listen = ("--listen", "irc://*:6667", "--listen", "mesh://*:7447", "--config", str(config))
    async with tertulia(machine, home, "serve", *words, *listen) as process:
        await process.ready()
        yield process
        status, _, errors = await process.terminate()
        assert (status, "Traceback" in errors) == (0, False), errors


async def linked(machine, home, name, wanted=True):
    """Wait until a server is linked with another one; return what is said of that."""
    async with asyncio.timeout(LINK_S):
        while True:
            words = ("servers", "--json", "--data", str(home / name))
            async with tertulia(machine, home, *words) as process:
                _, out, _ = await process.said()
            for line in out.splitlines():
                row = json.loads(line)
                if (row["state"] == "linked") is wanted:
                    return row


async def test_two_servers_with_one_secret_find_each_other(pair, tmp_path):
    here, there = pair
    async with server(here, tmp_path, "north"), server(there, tmp_path, "south"):
        row = await linked(here, tmp_path, "north")
        assert row["name"] == "south.example"
        assert row["address"].startswith("[fe80::")
        async with program(here, tmp_path, VISITOR, "ana") as ana:
            assert await line_of(ana) == "in"
            async with program(there, tmp_path, VISITOR, "rui") as rui:
                assert await line_of(rui) == "in"
                assert (await line_of(ana)).endswith("PRIVMSG #tea :rui is here")
                assert (await line_of(rui)).endswith("PRIVMSG #tea :welcome")


async def test_on_a_network_without_ipv6(machines, tmp_path):
    here, there = machines(), machines()
    join_without_ipv6(here, there)
    async with server(here, tmp_path, "north"), server(there, tmp_path, "south"):
        row = await linked(here, tmp_path, "north")
        assert row["name"] == "south.example"
        assert row["address"].startswith("192.168.74.2:")


async def test_servers_of_two_networks_say_how_to_link(pair, tmp_path):
    here, there = pair
    async with (
        server(here, tmp_path, "north") as north,
        server(there, tmp_path, "south", OTHER) as south,
    ):
        for process, other in ((north, "south"), (south, "north")):
            line = await process.logged("another network")
            assert f"{other}.example" in line
            assert "tertulia invite" in line
            assert "tertulia join" in line


async def test_a_copy_on_another_machine_is_heard_of(pair, tmp_path):
    here, there = pair
    async with server(here, tmp_path, "north"):
        pass
    shutil.copytree(tmp_path / "north", tmp_path / "copy")
    async with (
        server(here, tmp_path, "north") as north,
        server(there, tmp_path, "copy") as copy,
    ):
        for process in (north, copy):
            assert "tertulia new-id" in await process.logged("two servers have one id")


async def test_interfaces_may_come_later(machines, tmp_path):
    here, there = machines(), machines()
    async with server(here, tmp_path, "north"), server(there, tmp_path, "south"):
        await join(here, there)
        await linked(here, tmp_path, "north")


async def test_what_was_met_is_found_without_announcements(pair, tmp_path):
    here, there = pair
    async with server(here, tmp_path, "north"), server(there, tmp_path, "south"):
        await linked(here, tmp_path, "north")
        await linked(there, tmp_path, "south")
    off = "[network]\ndiscovery = false\n"
    async with (
        server(here, tmp_path, "north", settings=off),
        server(there, tmp_path, "south", settings=off),
    ):
        await linked(here, tmp_path, "north")


async def test_a_cable_that_is_cut_and_mended(pair, tmp_path):
    here, there = pair
    async with server(here, tmp_path, "north"), server(there, tmp_path, "south"):
        await linked(here, tmp_path, "north")
        here.ip("link", "set", "eth0", "down")
        row = await linked(here, tmp_path, "north", wanted=False)
        assert row["name"] == "south.example"
        here.ip("link", "set", "eth0", "up")
        await linked(here, tmp_path, "north")
