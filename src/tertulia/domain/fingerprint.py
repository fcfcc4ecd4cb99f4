"""One short text for all durable state that servers share: equal where they agree."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from tertulia.domain.channels import Channel
from tertulia.domain.identities import Identity
from tertulia.domain.state import State


def fingerprint(state: State) -> str:
    """Return the SHA-256, in hexadecimal, of what is the same on all servers that have the same
    events; what each knows for itself (who is where, since when a channel is empty) is left out."""
    return hashlib.sha256(msgspec.json.encode(shared_state(state), order="sorted")).hexdigest()


def shared_state(state: State) -> dict[str, Any]:
    """Return what is the same on all servers that have the same events."""
    return {
        "channels": {str(key): _channel(one) for key, one in state.incarnations.items()},
        "names": _names(state),
        "identities": {one.number: _identity(one) for one in state.identities},
        "numbers": dict(state.numbers),
    }


def _names(state: State) -> dict[str, str]:
    """Return which incarnation each name is that of; a channel that is over may still be shown."""
    winners = {
        one.name.folded: state.winner(one.name.folded) for one in state.incarnations.values()
    }
    return {name: str(one.incarnation) for name, one in winners.items() if one is not None}


def _channel(channel: Channel) -> dict[str, Any]:
    topic = channel.topic
    return {
        # How it is spelled is known when it is known that it was made.
        "name": channel.name.text if channel.origin else channel.name.folded,
        "number": channel.number,
        "origin": channel.origin,
        "alive": channel.is_alive,
        "topic": None if topic is None else [topic.text, topic.by, topic.at],
        "key": channel.key,
        "limit": channel.limit,
        "flags": "".join(sorted(channel.flags)),
        "lists": {mode: sorted(masks) for mode, masks in channel.lists.items()},
        "admins": sorted(channel.admins),
        "members": sorted(channel.members),
        "stamps": channel.stamps,
    }


def _identity(identity: Identity) -> list[str]:
    return [identity.nick.text, identity.wanted.text, identity.token_hash]
