"""Machines for servers and their clients: network namespaces, joined by cables (veth).

They need root and iproute2.
"""

import asyncio
import contextlib
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.behaviour.clients import PATIENCE_S
from tests.behaviour.places import TERTULIA, environment, process_of

_NUMBERS = itertools.count()


class Machine:
    """A network namespace."""

    def __init__(self):
        self.name = f"tertulia-{os.getpid()}-{next(_NUMBERS)}"
        self.within = ("ip", "netns", "exec", self.name)
        ip("netns", "add", self.name)
        try:
            # Addresses can be used at once: nobody else has them.
            self.run("sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad")
            self.ip("link", "set", "lo", "up")
        except BaseException:
            self.end()
            raise

    async def connected(self):
        """Wait for the link-local address; nobody says when the kernel has made it."""
        async with asyncio.timeout(PATIENCE_S):
            while "fe80::" not in self.run("ip", "-6", "address", "show", "dev", "eth0"):
                await asyncio.sleep(0.05)

    def ip(self, *words):
        ip("-n", self.name, *words)

    def run(self, *words):
        command = [*self.within, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def end(self):
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def sweep():
    """Take away the machines of test runs that were killed, with the programs on them."""
    for line in _listed("list"):
        found = re.match(r"(tertulia-(\d+)-\d+)\b", line)
        if found and not Path(f"/proc/{found[2]}").exists():
            # Somebody else may be doing the same.
            for pid in _listed("pids", found[1]):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            subprocess.run(["ip", "netns", "del", found[1]], check=False, capture_output=True)


def _listed(*words):
    command = ["ip", "netns", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.splitlines()


def why_not():
    """Return why there can be no machines here, None if there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "iproute2 is not installed"
    try:
        sweep()
        machine = Machine()
        try:
            machine.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
        finally:
            machine.end()
    except subprocess.CalledProcessError as error:
        return f"no network namespaces with IPv6 here: {' '.join(error.stderr.split())}"
    return None


async def join(here, there):
    cable = ("type", "veth", "peer", "name", "eth0", "netns", there.name)
    ip("link", "add", "eth0", "netns", here.name, *cable)
    for machine in (here, there):
        machine.ip("link", "set", "eth0", "up")
    for machine in (here, there):
        await machine.connected()


def join_without_ipv6(here, there):
    """Join two machines on a network that has IPv4 alone."""
    cable = ("type", "veth", "peer", "name", "eth0", "netns", there.name)
    for machine in (here, there):
        machine.run("sh", "-c", "echo 1 | tee /proc/sys/net/ipv6/conf/*/disable_ipv6")
    ip("link", "add", "eth0", "netns", here.name, *cable)
    for n, machine in enumerate((here, there), 1):
        machine.ip("address", "add", f"192.168.74.{n}/24", "dev", "eth0")
        machine.ip("link", "set", "eth0", "up")


def tertulia(machine, folder, *words):
    return process_of((*machine.within, *TERTULIA, *words), environment(folder))


@contextlib.asynccontextmanager
async def server(machine, folder, *more):
    """A server on its default ports."""
    folder.mkdir(exist_ok=True)
    words = ("serve", "--data", str(folder / "data"), "--name", "tea.example", *more)
    async with tertulia(machine, folder, *words) as process:
        await process.ready()
        yield process
        status, _, errors = await process.terminate()
        assert (status, "Traceback" in errors) == (0, False), errors


@contextlib.asynccontextmanager
async def program(machine, folder, source, *words):
    """A small program of ours on a machine; what it prints is read from it."""
    process = await asyncio.create_subprocess_exec(
        *machine.within,
        *(sys.executable, "-u", "-c", source, *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment(folder),
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line_of(process):
    async with asyncio.timeout(PATIENCE_S):
        return (await process.stdout.readline()).decode().rstrip("\n")
