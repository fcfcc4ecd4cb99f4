"""One short text for all durable state that servers share: equal where they agree."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from tertulia.domain.channels import Channel
from tertulia.domain.identities import Identity
from tertulia.domain.state import State

Part = tuple[str, str, Any]
"""What kind of thing it is, which one, and how it is."""
_encode = msgspec.json.Encoder(order="sorted").encode


def fingerprint(state: State) -> str:
    """Return a text of 64 hexadecimal digits for what is the same on all servers that have the same
    events; what each knows for itself (who is where, since when a channel is empty) is left out."""
    found = Fingerprint()
    for part in shared_parts(state):
        found.add(part)
    return found.text


class Fingerprint:
    """That of the parts that were added, in whatever order.

    The sum of their hashes tells sets of parts apart that came about by chance; it does not
    withstand who wants two of them to look alike.
    """

    def __init__(self) -> None:
        self._sum = 0

    def add(self, part: Part) -> None:
        """Take in a part."""
        self._sum += int.from_bytes(hashlib.sha256(_encode(part)).digest(), "big")

    @property
    def text(self) -> str:
        """The fingerprint, in hexadecimal digits."""
        return f"{self._sum % (1 << 256):064x}"


def shared_parts(state: State) -> Iterator[Part]:
    """Yield what is the same on all servers that have the same events. If *state* changes
    meanwhile, it is that of no one moment."""
    for channel in list(state.incarnations.values()):
        yield "channels", str(channel.incarnation), _channel(channel)
    for name in {channel.name.folded: None for channel in state.incarnations.values()}:
        # A channel that is over may still be shown.
        if (winner := state.winner(name)) is not None:
            yield "names", name, str(winner.incarnation)
    for identity in list(state.identities):
        yield "identities", identity.number, _identity(identity)
    for nickname, number in list(state.numbers.items()):
        yield "numbers", nickname, number


def shared_state(state: State) -> dict[str, Any]:
    """Return the same as a dictionary a kind, for people to compare."""
    found: dict[str, Any] = {kind: {} for kind in ("channels", "names", "identities", "numbers")}
    for kind, key, value in shared_parts(state):
        found[kind][key] = value
    return found


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
