"""What can be set about IRC."""

from __future__ import annotations

from msgspec import Struct

from tertulia.protocols.operators import Operator


class IrcConfig(Struct, frozen=True, kw_only=True):
    """The settings of the IRC protocol; times are seconds."""

    server: str = "tertulia.local"
    network: str = "Tertulia"
    description: str = "A Tertulia server"
    version: str = "tertulia"
    motd: tuple[str, ...] = ()
    admin: str = ""
    password: str | None = None
    """What PASS must say before anyone may register."""
    operators: tuple[Operator, ...] = ()
    login_s: float = 60
    ping_s: float = 120
    monitored_most: int = 100
    history_most: int = 100
    can_search: bool = False
    """Whether there is an index of what was said."""
    targets_most: int = 4
