"""What each frame does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.domain.commands.gather import Gather
from tertulia.domain.commands.say import Say
from tertulia.domain.text import Text
from tertulia.domain.world import Rules
from tertulia.protocols.numeric import NumericConfig
from tertulia.protocols.session import Drain, TokenBucket
from tests.protocols.numeric_kit import NOW, SENT, Numeric, Phone
from tests.server.kit import FULL

PAD = 1024


def delivered(number: str) -> str:
    return f"07{number}{NOW}".ljust(PAD)


def read(number: str, until: str = SENT) -> str:
    return f"09{number}{until}".ljust(PAD)


def message(by: Phone, to: str, text: str, sent: str = SENT) -> str:
    return f"06{by.number}{to}{sent}{text}"


@pytest.fixture
def place() -> Numeric:
    return Numeric()


# 01 to 03


def test_01_is_answered_with_a_new_number(place):
    phone = place.phone()
    phone.send("01")
    [frame] = phone.got()
    assert frame[:2] == "02"
    assert frame[2] == "0"
    assert len(frame) == 15
    assert place.state.identities.is_bare(frame[2:])
    assert phone.session.user is None
    phone.raw(b"0101")
    numbers = {frame, *phone.got()}
    assert len(numbers) == 3


def test_01_is_not_answered_where_no_more_are_given_out():
    place = Numeric(rules=Rules(identities=0))
    phone = place.phone()
    phone.send("01")
    assert phone.got() == []
    assert place.left_alone() == {"TooManyIdentities": 1}
    assert not phone.shell.closed


def test_01_is_answered_when_the_number_is_on_disk(place):
    place.log.instant = False
    phone = place.phone()
    phone.send("01")
    assert phone.got() == []
    place.log.fail(FULL)
    place.settle()
    assert phone.got() == []
    assert list(place.state.identities) == []
    assert place.left_alone() == {"not stored": 1}


def test_03_is_not_answered_and_its_user_is_here(place):
    ana = place.here()
    assert ana.got() == []
    assert ana.user.nick.text == f"n{ana.number}"
    assert ana.user.protocol == "numeric"
    ana.send(f"03{ana.number}")
    assert place.left_alone() == {}


def test_03_of_what_was_not_given_out_is_left_alone(place):
    bob = place.client("bob")
    bob.send("IDENTITY NEW")
    carol = place.client("carol")
    phone = place.phone()
    for number in ("0" * 13, bob.user.number, carol.user.number):
        phone.send(f"03{number}")
        assert phone.session.user is None
    assert phone.got() == []
    assert not phone.shell.closed
    assert place.left_alone() == {"WrongCredential": 3}
    number = place.number()
    phone.send(f"03{number}")
    assert phone.user.number == number


def test_a_second_03_switches(place):
    other = place.number()
    ana, bia = place.here(), place.here()
    first = ana.number
    ana.send(f"03{other}")
    assert ana.user.number == other
    assert place.state.user_named(first) is None
    bia.say(first, "to the first")
    bia.say(other, "to the other")
    assert ana.got() == [message(bia, other, "to the other")]
    ana.send(f"03{first}")
    assert ana.got() == [message(bia, first, "to the first")]
    # What cannot be switched to leaves everything as it was.
    ana.send(f"03{'0' * 13}")
    assert ana.user.number == first


def test_03_elsewhere_closes_the_connection_of_before(place):
    ana = place.here()
    again = place.here(ana.number)
    assert ana.shell.closed
    assert not again.shell.closed
    assert place.hub.session_of(again.user) is again.session


# 05, 06 and 07


def test_a_message_arrives_and_its_sender_is_told(place):
    ana, bia = place.here(), place.here()
    ana.say(bia.number, "olá 🕯")
    assert bia.got() == [message(ana, bia.number, "olá 🕯")]
    assert ana.got() == [delivered(bia.number)]
    assert place.waits(ana.number) == place.waits(bia.number) == []


def test_07_comes_when_the_other_end_has_it(place):
    ana, bia = place.here(), place.here()
    bia.reads = False
    ana.say(bia.number, "one")
    ana.say(bia.number, "two")
    assert bia.got() == [message(ana, bia.number, "one")]
    assert ana.got() == []
    assert len(place.waits(bia.number)) == 2
    bia.reads = True
    assert bia.got() == [message(ana, bia.number, "two")]
    assert ana.got() == [delivered(bia.number)] * 2


def test_what_the_other_end_never_had_comes_again(place):
    ana, bia = place.here(), place.here()
    bia.reads = False
    ana.say(bia.number, "one")
    ana.say(bia.number, "two")
    assert len(bia.got()) == 1
    bia.leave()
    assert ana.got() == []
    again = place.here(bia.number)
    assert again.got() == [message(ana, bia.number, text) for text in ("one", "two")]
    assert ana.got() == [delivered(bia.number)] * 2


def test_a_message_waits_in_order(place):
    ana, number = place.here(), place.number()
    for n in range(250):
        ana.say(number, f"message {n}")
    assert ana.got() == []
    bia = place.here(number)
    assert bia.got() == [message(ana, number, f"message {n}") for n in range(250)]
    assert ana.got() == [delivered(number)] * 250
    bia.leave()
    assert place.here(number).got() == []


def test_a_receipt_waits_for_an_author_who_is_not_here(place):
    ana, number = place.here(), place.number()
    ana.say(number, "hello")
    ana.leave()
    bia = place.here(number)
    bia.send(f"08{ana.number}{SENT}")
    assert place.here(ana.number).got() == [delivered(number), read(number)]


def test_one_can_write_to_oneself(place):
    ana = place.here()
    ana.say(ana.number, "note")
    assert ana.got() == [message(ana, ana.number, "note")]


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        ("05{bia}{ana}{now}hello", "NotAnnounced"),
        ("05{nobody}{bia}{now}hello", "NotAnnounced"),
        ("05{ana}{nobody}{now}hello", "NoSuchUser"),
        ("05{ana}{nogroup}{now}hello", "NoSuchChannel"),
        ("05{ana}{lobby}{now}hello", "CannotSend"),
        ("05{ana}{bia}{now}", "EmptyText"),
        ("05{ana}{bia}{now}\x07", "EmptyText"),
        ("05{ana}{bia}", "wrong width, or no digits"),
        ("08{nobody}{now}", "NoSuchUser"),
        ("08{lobby}{now}", "NoSuchUser"),
        ("10{bia}{now}{ana}", "NotAnnounced"),
        ("10{ana}{now}{nobody}", "NoSuchUser"),
        ("10{ana}{now}{ana}", "EmptyGroup"),
        ("99", "unknown code"),
        ("02{ana}", "unknown code"),
    ],
)
def test_what_cannot_be_done_is_noted_and_nothing_is_sent(place, frame, why):
    ana, bia = place.here(), place.here()
    fields = {
        "ana": ana.number, "bia": bia.number, "now": SENT,
        "nobody": "0999999999999", "nogroup": "1999999999999", "lobby": "1000000000000",
    }  # fmt: skip
    ana.send(frame.format(**fields))
    assert ana.got() == bia.got() == []
    assert place.left_alone() == {why: 1}
    assert not ana.shell.closed
    ana.say(bia.number, "hello")
    assert bia.got() == [message(ana, bia.number, "hello")]


@pytest.mark.parametrize("frame", ["05{0}{0}{1}x", "08{0}{1}", "10{0}{1}{0}"])
def test_nothing_is_done_for_who_was_not_announced(place, frame):
    number, phone = place.number(), place.phone()
    phone.send(frame.format(number, SENT))
    assert phone.got() == []
    assert place.left_alone() == {"NotAnnounced": 1}


def test_control_characters_do_not_break_a_frame(place):
    ana, bia = place.here(), place.here()
    ana.say(bia.number, "a\r\nb\0c\x1bd\te\x02f")
    assert bia.got() == [message(ana, bia.number, "a  bcd ef")]


def test_a_text_like_a_frame_stays_text(place):
    ana, bia = place.here(), place.here()
    for text in (f"07{ana.number}{NOW}", f"08{ana.number}{NOW}", "01", f"03{bia.number}"):
        ana.say(bia.number, text)
        assert bia.got() == [message(ana, bia.number, text)]
        assert ana.got() == [delivered(bia.number)]


def test_what_is_not_on_disk_is_not_told(place):
    ana, bia = place.here(), place.here()
    place.log.instant = False
    ana.say(bia.number, "lost")
    place.log.fail(FULL)
    place.settle()
    assert ana.got() == bia.got() == []
    assert place.left_alone() == {"not stored": 1}
    place.log.instant = True
    ana.say(bia.number, "kept")
    assert bia.got() == [message(ana, bia.number, "kept")]
    assert ana.got() == [delivered(bia.number)]


# 08 and 09


def test_09_tells_the_author_that_and_until_when_somebody_read(place):
    ana, bia = place.here(), place.here()
    ana.say(bia.number, "hello")
    bia.got()
    ana.got()
    bia.send(f"08{ana.number}{SENT}")
    assert ana.got() == [read(bia.number)]
    assert bia.got() == []


def test_08_names_the_last_message_for_those_who_know_messages_by_id(place):
    bob = place.client("bob", caps="message-tags tertulia/receipts")
    ana = place.here()
    bob.send(f"PRIVMSG {ana.number} :one", f"PRIVMSG {ana.number} :two")
    place.quiet()
    ids = [tags(line)["+tertulia/delivered"] for line in bob.got()]
    assert len(ids) == 2
    assert [frame[38:] for frame in ana.got()] == ["one", "two"]
    ana.send(f"08{bob.user.number}{NOW}")
    [line] = bob.got()
    assert tags(line)["+tertulia/seen"] == ids[1]


def tags(line: str) -> dict[str, str]:
    """The tags of a line of IRC."""
    head = line.removeprefix("@").partition(" ")[0]
    return dict(tag.partition("=")[::2] for tag in head.split(";"))


# 10 and 11


def group(place: Numeric, maker: Phone, *members: str) -> str:
    """Make a group, of which everyone has been told; return its number."""
    maker.send(f"10{maker.number}{SENT}{''.join(members)}")
    [frame] = maker.got()
    assert frame == f"11{frame[2:15]}{NOW}{maker.number}{''.join(members)}"
    return frame[2:15]


def test_11_tells_every_member_now_or_later(place):
    ana, bia, carol = place.here(), place.here(), place.number()
    number = group(place, ana, bia.number, carol)
    assert number[0] == "1"
    told = f"11{number}{NOW}{ana.number}{bia.number}{carol}"
    assert bia.got() == place.here(carol).got() == [told]


def test_a_message_to_a_group_is_told_once_to_have_arrived(place):
    ana, bia, carol = place.here(), place.here(), place.here()
    number = group(place, ana, bia.number, carol.number, late := place.number())
    bia.got()
    carol.got()
    ana.say(number, "hello")
    assert bia.got() == carol.got() == [message(ana, number, "hello")]
    assert ana.got() == [delivered(number)]
    assert place.here(late).got()[-1] == message(ana, number, "hello")
    assert ana.got() == []
    carol.send(f"08{ana.number}{SENT}")
    assert ana.got() == [read(carol.number)]


def test_the_first_who_has_it_may_come_much_later(place):
    ana = place.here()
    number = group(place, ana, bia := place.number(), carol := place.number())
    ana.say(number, "hello")
    assert ana.got() == []
    place.here(bia)
    assert ana.got() == [delivered(number)]
    # A server that has forgotten who was told finds it on the disk.
    place.state.acknowledged.clear()
    assert place.here(carol).got()[-1] == message(ana, number, "hello")
    assert ana.got() == []


def test_only_members_write_to_a_group(place):
    ana, bia, eve = place.here(), place.here(), place.here()
    number = group(place, ana, bia.number)
    bia.got()
    eve.say(number, "hello")
    assert ana.got() == bia.got() == []
    assert place.left_alone() == {"CannotSend": 1}


def test_who_comes_back_is_still_a_member(place):
    ana, bia = place.here(), place.here()
    number = group(place, ana, bia.number)
    ana.leave()
    ana = place.here(ana.number)
    bia.got()
    ana.say(number, "back")
    assert bia.got() == [message(ana, number, "back")]


def test_an_irc_user_is_made_a_guest_of_a_group(place):
    ana, bob = place.here(), place.client("bob")
    number = group(place, ana, bob.user.number)
    [line] = bob.got()
    assert line.endswith(f"INVITE bob #g{number}")
    bob.send(f"JOIN #g{number}", f"PRIVMSG #g{number} :hello")
    assert ana.got() == [f"06{bob.user.number}{number}{NOW}hello"]
    ana.say(number, "hello bob")
    assert bob.got()[-1].endswith(f" PRIVMSG #g{number} :hello bob")
    assert ana.got() == [delivered(number)]


def test_an_irc_user_invites_and_kicks(place):
    bob, ana = place.client("bob", "#tea"), place.here()
    number = place.channel("#tea").number
    bob.send(f"INVITE n{ana.number} #tea")
    assert ana.got() == [f"11{number}{NOW}{ana.number}"]
    bob.got()
    ana.say(number, "hello")
    assert bob.got()[-1].endswith("PRIVMSG #tea :hello")
    ana.got()
    bob.send(f"KICK #tea {ana.number} :enough")
    text = f"bob kicked n{ana.number} out of #tea: enough"
    assert ana.got() == [f"06{bob.user.number}{number}{NOW}{text}"]
    ana.say(number, "still here?")
    assert place.left_alone() == {"CannotSend": 1}


# Others


def test_irc_users_are_reached_by_number_and_reach_by_number_and_nickname(place):
    ana, bob = place.here(), place.client("bob")
    bob.send(f"PRIVMSG {ana.number} :one", f"PRIVMSG n{ana.number} :two", f"POKE {ana.number}")
    texts = [frame[38:] for frame in ana.got()]
    assert texts == ["one", "two", f"* bob pokes n{ana.number}"]
    ana.say(bob.user.number, "three")
    assert bob.got()[-1].endswith(" PRIVMSG bob :three")
    assert ana.got() == [delivered(bob.user.number)]


def test_what_is_said_to_everyone_reaches_those_who_are_here(place):
    ana, absent, bob = place.here(), place.number(), place.client("bob")
    bob.send("PRIVMSG $* :to all", "PRIVMSG $tea.example :to us")
    assert ana.got() == [f"06{bob.user.number}{ana.number}{NOW}{x}" for x in ("to all", "to us")]
    assert place.waits(absent) == []


# The connection


def test_the_pause_ends_a_frame(place):
    ana, bia = place.here(), place.here()
    ana.raw(f"05{ana.number}{bia.number}{SENT}hel".encode())
    ana.pause(0.03)
    assert bia.got() == []
    ana.raw(b"lo")
    ana.pause(0.03)
    assert bia.got() == []
    ana.pause(0.03)
    assert bia.got() == [message(ana, bia.number, "hello")]


def test_the_end_of_the_connection_ends_a_frame(place):
    ana, bia = place.here(), place.here()
    ana.raw(f"05{ana.number}{bia.number}{SENT}bye".encode())
    ana.session.eof()
    assert bia.got() == [message(ana, bia.number, "bye")]
    assert ana.shell.closed


def test_who_pads_is_sent_what_is_padded_to_256(place):
    ana, bia = place.here(), place.here()
    ana.send(f"05{ana.number}{bia.number}{SENT}hello".ljust(256))
    bia.got()
    assert ana.got() == [f"07{bia.number}{NOW}".ljust(256)]
    bia.say(ana.number, "hello")
    assert ana.got() == [message(bia, ana.number, "hello").ljust(256)]


def test_who_pads_from_the_first_frame_on_is_sent_nothing_else(place):
    ana, bia = place.phone(), place.here()
    ana.raw(b"01".ljust(256))
    [frame] = ana.got()
    assert len(frame) == 256
    ana.number = frame[2:].strip()
    bia.say(ana.number, "hello")
    ana.raw(f"03{ana.number}".encode().ljust(256))
    assert ana.got() == [message(bia, ana.number, "hello").ljust(256)]


def test_who_reads_by_line_is_sent_lines(place):
    ana, bia = place.phone(), place.here()
    ana.raw(b"01\n")
    [frame] = ana.got()
    assert ana.shell.cut is None
    ana.number = frame[2:].strip()
    ana.raw(f"03{ana.number}\n05{ana.number}{bia.number}{SENT}one\n".encode())
    ana.raw(f"05{ana.number}{bia.number}{SENT}two\n".encode())
    assert bia.got() == [message(ana, bia.number, text) for text in ("one", "two")]
    bia.say(ana.number, "three")
    assert "".join(ana.got()) == (
        f"07{bia.number}{NOW}\n07{bia.number}{NOW}\n{message(bia, ana.number, 'three')}\n"
    )


def test_a_pause_ends_nothing_for_who_reads_by_line(place):
    phone, bia = place.phone(), place.here()
    number = place.number()
    phone.number = number
    phone.raw(b"03")  # a pause may end it, so there is a timer
    phone.raw(f"{number}\n".encode())
    phone.raw(f"05{number}{bia.number}{SENT}hel".encode())
    phone.pause()
    phone.raw(b"lo\n")
    assert bia.got() == [message(phone, bia.number, "hello")]


def test_who_never_says_who_they_are_is_closed():
    place = Numeric(NumericConfig(login_s=10))
    phone, ana = place.phone(), place.here()
    phone.session.tick(9)
    assert not phone.shell.closed
    for one in (phone, ana):
        one.session.tick(10)
    assert phone.shell.closed
    assert not ana.shell.closed


def test_a_number_costs_more_than_a_message(place):
    phone = place.phone(bucket=TokenBucket(1, 10))
    phone.raw(b"01" * 10)
    assert len(phone.got()) == 3
    assert phone.shell.held


def test_coming_costs_more_than_a_message(place):
    numbers = [place.here().number for _ in range(2)]
    phone = place.phone(bucket=TokenBucket(1, 10))
    phone.raw(b"".join(f"03{number}".encode() for number in numbers * 2))
    assert phone.shell.held


def test_what_is_under_way_ends_with_the_connection(place):
    ana, bia = place.here(), place.here()
    bia.reads = False
    ana.say(bia.number, "one")
    [(request, resume)] = bia.shell.requests
    assert isinstance(request, Drain)
    bia.leave()
    resume(None)
    place.quiet()
    assert ana.got() == []
    assert len(place.waits(bia.number)) == 1


def test_what_was_asked_for_one_number_is_not_handed_to_another(place):
    ana, bia = place.here(), place.here()
    other = place.number()
    bia.reads = False
    ana.say(bia.number, "one")
    first = bia.number
    bia.got()
    bia.send(f"03{other}")
    bia.reads = True
    assert bia.got() == []
    assert ana.got() == []
    assert len(place.waits(first)) == 1


def test_a_group_that_nobody_made_by_frame_is_told_too(place):
    ana, bia = place.here(), place.here()
    place.hub.execute(ana.session, Gather((bia.user,)))
    [told] = bia.got()
    number = told[2:15]
    place.hub.execute(ana.session, Say(place.state.channel_numbered(number), Text("hi")))
    assert bia.got() == [f"06{ana.number}{number}{NOW}hi"]


_frames = st.one_of(
    st.binary(max_size=60),
    st.tuples(
        st.sampled_from(["01", "03{a}", "03{b}", "08{a}{t}", "08{b}{t}"]),
        st.just(""),
    ),
    st.tuples(
        st.sampled_from(["05{a}{b}{t}", "05{b}{a}{t}", "05{a}{g}{t}", "10{a}{t}{b}{c}"]),
        st.text(max_size=20),
    ),
)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 1), _frames, st.booleans()), max_size=20))
def test_whatever_is_sent_the_connection_stays_and_others_are_reached(script):
    place = Numeric()
    phones, c = [place.here(), place.here()], place.here()
    groups = group(place, c, phones[0].number, phones[1].number)
    names = {
        "a": phones[0].number, "b": phones[1].number, "c": c.number, "g": groups, "t": SENT,
    }  # fmt: skip
    for who, frame, pauses in script:
        data = frame if isinstance(frame, bytes) else (frame[0].format(**names) + frame[1]).encode()
        phones[who].raw(data)
        if pauses:
            phones[who].pause()
    late = place.here()
    c.got()
    late.say(c.number, "hello")
    assert c.got()[-1] == message(late, c.number, "hello")
    assert all(phone.user.number in names.values() for phone in phones if not phone.shell.closed)
