"""The capabilities that clients can ask for (ircv3.net/specs/extensions/capability-negotiation)."""

from __future__ import annotations


class Cap:
    """One bit a capability, as plain integers: every message to every user asks for some."""

    MESSAGE_TAGS = 1 << 0
    SERVER_TIME = 1 << 1
    ACCOUNT_TAG = 1 << 2
    EXTENDED_JOIN = 1 << 3
    AWAY_NOTIFY = 1 << 4
    SETNAME = 1 << 5
    INVITE_NOTIFY = 1 << 6
    CHGHOST = 1 << 7
    ECHO_MESSAGE = 1 << 8
    BATCH = 1 << 9
    LABELED_RESPONSE = 1 << 10
    MULTI_PREFIX = 1 << 11
    USERHOST_IN_NAMES = 1 << 12
    CAP_NOTIFY = 1 << 13
    STANDARD_REPLIES = 1 << 14
    EXTENDED_MONITOR = 1 << 15
    CHATHISTORY = 1 << 16
    EVENT_PLAYBACK = 1 << 17
    RECEIPTS = 1 << 18
    SASL = 1 << 19
    IDENTITY = 1 << 20
    SEARCH = 1 << 21


_PREFIXED = {
    "CHATHISTORY": "draft/chathistory",
    "EVENT_PLAYBACK": "draft/event-playback",
    "RECEIPTS": "tertulia/receipts",
    "IDENTITY": "tertulia/identity",
    "SEARCH": "soju.im/search",
}

NAMES: dict[str, int] = {
    _PREFIXED.get(name, name.lower().replace("_", "-")): cap
    for name, cap in vars(Cap).items()
    if name.isupper()
}
"""Every capability by its name on the wire."""

RENDERING = (
    Cap.MESSAGE_TAGS | Cap.SERVER_TIME | Cap.ACCOUNT_TAG | Cap.EXTENDED_JOIN | Cap.AWAY_NOTIFY
    | Cap.SETNAME | Cap.INVITE_NOTIFY | Cap.CHGHOST | Cap.BATCH | Cap.RECEIPTS
)  # fmt: skip
"""Those that change what is seen of others; the rest change answers to one's own commands."""
