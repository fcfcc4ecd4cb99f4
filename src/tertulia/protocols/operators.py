"""Becoming an operator of the server, the same in every protocol that has a command for it."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

from msgspec import Struct

from tertulia.protocols.session import Request, VerifyPassword


class Operator(Struct, frozen=True):
    """Someone who may become an operator; *password* is an argon2id hash."""

    name: str
    password: str


def is_operator(
    operators: Iterable[Operator], name: str, password: str
) -> Generator[Request, Any, bool]:
    """Find out whether *password* is that of the operator *name*."""
    known = {operator.name: operator.password for operator in operators}
    hashed = known.get(name)
    return hashed is not None and (yield VerifyPassword(hashed, password))
