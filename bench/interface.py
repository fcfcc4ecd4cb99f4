"""python -m bench.interface: how quick the terminal client is, in a terminal, with a server that
does nothing but what is measured."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import cast

COLUMNS, ROWS = 120, 40
LINES = 100_000
PAGES = 300
RATE = 1_000
BURST_S = 8.0
KEY_S = 0.04
STARTS = 5
TIMEOUT_S = 60.0
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\a]*\a|[@-Z\\-_=>])")
Figures = dict[str, float]


class Room(asyncio.Protocol):
    """A server with one channel, in which somebody says what is wanted."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._goes_on = asyncio.Event()
        self.entered = asyncio.Event()
        self.heard: list[str] = []
        """What the client said."""

    async def open(self) -> str:
        """Listen; return where."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: self, "127.0.0.1", 0)
        return f"irc://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/#bench"

    def close(self) -> None:
        """Listen no more."""
        assert self._server is not None
        self._server.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client is there."""
        self._transport = cast("asyncio.Transport", transport)
        self._goes_on.set()

    def pause_writing(self) -> None:
        """The client has enough for now."""
        self._goes_on.clear()

    def resume_writing(self) -> None:
        """It has not."""
        self._goes_on.set()

    def data_received(self, data: bytes) -> None:
        """The client says something."""
        *lines, self._rest = (self._rest + data).split(b"\r\n")
        for line in lines:
            self._answer(line.decode().split())

    def _answer(self, words: list[str]) -> None:
        match words:
            case ["CAP", "LS", *_]:
                self._send(":s CAP * LS :message-tags server-time")
            case ["CAP", "REQ", *caps]:
                self._send(f":s CAP * ACK {' '.join(caps)}")
            case ["CAP", "END"]:
                self._send(":s 001 ana :Welcome", ":s 005 ana NETWORK=Bench :are supported")
                self._send(":s 422 ana :no MOTD")
            case ["PING", token, *_]:
                self._send(f":s PONG s {token}")
            case ["PRIVMSG", _target, *said]:
                self.heard.append(" ".join(said).removeprefix(":"))
            case ["JOIN", *_]:
                people = " ".join(f"member{number}" for number in range(50))
                self._send(":ana!a@h JOIN #bench", f":s 353 ana = #bench :ana {people}")
                self._send(":s 366 ana #bench :End")
                self.entered.set()

    def _send(self, *lines: str) -> None:
        assert self._transport is not None
        self._transport.write("".join([f"{line}\r\n" for line in lines]).encode())

    async def say(self, first: int, count: int) -> None:
        """Say so many lines, numbered from *first*."""
        numbers = range(first, first + count)
        self._send(*[f":member{n % 50}!m@h PRIVMSG #bench :{_text(n)}" for n in numbers])
        await self._goes_on.wait()


def _text(number: int) -> str:
    """Return a line of text of an ordinary length, which its number is found in."""
    more = "and what else there is to say about it " * (1 + number % 3)
    return f"line-{number:06} {more}"


class Terminal:
    """A client in a terminal; *shown* is what it wrote since that was cleared, without colours."""

    def __init__(self, uri: str, folder: str) -> None:
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("XDG_")},
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "XDG_CONFIG_HOME": f"{folder}/config",
            "XDG_STATE_HOME": f"{folder}/state",
        }
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        command = [sys.executable, "-m", "tertulia", "chat", uri, "--nick", "ana", "--lang", "en"]
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment,
            start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        os.set_blocking(self._master, False)
        self.shown = ""
        self._raw = b""
        self._news = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._master, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._master)
        # A sequence may be cut in two: what is behind the last escape waits.
        self._raw += data
        whole, cut = self._raw, self._raw.rfind(b"\x1b")
        if cut >= 0 and not _SEQUENCE.match(self._raw[cut:].decode(errors="replace")):
            whole = self._raw[:cut]
        self._raw = self._raw[len(whole) :]
        self.shown += _SEQUENCE.sub("", whole.decode(errors="replace"))
        self._news.set()

    def press(self, keys: str) -> None:
        """Type *keys*."""
        self.shown = ""
        os.write(self._master, keys.encode())

    async def until(self, is_there: Callable[[str], object]) -> float:
        """Wait until what is shown is as *is_there* says; return when that was."""
        async with asyncio.timeout(TIMEOUT_S):
            while not is_there(self.shown):
                self._news.clear()
                await self._news.wait()
        return time.perf_counter()

    def end(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def hang_up(self) -> None:
        """The terminal is gone."""
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        self._master = -1

    async def ended(self) -> int:
        """Wait until it has ended; return its exit status."""
        return await asyncio.to_thread(self._process.wait, TIMEOUT_S)

    def close(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        if self._master >= 0:
            self.hang_up()


@contextmanager
def client(uri: str) -> Iterator[Terminal]:
    """Run a client with files of its own."""
    with tempfile.TemporaryDirectory() as folder:
        terminal = Terminal(uri, folder)
        try:
            yield terminal
        finally:
            terminal.close()


async def start() -> Figures:
    """How long until there is something on the screen, and until one is in the channel."""
    first, inside = [], []
    room = Room()
    uri = await room.open()
    for _ in range(STARTS):
        with client(uri) as terminal:
            first.append(await terminal.until(lambda shown: "›" in shown) - terminal.started)
            inside.append(await terminal.until(lambda shown: "member1" in shown) - terminal.started)
    room.close()
    return {"start.first_screen_ms": 1000 * median(first), "start.inside_ms": 1000 * median(inside)}


async def scroll() -> Figures:
    """How long a page further up takes, from the key to the page, in a long conversation."""
    room = Room()
    uri = await room.open()
    with client(uri) as terminal:
        await room.entered.wait()
        begun = time.perf_counter()
        for number in range(0, LINES, 1000):
            await room.say(number, 1000)
        last = f"line-{LINES - 1:06}"
        taken = await terminal.until(lambda shown: last in shown) - begun
        pages = await _pages(terminal)
        begun = time.perf_counter()
        terminal.press("\x1b[1;5H")
        top = await terminal.until(lambda shown: "line-000000" in shown) - begun
    room.close()
    return {"scroll.lines_taken_per_s": LINES / taken, "scroll.top_ms": 1000 * top, **pages}


async def _pages(terminal: Terminal) -> Figures:
    times, lowest = [], LINES
    for _ in range(PAGES):
        begun = time.perf_counter()
        terminal.press("\x1b[5~")
        times.append(await terminal.until(partial(_is_further, lowest)) - begun)
        await asyncio.sleep(KEY_S)
        lowest = _lowest(terminal.shown, lowest)
    return _percentiles("scroll.page", times)


def _is_further(lowest: int, shown: str) -> bool:
    return _lowest(shown, lowest) < lowest


def _lowest(shown: str, otherwise: int) -> int:
    return min((int(found) for found in re.findall(r"line-(\d{6})", shown)), default=otherwise)


async def burst() -> Figures:
    """How long a typed character takes to appear, while a thousand lines a second are said."""
    room = Room()
    uri = await room.open()
    with client(uri) as terminal:
        await room.entered.wait()
        await terminal.until(lambda shown: "member1" in shown)
        quiet = await _type(terminal, BURST_S / 4)
        said = asyncio.create_task(_keep_saying(room))
        busy = await _type(terminal, BURST_S)
        count = await said
        begun, last = time.perf_counter(), f"line-{count:06}"
        await room.say(count, 1)
        behind = await terminal.until(lambda shown: last in shown) - begun
    room.close()
    return {
        **_percentiles("quiet.key", quiet),
        **_percentiles("burst.key", busy),
        "burst.behind_ms": 1000 * behind,
    }


async def _keep_saying(room: Room) -> int:
    begun, count = time.perf_counter(), 0
    while (passed := time.perf_counter() - begun) < BURST_S:
        due = int(passed * RATE) - count
        await room.say(count, due)
        count += due
        await asyncio.sleep(0.01)
    return count


async def _type(terminal: Terminal, seconds: float) -> list[float]:
    times, end, number = [], time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        number += 1
        word = f"{number}x"
        begun = time.perf_counter()
        terminal.press("\x15" + word)  # Ctrl+U empties the line
        times.append(await terminal.until(partial(_has, word)) - begun)
        await asyncio.sleep(KEY_S)
    terminal.press("\x15")
    return times


def _has(word: str, shown: str) -> bool:
    return word in shown


def _percentiles(name: str, times: Sequence[float]) -> Figures:
    at = quantiles(times, n=100)
    return {f"{name}_p50_ms": 1000 * at[49], f"{name}_p99_ms": 1000 * at[98]}


PARTS = {"start": start, "scroll": scroll, "burst": burst}


def main(arguments: Sequence[str]) -> int:
    """Print the figures; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.interface", description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS), metavar="PART",
        help=f"of {', '.join(PARTS)} (default: all)")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    if wrong := [part for part in options.parts if part not in PARTS]:
        parser.error(f"{wrong[0]!r} is none of {', '.join(PARTS)}")
    figures: Figures = {}
    for part in options.parts:
        for name, value in asyncio.run(PARTS[part]()).items():
            figures[name] = value
            print(f"{name:<28} {value:>10,.1f}", flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
