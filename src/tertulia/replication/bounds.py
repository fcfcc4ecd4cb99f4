"""What is believed of what other servers say: nothing that this server could not keep.

Who knows the network's secret is trusted with what happened, not with the memory of the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tertulia.domain.text import undirected
from tertulia.replication.messages import BODY_BYTES, Item, Run

EPOCH_END = 1 << 48
"""Epochs are Unix milliseconds, about: what is beyond these is no clock."""
SEQ_END = 1 << 40
"""The database keeps the number of an event in 40 bits."""
CLOCK_END = 1 << 63
NAME_MOST = 63
HASH_MOST = 64
RETRY_MOST = 512
ITEM_OVERHEAD = 64
"""About what an item takes on the wire besides its body."""

_SERVER_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


class Unacceptable(Exception):
    """What another server said is out of bounds; the text is for the other server."""


def is_server_id(text: str) -> bool:
    """Whether *text* is the id of a server."""
    return _SERVER_ID.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Whether *text* can be shown as the name of a server or of a network."""
    return len(text) <= NAME_MOST and text.isprintable() and undirected(text) == text


def check_server(server: str) -> None:
    """Raise `Unacceptable` unless *server* can be the id of one."""
    if not is_server_id(server):
        raise Unacceptable("a server is named by 32 hexadecimal digits")


def check_epoch(epoch: int) -> None:
    """Raise `Unacceptable` unless *epoch* can be one."""
    if not 0 < epoch < EPOCH_END:
        raise Unacceptable("an epoch is out of range")


def check_run(run: Run) -> None:
    """Raise `Unacceptable` unless *run* can be written to the log as it is."""
    check_server(run.server)
    check_epoch(run.epoch)
    if not (run.items and run.first > 0 and run.last < SEQ_END):
        raise Unacceptable("the numbers of events are out of range")
    check_items(run.items)


def check_items(items: Iterable[Item]) -> None:
    """Raise `Unacceptable` unless each of *items* can be kept."""
    for item in items:
        if not 0 < item.hlc < CLOCK_END:
            raise Unacceptable("the clock of an event is out of range")
        if len(memoryview(item.body)) > BODY_BYTES:
            raise Unacceptable(f"the body of an event has more than {BODY_BYTES} bytes")
        if not (0 <= item.stamp < CLOCK_END and 0 <= item.conversation < CLOCK_END):
            raise Unacceptable("a number of an event is out of range")
        if item.retry is not None and len(item.retry) > RETRY_MOST:
            raise Unacceptable("the client's id of a message is too long")


def size(items: Sequence[Item]) -> int:
    """Return about how many bytes *items* take, on the wire or in memory."""
    bodies = sum([len(memoryview(item.body)) for item in items])
    return bodies + ITEM_OVERHEAD * len(items)


def pieces(items: Sequence[Item], limit: int) -> Iterable[Sequence[Item]]:
    """Split *items* into parts of about *limit* bytes at most, of at least one item each."""
    if size(items) <= limit:
        return (items,)
    parts: list[list[Item]] = [[]]
    room = limit
    for item in items:
        room -= size((item,))
        if room < 0 and parts[-1]:
            parts.append([])
            room = limit - size((item,))
        parts[-1].append(item)
    return parts
