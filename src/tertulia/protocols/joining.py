"""Coming into a channel with a password, which takes a while to hash."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from tertulia.domain.commands.join import Join
from tertulia.domain.names import ChannelName
from tertulia.domain.state import State
from tertulia.protocols.session import HashPassword, Request, VerifyPassword


def join_with(
    state: State, name: ChannelName, password: str | None
) -> Generator[Request, Any, Join]:
    """Return how to come into the channel *name*, which is made with *password* if need be.

    While a password is hashed the channel may begin, end, or get another.
    """
    if password is None:
        return Join(name)
    proof = new_key = checked = None
    while True:
        channel = state.channel_named(name.text)
        if channel is None:
            if new_key is not None:
                break
            new_key = yield HashPassword(password)
        elif channel.key in (None, checked):
            break
        else:
            checked = channel.key
            proof = checked if (yield VerifyPassword(checked, password)) else None
    return Join(name, proof, new_key)
