"""``tertulia discover``."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Annotated

import msgspec
from cyclopts import Parameter

from tertulia.cli.errors import CommandError
from tertulia.cli.tables import aligned, shown
from tertulia.client.discovery import find_servers
from tertulia.client.servers import Found

MOST_S = 3600
HEADINGS = ("NAME", "USERS", "ADDRESSES", "PROTOCOLS")
# The headings fit into 80 columns; the protocols of a server alone may not.
WIDTHS = (24, 5, 31, 0)


def discover(
    *,
    timeout: float = 6,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """List the servers on the local network, as they are found.

    Parameters
    ----------
    timeout
        How many seconds to listen; servers announce themselves every five.
    json
        One JSON object a line.
    """
    if not 0 < timeout <= MOST_S:
        raise CommandError(f"--timeout {timeout:g}: must be more than 0, and at most {MOST_S}")
    count = asyncio.run(_discover(timeout, json))
    if not count:
        print("no server found", file=sys.stderr)
    return 0 if count else 1


async def _discover(timeout_s: float, as_json: bool) -> int:
    count = 0
    async with contextlib.aclosing(find_servers(timeout_s, _warn)) as servers:
        async for found in servers:
            if not (count or as_json):
                print(aligned(HEADINGS, WIDTHS))
            count += 1
            print(_json(found) if as_json else _shown(found), flush=True)
    return count


def _warn(text: str) -> None:
    print(f"tertulia: {text}", file=sys.stderr)


def _shown(found: Found) -> str:
    card = found.card
    users = "?" if card.users is None else str(card.users)
    ports = " ".join(f"{protocol}={port}" for protocol, port in card.ports.items())
    name = shown(card.name or "?")
    return aligned((name, f"{users:>5}", " ".join(found.addresses), ports), WIDTHS)


def _json(found: Found) -> str:
    card = found.card
    row = {
        "name": card.name or None,
        "network": card.network or None,
        "version": card.version or None,
        "id": card.server_id or None,
        "users": card.users,
        "ports": card.ports,
        "addresses": found.addresses,
    }
    return msgspec.json.encode(row).decode()
