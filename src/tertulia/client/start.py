"""Making ready to connect: who one is, where to, and what is remembered of there."""

from __future__ import annotations

import contextlib
import getpass
import re
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct

import tertulia
from tertulia.client.choose import Candidate
from tertulia.client.connection import Connection, SystemClock
from tertulia.client.keeping import Keeper
from tertulia.client.neighbours import Neighbours
from tertulia.client.preferences import Preferences, load
from tertulia.client.profile import DEFAULT, Kept, Profile, Server, default_folders
from tertulia.client.session import events as ev
from tertulia.client.session.intents import Join, OpenQuery
from tertulia.client.session.session import Session
from tertulia.client.session.settings import Address, Credential, SessionSettings, Wish
from tertulia.client.words import Words, words_for
from tertulia.domain.channels import LOBBY_NAME

ADDRESSES_MOST = 32


class Home(Struct, frozen=True):
    """What is on this machine: settings, files, and the language."""

    profile: Profile
    preferences: Preferences
    words: Words
    is_guest: bool
    """Another client comes under this name already: this one has no identity, and keeps none."""

    @property
    def credentials(self) -> dict[str, Credential]:
        """What to show to which server, by its id."""
        return {} if self.is_guest else self.profile.credentials()

    @property
    def numbers(self) -> dict[str, str]:
        """One's own number, by the ids of the servers that know it."""
        return {server: one.number for server, one in self.profile.credentials().items()}


def open_home(
    name: str = DEFAULT, language: str = "", folders: tuple[Path, Path] | None = None
) -> Home:
    """Return what is kept for the identity of that name. Raises `ProfileError` and
    `PreferencesError`."""
    config, state = folders or default_folders()
    preferences = load(config)
    profile = Profile(config, state, name)
    profile.kept()
    profile.identities()
    words = words_for(language or preferences.language or None)
    return Home(profile, preferences, words, is_guest=not profile.claim())


class Target(Struct, frozen=True):
    """Where to: one of *servers*, and into these channels."""

    servers: tuple[Candidate, ...]
    channels: tuple[Wish, ...] = ()


class Chat:
    """A client that is ready: `connect` it, run the connection, and then `close` it."""

    def __init__(self, home: Home, session: Session, keeper: Keeper, *, is_new: bool) -> None:
        self.home = home
        self.session = session
        self._keeper = keeper
        self._is_new = is_new
        self._told: list[ev.Event] = []
        self._connection: Connection | None = None
        self._neighbours: Neighbours | None = None
        self._on_events: Callable[[list[ev.Event]], None] = lambda _events: None

    def connect(self, on_events: Callable[[list[ev.Event]], None]) -> Connection:
        """Return the connection, which tells *on_events* what happens."""
        self._on_events = on_events
        self._connection = Connection(self.session, self._take, self._keeper)
        self._neighbours = Neighbours(self.session, self._connection.add_addresses)
        return self._connection

    def complain(self, why: str) -> None:
        """Something could not be kept."""
        self._on_events([ev.Refused("FILE", why)])

    def _take(self, events: list[ev.Event]) -> None:
        key = self._keeper.key
        if not self.home.is_guest:
            self._keeper.take(events)
        for event in events:
            if isinstance(event, ev.Welcome):
                self._welcome(is_other=key != self._keeper.key)
            elif isinstance(event, ev.StateChanged) and self._neighbours is not None:
                self._neighbours.state_changed(event.state)
        self._on_events(events)

    def _welcome(self, *, is_other: bool) -> None:
        """Whoever comes to one of our servers for the first time is in the room at once.

        If it is known only now which network this is (*is_other*), go where one was there.
        """
        wishes: list[Wish] = []
        queries: list[str] = []
        if is_other:
            persona = self.home.profile.persona(self._keeper.key)
            wishes, queries = persona.channels, persona.queries
            self._is_new = self._is_new and not persona.nick
        if self._is_new and self.session.is_ours:
            wishes = [Wish(LOBBY_NAME)]
        self._is_new = False
        if self._connection is not None:
            for wish in wishes:
                self._connection.do(Join(wish.name, wish.password))
            for nick in queries:
                self._connection.do(OpenQuery(nick))

    async def close(self) -> None:
        """Keep what is to be kept."""
        if self._neighbours is not None:
            await self._neighbours.close()
        if not self.home.is_guest:
            await self._keeper.close()
        self.home.profile.release()


def prepare(home: Home, target: Target, nick: str = "") -> Chat:
    """Return a client for *target*. Raises `ProfileError`."""
    kept = home.profile.kept()
    servers = [*target.servers, *_others(home, kept, target.servers)]
    key = _key(home, servers)
    persona = home.profile.persona(key)
    addresses = dict.fromkeys(address for one in servers for address in one.addresses)
    chosen = home.preferences
    settings = SessionSettings(
        nick=nick or persona.nick or _usual_nick(home, kept),
        addresses=tuple(addresses)[:ADDRESSES_MOST],
        username=own_name(),
        realname=chosen.realname,
        channels=_together(target.channels, persona.channels),
        queries=() if home.is_guest else tuple(persona.queries),
        unsent=() if home.is_guest else tuple(persona.unsent),
        heard_at=0 if home.is_guest else persona.heard_at,
        read_at=persona.read_at,
        identities=home.credentials,
        wants_identity=not home.is_guest,
        history=chosen.history,
        ignored=tuple(kept.ignored),
        contacts=kept.contacts,
        highlights=chosen.highlights,
        tells_seen=chosen.seen,
        tells_typing=chosen.typing,
        version=f"tertulia {tertulia.__version__}",
    )
    session = Session(settings, SystemClock(), secrets.token_hex(8))
    ids = {str(address): one.id for one in servers if one.id for address in one.addresses}
    is_new = not persona.nick and not target.channels
    keeper = Keeper(home.profile, session, key, ids, lambda why: chat.complain(why))
    chat = Chat(home, session, keeper, is_new=is_new)
    return chat


def _usual_nick(home: Home, kept: Kept) -> str:
    if home.profile.name != DEFAULT:
        return home.profile.name
    return home.preferences.nick or kept.nick or own_name()


def at(address: Address, home: Home) -> Candidate:
    """Return the server at *address*, with what is remembered of it."""
    for known in home.profile.kept().servers:
        if known.address == address:
            return _candidate(known)
    return Candidate(addresses=(address,))


def _candidate(known: Server) -> Candidate:
    return Candidate(
        addresses=(known.address,), name=known.name, network=known.network, id=known.id,
        is_remembered=True,
    )  # fmt: skip


def _others(home: Home, kept: Kept, servers: Iterable[Candidate]) -> list[Candidate]:
    """Return other remembered servers of the same network."""
    numbers = home.numbers
    mine = {numbers[one.id] for one in servers if one.id in numbers}
    here = {address for one in servers for address in one.addresses}
    return [
        _candidate(known)
        for known in kept.servers
        if numbers.get(known.id) in mine and known.address not in here
    ]


def _key(home: Home, servers: list[Candidate]) -> str:
    """Return what is remembered of a network under: the number one has there, or the address."""
    numbers = home.numbers
    number = next((numbers[one.id] for one in servers if one.id in numbers), "")
    return number or servers[0].uri


def _together(first: Iterable[Wish], more: Iterable[Wish]) -> tuple[Wish, ...]:
    wishes = {one.name.casefold(): one for one in more}
    return tuple({**{one.name.casefold(): one for one in first}, **wishes}.values())


def own_name() -> str:
    """Return a nickname from the name of this machine's user."""
    name = ""
    with contextlib.suppress(KeyError, OSError):
        name = getpass.getuser()
    return re.sub(r"[^\w-]", "", name).lstrip("0123456789-")[:16] or "guest"
