"""The secret that the servers of one network share, in a file, and as a code to carry it over.

The file has 64 hexadecimal digits a line, one line or two: while a new secret takes the place of
an old one, the first is the new one, and both are good.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path

from tertulia.server.private_files import write_file
from tertulia.server.settings import SettingsError

FILE = "network.secret"
"""Its name in the data directory."""
SECRET_BYTES = 32
SECRETS_MOST = 2

_LINE = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)
_CHECK_BYTES = 3
_GROUP = 7
# Crockford's base 32: no letter looks like a digit, and none of those below is missing.
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LIKE = str.maketrans("OIL", "011")
_CODE_LETTERS = (SECRET_BYTES + _CHECK_BYTES) * 8 // 5


class CodeError(ValueError):
    """What was given is not the code of a network; ``str(error)`` is one line that says why."""


def read_secrets(path: Path) -> list[bytes]:
    """Return the secrets in the file at *path*. Raises `SettingsError`."""
    try:
        mode = path.stat().st_mode
        text = path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        why = (
            error.strerror if isinstance(error, OSError) else "it is no text of hexadecimal digits"
        )
        raise SettingsError(f"the network's secret: cannot read {path}: {why}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise SettingsError(
            f"the network's secret: others than its owner may read {path}; chmod 600 it, and if "
            "somebody may have read it, make another with tertulia invite --rotate"
        )
    lines = text.split()
    if not 1 <= len(lines) <= SECRETS_MOST or not all(_LINE.fullmatch(line) for line in lines):
        raise SettingsError(
            f"the network's secret: {path} must have one line of 64 hexadecimal digits, or two"
        )
    return list(dict.fromkeys(bytes.fromhex(line) for line in lines))


def write_secrets(path: Path, these: Sequence[bytes]) -> None:
    """Put *these* secrets, one or two, the new one first, in the file at *path*.

    Raises `SettingsError`.
    """
    assert 1 <= len(these) <= SECRETS_MOST
    try:
        write_file(path, "".join([f"{secret.hex()}\n" for secret in these]).encode())
    except OSError as error:
        raise SettingsError(
            f"the network's secret: cannot write {path}: {error.strerror}"
        ) from error


def secrets_at(given: Path | None, data: Path) -> list[bytes]:
    """Return the secrets in the file that is *given*, or in the data directory, where one is made
    if there is no file: then this server is the first one of its network.

    Raises `SettingsError`.
    """
    path = given or data / FILE
    if given is None and not os.path.lexists(path):
        write_secrets(path, [new_secret()])
    return read_secrets(path)


def new_secret() -> bytes:
    """Return a secret that nobody has."""
    return secrets.token_bytes(SECRET_BYTES)


def after_joining(secret: bytes, before: Sequence[bytes], rotate: bool) -> list[bytes]:
    """Return what is in the file when *secret* is the network's, and *before* was in it.

    To *rotate* is to go on taking the old one, until all servers have the new one.
    """
    old = [one for one in before if one != secret]
    return [secret, *old[:1]] if rotate else [secret]


def code_of(secret: bytes) -> str:
    """Return *secret* with a checksum, as it can be read out and typed."""
    number = int.from_bytes(secret + _check(secret), "big")
    letters = "".join([_LETTERS[number >> 5 * i & 31] for i in reversed(range(_CODE_LETTERS))])
    return "-".join([letters[i : i + _GROUP] for i in range(0, _CODE_LETTERS, _GROUP)])


def secret_in(code: str) -> bytes:
    """Return the secret of which *code* is the code. Raises `CodeError`.

    Case, spaces and hyphens do not matter, nor whether an O is a zero or an I a one.
    """
    letters = re.sub(r"[\s-]", "", code).upper().translate(_LIKE)
    if not letters:
        raise CodeError("there is no code; tertulia invite prints it on the other server")
    if wrong := next((letter for letter in letters if letter not in _LETTERS), None):
        shown = wrong if wrong.isprintable() else "something that cannot be shown"
        raise CodeError(f"the code cannot be right: there is no {shown} in any code")
    if len(letters) != _CODE_LETTERS:
        raise CodeError(
            f"the code cannot be right: it has {len(letters)} letters and digits, not "
            f"{_CODE_LETTERS}"
        )
    number = 0
    for letter in letters:
        number = number << 5 | _LETTERS.index(letter)
    data = number.to_bytes(SECRET_BYTES + _CHECK_BYTES, "big")
    secret, check = data[:SECRET_BYTES], data[SECRET_BYTES:]
    if check != _check(secret):
        raise CodeError("the code cannot be right: a letter or digit is mistyped")
    return secret


def _check(secret: bytes) -> bytes:
    return hashlib.sha256(b"tertulia network" + secret).digest()[:_CHECK_BYTES]
