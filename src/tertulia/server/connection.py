"""One connection, whatever its protocol: bytes in to its session, bytes out from the gate."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import termios
from collections.abc import Callable
from typing import Any, Protocol, cast

import structlog

from tertulia.protocols.session import Drain, Peer, Request, Shell, Written
from tertulia.server.addresses import shortest
from tertulia.server.fanout import AnySession
from tertulia.server.pacing import Cut, Cutter, Metronome, Pacer

logger = structlog.get_logger()

LINGER_S = 2.0
DRAIN_S, DRAIN_MOST_S = 0.01, 1.0
SLICE_BYTES = 16_384
"""How much of one client's input is handled before others have their turn."""
_HTTP_VERBS = tuple(
    f"{verb} ".encode()
    for verb in ("GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "CONNECT", "TRACE")
)
_LONGEST_VERB = 8
_NO_BYTES = bytes(4)
_BYTES_ACKED = slice(120, 128)
"""Where that is in ``struct tcp_info`` (linux/tcp.h)."""


class Host(Protocol):
    """What a connection needs from the server it is on."""

    @property
    def output_bytes(self) -> int:
        """How much may wait for a client before its connection is closed."""

    @property
    def metronome(self) -> Metronome:
        """What makes the pause between two messages to an old client."""

    @property
    def is_congested(self) -> bool:
        """Whether more waits for the disk than should."""

    def open_session(self, shell: Shell) -> AnySession | None:
        """Return a session for a new connection, None if it is refused."""

    def closed(self, connection: Connection) -> None:
        """The connection is gone."""

    def send(self, session: AnySession, data: bytes) -> None:
        """Send through the gate."""

    def after_batch(self, action: Callable[[], None]) -> None:
        """Do *action* when what was sent so far is on its way."""

    def command_over(self) -> None:
        """A command has been handled."""

    def perform(self, request: Request, resume: Callable[[Any], None]) -> None:
        """Fulfil a session's request."""

    def cutter(self, cut: Cut) -> Cutter:
        """Return the one that cuts with *cut* for all connections."""

    def flush_paced(self) -> None:
        """Let paced connections have what was gathered for them."""


class Connection(asyncio.Protocol):
    """A transport and the session on it; this is the session's `Shell`."""

    __slots__ = (
        "_acknowledged", "_backlog", "_drain_timer", "_ended", "_head", "_held", "_host", "_loop",
        "_pacer", "_session_holds", "_undrained", "peer", "session", "transport",
    )  # fmt: skip

    def __init__(self, host: Host, loop: asyncio.AbstractEventLoop) -> None:
        self._host = host
        self._loop = loop
        self._head: bytes | None = b""
        self._backlog = b""
        """What came and was not given to the session yet."""
        self._ended = False
        """Whether the other end has said that it sends no more."""
        self._held = False
        self._session_holds = False
        self._pacer: Pacer | None = None
        self._undrained: list[Callable[[], None]] = []
        """What is to be done when the other end has everything."""
        self._drain_timer: asyncio.TimerHandle | None = None
        self._acknowledged: bytes | None = None
        """How much the other end's system had of a TLS connection when all seemed to be there."""
        self.session: AnySession | None = None
        self.peer = Peer("", 0)
        self.transport: asyncio.Transport

    # What the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the session begin."""
        self.transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername")
        if not name:
            self.transport.abort()
            return
        secure = transport.get_extra_info("sslcontext") is not None
        self.peer = Peer(str(shortest(name[0])), name[1], secure)
        self.transport.set_write_buffer_limits(high=self._host.output_bytes)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        session = self._host.open_session(self)
        if session is None:
            self.transport.close()
            return
        self.session = session
        session.write = self.transport.write
        self._guarded(session.greet)

    def data_received(self, data: bytes) -> None:
        """Give what came to the session."""
        session = self.session
        if session is None or session.closing:
            return
        if self._head is not None and self._is_http(data):
            self.transport.abort()
            return
        session.last_heard = self._loop.time()
        self._look_early()
        if len(data) > SLICE_BYTES or self._backlog or self._host.is_congested:
            self._backlog += data
            self._next_slice()
        else:
            self._receive(session, data)

    def eof_received(self) -> bool:
        """The other end sends no more."""
        self._ended = True
        self._look_early()
        if self.session is not None:
            if self.session.closing:
                return False
            self._guarded(self.session.eof)
        # Half of a TLS connection cannot stay open; the loop would warn of every attempt.
        return not self.peer.secure

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone: so is who was on it."""
        session = self.session
        if session is not None:
            self._guarded(lambda: session.end("Connection lost" if exc else "Connection closed"))
            self._write_no_more(session)
        self._host.closed(self)

    def pause_writing(self) -> None:
        """More waits for this client than it may leave unread."""
        session = self.session
        if session is not None:
            reason = f"Output queue exceeded ({self._host.output_bytes} bytes)"
            self._guarded(lambda: session.end(reason))
            self._write_no_more(session)
        self.transport.abort()

    # What the session calls

    def send(self, data: bytes) -> None:
        """Send *data* after all that was sent before, when that is on disk."""
        if self.session is not None:
            self._host.send(self.session, data)

    def close(self) -> None:
        """Close the connection after what was sent."""
        self._host.after_batch(self._finish)

    def perform(self, request: Request, resume: Callable[[Any], None]) -> None:
        """Fulfil *request*; *resume* is called with the answer, or with an exception."""
        if isinstance(request, Drain):
            self._host.after_batch(lambda: self._when_drained(lambda: resume(None)))
        elif isinstance(request, Written):
            self._host.after_batch(lambda: self._soon(lambda: resume(None)))
        else:
            self._host.perform(request, lambda answer: self._guarded(lambda: resume(answer)))

    def hold(self, held: bool) -> None:
        """Stop reading, or go on."""
        self._session_holds = held
        self._read_or_not()
        if self._backlog and not held:
            self._loop.call_soon(self._next_slice)

    def wake_in(self, seconds: float) -> None:
        """Let the session go on later."""
        self._loop.call_later(seconds, self._wake)

    def now(self) -> float:
        """Return a monotonic clock, in seconds."""
        return self._loop.time()

    def command_over(self) -> None:
        """What is sent from now on does not depend on what the last command did."""
        self._host.command_over()

    def pace(
        self, frames: Callable[[bytes], list[bytes]] | None, skipped: Callable[[int], bytes]
    ) -> None:
        """Send *frames* with a pause between two; None: all at once."""
        assert self.session is not None
        if self._pacer is not None:
            self._host.flush_paced()
            self._pacer.flush()
            self._pacer = None
        self.session.write = self.transport.write
        if frames is not None:
            host = self._host
            self._pacer = Pacer(
                self.transport.write, host.metronome, host.cutter(frames), skipped,
                self._undrained.clear,
            )  # fmt: skip
            self.session.write = self._pacer.write

    # Inside

    def _write_no_more(self, session: AnySession) -> None:
        session.write = _drop
        if self._pacer is not None:
            # uvloop raises an error at who writes to a connection that is gone.
            self._pacer.stop()

    def _receive(self, session: AnySession, data: bytes) -> None:
        try:
            session.receive(data)
        except Exception:
            self._broken()

    def _next_slice(self) -> None:
        """Take a part of what came; others have their turn before the next part."""
        session = self.session
        if session is None or session.closing:
            self._backlog = b""
            return
        if self._host.is_congested:
            self._read_or_not()
            self._host.after_batch(self._next_slice)
            return
        if not self._session_holds:
            part, self._backlog = self._backlog[:SLICE_BYTES], self._backlog[SLICE_BYTES:]
            self._receive(session, part)
        self._read_or_not()
        if self._backlog and not self._session_holds:
            self._loop.call_soon(self._next_slice)

    def _read_or_not(self) -> None:
        held = self._session_holds or bool(self._backlog)
        if held is not self._held and not self.transport.is_closing():
            self._held = held
            if held:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    def _when_drained(self, action: Callable[[], None]) -> None:
        """Do *action* when the other end's system has taken everything.

        Nobody tells when that is so (tcp(7) has only the question SIOCOUTQ), so it is asked,
        ever less often, and whenever something comes from there. It is never so of what an
        old client was not told, because too much waited for it.
        """
        if self._pacer is not None:
            self._host.flush_paced()
        self._undrained.append(action)
        self._acknowledged = None
        if self._drain_timer is None:
            self._look_if_drained(DRAIN_S)

    def _look_early(self) -> None:
        """Something came from the other end: perhaps that has everything by now."""
        # Of TLS there must be a round of the loop between two looks (see `_is_calm`).
        if self._undrained and not self.peer.secure:
            self._look_if_drained(DRAIN_S)

    def _look_if_drained(self, wait_s: float) -> None:
        if self._drain_timer is not None:
            self._drain_timer.cancel()
            self._drain_timer = None
        if self.transport.is_closing():
            self._undrained.clear()
        elif self._is_draining():
            next_s = min(2 * wait_s, DRAIN_MOST_S)
            self._drain_timer = self._loop.call_later(wait_s, self._look_if_drained, next_s)
        else:
            actions = self._undrained.copy()
            self._undrained.clear()
            for action in actions:
                self._guarded(action)

    def _is_draining(self) -> bool:
        """Whether something that was sent has not reached the other end's system."""
        if self.transport.get_write_buffer_size() or (self._pacer and self._pacer.waiting):
            return True
        sock = self.transport.get_extra_info("socket")
        try:
            answer = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, _NO_BYTES)
        except OSError:  # not Linux: what the system has taken counts as arrived
            return False
        return answer != _NO_BYTES or (self.peer.secure and not self._is_calm(sock))

    def _is_calm(self, sock: socket.socket) -> bool:
        """Whether nothing has arrived there since the last look at a TLS connection.

        Its transport does not tell what the one below it holds. But that one writes in every
        round of the loop in which the system has room: where everything that the system took
        has arrived, and nothing more since the last look, it holds nothing.
        """
        try:
            info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED.stop)
        except (AttributeError, OSError):  # not Linux, not TCP
            return True
        before, self._acknowledged = self._acknowledged, info[_BYTES_ACKED]
        return self._acknowledged == before

    def _wake(self) -> None:
        session = self.session
        if session is not None and not session.closing:
            self._guarded(session.advance)

    def tick(self, now: float) -> None:
        """Let the session see to what is overdue."""
        session = self.session
        if self._held and self._is_reset():
            self.transport.abort()
        elif session is not None and not session.closing:
            self._guarded(lambda: session.tick(now))

    def _is_reset(self) -> bool:
        """Whether the other end is gone; the loop does not look while nothing is read."""
        sock = self.transport.get_extra_info("socket")
        return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def _is_http(self, data: bytes) -> bool:
        """Whether this is a browser, perhaps sent here by a page to say things to us."""
        head = (self._head or b"") + data[:_LONGEST_VERB]
        self._head = None if len(head) >= _LONGEST_VERB else head
        return head.startswith(_HTTP_VERBS)

    def _soon(self, action: Callable[[], object]) -> None:
        """Do *action* in the next turn; in this one refusals are told when a batch is over."""
        self._loop.call_soon(self._guarded, action)

    def _guarded(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception:
            self._broken()

    def _broken(self) -> None:
        """A fault of ours: it costs this connection, and no other."""
        session = self.session
        logger.exception("fault", protocol=session.protocol if session else "")
        if session is not None and not session.closing:
            try:
                session.end("Internal error")
            except Exception:
                logger.exception("fault while closing")
                self.transport.abort()

    def _finish(self) -> None:
        """Close, but let the other end read what was sent: a close with unread input
        would make the kernel throw it away."""
        if self.transport.is_closing():
            return
        self._host.flush_paced()
        if self._pacer is not None and self._pacer.waiting:
            # What does not go out in time goes out glued, rather than not at all.
            wait_s = min(self._pacer.drain_s, LINGER_S)
            self._loop.call_later(wait_s, self._finish_glued, self._pacer)
            return
        if self.transport.can_write_eof() and not self._ended:
            self.transport.write_eof()
            self.hold(False)
            self._loop.call_later(LINGER_S, self.transport.abort)
        else:
            self.transport.close()

    def _finish_glued(self, pacer: Pacer) -> None:
        if not self.transport.is_closing():
            pacer.flush()
            self._finish()


def _drop(_data: bytes) -> None:
    """What is sent to a connection that is gone."""
