"""The asyncio shell of a session: its sockets, its timers, and its certificates."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import ssl
import time
from collections.abc import Callable
from typing import Any, cast

from tertulia.client import tls
from tertulia.client.session.events import CertificateChanged, CertificateNew, Event, State
from tertulia.client.session.intents import Intent
from tertulia.client.session.session import Session
from tertulia.client.session.settings import Address

_ERRNO = re.compile(r"\[Errno ([0-9]+)\]")
CONNECT_S = 15.0
EARLY_BYTES = 65_536
FAREWELL_S = 2.0
"""How long the server may take to close a connection after QUIT."""


class SystemClock:
    """The time of this machine."""

    def now(self) -> float:
        """Return a monotonic clock, in seconds."""
        return time.monotonic()

    def wall_ms(self) -> int:
        """Return Unix milliseconds."""
        return time.time_ns() // 1_000_000


class Untrusted(Exception):
    """The certificate is not the one that is remembered."""


class _Wire(asyncio.Protocol):
    """One connection."""

    def __init__(self, owner: Connection) -> None:
        self._owner = owner
        self.closed = asyncio.Event()
        self.transport: asyncio.Transport | None = None
        self.is_in_use = False
        self.early = b""
        """What came before it was in use."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is a connection; whether it is used is decided later."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self.is_in_use:
            self._owner.received(self, data)
        elif len(self.early) < EARLY_BYTES:
            self.early += data

    def connection_lost(self, exc: Exception | None) -> None:
        """There is none any more."""
        self.closed.set()
        if self.is_in_use:
            self._owner.lost(self, "" if exc is None else words_of(exc))


class Connection:
    """Keeps *session* on a server, and tells *on_events* what happens, all of one moment at once.

    Give intents to `do`, not to the session, so that what they lead to goes out.
    """

    def __init__(
        self, session: Session, on_events: Callable[[list[Event]], None], pins: tls.Pins
    ) -> None:
        self.session = session
        self._on_events = on_events
        self._pins = pins
        self._wire: _Wire | None = None
        self._news = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._is_pumping = False
        self._hung_up = False
        self._own_events: list[Event] = []
        self._changed: dict[str, str] = {}
        """Certificates that were refused, by address."""

    def do(self, intent: Intent) -> None:
        """Do what somebody wants."""
        self.session.do(intent)
        self._pump()

    def trust(self, address: str) -> None:
        """The certificate that was refused is right, and remembered instead of the other one."""
        if (new := self._changed.pop(address, None)) is not None:
            self._pins.set_pin(address, new)
        self.session.start()
        self._pump()

    def add_addresses(self, addresses: list[Address]) -> None:
        """Know other servers of the same network."""
        self.session.add_addresses(addresses)
        self._news.set()

    async def run(self) -> None:
        """Be on a server until the session wants none."""
        if self.session.state is State.OFFLINE:
            self.session.start()
        self._pump()
        try:
            while self.session.state is not State.OFFLINE:
                self._news.clear()
                address = self.session.dial()
                if address is not None:
                    self._pump()
                    await self._open(address)
                    self._pump()
                else:
                    await self._wait()
            await self._farewell()
        finally:
            self._stop()

    async def _wait(self) -> None:
        """Wait for news, or until it is time to dial."""
        retry_at = self.session.retry_at if self.session.link.addresses else None
        pause = None if retry_at is None else max(0.0, retry_at - self.session.clock.now())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._news.wait()

    # Connecting

    async def _open(self, address: Address) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                wire = await self._connect(address)
        except Untrusted:
            self.session.stop("the certificate of the server has changed")
            return
        except TimeoutError:
            self.session.unreachable("it does not answer")
            return
        except (OSError, ssl.SSLError, UnicodeError) as error:
            self.session.unreachable(words_of(error))
            return
        assert wire.transport is not None
        if self.session.state is not State.CONNECTING:  # it was given up meanwhile
            wire.transport.abort()
            return
        if wire.closed.is_set():
            self.session.unreachable("the connection was closed")
            return
        self._wire, wire.is_in_use = wire, True
        self._hung_up = False
        self.session.opened()
        if wire.early:
            self.session.receive(wire.early)

    async def _connect(self, address: Address) -> _Wire:
        if not address.tls:
            return await self._dial(address, None)
        known = self._pins.pin(str(address))
        if known in (None, tls.VOUCHED):
            with contextlib.suppress(ssl.SSLCertVerificationError):
                wire = await self._dial(address, tls.checking())
                if known is None:
                    self._pins.set_pin(str(address), tls.VOUCHED)
                return wire
        wire = await self._dial(address, tls.taking_any())
        return self._compared(address, wire, known)

    def _compared(self, address: Address, wire: _Wire, known: str | None) -> _Wire:
        """Return *wire* if its certificate is the one that is remembered, or the first one."""
        assert wire.transport is not None
        encrypted = wire.transport.get_extra_info("ssl_object")
        der = encrypted.getpeercert(binary_form=True) if encrypted is not None else None
        shown = tls.fingerprint(der or b"")
        if known is None:
            self._pins.set_pin(str(address), shown)
            self._own_events.append(CertificateNew(str(address), shown))
        elif known != shown:
            wire.transport.abort()
            self._changed[str(address)] = shown
            self._own_events.append(CertificateChanged(str(address), known, shown))
            raise Untrusted
        return wire

    async def _dial(self, address: Address, context: ssl.SSLContext | None) -> _Wire:
        loop = asyncio.get_running_loop()
        host = address.host.partition("%")[0] if context is not None else None
        # uvloop tries the addresses of a host one after another.
        several: Any = {}
        if isinstance(loop, asyncio.BaseEventLoop):
            several = {"happy_eyeballs_delay": 0.25}
        wire = _Wire(self)
        await loop.create_connection(
            lambda: wire, address.host, address.port, ssl=context, server_hostname=host, **several
        )
        return wire

    # What the wire says

    def received(self, wire: _Wire, data: bytes) -> None:
        """Bytes came."""
        if wire is self._wire:
            self.session.receive(data)
            self._pump()

    def lost(self, wire: _Wire, why: str) -> None:
        """The connection is gone."""
        if wire is self._wire:
            self._wire = None
            self.session.lost(why)
            self._pump()

    # What goes out

    def _pump(self) -> None:
        """Send what is to be sent, tell what happened, and wake up in time."""
        if self._is_pumping:
            return  # the one that is at work takes what is new along
        self._is_pumping = True
        try:
            while self._pump_once():
                pass
        finally:
            self._is_pumping = False
        self._set_timer()
        self._news.set()

    def _pump_once(self) -> bool:
        output = self.session.take_output()
        wire = self._wire
        if wire is not None and wire.transport is not None:
            if output:
                wire.transport.write(output)
            if self.session.wants_close and not self._hung_up:
                self._hung_up = True
                self._hang_up(wire, wire.transport)
        own, self._own_events = self._own_events, []
        events = own + self.session.take_events()
        if events:
            self._on_events(events)
        return bool(output or events)

    def _hang_up(self, wire: _Wire, transport: asyncio.Transport) -> None:
        """Let nothing more in; the server ends a connection that QUIT was sent over."""
        if self.session.state is not State.OFFLINE:
            wire.is_in_use = False
            self._wire = None
            transport.abort()
        elif transport.can_write_eof():
            with contextlib.suppress(OSError):
                transport.write_eof()
        else:
            transport.close()

    async def _farewell(self) -> None:
        """Wait until the server has taken leave."""
        wire = self._wire
        if wire is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL_S):
                    await wire.closed.wait()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._wire is not None and self._wire.transport is not None:
            self._wire.is_in_use = False
            self._wire.transport.abort()
            self._wire = None

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.session.due()
        if due is not None and self.session.state is not State.OFFLINE:
            loop = asyncio.get_running_loop()
            pause = max(0.0, due - self.session.clock.now())
            self._timer = loop.call_later(pause, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.session.tick()
        self._pump()


def words_of(error: BaseException) -> str:
    """Return what went wrong with a connection, in one line."""
    if isinstance(error, ssl.SSLError):
        return f"TLS: {getattr(error, 'reason', None) or error}"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    # asyncio says which call failed, and of several addresses for each.
    if (number := _ERRNO.search(text)) is not None:
        return os.strerror(int(number[1]))
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return " ".join(text.split()) or type(error).__name__
