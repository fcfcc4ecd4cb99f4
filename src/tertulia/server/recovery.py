"""After a failure to write: what could not be written did not happen, and all go on.

Durable state is read back from disk; who is where stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import structlog
from msgspec import Struct

from tertulia.domain.channels import Channel
from tertulia.domain.events import Event
from tertulia.domain.ids import Uid
from tertulia.server.gate import REQUEUED_MOST, Batch, Gate
from tertulia.storage.errors import StorageError

if TYPE_CHECKING:
    from tertulia.server.hub import Hub

logger = structlog.get_logger()


class DurableState(Struct, frozen=True):
    """What the tables on disk say."""

    channels: list[Channel]
    waiting: list[tuple[Uid, int]] = []


class Recovery:
    """Undoes for *hub* what could not be written; *reload* reads back what is on disk."""

    def __init__(self, hub: Hub, reload: Callable[[], DurableState]) -> None:
        self._hub = hub
        self.reload = reload

    def failed(self, batches: Sequence[Batch], error: StorageError) -> None:
        """Undo what *batches* did to the durable state, and tell those who asked for it.

        All is undone before anything goes on: what is done after a batch may be a command,
        whose effects must not be undone with those of the next.
        """
        for batch in batches:
            batch.error = error
            if batch.claims:
                logger.error("events refused", count=len(batch.claims), reason=str(error))
            for _, event, _ in batch.claims:
                self._hub.state.undo(event)
                self._hub.chat.forget_retry(event)
        if any(batch.claims or batch.writes or batch.copied for batch in batches):
            self._restore()
            for batch in batches:
                for event in _remaining(batch):
                    self._hub.chat.rewrite(event)
        self._hub.state.heard = dict(self._hub.heard)
        self._hub.carrier.failed(batches)
        for batch in batches:
            self._requeue(batch)
        for batch in batches:
            batch.deliveries = [d for d in batch.deliveries if not d.durable]
            batch.deliver(self._hub.gate.paced)
            Gate.finish(batch)
            for session, event, label in batch.claims:
                if session is not None and not session.closing:
                    session.refused(event.fact, label)

    def _requeue(self, batch: Batch) -> None:
        """Let what remains so, though it could not be written, be written with what is next."""
        room = REQUEUED_MOST - len(self._hub.gate.batch.events)
        self._hub.gate.batch.events += _remaining(batch)[: max(0, room)]

    def _restore(self) -> None:
        """Take the durable state back from disk; who is where stays as it is."""
        durable = self.reload()
        self._hub.state.waiting.reset(durable.waiting)
        on_disk = {channel.incarnation: channel for channel in durable.channels}
        names = {channel.name.folded for channel in durable.channels if channel.is_alive}
        for name, channel in list(self._hub.state.channels.items()):
            if name not in names:
                self._hub.put_out(channel, "The channel could not be stored")
        for incarnation, channel in list(self._hub.state.incarnations.items()):
            if incarnation not in on_disk:
                self._hub.state.forget_incarnation(channel)
        for channel in on_disk.values():
            self._put_back(channel)

    def _put_back(self, channel: Channel) -> None:
        """Put back an incarnation as it is on disk, with those who are in it."""
        name = channel.name.folded
        current = self._hub.state.channels.get(name)
        self._hub.state.restore_channel(channel)
        if self._hub.state.channels.get(name) is not channel:
            return
        if current is not None:
            channel.occupants = current.occupants
            channel.invited = current.invited
            channel.shut_out = current.shut_out
            channel.revision = current.revision + 1
            for uid in channel.occupants:
                user = self._hub.state.users[uid]
                user.channels[name] = channel
                channel.occupants[uid] = user.rank_in(channel)
        if bool(channel.occupants) is (channel.emptied is not None):
            channel.emptied = None if channel.occupants else self._hub.world.now()
            self._hub.state.changed_channels[channel.incarnation] = None


def _remaining(batch: Batch) -> list[Event]:
    """Return what remains so of *batch*, though it could not be written."""
    return [event for event in batch.events if not event.fact.can_be_refused]
