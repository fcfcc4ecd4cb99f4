"""What must be true of a network in the end, after all that befell it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import apsw

from tertulia.domain.fingerprint import fingerprint
from tertulia.domain.ids import msgid
from tertulia.domain.state import State
from tertulia.storage import database, records
from tests.chaos.kinds import NumericUser
from tests.chaos.kit import ECHO, Irc, close_all
from tests.chaos.network import Network
from tests.chaos.people import LOBBY, ROOMS, TOKEN, Book, Person, Said, Visit

BEGINNING = "timestamp=1970-01-01T00:00:00.000Z"
PAGE = 500

Shown = tuple[str, str, str, tuple[str, ...]]
Row = tuple[int, int, str, int, int, int, int, str, int]
"""Clock, tag, server, epoch, number, conversation, kind, body and stamp of an event."""


def check_visits(book: Book) -> int:
    """Check what those with a name were shown; return how many copies these were.

    Nobody is shown anything twice, or that nobody said. Who has been in a channel since before
    something was said there has seen it; and whom it was for, if they are still there.
    """
    copies = 0
    for visit in book.visits:
        if isinstance(visit.person, NumericUser):
            continue
        shown = visit.shown()
        copies += shown.total()
        twice = {token: n for token, n in shown.items() if n > 1}
        assert not twice, f"{visit} was shown more than once: {_told(book, twice)}"
        assert shown.keys() <= book.said.keys()
        if not visit.is_over:
            missed = [
                said
                for said in book.said.values()
                if said.token not in shown and _is_for(said, visit)
            ]
            assert not missed, f"{visit}, there since {visit.since:.2f}, missed {missed}"
    return copies


def _told(book: Book, tokens: dict[str, int]) -> list[tuple[Said | None, int]]:
    return [(book.said.get(token), count) for token, count in tokens.items()]


def _is_for(said: Said, visit: Visit) -> bool:
    if not said.is_acknowledged or said.by is visit or said.token[0] != "m":
        return False
    if said.to is not None:
        return said.to is visit
    since = visit.rooms.get(said.target)
    return since is not None and since < said.at


def check_numeric(book: Book, person: NumericUser, members: dict[str, list[NumericUser]]) -> int:
    """Check that *person* got everything; return how much came again.

    What was in flight when the server died may come again. *members* are those of each channel
    and group, by its name or number.
    """
    visits = [visit for visit in book.visits if visit.person is person]
    got: Counter[str] = Counter()
    for visit in visits:
        shown = visit.shown()
        twice = {token: n for token, n in shown.items() if n > 1}
        assert not twice, f"{visit} was handed more than once: {_told(book, twice)}"
        got += shown
    again = sum(got.values()) - len(got)
    assert again < len(visits), f"{person.number} was handed again {_told(book, got)}"
    missed = [
        said
        for said in book.said.values()
        if said.token not in got and said.is_acknowledged and _waits_for(said, person, members)
    ]
    assert not missed, f"{person.number}, at {person.home}, missed {missed}"
    return again


def _waits_for(said: Said, person: NumericUser, members: dict[str, list[NumericUser]]) -> bool:
    if said.token[0] != "m" or said.by.person is person:
        return False
    return said.to == person.number or person in members.get(said.target, ())


async def check_histories(network: Network, book: Book) -> int:
    """Check that CHATHISTORY shows the same everywhere; return how much that is."""
    everywhere: list[dict[str, list[Shown]]] = []
    for member in network.members:
        client = Irc(*await member.come("irc"))
        await client.register(f"reader{member.n}", *ECHO)
        await client.ask(f"JOIN {LOBBY},{','.join(ROOMS)}")
        pages = {room: await _history(client, room) for room in (LOBBY, *ROOMS)}
        everywhere.append(pages)
        await close_all(client)
    first, *others = everywhere
    for n, other in enumerate(others, 1):
        for room in first:
            differing = _differing(first[room], other[room])
            assert not differing, f"0 and {n} show other histories of {room}: {differing}"
    for room, shown in first.items():
        ids = [one[0] for one in shown]
        assert ids == sorted(set(ids)), f"the history of {room} is not in order"
        texts = Counter(token for one in shown for token in TOKEN.findall(one[3][-1]))
        for said in book.said.values():
            if said.target == room and said.is_acknowledged and said.token[0] == "m":
                assert texts[said.token] == 1, f"{said} is in the history {texts[said.token]} times"
    return sum(map(len, first.values()))


def _differing(one: list[Any], other: list[Any]) -> list[Any]:
    """Return what is only in one, or where the order differs."""
    common = set(one) & set(other)
    only = [("first", x) for x in one if x not in common]
    only += [("second", x) for x in other if x not in common]
    if not only and one != other:
        return next([a, b] for a, b in zip(one, other, strict=True) if a != b)
    return only[:10]


async def _history(client: Irc, room: str) -> list[Shown]:
    found: list[Shown] = []
    after = BEGINNING
    while True:
        # Who comes to read is history too.
        lines = await client.ask(f"CHATHISTORY AFTER {room} {after} {PAGE}")
        entries = [line for line in lines if line.batch and "msgid" in line.tags]
        found += [
            (line.tags["msgid"], line.source, line.command, tuple(line.params))
            for line in entries
            if line.command in ("PRIVMSG", "TOPIC", "MODE")
        ]
        if len(entries) < PAGE:
            return found
        after = f"msgid={entries[-1].tags['msgid']}"


def check_databases(network: Network, book: Book, states: set[str]) -> int:
    """Check, when all servers have stopped, that their logs are the same; return how many events
    there are. *states* are what they said of their state."""
    logs = [_log(member.data / "tertulia.db") for member in network.members]
    for n, log in enumerate(logs):
        differing = _differing(logs[0], log)
        assert not differing, f"0 and {n} have other events: {differing}"
    for member in network.members:
        states.add(_state(member.data / "tertulia.db"))
    assert len(states) == 1, "what is on disk is another state"
    log = logs[0]
    order = [(row[0], row[1]) for row in log]
    assert order == sorted(set(order)), "two events have one place"
    numbers: dict[tuple[str, int], list[int]] = defaultdict(list)
    for row in log:
        numbers[row[2], row[3]].append(row[4])
    for source, found in numbers.items():
        assert sorted(found) == list(range(1, len(found) + 1)), f"there is a gap in {source}"
    _check_said(book, log)
    return len(log)


def _check_said(book: Book, log: list[Row]) -> None:
    """Nothing that was acknowledged is lost, nothing is there twice, and ids are what was told."""
    places: dict[str, list[str]] = defaultdict(list)
    for hlc, tag, *_, body, _stamp in log:
        fact = json.loads(body)
        if fact["k"] in ("said", "topic"):
            for token in TOKEN.findall(fact.get("text", fact.get("topic", ""))):
                places[token].append(msgid(hlc, tag))
    for said in book.said.values():
        found = places[said.token]
        assert len(found) <= 1, f"{said} is there {len(found)} times"
        assert found or not said.is_acknowledged, f"{said} is lost"
        assert not said.msgid or found == [said.msgid], f"{said} has another id: {found}"


def _log(path: Path) -> list[Row]:
    db = database.connect(path, read_only=True)
    names = {source: (server.hex(), e) for source, server, e, _, _ in database.sources(db)}
    query = """
        SELECT hlc, tag, id >> 40, id & (1 << 40) - 1, conversation, kind, body, stamp FROM event
        ORDER BY hlc, tag
    """
    rows: Any = db.execute(query)
    found = [(hlc, tag, *names[source], *rest) for hlc, tag, source, *rest in rows]
    assert db.pragma("integrity_check") == "ok"
    db.close()
    return found


def _state(path: Path) -> str:
    """Return the fingerprint of the state that a start would find."""
    db: apsw.Connection = database.connect(path, read_only=True)
    state = State()
    for nickname, number, place in records.load_numbers(db):
        state.restore_number(nickname, number, place)
    state.identities.restore(records.load_identities(db))
    for channel in records.load_channels(db):
        state.restore_channel(channel)
    db.close()
    return fingerprint(state)


def summary(book: Book, people: list[Person]) -> str:
    """Tell how much there was."""
    said = book.said.values()
    known = sum(one.is_acknowledged for one in said)
    stayed = [person for person in people if person.visit is not None and person.visits == 1]
    kinds = Counter(person.protocol for person in people)
    return (
        f"{len(people)} people ({', '.join(f'{k} {n}' for k, n in kinds.items())}),"
        f" {len(stayed)} of them there throughout; {len(said)} said, {known} acknowledged"
    )
