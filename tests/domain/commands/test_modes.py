import pytest

from tertulia.domain import errors as x
from tertulia.domain.changes import ShownMode
from tertulia.domain.channels import ADMIN, VOICE
from tertulia.domain.commands.modes import SetModes, SetRank
from tertulia.domain.events import ModeChange, ModesSet
from tertulia.domain.world import Rules
from tests.domain.kit import START_MS, Room, check_state


@pytest.fixture
def room():
    return Room(Rules(masks_per_list=3))


@pytest.fixture
def ana(room):
    return room.user("ana", "#tea")


def shown(room, actor, *modes, channel="#tea"):
    """What is seen of setting *modes*, each a sign, a letter and a value."""
    changes = tuple(ModeChange(m[0] == "+", m[1], m[2:] or None) for m in modes)
    seen = room.do(actor, SetModes(room.channel(channel), changes))
    return [
        ("+" if m.on else "-") + m.mode + (m.value or "") for change in seen for m in change.modes
    ]


def test_settings_are_set(room, ana):
    assert shown(room, ana, "+i", "+m", "-n", "+l5", "+k$hash", "+bBob") == [
        "+i", "+m", "-n", "+l5", "+k*", "+bBob!*@*",
    ]  # fmt: skip
    tea = room.channel("#tea")
    assert (tea.flags, tea.limit, tea.key) == ({"i", "m", "t"}, 5, "$hash")
    [(mask, entry)] = tea.lists["b"].items()
    assert (mask, entry.by, entry.at) == ("Bob!*@*", "ana!user@host.example", START_MS)
    assert shown(room, ana, "-i", "-l", "-k", "-bBob!*@*") == ["-i", "-l", "-k*", "-bBob!*@*"]
    assert (tea.flags, tea.limit, tea.key) == ({"m", "t"}, None, None)
    assert tea.lists["b"] == {}
    assert tea.incarnation in room.state.changed_channels


def test_what_is_so_already_is_left_out(room, ana):
    assert shown(room, ana, "+n", "-i", "-k", "-l", "-bx") == []
    assert shown(room, ana, "+i", "+i", "+l5", "+l5", "+bx", "+bx") == ["+i", "+l5", "+bx!*@*"]
    assert shown(room, ana, "+l5", "+bx", "+n") == []


def test_a_later_switch_undoes_an_earlier_one(room, ana):
    assert shown(room, ana, "+i", "-i", "-t", "+t", "+ba", "-ba", "+l2", "-l", "+l3") == [
        "+i", "-i", "-t", "+t", "+ba!*@*", "-ba!*@*", "+l2", "-l", "+l3",
    ]  # fmt: skip
    tea = room.channel("#tea")
    assert (tea.flags, tea.limit, tea.lists["b"]) == ({"n", "t"}, 3, {})


def test_a_list_takes_so_many_masks_also_at_once(room, ana):
    with pytest.raises(x.ListFull):
        shown(room, ana, "+ba", "+bb", "+bc", "+bd")
    assert shown(room, ana, "+ba", "+bb", "+bc", "-ba", "+bd", "+ea", "+Ia")
    with pytest.raises(x.ListFull) as caught:
        shown(room, ana, "+be")
    assert (caught.value.mode, caught.value.mask) == ("b", "e!*@*")


def test_a_password_given_to_take_it_away_is_written_nowhere(room, ana):
    shown(room, ana, "+k$hash")
    shown(room, ana, "-ksecret")
    fact = room.events[-1].fact
    assert isinstance(fact, ModesSet)
    assert fact.modes == (ModeChange(False, "k"),)


@pytest.mark.parametrize("limit", ["", "0", "-1", "x", "1000001", "9" * 50, "٣", "1.5", " 1"])
def test_what_is_no_limit(room, ana, limit):
    with pytest.raises(x.ModeRefused):
        shown(room, ana, f"+l{limit}")


@pytest.mark.parametrize("mask", ["a b", "a\r", "a\0", "a" * 201, "a\ud800", "a\u2028"])
def test_what_is_no_mask(room, ana, mask):
    with pytest.raises(x.ModeRefused):
        shown(room, ana, f"+b{mask}")


def test_the_lobby_stays_open(room):
    room.lobby()
    operator = room.user("root", operator=True)
    for mode in ("+k$hash", "+i"):
        with pytest.raises(x.ModeRefused):
            shown(room, operator, mode, channel="#lobby")
    assert shown(room, operator, "+m", "+bx", channel="#lobby") == ["+m", "+bx!*@*"]
    ana = room.user("ana", "#lobby")
    with pytest.raises(x.NotAdmin):
        shown(room, ana, "-m", channel="#lobby")


def test_ranks(room, ana):
    bob, tea = room.user("bob", "#tea"), room.channel("#tea")
    change = room.one(ana, SetRank(tea, ((True, "o", bob), (True, "v", bob))))
    assert change.modes == (
        ShownMode(True, "o", "bob", bob.face),
        ShownMode(True, "v", "bob", bob.face),
    )
    assert room.ranks("#tea") == {"ana": ADMIN, "bob": ADMIN | VOICE}
    assert room.do(ana, SetRank(tea, ((True, "v", bob),))) == []
    room.do(bob, SetRank(tea, ((False, "o", ana), (False, "v", bob))))
    assert room.ranks("#tea") == {"ana": 0, "bob": ADMIN}
    check_state(room.state)


def test_a_later_rank_undoes_an_earlier_one(room, ana):
    tea = room.channel("#tea")
    room.do(ana, SetRank(tea, ((False, "o", ana), (True, "o", ana), (True, "v", ana))))
    assert room.ranks("#tea") == {"ana": ADMIN | VOICE}


def test_who_may_rank_whom(room, ana):
    bob, eve, tea = room.user("bob", "#tea"), room.user("eve"), room.channel("#tea")
    with pytest.raises(x.NotAdmin):
        room.do(bob, SetRank(tea, ((True, "o", bob),)))
    with pytest.raises(x.UserNotInChannel):
        room.do(ana, SetRank(tea, ((True, "o", eve),)))
    with pytest.raises(x.NotInChannel):
        room.do(eve, SetModes(tea, (ModeChange(True, "m"),)))


def test_an_empty_mask_is_none():
    room = Room()
    ana = room.user("ana", "#tea")
    with pytest.raises(x.ModeRefused):
        room.do(ana, SetModes(room.channel("#tea"), (ModeChange(True, "b", ""),)))
