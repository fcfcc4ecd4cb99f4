"""``tertulia chat``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter

from tertulia.cli.errors import CommandError, RefusedError
from tertulia.cli.tables import shown
from tertulia.client.choose import Candidate, by_network, candidates, gather
from tertulia.client.preferences import PreferencesError
from tertulia.client.profile import DEFAULT, ProfileError
from tertulia.client.start import Chat, Home, Target, at, open_home, prepare
from tertulia.client.uri import BadUri, parse
from tertulia.client.words import is_known


def chat(
    uri: str = "",
    *,
    nick: str = "",
    as_: Annotated[str, Parameter(name="--as")] = DEFAULT,
    plain: Annotated[bool, Parameter(negative="")] = False,
    lang: str = "",
    trust: str = "",
) -> int:
    """Chat, in the terminal. Without an address the server is found by itself.

    Parameters
    ----------
    uri
        Where to: irc://host:6667/#channel, ircs://host, or just a host.
    nick
        The nickname; the one of the last time is remembered.
    as_
        Which identity to come with: any name, a new one is made for it.
    plain
        Lines in and lines out, instead of a screen. So it is too where standard output is no
        terminal.
    lang
        The language: en or pt_BR. By default that of the system.
    trust
        The fingerprint of a certificate that is right although there was another one before.
    """
    if lang and not is_known(lang):
        raise CommandError(f"--lang {lang}: there is no such language; write en or pt_BR")
    # Textual draws on standard error.
    is_plain = plain or not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty())
    try:
        home = open_home(as_, lang)
        place = parse(uri) if uri else None
        if place is not None:
            target = Target((at(place.address, home),), place.channels)
        else:
            target = Target(asyncio.run(_choose(home, is_plain=is_plain)))
        if trust:
            home.profile.set_pin(_pinned_as(target.servers[0]), trust)
        prepared = prepare(home, target, nick)
    except (BadUri, ProfileError, PreferencesError) as error:
        raise CommandError(str(error)) from error
    if home.is_guest:
        _warn(
            home.words(
                "You are already here as {name} in another window; this one is a guest."
                " --as gives it an identity of its own."
            ).format(name=as_)
        )
    return asyncio.run(_plain(prepared)) if is_plain else _interface(prepared)


def _pinned_as(server: Candidate) -> str:
    return server.id or server.uri


async def _plain(prepared: Chat) -> int:
    from tertulia.client.plain import run_plain

    return await run_plain(prepared)


def _interface(prepared: Chat) -> int:
    from tertulia.client.interface import run

    return run(prepared)


# Which server


async def _choose(home: Home, *, is_plain: bool) -> tuple[Candidate, ...]:
    """Return the servers of the network to come to: the only one, or the chosen one."""
    remembered = home.profile.kept().servers
    found = await gather(candidates(remembered, _warn))
    networks = by_network(found, home.numbers)
    _ = home.words
    if not networks:
        raise RefusedError(
            _("no server found; say where it is: tertulia chat irc://host:6667/#channel")
        )
    if len(networks) == 1:
        return networks[0]
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        uris = ", ".join(shown(some[0].uri) for some in networks)
        raise CommandError(_("there are several servers, say which one: {uris}").format(uris=uris))
    return await (asyncio.to_thread(_ask, networks, home) if is_plain else _pick(networks, home))


async def _pick(networks: Sequence[tuple[Candidate, ...]], home: Home) -> tuple[Candidate, ...]:
    from tertulia.client.interface import choose

    chosen = await choose(networks, home)
    if chosen is None:
        raise CommandError(home.words("none was chosen"))
    return chosen


def _ask(networks: Sequence[tuple[Candidate, ...]], home: Home) -> tuple[Candidate, ...]:
    _ = home.words
    for number, servers in enumerate(networks, 1):
        print(f"{number:>3}  {_described(servers, home)}", file=sys.stderr)
    while True:
        print(_("Which one? [1]"), end=" ", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        answer = line.strip() or "1"
        if not line:
            raise CommandError(_("none was chosen"))
        if answer.isascii() and answer.isdecimal() and 0 < int(answer[:6]) <= len(networks):
            return networks[int(answer) - 1]


def _described(servers: tuple[Candidate, ...], home: Home) -> str:
    first = servers[0]
    users = ""
    if first.users is not None:
        users = home.words.plural("{count} person", "{count} people", first.users)
    words = [shown(first.name or "?"), first.uri, users]
    return "  ".join(word for word in words if word)


def _warn(text: str) -> None:
    print(f"tertulia: {text}", file=sys.stderr)
