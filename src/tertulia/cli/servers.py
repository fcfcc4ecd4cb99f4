"""``tertulia servers`` and ``forget``: the other servers that share the chat."""

from __future__ import annotations

from tertulia.cli.control import AsJson, DataFolder, ask
from tertulia.cli.tables import print_json, shown, size, table
from tertulia.server import control_messages as m

_HEALTH = {
    "ok": "ok: every server that is known can be reached",
    "degraded": "degraded: some servers cannot be reached",
    "isolated": "isolated: no other server can be reached",
    None: "alone: this server looks for no others (it has no listener mesh:// and no peers)",
}


def servers(*, json: AsJson = False, data: DataFolder = None) -> int:
    """List the other servers that share this chat, and tell how the links are."""
    network = ask(data, m.Servers(), m.Network)
    if json:
        return print_json(network.servers)
    if network.servers:
        headings = ["SERVER", "STATE", "LATENCY", "MISSING", "QUEUED", "USERS", "ADDRESS", "ID"]
        print(table(headings, [_cells(row) for row in network.servers]))
    elif network.health is not None:
        print("no other server has been linked")
        return 0
    print(_HEALTH[network.health])
    return 0


def _cells(row: m.ServerRow) -> list[str]:
    return [
        row.name,
        _state(row),
        "" if row.latency_ms is None else f"{row.latency_ms:.1f} ms",
        f"{row.lag} here, {row.behind} there" if row.lag or row.behind else "0",
        size(row.queued) if row.queued else "0",
        str(row.users),
        row.address or "",
        row.id,
    ]


def _state(row: m.ServerRow) -> str:
    if row.state == "linked":
        return "linked"
    if row.state == "via":
        return f"via {row.via}"
    word = "cut off" if row.users else "not linked"
    return f"{word}: {row.why}" if row.why else word


def forget(server: str, /, *, data: DataFolder = None) -> int:
    """Forget a server that is gone for good, or whose certificate was made anew.

    Parameters
    ----------
    server
        Its name or id.
    """
    print(shown(ask(data, m.Forget(server), str)))
    return 0
