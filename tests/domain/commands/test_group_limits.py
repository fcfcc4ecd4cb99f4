import pytest

from tertulia.domain import errors as x
from tertulia.domain import events as e
from tertulia.domain.commands.acknowledge import Acknowledge
from tertulia.domain.commands.connect import Connect
from tertulia.domain.commands.gather import Gather
from tertulia.domain.commands.identify import IssueIdentity
from tertulia.domain.commands.invite import Invite
from tertulia.domain.commands.part import Part
from tertulia.domain.commands.say import Say
from tertulia.domain.identities import Credential, hash_token
from tertulia.domain.names import Nickname
from tertulia.domain.text import Text
from tertulia.domain.world import Rules
from tests.domain.kit import Room, check_state


def bare(room, *, here=True):
    """Somebody whose number is all that proves who they are."""
    number = room.chat.register()
    identity = room.state.identities.get(number)
    if not here:
        return identity
    nick = Nickname.parse(identity.nick.text)
    who = Connect(nick, "u", "host.example", "r", False, "test", Credential(number, None))
    return room.chat.connect(who)


def test_a_group_belongs_to_its_members():
    room = Room()
    ana, bob = bare(room), bare(room, here=False)
    room.do(ana, Gather((bob,)))
    [channel] = room.state.channels.values()
    assert channel.members == {ana.uid, bob.uid}
    assert channel.occupants.keys() == {ana.uid}
    assert [(uid, type(fact)) for (uid, _), fact in room.state.waiting.added.items()] == [
        (ana.uid, e.Gathered),
        (bob.uid, e.Gathered),
    ]
    check_state(room.state)


def test_nobody_belongs_to_ever_more_groups():
    room = Room(Rules(channels_per_user=2))
    ana, bob, carol = bare(room), bare(room, here=False), bare(room)
    for _ in range(2):
        room.do(ana, Gather((bob,)))
    for who, others in ((ana, (carol,)), (carol, (bob,))):
        with pytest.raises(x.TooManyMemberships):
            room.do(who, Gather(others))
    assert len(room.state.channels) == 2


def test_no_channel_after_the_other_is_given_a_member_to_keep_it():
    room = Room(Rules(channels_per_user=2))
    bob = bare(room, here=False)
    for name in ("#one", "#two"):
        ana = room.user(f"ana{name[1:]}", name)
        room.do(ana, Invite(room.channel(name), bob))
        room.do(ana, Part(room.channel(name)))
    eve = room.user("eve", "#three")
    with pytest.raises(x.TooManyMemberships, match=r"belongs to 2 channels"):
        room.do(eve, Invite(room.channel("#three"), bob))


def test_there_are_only_so_many_identities_of_any_kind():
    room = Room(Rules(identities=1))
    ana, bob = room.user("ana"), room.user("bob")
    room.do(ana, IssueIdentity(hash_token("secret")))
    with pytest.raises(x.TooManyIdentities):
        room.do(bob, IssueIdentity(hash_token("secret")))
    with pytest.raises(x.TooManyIdentities):
        room.chat.register()


@pytest.mark.parametrize("target", ["*", "&"])
def test_nobody_sends_a_receipt_for_what_is_said_to_everyone(target):
    room = Room()
    ana, bob = room.user("ana"), bare(room)
    said = room.one(ana, Say(target, Text("hello"), receipt=True))
    assert not said.receipt
    [(uid, fact)] = [(uid, what) for (uid, _), what in room.state.waiting.added.items()]
    assert uid == bob.uid
    assert isinstance(fact, e.Said)
    assert not fact.receipt


def test_a_message_to_a_group_stays_acknowledged_though_it_cannot_be_noted_that_it_was_read():
    room = Room()
    ana, bob = room.user("ana"), room.user("bob")
    group = "1000000000001"
    room.do(bob, Acknowledge(ana, group, "id", room.now_ms))
    room.do(bob, Acknowledge(ana, bob.number, "id", room.now_ms, seen=True))
    room.state.undo(room.events[-1])
    assert room.do(bob, Acknowledge(ana, group, "id", room.now_ms)) == []
