"""The JSON chat: one JSON object a message, in the dialects of its two old clients."""

from tertulia.protocols.jsonchat.service import Dialect, JsonService
from tertulia.protocols.jsonchat.session import JsonConfig, JsonSession

__all__ = ["Dialect", "JsonConfig", "JsonService", "JsonSession"]
