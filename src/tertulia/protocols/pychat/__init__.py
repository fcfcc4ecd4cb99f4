"""PyChat: commands that begin with ``!``, and one room."""

from tertulia.protocols.pychat.service import PyChatService
from tertulia.protocols.pychat.session import PyChatConfig, PyChatSession

__all__ = ["PyChatConfig", "PyChatService", "PyChatSession"]
