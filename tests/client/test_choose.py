"""Which servers are offered."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable

import pytest

from tertulia.client import choose
from tertulia.client.choose import Candidate, by_network, candidates, gather, of_found
from tertulia.client.profile import Server
from tertulia.client.servers import Found
from tertulia.client.session.settings import Address
from tertulia.protocols.announcement import Card

ID = "0123456789abcdef" * 2


def found(*addresses: str, **more: object) -> Found:
    card = {"name": "tea.example", "ports": {"irc": 6667}, **more}
    return Found(Card(**card), list(addresses))  # type: ignore[arg-type]


def candidate(host: str, server: str = "") -> Candidate:
    return Candidate(addresses=(Address(host, 6667),), id=server)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[Found], set[Address]], None]:
    """Lets these servers be found, and these addresses answer."""

    def put(servers: list[Found], answering: set[Address]) -> None:
        async def find(_timeout: float, _warn: object) -> AsyncGenerator[Found, None]:
            for one in servers:
                yield one

        async def answers(address: Address) -> bool:
            return address in answering

        monkeypatch.setattr(choose, "find_servers", find)
        monkeypatch.setattr(choose, "_answers", answers)

    return put


def test_tls_is_preferred_and_link_local_addresses_are_last() -> None:
    one = of_found(found("fe80::1%eth0", "192.0.2.2", ports={"irc": 6667, "ircs": 6697}, users=3))
    assert one is not None
    assert one.addresses == (
        Address("192.0.2.2", 6697, True), Address("fe80::1%eth0", 6697, True),
    )  # fmt: skip
    assert of_found(found("192.0.2.2", ports={"rech": 4242})) is None


async def test_all_ways_bring_candidates(
    network: Callable[[list[Found], set[Address]], None],
) -> None:
    old, gone = Address("192.0.2.3", 6667), Address("192.0.2.4", 6667)
    behind = Address("192.0.2.5", 6667)
    network(
        [found("192.0.2.2", server_id=ID, users=3), found("192.0.2.5", ports={"rech": 4242})],
        {old, behind},
    )
    remembered = [Server(address=old, name="old.example"), Server(address=gone)]
    known = await gather(candidates(remembered, pytest.fail))
    assert {one.uri for one in known} == {
        "irc://192.0.2.2:6667", "irc://192.0.2.3:6667", "irc://192.0.2.5:6667",
    }  # fmt: skip
    assert [one.is_remembered for one in known if one.name == "old.example"] == [True]


async def test_a_server_that_is_found_twice_is_one(
    network: Callable[[list[Found], set[Address]], None],
) -> None:
    address = Address("192.0.2.9", 6667)
    network([found("192.0.2.2", server_id=ID, users=3)], {address})
    [one] = await gather(candidates([Server(address=address, id=ID)], pytest.fail))
    assert (one.users, one.is_remembered, len(one.addresses)) == (3, True, 2)


async def test_others_are_waited_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "MORE_S", 0.0)
    never = asyncio.Event()

    async def source() -> AsyncGenerator[Candidate, None]:
        yield candidate("a")
        with contextlib.suppress(asyncio.CancelledError):
            await never.wait()

    assert await gather(source()) == [candidate("a")]


def test_servers_that_know_the_same_identity_are_one_network() -> None:
    one, two, three, four = (candidate(host, host) for host in "abcd")
    numbers = {"a": "1", "c": "1", "d": "2"}
    assert by_network([one, two, three, four], numbers) == [(one, three), (two,), (four,)]
    nobody = [candidate("a"), candidate("b")]
    assert by_network(nobody, {"": "1"}) == [(nobody[0],), (nobody[1],)]
