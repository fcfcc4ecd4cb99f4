"""The JSON chat as a server offers it: one service a dialect."""

from __future__ import annotations

from enum import Enum

from tertulia.protocols.guesses import Guesses
from tertulia.protocols.jsonchat.documents import FRAME_BYTES, Documents
from tertulia.protocols.jsonchat.flavour import Classic, Discovery
from tertulia.protocols.jsonchat.session import Flavours, JsonConfig, JsonSession
from tertulia.protocols.session import Core, Shell, TokenBucket


class Dialect(Enum):
    """What a listener speaks: a client cannot say which it is before it is too late."""

    CLASSIC = "classic"
    DISCOVERY = "discovery"


_FLAVOURS = {Dialect.CLASSIC: Classic, Dialect.DISCOVERY: Discovery}


class JsonService:
    """Makes the sessions of one dialect."""

    def __init__(self, core: Core, dialect: Dialect, config: JsonConfig) -> None:
        self._core = core
        self._config = config
        self._guesses = Guesses()
        flavour = _FLAVOURS[dialect]
        self._flavours = Flavours(flavour(Documents(FRAME_BYTES)), flavour(Documents(None)))

    def session(self, shell: Shell, bucket: TokenBucket | None) -> JsonSession:
        """Return a session for a new connection."""
        return JsonSession(self._core, shell, bucket, self._flavours, self._config, self._guesses)
