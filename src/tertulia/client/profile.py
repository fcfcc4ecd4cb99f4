"""What the client keeps: who one is, where one was, and what is not sent yet.

Two files, readable by their owner alone, each written whole or not at all: `identities.json` with
the secret tokens, and `client.json` with the rest. Several clients may run at once; each changes
only what is its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from tertulia.client.session.settings import Address, Credential, Unsent, Wish

IDENTITIES, STATE, LOCK = "identities.json", "client.json", "client.lock"
DEFAULT = "default"
_NAME = re.compile(r"[\w-]{1,64}")
K = TypeVar("K", bound=Struct)
SERVERS_MOST = 100


class ProfileError(Exception):
    """A file cannot be used; one line that says which, and why."""


def default_folders() -> tuple[Path, Path]:
    """Return where settings and identities are, and where the rest is (XDG Base Directory)."""
    config, state = _base("XDG_CONFIG_HOME", ".config"), _base("XDG_STATE_HOME", ".local/state")
    return config / "tertulia", state / "tertulia"


def _base(variable: str, default: str) -> Path:
    given = os.environ.get(variable, "")
    # The specification: relative paths are to be ignored.
    return Path(given) if given.startswith("/") else Path.home() / default


class Identity(Struct, kw_only=True):
    """A number and its secret token; *servers* are the ids of the servers that know it."""

    name: str
    number: str
    token: str
    nick: str = ""
    network: str = ""
    servers: list[str] = []


class Identities(Struct, kw_only=True):
    """The file of identities."""

    identities: list[Identity] = []


class Server(Struct, kw_only=True):
    """A server that one was on, or that belongs to the network of one; *id* is of one of ours."""

    address: Address
    name: str = ""
    network: str = ""
    id: str = ""


class Persona(Struct, kw_only=True):
    """How one was last, under one name (``--as``), on one network."""

    nick: str = ""
    channels: list[Wish] = []
    queries: list[str] = []
    heard_at: int = 0
    read_at: dict[str, int] = {}
    unsent: list[Unsent] = []


class Kept(Struct, kw_only=True):
    """The other file; *personas* are by their name, and then by the number that one has on a
    network of our servers, elsewhere by the server's address."""

    nick: str = ""
    servers: list[Server] = []
    pins: dict[str, str] = {}
    contacts: dict[str, str] = {}
    ignored: list[str] = []
    personas: dict[str, dict[str, Persona]] = {}


class Profile:
    """The files in the folders *config* and *state*, as who one is called *name*. Raises
    `ProfileError`."""

    def __init__(self, config: Path, state: Path, name: str = DEFAULT) -> None:
        if not _NAME.fullmatch(name):
            raise ProfileError(f"{name!r}: letters, digits, - and _ only, at most 64")
        self.name = name
        self._claim = state / f"as-{name}.lock"
        self._claimed: int | None = None
        self._identities = config / IDENTITIES
        self._state = state / STATE
        self._lock = state / LOCK

    def claim(self) -> bool:
        """Be the one client that comes under this name; False where another one runs that does.

        Raises `ProfileError`. It holds until this program ends.
        """
        try:
            self._claim.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._claim, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ProfileError(f"cannot write {self._claim}: {error.strerror or error}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._claimed = descriptor
        return True

    def release(self) -> None:
        """Let another client come under this name."""
        if self._claimed is not None:
            os.close(self._claimed)
            self._claimed = None

    # Identities

    def identities(self) -> list[Identity]:
        """Return those of this name. Raises `ProfileError`."""
        found = _read(self._identities, Identities)
        return [one for one in found.identities if one.name == self.name]

    def credentials(self) -> dict[str, Credential]:
        """Return what to show to which server, by its id."""
        return {
            server: Credential(one.number, one.token)
            for one in self.identities()
            for server in one.servers
        }

    def add_identity(self, number: str, token: str, server: str, nick: str, network: str) -> None:
        """Keep one that was just issued."""
        new = Identity(
            name=self.name, number=number, token=token, nick=nick, network=network,
            servers=[server] if server else [],
        )  # fmt: skip

        def add(found: Identities) -> None:
            for other in found.identities:
                if other.name == self.name and server in other.servers:
                    other.servers.remove(server)
            found.identities.append(new)

        self._change(self._identities, Identities, add)

    def known_at(self, number: str, server: str) -> None:
        """Another server of the network knows an identity."""

        def add(found: Identities) -> bool:
            mine = [one for one in found.identities if one.name == self.name]
            if any(server in one.servers for one in mine):
                return False
            for one in mine:
                if one.number == number:
                    one.servers.append(server)
            return True

        self._change(self._identities, Identities, add)

    # The rest

    def kept(self) -> Kept:
        """Return what else is kept. Raises `ProfileError`."""
        return _read(self._state, Kept)

    def change(self, change: Callable[[Kept], bool | None]) -> None:
        """Let *change* change what is kept; where it returns False, nothing is written."""
        self._change(self._state, Kept, change)

    def persona(self, network: str) -> Persona:
        """Return how one was last on that network."""
        return self.kept().personas.get(self.name, {}).get(network, Persona())

    def set_persona(self, network: str, persona: Persona) -> None:
        """Keep how one is."""

        def put(kept: Kept) -> None:
            kept.nick = persona.nick or kept.nick
            kept.personas.setdefault(self.name, {})[network] = persona

        self.change(put)

    def remember(self, server: Server) -> None:
        """Keep a server, as the one that was used last."""

        def put(kept: Kept) -> bool:
            if kept.servers[:1] == [server]:
                return False
            others = [one for one in kept.servers if one.address != server.address]
            kept.servers = [server, *others][:SERVERS_MOST]
            return True

        self.change(put)

    def set_people(self, contacts: dict[str, str], ignored: tuple[str, ...]) -> None:
        """Keep one's own names for people, and who is ignored."""

        def put(kept: Kept) -> None:
            kept.contacts, kept.ignored = dict(contacts), list(ignored)

        self.change(put)

    # Certificates

    def set_pin(self, key: str, fingerprint: str) -> None:
        """Remember the certificate of a server."""

        def put(kept: Kept) -> None:
            kept.pins[key] = fingerprint

        self.change(put)

    def _change(self, path: Path, kind: type[K], change: Callable[[K], bool | None]) -> None:
        try:
            with self._locked():
                found = _read(path, kind)
                if change(found) is not False:
                    _write(path, msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
        except OSError as error:
            raise ProfileError(f"cannot write {path}: {error.strerror or error}") from error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        for folder in (self._lock.parent, self._identities.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _read(path: Path, kind: type[K]) -> K:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return kind()
    except OSError as error:
        raise ProfileError(f"cannot read {path}: {error.strerror or error}") from error
    except msgspec.MsgspecError as error:
        raise ProfileError(f"{path} is not what this client writes: {error}") from error


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
