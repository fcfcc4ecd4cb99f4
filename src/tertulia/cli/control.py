"""The command line's end of the control socket of a running server."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from cyclopts import Parameter

from tertulia.cli.errors import CommandError, NoServerError, RefusedError
from tertulia.cli.paths import data_folder
from tertulia.cli.tables import shown
from tertulia.server.control_messages import SOCKET, Answer, Request, address_of

TIMEOUT_S = 60

DataFolder = Annotated[
    Path | None,
    Parameter(help="The folder of the server's data, by default ~/.local/share/tertulia."),
]
AsJson = Annotated[bool, Parameter(negative="", help="JSON instead of a table.")]

T = TypeVar("T")

_decode = msgspec.json.Decoder(Answer).decode


class Control:
    """A connection to the server with the data in *folder*, by default where it is by default.

    Everything raises `CommandError` where there is no server, or none that answers.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder or data_folder()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(TIMEOUT_S)
        try:
            with address_of(self._folder / SOCKET) as address:
                self._socket.connect(address)
        except OSError as error:
            self._socket.close()
            raise self._no_server(error) from error
        self._file = self._socket.makefile("rb")

    def _no_server(self, error: OSError) -> CommandError:
        if isinstance(error, PermissionError):
            return CommandError(
                f"you may not use the server with the data in {self._folder}; its owner may"
            )
        return NoServerError(
            f"no server is running with the data in {self._folder}; start one with "
            "tertulia serve, or say where with --data"
        )

    def __enter__(self) -> Control:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def ask(self, request: Request, kind: type[T]) -> T:
        """Return what *request* is answered with; raise `RefusedError` if it is refused."""
        try:
            data = msgspec.json.encode(request) + b"\n"
        except UnicodeEncodeError as error:
            # Arguments in another encoding come as lone surrogates.
            raise CommandError("what you gave is not UTF-8") from error
        line = self._exchange(data)
        if not line:
            raise RefusedError("the server ended before it had answered")
        try:
            answer = _decode(line)
            if answer.error is None:
                return msgspec.json.decode(answer.ok, type=kind)
        except msgspec.MsgspecError as error:
            raise CommandError(
                f"the server's answer cannot be read; is it of another version? ({error})"
            ) from error
        raise RefusedError(shown(answer.error))

    def wait_for_end(self) -> None:
        """Wait until the server has stopped."""
        self._exchange(b"")

    def _exchange(self, data: bytes) -> bytes:
        try:
            self._socket.sendall(data)
            return self._file.readline()
        except TimeoutError as error:
            raise RefusedError(f"the server does not answer within {TIMEOUT_S} seconds") from error
        except OSError:
            return b""


def ask(folder: Path | None, request: Request, kind: type[T]) -> T:
    """Ask one thing of the server with the data in *folder*."""
    with Control(folder) as control:
        return control.ask(request, kind)
