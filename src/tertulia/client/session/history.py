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
    """Something that was asked for; *wants* is older, latest, after or targets, and *reference*
    from where on."""

    label: str
    target: str
    wants: str
    limit: int
    reference: str = ""


class Page(Struct, frozen=True):
    """What came at once: *count* is of all lines, shown or not, and *last* refers to the last."""

    messages: list[Message]
    count: int
    last: str = ""


class History:
    """What was asked for, and what is done with what comes."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._requests: deque[Request] = deque()
        self._labels = 0
        self.last_heard = session.settings.heard_at
        """Until when it is known who said something to one (Unix ms)."""
        self.latest = 0
        self._knows_targets = True
        """Whether it is known on this connection who did on those before."""
        self._before: set[Buffer] = set()
        """The buffers that there were when this connection came about."""
        self._gaps: dict[Buffer, str] = {}
        """From where on something may be missing, until all that came later was asked for."""

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
        gap = self._gaps.get(buffer)
        if gap is None:
            self._latest(buffer)
        elif buffer.is_channel and self._session.resume.is_going_on:
            del self._gaps[buffer]
        else:
            self._ask("after", "AFTER", buffer.name, gap, limit=self._page)

    def _latest(self, buffer: Buffer) -> None:
        wanted = min(self._session.settings.history, self._page)
        if wanted > 0:
            buffer.is_loading = True
            self._ask("latest", "LATEST", buffer.name, "*", limit=wanted)

    def returned(self) -> None:
        """One is on a server again: ask what was said to one meanwhile, and by whom."""
        if not self.is_offered:
            return
        for buffer in self._session.model:
            if buffer.kind is BufferKind.QUERY:
                self.entered(buffer)
        if not self.last_heard:
            return
        self._knows_targets = False
        self._before = set(self._session.model)
        self._ask("targets", "TARGETS", self._since, _timestamp(FAR_MS), limit=TARGETS_MOST)

    def _ask(self, wants: str, subcommand: str, *params: str, limit: int) -> None:
        session = self._session
        self._labels += 1
        label = f"{LABEL}{self._labels}" if session.has_labels else ""
        if len(self._requests) < REQUESTS_MOST:
            self._requests.append(Request(label, params[0], wants, limit, params[-1]))
        tags = {"label": label} if label else None
        session.send("CHATHISTORY", subcommand, *params, str(limit), tags=tags)

    def lost(self) -> None:
        """What was asked for does not come any more."""
        self._requests.clear()
        self.last_heard = self.heard_until
        for buffer in self._session.model:
            buffer.is_loading = False
            if buffer not in self._gaps and (start := self._gap(buffer)):
                self._gaps[buffer] = start

    @property
    def heard_until(self) -> int:
        """Until when it is known who said something to one (Unix ms), 0 if it never was."""
        return (self._knows_targets and self.latest) or self.last_heard

    def _gap(self, buffer: Buffer) -> str:
        """Return from where on something of *buffer* may be missing after this connection."""
        if buffer.kind is BufferKind.SERVER:
            return ""
        if buffer.kind is BufferKind.QUERY and not self._knows_targets:
            if buffer not in self._before:
                return self._since
        spoken = next((one for one in reversed(buffer.messages) if one.is_spoken), None)
        if spoken is not None:
            return _reference(spoken)
        # Nothing was heard there yet: since one came in.
        return _timestamp(buffer.messages[0].at - 1) if buffer.messages else ""

    @property
    def lacks(self) -> bool:
        """Whether something may be missing in a channel that one is, or wants to be, in."""
        return any(buffer.is_channel and buffer.wants_in for buffer in self._gaps)

    def forget(self, buffer: Buffer) -> None:
        """Nobody wants to know any more."""
        self._gaps.pop(buffer, None)

    @property
    def _since(self) -> str:
        return _timestamp(self.last_heard - MARGIN_MS)

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
            if request.wants == "after":
                self._gaps.pop(buffer, None)
            buffer.has_all_history = buffer.has_all_history or request.wants == "older"
            self._session.tell(ev.Merged(buffer, (), older=request.wants == "older"))

    def take(self, buffer: Buffer, page: Page, label: str) -> None:
        """A page of *buffer* came, asked for or not."""
        request, messages = self._take(label, buffer.name), page.messages
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
            if request.wants == "older" and not page.count:
                buffer.has_all_history = True
            if request.wants == "after":
                self._go_on(buffer, page, request)
        if new or request is not None:
            self._session.tell(ev.Merged(buffer, tuple(new), older=is_older))

    def _go_on(self, buffer: Buffer, page: Page, request: Request) -> None:
        """What is missing comes in pages: the last one is not full."""
        if page.count >= request.limit and page.last not in ("", request.reference):
            self._gaps[buffer] = page.last
            self._ask("after", "AFTER", buffer.name, page.last, limit=self._page)
        else:
            self._gaps.pop(buffer, None)
            self._session.resume.ask()

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
        self._knows_targets = True
        for name, _at in rows[:TARGETS_MOST]:
            session = self._session
            if session.features.is_channel(name) or session.is_ignored(name):
                continue
            buffer = session.open_query(name)
            if buffer in self._gaps:
                continue  # it was asked for, when one came
            buffer.read_at = buffer.read_at or self.last_heard
            self._gaps[buffer] = self._since
            self._ask("after", "AFTER", name, self._since, limit=self._page)

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


def reference_of(tags: dict[str, str]) -> str:
    """Return what refers to the message with these tags, empty if nothing does."""
    if msgid := tags.get("msgid"):
        return f"msgid={msgid}"
    return f"timestamp={tags['time']}" if "time" in tags else ""


def _timestamp(at: int) -> str:
    """Return a moment as CHATHISTORY has it."""
    moment = datetime.fromtimestamp(max(0, at) // 1000, UTC)
    return f"timestamp={moment:%Y-%m-%dT%H:%M:%S}.{max(0, at) % 1000:03}Z"
