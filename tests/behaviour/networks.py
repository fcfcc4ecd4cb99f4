"""Several servers that are to be one network, and what an operator sees of that."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from tertulia.server.mesh.secret import FILE, write_secrets
from tertulia.server.settings import NetworkSettings, ServerSettings, Settings
from tests.behaviour.operators import Operator, operator_of
from tests.behaviour.places import Place, Process, running, settings, tertulia_process

SECRET = bytes(range(32))
OTHER = bytes(range(1, 33))
LINK_S = 20


def free_port() -> int:
    """Return a port that nobody listens on, of those that are not given out to who connects."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def at(port: int) -> str:
    return f"127.0.0.1:{port}"


def named(name: str, *peers: int, **network: Any) -> Settings:
    """Return the settings of a server that looks for others at these ports of this machine."""
    given = NetworkSettings(discovery=False, peers=tuple(map(at, peers)), **network)
    return settings(server=ServerSettings(name=f"{name}.example"), network=given)


def data_of(home: Path, name: str, *secrets: bytes) -> Path:
    """Return a data directory with *secrets*, a common one if none is given."""
    data = home / name
    if not data.exists():
        data.mkdir(mode=0o700)
        write_secrets(data / FILE, secrets or (SECRET,))
    return data


@contextlib.asynccontextmanager
async def member(
    home: Path,
    name: str,
    *peers: int,
    secrets: tuple[bytes, ...] = (),
    port: int = 0,
    reload: Callable[[], Settings] | None = None,
    **network: Any,
) -> AsyncIterator[Place]:
    """Run a server in this process; ``place.ports["mesh"]`` is where others come in."""
    data = data_of(home, name, *secrets)
    chosen = named(name, *peers, **network)
    async with running(data, chosen, ("irc", f"mesh:{port}"), reload) as place:
        yield place


@contextlib.asynccontextmanager
async def member_process(home: Path, name: str, port: int, *peers: int) -> AsyncIterator[Process]:
    """Run ``tertulia serve`` as one of a network."""
    data = data_of(home, name)
    words = ["serve", "--data", str(data), "--name", f"{name}.example"]
    words += ["--listen", "irc://127.0.0.1:0", "--listen", f"mesh://127.0.0.1:{port}"]
    listed = ", ".join([f'"{at(peer)}"' for peer in peers])
    variables = {
        "TERTULIA__NETWORK__DISCOVERY": "false",
        "TERTULIA__NETWORK__PEERS": f"[{listed}]",
        "TERTULIA__LIMITS__COMMANDS_PER_SECOND": "0",
    }
    async with tertulia_process(home, *words, **variables) as process:
        await process.ready()
        yield process


async def until(wanted: Callable[[], object], what: str, seconds: float = LINK_S) -> None:
    """Wait until something is so that nobody tells."""
    try:
        async with asyncio.timeout(seconds):
            while not wanted():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"it never was so that {what}") from None


async def rows(operator: Operator) -> dict[str, dict[str, Any]]:
    """Return the other servers by their names."""
    network = await operator.do("servers")
    return {row["name"]: row for row in network["servers"]}


async def linked(data: Path, *names: str) -> None:
    """Wait until the server with that data is linked with just these."""
    wanted = {f"{name}.example" for name in names}
    async with operator_of(data) as operator, asyncio.timeout(LINK_S):
        while {
            n for n, row in (await rows(operator)).items() if row["state"] == "linked"
        } != wanted:
            await asyncio.sleep(0.02)
