"""Tables for people, in columns that a terminal shows aligned."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from tertulia.domain.transcript import plain

GAP = "  "
_KIB = 1024


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return *rows* under *headings*, a line each; no cell can leave its line."""
    lines = [list(headings), *([shown(cell) for cell in row] for row in rows)]
    widths = [max(width(line[i]) for line in lines) for i in range(len(headings))]
    return "\n".join([aligned(cells, widths) for cells in lines])


def print_json(rows: Iterable[Struct]) -> int:
    """Print one JSON object a line."""
    for row in rows:
        print(msgspec.json.encode(row).decode())
    return 0


def aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return a line of *cells*, each of at least its number of columns."""
    padded = [cell + " " * (room - width(cell)) for cell, room in zip(cells, widths, strict=True)]
    return GAP.join(padded).rstrip()


def shown(text: str) -> str:
    """Return *text* without what a terminal would obey, ``-`` for nothing."""
    return plain(text) or "-"


def width(text: str) -> int:
    """Return how many columns *text* takes: two for wide characters (UAX #11), none for
    those that go onto the one before."""
    if text.isascii():
        return len(text)
    return sum(_columns(c) for c in text)


def _columns(c: str) -> int:
    if unicodedata.category(c) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(c) in ("W", "F") else 1


def moment(time: datetime | None) -> str:
    """Return *time* in the zone of whoever reads it."""
    return "" if time is None else f"{time.astimezone():%Y-%m-%d %H:%M}"


def yes_no(value: bool) -> str:
    """Return a truth as a word."""
    return "yes" if value else "no"


def size(count: int) -> str:
    """Return a number of bytes, shortened: ``1.5 MiB``."""
    if count < _KIB:
        return f"{count} bytes"
    amount = count / _KIB
    for unit in ("KiB", "MiB", "GiB"):
        if amount < _KIB:
            return f"{amount:.1f} {unit}"
        amount /= _KIB
    return f"{amount:.1f} TiB"


def duration(seconds: float) -> str:
    """Return a time in its two largest units: ``2 d 5 h``."""
    left = int(seconds)
    counts = []
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        counts.append((count, unit))
    while len(counts) > 1 and not counts[0][0]:
        del counts[0]
    return " ".join([f"{count} {unit}" for count, unit in counts[:2]])
