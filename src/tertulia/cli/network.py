"""``tertulia invite``, ``join`` and ``new-id``: which servers share one chat."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec
from cyclopts import Parameter

from tertulia.cli.common import data_of_a_server, settings_of, told_in_one_line
from tertulia.cli.control import AsJson, Control, DataFolder
from tertulia.cli.errors import CommandError, NoServerError
from tertulia.cli.paths import data_folder
from tertulia.cli.tables import shown
from tertulia.server import control_messages as m
from tertulia.server.addresses import own_addresses
from tertulia.server.mesh import secret as secret_file
from tertulia.server.mesh.peers_file import FILE as PEERS_FILE
from tertulia.server.mesh.peers_file import PeersFile
from tertulia.server.mesh.secret import after_joining, code_of, new_secret, secret_in
from tertulia.server.mesh.tls import CERTIFICATE, KEY
from tertulia.server.peer_address import DEFAULT_PORT, peer_address, shown_address
from tertulia.server.settings import SettingsError
from tertulia.storage import database
from tertulia.storage.lock import locked

LINK_S = 10.0
"""How long `join` waits for a link, of which it would tell."""

Config: TypeAlias = Annotated[
    Path | None, Parameter(help="The settings, if the server does not run, as for serve.")
]
Flag: TypeAlias = Annotated[bool, Parameter(negative="")]


def invite(
    *,
    rotate: Flag = False,
    json: AsJson = False,
    data: DataFolder = None,
    config: Config = None,
) -> int:
    """Print the code with which another server joins the network of this one.

    Whoever has it can link a server: it is as secret as a password. Give it to `tertulia join`
    on the other machine.

    Parameters
    ----------
    rotate
        Make a new secret first. The old one is good beside it, until tertulia join --finish.
    """
    with told_in_one_line(), _Place(data, config) as place:
        if place.control is None:
            data_of_a_server(data)
        secrets = place.secrets(make=True)
        if not secrets:
            raise CommandError(
                "this server looks for no others, and has no secret: start it with --listen mesh://"
            )
        if rotate:
            secrets = after_joining(new_secret(), secrets, rotate=True)
            place.use(secrets, [])
        code = code_of(secrets[0])
        addresses = [shown_address(host, port) for host in own_addresses() for port in place.ports]
    if json:
        print(msgspec.json.encode({"code": code, "addresses": addresses}).decode())
        return 0
    print(code)
    print(_how_to_join(addresses, rotate), file=sys.stderr)
    return 0


def _how_to_join(addresses: list[str], rotate: bool) -> str:
    words = "tertulia join --rotate" if rotate else "tertulia join"
    lines = [f"# On the other machine run {words} and paste the code; keep it secret."]
    if addresses:
        lines.append(f"# If the two do not find each other: {words} --peer {addresses[0]}")
    if len(addresses) > 1:
        lines.append(f"# This server is also at {', '.join(addresses[1:])}")
    return "\n".join(lines)


def join(
    *,
    peer: Annotated[list[str] | None, Parameter(negative="")] = None,
    rotate: Flag = False,
    finish: Flag = False,
    data: DataFolder = None,
    config: Config = None,
) -> int:
    """Let this server share one chat with another one.

    The code that `tertulia invite` prints there is asked for, or read from standard input. A
    running server uses it at once, another one when it starts.

    Parameters
    ----------
    peer
        Where a server is, HOST:PORT, if it is not found by itself; may be given several times.
    rotate
        The code is of a new secret of the same network: the old one is good beside it until
        --finish.
    finish
        Ask for no code; from now on only the newest secret is good, and links are made anew.
    """
    peers = peer or []
    for one in peers:
        try:
            peer_address(one)
        except ValueError as error:
            raise CommandError(f"--peer {shown(one)}: {error}") from None
    if finish and (rotate or peers):
        raise CommandError("--finish ends a rotation, and goes with nothing else")
    with told_in_one_line(), _Place(data, config) as place:
        if finish:
            after = place.secrets()[:1]
            if not after:
                raise CommandError(f"there is no secret in {place.path}")
        else:
            secret = _secret_given()
            before = place.secrets() if rotate else []
            after = after_joining(secret, before, rotate)
        place.use(after, peers)
        print(place.tell_of_links(finish))
    return 0


def _secret_given() -> bytes:
    try:
        if sys.stdin.isatty():
            print("Code: ", end="", file=sys.stderr, flush=True)
        return secret_in(sys.stdin.readline())
    except secret_file.CodeError as error:
        raise CommandError(str(error)) from error
    except UnicodeError as error:
        raise CommandError("the code cannot be right: it is not UTF-8") from error


class _Place:
    """A server, running or not, and the file with its network's secret."""

    def __init__(self, data: Path | None, config: Path | None) -> None:
        self._folder = data or data_folder()
        self.control: Control | None = None
        self._given: Path | None = None
        self.ports: tuple[int, ...] = (DEFAULT_PORT,)
        try:
            self.control = Control(data)
        except NoServerError:
            try:
                self._given = settings_of(config).network.secret_file
            except SettingsError as error:
                raise CommandError(str(error)) from error
            self.path = self._given or self._folder / secret_file.FILE
        else:
            network = self.control.ask(m.Servers(), m.Network)
            self.path, self.ports = Path(network.secret_file), network.ports

    def __enter__(self) -> _Place:
        return self

    def __exit__(self, *_: object) -> None:
        if self.control is not None:
            self.control.__exit__()

    def secrets(self, make: bool = False) -> list[bytes]:
        """Return the secrets that the server has; with *make* there is one afterwards."""
        try:
            if make and self.control is None:
                return secret_file.secrets_at(self._given, self._folder)
            return secret_file.read_secrets(self.path) if self.path.exists() else []
        except SettingsError as error:
            raise CommandError(str(error)) from error

    def use(self, secrets: list[bytes], peers: list[str]) -> None:
        """Let the server have *secrets*, and look for others at *peers*."""
        if self.control is not None:
            digits = tuple(secret.hex() for secret in secrets)
            self.control.ask(m.Join(digits, tuple(peers)), str)
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            secret_file.write_secrets(self.path, secrets)
        except SettingsError as error:
            raise CommandError(str(error)) from error
        file = PeersFile(self._folder / PEERS_FILE, int(time.time()))
        for peer in peers:
            file.look_at(peer_address(peer))

    def tell_of_links(self, finish: bool) -> str:
        """Return what came of it; a running server is given a moment."""
        if self.control is None:
            return "done; it takes effect when the server starts"
        until = time.monotonic() + LINK_S
        while time.monotonic() < until and not finish:
            linked = [row.name for row in self._servers() if row.state == "linked"]
            if linked:
                return f"linked with {shown(', '.join(linked))}"
            time.sleep(0.2)
        if finish:
            return "done; the old secret is good no more"
        return "done; no server of that network was found yet, see tertulia servers"

    def _servers(self) -> tuple[m.ServerRow, ...]:
        assert self.control is not None
        return self.control.ask(m.Servers(), m.Network).servers


def new_id(*, data: DataFolder = None) -> int:
    """Make the copy of a server a server of its own. It must not run.

    A machine that was cloned has the id of the first one, and neither is believed while both run.
    What the copy has of the history stays.
    """
    folder = data_of_a_server(data)
    with told_in_one_line(), locked(folder):
        db = database.connect(folder / "tertulia.db")
        database.migrate(db)
        fresh = database.renew_server_id(db)
        db.close()
        # The other server has the key of this certificate too.
        for name in (CERTIFICATE, KEY):
            (folder / name).unlink(missing_ok=True)
    print(f"the id of this server is {fresh.hex()} now")
    return 0
