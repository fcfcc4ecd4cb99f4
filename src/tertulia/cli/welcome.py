"""What the server says to the person who started it."""

from __future__ import annotations

from urllib.parse import urlsplit

from tertulia.server.addresses import own_addresses, own_link_local_addresses
from tertulia.server.settings import Settings

_HOW = {
    "irc": "any IRC client, such as irssi -c {host} -p {port}",
    "ircs": "the same with TLS: /connect -tls {host} {port} in irssi",
    "json": "the classic JSON client, port {port}",
    "pychat": "the PyChat client, port {port}",
    "chatroom": "nc {host} {port}, and type",
    "numeric": "the numeric messenger, port {port}",
    "peer": "other servers, those in network.table_peers, port {port}",
    "rech": "the JSON client that finds servers by itself, port {port}",
}


def welcome(settings: Settings, uris: list[str]) -> str:
    """Return how to join, from here and from another machine."""
    lines = [f"{settings.server.name} is ready. Join from this machine with"]
    parts = [urlsplit(uri) for uri in uris]
    for part in parts:
        if part.scheme not in _HOW:  # other servers come in there, not people
            continue
        how = _HOW[part.scheme].format(host="localhost", port=_port(part.netloc))
        lines.append(f"  {part.scheme + ':':9} {how}")
    addresses = own_addresses()
    open_to_all = any(part.hostname in ("*", None) for part in parts)
    if open_to_all and addresses:
        lines.append(f"From another machine the address is {' or '.join(addresses[:3])}.")
    elif open_to_all:
        lines.append(_without_a_network(own_link_local_addresses()))
    lines.append("Stop with Ctrl-C.")
    return "\n".join(lines)


def _without_a_network(addresses: list[str]) -> str:
    if not addresses:
        return "This machine has no address that others could reach."
    return (
        f"From another machine the address is {addresses[0]}%eth0, where eth0 is the interface"
        " of that machine."
    )


def _port(netloc: str) -> str:
    return netloc.rpartition(":")[2]
