"""A line of the screen that tells something."""

from __future__ import annotations

from textual.strip import Strip
from textual.widget import Widget

from tertulia.client.interface.lines import Line
from tertulia.client.interface.rows import fitted


class Bar(Widget):
    """One line with something at its left and at its right end."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._left: Line = []
        self._right: Line = []

    def tell(self, left: Line, right: Line) -> None:
        """Show something else."""
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return the line."""
        ground, width = self.rich_style, self.size.width
        if y:
            return Strip.blank(width, ground)
        line = fitted(self._left, self._right, width)
        return Strip(line).apply_style(ground).extend_cell_length(width, ground).crop(0, width)
