"""What happens is pushed to the peers: encoded once, whoever gets it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from tertulia.replication import bounds
from tertulia.replication.framing import encode
from tertulia.replication.mesh import Mesh
from tertulia.replication.messages import Events, Item, Message, Presence, Run
from tertulia.replication.peer import BEHIND_BYTES, Peer

PUSH_BYTES = 256 * 1024
"""About the most in one line; there may be many of them."""
BLOB_BYTES = 4 * 1024 * 1024
"""What is more at once is not pushed but left to be pulled."""

Part: TypeAlias = "Run | Sequence[Item]"


class Outgoing:
    """Pushes to those peers that keep up; the others will see in vectors what they missed."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh

    def publish(self, parts: Sequence[Part]) -> None:
        """Tell all peers what happened on this server."""
        for part in parts:
            if isinstance(part, Run):
                self._mesh.inbox.wrote(part)
        # Also where nobody hears of it: changes are counted as they are put into messages.
        messages = list(self._messages(parts))
        if self._mesh.peers:
            self._push(self._mesh.peers.values(), b"".join(map(encode, messages)))

    def forward(self, runs: Iterable[Run]) -> None:
        """Tell those peers of events of other servers who do not hear of them otherwise."""
        for run in runs:
            peers = self._mesh.audience(run.server)
            peers = [p for p in peers if not p.knows(run.server, run.epoch, run.last)]
            if peers:
                lines = [encode(Events([run])) for run in _split(run)]
                self._push(peers, b"".join(lines))

    def pass_on(self, told: Presence, by: Peer) -> None:
        """Tell those peers of changes on another server who do not hear of them otherwise."""
        peers = [peer for peer in self._mesh.audience(told.server) if peer is not by]
        if peers:
            self._push(peers, encode(told))

    def _push(self, peers: Iterable[Peer], data: bytes) -> None:
        for peer in list(peers):
            queued = peer.link.queued
            if queued > BEHIND_BYTES or queued + len(data) > BLOB_BYTES:
                peer.behind = True
            if not peer.behind:
                peer.link.send(data)

    def _messages(self, parts: Sequence[Part]) -> Iterator[Message]:
        """Yield what is to be said of *parts*; what belongs together is joined."""
        me = self._mesh.me
        for part in _joined(parts):
            if isinstance(part, Run):
                for run in _split(part):
                    yield Events([run])
            else:
                for items in bounds.pieces(part, PUSH_BYTES):
                    first = self._mesh.present + 1
                    self._mesh.present += len(items)
                    yield Presence(me.server, me.epoch, first, list(items))


def _joined(parts: Sequence[Part]) -> list[Part]:
    """Return *parts* with neighbours of one kind made one."""
    if len(parts) < 2:
        return [part for part in parts if isinstance(part, Run) or part]
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(part, Run):
            if isinstance(last, Run) and last.last + 1 == part.first:
                part = Run(part.server, part.epoch, last.first, [*last.items, *part.items])
                joined.pop()
        elif not part:
            continue
        elif last is not None and not isinstance(last, Run):
            part = [*last, *part]
            joined.pop()
        joined.append(part)
    return joined


def _split(run: Run) -> Iterable[Run]:
    """Return *run* in parts that fit into a line each."""
    pieces = bounds.pieces(run.items, PUSH_BYTES)
    first = run.first
    runs: list[Run] = []
    for items in pieces:
        runs.append(Run(run.server, run.epoch, first, list(items)))
        first += len(items)
    return runs
