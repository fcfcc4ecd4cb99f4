"""A list of which only the rows in view are drawn, and one can be chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message as Notice
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tertulia.client.interface.lines import Line
from tertulia.client.interface.wrap import cut


class Row(NamedTuple):
    """What a row shows: *left*, cut where there is no room for it beside *right*."""

    left: Line
    right: Sequence[Segment] = ()
    back: str = ""


class Rows(ScrollView):
    """A list; *draw* makes the row of an item. Headings and gaps cannot be chosen: their key,
    which *key* returns, is None."""

    class Chosen(Notice):
        """Somebody chose an item."""

        def __init__(self, rows: Rows, key: Any) -> None:
            super().__init__()
            self.rows = rows
            self.key = key

        @property
        def control(self) -> Rows:
            """The list."""
            return self.rows

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.can_focus = False
        self._ground = Style()
        self._items: Sequence[Any] = ()
        self._draw: Callable[[Any], Row] = lambda item: Row([Segment(str(item))])
        self._key: Callable[[Any], Any] = lambda item: item

    def fill(
        self,
        items: Sequence[Any],
        draw: Callable[[Any], Row],
        key: Callable[[Any], Any] = lambda item: item,
    ) -> None:
        """Show other items."""
        self._items, self._draw, self._key = items, draw, key
        size = Size(self.scrollable_content_region.width, len(items))
        if size != self.virtual_size:
            self.virtual_size = size
        self.refresh()

    def reveal(self, index: int) -> None:
        """Scroll so that the item at *index* is in view."""
        height = self.scrollable_content_region.height
        top = self.scroll_offset.y
        if height and not top <= index < top + height:
            y = index if index < top else index - height + 1
            self.scroll_to(y=y, animate=False, force=True)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return some rows of the screen."""
        self._ground = self.rich_style
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Return one row of the screen."""
        index = y + self.scroll_offset.y
        ground, width = self._ground, self.size.width
        if index >= len(self._items):
            return Strip.blank(width, ground)
        row = self._draw(self._items[index])
        if row.back:
            ground += Style(bgcolor=row.back)
        room = self.scrollable_content_region.width
        line = fitted(row.left, row.right, room)
        return Strip(line).apply_style(ground).extend_cell_length(width, ground).crop(0, width)

    def on_click(self, event: events.Click) -> None:
        """Choose what is clicked on."""
        inside = event.get_content_offset(self)
        index = -1 if inside is None else inside.y + self.scroll_offset.y
        if 0 <= index < len(self._items):
            key = self._key(self._items[index])
            if key is not None:
                self.post_message(self.Chosen(self, key))


def fitted(left: Line, right: Sequence[Segment], width: int) -> Line:
    """Return *left* and *right* at the ends of a line of *width* cells; *left* gives way."""
    room = width - sum(cell_len(one.text) for one in right)
    line: Line = []
    for text, style, _control in left:
        piece = cut(text, room)
        line.append(Segment(piece, style))
        room -= cell_len(piece)
        if piece != text:
            break
    return [*line, Segment(" " * max(0, room)), *right]
