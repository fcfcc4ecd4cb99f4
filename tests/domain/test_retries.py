"""What a client says again on another server, not knowing that it was heard."""

from __future__ import annotations

import itertools

import pytest

from tertulia.domain import changes as c
from tertulia.domain.commands.connect import Disconnect
from tertulia.domain.commands.identify import IssueIdentity
from tertulia.domain.commands.say import Say
from tertulia.domain.identities import Credential, hash_token
from tertulia.domain.ids import Uid
from tertulia.domain.text import Text
from tests.domain.net import Server, exchange, network

ORDERS = list(itertools.permutations(range(2)))


class People:
    """Three servers, and the identities of Ana and Bob, of whom nobody is here."""

    def __init__(self) -> None:
        self.servers = network([0, 0, 0])
        self.ana, self.bob = self._issue("ana"), self._issue("bob")
        exchange(self.servers)

    def _issue(self, nick: str) -> Credential:
        user = self.servers[0].user(nick)
        self.servers[0].do(user, IssueIdentity(hash_token("secret")))
        self.servers[0].do(user, Disconnect(""))
        return Credential(user.number, hash_token("secret"))

    def bob_says(self, server: Server, text: str = "hello") -> str:
        """Bob, who has just come there, says that to Ana, with always the same id."""
        bob = server.user("bob", credential=self.bob)
        whom = server.state.recipient("ana")
        assert whom is not None
        [said] = server.do(bob, Say(whom, Text(text), client_id="m1"))
        assert isinstance(said, c.Spoken)
        return said.msgid

    def counts(self) -> list[int]:
        return [server.state.waiting.count(Uid(self.ana.number)) for server in self.servers]

    def receive(self, server: Server) -> tuple[str, ...]:
        """Ana comes there and is handed what waits for her."""
        ana = server.user("ana", credential=self.ana)
        waiting = server.waiting(ana)
        server.receive(ana)
        return waiting


@pytest.fixture
def people() -> People:
    return People()


@pytest.mark.parametrize("where", range(3))
def test_it_waits_once_on_all_servers(people: People, where: int) -> None:
    first, _ = people.bob_says(people.servers[0]), people.bob_says(people.servers[1])
    exchange(people.servers)
    assert people.counts() == [1, 1, 1]
    assert people.receive(people.servers[where]) == (first,)
    exchange(people.servers)
    assert people.counts() == [0, 0, 0]


@pytest.mark.parametrize("order", ORDERS)
def test_it_does_not_matter_which_is_heard_of_first(people: People, order: tuple[int, int]) -> None:
    one, other, third = people.servers
    first, _ = people.bob_says(one), people.bob_says(other)
    for n in order:
        third.hear(people.servers[n])
    assert people.receive(third) == (first,)


@pytest.mark.parametrize("where", range(2))
def test_what_was_handed_over_on_one_side_is_not_on_the_other(people: People, where: int) -> None:
    for server in people.servers[:2]:
        people.bob_says(server)
    assert len(people.receive(people.servers[where])) == 1
    exchange(people.servers)
    assert people.counts() == [0, 0, 0]


def test_what_was_handed_over_while_the_other_was_on_its_way(people: People) -> None:
    one, other, third = people.servers
    people.bob_says(one)
    people.bob_says(other)
    third.hear(one)
    third.hear(other)
    people.receive(other)  # which has not heard of the first
    exchange(people.servers)
    assert people.counts() == [0, 0, 0]


@pytest.mark.parametrize("where", range(2))
def test_what_was_shown_at_once_on_one_side_does_not_wait_on_the_other(
    people: People, where: int
) -> None:
    people.servers[where].user("ana", credential=people.ana)
    for server in people.servers[:2]:
        people.bob_says(server)
    exchange(people.servers)
    assert people.counts() == [0, 0, 0]


def test_it_is_seen_once(people: People) -> None:
    one, other, third = people.servers
    people.bob_says(one)
    people.bob_says(other, "hello, changed on the way")
    seen = [*third.hear(one), *third.hear(other)]
    assert [change.text for change in seen if isinstance(change, c.Spoken)] == ["hello"]


def test_something_else_waits_beside_it(people: People) -> None:
    one, other, _ = people.servers
    first = people.bob_says(one)
    people.bob_says(other)
    carol = other.user("carol")
    ana = other.state.recipient("ana")
    assert ana is not None
    [said] = other.do(carol, Say(ana, Text("hello"), client_id="m1"))
    assert isinstance(said, c.Spoken)
    exchange(people.servers)
    assert people.counts() == [2, 2, 2]
    assert people.receive(one) == tuple(sorted((first, said.msgid)))
