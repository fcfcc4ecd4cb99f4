"""The conversation: draws the rows of a scrollback that are in view, and scrolls it."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message as Notice
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from tertulia.client.interface.lines import Line
from tertulia.client.interface.scrollback import Scrollback
from tertulia.client.session.model import Message

MOST_COPIED = 20_000
"""How many rows can be copied at once."""


class Conversation(ScrollView):
    """What was said in the buffer that one looks at."""

    BINDINGS: ClassVar[list[BindingType]] = []

    class NearStart(Notice):
        """The oldest messages that are known are almost in view."""

    class Moved(Notice):
        """Somebody scrolled."""

    class Resized(Notice):
        """There is more or less room."""

    def __init__(self) -> None:
        super().__init__(id="conversation")
        self.can_focus = False
        self.scrollback: Scrollback | None = None
        self._is_settling = False
        self._ground = Style()

    @property
    def allow_select(self) -> bool:
        """Whether text can be selected with the mouse."""
        return True

    @property
    def rows(self) -> int:
        """How many rows are in view."""
        return max(1, self.scrollable_content_region.height)

    @property
    def columns(self) -> int:
        """How wide a row is."""
        return max(1, self.scrollable_content_region.width)

    def show(self, scrollback: Scrollback) -> None:
        """Look at another conversation."""
        self.scrollback = scrollback
        self.screen.clear_selection()
        self.settle()

    def settle(self) -> None:
        """Draw what the scrollback has now; once a frame is enough."""
        if self.scrollback is None:
            return
        self._is_settling = True
        row = self.scrollback.settle(self.rows)
        self._grow(Size(self.columns, self.scrollback.rows))
        self.scroll_to(y=row, animate=False, force=True)
        self._is_settling = False
        self.refresh()

    def _grow(self, size: Size) -> None:
        """There are more or fewer rows. Nothing else on the screen moves for that, so that there
        is no need to lay it out again, as setting `virtual_size` would."""
        if size != self.virtual_size:
            self.set_reactive(ScrollView.virtual_size, size)
            self.vertical_scrollbar.window_virtual_size = size.height
            self.vertical_scrollbar.window_size = self.rows

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Keep in mind where one reads, and make what comes into view."""
        super().watch_scroll_y(old_value, new_value)
        if self.scrollback is None or self._is_settling:
            return
        self.scrollback.scrolled(round(new_value), self.rows)
        self.call_next(self.settle)
        self.post_message(self.Moved())
        if new_value < self.rows:
            self.post_message(self.NearStart())

    def on_resize(self, event: events.Resize) -> None:
        """What was said is to be broken into other lines."""
        self.post_message(self.Resized())

    def page(self, pages: float) -> None:
        """Scroll so many pages down, up if it is less than none; two rows stay in view."""
        self.scroll_relative(y=round(pages * max(1, self.rows - 2)), animate=False)

    def message_at(self, y: int) -> Message | None:
        """Return the message in a row of the screen."""
        if self.scrollback is None:
            return None
        return self.scrollback.message_at(self._row(y))

    def _row(self, y: int) -> int:
        """Return which row of the conversation is in a row of the screen: what is short stands at
        the bottom, next to where one types."""
        known = 0 if self.scrollback is None else self.scrollback.rows
        return y + self.scroll_offset.y - max(0, self.rows - known)

    # Drawing

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return some rows of the screen."""
        self._ground = self.rich_style
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Return one row of the screen."""
        ground = self._ground
        row = self._row(y)
        line = None if self.scrollback is None else self.scrollback.line(row)
        width = self.size.width
        if line is None:
            return Strip.blank(width, ground)
        if (selection := self.text_selection) is not None:
            line = self._selected(line, selection.get_span(row))
        strip = Strip(line).apply_style(ground).extend_cell_length(width, ground)
        return strip.crop(0, width).apply_offsets(0, row)

    def _selected(self, line: Line, span: tuple[int, int] | None) -> Line:
        if span is None:
            return line
        length = sum(len(segment.text) for segment in line)
        start, end = span[0], length if span[1] == -1 else span[1]
        chosen = self.screen.get_component_rich_style("screen--selection")
        return _restyled(line, start, end, chosen)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the text that is selected."""
        if self.scrollback is None:
            return None
        first = selection.start.y if selection.start else 0
        last = selection.end.y if selection.end else self.scrollback.rows - 1
        rows = range(max(0, first), min(last, first + MOST_COPIED) + 1)
        lines = [_cut(self.scrollback.line(row), selection.get_span(row)) for row in rows]
        return "\n".join(line.rstrip() for line in lines), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """More or less is selected."""
        self.refresh()


def _cut(line: Line | None, span: tuple[int, int] | None) -> str:
    text = "".join([segment.text for segment in line or []])
    if span is None:
        return text
    return text[span[0] :] if span[1] == -1 else text[span[0] : span[1]]


def _restyled(line: Line, start: int, end: int, style: Style) -> Line:
    drawn: Line = []
    at = 0
    for text, own, _control in line:
        a, b = (min(max(0, edge - at), len(text)) for edge in (start, end))
        pieces = ((text[:a], own), (text[a:b], (own or Style()) + style), (text[b:], own))
        drawn += [Segment(piece, one) for piece, one in pieces if piece]
        at += len(text)
    return drawn
