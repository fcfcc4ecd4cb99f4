"""Other servers of the network, looked for on the local one while there is no connection."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from tertulia.client.choose import of_found
from tertulia.client.discovery import find_servers
from tertulia.client.session.events import State
from tertulia.client.session.session import Session
from tertulia.client.session.settings import Address

LISTEN_S = 10.0


class Neighbours:
    """Tells *add* the addresses of servers that know the identity that *session* has."""

    def __init__(self, session: Session, add: Callable[[list[Address]], None]) -> None:
        self._session = session
        self._add = add
        self._search: asyncio.Task[None] | None = None

    def state_changed(self, state: State) -> None:
        """Look around while the connection is lost."""
        retry_at, now = self._session.retry_at, self._session.clock.now()
        if state is State.WAITING and retry_at is not None and retry_at > now and self._is_idle:
            self._search = asyncio.create_task(self._look_around())
        elif state in (State.ONLINE, State.OFFLINE) and self._search is not None:
            self._search.cancel()

    @property
    def _is_idle(self) -> bool:
        is_idle = self._search is None or self._search.done()
        return is_idle and bool(self._session.settings.identities)

    async def _look_around(self) -> None:
        known = self._session.settings.identities
        number = self._session.account
        async with contextlib.aclosing(find_servers(LISTEN_S, lambda _why: None)) as servers:
            async for found in servers:
                candidate = of_found(found)
                if candidate is None or candidate.id not in known:
                    continue
                if not number or known[candidate.id].number == number:
                    self._add(list(candidate.addresses))

    async def close(self) -> None:
        """Look no more."""
        if self._search is not None:
            self._search.cancel()
            await asyncio.gather(self._search, return_exceptions=True)
