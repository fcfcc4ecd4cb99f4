"""A client: what a program needs that comes to a server, and is none itself.

`Session` is the client's end of IRC without a socket; `Connection` keeps one on a server. A
program gives intents (`tertulia.client.intents`) and is told events (`tertulia.client.events`);
what is known is in ``session.model``. docs/bot.md has an example.
"""

from tertulia.client.connection import Connection, SystemClock
from tertulia.client.session import events, intents
from tertulia.client.session.model import (
    Buffer,
    BufferKind,
    Delivery,
    Kind,
    Member,
    Message,
    Model,
    User,
)
from tertulia.client.session.session import Session
from tertulia.client.session.settings import Address, Credential, SessionSettings, Wish
from tertulia.client.tls import Forgetful, Pins
from tertulia.client.uri import BadUri, Place
from tertulia.client.uri import parse as parse_uri

__all__ = [
    "Address",
    "BadUri",
    "Buffer",
    "BufferKind",
    "Connection",
    "Credential",
    "Delivery",
    "Forgetful",
    "Kind",
    "Member",
    "Message",
    "Model",
    "Pins",
    "Place",
    "Session",
    "SessionSettings",
    "SystemClock",
    "User",
    "Wish",
    "events",
    "intents",
    "parse_uri",
]
