"""The servers that share one chat."""

from __future__ import annotations

from msgspec import Struct

CATCHING_UP_MS = 120_000
"""How long what was said while servers could not reach each other may take to arrive."""


class Apart(Struct, frozen=True):
    """For how long some server could not be reached, in Unix milliseconds: what was said then on
    one side came late to the other."""

    since: int
    until: int


class ServerStatus(Struct, frozen=True, kw_only=True):
    """Another server as it is seen from here.

    *linked*, directly, else *via* another one; *lag* is how many events it has that are still
    missing here, *behind* how many of ours are there; *queued* is in bytes; *why* tells why there
    is no link.
    """

    server: str
    name: str
    reachable: bool
    linked: bool
    users: int = 0
    address: str = ""
    via: str = ""
    latency_s: float | None = None
    lag: int = 0
    behind: int = 0
    queued: int = 0
    why: str = ""
