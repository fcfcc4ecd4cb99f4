"""The chat room: what is typed is said, for nc, telnet and the like."""

from tertulia.protocols.chatroom.service import ChatRoomService
from tertulia.protocols.chatroom.session import ChatRoomConfig, ChatRoomSession

__all__ = ["ChatRoomConfig", "ChatRoomService", "ChatRoomSession"]
