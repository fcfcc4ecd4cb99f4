"""Lines of the screen, made of parts of a text."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from tertulia.client.interface.formats import PLAIN, Part
from tertulia.client.interface.palette import Palette
from tertulia.client.interface.wrap import cut, wrap

Line = list[Segment]


def wrapped(
    body: Sequence[Part],
    width: int,
    lead: int,
    base: Style,
    palette: Palette,
    mark: tuple[str, Style],
) -> list[Line]:
    """Break *body*; the first line has *lead* cells less, and *mark* stands behind the last."""
    filler = "x" * (lead - 1) + " " if lead > 1 else ""
    text = filler + "".join([part.text for part in body])
    spans = wrap(text, width)
    if spans[0][1] < len(filler):
        spans[0] = (0, len(filler))
    lines = [_slice(body, a - len(filler), b - len(filler), base, palette) for a, b in spans]
    sign, style = mark
    if sign:
        used = cell_len(text[slice(*spans[-1])])
        if used + cell_len(sign) + 2 > width:
            lines.append([Segment(cut(sign, width), style)])
        else:
            lines[-1] += [Segment("  "), Segment(sign, style)]
    return lines


def _slice(body: Sequence[Part], start: int, end: int, base: Style, palette: Palette) -> Line:
    line: Line = []
    at = 0
    for part in body:
        piece = part.text[max(0, start - at) : max(0, end - at)]
        if piece:
            style = base if part.format is PLAIN else palette.formatted(part.format, base)
            line.append(Segment(piece, style))
        at += len(part.text)
    return line


def cells(line: Line) -> int:
    """Return how wide a line is."""
    return sum(cell_len(segment.text) for segment in line)


def on_ground(back: str, line: Line, width: int) -> Line:
    """Return *line* on a background, as wide as the screen; without one it stays as it is."""
    if not back:
        return line
    line.append(Segment(" " * max(0, width - cells(line))))
    ground = Style(bgcolor=back)
    return [Segment(text, ground + style if style else ground) for text, style, _ in line]
