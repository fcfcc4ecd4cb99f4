"""What other servers tell of their users."""

import itertools
import random

import pytest
from msgspec.structs import replace

from tertulia.domain import changes as c
from tertulia.domain import errors as x
from tertulia.domain import events as e
from tertulia.domain.channels import ADMIN, VOICE
from tertulia.domain.commands.connect import Disconnect
from tertulia.domain.commands.identify import IssueIdentity
from tertulia.domain.commands.invite import Invite
from tertulia.domain.commands.join import Join
from tertulia.domain.commands.kick import Kick
from tertulia.domain.commands.modes import SetRank
from tertulia.domain.commands.part import Part
from tertulia.domain.commands.profile import SetAway
from tertulia.domain.commands.rename import Rename
from tertulia.domain.commands.say import Say
from tertulia.domain.identities import Credential, hash_token
from tertulia.domain.ids import NOWHERE, Conversation, Hlc, Uid
from tertulia.domain.names import ChannelName, Nickname
from tertulia.domain.text import Text
from tests.domain.kit import check_state
from tests.domain.net import Server, exchange, network, told

TOKEN = hash_token("secret")


@pytest.fixture
def pair():
    return network([0, 0])


def issue(server: Server, nick: str) -> Credential:
    """Somebody has an identity, and is gone."""
    user = server.user(nick)
    server.do(user, IssueIdentity(TOKEN))
    server.do(user, Disconnect(""))
    return Credential(user.number, TOKEN)


def called(servers: list[Server]) -> list[dict[str, str]]:
    """By each server, the nicknames of all users."""
    return [{uid: user.nick.text for uid, user in server.state.users.items()} for server in servers]


def check_all(servers: list[Server]) -> None:
    exchange(servers)
    for server in servers:
        check_state(server.state, alone=False)
    one, *others = called(servers)
    for other in others:
        assert other == one


def test_who_is_elsewhere_is_shown_here(pair):
    here, there = pair
    ana = there.user("ana", "#tea")
    seen = here.hear(there)
    assert [type(one) for one in seen] == [c.Arrived, c.Entered]
    shown = here.state.user_named("ana")
    assert shown is not None
    assert (shown.uid, shown.server, shown.face) == (ana.uid, there.id, ana.face)
    assert here.ranks("#tea") == {"ana": ADMIN}
    there.do(ana, SetAway("tea"))
    there.do(ana, Part(there.channel("#tea")))
    there.do(ana, Disconnect("bye"))
    assert [type(one) for one in here.hear(there)] == [c.AwayChanged, c.Departed, c.Gone]
    assert here.state.users == {}


# Nicknames that are held on both sides


def test_who_took_the_nickname_first_keeps_it(pair):
    here, there = pair
    first = there.user("ana")
    here.now_ms += 5
    second = here.user("ana")
    seen = here.hear(there)
    assert first.nick.text == "ana"
    assert second.nick.text.startswith("ana_")
    assert here.state.user_named("ana").uid == first.uid
    # Whoever loses it is told, is not disconnected, and has a number of their own.
    assert [type(one) for one in here.changes][-1] is c.NickChanged
    assert isinstance(here.events[-1].fact, e.Renamed)
    assert [type(one) for one in seen] == [c.Arrived]
    assert second.number != first.number
    assert here.state.user_named(second.number) is second
    there.hear(here)
    assert called(pair)[0] == called(pair)[1]
    check_all(pair)


def test_who_came_later_elsewhere_is_shown_under_another_nickname_until_told(pair):
    here, there = pair
    first = here.user("ana")
    there.now_ms += 5
    second = there.user("ana")
    here.hear(there)
    assert first.nick.text == "ana"
    shown = here.state.users[second.uid]
    assert shown.nick.text.startswith("ana_")
    assert shown.face.mask.startswith(f"{shown.nick}!")
    assert second.nick.text == "ana"  # their server has not heard of it
    there.hear(here)
    assert second.nick.text == shown.nick.text
    check_all(pair)


def test_at_the_same_time_the_place_decides_on_both_sides(pair):
    here, there = pair
    one, other = here.user("ana"), there.user("ana")
    check_all(pair)
    assert {one.nick.text == "ana", other.nick.text == "ana"} == {True, False}


def test_nicknames_that_only_look_alike_are_held_by_one(pair):
    here, there = pair
    first = here.user("bob")
    there.now_ms += 1
    second = there.user("bоb")  # with a Cyrillic letter
    check_all(pair)
    assert first.nick.text == "bob"
    assert second.nick.text != "bоb"


def test_who_has_an_identity_keeps_the_nickname_though_they_came_later(pair):
    here, there = pair
    credential = issue(here, "ana")
    first = there.user("ana")
    here.now_ms += 5_000
    owner = here.user("ana", credential=credential)
    check_all(pair)
    assert owner.nick.text == "ana"
    assert first.nick.text.startswith("ana_")


def test_a_rename_into_a_nickname_that_is_held_elsewhere(pair):
    here, there = pair
    first = there.user("ana")
    second = here.user("bob")
    here.now_ms += 5
    here.do(second, Rename(Nickname.parse("ana")))
    check_all(pair)
    assert first.nick.text == "ana"
    assert second.nick.text.startswith("ana_")


def test_the_nickname_comes_back_when_who_has_it_goes(pair):
    here, there = pair
    first = here.user("ana")
    there.now_ms += 5
    second = there.user("ana")
    here.hear(there)
    assert here.state.users[second.uid].nick.text != "ana"
    here.do(first, Disconnect(""))
    assert here.state.users[second.uid].nick.text == "ana"
    check_state(here.state, alone=False)


def test_one_who_gives_up_a_nickname_that_was_made_for_them_gets_another(pair):
    here, there = pair
    here.user("ana")
    there.now_ms += 5
    second = there.user("ana")
    check_all(pair)
    made = second.nick.text
    there.do(second, IssueIdentity(TOKEN))
    exchange(pair)
    # The same identity, on the other server: the session in which it was issued gives way.
    owner = here.user(made, credential=Credential(second.number, TOKEN))
    assert owner.nick.text == made
    assert here.state.users[second.uid].nick.text != made
    check_all(pair)
    assert second.uid not in there.state.users


@pytest.mark.parametrize("seed", range(30))
def test_whoever_hears_of_whom_first_all_call_everybody_the_same(seed):
    chance = random.Random(seed)
    servers = network([0, chance.choice([0, 1, -70_000]), 3])
    credentials = [issue(server, "ana") for server in servers[:1]]
    exchange(servers)
    for server in servers:
        for nick in chance.sample(["ana", "bob", "bоb"], 2):
            try:
                server.user(nick)
            except x.NicknameInUse:
                continue
    for server, credential in zip(servers, credentials, strict=False):
        try:
            server.user("ana", credential=credential)
        except x.NicknameInUse:
            continue
    pairs = [*itertools.permutations(servers, 2)] * 3
    chance.shuffle(pairs)
    for one, other in pairs:
        one.hear(other, chance.choice([1, 2, None]))
    check_all(servers)


def test_who_is_called_like_an_identity_of_another_server_is_refused_one(pair):
    here, there = pair
    ana = there.user("ana")
    issue(here, "ana")
    there.hear(here)
    with pytest.raises(x.NicknameReserved):
        there.do(ana, IssueIdentity(TOKEN))


# The same identity on two servers


def both(servers: list[Server], order: tuple[int, int]) -> None:
    """The same identity connects to two servers that do not hear of each other."""
    credential = issue(servers[0], "ana")
    exchange(servers)
    for n in order:
        for server in servers:
            server.now_ms += 1_000
        servers[n].user("ana", "#tea", credential=credential)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("first_to_hear", [0, 1])
def test_of_one_identity_on_two_servers_the_later_connection_stays(pair, order, first_to_hear):
    both(pair, order)
    earlier, later = (pair[n] for n in order)
    hearer = pair[first_to_hear]
    hearer.hear(pair[1 - first_to_hear])
    check_all(pair)
    [uid] = later.state.users
    assert later.state.users[uid].server == ""
    assert earlier.state.users[uid].server == later.id
    assert [type(e.fact).__name__ for e in earlier.journal[-1:]] == ["Disconnected"]
    assert later.ranks("#tea") == earlier.ranks("#tea")


def test_a_third_server_shows_the_later_connection_whichever_it_hears_of_first():
    for first in (0, 1):
        servers = network([0, 0, 0])
        both(servers, (0, 1))
        third = servers[2]
        third.hear(servers[first])
        third.hear(servers[1 - first])
        [user] = third.state.users.values()
        assert user.server == servers[1].id
        check_all(servers)


def test_who_is_behind_one_who_has_gone_is_shown_again():
    servers = network([0, 0, 0])
    both(servers, (0, 1))
    third = servers[2]
    for other in servers[:2]:
        third.hear(other)
    [user] = servers[1].state.users.values()
    servers[1].do(user, Disconnect(""))
    third.hear(servers[1])
    [shown] = third.state.users.values()
    assert shown.server == servers[0].id
    assert list(shown.channels) == ["#tea"]
    check_all(servers)


def test_the_clock_of_a_server_that_is_ahead_does_not_keep_others_from_taking_over(pair):
    here, ahead = network([0, 3_600_000])
    credential = issue(here, "ana")
    exchange([here, ahead])
    ahead.user("ana", credential=credential)
    exchange([here, ahead])
    ana = here.user("ana", credential=credential)  # an hour earlier, by its clock
    exchange([here, ahead])
    assert here.state.users[ana.uid] is ana
    assert ahead.state.users[ana.uid].server == here.id


# What a server says of users that are not its own


def test_what_a_server_says_of_users_of_others_is_left_alone(pair):
    here, there = pair
    ana, bob = here.user("ana", "#tea"), there.user("bob", "#tea")
    exchange(pair)
    third = Server(3)
    eve = third.user("eve", "#tea")
    here.hear(third)
    tea = here.channel("#tea").incarnation
    before = called([here]), here.ranks("#tea"), set(here.channel("#tea").occupants)
    for user in (ana, here.state.users[bob.uid]):
        other = replace(user.face, nick="mallory")
        facts: list[tuple[e.Fact, Conversation]] = [
            (e.Disconnected(user.face, ""), NOWHERE),
            (e.Renamed(user.face, other), NOWHERE),
            (e.AwaySet(user.face, "gone"), NOWHERE),
            (e.RealnameSet(user.face, "gone"), NOWHERE),
            (e.UserModeSet(user.face, "o", True), NOWHERE),
            (e.Parted(user.face, "#tea", ""), tea),
            (e.Kicked(eve.face, "#tea", user.face, ""), tea),
            (e.PutOut(eve.face, "#tea", user.face, ""), tea),
            (e.Joined(user.face, "#lobby"), tea),
            (e.RanksSet(eve.face, "#tea", (e.RankChange(True, "o", user.face),)), tea),
            (e.Invited(user.face, eve.face, "#tea"), tea),
            (e.Signalled(user.face, "#tea", {"+x": ""}), tea),
        ]
        for fact, where in facts:
            hlc = Hlc((third.now_ms + 9) << 16)
            assert here.chat.tell(third.id, e.Event(hlc, where, fact, tag=5)) == []
    assert (called([here]), here.ranks("#tea"), set(here.channel("#tea").occupants)) == before
    assert ana.away is here.state.users[bob.uid].away is None
    assert here.state.user_named("eve") is not None


def test_of_several_ranks_those_of_its_own_users_are_set(pair):
    here, there = pair
    ana, bob = here.user("ana", "#tea"), there.user("bob", "#tea")
    exchange(pair)
    tea = here.channel("#tea")
    ranks = tuple(e.RankChange(True, "v", user.face) for user in (ana, bob))
    fact = e.RanksSet(bob.face, "#tea", ranks)
    here.chat.tell(there.id, e.Event(Hlc(1), tea.incarnation, fact))
    assert tea.occupants[bob.uid] & VOICE
    assert not tea.occupants[ana.uid] & VOICE


def test_of_users_that_nobody_knows_nothing_is_heard(pair):
    here, there = pair
    ghost = e.Face(Uid("s9"), "ghost", "0" * 13, "ghost!u@h")
    for fact in (e.AwaySet(ghost, "x"), e.Disconnected(ghost, ""), e.Joined(ghost, "#tea")):
        assert here.chat.tell(there.id, e.Event(Hlc(1), NOWHERE, fact)) == []


# What is wanted of others


def test_who_is_kicked_elsewhere_is_put_out_by_their_own_server(pair):
    here, there = pair
    ana = here.user("ana", "#tea")
    exchange(pair)
    bob = there.user("bob", "#tea")
    exchange(pair)
    tea = here.channel("#tea")
    assert here.do(ana, Kick(tea, here.state.users[bob.uid], "out")) == []
    assert bob.uid in tea.occupants
    exchange(pair)
    assert bob.channels == {}
    assert bob.uid not in tea.occupants
    assert [type(one) for one in there.changes][-1] is c.Expelled


def test_ranks_that_do_not_last_are_set_by_the_server_of_those_who_have_them(pair):
    here, there = pair
    ana = here.user("ana", "#tea")
    exchange(pair)
    bob = there.user("bob", "#tea")
    exchange(pair)
    here.do(ana, SetRank(here.channel("#tea"), ((True, "v", here.state.users[bob.uid]),)))
    exchange(pair)
    assert here.ranks("#tea") == there.ranks("#tea") == {"ana": ADMIN, "bob": VOICE}


def test_what_is_wanted_too_late_does_not_happen(pair):
    here, there = pair
    ana, bob = here.user("ana", "#tea"), there.user("bob")
    exchange(pair)
    kick = e.Kicked(ana.face, "#tea", bob.face, "")
    events = len(there.journal)
    there.chat.asked(kick)
    there.chat.asked(e.Kicked(ana.face, "#none", bob.face, ""))
    there.chat.asked(e.RanksSet(ana.face, "#tea", (e.RankChange(True, "o", bob.face),)))
    there.chat.asked(e.Kicked(bob.face, "#tea", ana.face, ""))  # who is not here
    there.chat.asked(e.Disconnected(ana.face, ""))
    assert len(there.journal) == events


@pytest.mark.parametrize("what", ["kick", "rank", "say"])
def test_of_who_is_cut_off_nothing_can_be_wanted(pair, what):
    here, there = pair
    ana, bob = here.user("ana", "#tea"), there.user("bob")
    exchange(pair)
    there.do(bob, Join(ChannelName.parse("#tea")))
    exchange(pair)
    shown = here.state.users[bob.uid]
    shown.is_cut_off = True
    tea = here.channel("#tea")
    intents = {
        "kick": Kick(tea, shown, ""),
        "rank": SetRank(tea, ((True, "v", shown),)),
        "say": Say(shown, Text("hello")),
    }
    with pytest.raises(x.CutOff):
        here.do(ana, intents[what])


# Invitations


def test_who_is_invited_elsewhere_may_come_in(pair):
    here, there = pair
    ana = here.user("ana", "#tea")
    bob = there.user("bob")
    exchange(pair)
    here.do(ana, Invite(here.channel("#tea"), here.state.users[bob.uid]))
    there.hear(here)
    assert there.channel("#tea").invited == {bob.uid}


def test_the_kit_tells_what_a_server_would(pair):
    here, _ = pair
    here.user("ana")
    [event] = [one for one in here.journal if isinstance(one.fact, e.Connected)]
    fact = told(event).fact
    assert isinstance(fact, e.Connected)
    assert fact.claim
