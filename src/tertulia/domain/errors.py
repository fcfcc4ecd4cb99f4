"""What a chat refuses, and why.

Each class is one reason; each protocol maps the classes to its own words in one place.
``str(error)`` is a complete English sentence without a final stop.
"""

from __future__ import annotations


class ChatError(Exception):
    """A refusal that the person who asked is told about; nothing has changed."""


class InvalidName(ChatError):
    """A nickname or channel name that nobody can have."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name!r} is not a valid name: {why}")
        self.name = name


class InvalidNickname(InvalidName):
    """Not a nickname."""


class InvalidChannelName(InvalidName):
    """Not the name of a channel."""


class InvalidText(ChatError):
    """A text that is empty, too long, or not text at all."""


class EmptyText(InvalidText):
    """Nothing is left of the text."""

    def __init__(self) -> None:
        super().__init__("There is no text to send")


class NicknameInUse(ChatError):
    """Somebody has that nickname, or one that looks like it."""

    def __init__(self, nickname: str) -> None:
        super().__init__(f"The nickname {nickname} is already in use")
        self.nickname = nickname


class NicknameReserved(NicknameInUse):
    """The nickname, or one that looks like it, belongs to an identity."""

    def __init__(self, nickname: str) -> None:
        ChatError.__init__(
            self, f"The nickname {nickname} belongs to someone who logs in with a number and token"
        )
        self.nickname = nickname


class WrongCredential(ChatError):
    """No identity has that number and that token."""

    def __init__(self) -> None:
        super().__init__("The number or the token is wrong")


class AlreadyIssued(ChatError):
    """The user has an identity."""

    def __init__(self, number: str) -> None:
        super().__init__(f"You have an identity already; its number is {number}")


class TooManyIdentities(ChatError):
    """There are as many identities as may be."""

    def __init__(self) -> None:
        super().__init__("This server gives out no more numbers")


class EmptyGroup(ChatError):
    """There would be nobody else in the group."""

    def __init__(self) -> None:
        super().__init__("A group needs at least one other person")


class TooManyWaiting(ChatError):
    """As many messages wait for the user as may."""

    def __init__(self, nickname: str) -> None:
        super().__init__(
            f"Too many messages wait for {nickname} already; try again when they have been here"
        )
        self.nickname = nickname


class NoSuchUser(ChatError):
    """Nobody of that name or number is here."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no user {name}")
        self.name = name


class CutOff(NoSuchUser):
    """The server of that user cannot be reached now, and nothing can wait for them."""

    def __init__(self, name: str) -> None:
        ChatError.__init__(self, f"{name} is on a server that cannot be reached now")
        self.name = name


class ChannelError(ChatError):
    """A refusal that concerns one channel."""

    def __init__(self, channel: str, message: str) -> None:
        super().__init__(message)
        self.channel = channel


class NoSuchChannel(ChannelError):
    """No channel of that name exists."""

    def __init__(self, channel: str) -> None:
        super().__init__(channel, f"There is no channel {channel}")


class NotInChannel(ChannelError):
    """The one who asks is not in the channel."""

    def __init__(self, channel: str) -> None:
        super().__init__(channel, f"You are not in {channel}")


class UserNotInChannel(ChannelError):
    """The one who is meant is not in the channel."""

    def __init__(self, nickname: str, channel: str) -> None:
        super().__init__(channel, f"{nickname} is not in {channel}")
        self.nickname = nickname


class AlreadyInChannel(ChannelError):
    """The one who is meant is in the channel already."""

    def __init__(self, nickname: str, channel: str) -> None:
        super().__init__(channel, f"{nickname} is already in {channel}")
        self.nickname = nickname


class NotAdmin(ChannelError):
    """Only an admin of the channel may do this."""

    def __init__(self, channel: str) -> None:
        super().__init__(channel, f"You are not an admin of {channel}")


class CannotSend(ChannelError):
    """The channel does not take messages from this user (modes +n, +m, or a ban)."""

    def __init__(self, channel: str, why: str) -> None:
        super().__init__(channel, f"Cannot send to {channel}: {why}")


class Banned(ChannelError):
    """A ban of the channel matches the user."""

    def __init__(self, channel: str) -> None:
        super().__init__(channel, f"You are banned from {channel}")


class ShutOut(ChannelError):
    """The user was kicked out of the channel a moment ago."""

    def __init__(self, channel: str, wait_s: int) -> None:
        super().__init__(
            channel, f"You were kicked out of {channel}; come back in {wait_s} seconds"
        )
        self.wait_s = wait_s


class InviteOnly(ChannelError):
    """The channel is +i and the user has no invitation."""

    def __init__(self, channel: str) -> None:
        super().__init__(channel, f"{channel} takes invited users only")


class ChannelFull(ChannelError):
    """The channel has as many users as its limit (+l)."""

    def __init__(self, channel: str) -> None:
        super().__init__(channel, f"{channel} is full")


class WrongPassword(ChannelError):
    """The channel has a password and this is not it."""

    def __init__(self, channel: str) -> None:
        super().__init__(channel, f"The password of {channel} is missing or wrong")


class TooManyChannels(ChannelError):
    """The user is in as many channels as allowed."""

    def __init__(self, channel: str, limit: int) -> None:
        super().__init__(channel, f"You are already in {limit} channels, the most allowed")


class TooManyMemberships(ChannelError):
    """The one who is meant belongs to as many channels as allowed."""

    def __init__(self, nickname: str, channel: str, limit: int) -> None:
        super().__init__(
            channel, f"{nickname} already belongs to {limit} channels, the most allowed"
        )


class NotInList(ChannelError):
    """A mask list of the channel does not hold the mask."""

    def __init__(self, channel: str, mode: str, mask: str) -> None:
        super().__init__(channel, f"{mask} is not in the +{mode} list of {channel}")


class CannotBeMember(ChannelError):
    """Someone cannot be made a member of the channel."""

    def __init__(self, nickname: str, channel: str, why: str) -> None:
        super().__init__(channel, f"{nickname} cannot be made a member of {channel}: {why}")


class ListFull(ChannelError):
    """A mask list of the channel holds as many masks as allowed."""

    def __init__(self, channel: str, mode: str, mask: str) -> None:
        super().__init__(channel, f"The +{mode} list of {channel} is full")
        self.mode = mode
        self.mask = mask


class ModeRefused(ChannelError):
    """This channel cannot have this mode."""

    def __init__(self, channel: str, mode: str, why: str) -> None:
        super().__init__(channel, f"{channel} cannot have mode +{mode}: {why}")
        self.mode = mode


class NotOperator(ChatError):
    """Only an operator of the server may do this."""

    def __init__(self) -> None:
        super().__init__("Only a server operator may do this")


class NoBackup(ChatError):
    """A backup could not be made."""

    def __init__(self, why: str) -> None:
        super().__init__(f"There is no backup: {why}")
        self.why = why


class NoSearch(ChatError):
    """Nothing can be looked for."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The search does not work: {why}")
        self.why = why


class TooManyBroadcasts(ChatError):
    """Messages to everyone are limited, so that they stay rare."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"Messages to everyone are limited; try again in {wait_s} seconds")


class StorageFailed(ChatError):
    """The event could not be written to disk, so it did not happen."""
