"""How far a server has what all of them wrote, and how two servers compare that.

Of the latest epoch of a server the number of its last event is said; of the earlier ones, which
are closed and may be many, a digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tertulia.replication.interface import ServerId, Source
from tertulia.replication.messages import Heard


def digest(epochs: Iterable[tuple[int, int]]) -> str:
    """Return a short text that is the same for the same epochs with the same last numbers.

    Their order does not matter, nor do epochs in which nothing was written; of none it is empty.
    """
    written = sorted(epoch for epoch in epochs if epoch[1])
    if not written:
        return ""
    text = ";".join(f"{epoch},{last}" for epoch, last in written)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Known:
    """The number of the last event that is known of every source. It only rises, or is reset."""

    __slots__ = ("_digests", "_servers")

    def __init__(self, vector: Mapping[Source, int] | None = None) -> None:
        self._servers: dict[str, dict[int, int]] = {}
        self._digests: dict[str, tuple[int, str]] = {}
        for (server, epoch), seq in (vector or {}).items():
            self.put(server, epoch, seq)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the ids of the servers."""
        return iter(self._servers)

    def __contains__(self, server: object) -> bool:
        return server in self._servers

    def last(self, server: str, epoch: int) -> int:
        """Return the number of the last event that is known, 0 if none is."""
        epochs = self._servers.get(server)
        return 0 if epochs is None else epochs.get(epoch, 0)

    def put(self, server: str, epoch: int, seq: int) -> None:
        """Up to *seq* is known now."""
        self._servers.setdefault(server, {})[epoch] = seq
        cached = self._digests.get(server)
        if cached is not None and epoch < cached[0]:
            del self._digests[server]

    def latest(self, server: str) -> int:
        """Return the latest epoch of *server* that is known of, 0 if none is."""
        return max(self._servers.get(server, (0,)))

    def epochs(self, server: str, before: int | None = None) -> list[tuple[int, int]]:
        """Return the epochs of *server* in which something is known, with the last numbers."""
        known = self._servers.get(server, {}).items()
        return [(e, seq) for e, seq in known if seq and (before is None or e < before)]

    def closed(self, server: str, before: int) -> str:
        """Return the digest of the epochs of *server* before one."""
        cached = self._digests.get(server)
        if cached is not None and cached[0] == before:
            return cached[1]
        fresh = digest(self.epochs(server, before))
        if server in self._servers:
            self._digests[server] = (before, fresh)
        return fresh

    def heard(self, server: str, epoch: int = 0, present: int = -1) -> Heard:
        """Return what is said of *server* to others; *epoch*, in which *present* changes of who
        is there are known, may be later than any event."""
        latest = max(epoch, self.latest(server))
        present = present if latest == epoch else -1
        return Heard(latest, self.last(server, latest), self.closed(server, latest), present)

    def is_same_before(self, server: str, heard: Heard) -> bool:
        """Whether the same is known of the closed epochs as the other end, who said *heard*,
        knows."""
        return self.closed(server, heard.epoch) == heard.digest

    def missing(self, server: str, epochs: Sequence[tuple[int, int]]) -> list[tuple[Source, int]]:
        """Return of which of *epochs* less is known than their last number, and that number."""
        return [
            ((ServerId(server), epoch), last)
            for epoch, last in epochs
            if last > self.last(server, epoch)
        ]
