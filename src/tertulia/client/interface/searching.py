"""Ctrl+F: search what was said, and go to what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.binding import Binding, BindingType

from tertulia.client import answers
from tertulia.client.interface import dates
from tertulia.client.interface.bar import Bar
from tertulia.client.interface.dialogs import Picker
from tertulia.client.interface.rows import Row
from tertulia.client.interface.textline import TextLine
from tertulia.client.session import events as ev
from tertulia.client.session import intents
from tertulia.client.session.model import Buffer, Kind, Message

if TYPE_CHECKING:
    from typing import ClassVar

    from tertulia.client.interface.app import ChatApp

PAGES_MOST = 50
"""How many pages of history are loaded to come to a message."""

Hit = tuple[str, Message]


class SearchDialog(Picker[Hit]):
    """Words to search for, and what was found: Enter searches, and again goes to a message."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "widen", show=False),
    ]

    def __init__(self, app: ChatApp, target: str, words: str) -> None:
        self._chat, _ = app, app.words
        self._target = target
        self._place = target
        self._words = words
        self._searched = ""
        hint = _("Enter searches · Tab: here or everywhere · Esc closes")
        super().__init__(app.palette, "", lambda text: (), self._drawn, hint=hint)

    def opened(self) -> None:
        """Say where is searched."""
        self._tell()
        if self._words:
            self.query_one(TextLine).value = self._words
            self.action_pick()

    def look(self, text: str) -> None:
        """Other words are other hits, when they are searched for."""

    def _tell(self, count: str = "") -> None:
        _ = self._chat.words
        title = _("Search in {place}") if self._place else _("Search everywhere")
        left = [Segment(title.format(place=self._place), self.palette.style(bold=True))]
        self.query_one("#title", Bar).tell(left, [Segment(count, self.palette.quiet)])

    def action_widen(self) -> None:
        """Search everywhere, or only where one was."""
        self._place = "" if self._place else self._target
        self._searched = ""
        self._tell()

    def action_pick(self) -> None:
        """Search, or go to what was found."""
        words = self.query_one(TextLine).value.strip()
        if words and words != self._searched:
            self._searched = words
            self._tell(self._chat.words("searching…"))
            self._chat.port.do(intents.Search(words, self._place))
        else:
            super().action_pick()

    def found(self, found: ev.Found) -> None:
        """Show what was found, the latest first."""
        hits, _ = list(reversed(found.hits)), self._chat.words
        count = _.plural("{count} message", "{count} messages", len(hits))
        self._tell(count if found.on_server else f"{count} · {_('only here')}")
        self.offer(hits)

    def _drawn(self, hit: Hit) -> Row:
        name, message = hit
        palette, session, words = self.palette, self._chat.port.session, self._chat.words
        colour = palette.nick(message.by, session.model.fold)
        place = "" if self._place else f"{name} "
        # What somebody did begins with their name anyway.
        by = "*" if message.kind is Kind.ACTION else session.show_name(message.by)
        return Row(
            [
                Segment(f"{dates.moment_name(message.at, words.language)} ", palette.quiet),
                Segment(place, palette.quiet),
                Segment(f"{by} ", palette.style(colour)),
                Segment(answers.plain(message, words), palette.style()),
            ]
        )


class Searching:
    """A search, and the way to what it found: older history is loaded until it is there."""

    def __init__(self, app: ChatApp) -> None:
        self._app = app
        self._sought: tuple[Buffer, Message] | None = None
        self._pages = 0

    def open(self, target: str, words: str = "") -> None:
        """Ask what to search for, in that buffer or in all; search at once for *words*."""
        self._app.push_screen(SearchDialog(self._app, target, words), self._picked)

    def found(self, found: ev.Found) -> None:
        """The server answered, or the client looked itself."""
        screen = self._app.screen
        if isinstance(screen, SearchDialog):
            screen.found(found)

    def _picked(self, hit: Hit | None) -> None:
        if hit is None:
            return
        buffer = self._app.port.session.model.get(hit[0])
        if buffer is not None:
            self._app.go_to(buffer)
            self._sought, self._pages = (buffer, hit[1]), PAGES_MOST
            self._app.redraw()

    def go_on(self) -> None:
        """Go to what was found, if it is there; else load what is before."""
        if self._sought is None:
            return
        buffer, message = self._sought
        known = buffer.log.with_msgid(message.msgid) if message.msgid else message
        rows = self._app.chat.conversation.rows
        if buffer is not self._app.desk.current:
            self._sought = None
        elif known is not None:
            self._app.desk.talk.show(known.number, rows)
            self._sought = None
            self._app.redraw()
        elif buffer.has_all_history or self._pages == 0:
            self._sought = None
            self._app.desk.note(self._app.words("That message is too far back to go to."))
            self._app.redraw()
        elif not buffer.is_loading:
            self._pages -= 1
            self._app.load_older()
