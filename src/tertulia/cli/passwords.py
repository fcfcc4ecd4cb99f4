"""``tertulia hash-password``."""

from __future__ import annotations

import getpass
import sys

from tertulia.cli.errors import CommandError
from tertulia.server.workers import hasher


def hash_password() -> int:
    """Print the argon2id hash of a password, for the settings.

    The password is asked for, or read from standard input.
    """
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if password != getpass.getpass("Again: "):
            raise CommandError("the two are not the same; nothing was printed")
    else:
        password = _read_line()
    if not password:
        raise CommandError("the password is empty")
    print(hasher.hash(password))
    return 0


def _read_line() -> str:
    try:
        line = sys.stdin.readline().rstrip("\r\n")
        line.encode()  # what is not UTF-8 may have been read as lone surrogates
    except UnicodeError as error:
        raise CommandError("the password is not UTF-8") from error
    return line
