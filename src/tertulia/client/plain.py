"""The client without a screen: lines in, lines out, for programs and for readers of screens.

What is said, and answers, go to standard output; what is about the connection, and what went
wrong, to standard error.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TextIO

from tertulia.client import answers
from tertulia.client.commands import Here, Mistake, parse
from tertulia.client.connection import Connection
from tertulia.client.local import local_lines
from tertulia.client.session import events as ev
from tertulia.client.session import intents
from tertulia.client.session.model import Buffer, BufferKind, Delivery, Kind, Message
from tertulia.client.session.wire import harmless
from tertulia.client.start import Chat
from tertulia.client.words import state_words

LINES_AHEAD = 100
"""So many lines are read before those in front of them were taken."""
LINE_BYTES = 65_536
_TELLING = frozenset(
    {Kind.POKE, Kind.ACTION, Kind.JOIN, Kind.PART, Kind.QUIT, Kind.KICK, Kind.NICK, Kind.TOPIC}
    | {Kind.MODE, Kind.INVITE, Kind.NETSPLIT, Kind.NETJOIN}
)


class PlainChat:
    """Reads lines and writes lines. The exit status is 1 where something could not be done."""

    def __init__(self, chat: Chat, out: TextIO, errors: TextIO) -> None:
        self._chat = chat
        self._session = chat.session
        self._words = chat.home.words
        self._out, self._errors = out, errors
        self._connection: Connection = chat.connect(self._take)
        self._news = asyncio.Event()
        self._buffer = self._first_buffer()
        self._syncs = self._synced = 0
        """How often it was asked whether all is done, and the last time that was answered."""
        self._is_leaving, self._reason = False, ""
        self._was_online = False
        self._read_at = dict(self._session.settings.read_at)
        """What was shown at another time is not shown again."""
        self._looks_back: set[str] = set()
        self._unreachable: set[str] = set()
        self.status = 0

    def _first_buffer(self) -> Buffer:
        channels = [one for one in self._session.model if one.is_channel]
        return channels[0] if channels else self._session.model.server

    async def run(self, lines: asyncio.Queue[str | None]) -> int:
        """Take *lines* until there are no more, and leave when all that they said is stored."""
        online = asyncio.create_task(self._connection.run())
        typing = asyncio.create_task(self._type(lines))
        try:
            await asyncio.wait({online, typing}, return_when=asyncio.FIRST_COMPLETED)
            for done in (one for one in (online, typing) if one.done()):
                done.result()
            if typing.done() and not online.done():
                self._connection.do(intents.Quit(self._reason))
                await online
        finally:
            for task in (online, typing):
                task.cancel()
            await asyncio.gather(online, typing, return_exceptions=True)
        return self.status

    # What is typed

    async def _type(self, lines: asyncio.Queue[str | None]) -> None:
        await self._done()  # one is in the room then
        while not self._is_leaving and (line := await lines.get()) is not None:
            await self._until(lambda: len(self._session.outbox) < LINES_AHEAD)
            await self._typed(harmless(line))
        await self._done()

    async def _typed(self, line: str) -> None:
        here = Here(self._buffer, self._session, self._words)
        try:
            results = parse(line, here)
        except Mistake as mistake:
            self._fail(str(mistake))
            return
        for result in results:
            if not isinstance(result, intents.Intent):
                await self._done()  # it is told of what was done before
                for text in local_lines(result, here):
                    self._say(text)
                continue
            if isinstance(result, intents.Quit):
                self._is_leaving, self._reason = True, result.reason
                return
            self._connection.do(result)
            self._go_along(result)

    def _go_along(self, intent: intents.Intent) -> None:
        """Go where what is typed next is to be said; show again what was asked for again."""
        if isinstance(intent, intents.LoadOlder):
            self._looks_back.add(intent.target)
        if isinstance(intent, intents.Join | intents.OpenQuery):
            name = intent.channel if isinstance(intent, intents.Join) else intent.nick
            found = self._session.model.get(self._session.resolve(name))
            found = found or self._session.model.get(f"#{name}")
            self._buffer = found or self._buffer

    async def _done(self) -> None:
        """Wait until the server has stored, or refused, all, and has answered all."""
        session, since = self._session, self._synced
        while self._synced == since:
            await self._until(lambda: session.is_settled and not session.has_unsent)
            self._syncs += 1
            self._connection.do(intents.Sync(str(self._syncs)))
            await self._until(lambda: self._synced == self._syncs or not session.is_settled)

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            self._news.clear()
            await self._news.wait()

    # What happens

    def _take(self, events: list[ev.Event]) -> None:
        for event in events:
            self._took(event)
        self._news.set()

    def _took(self, event: ev.Event) -> None:
        match event:
            case ev.Added(buffer, message):
                self._show(buffer, (message,))
            case ev.Merged(buffer, messages):
                since = 0 if buffer.name in self._looks_back else self._read_at.get(buffer.name, 0)
                self._show(buffer, [one for one in messages if one.at > since])
            case ev.Changed(buffer, message) if message.delivery is Delivery.FAILED:
                self._fail(f"{buffer.name}: {message.text}: {message.why}")
            case ev.Joined(buffer, own=True) if self._buffer.kind is BufferKind.SERVER:
                self._buffer = buffer
            case ev.StateChanged(state, why):
                self._state(state, why)
            case ev.CertificateChanged(address, old, new):
                self._certificate(address, old, new)
            case ev.Synced(token):
                self._synced = int(token)
            case ev.Found(hits=hits):
                for name, message in hits:
                    self._say(self._line(name, message))
            case _:
                self._answer(event)

    def _answer(self, event: ev.Event) -> None:
        if isinstance(event, ev.Reply) and answers.is_chatter(event):
            return
        for told in answers.lines(event, self._words):
            if isinstance(event, ev.Refused | ev.CredentialRefused):
                self._fail(told.text)
            elif isinstance(event, ev.NickTaken) or answers.is_for_server(event):
                self._note(told.text)
            else:
                self._say(told.text)

    def _state(self, state: ev.State, why: str) -> None:
        """Tell how the connection is. Where there never was one, it is given up when no server
        can be reached: a program would wait for ever."""
        self._was_online = self._was_online or state is ev.State.ONLINE
        if state in (ev.State.WAITING, ev.State.OFFLINE) and why and not self._is_leaving:
            address = self._session.link.address
            self._unreachable.add(str(address))
            given_up = state is ev.State.OFFLINE or (
                not self._was_online and len(self._unreachable) >= len(self._session.link.addresses)
            )
            retry_at, now = self._session.retry_at, self._session.clock.now()
            shown = ev.State.OFFLINE if given_up else state
            wait_s = None if retry_at is None else max(0.0, retry_at - now)
            text = f"{address}: {state_words(shown, why, wait_s, self._words)}"
            if given_up:
                self._fail(text)
                self._session.stop()
            else:
                self._note(text)

    def _certificate(self, address: str, old: str, new: str) -> None:
        _ = self._words
        text = _(
            "{address}: the certificate was {old}, and is {new}. If whoever runs the server says"
            " that this is right: tertulia chat {address} --trust {new}"
        )
        self._fail(text.format(address=address, old=old, new=new))

    # What is written

    def _show(self, buffer: Buffer, messages: Sequence[Message]) -> None:
        for message in messages:
            self._say(self._line(buffer.name, message))
        if messages and buffer.name:
            self._connection.do(intents.MarkRead(buffer.name))

    def _line(self, name: str, message: Message) -> str:
        text = answers.plain(message, self._words)
        by = self._session.show_name(message.by, message.account)
        if message.kind in _TELLING:
            text = f"* {text}"
        else:
            text = f"-{by}- {text}" if message.kind is Kind.NOTICE else f"<{by}> {text}"
        return f"{datetime.fromtimestamp(message.at / 1000):%H:%M} {name} {text}"

    def _say(self, text: str) -> None:
        self._write(self._out, text)

    def _note(self, text: str) -> None:
        self._write(self._errors, f"tertulia: {text}")

    def _fail(self, text: str) -> None:
        self.status = 1
        self._note(text)

    def _write(self, file: TextIO, text: str) -> None:
        try:
            print(text, file=file, flush=True)
        except BrokenPipeError:
            # Who reads has seen enough: what was typed is sent all the same.
            os.dup2(os.open(os.devnull, os.O_WRONLY), file.fileno())


async def run_plain(chat: Chat) -> int:
    """Be in the chat with standard input and output; return the exit status."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue(LINES_AHEAD)
    plain = PlainChat(chat, sys.stdout, sys.stderr)
    task = asyncio.create_task(plain.run(lines))
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    threading.Thread(target=_read, args=(loop, lines), daemon=True).start()
    try:
        return await task
    except asyncio.CancelledError:
        return 130
    finally:
        await chat.close()


def _read(loop: asyncio.AbstractEventLoop, lines: asyncio.Queue[str | None]) -> None:
    """Read standard input, in a thread, because a file cannot be waited for."""

    def put(line: str | None) -> None:
        asyncio.run_coroutine_threadsafe(lines.put(line), loop).result()

    try:
        rest = b""
        # What is buffered would be locked when the program ends while this still reads.
        while data := os.read(sys.stdin.fileno(), LINE_BYTES):
            *whole, rest = (rest + data).split(b"\n")
            if len(rest) >= LINE_BYTES:
                whole, rest = [*whole, rest], b""
            for raw in whole:
                put(raw.decode("utf-8", "replace").rstrip("\r"))
        if rest:
            put(rest.decode("utf-8", "replace"))
        put(None)
    except (concurrent.futures.CancelledError, RuntimeError, OSError, ValueError):
        return  # the program ends
