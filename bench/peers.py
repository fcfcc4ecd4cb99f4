"""The servers under load: how each is configured, started and stopped."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.swarm import Address

_START_SECONDS = 20.0
_STOP_SECONDS = 10.0
REFERENCE = "inspircd"


class StartError(Exception):
    """The server could not be started; the text ends with what it said."""


@dataclass(frozen=True)
class Running:
    """A server that accepts connections. pid None: its CPU and memory are unknown."""

    address: Address
    pid: int | None


Launch = Callable[[Path], "Launched"]


@dataclass(frozen=True)
class Launched:
    """A process on its way up; `address` is known at once or read from its output."""

    process: subprocess.Popen[bytes]
    address: Address | None


@dataclass(frozen=True)
class Server:
    """One column of the table.

    launch: starts a process that keeps its files in the given folder; None: runs already.
    unavailable: why it cannot be measured here, or None.
    window: how many connections may be on their way at once (see Swarm.grow). InspIRCd
    completes registrations once a second, so it needs a wide one.
    """

    name: str
    launch: Launch | None = None
    external: Running | None = None
    unavailable: str | None = None
    window: int = 64


# -- the peers --------------------------------------------------------------------------

_INSPIRCD = """
<server name="irc.bench.test" description="bench" network="Bench">
<admin name="bench" nick="bench" email="bench@bench.test">
<bind address="127.0.0.1" port="{port}" type="clients">
<connect name="bench" allow="*" maxchans="100" timeout="60" pingfreq="3600"
 fakelag="no" threshold="100000" commandrate="100000000"
 recvq="1048576" softsendq="67108864" hardsendq="67108864"
 localmax="100000" globalmax="100000" maxconnwarn="no"
 resolvehostnames="no" useident="no" usednsbl="no">
<performance softlimit="100000" somaxconn="4096" quietbursts="yes">
<dns server="127.0.0.1" timeout="1">
<cidr ipv4clone="32" ipv6clone="128">
<class name="none" commands="">
<files motd="{folder}/motd">
<log method="file" type="*" level="default" target="{folder}/server.log">
"""

_NGIRCD = """
[Global]
Name = irc.bench.test
Info = bench
Listen = 127.0.0.1
Ports = {port}
MotdPhrase = bench
ServerUID = {uid}
ServerGID = {gid}
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxPenaltyTime = 0
PingTimeout = 3600
PongTimeout = 60
[Options]
DNS = no
Ident = no
PAM = no
"""


def _inspircd(executable: str) -> Launch:
    def launch(folder: Path) -> Launched:
        port = free_port()
        config = folder / "inspircd.conf"
        (folder / "motd").write_text("bench\n")
        config.write_text(_INSPIRCD.format(port=port, folder=folder))
        command = [executable, f"--config={config}", "--nofork", "--nopid"]
        if os.getuid() == 0:
            command.append("--runasroot")
        return Launched(_spawn(command, folder), ("127.0.0.1", port))

    return launch


def _ngircd(executable: str) -> Launch:
    def launch(folder: Path) -> Launched:
        port = free_port()
        config = folder / "ngircd.conf"
        ids = {"uid": os.getuid(), "gid": os.getgid()}
        config.write_text(_NGIRCD.format(port=port, **ids))
        command = [executable, "--config", str(config), "--nodaemon"]
        return Launched(_spawn(command, folder), ("127.0.0.1", port))

    return launch


def _tertulia(command: Sequence[str], *more: str) -> Launch:
    def launch(folder: Path) -> Launched:
        listen = ["--data", str(folder / "data"), "--listen", "irc://127.0.0.1:0", *more]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TERTULIA__")}
        environment["TERTULIA__LIMITS__COMMANDS_PER_SECOND"] = "0"
        environment["XDG_CONFIG_HOME"] = str(folder / "config")
        return Launched(_spawn([*command, "serve", *listen], folder, environment), None)

    return launch


def known_servers(tertulia: str | None) -> dict[str, Server]:
    """The servers this module can start, by name; `tertulia`: its command, or None."""
    servers = {"tertulia": _tertulia_server(tertulia)}
    for name, make, window in (("inspircd", _inspircd, 2500), ("ngircd", _ngircd, 8)):
        path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
        if path is None:
            servers[name] = Server(name, unavailable="not installed")
        else:
            servers[name] = Server(name, launch=make(path), window=window)
    return servers


def _tertulia_server(command: str | None) -> Server:
    if command is None and importlib.util.find_spec("tertulia") is None:
        return Server("tertulia", unavailable="not importable here, and no --tertulia CMD")
    words = shlex.split(command) if command else [sys.executable, "-m", "tertulia"]
    return Server("tertulia", launch=_tertulia(words))


def tertulia_with(uri: str) -> Server:
    """Tertulia that listens at *uri* too."""
    command = [sys.executable, "-m", "tertulia"]
    return Server("tertulia", launch=_tertulia(command, "--listen", uri))


def external_server(text: str) -> Server:
    """A server that runs already, from `name=host:port[:pid]`. Raises ValueError."""
    name, found, rest = text.partition("=")
    parts = rest.split(":")
    if not found or not name or len(parts) not in (2, 3):
        raise ValueError(f"{text!r} is not name=host:port[:pid]")
    pid = int(parts[2]) if len(parts) == 3 else None
    return Server(name, external=Running((parts[0], int(parts[1])), pid), window=8)


# -- starting and stopping ----------------------------------------------------------------


@contextlib.contextmanager
def running(server: Server, parent: Path | None) -> Iterator[Running]:
    """The server, up and accepting; a fresh folder in `parent` (default: the temporary one).

    Raises StartError.
    """
    if server.external is not None:
        yield server.external
        return
    assert server.launch is not None, server.unavailable
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as name:
        folder = Path(name)
        launched = server.launch(folder)
        try:
            yield _wait_until_up(server, launched, folder)
        finally:
            _stop(launched.process)


def free_port() -> int:
    """A TCP port of 127.0.0.1 nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _spawn(
    command: Sequence[str], folder: Path, environment: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment
        )


def _wait_until_up(server: Server, launched: Launched, folder: Path) -> Running:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if launched.process.poll() is not None:
            break
        address = launched.address or _announced(folder)
        if address is not None and _accepts(address):
            return Running(address, launched.process.pid)
        time.sleep(0.02)
    said = b"".join((folder / name).read_bytes() for name in ("stdout", "stderr"))
    raise StartError(f"{server.name} did not start: {said.decode(errors='replace')[-500:]}")


def _announced(folder: Path) -> Address | None:
    """The address in `listening irc://HOST:PORT`, once the line `ready` is there too."""
    lines = (folder / "stdout").read_text().splitlines()
    if "ready" not in lines:
        return None
    for line in lines:
        if line.startswith("listening irc://"):
            host, _, port = line.removeprefix("listening irc://").rpartition(":")
            return host, int(port)
    return None


def _accepts(address: Address) -> bool:
    try:
        socket.create_connection(address, timeout=1).close()
    except OSError:
        return False
    return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, then SIGKILL; only this process, by its id."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
