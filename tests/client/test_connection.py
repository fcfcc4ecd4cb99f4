"""The connection: to the next address, certificates that change, the end."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable

import pytest
import trustme

from tertulia.client import Address, Connection, Forgetful, Session, SessionSettings, SystemClock
from tertulia.client.connection import words_of
from tertulia.client.session import intents, link
from tertulia.client.session.events import (
    CertificateChanged,
    CertificateNew,
    Event,
    State,
    StateChanged,
)

WELCOME = b":irc.example 001 ana :Welcome\r\n:irc.example 422 ana :no MOTD\r\n"
PATIENCE_S = 10


class Server:
    """Welcomes everybody; what it is told is kept."""

    def __init__(self) -> None:
        self.got = b""
        self.writers: list[asyncio.StreamWriter] = []

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        writer.write(WELCOME)
        with contextlib.suppress(OSError):
            while data := await reader.read(4096):
                self.got += data
                for line in data.split(b"\r\n"):
                    if line.startswith(b"PING "):
                        writer.write(b":irc.example PONG irc.example " + line[5:] + b"\r\n")
        writer.close()

    @contextlib.asynccontextmanager
    async def running(
        self, context: ssl.SSLContext | None = None, port: int = 0
    ) -> AsyncIterator[int]:
        server = await asyncio.start_server(self.accept, "127.0.0.1", port, ssl=context)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for writer in self.writers:
                writer.close()


class Shell:
    """A connection whose events are kept."""

    def __init__(self, *addresses: Address) -> None:
        self.events: list[Event] = []
        self.news = asyncio.Event()
        settings = SessionSettings(nick="ana", addresses=addresses)
        self.session = Session(settings, SystemClock(), "seed0")
        self.connection = Connection(self.session, self._take, Forgetful())

    def _take(self, events: list[Event]) -> None:
        self.events += events
        self.news.set()

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not is_so():
                self.news.clear()
                await self.news.wait()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.connection.run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def is_online(self) -> bool:
        return self.session.is_settled


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "FIRST_S", 0.005)


def context_of(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


async def test_where_nobody_is_the_next_address_is_tried() -> None:
    server = Server()
    async with server.running() as port:
        shell = Shell(Address("127.0.0.1", 1), Address("127.0.0.1", port))
        async with shell.running() as task:
            await shell.until(shell.is_online)
            shell.connection.do(intents.Quit("bye"))
            async with asyncio.timeout(PATIENCE_S):
                await task
    assert server.got.endswith(b"QUIT bye\r\n")
    reasons = [event.why for event in shell.events if isinstance(event, StateChanged)]
    assert "Connection refused" in reasons


async def test_when_a_server_goes_another_one_is_found() -> None:
    first, second = Server(), Server()
    async with second.running() as other:
        async with first.running() as port:
            shell = Shell(Address("127.0.0.1", port))
            running = shell.running()
            await running.__aenter__()
            await shell.until(shell.is_online)
        shell.connection.add_addresses([Address("127.0.0.1", other)])
        await shell.until(lambda: bool(second.writers) and shell.is_online())
        await running.__aexit__(None, None, None)


async def test_a_certificate_that_changes_is_refused_until_it_is_trusted() -> None:
    async with Server().running(context_of(trustme.CA())) as port:
        address = Address("127.0.0.1", port, tls=True)
        shell = Shell(address)
        async with shell.running():
            await shell.until(shell.is_online)
        [new] = [event for event in shell.events if isinstance(event, CertificateNew)]
    async with Server().running(context_of(trustme.CA()), port):
        shell.session.lost()
        async with asyncio.timeout(PATIENCE_S):
            await shell.connection.run()
        assert shell.session.state is State.OFFLINE
        [changed] = [event for event in shell.events if isinstance(event, CertificateChanged)]
        assert (changed.address, changed.old) == (str(address), new.fingerprint)
        assert changed.new != changed.old
        shell.connection.trust(changed.address)
        async with shell.running():
            await shell.until(shell.is_online)


async def test_nobody_is_asked_after_it_was_given_up() -> None:
    shell = Shell(Address("127.0.0.1", 1))
    async with shell.running() as task:
        await shell.until(lambda: shell.session.state is State.WAITING)
        shell.connection.do(intents.Quit())
        async with asyncio.timeout(PATIENCE_S):
            await task
    assert shell.session.state is State.OFFLINE


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('::1', 1)"), "Connection refused"),
        (OSError("Multiple exceptions: [Errno 111] a, [Errno 111] b"), "Connection refused"),
        (OSError(-2, "Name or service not known"), "Name or service not known"),
        (ssl.SSLError(1, "wrong version"), "TLS: "),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_what_went_wrong_in_words(error: Exception, said: str) -> None:
    assert words_of(error).startswith(said)
