"""The application: what happens goes from the session to the desk, what is typed to the session."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence

from textual import events

from tertulia.client.interface import keys, ring, talking
from tertulia.client.interface.chat import ChatScreen
from tertulia.client.interface.conversation import Conversation
from tertulia.client.interface.desk import Desk, Dirty
from tertulia.client.interface.dialogs import Help, Question
from tertulia.client.interface.frames import Frames
from tertulia.client.interface.port import Port
from tertulia.client.interface.prompt import Prompt
from tertulia.client.interface.reactions import Reactions
from tertulia.client.interface.rows import Rows
from tertulia.client.interface.searching import Searching
from tertulia.client.interface.switching import Switcher
from tertulia.client.interface.talking import Talking
from tertulia.client.interface.themes import ThemedApp
from tertulia.client.preferences import Preferences
from tertulia.client.session import events as ev
from tertulia.client.session import intents
from tertulia.client.session.model import Buffer, BufferKind, Delivery
from tertulia.client.words import Words

READ_S = 1.0
"""How often the server is told at most that one has read on."""


class ChatApp(ThemedApp[int]):
    """The terminal client; *preferences* are what somebody wants it to be like."""

    def __init__(self, port: Port, words: Words, preferences: Preferences) -> None:
        super().__init__(preferences.theme)
        self.port = port
        self.words = words
        self.preferences = preferences
        self._is_leaving = False
        self._is_connecting = False
        self.desk = Desk(port, self.palette, words)
        self.reactions = Reactions(self.desk, self)
        self.searching = Searching(self)
        self.talking = Talking(self)
        self.chat = ChatScreen(self.talking)
        self._frames = Frames(lambda: self.call_later(self._draw))
        self._drafts: dict[Buffer, str] = {}
        self._read_at = 0.0

    def on_mount(self) -> None:
        """Show the screen, and connect."""
        self.push_screen(self.chat)
        self.set_interval(1.0, self._tick)
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.leave)
        self.connect()

    def connect(self) -> None:
        """Be on a server, if nothing is done about it yet."""
        if not self._is_connecting:
            self._is_connecting = True
            self.run_worker(self._connected())

    async def _connected(self) -> None:
        try:
            await self.port.run()
        finally:
            self._is_connecting = False
        if self._is_leaving:
            self.exit(0)

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
        self._frames.begun()
        if not self.chat.is_mounted:
            return
        self.call_after_refresh(self._frames.ended)
        dirty, self.desk.dirty = self.desk.dirty, Dirty.NOTHING
        self.chat.draw(dirty)
        self.read()
        if dirty & Dirty.TALK:
            self.searching.go_on()
            if self.desk.talk.rows < self.chat.conversation.rows:
                self.load_older()

    def _tick(self) -> None:
        """Once a second: what changes by the time alone."""
        self.redraw(Dirty.STATUS)

    def read(self) -> None:
        """Tell the server that one has read what is in view."""
        buffer, now = self.desk.current, self.port.session.clock.now()
        is_seen = self.desk.is_watched and self.desk.talk.is_following
        if buffer.unread and is_seen and now - self._read_at >= READ_S:
            self._read_at = now
            self.port.do(intents.MarkRead(buffer.name))

    def ring(self, title: str, text: str) -> None:
        """Call somebody who looks elsewhere."""
        written = ring.sequence(self.preferences.notify, title, text, os.environ)
        if written and self._driver is not None and not self.is_headless:
            self._driver.write(written)

    def show_hits(self, found: ev.Found) -> None:
        """Show what a search found."""
        self.searching.found(found)

    def ask_trust(self, changed: ev.CertificateChanged) -> None:
        """Ask whether a server is to be trusted, although its certificate is another one."""
        _ = self.words
        text = _(
            "Another certificate than before can mean that somebody is in between.\n"
            "Ask whoever runs the server whether this is the new one."
        )
        shown = f"{changed.address}\n\n{text}\n\n- {changed.old}\n+ {changed.new}"
        answers = [
            ("T", _("it is right: trust it, and connect"), "trust"),
            ("Escape", _("do not connect"), "nothing"),
        ]
        question = Question(self.palette, _("The certificate has changed"), shown, answers)

        def answered(answer: str | None) -> None:
            if answer == "trust":
                self.port.trust(changed.address)
                self.connect()

        self.push_screen(question, answered)

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
        if not prompt.is_mounted:
            return
        self._drafts[old] = prompt.value
        prompt.put(self._drafts.pop(new, ""))

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """Somebody clicked on a channel, or on somebody."""
        if event.rows is self.chat.buffers:
            self.go_to(event.key)
        elif event.rows is self.chat.members:
            self.open(event.key.nick)

    def open(self, name: str) -> None:
        """Look at a channel, or at what is said with somebody; it is made if there is none."""
        if self.port.session.features.is_channel(name):
            buffer = self.port.session.model.get(name)
            is_needed = buffer is None
            wish: intents.Intent = intents.Join(name)
        else:
            is_needed, wish = True, intents.OpenQuery(name)
        self.want(name)
        if is_needed:
            self.port.do(wish)

    def want(self, name: str) -> None:
        """Look at a channel or person as soon as there is such a buffer."""
        buffer = self.port.session.model.get(name)
        if buffer is None:
            self.reactions.wanted.add(self.port.session.model.fold(name))
        else:
            self.go_to(buffer)

    def on_conversation_near_start(self, event: Conversation.NearStart) -> None:
        """Load what was said before."""
        self.load_older()

    def on_conversation_moved(self, event: Conversation.Moved) -> None:
        """Tell that there is something further down."""
        self.redraw(Dirty.STATUS)

    def on_conversation_resized(self, event: Conversation.Resized) -> None:
        """Draw it in its new width; one reads where one did."""
        self.redraw(Dirty.TALK)

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

    def on_prompt_pasted_lines(self, event: Prompt.PastedLines) -> None:
        """Several lines were pasted."""
        self.talking.paste(event.text)

    # Keys

    def action_switch(self) -> None:
        """Pick where to go."""
        self.push_screen(Switcher(self), lambda name: self.open(name) if name else None)

    def action_search(self) -> None:
        """Search what was said."""
        buffer = self.desk.current
        self.searching.open("" if buffer.kind is BufferKind.SERVER else buffer.name)

    def action_help(self) -> None:
        """Show keys and commands."""
        _ = self.words
        groups = [(_("Keys"), keys.listed(_)), (_("While typing"), keys.typing(_))]
        groups.append((_("Commands"), talking.listed(_)))
        self.push_screen(Help(self.palette, _("Help"), groups))

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

    def action_reconnect(self) -> None:
        """Connect now."""
        if not self._is_connecting:
            self.connect()
        elif self.port.session.state is not ev.State.ONLINE:
            self.port.do(intents.Reconnect())

    def action_leave(self) -> None:
        """Leave; ask first if something is not sent yet."""
        if not self.port.session.has_unsent:
            self.leave()
            return
        _ = self.words
        answers = [("L", _("leave, and send it next time"), "leave")]
        answers.append(("Escape", _("stay"), "stay"))
        question = Question(self.palette, _("Not everything is sent yet."), "", answers)
        self.push_screen(question, lambda answer: self.leave() if answer == "leave" else None)

    def leave(self, reason: str = "") -> None:
        """Say goodbye, and end when it was heard."""
        self._is_leaving = True
        self.port.do(intents.Quit(reason))
        if not self._is_connecting:
            self.exit(0)
