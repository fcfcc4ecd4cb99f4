"""What a peer says: one `Message` a document."""

from __future__ import annotations

from msgspec import field

from tertulia.protocols.json_documents import Document, Refused, decoder

NAMES_MOST = 2_000
"""So many names may stand in a list."""


class Message(Document, frozen=True, gc=False):
    """One document of a peer, as it came; what it does not know is ignored."""

    users: list[str] | None = None
    user_list: list[str] | None = field(default=None, name="userList")
    channels: list[str] | None = None
    channel_list: list[str] | None = field(default=None, name="channelList")
    success: bool | None = None

    def listed_users(self) -> list[str] | None:
        """Return the names of a list of users, None where one is asked for."""
        return self._list(self.user_list if self.users is None else self.users)

    def listed_channels(self) -> list[str] | None:
        """Return the names of a list of channels, None where one is asked for."""
        return self._list(self.channel_list if self.channels is None else self.channels)

    def _list(self, names: list[str] | None) -> list[str] | None:
        if names is not None and len(names) > NAMES_MOST:
            raise Refused(f"A list has at most {NAMES_MOST} names")
        return names

    @property
    def length(self) -> int:
        """How many names stand in it."""
        return len(self.users or self.user_list or self.channels or self.channel_list or ())


decode = decoder(Message)
"""Return what a document says."""
