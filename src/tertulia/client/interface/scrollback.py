"""What was said in a buffer, as rows of a screen: only what is seen is ever made.

All other messages have estimated heights, which are put right before they come into view. The
place where one reads is kept as a message, whatever happens above and below it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from tertulia.client.interface.blocks import Block, Look, Neighbours, compose, estimates
from tertulia.client.interface.heights import Heights
from tertulia.client.interface.lines import Line
from tertulia.client.session.model import Buffer, Message

BLOCKS_MOST = 2000
"""How many messages are kept as lines."""


class Scrollback:
    """The messages of *buffer*, the *notes* of the interface among them, and where one reads."""

    def __init__(self, buffer: Buffer, look: Look) -> None:
        self.buffer = buffer
        self.look = look
        self.items: list[Message] = []
        self.new: int | None = None
        """The number of the message above which the line is of where one had read until."""
        self.found: int | None = None
        """The number of the message that was looked for, until one goes back to the latest."""
        self.is_following = True
        """Whether the latest message is in view, and stays there."""
        self._notes: list[Message] = []
        self._pending = 0
        self._heights = Heights()
        self._blocks: OrderedDict[int, Block] = OrderedDict()
        self._outdated: set[int] = set()
        """Messages whose lines are made again when they are made next: until then, what is drawn
        fits the heights."""
        self._is_stale = False
        """Whether everything is to be taken from the buffer again before it is drawn."""
        self._top = (0, 0)
        """The message in the first row, by its index, and which of its rows that is, counted from
        the first one that nothing but the message is in."""
        self._take_all()

    # What happens in the buffer. What is told may be behind what the buffer has already.

    def rebuild(self) -> None:
        """Something else than all of the below has happened."""
        self._is_stale = True

    def _take_all(self) -> None:
        self._is_stale = False
        reading = self._reading()
        settled = self.buffer.messages
        if self._notes:
            settled = sorted([*settled, *self._notes], key=lambda one: one.at)
        self.items = [*settled, *self.buffer.pending]
        self._pending = len(self.buffer.pending)
        self._measure()
        if reading is not None:
            index = self.index_of(reading)
            self._top = (len(self.items) - 1 if index is None else index, self._top[1])

    def added(self, message: Message) -> None:
        """Something was said; pending messages stay behind it."""
        if not self._is_stale:
            self._insert(len(self.items) - self._pending, message)

    def note(self, message: Message) -> None:
        """Show what the buffer does not have, and will not have."""
        self._notes.append(message)
        self.added(message)

    def prepended(self, messages: Sequence[Message]) -> None:
        """Older messages are in front of the others; none, if there are none."""
        self._forget(0)
        if self._is_stale:
            return
        self.items[:0] = messages
        self._heights.prepend(estimates(messages, None, self.look))
        index, offset = self._top
        self._top = (index + len(messages), offset)

    def changed(self, message: Message) -> None:
        """A message looks otherwise now."""
        index = self.index_of(message.number)
        if index is not None:
            self.items[index] = message
            self._forget(index - 1, index)

    def pending_added(self, message: Message) -> None:
        """An own message is behind all others."""
        if self._is_stale:
            return
        self._pending += 1
        self._insert(len(self.items), message)

    def pending_removed(self, message: Message) -> None:
        """It is there no more."""
        if self._is_stale:
            return
        index = self.index_of(message.number, len(self.items) - self._pending)
        if index is not None:
            self._pending -= 1
            del self.items[index], self._heights[index]
            self._blocks.pop(message.number, None)
            self._forget(index - 1, index)

    def clear(self) -> None:
        """Forget the notes, too; the buffer has forgotten its messages."""
        self._notes.clear()
        self.is_following = True
        self._take_all()

    def mark_new(self, number: int | None) -> None:
        """Draw the line above that message, and nowhere else."""
        old, self.new = self.new, number
        self._redraw(old, number)

    def _find(self, number: int | None) -> None:
        """Let that message stand out, and no other."""
        old, self.found = self.found, number
        self._redraw(old, number)

    def _redraw(self, *numbers: int | None) -> None:
        for one in numbers:
            if one is not None and (index := self.index_of(one)) is not None:
                self._forget(index)

    def _insert(self, index: int, message: Message) -> None:
        before = self.items[index - 1] if index else None
        self.items.insert(index, message)
        self._heights.insert(index, estimates([message], before, self.look)[0])
        self._forget(index - 1, index + 1)

    def _forget(self, *indices: int) -> None:
        """What is around these has changed: make their lines again when they are seen."""
        for index in indices:
            if 0 <= index < len(self.items) and self.items[index].number in self._blocks:
                self._outdated.add(self.items[index].number)

    # Where one reads

    def index_of(self, number: int, start: int = 0) -> int | None:
        """Return where the message of that number is, looking from the latest backwards."""
        for index in range(len(self.items) - 1, start - 1, -1):
            if self.items[index].number == number:
                return index
        return None

    @property
    def rows(self) -> int:
        """How many rows there are, roughly."""
        return self._heights.total

    @property
    def first_seen(self) -> int:
        """The index of the message in the first row."""
        return self._top[0]

    def fit(self, look: Look) -> None:
        """Show everything in another look."""
        if look != self.look:
            self.look = look
            self._measure()

    def settle(self, height: int) -> int:
        """Make the lines of what *height* rows show, and of as much above and below it.

        Returns the row that is the first one in view.
        """
        self._catch_up()
        if not self.items:
            return 0
        if self.is_following:
            self._find(None)
            self._make(len(self.items) - 1, -1, 2 * height)
            return max(0, self.rows - height)
        index = min(self._top[0], len(self.items) - 1)
        self._make(index, 1, 2 * height)
        self._make(index - 1, -1, height)
        block = self._block(index)
        offset = min(self._top[1] + block.above, len(block.lines) - 1)
        row = max(0, min(self._heights.row_of(index) + offset, self.rows - height))
        self._reach(row)
        return row

    def _reach(self, row: int) -> None:
        index, offset = self._heights.find(row)
        self._top = (index, offset - self._block(index).above)

    def scrolled(self, row: int, height: int) -> None:
        """Somebody scrolled, so that *row* is the first one in view."""
        if self.items:
            self._reach(row)
            self.is_following = row >= self.rows - height

    def show(self, number: int, height: int) -> bool:
        """Come to the message of that number, in the middle; return whether it is there."""
        self._catch_up()
        index = self.index_of(number)
        if index is None:
            return False
        self._find(number)
        self._make(index, -1, height)
        row = max(0, self._heights.row_of(index) - height // 2)
        self.is_following = False
        self._reach(row)
        return True

    def line(self, row: int) -> Line | None:
        """Return what is drawn in a row, None where there is nothing."""
        if not 0 <= row < self.rows:
            return None
        index, offset = self._heights.find(row)
        lines = self._block(index).lines
        return lines[offset] if offset < len(lines) else None

    def message_at(self, row: int) -> Message | None:
        """Return which message is drawn in a row."""
        return self.items[self._heights.find(row)[0]] if 0 <= row < self.rows else None

    def _catch_up(self) -> None:
        """Take everything again, if that is needed, or the buffer has forgotten its oldest."""
        settled = len(self.buffer.messages) + len(self._notes)
        if self._is_stale or settled + self._pending != len(self.items):
            self._take_all()

    def _reading(self) -> int | None:
        index = self._top[0]
        return self.items[index].number if index < len(self.items) else None

    def _measure(self) -> None:
        self._blocks.clear()
        self._outdated.clear()
        self._heights = Heights(estimates(self.items, None, self.look))

    def _make(self, index: int, step: int, rows: int) -> None:
        """Make the lines of messages from *index* on, until there are *rows*."""
        while rows > 0 and 0 <= index < len(self.items):
            number = self.items[index].number
            if number in self._outdated:
                self._outdated.discard(number)
                self._blocks.pop(number, None)
            self._heights[index] = height = len(self._block(index).lines)
            rows -= height
            index += step

    def _block(self, index: int) -> Block:
        message = self.items[index]
        block = self._blocks.get(message.number)
        if block is None:
            block = compose(message, self._around(index), self.look)
            self._blocks[message.number] = block
            if len(self._blocks) > BLOCKS_MOST:
                self._outdated.discard(self._blocks.popitem(last=False)[0])
        return block

    def _around(self, index: int) -> Neighbours:
        items = self.items
        return Neighbours(
            items[index - 1] if index else None,
            items[index + 1] if index + 1 < len(items) else None,
            items[index].number == self.new,
            index == 0 and self.buffer.has_all_history,
            items[index].number == self.found,
        )
