"""What other servers miss is read from the log for them, one piece at a time each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tertulia.replication import bounds
from tertulia.replication.bounds import HASH_MOST, Unacceptable, check_server
from tertulia.replication.interface import ServerId
from tertulia.replication.mesh import Mesh
from tertulia.replication.messages import Ack, Epochs, EpochsAre, Events, Pull, Run
from tertulia.replication.peer import BEHIND_BYTES, Peer

PULL_BYTES = 128 * 1024
"""The most that answers one pull. What people say meanwhile waits for as long as it takes to
deal with one."""
WANT_MOST = 2000
EPOCHS_MOST = 20_000

Want = tuple[ServerId, int, int]


class Supply:
    """Answers what peers ask of the log."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh

    def pull(self, peer: Peer, message: Pull) -> None:
        """Send *peer* events. Raises `Unacceptable`."""
        if len(message.hash) > HASH_MOST or len(message.want) > WANT_MOST:
            raise Unacceptable("a request is too long")
        if peer.is_reading or peer.link.queued > BEHIND_BYTES:
            self._mesh.say(peer, Ack(message.hash, False, "one thing at a time"))
            return
        last = self._mesh.inbox.committed.last
        want = [
            ((ServerId(server), epoch, after), last(server, epoch))
            for server, epoch, after in message.want
            if 0 <= after < last(server, epoch)
        ]
        peer.is_reading = True
        answer = partial(self._answer, peer, message.hash, want)
        self._mesh.log.read([place for place, _ in want], PULL_BYTES, answer)

    def _answer(
        self,
        peer: Peer,
        hash: str,
        want: Sequence[tuple[Want, int]],
        runs: list[Run] | None,
        more: bool,
    ) -> None:
        peer.is_reading = False
        if not self._mesh.is_current(peer):
            return
        if runs is None:
            self._mesh.say(peer, Ack(hash, False, "the log cannot be read"))
            return
        fitting, cut = _fit([run for run in map(self._seen, runs) if run.items])
        more = more or cut
        gone = _gone(want, fitting, more)
        self._mesh.say(peer, Events(fitting, hash, gone, more))
        if self._mesh.is_current(peer):
            self._mesh.say(peer, Ack(hash, True))

    def _seen(self, run: Run) -> Run:
        """Return what of *run* may be seen: of this server itself, what it has published."""
        me = self._mesh.me
        if run.server != me.server or run.epoch != me.epoch:
            return run
        most = self._mesh.inbox.committed.last(run.server, run.epoch) - run.first + 1
        return Run(run.server, run.epoch, run.first, run.items[: max(0, most)])

    def epochs(self, peer: Peer, message: Epochs) -> None:
        """Tell *peer* the epochs of a server. Raises `Unacceptable`."""
        check_server(message.server)
        if len(message.hash) > HASH_MOST:
            raise Unacceptable("a request is too long")
        known = sorted(self._mesh.inbox.committed.epochs(message.server))
        self._mesh.say(peer, EpochsAre(message.hash, message.server, known[-EPOCHS_MOST:]))
        if self._mesh.is_current(peer):
            self._mesh.say(peer, Ack(message.hash, True))


def _fit(runs: Sequence[Run]) -> tuple[list[Run], bool]:
    """Return the beginning of *runs* that fits into one answer, at least one event, and whether
    that is not all.

    The log counts the bytes of bodies; there is more to an event than that.
    """
    fitting: list[Run] = []
    room = PULL_BYTES
    for run in runs:
        first, *rest = bounds.pieces(run.items, room)
        room -= bounds.size(first)
        if room < 0 and fitting:
            return fitting, True
        fitting.append(Run(run.server, run.epoch, run.first, list(first)))
        if rest:
            return fitting, True
    return fitting, False


def _gone(
    want: Sequence[tuple[Want, int]], runs: Sequence[Run], more: bool
) -> list[tuple[str, int, int]]:
    """Return the first event that there still is of each source whose next ones are not there."""
    firsts: dict[tuple[str, int], int] = {}
    for run in runs:
        firsts.setdefault((run.server, run.epoch), run.first)
    gone: list[tuple[str, int, int]] = []
    for (server, epoch, after), last in want:
        # Of a source that comes later in the order of clocks it is not known yet.
        first = firsts.get((server, epoch), after + 1 if more else last + 1)
        if first > after + 1:
            gone.append((server, epoch, first))
    return gone
