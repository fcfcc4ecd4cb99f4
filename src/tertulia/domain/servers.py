"""The servers that share one chat."""

from __future__ import annotations

from msgspec import Struct


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
