"""``tertulia users``, ``channels`` and ``stats``: what there is on a running server."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from tertulia.cli.control import AsJson, DataFolder, ask
from tertulia.cli.tables import duration, moment, print_json, size, table, yes_no
from tertulia.domain.names import fold_name
from tertulia.server import control_messages as m


def users(
    channel: str | None = None,
    /,
    *,
    everyone: Annotated[bool, Parameter(name="--all", negative="")] = False,
    json: AsJson = False,
    data: DataFolder = None,
) -> int:
    """List who is on the server, and on those it is linked with.

    Parameters
    ----------
    channel
        Only who is in this channel.
    everyone
        Also those with an identity who are not here, and how many messages wait for them.
    """
    rows = ask(data, m.Users(channel, everyone), list[m.UserRow])
    rows.sort(key=lambda row: fold_name(row.nick))
    if json:
        return print_json(rows)
    headings = ["NICKNAME", "NUMBER", "PROTOCOL", "ADDRESS", "SINCE", "OPERATOR", "AWAY"]
    cells = [_user_cells(row) for row in rows]
    if any(row.server is not None for row in rows):
        headings.append("SERVER")
        for row, line in zip(rows, cells, strict=True):
            line.append(f"{row.server or ''}{' (cut off)' if row.cut_off else ''}")
    for row, line in zip(rows, cells, strict=True):
        line.append(" ".join(row.channels))
    print(table([*headings, "CHANNELS"], cells))
    return 0


def _user_cells(row: m.UserRow) -> list[str]:
    if not row.here:
        waits = f"not here, {row.waiting} waiting" if row.waiting else "not here"
        return [row.nick, row.number, "", "", "", "", waits]
    return [
        row.nick,
        row.number,
        f"{row.protocol}{' tls' if row.secure else ''}",
        row.address or "",
        moment(row.since),
        yes_no(row.operator),
        "" if row.away is None else row.away or "yes",
    ]


def channels(*, json: AsJson = False, data: DataFolder = None) -> int:
    """List the channels, hidden ones too. Passwords are never shown."""
    rows = ask(data, m.Channels(), list[m.ChannelRow])
    rows.sort(key=lambda row: fold_name(row.name))
    if json:
        return print_json(rows)
    headings = ["CHANNEL", "NUMBER", "USERS", "MODES", "PASSWORD", "CREATED", "ADMINS", "TOPIC"]
    print(table(headings, [_channel_cells(row) for row in rows]))
    return 0


def _channel_cells(row: m.ChannelRow) -> list[str]:
    return [
        row.name,
        row.number,
        str(row.users),
        row.modes,
        yes_no(row.password),
        moment(row.created),
        " ".join(row.admins),
        row.topic or "",
    ]


def stats(*, json: AsJson = False, data: DataFolder = None) -> int:
    """Tell how the server is: people, messages, memory, disk."""
    found = ask(data, m.Stats(), m.ServerStats)
    if json:
        return print_json([found])
    by_protocol = ", ".join([f"{name} {count}" for name, count in sorted(found.protocols.items())])
    rows = [
        ("server", f"{found.server}, version {found.version}"),
        ("up for", f"{duration(found.uptime_s)}, since {moment(found.started)}"),
        ("users", f"{found.users} ({by_protocol})" if by_protocol else "0"),
        ("channels", str(found.channels)),
        ("connections", str(found.connections)),
        ("events written", f"{found.events} since it started"),
        ("messages waiting", str(found.waiting)),
        ("memory", size(found.memory_bytes)),
        ("database", size(found.database_bytes)),
    ]
    if found.dropped_until is not None:
        rows.append(("dropped", f"messages before {moment(found.dropped_until)}"))
    if found.health is not None:
        rows.append(("other servers", f"{found.servers} reached, {found.health}"))
    if found.state is not None:
        rows.append(("state", found.state[:16]))
    head, *rest = rows
    print(table(head, rest))
    return 0
