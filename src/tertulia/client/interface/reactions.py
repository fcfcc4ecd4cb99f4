"""What each event of the session changes on the desk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from tertulia.client import answers
from tertulia.client.interface.desk import Desk, Dirty
from tertulia.client.session import events as ev
from tertulia.client.session.model import Buffer, BufferKind, Kind, Message


class Stage(Protocol):
    """What an event can ask of the screen."""

    def go_to(self, buffer: Buffer) -> None:
        """Look at a buffer."""

    def ring(self, title: str, text: str) -> None:
        """Call somebody who looks elsewhere."""

    def show_hits(self, found: ev.Found) -> None:
        """Show what a search found."""

    def ask_trust(self, changed: ev.CertificateChanged) -> None:
        """Ask whether a server is to be trusted."""


class Reactions:
    """Takes the events of the session; *why* is why there is no connection."""

    def __init__(self, desk: Desk, stage: Stage) -> None:
        self._desk = desk
        self._stage = stage
        self.why = ""
        self._is_online = False
        self.wanted: set[str] = set()
        """Folded names of what somebody asked to open: it is looked at when it is there."""
        self._table: dict[type[ev.Event], Callable[[Any], None]] = {
            ev.StateChanged: self._state,
            ev.Opened: self._opened,
            ev.Closed: self._closed,
            ev.Added: self._added,
            ev.Merged: self._merged,
            ev.PendingAdded: self._pending_added,
            ev.PendingRemoved: self._pending_removed,
            ev.Changed: self._changed,
            ev.Joined: self._joined,
            ev.WishesChanged: self._wishes_changed,
            ev.Found: self._stage.show_hits,
            ev.CertificateChanged: self._stage.ask_trust,
        }

    def take(self, event: ev.Event) -> None:
        """Let *event* change the desk."""
        handler = self._table.get(type(event))
        if handler is not None:
            handler(event)
        elif isinstance(event, ev.MembersChanged | ev.Left):
            self._desk.dirty |= Dirty.MEMBERS | Dirty.STATUS
        elif isinstance(event, ev.BufferChanged | ev.TypingChanged | ev.AwayChanged):
            self._desk.dirty |= Dirty.BUFFERS | Dirty.STATUS
        else:
            self._tell(event)

    def _tell(self, event: ev.Event) -> None:
        """Most events are told in words, where they belong."""
        self._desk.dirty |= Dirty.ALL
        server = self._desk.port.session.model.server
        for line in answers.lines(event, self._desk.words):
            where = server if answers.is_for_server(event) else self._desk.place(line.target)
            self._desk.note(line.text, where, kind=line.kind)

    def _state(self, event: ev.StateChanged) -> None:
        self.why = event.why
        self._desk.dirty |= Dirty.ALL
        was_online, self._is_online = self._is_online, event.state is ev.State.ONLINE
        if (was_online and not self._is_online) or event.state is ev.State.OFFLINE:
            _ = self._desk.words
            text = _("The connection is lost: {why}") if event.why else _("The connection is lost")
            server = self._desk.port.session.model.server
            self._desk.note(text.format(why=event.why), server, kind=Kind.ERROR)

    def _opened(self, event: ev.Opened) -> None:
        self._desk.dirty |= Dirty.BUFFERS
        self._go_if_wanted(event.buffer)

    def _joined(self, event: ev.Joined) -> None:
        self._desk.dirty |= Dirty.MEMBERS | Dirty.BUFFERS
        if event.own:
            self._go_if_wanted(event.buffer)
            if self._desk.current.kind is BufferKind.SERVER:
                self._stage.go_to(event.buffer)

    def _go_if_wanted(self, buffer: Buffer) -> None:
        folded = self._desk.port.session.model.fold(buffer.name)
        if folded in self.wanted:
            self.wanted.discard(folded)
            self._stage.go_to(buffer)

    def _closed(self, event: ev.Closed) -> None:
        self._desk.close(event.buffer)

    def _added(self, event: ev.Added) -> None:
        desk, buffer, message = self._desk, event.buffer, event.message
        is_seen = buffer is desk.current and desk.is_watched and desk.talk.is_following
        if not is_seen:
            desk.dirty |= Dirty.BUFFERS
        if buffer is desk.current:
            desk.dirty |= Dirty.TALK
            if not is_seen and desk.talk.new is None and message.is_spoken and not message.own:
                desk.talk.mark_new(message.number)
        if buffer in desk.opened:
            desk.opened[buffer].added(message)
        if not (is_seen or message.own) and message.is_spoken:
            self._call(buffer, message)

    def _call(self, buffer: Buffer, message: Message) -> None:
        """Ring, if somebody is meant."""
        is_query = buffer.kind is BufferKind.QUERY
        if message.mention or is_query or message.kind is Kind.POKE:
            name = self._desk.port.session.show_name(message.by)
            title = name if is_query else f"{name} · {buffer.name}"
            self._stage.ring(title, answers.plain(message, self._desk.words))

    def _merged(self, event: ev.Merged) -> None:
        self._desk.dirty |= Dirty.TALK | Dirty.BUFFERS
        scrollback = self._desk.opened.get(event.buffer)
        if scrollback is None:
            return
        if event.older or not event.messages:
            scrollback.prepended(event.messages)
        else:
            scrollback.rebuild()

    def _wishes_changed(self, event: ev.WishesChanged) -> None:
        """Somebody may be called otherwise here: everything is drawn again."""
        self._desk.dirty |= Dirty.ALL
        for scrollback in self._desk.opened.values():
            scrollback.rebuild()

    def _pending_added(self, event: ev.PendingAdded) -> None:
        self._desk.dirty |= Dirty.TALK
        if event.buffer in self._desk.opened:
            self._desk.opened[event.buffer].pending_added(event.message)

    def _pending_removed(self, event: ev.PendingRemoved) -> None:
        self._desk.dirty |= Dirty.TALK
        if event.buffer in self._desk.opened:
            self._desk.opened[event.buffer].pending_removed(event.message)

    def _changed(self, event: ev.Changed) -> None:
        self._desk.dirty |= Dirty.TALK
        if event.buffer in self._desk.opened:
            self._desk.opened[event.buffer].changed(event.message)
