import pytest

from tertulia.domain import errors as x
from tertulia.domain import policy
from tertulia.domain.commands.modes import SetModes, SetRank
from tertulia.domain.commands.say import Say
from tertulia.domain.events import ModeChange
from tertulia.domain.text import Text
from tertulia.domain.world import Rules
from tests.domain.kit import Room

CHANNEL = "#tea"


@pytest.fixture
def room():
    return Room()


@pytest.fixture
def admin(room):
    return room.user("ana", CHANNEL)


def set_modes(room, admin, *modes):
    changes = tuple(ModeChange(*mode) for mode in modes)
    room.do(admin, SetModes(room.channel(CHANNEL), changes))
    return room.channel(CHANNEL)


def test_admins_are_those_who_have_the_rank_and_operators(room, admin):
    channel = room.channel(CHANNEL)
    other, stranger = room.user("bob", CHANNEL), room.user("eve")
    operator = room.user("root", operator=True)
    assert policy.is_admin(channel, admin)
    assert policy.is_admin(channel, operator)
    assert not policy.is_admin(channel, other)
    policy.must_be_admin(channel, admin)
    policy.must_be_admin(channel, operator)
    with pytest.raises(x.NotAdmin):
        policy.must_be_admin(channel, other)
    with pytest.raises(x.NotInChannel):
        policy.must_be_admin(channel, stranger)
    with pytest.raises(x.NotOperator):
        policy.must_be_operator(admin)
    policy.must_be_operator(operator)


@pytest.mark.parametrize(
    ("modes", "error"),
    [
        ([(True, "b", "bob")], x.Banned),
        ([(True, "b", "*@host.*"), (True, "e", "bob")], None),
        ([(True, "b", "carol")], None),
        ([(True, "i", None)], x.InviteOnly),
        ([(True, "i", None), (True, "I", "bob")], None),
        ([(True, "l", "1")], x.ChannelFull),
        ([(True, "l", "2")], None),
        ([(True, "k", "$hash")], x.WrongPassword),
    ],
)
def test_can_join(room, admin, modes, error):
    channel, bob = set_modes(room, admin, *modes), room.user("bob")
    if error is None:
        policy.can_join(channel, bob, None, 0)
        return
    with pytest.raises(error):
        policy.can_join(channel, bob, None, 0)


def test_the_password_is_the_hash_that_was_verified(room, admin):
    channel, bob = set_modes(room, admin, (True, "k", "$hash")), room.user("bob")
    policy.can_join(channel, bob, "$hash", 0)
    set_modes(room, admin, (True, "k", "$new"))
    with pytest.raises(x.WrongPassword):
        policy.can_join(channel, bob, "$hash", 0)


def test_who_is_invited_needs_only_the_password(room, admin):
    modes = [(True, "b", "bob"), (True, "i", None), (True, "l", "1"), (True, "k", "$hash")]
    channel, bob = set_modes(room, admin, *modes), room.user("bob")
    channel.invited.add(bob.uid)
    policy.can_join(channel, bob, "$hash", 0)
    with pytest.raises(x.WrongPassword):
        policy.can_join(channel, bob, None, 0)


def test_can_say(room, admin):
    channel, bob, eve = room.channel(CHANNEL), room.user("bob", CHANNEL), room.user("eve")
    policy.can_say(channel, bob)
    with pytest.raises(x.CannotSend):
        policy.can_say(channel, eve)
    set_modes(room, admin, (False, "n", None))
    policy.can_say(channel, eve)
    set_modes(room, admin, (True, "b", "*@host.example"))
    for banned in (bob, eve):
        with pytest.raises(x.CannotSend):
            policy.can_say(channel, banned)
    policy.can_say(channel, admin)
    room.do(admin, SetRank(channel, ((True, "v", bob),)))
    set_modes(room, admin, (False, "b", "*@host.example"), (True, "m", None))
    policy.can_say(channel, bob)
    with pytest.raises(x.CannotSend):
        policy.can_say(channel, eve)


@pytest.mark.parametrize("modes", [[], [(True, "m", None)], [(True, "b", "*!*@*")]])
def test_operators_may_speak_wherever_they_are(room, admin, modes):
    inside, outside = room.user("root", CHANNEL, operator=True), room.user("boss", operator=True)
    channel = set_modes(room, admin, *modes)
    policy.can_say(channel, inside)
    policy.can_say(channel, outside)


def test_can_set_topic(room, admin):
    channel, bob, eve = room.channel(CHANNEL), room.user("bob", CHANNEL), room.user("eve")
    operator = room.user("root", operator=True)
    with pytest.raises(x.NotAdmin):
        policy.can_set_topic(channel, bob)
    set_modes(room, admin, (False, "t", None))
    policy.can_set_topic(channel, bob)
    policy.can_set_topic(channel, operator)
    with pytest.raises(x.NotInChannel):
        policy.can_set_topic(channel, eve)


def test_messages_to_everyone_come_in_a_burst_and_then_every_ten_seconds(room, admin):
    def broadcast():
        room.do(admin, Say("*", Text("hear, hear")))

    for _ in range(5):
        broadcast()
    for wait_s in (10, 3):
        with pytest.raises(x.TooManyBroadcasts, match=f"again in {wait_s} seconds"):
            broadcast()
        room.now_ms += 7_000
    broadcast()
    with pytest.raises(x.TooManyBroadcasts):
        broadcast()
    room.now_ms += 3_600_000
    for _ in range(5):
        broadcast()
    with pytest.raises(x.TooManyBroadcasts):
        broadcast()


def test_a_setting_can_leave_messages_to_everyone_to_operators():
    room = Room(Rules(broadcast="operators"))
    with pytest.raises(x.NotOperator):
        policy.can_broadcast(room.world, room.user("ana"))
    operator = room.user("root", operator=True)
    for _ in range(20):
        room.do(operator, Say("&", Text("x")))
