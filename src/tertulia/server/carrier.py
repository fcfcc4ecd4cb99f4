"""What carries the chat to other servers, as the hub sees it."""

from __future__ import annotations

from collections.abc import Sequence

from tertulia.domain.servers import ServerStatus
from tertulia.server.gate import Batch


class Carrier:
    """Carries the chat nowhere: a server by itself."""

    is_open = False
    """Whether there are other servers that are told what happens."""

    def opened(self, batch: Batch) -> None:
        """What *batch* holds is on disk, and may be seen."""

    def failed(self, batches: Sequence[Batch]) -> None:
        """What *batches* hold could not be written; what was not to be written may be seen."""

    def servers(self) -> list[ServerStatus]:
        """Return how other servers are."""
        return []
