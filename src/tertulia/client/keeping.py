"""Keeping what happens: identities, channels, what is not sent yet, certificates."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tertulia.client.profile import Persona, Profile, ProfileError, Server
from tertulia.client.session import events as ev
from tertulia.client.session.model import BufferKind
from tertulia.client.session.session import Session
from tertulia.client.session.settings import Wish

SAVE_S = 2.0
"""For so long changes are gathered."""
UNSENT_MOST = 1000
READ_MOST = 1000
QUERIES_MOST = 100


class Keeper:
    """Writes into *profile* what *session* tells; *key* is under which the persona is kept.

    *ids* are the ids of servers of ours by their addresses: their certificates are known by them,
    because addresses on a local network change. *complain* is told what could not be written.
    """

    def __init__(
        self,
        profile: Profile,
        session: Session,
        key: str,
        ids: dict[str, str],
        complain: Callable[[str], None],
    ) -> None:
        self._profile = profile
        self._session = session
        self.key = key
        self._ids = ids
        self._complain = complain
        self._pins = dict(profile.kept().pins)
        self._known = set(session.settings.identities)
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Future[None] | None = None

    # `tls.Pins`

    def pin(self, address: str) -> str | None:
        """Return what is remembered of the certificate of a server."""
        return self._pins.get(self._pin_key(address)) or self._pins.get(address)

    def set_pin(self, address: str, fingerprint: str) -> None:
        """Remember it."""
        key = self._pin_key(address)
        self._pins[key] = fingerprint
        self._try(lambda: self._profile.set_pin(key, fingerprint))

    def _pin_key(self, address: str) -> str:
        return self._ids.get(address, address)

    # What happens

    def take(self, events: list[ev.Event]) -> None:
        """Keep what *events* tell."""
        for event in events:
            match event:
                case ev.Issued(number, token, server):
                    self._issued(number, token, server)
                case ev.KnownAt(number, server, _):
                    self._known_at(number, server)
                case ev.Welcome():
                    self._welcome()
                case ev.WishesChanged():
                    self._wishes()
                case ev.Joined(own=True) | ev.Left(own=True) | ev.NickChanged(own=True):
                    self._soon()
                case ev.Opened() | ev.Closed():
                    self._soon()
                case ev.BufferChanged() | ev.PendingAdded() | ev.PendingRemoved():
                    self._soon()
                case _:
                    pass

    def _issued(self, number: str, token: str, server: str) -> None:
        self._known.add(server)
        self.key = number
        session = self._session
        # At once: it is told no second time.
        self._try(
            lambda: self._profile.add_identity(number, token, server, session.nick, session.network)
        )

    def _known_at(self, number: str, server: str) -> None:
        if server not in self._known:
            self._known.add(server)
            self._try(lambda: self._profile.known_at(number, server))

    def _welcome(self) -> None:
        session = self._session
        if session.account and session.server_id:
            self.key = session.account
        address = session.link.address
        if address is not None:
            server = Server(
                address=address, name=session.server_name, network=session.network,
                id=session.server_id,
            )  # fmt: skip
            self._try(lambda: self._profile.remember(server))
        self._soon()

    def _wishes(self) -> None:
        settings = self._session.settings
        self._try(lambda: self._profile.set_people(settings.contacts, settings.ignored))

    def _try(self, write: Callable[[], None]) -> None:
        try:
            write()
        except ProfileError as error:
            self._complain(str(error))

    # The persona

    def _persona(self) -> Persona:
        session = self._session
        wanted = [one for one in session.model if one.is_channel and one.wants_in]
        read_at = {one.name: one.read_at for one in session.model if one.name and one.read_at}
        return Persona(
            nick=session.settings.nick,
            channels=[Wish(one.name, one.password) for one in wanted],
            queries=[one.name for one in session.model if one.kind is BufferKind.QUERY][
                -QUERIES_MOST:
            ],
            heard_at=session.history.heard_until,
            read_at=dict(list(read_at.items())[:READ_MOST]),
            unsent=list(session.outbox.unsent()[:UNSENT_MOST]),
        )

    def _soon(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SAVE_S, self._save)

    def _save(self) -> None:
        self._timer = None
        if self._writing is not None:
            self._soon()
            return
        loop = asyncio.get_running_loop()
        key, persona = self.key, self._persona()
        self._writing = loop.run_in_executor(None, self._profile.set_persona, key, persona)
        self._writing.add_done_callback(self._written)

    def _written(self, writing: asyncio.Future[None]) -> None:
        self._writing = None
        error = None if writing.cancelled() else writing.exception()
        if error is not None:
            self._complain(str(error))

    async def close(self) -> None:
        """Write what is not written yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._writing is not None:
            await asyncio.wait([self._writing])
        self._try(lambda: self._profile.set_persona(self.key, self._persona()))
