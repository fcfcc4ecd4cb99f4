"""Other servers: a peer that knows only a table of JSON ops links, and its users take part."""

from tertulia.protocols.peer.service import PeerConfig, PeerService
from tertulia.protocols.peer.session import PeerSession

__all__ = ["PeerConfig", "PeerService", "PeerSession"]
