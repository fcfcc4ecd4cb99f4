"""Small screens over the conversation: a list to pick from, a question, the help."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from tertulia.client.interface.bar import Bar
from tertulia.client.interface.lines import Line
from tertulia.client.interface.palette import Palette
from tertulia.client.interface.rows import Row, Rows
from tertulia.client.interface.textline import TextLine
from tertulia.client.interface.wrap import pad, wrap

T = TypeVar("T")
HELP_WIDE = 90


class Dialog(ModalScreen[T], inherit_bindings=False):
    """A box with a title, closed by Escape."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+c", "cancel", show=False)]

    def __init__(self, palette: Palette, title: str, hint: str = "") -> None:
        super().__init__(classes="dialog")
        self.palette = palette
        self._title = title
        self._hint = hint

    def compose(self) -> ComposeResult:
        """Title, content, hint."""
        with Vertical(id="box"):
            yield Bar("title")
            yield from self.content()
            if self._hint:
                yield Bar("hint")

    def content(self) -> ComposeResult:
        """What is in the box."""
        yield from ()

    def on_mount(self) -> None:
        """Write title and hint."""
        self.query_one("#title", Bar).tell(
            [Segment(self._title, self.palette.style(bold=True))], []
        )
        if self._hint:
            self.query_one("#hint", Bar).tell([Segment(self._hint, self.palette.quiet)], [])
        self.opened()

    def opened(self) -> None:
        """All that is in the box is there."""

    def action_cancel(self) -> None:
        """Close without an answer."""
        self.dismiss(None)


class Picker(Dialog[T], Generic[T]):
    """A list to pick from. *find* returns what there is for what is typed, the best first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,ctrl+p", "move(-1)", show=False),
        Binding("down,ctrl+n,tab", "move(1)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("enter", "pick", show=False),
    ]

    def __init__(
        self,
        palette: Palette,
        title: str,
        find: Callable[[str], Sequence[T]],
        draw: Callable[[T], Row],
        *,
        hint: str = "",
    ) -> None:
        super().__init__(palette, title, hint)
        self._find = find
        self._draw = draw
        self._found: Sequence[T] = ()
        self._at = 0

    def content(self) -> ComposeResult:
        """A line to type in, and the list."""
        yield TextLine(self.look)
        yield Rows("found")

    def opened(self) -> None:
        """Show what there is."""
        self.look("")

    def look(self, text: str) -> None:
        """Show what there is for *text*."""
        self.offer(self._find(text))

    def offer(self, found: Sequence[T]) -> None:
        """Show these, the first chosen."""
        self._found, self._at = found, 0
        self._fill()

    def _fill(self) -> None:
        rows = self.query_one("#found", Rows)
        rows.fill(range(len(self._found)), self._row)
        rows.reveal(self._at)

    def _row(self, index: int) -> Row:
        row = self._draw(self._found[index])
        if index != self._at:
            return row._replace(left=[Segment("  "), *row.left])
        sign = Segment("▌ ", self.palette.style(self.palette.accent))
        return row._replace(left=[sign, *row.left], back=self.palette.chosen)

    def action_move(self, steps: int) -> None:
        """Choose another one."""
        if self._found:
            self._at = max(0, min(len(self._found) - 1, self._at + steps))
            self._fill()

    def action_pick(self) -> None:
        """Take the chosen one."""
        if self._found:
            self.dismiss(self._found[self._at])

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """Take what is clicked on."""
        self._at = event.key
        self.action_pick()


class Question(Dialog[str]):
    """Asks for one key. *answers* are key, what it says, what it means."""

    def __init__(
        self, palette: Palette, title: str, text: str, answers: Sequence[tuple[str, str, str]]
    ) -> None:
        super().__init__(palette, title)
        self._text = text
        self._answers = answers

    def content(self) -> ComposeResult:
        """The question, and a line for each answer."""
        rows = Rows("found")
        yield rows

    def opened(self) -> None:
        """Show the answers."""
        lines = [("", line, "") for line in [*self._text.splitlines(), ""]]
        rows = self.query_one(Rows)
        items = [*lines, *self._answers]
        rows.styles.height = len(items)
        rows.fill(items, self._row, lambda item: item[2] or None)

    def _row(self, item: tuple[str, str, str]) -> Row:
        key, text, _meaning = item
        if not key:
            return Row([Segment(text, self.palette.quiet)])
        style = self.palette.style(self.palette.accent, bold=True)
        return Row([Segment(f"{key}  ".rjust(8), style), Segment(text)])

    def on_key(self, event: Any) -> None:
        """Take the answer of a key."""
        for key, _text, meaning in self._answers:
            if event.key == key.lower():
                event.stop()
                self.dismiss(meaning)

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """Take the answer that is clicked on."""
        self.dismiss(event.key)


Group = tuple[str, Sequence[tuple[str, str]]]
"""A heading; and of each line, a key and what it does."""


class Help(Dialog[None]):
    """Keys and commands; any movement scrolls."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll(-1)", show=False),
        Binding("down", "scroll(1)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
        Binding("pagedown,space", "scroll(10)", show=False),
        Binding("f1,q,enter", "cancel", show=False),
    ]

    def __init__(self, palette: Palette, title: str, groups: Sequence[Group]) -> None:
        super().__init__(palette, title)
        self.add_class("wide")
        self._groups = groups

    def content(self) -> ComposeResult:
        """The list."""
        yield Rows("found")

    def opened(self) -> None:
        """Show the list."""
        rows = self.query_one(Rows)
        room = min(HELP_WIDE, self.app.size.width) - 6
        lines = [line for group in self._groups for line in self._lines(group, room)][:-1]
        rows.styles.height = max(4, min(len(lines), self.app.size.height - 8))
        rows.fill(lines, Row, lambda line: None)

    def _lines(self, group: Group, room: int) -> Iterator[Line]:
        heading, told = group
        yield [Segment(heading, self.palette.style(bold=True))]
        widest = max(cell_len(key) for key, _text in told) + 2
        column = min(widest, room // 2)
        for key, text in told:
            style = self.palette.style(self.palette.accent)
            if cell_len(key) >= column:
                yield [Segment(key, style)]
                key = ""
            for start, end in wrap(text, room - column):
                yield [Segment(pad(key, column), style), Segment(text[start:end])]
                key = ""
        yield []

    def action_scroll(self, rows: int) -> None:
        """Scroll."""
        self.query_one(Rows).scroll_relative(y=rows, animate=False)
