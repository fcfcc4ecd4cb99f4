"""Found by itself: real servers and seekers, each on a machine of its own (see `machines`)."""

import asyncio
import contextlib
import json

import pytest

from tests.behaviour.clients import PATIENCE_S
from tests.behaviour.machines import join, line_of, program, server, tertulia

# Announcements come every five seconds, and wait a little to be described.
DISCOVERY_S = 4 * PATIENCE_S


@contextlib.asynccontextmanager
async def seeker(machine, folder, seconds=60):
    """``tertulia discover``, which goes on until it is stopped."""
    words = ("discover", "--json", "--timeout", str(seconds))
    async with tertulia(machine, folder, *words) as process:
        yield process


async def found_by(process):
    """The next server that it has found."""
    async with asyncio.timeout(DISCOVERY_S):
        line = await process.process.stdout.readline()
    assert line, await process.said()
    return json.loads(line)


IRC_VISITOR = r"""
import socket, sys
host, port = sys.argv[1:]
with socket.create_connection((host, int(port)), 10) as visit:
    visit.sendall(b"NICK ana\r\nUSER ana 0 * :ana\r\n")
    print(visit.makefile().readline().split()[1])
"""

# COMPAT: the discovery client, as far as it finds a server and logs in.
OLD_CLIENT = r"""
import socket, struct
listener = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("", 1900))
group = socket.inet_pton(socket.AF_INET6, "ff15::1")
listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group + struct.pack("@I", 0))
print("joined")
while True:
    data, sender = listener.recvfrom(1024)
    text = data.decode()
    if text.startswith("RECH_"):
        break
port = int(text.rstrip("\0")[len("RECH_"):])
chat = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
chat.connect((sender[0], port))
print("connected", sender[0])
chat.sendall(b'{"op":"LOGIN","name":"ana"}')
chat.sendall(b'{"op":"USERS"}')
print(chat.recv(1024).decode().strip())
"""

TAKE_PORT = r"""
import socket, sys
taken = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
taken.bind(("::", int(sys.argv[1])))
print("taken")
sys.stdin.read()
"""


async def test_link_local_addresses_are_enough_for_our_own_tools(pair, tmp_path):
    here, there = pair
    async with server(here, tmp_path), seeker(there, tmp_path) as seeking:
        found = await found_by(seeking)
        assert found["name"] == "tea.example"
        assert found["users"] == 0
        assert {"irc", "ircs", "json", "rech"} <= found["ports"].keys()
        [address] = found["addresses"]
        assert address.startswith("fe80::")
        assert address.endswith("%eth0")
        port = str(found["ports"]["irc"])
        async with program(there, tmp_path, IRC_VISITOR, address, port) as visitor:
            assert await line_of(visitor) == "001"


async def test_the_discovery_client_comes_to_a_unique_local_address(pair, tmp_path):
    here, there = pair
    here.ip("address", "add", "fd00:7e47::1/64", "dev", "eth0")
    there.ip("address", "add", "fd00:7e47::2/64", "dev", "eth0")
    async with program(there, tmp_path, OLD_CLIENT) as client:
        assert await line_of(client) == "joined"
        async with server(here, tmp_path):
            assert await line_of(client) == "connected fd00:7e47::1"
            assert json.loads(await line_of(client))["users"] == ["ana"]


async def test_two_servers_of_one_name_on_one_machine(pair, tmp_path):
    here, there = pair
    one = ("--listen", "irc://*:7001", "--listen", "rech://*:7002")
    two = ("--listen", "irc://*:8001", "--listen", "rech://*:8002")
    async with (
        server(here, tmp_path / "one", *one),
        server(here, tmp_path / "two", *two),
        seeker(there, tmp_path) as far,
        seeker(here, tmp_path) as near,
    ):
        for seeking in (far, near):
            found = [await found_by(seeking) for _ in range(2)]
            assert {server["ports"]["irc"] for server in found} == {7001, 8001}
            assert {server["name"] for server in found} == {"tea.example"}
            assert len({server["id"] for server in found}) == 2


async def test_on_a_machine_without_network(machines, tmp_path):
    here = machines()
    async with server(here, tmp_path) as process, seeker(here, tmp_path) as seeking:
        found = await found_by(seeking)
        assert found["addresses"] == ["127.0.0.1", "::1"]
        assert "multicast over IPv6" in await process.logged("not found by all")


async def test_announcements_over_loopback(machines, tmp_path):
    here = machines()
    # Otherwise there is no way for multicast on the loopback interface.
    here.ip("-6", "route", "add", "local", "ff15::1", "dev", "lo")
    rech = ("--listen", "rech://[::1]:7002")
    async with server(here, tmp_path, *rech), seeker(here, tmp_path) as seeking:
        found = await found_by(seeking)
        assert (found["name"], found["addresses"]) == (None, ["::1"])
        assert found["ports"] == {"rech": 7002}


@pytest.mark.parametrize(("port", "name"), [("1900", "tea.example"), ("5353", None)])
async def test_one_of_two_ways_is_enough(pair, tmp_path, port, name):
    here, there = pair
    async with program(there, tmp_path, TAKE_PORT, port) as holder:
        assert await line_of(holder) == "taken"
        async with seeker(there, tmp_path) as seeking:
            await seeking.logged("Address already in use")
            async with server(here, tmp_path):
                found = await found_by(seeking)
                assert found["name"] == name
                assert found["ports"]["rech"]


async def test_a_server_whose_port_for_dns_sd_is_taken_goes_on(pair, tmp_path):
    here, there = pair
    async with (
        program(here, tmp_path, TAKE_PORT, "5353") as holder,
        seeker(there, tmp_path) as seeking,
    ):
        assert await line_of(holder) == "taken"
        async with server(here, tmp_path) as process:
            assert "5353: Address already in use" in await process.logged("not found by all")
            assert (await found_by(seeking))["name"] is None


async def test_nothing_is_sent_when_it_is_switched_off(pair, tmp_path):
    here, there = pair
    config = tmp_path / "tertulia.toml"
    config.write_text("[network]\ndiscovery = false")
    async with server(here, tmp_path, "--config", str(config)):
        async with seeker(there, tmp_path, 1) as seeking:
            status, out, errors = await seeking.said()
    assert (status, out, errors) == (1, "", "no server found\n")


async def test_what_only_this_machine_reaches_is_not_told(pair, tmp_path):
    here, there = pair
    listen = [f"--listen={scheme}://127.0.0.1:0" for scheme in ("irc", "json", "rech")]
    async with server(here, tmp_path, *listen):
        async with seeker(there, tmp_path, 1) as seeking:
            status, _, errors = await seeking.said()
    assert (status, errors) == (1, "no server found\n")


async def test_interfaces_may_come_later(machines, tmp_path):
    here, there = machines(), machines()
    async with server(here, tmp_path) as process:
        await process.logged("not found by all")
        await join(here, there)
        async with seeker(there, tmp_path) as seeking:
            found = await found_by(seeking)
            assert found["name"] == "tea.example"
            [address] = found["addresses"]
            assert address.endswith("%eth0")
