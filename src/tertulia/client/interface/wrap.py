"""Breaking text into lines by what a terminal makes of it: cells, not characters."""

from __future__ import annotations

import re

from rich.cells import cell_len, split_graphemes

_WORD = re.compile(r"( *)([^ ]+)")


def wrap(text: str, width: int) -> list[tuple[int, int]]:
    """Return where each line of *text* starts and ends; none is wider than *width* cells.

    Lines break at spaces, which belong to no line there; a word that is too wide for one fills the
    lines it needs. There is at least one line. A single character that is wider than *width* has
    a line to itself.
    """
    if (len(text) <= width and text.isascii()) or cell_len(text) <= width:
        return [(0, len(text))]
    lines: list[tuple[int, int]] = []
    start = end = used = 0
    for word in _WORD.finditer(text):
        gap, cells = len(word[1]), cell_len(word[2])
        if used + gap + cells <= width:
            used += gap + cells
        elif cells <= width:
            lines.append((start, end))
            start, used = word.start(2), cells
        else:
            start, used = _fill(lines, word, start, used, width)
        end = word.end()
    lines.append((start, end))
    return [line for line in lines if line[0] < line[1]] or [(0, 0)]


def _fill(
    lines: list[tuple[int, int]], word: re.Match[str], start: int, used: int, width: int
) -> tuple[int, int]:
    """Break a word that is too wide for a line; return where its last line starts, and how wide
    that is."""
    at = word.start(2)
    used += len(word[1])
    if used >= width:
        lines.append((start, word.start(1)))
        start, used = at, 0
    for first, _last, cells in split_graphemes(word[2])[0]:
        if used + cells > width and at + first > start:
            lines.append((start, at + first))
            start, used = at + first, 0
        used += cells
    return start, used


def lines_of(text: str, width: int) -> int:
    """Return about how many lines `wrap` makes of *text*: never more, and rarely less."""
    cells = len(text) if text.isascii() else cell_len(text)
    return 1 if cells <= width else -(-cells // width)


def cut(text: str, width: int) -> str:
    """Return *text* if it is not wider than *width* cells, else its start and an ellipsis."""
    if cell_len(text) <= width:
        return text
    kept, used = 0, 0
    for _first, last, cells in split_graphemes(text)[0]:
        if used + cells > width - 1:
            break
        kept, used = last, used + cells
    return text[:kept] + "…" if width > 0 else ""


def pad(text: str, width: int, right: bool = False) -> str:
    """Return *text* in exactly *width* cells: cut, or with spaces behind or (*right*) before it."""
    text = cut(text, width)
    spaces = " " * (width - cell_len(text))
    return spaces + text if right else text + spaces
