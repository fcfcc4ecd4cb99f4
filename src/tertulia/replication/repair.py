"""What is missing here is found and fetched: by comparing vectors, and pulling.

A peer is asked for one thing at a time, and for more events when the core has those before on
disk. A source that is being pulled from one peer is not pulled from another meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tertulia.replication.bounds import (
    EPOCH_END,
    HASH_MOST,
    SEQ_END,
    Unacceptable,
    check_epoch,
    check_run,
    check_server,
)
from tertulia.replication.interface import ServerId, Source
from tertulia.replication.mesh import Mesh
from tertulia.replication.messages import Ack, Epochs, EpochsAre, Events, Heard, Pull, Run
from tertulia.replication.peer import Peer, Request

ANSWER_S = 30.0
REST_S = 5.0
EMPTY_S = 1.0
"""Who has not what it says is asked again, but not at once."""
SETTLE_S = 6.0
"""When a link comes up others may be about to, of servers that keep more."""
SOURCES_MOST = 500
"""In one pull."""
SERVERS_MOST = 4096
LACKING_MOST = 20_000
"""Sources that are missing here and one peer has."""


class Repair:
    """Brings the log of this server up to what its peers have."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._inbox = mesh.inbox
        self._late: dict[Source, int] = {}
        """Up to which number events were pulled."""
        self._overtaken = mesh.me.epoch

    def is_late(self, run: Run) -> bool:
        """Whether *run* was pulled, so that nobody need have it at once."""
        return run.first <= self._late.get((ServerId(run.server), run.epoch), 0)

    # What is missing?

    def compare(self, peer: Peer, heard: Mapping[str, Heard]) -> None:
        """*peer* said how far it is. Raises `Unacceptable`."""
        if len(heard) > SERVERS_MOST or len(peer.has) > 2 * SERVERS_MOST:
            raise Unacceptable("nobody knows so many servers")
        for server, theirs in heard.items():
            check_server(server)
            if not (0 <= theirs.epoch < EPOCH_END and 0 <= theirs.seq < SEQ_END):
                raise Unacceptable("a vector is out of range")
            if len(theirs.digest) > HASH_MOST:
                raise Unacceptable("a digest is too long")
            self._compare(peer, ServerId(server), theirs)

    def _compare(self, peer: Peer, server: ServerId, theirs: Heard) -> None:
        if server == self._mesh.me.server:
            self._compare_own(peer, theirs)
        else:
            self._compare_latest(peer, server, theirs)
        ours = self._inbox.committed.closed(server, theirs.epoch)
        if ours != theirs.digest and peer.compared.get(server) != (theirs.digest, ours):
            peer.epochs_wanted[server] = (theirs.digest, ours)

    def _compare_own(self, peer: Peer, theirs: Heard) -> None:
        peer.note(self._mesh.me.server, theirs.epoch, theirs.seq)
        if theirs.epoch < self._mesh.me.epoch:  # what a database that was set back may lack
            self.lack(peer, (self._mesh.me.server, theirs.epoch), theirs.seq)
        elif theirs.epoch > self._overtaken:
            self._overtaken = theirs.epoch
            self._mesh.core.overtaken(theirs.epoch)

    def _compare_latest(self, peer: Peer, server: ServerId, theirs: Heard) -> None:
        seq = theirs.seq
        if server in self._mesh.peers and server != peer.server:
            # It pushes to us itself, and what is on its way is not missing: what counts is
            # what this peer had last time.
            epoch, before = peer.has.get(server, (0, 0))
            seq = min(seq, before) if epoch == theirs.epoch else 0
        peer.note(server, theirs.epoch, theirs.seq)
        self.lack(peer, (server, theirs.epoch), seq)

    def lack(self, peer: Peer, source: Source, seq: int) -> None:
        """*peer* has the events of *source* up to *seq*."""
        has_room = len(peer.lacking) < LACKING_MOST or source in peer.lacking
        if has_room and seq > self._inbox.taken.last(*source):
            peer.lacking[source] = max(seq, peer.lacking.get(source, 0))

    # Asking for it

    def go_on(self, peer: Peer, now: float) -> None:
        """Ask *peer* for what it has and this server has not, if it is time for that."""
        if peer.request is not None and now >= peer.request.until:
            peer.request = None  # others may be asked meanwhile
            peer.rests_until = now + REST_S
        if peer.request is None and not peer.owed and now >= peer.rests_until:
            if peer.epochs_wanted:
                self._ask_for_epochs(peer, now)
            elif peer.lacking:
                self._ask_for_events(peer, now)

    def _ask_for_epochs(self, peer: Peer, now: float) -> None:
        server = next(iter(peer.epochs_wanted))
        request = Request(self._mesh.next_hash(), now + ANSWER_S, epochs=server)
        peer.request = request
        self._mesh.say(peer, Epochs(request.hash, server))

    def _ask_for_events(self, peer: Peer, now: float) -> None:
        want = self._wanted(peer)
        # It may have been asked already, by what the core did with what nobody has.
        if want and peer.request is None:
            peer.request = Request(self._mesh.next_hash(), now + ANSWER_S, want)
            after = [(str(server), epoch, seq) for (server, epoch), seq in want.items()]
            self._mesh.say(peer, Pull(peer.request.hash, after))

    def _wanted(self, peer: Peer) -> dict[Source, int]:
        others = [p.request.want for p in self._mesh.peers.values() if p.request is not None]
        want: dict[Source, int] = {}
        for source, seq in list(peer.lacking.items()):
            taken = self._inbox.taken.last(*source)
            if seq <= taken:
                del peer.lacking[source]
            elif peer.gone.get(source, 0) > taken + 1:
                self._give_up(source)
            elif len(want) < SOURCES_MOST and not any(source in other for other in others):
                want[source] = taken
        return want

    def _give_up(self, source: Source) -> None:
        """Go on behind what nobody keeps any more, if nobody does."""
        taken = self._inbox.taken.last(*source)
        having = [p for p in self._mesh.peers.values() if p.lacking.get(source, 0) > taken]
        first = min([peer.gone.get(source, 0) for peer in having], default=0)
        settled = self._mesh.clock() - SETTLE_S
        if first <= taken + 1 or any(peer.since > settled for peer in having):
            return
        ready = self._inbox.jump(source, first)
        if ready is not None:
            self._mesh.core.lost(*source, taken + 1, first - 1)
            self._take(ready, late=True)

    # Answers

    def take(self, peer: Peer, message: Events) -> None:
        """*peer* sends events. Raises `Unacceptable`."""
        for run in message.runs:
            check_run(run)
        request = self._request(peer, message.hash)
        if request is not None and not request.epochs:
            self._take_answer(peer, request, message)
        elif not self._inbox.is_full:
            self._take(self._offer(peer, message.runs, pulled=False), late=bool(message.hash))
        if peer.lacking:
            self.go_on(peer, self._mesh.clock())

    def _take_answer(self, peer: Peer, request: Request, message: Events) -> None:
        peer.request = None
        ready = self._offer(peer, message.runs, pulled=True)
        gone = self._note_gone(peer, message)
        if not ready and not gone:
            peer.rests_until = self._mesh.clock() + EMPTY_S
        if not message.more or not ready:
            # It had no more than this of what it said it had: it may say it again.
            self._forget_stuck(peer, request.want)
        peer.owed = {(ServerId(run.server), run.epoch): run.last for run in ready}
        self._take(ready, late=True)

    def _note_gone(self, peer: Peer, message: Events) -> bool:
        """Note what *peer* keeps no more; return whether there is any that matters."""
        any_gone = False
        for server, epoch, first in message.gone:
            source = (ServerId(server), epoch)
            if self._inbox.taken.last(*source) + 1 < first <= peer.lacking.get(source, 0) + 1:
                peer.gone[source] = first
                any_gone = True
        return any_gone

    def _forget_stuck(self, peer: Peer, want: Mapping[Source, int]) -> None:
        for source, before in want.items():
            taken = self._inbox.taken.last(*source)
            if taken == before and peer.gone.get(source, 0) <= taken + 1:
                peer.lacking.pop(source, None)

    def _offer(self, peer: Peer, runs: Iterable[Run], pulled: bool) -> list[Run]:
        ready: list[Run] = []
        for run in runs:
            taken = self._inbox.offer(run, pulled)
            ready += taken
            if not pulled:
                peer.note(run.server, run.epoch, run.last)
            if not taken and run.server != self._mesh.me.server:
                self.lack(peer, (ServerId(run.server), run.epoch), run.last)
        return ready

    def _take(self, ready: Sequence[Run], late: bool) -> None:
        if not ready:
            return
        if late:
            for run in ready:
                self._late[(ServerId(run.server), run.epoch)] = run.last
        self._mesh.core.take(ready, late)

    def take_epochs(self, peer: Peer, message: EpochsAre) -> None:
        """*peer* lists the epochs of a server. Raises `Unacceptable`."""
        request = self._request(peer, message.hash)
        if request is None or request.epochs != message.server:
            return
        for epoch, last in message.epochs:
            check_epoch(epoch)
            if not 0 <= last < SEQ_END:
                raise Unacceptable("the number of an event is out of range")
        self._end_epochs(peer, request, message.epochs)

    def _end_epochs(self, peer: Peer, request: Request, epochs: Sequence[tuple[int, int]]) -> None:
        peer.request = None
        server = ServerId(request.epochs)
        digests = peer.epochs_wanted.pop(server, ("", ""))
        missing = self._inbox.taken.missing(server, epochs)
        if server == self._mesh.me.server:
            missing = [item for item in missing if item[0][1] < self._mesh.me.epoch]
        for source, last in missing:
            self.lack(peer, source, last)
        if not missing:
            peer.compared[server] = digests
        self.go_on(peer, self._mesh.clock())

    def acknowledged(self, peer: Peer, message: Ack) -> None:
        """*peer* has answered a request, and if that is still open the answer was lost."""
        request = self._request(peer, message.hash)
        if request is None:
            return
        peer.request = None
        peer.epochs_wanted.pop(request.epochs, None)
        if not message.success:
            peer.rests_until = self._mesh.clock() + REST_S

    @staticmethod
    def _request(peer: Peer, hash: str) -> Request | None:
        request = peer.request
        return request if request is not None and request.hash == hash else None

    # What became of it

    def committed(self) -> None:
        """More is on disk."""
        last = self._inbox.committed.last
        for peer in list(self._mesh.peers.values()):
            if peer.owed:
                peer.owed = {s: seq for s, seq in peer.owed.items() if seq > last(*s)}
                self.go_on(peer, self._mesh.clock())
                # Once nothing more is missing the peer should not have to guess.
                peer.wants_vector |= not (peer.owed or peer.lacking)

    def refused(self, runs: Sequence[Run]) -> None:
        """It could not be written: to be asked for again, but not at once."""
        for run in runs:
            self._inbox.refuse((ServerId(run.server), run.epoch))
        rest = self._mesh.clock() + REST_S
        for peer in self._mesh.peers.values():
            peer.owed = {}
            peer.rests_until = max(peer.rests_until, rest)
            for run in runs:
                if peer.knows(run.server, run.epoch, run.last):
                    self.lack(peer, (ServerId(run.server), run.epoch), run.last)
