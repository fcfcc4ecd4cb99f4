"""``tertulia serve``."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import resource
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import structlog
from cyclopts import Parameter
from msgspec.structs import replace

from tertulia.cli.common import settings_of
from tertulia.cli.errors import CommandError
from tertulia.cli.logs import configure_logs
from tertulia.cli.paths import data_folder
from tertulia.cli.welcome import welcome
from tertulia.server import listeners
from tertulia.server.app import ListenError, Server
from tertulia.server.settings import Settings, SettingsError, check
from tertulia.storage.errors import StorageError

logger = structlog.get_logger()

GC_THRESHOLDS = (50_000, 20, 50)


def serve(
    *,
    data: Path | None = None,
    config: Path | None = None,
    listen: Annotated[list[str] | None, Parameter(negative="", consume_multiple=True)] = None,
    name: str | None = None,
    address: Annotated[str | None, Parameter(alias="-a")] = None,
    port: Annotated[int | None, Parameter(alias="-p")] = None,
    log_format: str | None = None,
) -> int:
    """Start the server.

    Parameters
    ----------
    data
        The folder for its data, by default ~/.local/share/tertulia.
    config
        The settings, a TOML file, by default ~/.config/tertulia/tertulia.toml.
    listen
        Where to listen, instead of the default ports: irc://127.0.0.1:6667, ircs://, json://
        (classic dialect), rech:// (discovery dialect), pychat://, chatroom://, numeric://, and
        mesh:// for other servers, peer:// for those that know only the published protocol.
        Port 0 takes a free one.
    name
        The server's name.
    address
        The address that the default ports are on.
    port
        The port for PyChat among the default ports, instead of 5000.
    log_format
        human or json.
    """

    def settings() -> Settings:
        return _settings(config, name, address, log_format)

    try:
        chosen = settings()
        endpoints = _endpoints(listen, chosen.server.address, port)
        configure_logs(chosen.log)
        _raise_file_limit()
        return _run(_serve(chosen, settings, data or data_folder(), endpoints))
    except (SettingsError, StorageError, ListenError) as error:
        raise CommandError(str(error)) from error


def _endpoints(
    listen: list[str] | None, address: str | None, pychat_port: int | None
) -> list[listeners.Endpoint]:
    if not listen:
        return listeners.defaults(address, pychat_port)
    if pychat_port is not None:
        raise CommandError(
            f"--port is for the default ports; beside --listen write --listen pychat://*:{pychat_port}"
        )
    return [listeners.parse(uri) for uri in listen]


def _settings(
    config: Path | None, name: str | None, address: str | None, log_format: str | None
) -> Settings:
    settings = settings_of(config)
    if name is not None:
        settings = replace(settings, server=replace(settings.server, name=name))
    if address is not None:
        settings = replace(settings, server=replace(settings.server, address=address))
    if log_format is not None:
        if log_format not in ("human", "json"):
            raise SettingsError(f"--log-format {log_format}: must be human or json")
        form = "json" if log_format == "json" else "human"
        settings = replace(settings, log=replace(settings.log, format=form))
    check(settings)
    return settings


def _run(main: Awaitable[int]) -> int:
    try:
        import uvloop
    except ImportError:
        logger.warning("uvloop is missing; asyncio's own loop is slower")
        factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    else:
        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_awaited(main))


async def _awaited(main: Awaitable[int]) -> int:
    return await main


async def _serve(
    settings: Settings,
    reload: Callable[[], Settings],
    data: Path,
    endpoints: list[listeners.Endpoint],
) -> int:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = Server(settings, data, reload, stop)
    try:
        uris = await server.start(endpoints)
        loop.add_signal_handler(signal.SIGHUP, server.reload)
        for uri in uris:
            print(f"listening {uri}", flush=True)
        print("ready", flush=True)
        if sys.stderr.isatty():
            print(welcome(settings, uris), file=sys.stderr, flush=True)
        _tune_collector()
        await stop.wait()
        logger.info("stopping")
    finally:
        await server.stop()
    return 0


def _tune_collector() -> None:
    """Look for cyclic garbage seldom: a message leaves none, and what lives, lives long."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def _raise_file_limit() -> None:
    """Let the server have as many connections as it is allowed to."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
