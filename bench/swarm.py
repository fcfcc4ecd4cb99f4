"""Many IRC clients in one thread: non-blocking sockets, one epoll, one big buffer.

Nothing is parsed on the hot path: a chunk is read into a shared buffer, cut after its
last newline, and the occurrences of one pattern are counted in it by `bytearray.count`.
The incomplete rest of a line is kept for the next chunk, so a pattern is never missed
and never counted twice.
"""

from __future__ import annotations

import errno
import re
import select
import socket
import time
from collections.abc import Callable, Sequence

PRIVMSG = b" PRIVMSG "
WELCOME = b" 001 "
_BUFFER_BYTES = 1 << 20
_PING = re.compile(rb"^(?::\S+ )?PING ([^\r\n]*)", re.MULTILINE)
_STALL_SECONDS = 20.0

Address = tuple[str, int]
Watcher = Callable[[bytearray, int], None]


class SwarmError(Exception):
    """The server did not do what the workload needs; the text says what is missing."""


class Client:
    """One connection. `counted` is how often the current pattern was seen in it."""

    __slots__ = ("counted", "fd", "last", "nick", "pending", "sock", "tail")

    def __init__(self, sock: socket.socket, nick: str) -> None:
        self.sock = sock
        self.fd = sock.fileno()
        self.nick = nick
        self.pending = b""
        self.tail = b""
        self.counted = 0
        self.last = b""


class Swarm:
    """The clients of one workload. Not thread-safe; one instance per server process."""

    def __init__(self, address: Address, prefix: str = "a") -> None:
        """`prefix`: the letter in front of every nickname (all have the same length)."""
        self.clients: list[Client] = []
        self.stray = 0
        self.polled_at = 0.0
        self.watch: Watcher | None = None
        self.quick_ack = False
        self._address = address
        self._prefix = prefix
        self._by_fd: dict[int, Client] = {}
        self._epoll = select.epoll()
        self._buffer = bytearray(_BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._careful = True
        self._fences = 0

    # -- connecting -----------------------------------------------------------------

    def grow(self, size: int, window: int) -> None:
        """Connect and register until there are `size` clients, `window` at a time.

        The window keeps the listener's backlog from overflowing (ngircd's is 10), which
        would cost a second per lost SYN. Returns when every client has been fenced.
        """
        done = len(self.clients)
        progress = Progress(f"registering {size} clients")
        while done < size:
            while len(self.clients) < min(size, done + window):
                self._launch()
            welcomed = self.pump(WELCOME)
            progress.note(welcomed, f"{done} registered")
            done += welcomed
        self.fence()

    def _launch(self) -> None:
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        failure = sock.connect_ex(self._address)
        if failure not in (0, errno.EINPROGRESS):
            sock.close()
            raise SwarmError(f"connecting failed: {errno.errorcode.get(failure, failure)}")
        client = Client(sock, f"{self._prefix}{len(self.clients):05d}")
        client.pending = f"NICK {client.nick}\r\nUSER bench 0 * :bench\r\n".encode()
        self.clients.append(client)
        self._by_fd[client.fd] = client
        self._epoll.register(client.fd, select.EPOLLIN | select.EPOLLOUT)

    def close(self) -> None:
        """Close all connections; best after the server ended, so it keeps the TIME_WAIT."""
        for client in self.clients:
            client.sock.close()
        self._epoll.close()
        self._by_fd.clear()

    # -- sending ----------------------------------------------------------------------

    def send(self, client: Client, data: bytes) -> None:
        """Send now what the socket takes, the rest as soon as it takes more."""
        if client.pending:
            client.pending += data
            return
        try:
            sent = client.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise self._lost(client, error.strerror) from error
        if sent < len(data):
            client.pending = data[sent:]
            self._epoll.modify(client.fd, select.EPOLLIN | select.EPOLLOUT)

    def _flush(self, client: Client) -> None:
        data, client.pending = client.pending, b""
        self._epoll.modify(client.fd, select.EPOLLIN)
        if data:
            self.send(client, data)

    # -- receiving --------------------------------------------------------------------

    def pump(self, pattern: bytes, timeout: float = 0.1) -> int:
        """Read each readable socket once; how often `pattern` was in complete lines.

        Waits up to `timeout` seconds for the first readable socket.
        """
        ready = self._epoll.poll(timeout)
        self.polled_at = time.perf_counter()
        total = 0
        for fd, mask in ready:
            client = self._by_fd[fd]
            if mask & select.EPOLLOUT:
                self._flush(client)
            if mask & ~select.EPOLLOUT:
                total += self._read(client, pattern)
        return total

    def _read(self, client: Client, pattern: bytes) -> int:
        buffer = self._buffer
        start = len(client.tail)
        try:
            if start:
                buffer[:start] = client.tail
                size = client.sock.recv_into(self._view[start:])
            else:
                size = client.sock.recv_into(buffer)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._lost(client, error.strerror) from error
        if not size:
            raise self._lost(client, "closed by the server")
        if self.quick_ack:  # not sticky (tcp(7)), so after every read
            client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        size += start
        end = buffer.rfind(b"\n", 0, size) + 1
        client.tail = b"" if end == size else bytes(self._view[end:size])
        found = buffer.count(pattern, 0, end)
        client.counted += found
        if self._careful or not found:
            self._inspect(client, end)
        if self.watch is not None:
            self.watch(buffer, end)
        return found

    def _inspect(self, client: Client, end: int) -> None:
        """Off the hot path: answer the server's PING, remember the last line, count strays."""
        lines = bytes(self._view[:end])
        if b"PING " in lines:
            for token in _PING.findall(lines):
                self.send(client, b"PONG " + token + b"\r\n")
        self.stray += lines.count(PRIVMSG)
        client.last = lines[-300:]

    def _lost(self, client: Client, why: str | None) -> SwarmError:
        last = client.last.decode(errors="replace").strip().rpartition("\n")[2]
        return SwarmError(f"connection of {client.nick} lost ({why}); last line: {last!r}")

    # -- waiting ----------------------------------------------------------------------

    def hot(self, on: bool) -> None:
        """On: only count (a PING is answered when it comes alone). Off: look at all lines."""
        self._careful = not on
        for client in self.clients:
            client.counted = 0

    def await_each(self, pattern: bytes, clients: Sequence[Client] | None = None) -> None:
        """Wait until each of the clients (all by default) has received `pattern`."""
        waiting = self.clients if clients is None else clients
        progress = Progress(f"waiting for {pattern.decode().strip()!r} in {len(waiting)} clients")
        total = 0
        while total < len(waiting) or not all(client.counted for client in waiting):
            found = self.pump(pattern)
            total += found
            progress.note(found, f"{total} arrived")

    def fence(self) -> None:
        """PING from every client, and wait for every PONG.

        Each connection is ordered, so whatever the server had queued for a client before
        is read by then. `stray` counts the PRIVMSG lines that came in while fencing.
        """
        self.hot(False)
        self.stray = 0
        self._fences += 1
        token = b"fence%06d" % self._fences
        for client in self.clients:
            self.send(client, b"PING " + token + b"\r\n")
        self.await_each(token)


class Progress:
    """Raises SwarmError when nothing happened for a while."""

    def __init__(self, what: str, seconds: float = _STALL_SECONDS) -> None:
        self._what = what
        self._seconds = seconds
        self._since = time.perf_counter()

    def note(self, moved: int, state: str) -> None:
        """`moved`: what arrived since the last call; 0 is no progress."""
        now = time.perf_counter()
        if moved:
            self._since = now
        elif now - self._since > self._seconds:
            raise SwarmError(f"stalled for {self._seconds:.0f} s: {self._what}; {state}")
