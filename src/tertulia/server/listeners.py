"""Where the server listens: what ``--listen`` says, and the default ports."""

from __future__ import annotations

from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from tertulia.server.peer_address import DEFAULT_PORT
from tertulia.server.settings import SettingsError

MESH = "mesh"
"""The scheme at which other servers come in, not people."""


class Scheme(Struct, frozen=True):
    """A protocol one can listen for; *port* is its default, None for any free one.

    One *for_servers* is not listened for unless somebody asks for it, is not announced, and
    takes only the addresses in ``network.table_peers``.
    """

    name: str
    port: int | None
    secure: bool = False
    for_servers: bool = False


SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme("irc", 6667),
        Scheme("ircs", 6697, secure=True),
        Scheme("json", 12000),
        Scheme("rech", None),
        Scheme("pychat", 5000),
        Scheme("chatroom", 6666),
        Scheme("numeric", 19033),
        Scheme(MESH, DEFAULT_PORT, secure=True),
        Scheme("peer", 12001, for_servers=True),
    )
}


class Endpoint(Struct, frozen=True):
    """Where to listen. *host* None means all addresses, IPv4 and IPv6; *chosen* that
    somebody asked for just this one, so that it has to work."""

    scheme: Scheme
    host: str | None
    port: int
    chosen: bool

    @property
    def uri(self) -> str:
        """Return the address as it is printed and given to ``--listen``."""
        host = self.host or "*"
        return f"{self.scheme.name}://{f'[{host}]' if ':' in host else host}:{self.port}"


def parse(uri: str) -> Endpoint:
    """Return the endpoint that *uri* names; raises `SettingsError`."""
    shown = " ".join(uri.split())
    try:
        parts = urlsplit(uri)
    except ValueError:
        raise SettingsError(f"--listen {shown}: this is no address") from None
    scheme = SCHEMES.get(parts.scheme)
    if scheme is None or not uri.startswith(f"{parts.scheme}://"):
        known = ", ".join(f"{name}://" for name in SCHEMES)
        raise SettingsError(f"--listen {shown}: must begin with one of {known}")
    try:
        port = parts.port
    except ValueError:
        raise SettingsError(f"--listen {shown}: the port is a number from 0 to 65535") from None
    if parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise SettingsError(f"--listen {shown}: only an address and a port can be given")
    if not uri.isprintable() or " " in uri:
        raise SettingsError(f"--listen {shown}: this is no address")
    host = parts.hostname
    if port is None:
        port = scheme.port or 0
    return Endpoint(scheme, None if host in ("*", None) else host, port, chosen=True)


def defaults(address: str | None, pychat_port: int | None = None) -> list[Endpoint]:
    """Return where the server listens if nobody says otherwise, or only for *pychat_port*."""
    endpoints = [
        Endpoint(scheme, address, scheme.port or 0, chosen=False)
        for scheme in SCHEMES.values()
        if not scheme.for_servers
    ]
    if pychat_port is None:
        return endpoints
    if not 0 <= pychat_port <= 65535:
        raise SettingsError(f"--port {pychat_port}: the port is a number from 0 to 65535")
    return [
        replace(endpoint, port=pychat_port, chosen=True)
        if endpoint.scheme.name == "pychat"
        else endpoint
        for endpoint in endpoints
    ]
