import pytest

from tertulia.domain import changes as c
from tertulia.domain import errors as x
from tertulia.domain import events as e
from tertulia.domain.channels import ADMIN
from tertulia.domain.commands.catch_up import CatchUp, Receive
from tertulia.domain.commands.connect import Disconnect
from tertulia.domain.commands.gather import Gather
from tertulia.domain.commands.identify import UNUSED_MS, IssueIdentity, sift_unused
from tertulia.domain.commands.join import Join
from tertulia.domain.commands.modes import SetRank
from tertulia.domain.commands.rename import Rename
from tertulia.domain.commands.say import Say
from tertulia.domain.identities import Credential, Identity, hash_token
from tertulia.domain.names import ChannelName, Nickname, is_number
from tertulia.domain.text import Text
from tertulia.domain.users import User
from tertulia.domain.world import Rules
from tests.domain.kit import Room, check_state

TOKEN = hash_token("secret")


def absent(room: Room, name: str) -> Identity:
    found = room.state.recipient(name)
    assert isinstance(found, Identity)
    return found


def tell(room: Room, by: User, name: str, text: str, style: int = e.Style.SAY) -> c.Spoken:
    target = room.state.recipient(name)
    assert target is not None
    said = room.one(by, Say(target, Text(text), style))
    assert isinstance(said, c.Spoken)
    return said


def waiting(room: Room) -> list[str]:
    return [getattr(fact, "text", "") for fact in room.state.waiting.added.values()]


def test_an_identity_has_the_nickname_and_its_number():
    room = Room()
    ana = room.user("Ana")
    assert room.do(ana, IssueIdentity(TOKEN)) == []
    identity = room.state.identities.named("ana")
    assert identity is not None
    assert (identity.number, identity.nick.text) == (ana.number, "Ana")
    assert "secret" not in str(room.events)
    assert not ana.durable
    assert ana.uid != identity.uid
    check_state(room.state)


def test_a_session_is_issued_one_identity():
    room = Room()
    ana = room.user("ana")
    room.do(ana, IssueIdentity(TOKEN))
    room.do(ana, Rename(Nickname.parse("bob")))
    with pytest.raises(x.AlreadyIssued, match=ana.identity):
        room.do(ana, IssueIdentity(TOKEN))
    room.do(ana, Rename(Nickname.parse("ANA")))
    assert ana.number == ana.identity
    check_state(room.state)


def test_a_token_has_128_bits_and_is_not_kept():
    token = Room().world.fresh_token()
    assert len(token) == 32
    assert int(token, 16) < 1 << 128
    assert token not in hash_token(token)


def test_who_proves_an_identity_is_the_same_again():
    room = Room()
    credential = room.identity("ana")
    ana = room.user("Ana", credential=credential)
    assert ana.durable
    assert str(ana.uid) == ana.number == credential.number
    assert room.state.user_named(credential.number) is ana
    check_state(room.state)


@pytest.mark.parametrize(
    "change", [{"number": "0" * 13}, {"token_hash": hash_token("other")}, {"token_hash": ""}]
)
def test_a_wrong_number_or_token_is_refused(change):
    room = Room()
    right = room.identity("ana")
    wrong = {"number": right.number, "token_hash": right.token_hash, **change}
    for nick in ("ana", "bob"):
        with pytest.raises(x.WrongCredential):
            room.user(nick, credential=Credential(**wrong))
    assert room.state.users == {}


@pytest.mark.parametrize("nick", ["ana", "ANA", "аna", "ａna"])
def test_a_nickname_belongs_to_its_identity(nick):
    room = Room()
    room.identity("ana")
    bob = room.user("bob")
    with pytest.raises(x.NicknameReserved):
        room.user(nick)
    with pytest.raises(x.NicknameReserved):
        room.do(bob, Rename(Nickname.parse(nick)))
    other = room.identity("carol")
    with pytest.raises(x.NicknameReserved):
        room.user(nick, credential=other)


def test_an_identity_takes_its_number_along():
    room = Room()
    credential = room.identity("ana")
    ana = room.user("ana", credential=credential)
    room.do(ana, Rename(Nickname.parse("bia")))
    assert ana.number == credential.number
    other = room.user("ana")
    assert other.number != credential.number
    assert room.state.user_named(credential.number) is ana
    assert room.state.user_named(other.number) is other
    check_state(room.state)
    room.do(ana, Disconnect(""))
    assert absent(room, "bia").number == credential.number
    # What is called otherwise at the login is the same.
    ana = room.user("Clara", credential=credential)
    assert room.state.identities.named("clara") is room.state.identities.get(ana.uid)
    assert room.state.identities.named("bia") is None
    check_state(room.state)


def test_the_same_identity_takes_the_place_of_an_older_session():
    room = Room()
    first = room.user("ana")
    credential = Credential(first.number, TOKEN)
    room.do(first, IssueIdentity(TOKEN))
    second = room.user("ana", credential=credential)
    assert list(room.state.users.values()) == [second]
    third = room.user("bia", credential=credential)
    assert list(room.state.users.values()) == [third]
    # For a nickname that cannot be had nobody must go.
    room.user("bob")
    with pytest.raises(x.NicknameInUse):
        room.user("bob", credential=credential)
    assert third.uid in room.state.users
    with pytest.raises(x.WrongCredential):
        room.user("ana", credential=Credential(credential.number, ""))
    assert third.uid in room.state.users


def test_who_made_a_channel_is_its_admin_again():
    room = Room()
    credential = room.identity("ana", "#tea")
    bob = room.user("bob", "#tea")
    assert room.ranks("#tea") == {"bob": 0}
    room.user("ana", "#tea", credential=credential)
    assert room.ranks("#tea") == {"bob": 0, "ana": ADMIN}
    assert room.channel("#tea").admins == {credential.number}
    assert bob.uid not in room.channel("#tea").admins


def test_the_rank_of_an_identity_lasts_until_it_is_taken():
    room = Room()
    credential = room.identity("ana")
    bob, carol = room.user("bob", "#tea"), room.user("carol", "#tea")
    ana = room.user("ana", "#tea", credential=credential)
    channel = room.channel("#tea")
    room.do(bob, SetRank(channel, ((True, "o", ana), (True, "o", carol), (True, "v", ana))))
    assert [type(event.fact) for event in room.events[-2:]] == [e.AdminsSet, e.RanksSet]
    assert channel.admins == {ana.uid}
    room.do(ana, Disconnect(""))
    ana = room.user("ana", "#tea", credential=credential)
    assert room.ranks("#tea")["ana"] == ADMIN
    room.do(bob, SetRank(channel, ((False, "o", ana),)))
    assert channel.admins == frozenset()
    room.do(ana, Disconnect(""))
    room.user("ana", "#tea", credential=credential)
    assert room.ranks("#tea")["ana"] == 0


@pytest.mark.parametrize("mode", ["o", "v"])
def test_a_rank_that_does_not_last_is_activity(mode):
    room = Room()
    bob, carol = room.user("bob", "#tea"), room.user("carol", "#tea")
    room.do(bob, SetRank(room.channel("#tea"), ((True, mode, carol),)))
    assert type(room.events[-1].fact) is e.RanksSet


def test_what_is_said_to_an_absent_identity_waits():
    room = Room()
    credential = room.identity("Ana")
    bob = room.user("bob")
    said = tell(room, bob, "ana", "hello")
    assert (said.target, said.text) == ("Ana", "hello")
    tell(room, bob, credential.number, "you", e.Style.NOTICE)
    assert waiting(room) == ["hello", "you"]
    assert room.state.waiting.count(absent(room, "ana").uid) == 2
    first, second = room.events[-2:]
    assert first.conversation == second.conversation == room.chat.conversation_with(
        bob.uid, "Ana", absent(room, "ana").uid
    )  # fmt: skip


@pytest.mark.parametrize("style", [e.Style.REQUEST, e.Style.RESPONSE, e.Style.TAGS])
def test_who_is_not_here_cannot_be_asked(style):
    room = Room()
    room.identity("ana")
    bob = room.user("bob")
    with pytest.raises(x.NoSuchUser):
        tell(room, bob, "ana", "VERSION", style)


def test_what_waits_is_bounded():
    room = Room(Rules(waiting_messages=2))
    room.identity("ana")
    bob = room.user("bob")
    tell(room, bob, "ana", "1")
    tell(room, bob, "ana", "2")
    with pytest.raises(x.TooManyWaiting, match="ana"):
        tell(room, bob, "ana", "3")
    assert waiting(room) == ["1", "2"]


def test_what_is_new_waits_behind_what_has_waited():
    room = Room()
    credential = room.identity("ana")
    bob = room.user("bob")
    one = tell(room, bob, "ana", "1")
    ana = room.user("ana", credential=credential)
    assert ana.catching_up
    two = tell(room, bob, "ana", "2")
    assert room.waiting(ana) == (one.msgid, two.msgid)
    room.do(ana, Receive((one.msgid,)))
    assert room.state.waiting.count(ana.uid) == 1
    room.do(ana, Receive((two.msgid,)))
    room.do(ana, CatchUp())
    assert not ana.catching_up
    tell(room, bob, "ana", "3")
    assert waiting(room) == []
    assert not room.user("dora").catching_up


def test_who_has_nothing_waiting_need_not_catch_up():
    room = Room()
    assert not room.user("ana", credential=room.identity("ana")).catching_up


def test_what_could_not_be_written_is_undone():
    room = Room()
    ana = room.user("ana")
    room.do(ana, IssueIdentity(TOKEN))
    room.state.undo(room.events[-1])
    assert ana.identity is None
    assert room.state.recipient("ana") is ana
    room.identity("bia")
    tell(room, ana, "bia", "hello")
    room.state.waiting.reset([])
    assert waiting(room) == []
    assert room.state.waiting.count(absent(room, "bia").uid) == 0


def test_what_remains_is_written_again():
    room = Room()
    credential = room.identity("ana")
    bob = room.user("bob")
    said = tell(room, bob, "ana", "hello")
    ana = room.user("ana", credential=credential)
    room.do(ana, Receive((said.msgid,)))
    room.do(ana, Rename(Nickname.parse("bia")))
    room.state.identities.changed.clear()
    room.state.waiting.reset([(ana.uid, 1)])
    for event in room.events:
        if not event.fact.can_be_refused:
            room.chat.rewrite(event)
    assert room.state.identities.changed.keys() == {credential.number}
    assert room.state.waiting.received == {(ana.uid, said.msgid): None}


def test_an_empty_channel_of_nobody_has_no_lasting_admin():
    room = Room()
    credential = room.identity("ana")
    bob = room.user("bob", "#tea")
    room.do(bob, Disconnect(""))
    ana = room.user("ana", credential=credential)
    room.do(ana, Join(ChannelName.parse("#tea")))
    assert room.ranks("#tea") == {"ana": ADMIN}
    assert room.channel("#tea").admins == frozenset()


def test_a_bare_identity_is_proven_by_its_number():
    room = Room()
    identity = room.register()
    assert is_number(identity.number)
    assert identity.number.startswith("0")
    assert identity.nick.text == f"n{identity.number}"
    assert identity.is_bare
    user = room.bare(identity)
    assert str(user.uid) == user.number == identity.number
    assert user.catching_up
    assert [type(event.fact) for event in room.events] == [e.IdentityIssued, e.IdentityUsed]
    check_state(room.state)


@pytest.mark.parametrize("token_hash", ["", hash_token(""), TOKEN])
def test_no_token_proves_a_bare_identity(token_hash):
    room = Room()
    identity = room.register()
    with pytest.raises(x.WrongCredential):
        room.user(identity.nick.text, credential=Credential(identity.number, token_hash))


def test_a_bare_number_never_proves_an_identity_with_a_token():
    room = Room()
    right = room.identity("ana")
    with pytest.raises(x.WrongCredential):
        room.user("ana", credential=Credential(right.number, None))
    for number in ("0" * 13, "1" * 13, "", room.user("bob").number):
        with pytest.raises(x.WrongCredential):
            room.user("eve", credential=Credential(number, None))


def test_a_bare_identity_cannot_be_issued_a_token():
    room = Room()
    user = room.bare()
    with pytest.raises(x.AlreadyIssued):
        room.do(user, IssueIdentity(TOKEN))


def test_the_nickname_of_a_bare_identity_is_its_own():
    room = Room()
    identity = room.register()
    with pytest.raises(x.NicknameReserved):
        room.user(identity.nick.text.upper())
    assert room.state.recipient(identity.nick.text) is identity
    assert room.state.recipient(identity.number) is identity


def test_a_number_is_given_out_whose_nickname_is_free():
    room = Room()
    eve = room.user("eve")
    room.do(eve, Rename(Nickname.parse("n0004200000001")))
    chances = iter([1, 1, 2])
    room.world.random_below = lambda _limit: next(chances)
    assert room.register().number == "0004200000002"
    check_state(room.state)


def test_the_numbers_that_are_given_out_are_bounded():
    room = Room(Rules(identities=1))
    room.bare()
    with pytest.raises(x.TooManyIdentities):
        room.chat.register()


def test_where_there_is_no_room_the_oldest_that_was_never_used_makes_way():
    room = Room(Rules(identities=4))
    written = room.register()
    tell(room, room.user("ana"), written.number, "hello")
    used, older, newer = room.bare(), room.register(), room.register()
    number = room.chat.register()
    known = room.state.identities
    assert older.number not in known
    assert all(n in known for n in (written.number, used.number, newer.number, number))
    assert isinstance(room.events[-2].fact, e.IdentityForgotten)
    bia = room.user("bia")
    room.do(bia, IssueIdentity(TOKEN))
    assert newer.number not in known
    assert len(known) == 4


def test_an_identity_that_makes_way_before_it_is_written_is_none():
    room = Room(Rules(identities=1))
    room.register()
    issued = room.events[-1]
    number = room.chat.register()
    room.state.undo(issued)
    assert [one.number for one in room.state.identities] == [number]


def test_who_never_comes_is_forgotten_after_a_day():
    room = Room()
    used, written, idle = room.bare(), room.register(), room.register()
    tell(room, room.user("ana"), written.number, "hello")
    room.now_ms += UNUSED_MS - 1
    late = room.register()
    assert [type(fact) for fact in sift_unused(room.world, 10)] == [e.IdentityUsed]
    room.now_ms += 1
    facts = sift_unused(room.world, 10)
    assert facts == [e.IdentityUsed(written.number), e.IdentityForgotten(idle.number)]
    assert sift_unused(room.world, 1) == facts[:1]
    room.chat.record(facts)
    assert room.state.recipient(idle.number) is None
    kept = {one.number for one in room.state.identities}
    assert kept == {used.number, written.number, late.number}
    room.now_ms += 10 * UNUSED_MS
    assert sift_unused(room.world, 10) == [e.IdentityForgotten(late.number)]
    room.state.identities.changed.clear()
    for event in room.events[-2:]:
        room.chat.rewrite(event)
    assert room.state.identities.changed.keys() == {written.number, idle.number}


def test_a_member_of_a_group_is_not_forgotten_though_they_never_came():
    room = Room()
    ana, bia = room.bare(), room.register()
    room.do(ana, Gather((bia,)))
    room.state.waiting.forget(bia.uid)
    room.now_ms += UNUSED_MS
    assert sift_unused(room.world, 10) == [e.IdentityUsed(bia.number)]


def test_a_bare_identity_that_could_not_be_written_is_none():
    room = Room()
    number = room.register().number
    room.state.undo(room.events[-1])
    assert room.state.recipient(number) is None
    assert number not in room.state.identities
