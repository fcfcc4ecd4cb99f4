"""Finding what a client named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tertulia.domain.channels import Channel
from tertulia.domain.errors import NoSuchChannel, NoSuchUser
from tertulia.domain.identities import Identity
from tertulia.domain.users import User
from tertulia.protocols.irc.refusals import shown

if TYPE_CHECKING:
    from tertulia.protocols.irc.session import IrcSession


def find_channel(session: IrcSession, name: str) -> Channel | None:
    """Return the channel of that name."""
    return session.core.state.channel_named(name)


def channel_named(session: IrcSession, name: str) -> Channel:
    """Return the channel of that name, or raise `NoSuchChannel`."""
    channel = session.core.state.channel_named(name)
    if channel is None:
        raise NoSuchChannel(shown(name))
    return channel


def server_of(session: IrcSession, user: User) -> str:
    """Return the name of the server that *user* is on."""
    own = session.service.config.server
    return session.core.state.servers.get(user.server, own) if user.server else own


def user_named(session: IrcSession, name: str) -> User:
    """Return the user of that nickname or number, or raise `NoSuchUser`."""
    user = session.core.state.user_named(name)
    if user is None:
        raise NoSuchUser(shown(name))
    return user


def recipient_named(session: IrcSession, name: str) -> User | Identity:
    """Return who gets a message to that nickname or number, or raise `NoSuchUser`."""
    recipient = session.core.state.recipient(name)
    if recipient is None:
        raise NoSuchUser(shown(name))
    return recipient
