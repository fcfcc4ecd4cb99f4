"""A network of servers in processes of their own, and what befalls it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.behaviour.networks import data_of
from tests.behaviour.operators import operator_of
from tests.chaos.kit import Server
from tests.chaos.lab import Lab, Streams, Wire, lab, wires

SCHEMES = ("irc", "json", "rech", "chatroom", "pychat", "numeric")
SETTINGS = {
    "LIMITS__COMMANDS_PER_SECOND": 0,
    "HISTORY__SEARCH": "false",
    "HISTORY__TEXT_LOGS": "false",
    "BACKUP__DAILY": "false",
    "NETWORK__DISCOVERY": "false",
    "CHANNELS__GRACE_S": 10,
    "HISTORY__PAGE": 500,
}
LATE_S = (0.5, 8.0)
"""How long a server that was killed is away."""
AGREED_S = 90.0


def fake_clock() -> Path | None:
    """Return the library that shows a program another time, None if there is none."""
    if shutil.which("faketime") is None:
        return None
    found = sorted(Path("/usr").glob("lib*/**/faketime/libfaketimeMT.so.1"))
    return found[0] if found else None


class Member:
    """One of the servers."""

    def __init__(self, lab: Lab, n: int, folder: Path, ahead_s: int = 0) -> None:
        self.n = n
        self.name = f"s{n}.example"
        self.data = data_of(folder, f"s{n}")
        self.ahead_s = ahead_s
        """How far its clock is ahead."""
        self.kills = 0
        self._lab = lab
        self._log = folder / f"s{n}.log"
        self.server: Server | None = None

    async def start(self) -> None:
        flags = ["--name", self.name, "--listen", f"mesh://{self._lab.listens(self.n)}"]
        for scheme in SCHEMES:
            flags += ["--listen", f"{scheme}://127.0.0.1:0"]
        peers = ", ".join([f'"{peer}"' for peer in self._lab.peers(self.n)])
        self.server = await Server.launch(
            self.data,
            self._log,
            flags,
            {**SETTINGS, "NETWORK__PEERS": f"[{peers}]"},
            self._lab.within(self.n),
            self._variables(),
        )

    def _variables(self) -> dict[str, str]:
        library = fake_clock()
        if not self.ahead_s or library is None:
            return {}
        # Only the clock on the wall is wrong; nothing else can be.
        monotonic = {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
        return {"LD_PRELOAD": str(library), "FAKETIME": f"+{self.ahead_s}s", **monotonic}

    async def kill(self) -> None:
        assert self.server is not None
        server, self.server = self.server, None
        self.kills += 1
        await server.kill()

    async def stop(self) -> None:
        if self.server is not None:
            server, self.server = self.server, None
            await server.stop()

    async def come(self, scheme: str) -> Streams:
        """Come to it as a client; `OSError` if it is not there."""
        if self.server is None:
            raise ConnectionRefusedError
        return await self._lab.connect(self.n, self.server.ports[scheme])

    async def ask(self, do: str) -> Any:
        """Ask it something as its operator."""
        async with operator_of(self.data) as operator:
            return await operator.do(do)

    def faults(self) -> list[str]:
        lines = self._log.read_text().splitlines()
        return [line for line in lines if "fault" in line or "Traceback" in line]


class Network:
    """All of the servers."""

    def __init__(self, lab: Lab, folder: Path, clock_of: int, ahead_s: int) -> None:
        self.lab = lab
        self.members = [
            Member(lab, n, folder, ahead_s if n == clock_of else 0) for n in range(lab.count)
        ]

    async def come(self, n: int, scheme: str) -> Streams:
        return await self.members[n].come(scheme)

    async def disagreement(self) -> str:
        """Return in what the servers differ, empty if they agree."""
        names = {member.name for member in self.members}
        seen: list[tuple[str, Any, Any]] = []
        for member in self.members:
            network = (await member.ask("servers"))["servers"]
            linked = {row["name"] for row in network if row["state"] == "linked"}
            if linked != names - {member.name}:
                return f"{member.name} is linked only with {sorted(linked)}"
            under_way = {row["name"]: row["lag"] + row["behind"] for row in network}
            if any(under_way.values()):
                return f"{member.name} knows of events that are missing: {under_way}"
            people = sorted(_person(row, member.name) for row in await member.ask("users"))
            seen.append((member.name, people, (await member.ask("stats"))["state"]))
        (first, people, state), *others = seen
        for name, other_people, other_state in others:
            if other_people != people:
                differing = [one for one in people if one not in other_people]
                missing = [one for one in other_people if one not in people]
                return f"{first} and {name} see other people: {differing} and {missing}"
            if other_state != state:
                return f"{first} and {name} have other states"
        return ""

    async def agree(self, seconds: float = AGREED_S) -> None:
        """Wait until all servers agree."""
        why = ""
        try:
            async with asyncio.timeout(seconds):
                while why := await self.disagreement():
                    tell(why)
                    await asyncio.sleep(0.5)
        except TimeoutError:
            raise AssertionError(f"after {seconds} s: {why}") from None


def _person(row: dict[str, Any], here: str) -> tuple[Any, ...]:
    server = row.get("server") or here
    return row["nick"], row["number"], server, row["cut_off"], tuple(sorted(row["channels"]))


@contextlib.asynccontextmanager
async def network(
    folder: Path, count: int, slow: Wire | None, clock_of: int, ahead_s: int
) -> AsyncIterator[Network]:
    """Run *count* servers; those that are left in the end are killed."""
    async with lab(count, slow) as place:
        made = Network(place, folder, clock_of, ahead_s)
        try:
            await asyncio.gather(*(member.start() for member in made.members))
            yield made
        finally:
            for member in made.members:
                if member.server is not None:
                    await member.server.kill()


class Trouble:
    """Splits and kills, by chance; *hold_s* is how long a split lasts. What was done is *told*."""

    def __init__(
        self,
        network: Network,
        chance: random.Random,
        mortal: Sequence[int],
        told: list[str],
        hold_s: tuple[float, float],
        pause_s: tuple[float, float],
        kill_every_s: float,
    ) -> None:
        self._network = network
        self._lab = network.lab
        # Each its own, so that what happens does not depend on which of them is first.
        self._splits, self._kills = random.Random(chance.random()), random.Random(chance.random())
        self._mortal = mortal
        self._hold_s = hold_s
        self._pause_s = pause_s
        self._kill_every_s = kill_every_s
        self.splits = 0
        self.kills = 0
        self._told = told

    async def split(self) -> None:
        """Cut servers apart and put them together again, for ever."""
        while True:
            await asyncio.sleep(self._splits.uniform(*self._pause_s))
            what, cut, mend = self._choose()
            hold_s = self._splits.uniform(*self._hold_s)
            self._tell(f"{what} for {hold_s:.1f} s")
            self.splits += 1
            cut()
            try:
                await asyncio.sleep(hold_s)
            finally:
                mend()

    def _choose(self) -> tuple[str, Callable[[], None], Callable[[], None]]:
        servers = list(range(self._lab.count))
        kind = self._splits.choice(("two sides", "some wires", "one unplugged"))
        if kind == "one unplugged":
            n = self._splits.choice(servers)
            return f"{n} is unplugged", lambda: self._lab.unplug(n), lambda: self._lab.plug(n)
        if kind == "two sides":
            side = set(self._splits.sample(servers, self._splits.randrange(1, len(servers))))
            chosen = [w for w in wires(len(servers)) if (w[0] in side) is not (w[1] in side)]
            what = f"{sorted(side)} are cut off"
        else:
            all_wires = wires(len(servers))
            chosen = self._splits.sample(all_wires, self._splits.randrange(1, len(all_wires)))
            what = f"no {' '.join([f'{one}-{other}' for one, other in sorted(chosen)])}"
        return what, lambda: _each(self._lab.cut, chosen), lambda: _each(self._lab.mend, chosen)

    async def kill(self) -> None:
        """Kill servers and start them again, for ever."""
        while True:
            await asyncio.sleep(self._kill_every_s * self._kills.uniform(0.5, 1.5))
            member = self._network.members[self._kills.choice(self._mortal)]
            late_s = self._kills.uniform(*LATE_S)
            self._tell(f"{member.n} is killed for {late_s:.1f} s")
            self.kills += 1
            await member.kill()
            try:
                await asyncio.sleep(late_s)
            finally:
                await asyncio.shield(member.start())

    def _tell(self, what: str) -> None:
        self._told.append(f"{time.monotonic():.1f} {what}")
        tell(what)


def tell(what: str) -> None:
    """Tell what happens as it does, if that is wanted."""
    if os.environ.get("TERTULIA_CHAOS_TELL"):
        print(f"{time.monotonic():.1f} {what}", flush=True)


def _each(action: Callable[[Wire], None], chosen: Iterable[Wire]) -> None:
    for wire in chosen:
        action(wire)
