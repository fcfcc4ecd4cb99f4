"""A chat that is a list of events and a set of users, and many of them on a network."""

import random
from typing import Any

import msgspec
from msgspec import Raw

from tertulia.replication.interface import ServerId
from tertulia.replication.mesh import Me
from tertulia.replication.messages import Item, Run
from tertulia.replication.node import Node
from tertulia.replication.sim import Conditions, SimNetwork
from tests.replication.kit import item, server_id

ROUGH = Conditions(loss=0.05, duplication=0.05, reordering=0.1)


class Disk:
    """What survives a crash: the events of every source, from a first one on."""

    def __init__(self, n: int) -> None:
        self.server = server_id(n)
        self.name = f"s{n}"
        self.epoch = 0
        self.clock = n
        self.events: dict[tuple[ServerId, int], list[Item]] = {}
        self.dropped: dict[tuple[ServerId, int], int] = {}

    def last(self, source) -> int:
        return self.dropped.get(source, 0) + len(self.events.get(source, ()))

    def write(self, run: Run) -> None:
        source = (ServerId(run.server), run.epoch)
        assert run.first == self.last(source) + 1, f"{self.name}: {run.first} is no next event"
        self.events.setdefault(source, []).extend(run.items)

    def drop(self, source, most: int) -> None:
        """Retention: keep only events after *most*."""
        n = most - self.dropped.get(source, 0)
        if n > 0:
            del self.events.setdefault(source, [])[:n]
            self.dropped[source] = most

    def texts(self) -> dict:
        return {
            source: [bytes(item.body) for item in items]
            for source, items in self.events.items()
            if items
        }


class Chat:
    """A `Core` and a `Log`. It writes after a while, and now and then the disk refuses."""

    def __init__(self, network: SimNetwork, disk: Disk, refusing: float = 0.0) -> None:
        self.network = network
        self.disk = disk
        self.refusing = refusing
        disk.epoch += 1
        process = f"{network.chance.random():.30f}".replace(".", "").ljust(32, "0")[:32]
        self.me = Me(server=disk.server, epoch=disk.epoch, name=disk.name, process=process)
        self.users: dict[ServerId, set[str]] = {disk.server: set()}
        self.reachable: dict[ServerId, bool] = {}
        self.reached: list[tuple] = []
        self.asks: list[tuple] = []
        self.told: list[tuple] = []
        self.late: list[tuple[ServerId, int, int]] = []
        self.live: list[tuple[ServerId, int, int]] = []
        self.is_alive = True
        self.is_writing = True
        self.is_readable = True
        self._taken: dict = {}
        self._writing: list[list[Run]] = []
        self.node = Node(self.me, self, self, network.clock)

    # What happens here

    def say(self, *texts: str) -> None:
        """Write, and publish."""
        source = (self.disk.server, self.disk.epoch)
        self.disk.clock += 100
        items = [item(self.disk.clock + i, text) for i, text in enumerate(texts)]
        fresh = Run(*source, self.disk.last(source) + 1, items)
        self.disk.write(fresh)
        self.node.published([fresh])

    def join(self, *users: str) -> None:
        self.users[self.disk.server] |= set(users)
        self.node.published([[item(1, f"+{user}") for user in users]])

    def leave(self, *users: str) -> None:
        self.users[self.disk.server] -= set(users)
        self.node.published([[item(1, f"-{user}") for user in users]])

    # Core

    def take(self, runs, late) -> None:
        assert self.is_alive
        for each in runs:
            source = (each.server, each.epoch)
            taken = self._taken.setdefault(source, self.disk.last(source))
            assert each.first == taken + 1, f"{self.me.name} is given {each.first} after {taken}"
            self._taken[source] = each.last
            (self.late if late else self.live).append((each.server, each.first, each.last))
        if not self._writing:
            self.network.after(0.02 * self.network.chance.random(), self.write)
        self._writing.append(list(runs))

    def write(self) -> None:
        """Write all that was taken."""
        if not (self.is_alive and self.is_writing):
            return
        batches, self._writing = self._writing, []
        runs = [each for batch in batches for each in batch]
        if self.network.chance.random() < self.refusing:
            self._taken.clear()
            self.node.refused(runs)
            return
        for each in runs:
            self.disk.write(each)
        self.node.committed(runs)

    def present(self, server, items) -> None:
        assert self.reachable[server]
        for each in items:
            sign, user = (text := msgspec.json.decode(each.body))[0], text[1:]
            users = self.users.setdefault(server, set())
            users.add(user) if sign == "+" else users.discard(user)

    def replace(self, server, users) -> None:
        assert self.reachable[server]
        self.users[server] = {msgspec.json.decode(user) for user in users}

    def everybody(self, server) -> list[Raw]:
        return [Raw(msgspec.json.encode(user)) for user in sorted(self.users.get(server, ()))]

    def asked(self, by, item) -> None:
        self.asks.append((by, msgspec.json.decode(item.body)))

    def reach(self, server, name, reachable, orderly) -> None:
        assert self.reachable.get(server, False) is not reachable, "it is no change"
        self.reachable[server] = reachable
        self.reached.append((name, reachable, orderly))
        if orderly:
            self.users.pop(server, None)

    def lost(self, server, epoch, first, last) -> None:
        self.told.append(("lost", server, epoch, first, last))
        source = (server, epoch)
        assert self.disk.last(source) == first - 1
        self.disk.dropped[source] = last
        self.disk.events[source] = []
        self._taken[source] = last

    def overtaken(self, epoch) -> None:
        self.told.append(("overtaken", epoch))

    def doubled(self, server, name, why) -> None:
        self.told.append(("doubled", server, why))

    # Log

    def vector(self):
        sources = dict.fromkeys((*self.disk.events, *self.disk.dropped))
        return {source: last for source in sources if (last := self.disk.last(source))}

    def read(self, want, most_bytes, done) -> None:
        def answer() -> None:
            if not self.is_readable:
                done(None, False)
            elif self.is_alive:
                done(*read(self.disk, want, most_bytes))

        self.network.after(0.01 * self.network.chance.random(), answer)


def read(disk: Disk, want, most_bytes: int) -> tuple[list[Run], bool]:
    """In the order of clocks, as the log does."""
    found = []
    for server, epoch, after in want:
        source = (server, epoch)
        dropped = disk.dropped.get(source, 0)
        for seq, each in enumerate(disk.events.get(source, ()), dropped + 1):
            if seq > after:
                found.append((each.hlc, source, seq, each))
    found.sort(key=lambda row: row[:3])
    runs: list[Run] = []
    for n, (_, (server, epoch), seq, each) in enumerate(found):
        most_bytes -= len(bytes(each.body))
        if most_bytes < 0 and n:
            return runs, True
        last = runs[-1] if runs else None
        if last and (last.server, last.epoch, last.last + 1) == (server, epoch, seq):
            last.items.append(each)
        else:
            runs.append(Run(server, epoch, seq, [each]))
    return runs, False


class World:
    """Servers, numbered from 1, on a network."""

    def __init__(self, seed: int, size: int, conditions=None, refusing: float = 0.0) -> None:
        self.chance = random.Random(seed)
        self.network = SimNetwork(self.chance, conditions or Conditions())
        self.refusing = refusing
        self.disks = {n: Disk(n) for n in range(1, size + 1)}
        self.chats: dict[int, Chat] = {}
        for n in self.disks:
            self.start(n)

    def start(self, n: int) -> Chat:
        chat = self.chats[n] = Chat(self.network, self.disks[n], self.refusing)
        self.network.add(chat.me, chat.node)
        return chat

    def crash(self, n: int) -> None:
        chat = self.chats.pop(n)
        chat.is_alive = False
        self.network.crash(chat.me.server)

    def stop(self, n: int) -> None:
        chat = self.chats.pop(n)
        self.network.stop(chat.me.server)

    def wire(self, *pairs: tuple[int, int], conditions=None) -> None:
        for one, other in pairs:
            self.network.wire(server_id(one), server_id(other), conditions)

    def wire_all(self) -> None:
        self.wire(*((a, b) for a in self.disks for b in self.disks if a < b))

    def cut(self, *pairs: tuple[int, int]) -> None:
        for one, other in pairs:
            self.network.cut(server_id(one), server_id(other))

    def heal(self, *pairs: tuple[int, int]) -> None:
        for one, other in pairs:
            self.network.heal(server_id(one), server_id(other))

    def record(self, carried: list[tuple[int, int, bytes]]) -> None:
        """Let *carried* have all that is said on the links that there are, with the numbers of
        who says it and who hears it."""
        for n, chat in self.chats.items():
            for link in chat.node._links:
                _record(link, n, carried)

    def run(self, seconds: float) -> None:
        self.network.run_for(seconds)

    def run_until_agreed(self, most: float = 600.0) -> float:
        """Let time pass until all agree; return how long that took."""
        start = self.network.now
        while self.disagreement():
            if self.network.now - start > most:
                raise AssertionError(self.disagreement())
            self.run(0.5)
        return self.network.now - start

    def disagreement(self) -> str:
        """In what the servers that are alive differ."""
        chats = list(self.chats.values())
        texts = chats[0].disk.texts()
        for chat in chats:
            if chat.disk.texts() != texts:
                return f"{chat.me.name} has other events than {chats[0].me.name}"
            for other in chats:
                seen = chat.users.get(other.me.server, set())
                if seen != other.users[other.me.server]:
                    return f"{chat.me.name} sees on {other.me.name} {seen}"
                if chat is not other and not chat.reachable.get(other.me.server):
                    return f"{chat.me.name} cannot reach {other.me.name}"
        return ""


def _record(link: Any, n: int, carried: list[tuple[int, int, bytes]]) -> None:
    send = link.send

    def recorded(data: bytes) -> None:
        carried.append((n, int(link.peer.server, 16), data))
        send(data)

    link.send = recorded
