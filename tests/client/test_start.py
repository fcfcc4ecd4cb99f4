"""Making ready: what is remembered of a network, what is kept, and who comes as whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from tertulia.client import neighbours
from tertulia.client.choose import Candidate
from tertulia.client.keeping import Keeper
from tertulia.client.neighbours import Neighbours
from tertulia.client.profile import Persona, Server
from tertulia.client.servers import Found
from tertulia.client.session import events as ev
from tertulia.client.session import intents as i
from tertulia.client.session.events import State
from tertulia.client.session.settings import Address, Credential, Unsent, Wish
from tertulia.client.start import Home, Target, at, open_home, own_name, prepare
from tertulia.protocols.announcement import Card
from tests.client.session_kit import OURS, Table

HERE, THERE = Address("127.0.0.1", 6667), Address("127.0.0.2", 6667)


@pytest.fixture
def open_as(tmp_path: Path) -> Callable[..., Home]:
    """Open what is kept for a name, again and again."""
    opened: list[Home] = []

    def open_it(name: str = "default") -> Home:
        for one in opened:
            one.profile.release()
        opened.append(open_home(name, "en", (tmp_path / "config", tmp_path / "state")))
        return opened[-1]

    return open_it


def target(*channels: str, server: str = "") -> Target:
    return Target((Candidate(addresses=(HERE,), id=server),), tuple(map(Wish, channels)))


def test_the_nickname(open_as: Callable[..., Home], tmp_path: Path) -> None:
    assert prepare(open_as(), target()).session.nick == own_name()
    assert prepare(open_as("work"), target()).session.nick == "work"
    (tmp_path / "config").mkdir(exist_ok=True)
    (tmp_path / "config" / "client.toml").write_text('nick = "bia"\n')
    assert prepare(open_as(), target()).session.nick == "bia"
    open_as().profile.set_persona(str(HERE), Persona(nick="ana"))
    assert prepare(open_as(), target()).session.nick == "ana"
    assert prepare(open_as(), target(), "rui").session.nick == "rui"


def test_all_of_a_network_is_remembered_by_the_number(open_as: Callable[..., Home]) -> None:
    profile = open_as().profile
    profile.add_identity("1", "secret", "a" * 32, "ana", "Tea")
    profile.known_at("1", "b" * 32)
    for address, server in ((THERE, "b" * 32), (HERE, "a" * 32)):
        profile.remember(Server(address=address, id=server))
    unsent = Unsent("#tea", "say", "hi", "c-1", 7)
    profile.set_persona("1", Persona(nick="ana", channels=[Wish("#tea")], unsent=[unsent]))
    home = open_as()
    for address in (HERE, THERE):
        chat = prepare(home, Target((at(address, home),), (Wish("#x"),)))
        assert [one.name for one in chat.session.model if one.is_channel] == ["#x", "#tea"]
        assert chat.session.outbox.unsent() == (unsent,)
        # When it is gone, the other one is tried.
        assert set(chat.session.link.addresses) == {HERE, THERE}
        assert chat.session.link.addresses[0] == address


def test_a_guest_shows_no_identity_and_keeps_nothing(open_as: Callable[..., Home]) -> None:
    first = open_as()
    first.profile.add_identity("1", "secret", "a" * 32, "ana", "Tea")
    second = open_home("default", "en", _folders(first))
    assert (first.is_guest, second.is_guest) == (False, True)
    settings = prepare(second, target()).session.settings
    assert (settings.identities, settings.wants_identity) == ({}, False)
    assert prepare(first, target()).session.settings.identities == {
        "a" * 32: Credential("1", "secret")
    }


def _folders(home: Home) -> tuple[Path, Path]:
    return home.profile._identities.parent, home.profile._state.parent


async def test_what_happens_is_kept(open_as: Callable[..., Home]) -> None:
    home = open_as()
    one = Table(caps=OURS, wants_identity=True)
    keeper = Keeper(home.profile, one.session, str(HERE), {}, pytest.fail)
    one.come()
    one.says(":irc.example IDENTITY ana 0123456789012 :secret")
    one.settle()
    one.enter("#tea")
    one.session.do(i.Contact("Mum", "eva"))
    one.session.do(i.Ignore("rui"))
    one.session.do(i.Say("#tea", "not stored yet"))
    keeper.take(one.take())
    await keeper.close()
    kept = open_as().profile
    assert kept.credentials() == {"5e1f": Credential("0123456789012", "secret")}
    persona = kept.persona("0123456789012")
    assert (persona.nick, persona.channels) == ("ana", [Wish("#tea")])
    assert [one.text for one in persona.unsent] == ["not stored yet"]
    assert kept.kept().contacts == {"Mum": "eva"}
    assert kept.kept().ignored == ["rui"]
    assert kept.kept().servers[0].id == "5e1f"


async def test_what_cannot_be_kept_is_told(open_as: Callable[..., Home]) -> None:
    home, told = open_as(), list[str]()
    one = Table()
    keeper = Keeper(home.profile, one.session, str(HERE), {}, told.append)
    home.profile._state.write_text("{")
    keeper.set_pin(str(HERE), "AA")
    assert keeper.pin(str(HERE)) == "AA"
    assert len(told) == 1
    assert str(home.profile._state) in told[0]


async def test_open_conversations_are_kept_until_they_are_closed(
    open_as: Callable[..., Home],
) -> None:
    home = open_as()
    chat = prepare(home, target())
    chat.connect(lambda _events: None)
    for nick in ("rui", "bob"):
        chat.session.do(i.OpenQuery(nick))
    chat.session.do(i.Close("bob"))
    await chat.close()
    again = prepare(open_as(), target()).session
    assert [one.name for one in again.model][1:] == ["rui"]


def test_certificates_are_known_by_the_server_and_else_by_its_address(
    open_as: Callable[..., Home],
) -> None:
    home, one = open_as(), Table()
    keeper = Keeper(home.profile, one.session, "", {str(HERE): "5e1f"}, pytest.fail)
    keeper.set_pin(str(HERE), "AA")
    keeper.set_pin(str(THERE), "BB")
    moved = Keeper(home.profile, one.session, "", {str(THERE): "5e1f"}, pytest.fail)
    assert moved.pin(str(THERE)) == "AA"
    unknown = Keeper(home.profile, one.session, "", {str(THERE): "beef"}, pytest.fail)
    assert unknown.pin(str(THERE)) == "BB"
    assert unknown.pin(str(HERE)) is None


async def test_other_servers_are_looked_for_while_there_is_no_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = asyncio.Event()
    added: list[Address] = []

    async def find(_timeout: float, _warn: object) -> AsyncGenerator[Found, None]:
        for server in ("5e1f", "beef", "cafe"):
            yield Found(Card(name="x", server_id=server, ports={"irc": 6667}), [server])
        found.set()

    monkeypatch.setattr(neighbours, "find_servers", find)
    known = {"5e1f": Credential("1", "a"), "beef": Credential("1", "a")}
    one = Table(caps=OURS, identities={**known, "cafe": Credential("2", "b")})
    others = Neighbours(one.session, added.extend)
    others.state_changed(State.WAITING)
    assert others._search is None  # it has only begun
    one.come()
    one.take()
    one.session.account = "1"
    one.session.lost()
    for event in one.took(ev.StateChanged):
        others.state_changed(event.state)
    async with asyncio.timeout(10):
        await found.wait()
    await others.close()
    assert [address.host for address in added] == ["5e1f", "beef"]
