"""The screen with the conversation: puts what lies on the desk into the widgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen

from tertulia.client.interface import keys, sidebar, statusline
from tertulia.client.interface.bar import Bar
from tertulia.client.interface.conversation import Conversation
from tertulia.client.interface.desk import Dirty
from tertulia.client.interface.lines import Line
from tertulia.client.interface.prompt import Prompt, Talker
from tertulia.client.interface.rows import Rows
from tertulia.client.session.model import Buffer, BufferKind

if TYPE_CHECKING:
    from tertulia.client.interface.app import ChatApp

BUFFERS_FROM = 64
MEMBERS_FROM = 80
"""From how many columns on a list is there by itself."""


class ChatScreen(Screen[None], inherit_bindings=False):
    """Everything that one sees most of the time."""

    app: ChatApp
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings()]
    AUTO_FOCUS = "#prompt"

    def __init__(self, talker: Talker) -> None:
        super().__init__(id="chat")
        self.topic = Bar("topic")
        self.buffers = Rows("buffers")
        self.conversation = Conversation()
        self.members = Rows("members")
        self.status = Bar("status")
        self.nick = Bar("nick")
        self.prompt = Prompt(talker)
        self._shown: dict[str, bool] = {}
        """The lists that somebody wanted to have, or not to have."""

    def compose(self) -> ComposeResult:
        """The lists at both sides, what is said between them, and the line to type in."""
        with Horizontal(id="middle"):
            yield self.buffers
            with Vertical(id="talk"):
                yield self.topic
                yield self.conversation
            yield self.members
        yield self.status
        with Horizontal(id="line"):
            yield self.nick
            yield self.prompt

    def on_mount(self) -> None:
        """Nothing but the line is ever typed in."""
        self.conversation.can_focus = False
        self.fit_lists()

    def on_resize(self) -> None:
        """There is more or less room."""
        self.fit_lists()

    # Keys

    def action_page(self, pages: float) -> None:
        """Scroll."""
        self.conversation.page(pages)

    def action_start(self) -> None:
        """Scroll to the oldest message that is known."""
        self.conversation.scroll_to(y=0, animate=False, force=True)

    def action_latest(self) -> None:
        """Scroll to the latest message."""
        self.app.desk.talk.is_following = True
        self.app.redraw()

    def action_toggle_list(self, name: str) -> None:
        """Show or hide a list."""
        self._shown[name] = not self.query_one(f"#{name}").display
        self.fit_lists()
        self.app.redraw()

    def action_copy(self) -> None:
        """Copy what is selected; without that, empty the line."""
        if text := self.get_selected_text() or self.prompt.selected_text:
            self.app.copy_to_clipboard(text)
            self.clear_selection()
        elif self.prompt.value:
            self.prompt.value = ""
        else:
            self.notify(self.app.words("Ctrl+Q leaves"), timeout=2, markup=False)

    # Which lists there are

    def fit_lists(self) -> None:
        """Show what there is room for, and what was asked for."""
        width = self.size.width or self.app.size.width
        is_channel = self.app.desk.current.is_channel
        self.buffers.display = self._shown.get("buffers", width >= BUFFERS_FROM)
        members = self._shown.get("members", width >= MEMBERS_FROM)
        self.members.display = members and is_channel
        side = max(16, min(26, width // 6))
        self.buffers.styles.width = min(side, width // 2)
        self.members.styles.width = min(side, width // 2)

    # Drawing

    def draw(self, dirty: Dirty) -> None:
        """Put into the widgets what has changed."""
        if dirty & Dirty.MEMBERS:
            self._draw_members()
        if dirty & Dirty.BUFFERS:
            self._draw_buffers()
        if dirty & (Dirty.STATUS | Dirty.BUFFERS):
            self._draw_lines()
        if dirty & Dirty.TALK:
            self.draw_talk()

    def draw_talk(self) -> None:
        """Draw what was said."""
        desk = self.app.desk
        desk.fit(self.conversation.columns)
        if self.conversation.scrollback is not desk.talk:
            self.conversation.show(desk.talk)
        else:
            self.conversation.settle()

    def _draw_buffers(self) -> None:
        desk, session = self.app.desk, self.app.port.session
        items = sidebar.entries(session.model, desk.words)
        title = session.network or session.server_name or session.model.server.name
        name = session.show_name
        row = sidebar.BufferRow(desk.palette, session.model, desk.current, name, title)
        self.buffers.fill(items, row, lambda entry: entry.buffer)
        at = next((n for n, one in enumerate(items) if one.buffer is desk.current), 0)
        self.buffers.reveal(at)

    def _draw_members(self) -> None:
        self.fit_lists()
        if not self.members.display:
            return
        desk, session = self.app.desk, self.app.port.session
        fold = session.model.fold
        items = sidebar.people(desk.current.members.values(), fold, desk.words)
        row = sidebar.PersonRow(desk.palette, desk.words, session.nick, fold, session.show_name)
        self.members.fill(items, row, lambda person: person.member)

    def _draw_lines(self) -> None:
        desk, session = self.app.desk, self.app.port.session
        palette, buffer, _ = desk.palette, desk.current, desk.words
        person = session.model.users.get(session.model.fold(buffer.name))
        away = person.away if person is not None and buffer.kind is BufferKind.QUERY else None
        heading = statusline.topic(buffer, self._title(buffer), away, palette, _)
        self.topic.tell(heading, [Segment(f" {statusline.modes(buffer)} ", palette.quiet)])
        left = statusline.connection(session, self.app.reactions.why, palette, _)
        self.status.tell([*left, *self._elsewhere()], self._who_is_typing(buffer))
        nick = session.nick + (f" ({_('away')})" if session.is_away else "")
        name = Segment(f" {nick} ", palette.style(bold=True))
        self.nick.tell([name, Segment("› ", palette.quiet)], [])
        self.nick.styles.width = cell_len(nick) + 4

    def _who_is_typing(self, buffer: Buffer) -> Line:
        desk, session = self.app.desk, self.app.port.session
        if not desk.talk.is_following:
            text = desk.words("↓ latest: Ctrl+End")
            return [Segment(f"{text} ", desk.palette.style(desk.palette.accent))]
        now = session.clock.now()
        names = [session.show_name(nick) for nick in statusline.typists(buffer, now)]
        return statusline.typing(names, desk.palette, desk.words)

    def _elsewhere(self) -> Line:
        """What happens in other buffers, where there is no list that tells."""
        if self.buffers.display:
            return []
        desk = self.app.desk
        return statusline.activity(desk.buffers, desk.current, desk.palette)

    def _title(self, buffer: Buffer) -> str:
        session = self.app.port.session
        if buffer.kind is BufferKind.QUERY:
            return session.show_name(buffer.name)
        if buffer.kind is BufferKind.SERVER:
            return session.network or session.server_name or buffer.name
        return buffer.name
