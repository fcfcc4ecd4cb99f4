"""The replicator of a server that is alone: there is nobody to tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tertulia.replication.interface import Health, PeerStatus, ServerId
from tertulia.replication.messages import Item, Run


class Alone:
    """A `Replicator` that carries nothing to nobody."""

    def published(self, parts: Sequence[Run | Sequence[Item]]) -> None:
        """Nobody hears of it."""

    def committed(self, runs: Sequence[Run]) -> None:
        """Nobody else writes anything."""

    def refused(self, runs: Sequence[Run]) -> None:
        """Nobody else writes anything."""

    def ask(self, to: ServerId, item: Item) -> bool:
        """Return that nobody can be reached."""
        return False

    def peers(self) -> Mapping[ServerId, PeerStatus]:
        """Return that there are none."""
        return {}

    def health(self) -> Health:
        """Return that all is well."""
        return Health.OK
