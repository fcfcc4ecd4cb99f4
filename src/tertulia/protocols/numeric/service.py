"""The numeric messenger as a server offers it."""

from __future__ import annotations

from tertulia.protocols.numeric.frames import NumericFlavour
from tertulia.protocols.numeric.session import NumericConfig, NumericSession
from tertulia.protocols.session import Core, Shell, TokenBucket


class NumericService:
    """Makes the sessions."""

    def __init__(self, core: Core, config: NumericConfig) -> None:
        self._core = core
        self._config = config
        self._flavour = NumericFlavour()

    def session(self, shell: Shell, bucket: TokenBucket | None) -> NumericSession:
        """Return a session for a new connection."""
        return NumericSession(self._core, shell, bucket, self._flavour, self._config)
