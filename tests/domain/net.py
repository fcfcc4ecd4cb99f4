"""Several chats that tell each other what happens, as far as the test lets them."""

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, get_args

from hypothesis import strategies as st
from msgspec.structs import replace

from tertulia.domain import changes as c
from tertulia.domain import effects
from tertulia.domain import events as e
from tertulia.domain.changes import Change
from tertulia.domain.channels import ADMIN, RANKS, Channel
from tertulia.domain.commands.connect import Disconnect
from tertulia.domain.elsewhere import AGAIN
from tertulia.domain.fingerprint import shared_state
from tertulia.domain.ids import LOBBY, Hlc, Uid, at_milliseconds, msgid, origin_tag
from tertulia.domain.names import ChannelName, Number, fold_name
from tertulia.domain.presence import Resident, differences, residents
from tertulia.domain.state import State
from tertulia.domain.world import Rules
from tests.domain.kit import SCRIPTS, START_MS, Room, play

SHARED = frozenset(get_args(e.SharedFact))
HOUR_MS = 3_600_000


class Server(Room):
    """A chat among others, the one of number *n*."""

    def __init__(self, n: int, rules: Rules | None = None, skew_ms: int = 0) -> None:
        self.journal: list[e.Event] = []
        """Everything that happened here, in order."""
        self.shown: list[Change] = []
        """Everything that was seen here, in order."""
        self.read: dict[str, int] = {}
        """How far the journal of each other server was read."""
        server = bytes((n,)) * 16
        rules = rules or Rules(identities=6)
        super().__init__(rules, seed=n, server=server, tag=origin_tag(server, 1), skew_ms=skew_ms)
        self.id = server.hex()
        self.lobby()
        self.chat.displace = lambda user, _reason: self._end(user.uid)

    def _end(self, uid: Uid) -> None:
        self.do(self.state.users[uid], Disconnect(AGAIN))

    def _publish(self, events: list[e.Event], changes: list[Change], again: bool) -> None:
        super()._publish(events, changes, again)
        self.journal += events
        if not again:
            self.shown += changes

    def hear(self, other: "Server", most: int | None = None) -> list[Change]:
        """Take in what happened on another server, so many events of it at most."""
        start = self.read.get(other.id, 0)
        events = other.journal[start:] if most is None else other.journal[start : start + most]
        self.read[other.id] = start + len(events)
        seen: list[Change] = []
        for event in events:
            seen += self.take(other, event)
        return seen

    def take(self, other: "Server", event: e.Event) -> list[Change]:
        """Take in one event of another server."""
        seen: list[Change] = []
        fact = event.fact
        if fact.durability != "presence" and not (isinstance(fact, e.Said) and fact.target == "&"):
            seen += self._see(self.chat.merge([event]))
            self.put_by |= dict.fromkeys(self.state.waiting.added)
            waiting = self.state.waiting
            self.put_by = {key: None for key in self.put_by if not waiting.is_had(*key)}
            self._hand_over([event])
            self.chat.see_to([event])
        if type(fact) in SHARED and not (isinstance(fact, e.Parted) and fact.quit):
            seen += self._see(self.chat.tell(other.id, told(event)))
        if isinstance(fact, e.Wanted) and fact.server == self.id:
            self.chat.asked(fact.fact)
        return seen

    def told_by(self, other: "Server", everybody: Sequence[Resident]) -> list[Change]:
        """Take in who is on another server."""
        seen: list[Change] = []
        for event in differences(self.state, other.id, everybody, 0, self.now()):
            seen += self._see(self.chat.tell(other.id, event))
        return seen

    def _see(self, changes: list[Change]) -> list[Change]:
        self.shown += changes
        return changes

    def places_shown(self) -> dict[str, dict[Uid, int]]:
        """Who is in which channel, by folded name, with what rank, as far as it was shown."""
        found: dict[str, dict[Uid, int]] = {}
        for change in self.shown:
            _show(found, change)
        return {name: there for name, there in found.items() if there}

    def places(self) -> dict[str, dict[Uid, int]]:
        """Who is in which channel, as it is."""
        channels = self.state.channels.items()
        return {name: channel.occupants for name, channel in channels if channel.occupants}

    def now(self) -> Hlc:
        return at_milliseconds(self.now_ms)

    def residents(self) -> list[Resident]:
        return residents(self.state, "")

    def people(self) -> dict[str, Any]:
        """Everybody, and where they are."""
        return {
            user.uid: (
                user.nick.text,
                user.server or self.id,
                {name: channel.occupants[user.uid] for name, channel in user.channels.items()},
                user.away,
                user.modes,
            )
            for user in self.state.users.values()
        }

    def nicks(self) -> set[str]:
        return {user.nick.text for user in self.state.users.values()}


def _show(found: dict[str, dict[Uid, int]], change: Change) -> None:
    match change:
        case c.Gone(by=by):
            for there in found.values():
                there.pop(by.uid, None)
        case c.Entered(by=by, channel=name, admin=admin):
            found.setdefault(fold_name(name), {})[by.uid] = ADMIN if admin else 0
        case c.Departed(by=whom, channel=name) | c.Expelled(whom=whom, channel=name):
            found[fold_name(name)].pop(whom.uid, None)
        case c.ModesChanged(channel=name, modes=modes):
            for one in modes:
                there = found.get(fold_name(name), {})
                # Who is not in the channel may be an admin of it all the same.
                if one.whom is not None and one.whom.uid in there:
                    rank, before = RANKS[one.mode], there[one.whom.uid]
                    there[one.whom.uid] = before | rank if one.on else before & ~rank


def told(event: e.Event) -> e.Event:
    """An event of somebody on a server as others are told of it."""
    fact = event.fact
    if isinstance(fact, e.Connected):
        fact = replace(fact, claim=msgid(event.hlc, event.tag))
    return replace(event, fact=fact)


def exchange(servers: Sequence[Server]) -> None:
    """Let all servers know everything that has happened, and what they do because of it."""
    while any(
        one.read.get(other.id, 0) < len(other.journal)
        for one in servers
        for other in servers
        if other is not one
    ):
        for one in servers:
            for other in servers:
                if other is not one:
                    one.hear(other)


NAMES = ["ana", "bob", "carol", "dora"]
PLACES = ["#lobby", "#tea", "#TEA", "#x", "group"]


def busy(seed: int, steps: int = 80) -> tuple[list[int], list[Any]]:
    """A script in which most of what is tried can be done; see `run`."""
    chance = random.Random(seed)
    skews = [chance.choice(_SKEWS) for _ in range(chance.choice((2, 3)))]
    whole: list[Any] = [(n, "", ("connect", name)) for n, name in enumerate(NAMES[: len(skews)])]
    whole += [(n, "", ("register",)) for n in range(len(skews))]
    whole += [(n, "@0", ("come", "@1")) for n in range(len(skews))]
    for _ in range(steps):
        if chance.random() < 0.15:
            pair = chance.sample(range(len(skews)), 2)
            whole.append(("hear", *pair, chance.choice((1, 3, 1000))))
        else:
            who = f"@{chance.randrange(9)}"
            whole.append((chance.randrange(len(skews)), who, _act(chance)))
    return skews, whole


def _act(chance: random.Random) -> tuple[Any, ...]:
    place, on = chance.choice(PLACES), chance.random() < 0.6
    whom, other = f"@{chance.randrange(9)}", f"@{chance.randrange(9)}"
    name, text = chance.choice(NAMES), chance.choice(("one", "two", ""))
    mode = chance.choice(
        [("m", None), ("n", None), ("i", None), ("k", "$h"), ("l", "3"), ("b", "x"), ("b", "y")]
    )
    switched, back = (on, *mode), (not on, *mode)
    acts: list[tuple[int, tuple[Any, ...]]] = [
        (2, ("connect", name)), (1, ("register",)), (1, ("forget",)), (5, ("issue",)),
        (5, ("log in", whom, name)), (3, ("come", whom)), (5, ("read",)),
        (4, ("gather", [whom, other])), (3, ("acknowledge", whom, "group", on)),
        (2, ("acknowledge", whom, None, on)), (1, ("disconnect", "bye")), (3, ("rename", name)),
        (12, ("join", place, None)), (3, ("join", place, "$h")), (4, ("part", place, text)),
        (4, ("kick", place, whom)), (4, ("invite", place, whom)), (6, ("topic", place, text)),
        (6, ("modes", place, [switched])), (3, ("modes", place, [switched, back])),
        (9, ("ranks", place, [(on, "o", whom)])),
        (3, ("ranks", place, [(on, "v", whom), (on, "o", other)])),
        (6, ("say", place, text or "hi", 0, None)), (2, ("say", place, "hi", 0, "again")),
        (6, ("say", whom, text or "hi", 0, None)), (1, ("say", "*", "all", 0, None)),
        (1, ("away", text)), (2, ("operator", True)), (4, ("end", place)),
        (2, ("wait", chance.choice((1, 1000, 60_000)))),
    ]  # fmt: skip
    return chance.choices(*zip(*((act, weight) for weight, act in acts), strict=True))[0]


_SKEWS = [0, 0, 1, -1, 1000, -5000, 50_000, HOUR_MS, -HOUR_MS]
SKEWS = st.sampled_from(_SKEWS)
_talk = st.tuples(st.just("hear"), st.integers(0, 2), st.integers(0, 2), st.integers(1, 30))


@st.composite
def scripts(draw: st.DrawFn, most: int = 60) -> tuple[list[int], list[Any]]:
    """The skews of the clocks of several servers, and what happens: somebody does something at
    one of them, or one hears what happened at another."""
    skews = draw(st.lists(SKEWS, min_size=2, max_size=3))
    acts = draw(SCRIPTS)
    steps: list[Any] = []
    for who, what in acts[:most]:
        steps.append((draw(st.integers(0, len(skews) - 1)), who, what))
        if draw(st.integers(0, 3)) == 0:
            steps.append(draw(_talk))
    return skews, steps


def network(skews: Sequence[int], rules: Rules | None = None) -> list[Server]:
    return [Server(n, rules, skew) for n, skew in enumerate(skews, 1)]


def run(servers: Sequence[Server], steps: Iterable[Any]) -> None:
    """Let a script happen.

    In it ``@3`` is one of those who are here if they do something, else anybody; ``group`` is a
    channel that has members.
    """
    for step in steps:
        if step[0] == "hear":
            _, one, other, most = step
            one, other = one % len(servers), other % len(servers)
            if one != other:
                servers[one].hear(servers[other], most)
        else:
            n, who, what = step
            state = servers[n].state
            here = [user.nick.text for user in state.users.values() if not user.server]
            everybody = sorted(
                {user.nick.text for user in state.users.values()}
                | {one.nick.text for one in state.identities}
            )
            play(servers[n], _meant(who, here), *_all_meant(servers[n], what, everybody))


def _meant(word: str, people: Sequence[str]) -> str:
    if not word.startswith("@"):
        return word
    return people[int(word[1:]) % len(people)] if people else "nobody"


def _all_meant(server: Server, word: Any, people: Sequence[str]) -> Any:
    if isinstance(word, list | tuple):
        return type(word)(_all_meant(server, one, people) for one in word)
    if word == "group":
        names = [name for name, channel in server.state.channels.items() if channel.members]
        return names[0] if names else "#none"
    return _meant(word, people) if isinstance(word, str) else word


# Durable state alone


def fresh() -> State:
    """The state of a server that has heard of nothing."""
    state = State()
    lobby = Channel(ChannelName.parse("#lobby"), Number("1000000000000"), LOBBY, START_MS)
    state.restore_channel(lobby)
    return state


def merged(events: Iterable[e.Event]) -> State:
    """The state after these events."""
    state = fresh()
    for event in events:
        effects.merge(state, event, msgid(event.hlc, event.tag))
    return state


def interleaved(logs: Sequence[Sequence[e.Event]], chance: random.Random) -> Iterator[e.Event]:
    """All events in an order that keeps that of each log, and is arbitrary else."""
    order = [n for n, log in enumerate(logs) for _ in log]
    chance.shuffle(order)
    places = [iter(log) for log in logs]
    for n in order:
        yield next(places[n])


def durable(state: State) -> dict[str, Any]:
    """All that must be the same wherever the same events are known."""
    found = shared_state(state)
    found["waiting"] = sorted(state.waiting.added)
    found["early"] = sorted(state.waiting.early)
    found["ended"] = {str(one.incarnation): one.ended for one in state.incarnations.values()}
    found["last"] = {str(one.incarnation): one.last for one in state.incarnations.values()}
    found["places"] = state.number_places
    found["claims"] = {one.number: (one.claim, one.unused_since) for one in state.identities}
    found["unissued"] = {
        one.number: (one.claim, one.wanted.text) for one in state.identities.unissued.values()
    }
    found["memberships"] = {uid: sorted(names) for uid, names in state.memberships.items()}
    found["owners"] = {number: state.owner_of_number(number) for number in state.number_places}
    return found
