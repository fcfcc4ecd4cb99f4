"""A connection between a transport and a session: in slices, in order, and no further than
its own fault."""

import json
import socket
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest
import structlog

from tertulia.cli.logs import configure_logs
from tertulia.domain.errors import ChatError
from tertulia.protocols.session import Drain, HashPassword, Peer, Session, Written
from tertulia.server import connection as module
from tertulia.server import pacing
from tertulia.server.connection import LINGER_S, SLICE_BYTES, Connection
from tertulia.server.pacing import Cut, Cutter, Metronome
from tertulia.server.settings import LogSettings
from tests.server.kit import Loop

VERBS = ["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "CONNECT", "TRACE"]


class Transport:
    """A transport that notes what is done with it."""

    def __init__(self, name: Any = ("::ffff:192.0.2.1", 40_000)) -> None:
        self.extra = {
            "peername": name,
            "sslcontext": object(),
            "socket": SimpleNamespace(setsockopt=lambda *_: None),
        }
        self.written: list[bytes] = []
        self.reading = True
        self.aborted = self.closed = self.ended = False
        self.high = 0
        self.half_open = True

    def get_extra_info(self, name: str) -> Any:
        return self.extra[name]

    def set_write_buffer_limits(self, high: int) -> None:
        self.high = high

    def write(self, data: bytes) -> None:
        assert not self.ended
        self.written.append(data)

    def get_write_buffer_size(self) -> int:
        return 0

    def can_write_eof(self) -> bool:
        return self.half_open

    def write_eof(self) -> None:
        self.ended = True

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def is_closing(self) -> bool:
        return self.aborted or self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True


class Lines(Session[bytes]):
    """Notes what it is given; some words make it do something."""

    protocol: ClassVar[str] = "lines"

    def __init__(self, shell: Any) -> None:
        super().__init__(cast(Any, None), shell, None)
        self.received: list[bytes] = []
        self.answers: list[Any] = []
        self.ticks: list[float] = []
        self.reason: str | None = None
        self.broken = False

    def greet(self) -> None:
        self.shell.send(b"hello")

    def receive(self, data: bytes) -> None:
        self.received.append(data)
        if data.startswith(b"fault"):
            words = data.decode()
            raise RuntimeError("a fault of ours", len(words))
        if data.startswith(b"ask"):
            self.shell.perform(HashPassword("x"), self.answered)

    def answered(self, answer: Any) -> None:
        if isinstance(answer, Exception):
            raise answer
        self.answers.append(answer)

    def advance(self) -> None:
        self.answers.append("woken")

    def tick(self, now: float) -> None:
        self.ticks.append(now)

    def failed(self, error: ChatError) -> None:
        raise AssertionError

    def end(self, reason: str) -> None:
        if self.broken:
            raise RuntimeError("broken while ending")
        if self.closing:
            return
        self.closing = True
        self.reason = reason
        self.shell.send(b"bye")
        self.shell.close()


class Server:
    """A host whose batches end when the test says so."""

    output_bytes = 5_000

    def __init__(self) -> None:
        self.loop = Loop()
        self.is_congested = False
        self.refuses = False
        self.after: list[Any] = []
        self.requests: list[Any] = []
        self.gone: list[Connection] = []
        self.over = 0

    def open_session(self, shell: Any) -> Any:
        return None if self.refuses else Lines(shell)

    def closed(self, connection: Connection) -> None:
        self.gone.append(connection)

    def send(self, session: Any, data: bytes) -> None:
        session.write(data)

    @property
    def metronome(self) -> Metronome:
        return Metronome(0.5)

    def flush_paced(self) -> None:
        pass

    def cutter(self, cut: Cut) -> Cutter:
        return Cutter(cut)

    def after_batch(self, action: Any) -> None:
        self.after.append(action)

    def batch_over(self) -> None:
        actions, self.after = self.after, []
        for action in actions:
            action()

    def command_over(self) -> None:
        self.over += 1

    def perform(self, request: Any, resume: Any) -> None:
        self.requests.append(resume)


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def connect(server):
    def connect(transport=None):
        connection = Connection(server, cast(Any, server.loop))
        with server.loop.running():
            connection.connection_made(cast(Any, transport or Transport()))
        return connection, connection.transport, connection.session

    return connect


# Coming


def test_a_session_begins(server, connect):
    connection, transport, _session = connect()
    assert transport.written == [b"hello"]
    assert connection.peer == Peer("192.0.2.1", 40_000, True)
    assert transport.high == server.output_bytes
    connection.command_over()
    assert server.over == 1


def test_who_is_refused_is_let_go(server, connect):
    server.refuses = True
    connection, transport, _ = connect()
    assert transport.closed
    connection.data_received(b"x")
    connection.send(b"x")
    connection.tick(1)
    connection.pause_writing()
    connection.eof_received()
    connection.connection_lost(None)
    assert server.gone == [connection]
    assert transport.written == []


def test_who_is_gone_already_has_no_address(server, connect):
    connection, transport, session = connect(Transport(name=None))
    assert transport.aborted
    assert session is None
    connection.connection_lost(None)


# What comes in


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("step", [1, 3, 100])
def test_a_browser_is_sent_away(connect, verb, step):
    connection, transport, session = connect()
    request = f"{verb} / HTTP/1.1\r\nHost: x\r\n\r\nNICK ana\r\n".encode()
    for start in range(0, len(request), step):
        if not transport.aborted:
            connection.data_received(request[start : start + step])
    assert transport.aborted
    assert b"NICK" not in b"".join(session.received)


@pytest.mark.parametrize("start", [b"GETX a", b"get / ", b"NICK GET ", b"\nGET / ", b"GETTING"])
def test_what_is_no_request_is_taken(connect, start):
    connection, transport, session = connect()
    for byte in start:
        connection.data_received(bytes([byte]))
    connection.data_received(b"\r\nGET / HTTP/1.1\r\n")
    assert not transport.aborted
    assert b"".join(session.received) == start + b"\r\nGET / HTTP/1.1\r\n"


def test_much_is_taken_in_slices_between_which_others_have_their_turn(server, connect):
    connection, transport, session = connect()
    data = bytes(range(256)) * 160
    connection.data_received(data)
    assert len(session.received) == 1
    assert not transport.reading
    seen = []
    server.loop.call_soon(lambda: seen.append(len(session.received)))
    connection.data_received(b"and more")  # was on its way when reading paused
    server.loop.run()
    assert seen[0] < len(session.received)
    assert b"".join(session.received) == data + b"and more"
    assert all(len(part) <= SLICE_BYTES for part in session.received)
    assert transport.reading


def test_while_held_nothing_is_read_and_what_came_waits(server, connect):
    connection, transport, session = connect()
    connection.hold(True)
    assert not transport.reading
    connection.data_received(b"x" * (SLICE_BYTES + 1))
    server.loop.run()
    assert session.received == []
    connection.hold(True)
    connection.hold(False)
    server.loop.run()
    assert b"".join(session.received) == b"x" * (SLICE_BYTES + 1)
    assert transport.reading


def test_a_session_that_holds_in_the_middle_is_waited_for(server, connect):
    connection, transport, session = connect()
    session.receive = lambda data: (session.received.append(data), connection.hold(True))[0]
    connection.data_received(b"x" * SLICE_BYTES * 3)
    server.loop.run()
    assert len(session.received) == 1
    for count in (2, 3):
        connection.hold(False)
        server.loop.run()
        assert len(session.received) == count
    assert not transport.reading
    connection.hold(False)
    assert transport.reading


def test_nobody_is_listened_to_while_too_much_waits_for_the_disk(server, connect):
    connection, transport, session = connect()
    server.is_congested = True
    connection.data_received(b"one")
    connection.data_received(b"two")
    assert session.received == []
    assert not transport.reading
    server.batch_over()
    assert session.received == []
    server.is_congested = False
    server.batch_over()
    server.loop.run()
    assert b"".join(session.received) == b"onetwo"
    assert transport.reading


def test_after_the_end_nothing_is_taken(server, connect):
    connection, _transport, session = connect()
    connection.data_received(b"x" * SLICE_BYTES * 3)
    session.end("bye")
    connection.data_received(b"more")
    server.loop.run()
    assert len(session.received) == 1


def test_time_is_told(server, connect):
    connection, _, session = connect()
    server.loop.now = 107
    assert connection.now() == 107
    connection.data_received(b"x")
    assert session.last_heard == 107
    connection.tick(108)
    connection.wake_in(3)
    server.loop.advance(2)
    assert session.answers == []
    server.loop.advance(2)
    assert session.answers == ["woken"]
    session.closing = True
    connection.tick(109)
    connection.wake_in(0)
    server.loop.advance(1)
    assert (session.ticks, session.answers) == ([108], ["woken"])


def test_a_request_is_answered(server, connect):
    connection, _, session = connect()
    connection.data_received(b"ask")
    server.requests[0]("the answer")
    assert session.answers == ["the answer"]


# What goes out, and the end


def test_frames_are_paced_and_the_close_waits_for_them(server, connect):
    connection, transport, session = connect()
    with server.loop.running():
        connection.pace(lambda data: [data[:2], data[2:4], data[4:]], lambda count: b"")
    session.write(b"aabbcc")
    assert transport.written[1:] == [b"aa"]
    connection.close()
    server.batch_over()
    assert not transport.ended
    server.loop.advance(LINGER_S)
    assert transport.written[1:] == [b"aa", b"bb", b"cc"]
    assert transport.ended
    server.loop.advance(LINGER_S)
    assert transport.aborted


def test_what_does_not_go_out_in_time_goes_out_glued(server, connect):
    connection, transport, session = connect()
    with server.loop.running():
        connection.pace(lambda data: [bytes([c]) for c in data], lambda count: b"")
    session.write(b"x" * 100)
    connection.close()
    server.batch_over()
    server.loop.advance(LINGER_S)
    assert b"".join(transport.written) == b"hello" + b"x" * 100
    assert transport.ended


def test_without_a_pace_what_waits_goes_at_once(server, connect):
    connection, transport, session = connect()
    with server.loop.running():
        connection.pace(lambda data: [bytes([c]) for c in data], lambda count: b"")
    session.write(b"abc")
    connection.pace(None, lambda count: b"")
    session.write(b"def")
    assert b"".join(transport.written) == b"helloabcdef"
    server.loop.advance(10)
    assert b"".join(transport.written) == b"helloabcdef"


def test_the_other_end_can_read_the_last_words(server, connect):
    connection, transport, session = connect()
    session.end("bye")
    assert not transport.ended
    server.batch_over()
    assert transport.ended
    assert not transport.closed
    assert transport.written[-1] == b"bye"
    assert not connection.eof_received()  # the other end closes too: that was all
    server.loop.advance(LINGER_S)
    assert transport.aborted


@pytest.mark.parametrize("secure", [True, False])
def test_who_reads_no_more_is_not_waited_for(server, connect, secure):
    connection, transport, session = connect()
    connection.peer = Peer("192.0.2.1", 40_000, secure)
    # What still waits for the disk is sent, where half a connection can stay open.
    assert connection.eof_received() is not secure
    assert session.reason == "Connection closed"
    server.batch_over()
    assert transport.closed
    assert not transport.ended


def test_a_connection_that_cannot_be_half_open_is_closed(server, connect):
    _connection, transport, session = connect()
    transport.half_open = False
    session.end("bye")
    server.batch_over()
    assert transport.closed


@pytest.mark.parametrize(
    ("error", "reason"), [(None, "Connection closed"), (OSError(), "Connection lost")]
)
def test_a_connection_that_is_gone_ends_its_session(server, connect, error, reason):
    connection, transport, session = connect()
    connection.connection_lost(error)
    assert session.reason == reason
    assert server.gone == [connection]
    written = len(transport.written)
    session.write(b"nobody hears this")
    transport.closed = True
    server.batch_over()
    assert len(transport.written) == written
    assert not transport.ended


def test_who_does_not_read_is_closed_with_the_reason(server, connect):
    connection, transport, session = connect()
    connection.pause_writing()
    assert session.reason == "Output queue exceeded (5000 bytes)"
    assert transport.aborted
    written = len(transport.written)
    session.write(b"more")
    assert len(transport.written) == written


# Faults of ours


@pytest.fixture
def log(capsys):
    """What is logged, as it is written."""
    yield lambda: capsys.readouterr().err
    structlog.reset_defaults()


@pytest.mark.parametrize("form", ["json", "human"])
def test_a_fault_costs_one_connection_and_its_words_are_not_logged(
    server, connect, log, monkeypatch, form
):
    configure_logs(LogSettings(format=form))
    monkeypatch.setattr(module, "logger", structlog.get_logger())
    connection, transport, session = connect()
    _, other, another = connect()
    connection.data_received(b"fault: a secret of mine")
    assert session.reason == "Internal error"
    server.batch_over()
    assert transport.ended
    assert not other.is_closing()
    assert another.reason is None
    logged = log()
    assert "secret" not in logged
    assert "a fault of ours" in logged
    assert "lines" in logged
    if form == "json":
        [line] = logged.splitlines()
        assert json.loads(line)["level"] == "error"


@pytest.mark.parametrize("where", ["eof", "tick", "advance", "greet"])
def test_a_fault_anywhere_ends_the_session(server, connect, monkeypatch, where):
    def broken(*_more):
        raise RuntimeError

    if where == "greet":
        monkeypatch.setattr(Lines, "greet", broken)
    connection, _, session = connect()
    if where != "greet":
        monkeypatch.setattr(session, where, broken)
        {
            "eof": connection.eof_received,
            "tick": lambda: connection.tick(1),
            "advance": connection._wake,
        }[where]()
    assert session.reason == "Internal error"


def test_an_answer_that_is_a_fault_ends_the_session(server, connect):
    connection, _, session = connect()
    connection.data_received(b"ask")
    server.requests[0](RuntimeError("no page"))
    assert session.reason == "Internal error"


def test_a_fault_while_ending_aborts(server, connect):
    connection, transport, session = connect()
    session.broken = True
    connection.data_received(b"fault")
    assert transport.aborted


def test_nothing_is_written_to_who_went_while_frames_waited(server, connect):
    connection, transport, session = connect()
    with server.loop.running():
        connection.pace(
            lambda data: [data[i : i + 4] for i in range(0, len(data), 4)], lambda _count: b""
        )
        session.write(b"aaaabbbb")
    connection.connection_lost(None)
    server.loop.advance(5)
    assert transport.written == [b"hello", b"aaaa"]


def test_what_an_old_client_was_not_told_has_not_arrived(server, connect, monkeypatch):
    monkeypatch.setattr(pacing, "FRAMES_MOST", 3)
    connection, transport, session = connect()
    sock, other = socket.socketpair()
    transport.extra["socket"] = sock
    with server.loop.running():
        connection.pace(
            lambda data: [data[i : i + 4] for i in range(0, len(data), 4)], b"%dxx".__mod__
        )
    arrived = []
    for data in (b"aaaabbbb", b"ccccdddd"):
        session.write(data)
        connection.perform(Drain(), lambda _, data=data: arrived.append(data))
        server.batch_over()
    session.write(b"eeee")
    assert arrived == []
    session.write(b"ffff")
    connection.perform(Drain(), lambda _: arrived.append(b"ffff"))
    server.batch_over()
    server.loop.advance(5)
    assert transport.written == [b"hello", b"aaaa", b"4xx", b"ffff"]
    assert arrived == [b"ffff"]
    sock.close()
    other.close()


def test_what_was_gathered_for_an_old_client_comes_before_what_is_not_paced(server, connect):
    connection, transport, session = connect()
    with server.loop.running():
        connection.pace(lambda data: [data], lambda _count: b"")
    server.flush_paced = lambda: session.write(b"gathered")
    connection.pace(None, lambda _count: b"")
    session.write(b"by line")
    assert transport.written == [b"hello", b"gathered", b"by line"]


def test_what_is_written_is_told_when_the_batch_is_over_and_refusals_were_told(server, connect):
    connection, *_ = connect()
    told = []
    connection.perform(Written(), lambda _: told.append("written"))
    server.loop.advance(5)
    assert told == []
    server.batch_over()
    told.append("refused")
    server.loop.run()
    assert told == ["refused", "written"]


def test_under_tls_the_transport_below_may_hold_what_has_not_arrived(server, connect):
    connection, transport, session = connect()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        transport.extra["socket"] = sock = listener.accept()[0]
    arrived = []
    session.write(b"a page")
    connection.perform(Drain(), lambda _: arrived.append(1))
    server.batch_over()
    for until_next_look in (0.01, 0.02, 0.04):
        # The system has room again, and the transport below goes on.
        sock.send(b"x" * 100)
        client.recv(100, socket.MSG_WAITALL)
        connection.data_received(b"something")
        server.loop.advance(until_next_look)
        assert arrived == []
    server.loop.advance(5)
    assert arrived == [1]
    sock.close()
    client.close()
