"""History from the server (ircv3.net/specs/extensions/chathistory): what is older, what was missed.

Whatever comes is put in its place, once: by message id where there are ids, else by who said what
when.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from tertulia.client.session import events as ev
from tertulia.client.session.model import Buffer, BufferKind, Message

if TYPE_CHECKING:
    from tertulia.client.session.session import Session

CAP = "draft/chathistory"
PAGE = 100
LABEL = "history-"
MARGIN_MS = 30_000
"""By so much the clocks of servers may differ."""
FAR_MS = 4_102_444_800_000
"""The year 2100."""
REQUESTS_MOST = 500
TARGETS_MOST = 50


class Request(Struct, frozen=True):
    """Something that was asked for; *wants* is older, latest, after or targets."""

    label: str
    target: str
    wants: str
    limit: int


class History:
    """What was asked for, and what is done with what comes."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._requests: deque[Request] = deque()
        self._labels = 0
        self.last_heard = 0
        """The time of the latest message on the connection before this one (Unix ms)."""
        self.latest = 0

    @property
    def is_offered(self) -> bool:
        """Whether the server has any."""
        return CAP in self._session.caps and "batch" in self._session.caps

    @property
    def _page(self) -> int:
        return min(PAGE, self._session.features.number("CHATHISTORY", PAGE))

    # What is asked

    def older(self, buffer: Buffer) -> None:
        """Ask for what was said before what is there."""
        if buffer.is_loading or buffer.has_all_history or buffer.kind is BufferKind.SERVER:
            return
        if not self.is_offered:
            buffer.has_all_history = True
            self._session.tell(ev.Merged(buffer, (), older=True))
            return
        buffer.is_loading = True
        if buffer.messages:
            reference = _reference(buffer.messages[0])
            self._ask("older", "BEFORE", buffer.name, reference, limit=self._page)
        else:
            self._ask("older", "LATEST", buffer.name, "*", limit=self._page)

    def entered(self, buffer: Buffer) -> None:
        """A channel was joined, or a query opened: get what is missing there."""
        if not self.is_offered:
            return
        spoken = next((one for one in reversed(buffer.messages) if one.is_spoken), None)
        if spoken is None:
            self._latest(buffer)
        elif not (self._session.resume.is_going_on and buffer.is_channel):
            self._ask("after", "AFTER", buffer.name, _reference(spoken), limit=self._page)

    def _latest(self, buffer: Buffer) -> None:
        wanted = min(self._session.settings.history, self._page)
        if wanted > 0:
            buffer.is_loading = True
            self._ask("latest", "LATEST", buffer.name, "*", limit=wanted)

    def returned(self) -> None:
        """One is on a server again: ask what was said to one meanwhile, and by whom."""
        if not (self.is_offered and self.last_heard):
            return
        for buffer in self._session.model:
            if buffer.kind is BufferKind.QUERY:
                self.entered(buffer)
        since = _timestamp(self.last_heard - MARGIN_MS)
        self._ask("targets", "TARGETS", since, _timestamp(FAR_MS), limit=TARGETS_MOST)

    def _ask(self, wants: str, subcommand: str, *params: str, limit: int) -> None:
        session = self._session
        self._labels += 1
        label = f"{LABEL}{self._labels}" if session.has_labels else ""
        if len(self._requests) < REQUESTS_MOST:
            self._requests.append(Request(label, params[0], wants, limit))
        tags = {"label": label} if label else None
        session.send("CHATHISTORY", subcommand, *params, str(limit), tags=tags)

    def lost(self) -> None:
        """What was asked for does not come any more."""
        self._requests.clear()
        self.last_heard = self.latest or self.last_heard
        for buffer in self._session.model:
            buffer.is_loading = False

    # What comes

    def heard(self, at: int) -> None:
        """A message of that time came."""
        self.latest = max(self.latest, min(at, self._session.clock.wall_ms() + MARGIN_MS))

    def failed(self, label: str) -> None:
        """The server does not give what was asked for."""
        request = self._take(label, "")
        if request is None or request.wants == "targets":
            return
        buffer = self._session.model.get(request.target)
        if buffer is not None:
            buffer.is_loading = False
            buffer.has_all_history = buffer.has_all_history or request.wants == "older"
            self._session.tell(ev.Merged(buffer, (), older=request.wants == "older"))

    def take(self, buffer: Buffer, messages: list[Message], label: str) -> None:
        """A page of *buffer* came, asked for or not."""
        request = self._take(label, buffer.name)
        new = self._new(buffer, messages)
        is_older = buffer.log.is_before_all(new)
        if is_older:
            buffer.log.prepend(new)
        else:
            for message in new:
                buffer.log.insert(message)
        self._count(buffer, new)
        if request is not None:
            buffer.is_loading = False
            if request.wants == "older" and not messages:
                buffer.has_all_history = True
            if request.wants == "after" and len(messages) >= request.limit and new:
                after = _reference(messages[-1])
                self._ask("after", "AFTER", buffer.name, after, limit=self._page)
        if new or request is not None:
            self._session.tell(ev.Merged(buffer, tuple(new), older=is_older))

    def _new(self, buffer: Buffer, messages: list[Message]) -> list[Message]:
        """Return those that are not there, in order; own ones may settle what was sent."""
        new: list[Message] = []
        seen: set[str] = set()
        for message in messages:
            if buffer.log.knows(message) or (message.msgid and message.msgid in seen):
                continue
            seen.add(message.msgid)
            new.append(message)
            if message.own:
                self._session.outbox.found_in_history(message, buffer.name)
        new.sort(key=lambda message: message.at)
        return new

    def _count(self, buffer: Buffer, new: list[Message]) -> None:
        fresh = [m for m in new if m.at > buffer.read_at and m.is_spoken and not m.own]
        if buffer.read_at and fresh:
            buffer.unread += len(fresh)
            buffer.mentions += sum(m.mention for m in fresh)
            self._session.tell(ev.BufferChanged(buffer))

    def targets(self, rows: list[tuple[str, int]], label: str) -> None:
        """Who said something to one while one was away."""
        self._take(label, "")
        for name, _at in rows[:TARGETS_MOST]:
            session = self._session
            if session.features.is_channel(name) or session.model.get(name) is not None:
                continue
            if session.is_ignored(name):
                continue
            buffer = session.open_query(name)
            buffer.read_at = buffer.read_at or self.last_heard
            since = _timestamp(self.last_heard - MARGIN_MS)
            self._ask("after", "AFTER", name, since, limit=self._page)

    def _take(self, label: str, target: str) -> Request | None:
        """Return what was asked for, by its label; where there are none, by its target."""
        fold = self._session.model.fold
        for request in self._requests:
            is_it = (
                request.label == label if request.label else fold(request.target) == fold(target)
            )
            if is_it and (label or not request.label):
                self._requests.remove(request)
                return request
        return None


def _reference(message: Message) -> str:
    return f"msgid={message.msgid}" if message.msgid else _timestamp(message.at)


def _timestamp(at: int) -> str:
    """Return a moment as CHATHISTORY has it."""
    moment = datetime.fromtimestamp(max(0, at) // 1000, UTC)
    return f"timestamp={moment:%Y-%m-%dT%H:%M:%S}.{max(0, at) % 1000:03}Z"
