"""What lies open: the scrollback of each buffer, the one that is looked at, and what changed since
it was drawn. Knows nothing of widgets."""

from __future__ import annotations

from enum import Flag, auto
from itertools import count

from tertulia.client.interface.blocks import Look
from tertulia.client.interface.palette import Palette
from tertulia.client.interface.port import Port
from tertulia.client.interface.scrollback import Scrollback
from tertulia.client.interface.sidebar import ordered
from tertulia.client.session.model import Buffer, BufferKind, Kind, Message
from tertulia.client.words import Words

NICKS_LEAST = 7
NICKS_MOST = 16


class Dirty(Flag):
    """What is to be drawn again."""

    NOTHING = 0
    TALK = auto()
    BUFFERS = auto()
    MEMBERS = auto()
    STATUS = auto()
    ALL = TALK | BUFFERS | MEMBERS | STATUS


class Desk:
    """The buffers as they are looked at."""

    def __init__(self, port: Port, palette: Palette, words: Words) -> None:
        self.port = port
        self.palette = palette
        self.words = words
        self.dirty = Dirty.ALL
        self.current = port.session.model.server
        self.before: Buffer | None = None
        """The buffer that was looked at before."""
        self.width = 80
        self.is_watched = True
        """Whether somebody sees the terminal."""
        self._scrollbacks: dict[Buffer, Scrollback] = {}
        self._numbers = count(-1, -1)

    # Buffers

    @property
    def buffers(self) -> list[Buffer]:
        """All buffers, in the order in which they are shown."""
        return ordered(self.port.session.model)

    def scrollback(self, buffer: Buffer) -> Scrollback:
        """Return the scrollback of a buffer."""
        found = self._scrollbacks.get(buffer)
        if found is None:
            found = self._scrollbacks[buffer] = Scrollback(buffer, self.look(buffer))
        return found

    @property
    def opened(self) -> dict[Buffer, Scrollback]:
        """The scrollbacks of those that were looked at, or that something was noted in."""
        return self._scrollbacks

    @property
    def talk(self) -> Scrollback:
        """The scrollback that is looked at."""
        return self.scrollback(self.current)

    def look_at(self, buffer: Buffer) -> None:
        """Look at another buffer: the line of what was read is drawn where one left it."""
        if buffer is not self.current:
            self.before = self.current
            self.talk.mark_new(None)
        self.current = buffer
        self.fit()
        self.mark()
        self.dirty = Dirty.ALL

    def mark(self) -> None:
        """Draw the line above the first message of the current buffer that was not read."""
        buffer = self.current
        if buffer.unread:
            self.talk.mark_new(_first_unread(buffer))

    def close(self, buffer: Buffer) -> None:
        """A buffer is there no more."""
        self._scrollbacks.pop(buffer, None)
        if self.before is buffer:
            self.before = None
        if self.current is buffer:
            self.current = self.port.session.model.server
            self.look_at(self.before or self.current)
        self.dirty = Dirty.ALL

    def step(self, steps: int) -> Buffer:
        """Return the buffer so many places further down."""
        buffers = self.buffers
        return buffers[(buffers.index(self.current) + steps) % len(buffers)]

    def numbered(self, number: int) -> Buffer | None:
        """Return the buffer of a number, from 1."""
        buffers = self.buffers
        return buffers[number - 1] if 0 < number <= len(buffers) else None

    def next_active(self) -> Buffer | None:
        """Return where to look next: where one is meant, then where anything was said."""
        buffers = self.buffers
        at = buffers.index(self.current)
        after = [*buffers[at + 1 :], *buffers[:at]]
        waiting = [one for one in after if one.unread]
        return next((one for one in waiting if is_urgent(one)), waiting[0] if waiting else None)

    # Looks

    def fit(self, width: int | None = None) -> None:
        """What is looked at has lines of so many cells from now on."""
        self.width = width or self.width
        self.talk.fit(self.look(self.current))

    def look(self, buffer: Buffer) -> Look:
        """Return what messages of *buffer* look like in the width of the screen."""
        session, is_query = self.port.session, buffer.kind is BufferKind.QUERY
        nicks = max(NICKS_LEAST, min(NICKS_MOST, self.width // 7))
        name, fold = session.show_name, session.model.fold
        return Look(self.palette, self.words, self.width, nicks, is_query, name, fold)

    # Notes

    def note(self, text: str, buffer: Buffer | None = None, *, kind: Kind = Kind.INFO) -> None:
        """Show something that only the interface says, where one looks or in *buffer*."""
        now = self.port.session.clock.wall_ms()
        for line in text.splitlines() or [""]:
            message = Message(next(self._numbers), kind, "", line, now)
            self.scrollback(buffer or self.current).note(message)
        self.dirty |= Dirty.TALK

    def place(self, target: str) -> Buffer:
        """Return the buffer of that name, else the one that is looked at."""
        found = self.port.session.model.get(target) if target else None
        return found or self.current


def is_urgent(buffer: Buffer) -> bool:
    """Whether somebody wants one there."""
    return bool(buffer.mentions or (buffer.kind is BufferKind.QUERY and buffer.unread))


def _first_unread(buffer: Buffer) -> int | None:
    """Return the number of the first message that was not read."""
    messages = buffer.messages
    if buffer.read_at:
        index = buffer.first_unread
        return messages[index].number if index < len(messages) else None
    left = buffer.unread
    for message in reversed(messages):
        if message.is_spoken and not message.own:
            left -= 1
            if left == 0:
                return message.number
    return None
