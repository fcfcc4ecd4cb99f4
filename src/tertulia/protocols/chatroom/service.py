"""The chat room as a server offers it."""

from __future__ import annotations

from weakref import WeakValueDictionary

from tertulia.protocols.chatroom.flavour import ChatRoomFlavour
from tertulia.protocols.chatroom.session import ChatRoomConfig, ChatRoomSession
from tertulia.protocols.session import Core, Shell, TokenBucket


class ChatRoomService:
    """Makes the sessions of the chat room."""

    def __init__(self, core: Core, config: ChatRoomConfig) -> None:
        self.core = core
        self.config = config
        self._flavours: WeakValueDictionary[tuple[str, str, bool], ChatRoomFlavour] = (
            WeakValueDictionary()
        )

    def session(self, shell: Shell, bucket: TokenBucket | None) -> ChatRoomSession:
        """Return a session for a new connection."""
        return ChatRoomSession(self, shell, bucket)

    def configure(self, config: ChatRoomConfig) -> None:
        """Use other settings from now on."""
        self.config = config

    def flavour(self, current: str, end: str, old: bool) -> ChatRoomFlavour:
        """Return the one flavour of those who talk in *current* and read lines that end so."""
        key = (current, end, old)
        flavour = self._flavours.get(key)
        if flavour is None:
            flavour = ChatRoomFlavour(current, end, old, self.config.local_time)
            self._flavours[key] = flavour
        return flavour
