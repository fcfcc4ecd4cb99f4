"""The interface in the terminal, with Textual: it draws what a session knows, and asks it for what
somebody wants. Imports of it are late, because a command line has no use for it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tertulia.client.choose import Candidate
    from tertulia.client.session.events import Event
    from tertulia.client.start import Chat, Home


def run(chat: Chat) -> int:
    """Show *chat* until somebody leaves; return the exit status. Starts an event loop."""
    return asyncio.run(_run(chat))


async def _run(chat: Chat) -> int:
    from tertulia.client.interface.app import ChatApp
    from tertulia.client.interface.terminal import know_alt_keys

    know_alt_keys()
    # All that was loaded stays: the collector need not look through it, which takes longer than a
    # frame may.
    gc.freeze()

    def take(happened: Sequence[Event]) -> None:
        app.take(happened)

    app = ChatApp(chat.connect(take), chat.home.words, chat.home.preferences)
    try:
        return await app.run_async() or app.return_code or 0
    finally:
        await chat.close()


async def choose(
    networks: Sequence[tuple[Candidate, ...]], home: Home
) -> tuple[Candidate, ...] | None:
    """Let somebody choose a network to go to; None if they leave."""
    from tertulia.client.interface.choosing import Chooser

    return await Chooser(networks, home.preferences, home.words).run_async()
