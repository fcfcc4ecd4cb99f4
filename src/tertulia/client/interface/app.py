"""The application: what happens goes from the session to the desk, what is typed to the session."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from textual import events
from textual.app import App
from textual.binding import BindingType
from textual.widgets import Input

from tertulia.client import commands
from tertulia.client.interface import completion, keys, ring, themes
from tertulia.client.interface.chat import ChatScreen
from tertulia.client.interface.conversation import Conversation
from tertulia.client.interface.desk import Desk, Dirty
from tertulia.client.interface.dialogs import Help, Question
from tertulia.client.interface.frames import Frames
from tertulia.client.interface.local import Locals
from tertulia.client.interface.port import Port
from tertulia.client.interface.prompt import Prompt
from tertulia.client.interface.reactions import Reactions
from tertulia.client.interface.rows import Rows
from tertulia.client.interface.searching import Searching
from tertulia.client.interface.switching import Switcher
from tertulia.client.interface.taste import Taste
from tertulia.client.session import events as ev
from tertulia.client.session import intents
from tertulia.client.session.model import Buffer, BufferKind, Delivery, Kind
from tertulia.client.words import _, ngettext

READ_S = 1.0
"""How often the server is told at most that one has read on."""


class ChatApp(App[int]):
    """The terminal client. *start* is run as long as the application is; when it returns, that
    ends too. *taste* is what somebody wants it to be like."""

    CSS_PATH = "chat.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = []
    COMMANDS: ClassVar = set()

    def __init__(
        self,
        port: Port,
        start: Callable[[], Awaitable[object]] | None = None,
        taste: Taste | None = None,
    ) -> None:
        self.taste = taste or Taste()
        self.palette = themes.choose(self.taste.theme, os.environ)
        super().__init__(ansi_color=True if self.palette.is_plain else None)
        self.animation_level = "none"
        self.port = port
        self._start = start
        self.desk = Desk(port, self.palette, lambda: round(time.time() * 1000))
        self.reactions = Reactions(self.desk, self)
        self.searching = Searching(self)
        self.locals = Locals(self)
        self.chat = ChatScreen()
        self._frames = Frames(lambda: self.call_later(self._draw))
        self._drafts: dict[Buffer, str] = {}
        self._read_at = 0.0
        self.register_theme(themes.theme(self.palette))
        self.theme = f"tertulia-{self.palette.name}"

    def on_mount(self) -> None:
        """Show the screen, and connect."""
        self.push_screen(self.chat)
        self.set_interval(1.0, self._tick)
        if self._start is not None:
            self.run_worker(self._run(self._start), exit_on_error=True)

    async def _run(self, start: Callable[[], Awaitable[object]]) -> None:
        await start()

    # From the session

    def take(self, happened: Sequence[ev.Event]) -> None:
        """Take what happened; it is drawn with the next frame."""
        for event in happened:
            self.reactions.take(event)
        self._frames.ask()

    def redraw(self, dirty: Dirty = Dirty.ALL) -> None:
        """Draw something again with the next frame."""
        self.desk.dirty |= dirty
        self._frames.ask()

    def _draw(self) -> None:
        self._frames.drawn()
        if not self.chat.is_mounted:
            return
        dirty, self.desk.dirty = self.desk.dirty, Dirty.NOTHING
        self.chat.draw(dirty)
        self.read()
        if dirty & Dirty.TALK:
            self.searching.go_on()

    def _tick(self) -> None:
        """Once a second: what changes by the time alone."""
        self.redraw(Dirty.STATUS)

    def read(self) -> None:
        """Tell the server that one has read what is in view."""
        buffer, now = self.desk.current, time.monotonic()
        is_seen = self.desk.is_watched and self.desk.talk.is_following
        if buffer.unread and is_seen and now - self._read_at >= READ_S:
            self._read_at = now
            self.port.do(intents.MarkRead(buffer.name))

    def ring(self, title: str, text: str) -> None:
        """Call somebody who looks elsewhere."""
        written = ring.sequence(self.taste.notify, title, text)
        if written and self._driver is not None and not self.is_headless:
            self._driver.write(written)

    def show_hits(self, found: ev.Found) -> None:
        """Show what a search found."""
        self.searching.found(found)

    # Where one looks

    def go_to(self, buffer: Buffer) -> None:
        """Look at a buffer."""
        if buffer is not self.desk.current:
            self._keep_draft(self.desk.current, buffer)
            self.desk.look_at(buffer)
        self._read_at = 0.0
        self.redraw()

    def _keep_draft(self, old: Buffer, new: Buffer) -> None:
        """What was being typed stays where it was to be said."""
        prompt = self.chat.prompt
        if prompt is not None:
            self._drafts[old] = prompt.value
            with prompt.prevent(Input.Changed):
                prompt.put(self._drafts.pop(new, ""))

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """Somebody clicked on a channel, or on somebody."""
        if event.rows is self.chat.buffers:
            self.go_to(event.key)
        elif event.rows is self.chat.members:
            self.open(event.key.nick)

    def open(self, name: str) -> None:
        """Look at a channel, or at what is said with somebody; it is made if there is none."""
        model = self.port.session.model
        buffer = model.get(name)
        if buffer is not None:
            self.go_to(buffer)
            return
        self.reactions.wanted.add(model.fold(name))
        is_channel = name[:1] in ("#", "&")
        self.port.do(intents.Join(name) if is_channel else intents.OpenQuery(name))

    def on_conversation_near_start(self, event: Conversation.NearStart) -> None:
        """Load what was said before."""
        self.load_older()

    def on_conversation_moved(self, event: Conversation.Moved) -> None:
        """Tell that there is something further down."""
        self.redraw(Dirty.STATUS)

    def load_older(self) -> None:
        """Ask for older history of the buffer that is looked at, if there may be any."""
        buffer, session = self.desk.current, self.port.session
        if buffer.kind is BufferKind.SERVER or buffer.has_all_history or buffer.is_loading:
            return
        if session.state is ev.State.ONLINE and session.offers.history:
            self.port.do(intents.LoadOlder(buffer.name))

    def on_app_focus(self, event: events.AppFocus) -> None:
        """Somebody looks at the terminal."""
        self.desk.is_watched = True
        self.redraw()

    def on_app_blur(self, event: events.AppBlur) -> None:
        """Nobody does: what comes now is new."""
        self.desk.is_watched = False
        if not self.desk.current.unread:
            self.desk.talk.mark_new(None)

    # What is typed

    def complete(self, word: str, is_first: bool) -> list[str]:
        """Return what Tab may make of *word*."""
        if is_first and word.startswith("/"):
            known = [f"/{one.name} " for one in commands.COMMANDS]
            return [one for one in known if one.startswith(word)]
        return completion.names(word, is_first, self.desk.current, self.port.session.model)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell the others that one is typing."""
        buffer = self.desk.current
        if event.input is not self.chat.prompt or buffer.kind is BufferKind.SERVER:
            return
        if not event.value.startswith("/"):
            self.port.do(intents.Typing(buffer.name, bool(event.value)))

    def on_prompt_sent(self, event: Prompt.Sent) -> None:
        """Do or say what was typed."""
        self.submit(event.text)

    def submit(self, text: str) -> None:
        """Do or say *text*."""
        buffer = self.desk.current
        wish = commands.parse(text, buffer, self.port.session)
        if isinstance(wish, commands.Mistake):
            self.desk.note(wish.text, kind=Kind.ERROR)
        elif isinstance(wish, commands.Local):
            self.locals.do(wish)
        elif (
            isinstance(wish, intents.Say)
            and buffer.kind is BufferKind.SERVER
            and (wish.target == buffer.name)
        ):
            self.desk.note(_("This is not a place to talk: go to a channel with /join."))
        else:
            self._do(wish)
        self.desk.talk.is_following = True
        self.redraw()

    def _do(self, wish: intents.Intent) -> None:
        model = self.port.session.model
        if isinstance(wish, intents.Join | intents.OpenQuery):
            name = wish.channel if isinstance(wish, intents.Join) else wish.nick
            self.reactions.wanted.add(model.fold(name))
            if (buffer := model.get(name)) is not None:
                self.go_to(buffer)
        self.port.do(wish)

    def on_prompt_pasted_lines(self, event: Prompt.PastedLines) -> None:
        """Ask before many lines are sent at once."""
        lines = event.text.splitlines()
        title = ngettext("Send {n} line?", "Send {n} lines?", len(lines)).format(n=len(lines))
        answers = [
            ("Enter", _("send them, each as a message"), "send"),
            ("J", _("join them to one line, to go on with"), "join"),
            ("Escape", _("do nothing"), "nothing"),
        ]
        shown = "\n".join([line[:56] for line in lines[:6]] + (["…"] if len(lines) > 6 else []))

        def answered(answer: str | None) -> None:
            prompt = self.chat.prompt
            assert prompt is not None
            if answer == "send":
                self.say(prompt.value + event.text)
                prompt.put("")
            elif answer == "join":
                prompt.insert_text_at_cursor(" ".join(line.strip() for line in lines))

        self.push_screen(Question(self.palette, title, shown, answers), answered)

    def say(self, text: str) -> None:
        """Say *text* where one looks, whatever it begins with."""
        if self.desk.current.kind is not BufferKind.SERVER:
            self.port.do(intents.Say(self.desk.current.name, text))

    # Keys

    def action_switch(self) -> None:
        """Pick where to go."""
        self.push_screen(Switcher(self), lambda name: self.open(name) if name else None)

    def action_search(self) -> None:
        """Search what was said."""
        self.searching.open()

    def action_help(self) -> None:
        """Show keys and commands."""
        told = [(f"/{one.name} {one.arguments}".rstrip(), one.help) for one in commands.COMMANDS]
        groups = [(_("Keys"), keys.listed()), (_("While typing"), keys.typing())]
        self.push_screen(Help(self.palette, _("Help"), [*groups, (_("Commands"), told)]))

    def action_next_active(self) -> None:
        """Go where something was said."""
        if (buffer := self.desk.next_active()) is not None:
            self.go_to(buffer)

    def action_step(self, steps: int) -> None:
        """Go to the buffer above or below."""
        self.go_to(self.desk.step(steps))

    def action_number(self, number: int) -> None:
        """Go to the buffer of a number."""
        if (buffer := self.desk.numbered(number)) is not None:
            self.go_to(buffer)

    def action_return(self) -> None:
        """Go where one was before."""
        if self.desk.before is not None:
            self.go_to(self.desk.before)

    def action_page(self, pages: float) -> None:
        """Scroll."""
        self.chat.conversation.page(pages)

    def action_start(self) -> None:
        """Scroll to the oldest message that is known."""
        self.chat.conversation.scroll_to(y=0, animate=False, force=True)

    def action_latest(self) -> None:
        """Scroll to the latest message."""
        self.desk.talk.is_following = True
        self.redraw()

    def action_send_again(self) -> None:
        """Send again what could not be sent."""
        for message in list(self.desk.current.pending):
            if message.delivery is Delivery.FAILED:
                self.port.do(intents.SendAgain(message.number))

    def action_drop(self) -> None:
        """Give up what could not be sent."""
        for message in list(self.desk.current.pending):
            if message.delivery is Delivery.FAILED:
                self.port.do(intents.Drop(message.number))

    def action_toggle_list(self, name: str) -> None:
        """Show or hide a list."""
        self.chat.toggle(name)
        self.redraw()

    def action_reconnect(self) -> None:
        """Connect now."""
        if self.port.session.state is not ev.State.ONLINE:
            self.port.do(intents.Reconnect())

    def action_copy(self) -> None:
        """Copy what is selected; without that, empty the line."""
        prompt = self.chat.prompt
        assert prompt is not None
        if text := self.chat.get_selected_text() or prompt.selected_text:
            self.copy_to_clipboard(text)
            self.chat.clear_selection()
        elif prompt.value:
            prompt.put("")
        else:
            self.notify(_("Ctrl+Q leaves"), timeout=2, markup=False)

    def action_leave(self) -> None:
        """Leave; ask first if something is not sent yet."""
        if not self.port.session.has_unsent:
            self.leave()
            return
        answers = [("L", _("leave, and send it next time"), "leave")]
        answers.append(("Escape", _("stay"), "stay"))
        question = Question(self.palette, _("Not everything is sent yet."), "", answers)
        self.push_screen(question, lambda answer: self.leave() if answer == "leave" else None)

    def leave(self, reason: str = "") -> None:
        """Say goodbye, and end."""
        self.port.do(intents.Quit(reason))
        self.exit(0)
