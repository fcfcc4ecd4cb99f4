"""What waits for whom, with several servers."""

import itertools

import pytest

from tertulia.domain import events as e
from tertulia.domain.commands.connect import Disconnect
from tertulia.domain.commands.identify import IssueIdentity
from tertulia.domain.commands.say import Say
from tertulia.domain.identities import Credential, Identity, hash_token
from tertulia.domain.ids import Uid
from tertulia.domain.text import Text
from tertulia.domain.waiting import Waiting
from tests.domain.net import Server, exchange, merged, network

UID = Uid("0000000000001")
FACT = e.IdentityUsed("0000000000001")


@pytest.fixture
def servers():
    """Three, of which the first has issued an identity; its user is not here."""
    servers = network([0, 0, 0])
    user = servers[0].user("ana")
    token = hash_token("secret")
    servers[0].do(user, IssueIdentity(token))
    servers[0].do(user, Disconnect(""))
    exchange(servers)
    return servers, Credential(user.number, token)


def say(server: Server, text: str) -> str:
    """Somebody there says something to Ana; its id."""
    target = server.state.recipient("ana")
    assert target is not None
    server.do(server.state.user_named("bob") or server.user("bob"), Say(target, Text(text)))
    return server.changes[-1].msgid


def counts(servers: list[Server], uid: str) -> list[int]:
    return [server.state.waiting.count(Uid(uid)) for server in servers]


def test_what_waits_waits_on_all_servers_until_one_has_handed_it_over(servers):
    servers, ana = servers
    one, other = say(servers[0], "one"), say(servers[1], "two")
    exchange(servers)
    assert counts(servers, ana.number) == [2, 2, 2]
    user = servers[2].user("ana", credential=ana)
    assert user.catching_up
    assert sorted(servers[2].waiting(user)) == sorted([one, other])
    servers[2].receive(user)
    exchange(servers)
    assert counts(servers, ana.number) == [0, 0, 0]


def test_what_was_handed_over_on_two_servers_is_counted_once(servers):
    servers, ana = servers
    say(servers[0], "one")
    exchange(servers)
    for server in servers[:2]:
        server.receive(server.user("ana", credential=ana))
    said = say(servers[2], "two")
    exchange(servers)
    for server in servers:
        assert server.state.waiting.count(Uid(ana.number)) == 1
        assert list(server.put_by) == [(ana.number, said)]


def test_what_was_handed_over_before_it_arrives_does_not_wait(servers):
    servers, ana = servers
    one, other, third = servers
    said = say(one, "one")
    other.hear(one)
    other.receive(other.user("ana", credential=ana))
    third.hear(other)
    assert list(third.state.waiting.early) == [(ana.number, said)]
    third.hear(one)
    assert third.state.waiting.early == {}
    assert third.state.waiting.count(Uid(ana.number)) == 0
    assert not third.state.waiting.added


def test_what_needed_no_waiting_here_is_not_remembered_for_ever():
    """What is said to everyone waits only on the server of those who are handed it by way of the
    disk, and what they have received is told to all."""
    one, other = network([0, 0])
    ana = one.bare()
    one.do(one.user("bob"), Say("*", Text("hello")))
    one.receive(ana)
    logs = [one.events, other.events]
    for order in itertools.permutations(logs):
        state = merged(itertools.chain(*order))
        assert state.waiting.early == {}
        assert not state.waiting.added
    received = [event for event in one.events if isinstance(event.fact, e.Received)]
    rest = [event for event in one.events if event not in received]
    state = merged([*received, *rest])
    assert state.waiting.early == {}


def test_early_is_what_was_received_and_is_not_here():
    waiting = Waiting()
    waiting.restore_early([(UID, "a"), (Uid("0000000000002"), "a")])
    waiting.expect(UID, "b")
    waiting.expect(UID, "b")
    assert list(waiting.changed_early) == [(UID, "b")]
    waiting.add(UID, "a", FACT)
    assert waiting.count(UID) == 0
    waiting.arrived("a")
    assert list(waiting.early) == [(UID, "b")]
    waiting.add(UID, "a", FACT)
    assert waiting.count(UID) == 1


def test_what_could_not_be_written_can_be_handed_over_again():
    waiting = Waiting()
    waiting.restore(UID, 1)
    waiting.receive(UID, ["a"])
    waiting.receive(UID, ["a"])
    assert waiting.count(UID) == 0
    waiting.reset([(UID, 1)])
    waiting.receive(UID, ["a"])
    assert waiting.count(UID) == 0
    assert waiting.is_handed(UID, "a")


def test_who_is_nowhere_is_an_identity(servers):
    servers, ana = servers
    for server in servers:
        found = server.state.recipient(ana.number)
        assert isinstance(found, Identity)
