"""PyChat as a server offers it."""

from __future__ import annotations

from tertulia.protocols.lines import FRAME_BYTES
from tertulia.protocols.pychat.flavour import PyChatFlavour
from tertulia.protocols.pychat.session import Flavours, PyChatConfig, PyChatSession
from tertulia.protocols.session import Core, Shell, TokenBucket


class PyChatService:
    """Makes the sessions of PyChat's clients."""

    def __init__(self, core: Core, config: PyChatConfig) -> None:
        self._core = core
        self._config = config
        self._flavours = Flavours(PyChatFlavour(FRAME_BYTES), PyChatFlavour(None))

    def session(self, shell: Shell, bucket: TokenBucket | None) -> PyChatSession:
        """Return a session for a new connection."""
        return PyChatSession(self._core, shell, bucket, self._flavours, self._config)
