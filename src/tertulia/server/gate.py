"""The gate: nothing leaves before what it depends on is on disk.

All that one turn of the event loop produced is one batch: events for the log, and bytes for
sockets. One batch is being written at a time; what happens meanwhile fills the next. When a
batch is on disk, its bytes are sent, in order, with one write a socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import structlog

from tertulia.domain.events import Event
from tertulia.protocols.session import Later, Session
from tertulia.replication.messages import Run
from tertulia.server.fanout import AnySession, Recipients
from tertulia.storage.errors import StorageError
from tertulia.storage.log import Copied

logger = structlog.get_logger()

GATHER_S = 0.002
GATHER_PACED_S = 0.010
GATHER_SPEAKERS = 3
GATHER_WRITES = 50
REQUEUED_MOST = 10_000
REST_S = 1.0
"""How long after a failure nothing is tried again that nobody would be told of."""
WAITING_MOST = 20_000


class Log(Protocol):
    """Where events are written; see `tertulia.storage.log`."""

    def append(
        self,
        events: list[Event],
        writes: list[Any],
        done: Callable[[StorageError | None], None],
        copied: list[Copied],
    ) -> None:
        """Write a batch, then call *done* in any thread."""


class Delivery:
    """Bytes for some sessions; *durable* if they must not be seen unless the batch is on disk.

    All sessions are paced, or none is: only what is for paced ones may be rendered later.
    """

    __slots__ = ("chunks", "durable", "flavour", "recipients")

    def __init__(self, recipients: Recipients, chunk: bytes | Later, durable: bool) -> None:
        self.recipients = recipients
        self.chunks: list[Any] = [chunk]
        self.durable = durable
        self.flavour = recipients[0].flavour

    def deliver_paced(self) -> None:
        """Let those who are paced have it when their turn comes."""
        flavour = self.flavour
        for chunk in self.chunks:
            for session in self.recipients:
                if session.flavour is flavour:
                    write = session.write
                    write(chunk)
                else:  # it has just found out that it need not be paced
                    session.write(chunk.data if type(chunk) is Later else chunk)


class Paced:
    """What paced clients are shown later, gathered for a moment.

    They cannot be told everything at once anyway; so a busy room costs a call for each of
    them a hundred times a second at most, however much is said in it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[Delivery] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, delivery: Delivery) -> None:
        """Let *delivery* go to its recipients, all paced, behind what they are sent already."""
        (chunk,) = delivery.chunks[-1:]
        if type(chunk) is not Later:
            self.flush()
            delivery.deliver_paced()
            return
        last = self._waiting[-1] if self._waiting else None
        if last is not None and last.recipients is delivery.recipients:
            last.chunks[0].extend(chunk)
        else:
            self._waiting.append(delivery)
        if self._timer is None:
            self._flush_now_and_then()

    def flush(self) -> None:
        """Let everybody have what was gathered."""
        waiting, self._waiting = self._waiting, []
        for delivery in waiting:
            delivery.deliver_paced()

    def _flush_now_and_then(self) -> None:
        self._timer = None
        if self._waiting:
            self.flush()
            self._timer = self._loop.call_later(GATHER_PACED_S, self._flush_now_and_then)


class Batch:
    """What one turn of the loop, or several, led to."""

    __slots__ = (
        "after", "brought", "claims", "copied", "deliveries", "error", "events", "shared",
        "speakers", "writes",
    )  # fmt: skip

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.claims: list[tuple[AnySession | None, Event, str | None]] = []
        """Durable events, with who is told if they cannot be written, under which label."""
        self.copied: list[Copied] = []
        """Events of other servers."""
        self.brought: list[Run] = []
        """The same as they came."""
        self.shared: list[Event] = []
        """What other servers are to know, in the order in which it happened."""
        self.writes: list[Any] = []
        """The statements for the tables of durable state."""
        self.deliveries: list[Delivery] = []
        self.after: list[Callable[[], None]] = []
        self.speakers: set[AnySession] = set()
        self.error: StorageError | None = None
        """Why it could not be written, if so."""

    def deliver(self, paced: Paced) -> int:
        """Send everything; return the number of sockets written to, paced ones not counted."""
        deliveries = [delivery for delivery in self.deliveries if not delivery.flavour.is_paced]
        if len(deliveries) < len(self.deliveries):
            for delivery in self.deliveries:
                if delivery.flavour.is_paced:
                    paced.add(delivery)
        if len(deliveries) == 1:
            (delivery,) = deliveries
            chunk = b"".join(delivery.chunks)
            for session in delivery.recipients:
                # Two steps, because the interpreter finds an attribute faster than a method.
                write = session.write
                write(chunk)
            return len(delivery.recipients)
        return self._deliver_many(deliveries)

    @staticmethod
    def _deliver_many(deliveries: list[Delivery]) -> int:
        merged: dict[AnySession, list[bytes]] = {}
        for delivery in deliveries:
            chunks = delivery.chunks
            for session in delivery.recipients:
                if session in merged:
                    merged[session] += chunks
                else:
                    merged[session] = chunks.copy()
        for session, parts in merged.items():
            session.write(parts[0] if len(parts) == 1 else b"".join(parts))
        return len(merged)


class Gate:
    """Holds back the output of each batch until the log has it.

    *take_writes* returns the statements that bring the tables of durable state up to date;
    *end_turn* is called before a batch is closed; *failed* with the batches that could not
    be written, which then count as never having happened; *committed* when one was; *opened*
    with each one that was sent.

    After a failure it rests: what is not claimed by anybody goes out as if it were written, and
    its events wait for a batch with claims, or for `REST_S` to be over.
    """

    def __init__(
        self,
        log: Log,
        take_writes: Callable[[], list[Any]],
        end_turn: Callable[[], None],
        failed: Callable[[Sequence[Batch], StorageError], None],
        committed: Callable[[], None],
        opened: Callable[[Batch], None] = lambda _batch: None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._log = log
        self._take_writes = take_writes
        self._end_turn = end_turn
        self._failed = failed
        self._on_commit = committed
        self._opened = opened
        self.batch = Batch()
        self.paced = Paced(self._loop)
        self._committing: Batch | None = None
        self._scheduled = False
        self._last_writes = 0
        self.rests = False
        """Whether the last attempt to write failed, a moment ago."""
        self._settled: list[asyncio.Future[None]] = []

    def touch(self) -> None:
        """Something was added to the batch: close it when this turn of the loop is over."""
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._turn_over)

    def send(self, session: Session[Any], data: bytes, durable: bool) -> None:
        """Send *data* to one session, in its place among everything else."""
        deliveries = self.batch.deliveries
        if deliveries:
            last = deliveries[-1]
            if (
                last.durable == durable
                and len(last.recipients) == 1
                and last.recipients[0] is session
            ):
                last.chunks.append(data)
                return
        self.add((session,), data, durable)

    def add(self, recipients: Recipients, chunk: bytes | Later, durable: bool) -> None:
        """Send *chunk* to all of *recipients*, at least one, all of one flavour."""
        self.batch.deliveries.append(Delivery(recipients, chunk, durable))
        self.touch()

    @property
    def is_congested(self) -> bool:
        """Whether more waits for the disk than should: nobody is listened to until it is less."""
        return len(self.batch.events) + len(self.batch.copied) > WAITING_MOST

    async def written(self) -> StorageError | None:
        """Wait until what has happened so far is on disk and sent, or the disk refuses it:
        then return why."""
        batch, future = self.batch, self._loop.create_future()
        # Who waits may be cancelled, and the future with them.
        batch.after.append(lambda: None if future.done() else future.set_result(None))
        self.touch()
        await future
        return batch.error

    async def settle(self) -> None:
        """Wait until everything that happened is on disk and sent, or the disk refuses it."""
        self._rest_over()
        while self._scheduled or self._committing is not None:
            future = self._loop.create_future()
            self._settled.append(future)
            await future

    def _turn_over(self) -> None:
        if self._committing is not None:
            return  # what was gathered goes when that is done
        # Under load a little waiting makes one write a socket of many. It would only slow
        # down a lone conversation, so it takes several speakers and many listeners.
        if self._last_writes >= GATHER_WRITES and len(self.batch.speakers) >= GATHER_SPEAKERS:
            self._loop.call_later(GATHER_S, self._submit)
            self._last_writes = 0
            return
        self._submit()

    def _submit(self) -> None:
        if self._committing is not None or not self._scheduled:
            return
        self._end_turn()
        batch, self.batch = self.batch, Batch()
        self._scheduled = False
        if self.rests and not (batch.claims or batch.copied):
            self.batch.events, batch.events = batch.events[:REQUEUED_MOST], []
            self._open(batch)
            return
        batch.writes = self._take_writes()
        if not (batch.events or batch.writes or batch.copied):
            self._open(batch)
            return
        self._committing = batch
        loop = self._loop

        def done(error: StorageError | None) -> None:
            loop.call_soon_threadsafe(self._committed, batch, error)

        self._log.append(batch.events, batch.writes, done, batch.copied)

    def _committed(self, batch: Batch, error: StorageError | None) -> None:
        self._committing = None
        if error is None:
            self.rests = False
            self._open(batch)
            self._on_commit()
        else:
            self._rest()
            self._end_turn()
            # What happened since rests on what did not happen.
            later, self.batch = self.batch, Batch()
            self._failed((batch, later), error)
            self._tell_settled()
        if self._scheduled:
            self._turn_over()

    def _rest(self) -> None:
        if not self.rests:
            self.rests = True
            self._loop.call_later(REST_S, self._rest_over)

    def _rest_over(self) -> None:
        self.rests = False
        self.touch()

    def _open(self, batch: Batch) -> None:
        self._last_writes = batch.deliver(self.paced)
        self._opened(batch)
        self.finish(batch)
        self._tell_settled()

    def _tell_settled(self) -> None:
        if not self._scheduled and self._settled:
            for future in self._settled:
                if not future.done():
                    future.set_result(None)
            self._settled.clear()

    @staticmethod
    def finish(batch: Batch) -> None:
        """Do what was to be done when the batch has been sent."""
        for callback in batch.after:
            try:
                callback()
            except Exception:  # which is not to keep others from what they wait for
                logger.exception("fault after a batch")
