"""A network of servers to which everything happens, and what must be true of it in the end."""

import random
from collections.abc import Callable
from pathlib import Path

from tertulia.domain import changes as c
from tertulia.domain.commands.connect import Disconnect
from tertulia.domain.commands.identify import IssueIdentity
from tertulia.domain.commands.join import Join
from tertulia.domain.commands.kick import Kick
from tertulia.domain.commands.modes import SetModes, SetRank
from tertulia.domain.commands.part import Part
from tertulia.domain.commands.rename import Rename
from tertulia.domain.commands.say import Say
from tertulia.domain.commands.topic import SetTopic
from tertulia.domain.events import ModeChange
from tertulia.domain.identities import Credential, hash_token
from tertulia.domain.names import ChannelName, Nickname
from tertulia.domain.text import Text
from tertulia.domain.users import User
from tertulia.replication.sim import FINE, Conditions, SimNetwork
from tests.simulation.kit import Client, SimServer, copy_database, flat

ROUGH = Conditions(delay_s=(0.001, 0.2), loss=0.05, duplication=0.05, reordering=0.1)
CHANNELS = ("#tea", "#coffee", "#maté", "#lobby")
NICKS = ("ana", "rui", "eva", "léo", "bia", "caio", "duda", "igor")
HOUR_MS = 3_600_000
PATIENCE_S = 200.0


class Said:
    """Something that was said, and where, and when."""

    def __init__(self, text: str, target: str, by: Client, at: float) -> None:
        self.text = text
        self.target = target
        self.by = by
        self.at = at
        self.is_acknowledged = False


class Stay:
    """Somebody who has been in a channel since then."""

    def __init__(self, client: Client, channel: str, since: float) -> None:
        self.client = client
        self.channel = channel
        self.since = since


class Scenario:
    """What happens with one *seed*."""

    def __init__(self, folder: Path, seed: int, servers: int = 4, steps: int = 120) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.network = SimNetwork(self.chance, ROUGH)
        self.names = [f"s{n}.example" for n in range(servers)]
        self.skews = {name: self.chance.randrange(-2000, 2000) for name in self.names}
        self.skews[self.names[-1]] += self.chance.choice((0, HOUR_MS, -HOUR_MS))
        self.steps = steps
        self.alive: dict[str, SimServer] = {}
        self.said: list[Said] = []
        self.credentials: list[Credential] = []
        self.backups: dict[str, Path] = {}
        self.cuts: set[tuple[str, str]] = set()
        self.left: list[Client] = []
        for name in self.names:
            self.start(name)
        self.ids = {name: server.me.server for name, server in self.alive.items()}
        self.wires = self.shape()
        for one, other in self.wires:
            self.network.wire(self.ids[one], self.ids[other])

    def shape(self) -> list[tuple[str, str]]:
        """All linked with all, or a ring, or a line."""
        pairs = [(a, b) for i, a in enumerate(self.names) for b in self.names[i + 1 :]]
        kind = self.chance.choice(("mesh", "mesh", "ring", "line"))
        if kind == "mesh":
            return pairs
        line = list(zip(self.names, self.names[1:], strict=False))
        return [*line, (self.names[0], self.names[-1])] if kind == "ring" else line

    # Servers

    def start(self, name: str) -> None:
        path = self.folder / f"{name}.db"
        self.alive[name] = SimServer(self.network, self.chance, path, name, self.skews[name])

    def crash(self, name: str) -> None:
        server = self.alive.pop(name)
        self.left += server.clients
        server.crash()

    def close(self) -> None:
        for server in self.alive.values():
            server.close()

    # Everything

    def run(self) -> None:
        for _ in range(self.steps):
            self.chance.choices(*zip(*self.actions(), strict=True))[0]()
            self.network.run_for(self.chance.choice((0.001, 0.05, 0.3, 2.0)))
            self.note_echoes()
        self.settle()

    def actions(self) -> list[tuple[Callable[[], None], float]]:
        return [
            (self.somebody_comes, 6),
            (self.somebody_says, 30),
            (self.somebody_joins, 8),
            (self.somebody_leaves, 3),
            (self.somebody_goes, 2),
            (self.somebody_renames, 3),
            (self.somebody_sets, 6),
            (self.somebody_is_kicked, 2),
            (self.somebody_is_ranked, 3),
            (self.somebody_has_an_identity, 2),
            (self.cut, 4),
            (self.heal, 4),
            (self.crash_one, 1.5),
            (self.start_one, 3),
            (self.back_up, 1),
            (self.restore, 0.7),
        ]

    def anybody(self) -> Client | None:
        clients = [
            client
            for server in self.alive.values()
            for client in server.clients
            if not client.closing and client.user is not None
        ]
        return self.chance.choice(clients) if clients else None

    def somebody_comes(self) -> None:
        if not self.alive:
            return
        server = self.chance.choice(list(self.alive.values()))
        credential = None
        nick = self.chance.choice(NICKS)
        if self.credentials and self.chance.random() < 0.5:
            credential = self.chance.choice(self.credentials)
        client = server.client(nick, credential)
        if isinstance(client, Client):
            for channel in self.chance.sample(CHANNELS, 2):
                client.do(Join(ChannelName.parse(channel)))

    def somebody_says(self) -> None:
        client = self.anybody()
        if client is None:
            return
        assert client.user is not None
        text = f"text {len(self.said)}"
        state = client.server.state
        if client.user.channels and self.chance.random() < 0.85:
            channel = self.chance.choice(list(client.user.channels.values()))
            target, intent = channel.name.folded, Say(channel, Text(text))
        else:
            whom = self.chance.choice(list(state.users.values()))
            if whom is client.user:  # who is shown what they say, and are told
                return
            target, intent = whom.uid, Say(whom, Text(text))
        if client.do(intent) is None:
            self.said.append(Said(text, target, client, self.network.now))

    def somebody_joins(self) -> None:
        if (client := self.anybody()) is not None:
            client.do(Join(ChannelName.parse(self.chance.choice(CHANNELS))))

    def somebody_leaves(self) -> None:
        client = self.anybody()
        if client is not None and client.user is not None and client.user.channels:
            client.do(Part(self.chance.choice(list(client.user.channels.values()))))

    def somebody_goes(self) -> None:
        if (client := self.anybody()) is not None:
            client.closing = True
            client.do(Disconnect("bye"))

    def somebody_renames(self) -> None:
        if (client := self.anybody()) is not None:
            client.do(Rename(Nickname.parse(self.chance.choice(NICKS))))

    def somebody_sets(self) -> None:
        client = self.anybody()
        if client is None or client.user is None or not client.user.channels:
            return
        channel = self.chance.choice(list(client.user.channels.values()))
        if self.chance.random() < 0.5:
            client.do(SetTopic(channel, f"topic {self.chance.randrange(1000)}"))
        else:
            mode, on = self.chance.choice("mstb"), self.chance.random() < 0.5
            value = f"*!*@{self.chance.randrange(3)}" if mode == "b" else None
            client.do(SetModes(channel, (ModeChange(on, mode, value),)))

    def pair(self) -> tuple[Client, User] | None:
        client = self.anybody()
        if client is None or client.user is None or not client.user.channels:
            return None
        channel = self.chance.choice(list(client.user.channels.values()))
        uid = self.chance.choice(list(channel.occupants))
        return client, client.server.state.users[uid]

    def somebody_is_kicked(self) -> None:
        if (pair := self.pair()) is not None:
            client, whom = pair
            assert client.user is not None
            common = client.user.channels.keys() & whom.channels.keys()
            client.do(Kick(whom.channels[self.chance.choice(sorted(common))], whom))

    def somebody_is_ranked(self) -> None:
        if (pair := self.pair()) is not None:
            client, whom = pair
            assert client.user is not None
            common = client.user.channels.keys() & whom.channels.keys()
            on, mode = self.chance.random() < 0.7, self.chance.choice("ov")
            channel = whom.channels[self.chance.choice(sorted(common))]
            client.do(SetRank(channel, ((on, mode, whom),)))

    def somebody_has_an_identity(self) -> None:
        client = self.anybody()
        if client is not None and client.user is not None:
            token = f"token {len(self.credentials)}"
            if client.do(IssueIdentity(hash_token(token))) is None:
                self.credentials.append(Credential(client.user.number, hash_token(token)))

    # What happens to the network

    def cut(self) -> None:
        one, other = self.chance.choice(self.wires)
        self.network.cut(self.ids[one], self.ids[other])
        self.cuts.add((one, other))

    def heal(self) -> None:
        if self.cuts:
            one, other = self.chance.choice(sorted(self.cuts))
            self.cuts.discard((one, other))
            self.network.heal(self.ids[one], self.ids[other])

    def crash_one(self) -> None:
        if self.alive:
            self.crash(self.chance.choice(sorted(self.alive)))

    def start_one(self) -> None:
        dead = [name for name in self.names if name not in self.alive]
        if dead:
            self.start(self.chance.choice(dead))

    def back_up(self) -> None:
        """Keep a copy of what a server that is down has on disk."""
        down = [name for name in self.names if name not in self.alive]
        if down:
            name = self.chance.choice(down)
            self.backups[name] = self.folder / f"{name}.backup"
            copy_database(self.folder / f"{name}.db", self.backups[name])

    def restore(self) -> None:
        """Set a server back. What others have of it comes back to it; what nobody else has is
        what a backup cannot know, so it is done when the others have everything."""
        if not self.backups or self.cuts or len(self.alive) < len(self.names):
            return
        self.network.run_for(60.0)
        self.note_echoes()
        if self.disagreement():
            return
        name = self.chance.choice(sorted(self.backups))
        self.crash(name)
        for suffix in ("-wal", "-shm"):
            (self.folder / f"{name}.db{suffix}").unlink(missing_ok=True)
        self.backups.pop(name).replace(self.folder / f"{name}.db")
        self.start(name)

    # In the end

    def note_echoes(self) -> None:
        """What its author was shown is acknowledged: it is never lost."""
        for said in self.said:
            if not said.is_acknowledged and any(said.text == text for _, text in said.by.texts()):
                said.is_acknowledged = True

    def settle(self) -> None:
        """Let everything be reachable, and wait until all servers agree."""
        for one, other in self.wires:
            self.network.heal(self.ids[one], self.ids[other])
            self.network.change(self.ids[one], self.ids[other], FINE)
        self.cuts.clear()
        for name in self.names:
            if name not in self.alive:
                self.start(name)
        until = self.network.now + PATIENCE_S
        while (why := self.disagreement()) and self.network.now < until:
            self.network.run_for(1.0)
        self.note_echoes()
        assert not why, why

    def disagreement(self) -> str:
        first, *others = (self.alive[name] for name in self.names)
        for other in others:
            both = f"{first.name} and {other.name}"
            if first.events() != other.events():
                return f"{both}: other events\n{first.events()}\n{other.events()}"
            if first.history() != other.history():
                return f"{both}: other histories"
            if first.people() != other.people():
                return f"{both}: other people\n{first.people()}\n{other.people()}"
            if first.fingerprint() != other.fingerprint():
                return f"{both}: other state"
        return ""

    def check(self) -> None:
        """Nothing acknowledged is lost, nothing is visible twice."""
        history = [body for _, _, body in self.alive[self.names[0]].history()]
        for said in self.said:
            count = sum(f'"{said.text}"' in body for body in history)
            assert count <= 1, f"{said.text} is in the history {count} times"
            assert count or not said.is_acknowledged, f"{said.text} is lost"
        clients = [client for server in self.alive.values() for client in server.clients]
        for client in [*clients, *self.left]:
            texts = [text for _, text in client.texts()]
            assert len(texts) == len(set(texts)), f"{client.user}: something was shown twice"
        for client in clients:
            if client.user is not None and not client.closing:
                self.check_seen(client)

    def check_seen(self, client: Client) -> None:
        """Who has been in a channel ever since has seen all that was said in it."""
        texts = {text for _, text in client.texts()}
        assert client.user is not None
        for name in client.user.channels:
            joined = [
                one
                for one in flat(client.seen)
                if isinstance(one, c.Entered)
                and one.by.uid == client.user.uid
                and one.channel.lower() == name
            ]
            assert joined
            since = (joined[-1].hlc >> 16) - client.server.skew_ms
            for said in self.said:
                at_ms = 1_700_000_000_000 + said.at * 1000
                if said.target == name and said.is_acknowledged and at_ms > since + 1:
                    assert said.text in texts, f"{client.user.nick} missed {said.text} in {name}"
