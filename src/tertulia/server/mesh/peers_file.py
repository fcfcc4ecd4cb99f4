"""The servers that this one has been linked with, and where: remembered in a file.

What cannot be read is forgotten, and what cannot be written is not remembered: each is a warning,
because servers find each other all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
import structlog
from msgspec import Struct

from tertulia.server.private_files import write_file

logger = structlog.get_logger()

FILE = "peers.json"
"""Its name in the data directory."""
ADDRESSES_MOST = 4
"""Of one server; the latest first."""
SERVERS_MOST = 256
FORGET_S = 30 * 24 * 3600
"""A server that there was no link with for so long is forgotten."""

Address = tuple[str, int]


class Known(Struct, kw_only=True):
    """A server: *pin* is the SHA-256 of its certificate in hexadecimal, empty while this server
    has never connected to it; *seen_s* when there was a link, in Unix seconds."""

    name: str
    seen_s: int
    pin: Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{64})?$")] = ""
    addresses: list[Address] = []


class _File(Struct, kw_only=True):
    servers: dict[str, Known] = {}
    addresses: list[Address] = []


class PeersFile:
    """Remembers servers by their ids, and addresses where nobody was met yet.

    *run* does what it is given in some thread, one after the other: the disk may be slow.
    """

    def __init__(
        self,
        path: Path,
        now_s: int,
        run: Callable[[Callable[[], None]], object] = lambda write: write(),
    ) -> None:
        self._path = path
        self._run = run
        self._warned = False
        self._file = _File()
        try:
            self._file = msgspec.json.decode(path.read_bytes(), type=_File)
        except FileNotFoundError:
            pass
        except (OSError, msgspec.MsgspecError, ValueError) as error:
            logger.warning("the servers of before are forgotten", path=str(path), reason=str(error))
        self._file.servers = {
            server: known
            for server, known in self._file.servers.items()
            if known.seen_s > now_s - FORGET_S
        }

    @property
    def servers(self) -> dict[str, Known]:
        """What is known of each server."""
        return self._file.servers

    @property
    def addresses(self) -> list[Address]:
        """Where somebody said that a server is, and nobody was met yet."""
        return self._file.addresses

    def pins(self) -> dict[str, bytes]:
        """Return the SHA-256 of the certificate of each server that has one."""
        return {
            server: bytes.fromhex(known.pin) for server, known in self.servers.items() if known.pin
        }

    def met(
        self, server: str, name: str, now_s: int, at: Address | None = None, pin: bytes = b""
    ) -> None:
        """There is a link with *server*, which can be reached *at* an address."""
        if (known := self.servers.get(server)) is None:
            known = self.servers[server] = Known(name=name, seen_s=now_s)
        known.name, known.seen_s = name, now_s
        if pin and not known.pin:
            known.pin = pin.hex()
        if at is not None:
            others = [address for address in known.addresses if address != at]
            known.addresses = [at, *others][:ADDRESSES_MOST]
            self._file.addresses = [address for address in self.addresses if address != at]
        if len(self.servers) > SERVERS_MOST:
            del self.servers[min(self.servers, key=lambda one: self.servers[one].seen_s)]
        self._save()

    def look_at(self, address: Address) -> None:
        """There is a server at *address*, somebody says."""
        if address not in self.addresses:
            self._file.addresses = [address, *self.addresses][:SERVERS_MOST]
            self._save()

    def named(self, text: str) -> list[str]:
        """Return the ids of the servers that *text* may mean: an id, or a name."""
        if text in self.servers:
            return [text]
        return [server for server, known in self.servers.items() if known.name == text]

    def forget(self, server: str) -> Known:
        """Forget *server*, its addresses and its certificate; return what was known."""
        known = self.servers.pop(server)
        self._save()
        return known

    def _save(self) -> None:
        data = msgspec.json.format(msgspec.json.encode(self._file), indent=1)
        self._run(partial(self._write, data + b"\n"))

    def _write(self, data: bytes) -> None:
        try:
            write_file(self._path, data)
        except OSError as error:
            if not self._warned:
                self._warned = True
                logger.warning(
                    "servers are not remembered", path=str(self._path), reason=error.strerror
                )
        else:
            self._warned = False
