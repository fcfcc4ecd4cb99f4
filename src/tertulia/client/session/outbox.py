"""Own messages until a server has them: none is lost, and where the server helps none is doubled.

Each has an id of its own, under which our servers store it once, however often it is sent. That a
server has it is told by its answer to the label (ircv3.net/specs/extensions/labeled-response);
where there are no labels, by the answer to a PING behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tertulia.client.session import events as ev
from tertulia.client.session.model import Buffer, Delivery, Kind, Message
from tertulia.client.session.settings import Unsent
from tertulia.client.session.wire import LINE_BYTES, harmless
from tertulia.domain.text import pieces

if TYPE_CHECKING:
    from tertulia.client.session.session import Session

WINDOW = 10
"""So many may be on their way at once: no server takes that for a flood."""
_HOST_BYTES = 63
_LEAST_ROOM = 32
ID_TAG = "+tertulia/id"
FENCE = "sent-"


class Entry:
    """An own message; *label* is by which the server's answer is known."""

    __slots__ = ("buffer", "is_sent", "is_unsure", "label", "message", "target")

    def __init__(self, buffer: Buffer, target: str, message: Message) -> None:
        self.buffer = buffer
        self.target = target
        self.message = message
        self.label = ""
        self.is_sent = False
        self.is_unsure = False
        """Whether it was sent over a connection that was lost."""


class Outbox:
    """The own messages that no server has yet, in the order in which they were said."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._entries: list[Entry] = []
        self._labels = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def is_waiting(self) -> bool:
        """Whether anything is unsent or unanswered, and was not refused."""
        return any(one.message.delivery is not Delivery.FAILED for one in self._entries)

    def unsent(self) -> tuple[Unsent, ...]:
        """Return what is there and was not refused, to be kept over a restart."""
        return tuple(
            Unsent(one.target, m.kind.value, m.text, m.client_id, m.at)
            for one in self._entries
            for m in (one.message,)
            if m.delivery is not Delivery.FAILED
        )

    # What comes in

    def say(self, buffer: Buffer, target: str, kind: Kind, text: str) -> None:
        """Have *text* said; it is split where it would not fit in a line."""
        for part in text.splitlines():
            for piece in pieces(harmless(part), self._room(target, kind)):
                if piece.strip():
                    self._put(buffer, target, kind, piece, self._session.fresh_id())
        self.flush()

    def restore(self, unsent: Unsent) -> None:
        """Take back what was kept over a restart."""
        kind = Kind.ACTION if unsent.kind == "action" else Kind.SAY
        kind = Kind.NOTICE if unsent.kind == "notice" else kind
        buffer = self._session.buffer_for(unsent.target)
        self._put(buffer, unsent.target, kind, unsent.text, unsent.client_id, unsent.at)

    def _put(
        self, buffer: Buffer, target: str, kind: Kind, text: str, client_id: str, at: int = 0
    ) -> None:
        session = self._session
        message = Message(
            session.model.next_number(), kind, session.nick, text,
            at or session.clock.wall_ms(), own=True, delivery=Delivery.UNSENT, client_id=client_id,
        )  # fmt: skip
        self._entries.append(Entry(buffer, target, message))
        buffer.pending.append(message)
        session.tell(ev.PendingAdded(buffer, message))

    def _room(self, target: str, kind: Kind) -> int:
        """Return how many bytes of text fit in a line that others are shown."""
        session = self._session
        mask = session.own_mask or f"{session.nick}!{'u' * 18}@{'h' * _HOST_BYTES}"
        head = f":{mask} PRIVMSG {target} :\r\n"
        wrapping = len("\x01ACTION \x01") if kind is Kind.ACTION else 0
        return max(_LEAST_ROOM, LINE_BYTES - len(head.encode()) - wrapping)

    # What goes out

    def flush(self) -> None:
        """Send what can be sent now."""
        room = WINDOW - sum(one.is_sent for one in self._entries)
        for entry in self._entries:
            if room <= 0:
                return
            if entry.message.delivery is Delivery.UNSENT and self._is_ready(entry):
                self._send(entry)
                room -= 1

    def _is_ready(self, entry: Entry) -> bool:
        session, buffer = self._session, entry.buffer
        if session.link.state is not ev.State.ONLINE or not session.is_settled:
            return False
        return not buffer.is_channel or buffer.is_joined or not buffer.wants_in

    def _send(self, entry: Entry) -> None:
        session = self._session
        self._labels += 1
        entry.label = f"{FENCE}{self._labels}"
        entry.is_sent = True
        self._change(entry, delivery=Delivery.PENDING)
        message = entry.message
        verb = "NOTICE" if message.kind is Kind.NOTICE else "PRIVMSG"
        text = f"\x01ACTION {message.text}\x01" if message.kind is Kind.ACTION else message.text
        tags: dict[str, str] = {}
        if session.has_labels:
            tags["label"] = entry.label
        if session.is_ours and "message-tags" in session.caps:
            tags[ID_TAG] = message.client_id
        session.send(verb, entry.target, text, tags=tags)
        if not session.has_labels:
            session.send("PING", entry.label)

    # What the server answers

    def echoed(self, message: Message, target: str, label: str) -> bool:
        """An own message came back; return whether it was one of these, which it settles."""
        entry = self._of_echo(message, target, label)
        if entry is None:
            return False
        self._settle(entry, message)
        return True

    def _of_echo(self, message: Message, target: str, label: str) -> Entry | None:
        if label:
            return next((one for one in self._entries if one.label == label), None)
        if self._session.has_labels:
            return None
        return self._same(message, target, lambda entry: entry.is_sent)

    def found_in_history(self, message: Message, target: str) -> bool:
        """An own message is in the history: if it may be one whose answer was lost, it is.

        Our servers need no such guess, they know what was sent twice by its id.
        """
        if self._session.is_ours:
            return False
        entry = self._same(message, target, lambda entry: entry.is_unsure)
        if entry is None:
            return False
        self._remove(entry)
        return True

    def _same(self, message: Message, target: str, wanted: Callable[[Entry], bool]) -> Entry | None:
        fold = self._session.model.fold
        for entry in self._entries:
            own = entry.message
            if (own.kind, own.text) == (message.kind, message.text) and wanted(entry):
                if fold(entry.target) == fold(target):
                    return entry
        return None

    def answered(self, label: str) -> bool:
        """The server has done what bears *label*; return whether it is one of these."""
        entry = next((one for one in self._entries if one.label == label and one.is_sent), None)
        if entry is None:
            return False
        at = self._session.clock.wall_ms()
        self._settle(entry, replace(entry.message, at=at))
        return True

    def refused(self, why: str, label: str, target: str) -> bool:
        """The server did not do what bears *label*, or what was last sent to *target*."""
        fold = self._session.model.fold
        for entry in self._entries:
            if not entry.is_sent:
                continue
            if entry.label == label if label else fold(entry.target) == fold(target):
                self._fail(entry, why)
                return True
        return False

    def cannot_enter(self, buffer: Buffer, why: str) -> None:
        """What waits for a channel cannot be said there."""
        for entry in self._entries:
            if entry.buffer is buffer and entry.message.delivery is Delivery.UNSENT:
                self._fail(entry, why)

    def lost(self) -> None:
        """There is no connection: what was not answered is sent again, under the same id."""
        for entry in self._entries:
            if entry.is_sent:
                entry.is_sent, entry.is_unsure, entry.label = False, True, ""
                self._change(entry, delivery=Delivery.UNSENT)

    def send_again(self, number: int) -> None:
        """Try a refused one again."""
        entry = self._numbered(number)
        if entry is not None and entry.message.delivery is Delivery.FAILED:
            self._change(entry, delivery=Delivery.UNSENT, why="")
            self.flush()

    def drop(self, number: int) -> None:
        """Give one up."""
        if (entry := self._numbered(number)) is not None:
            self._remove(entry)
            self.flush()

    def renamed(self, buffer: Buffer, old: str) -> None:
        """Who a query is with is called otherwise."""
        fold = self._session.model.fold
        for entry in self._entries:
            if entry.buffer is buffer and fold(entry.target) == fold(old):
                entry.target = buffer.name

    def _numbered(self, number: int) -> Entry | None:
        return next((one for one in self._entries if one.message.number == number), None)

    def _settle(self, entry: Entry, stored: Message) -> None:
        self._remove(entry)
        session = self._session
        message = replace(
            stored, number=entry.message.number, own=True, kind=entry.message.kind,
            by=session.nick, delivery=Delivery.SENT, client_id="", mention=False,
        )  # fmt: skip
        session.stored(entry.buffer, message)
        self.flush()

    def _fail(self, entry: Entry, why: str) -> None:
        entry.is_sent, entry.label = False, ""
        self._change(entry, delivery=Delivery.FAILED, why=why)
        self.flush()

    def _remove(self, entry: Entry) -> None:
        self._entries.remove(entry)
        entry.buffer.pending.remove(entry.message)
        self._session.tell(ev.PendingRemoved(entry.buffer, entry.message))

    def _change(self, entry: Entry, *, delivery: Delivery, why: str = "") -> None:
        index = entry.buffer.pending.index(entry.message)
        entry.message = replace(entry.message, delivery=delivery, why=why)
        entry.buffer.pending[index] = entry.message
        self._session.tell(ev.Changed(entry.buffer, entry.message))
