"""What one says until it is stored, delivered, seen; what others say; and what is asked for."""

from __future__ import annotations

import pytest

from tertulia.client.session import events as ev
from tertulia.client.session import intents as i
from tertulia.client.session.model import Delivery, Kind
from tertulia.client.session.settings import Unsent
from tests.client.session_kit import MODERN, OURS, Table, table


def own(one: Table, name: str) -> list[tuple[str, Delivery]]:
    return [(m.text, m.delivery) for m in one.buffer(name).messages if m.own and m.is_spoken]


def waiting(one: Table, name: str) -> list[tuple[str, Delivery]]:
    return [(m.text, m.delivery) for m in one.pending(name)]


def echo(text: str, target: str, label: str, msgid: str = "m1") -> str:
    return f"@label={label};msgid={msgid} :ana!u@host PRIVMSG {target} :{text}"


def test_a_message_is_pending_until_the_server_has_it() -> None:
    one = table(caps=OURS)
    one.session.do(i.Say("rui", "hello"))
    [line] = one.got()
    assert line == "@label=sent-1;+tertulia/id=seed0-1 PRIVMSG rui hello"
    assert waiting(one, "rui") == [("hello", Delivery.PENDING)]
    one.says(echo("hello", "rui", "sent-1"))
    assert (waiting(one, "rui"), own(one, "rui")) == ([], [("hello", Delivery.SENT)])


def test_delivered_and_seen() -> None:
    one = table(caps=OURS)
    for number in (1, 2):
        one.session.do(i.Say("rui", f"t{number}"))
        one.says(echo(f"t{number}", "rui", f"sent-{number}", f"m{number}"))
    one.says("@+tertulia/delivered=m1 :rui!u@h TAGMSG ana")
    assert own(one, "rui") == [("t1", Delivery.DELIVERED), ("t2", Delivery.SENT)]
    one.says("@+tertulia/seen=m2 :rui!u@h TAGMSG ana")
    assert own(one, "rui") == [("t1", Delivery.SEEN), ("t2", Delivery.SEEN)]
    one.says("@+tertulia/delivered=m1 :rui!u@h TAGMSG ana")
    assert own(one, "rui")[0] == ("t1", Delivery.SEEN)


def test_a_receipt_that_comes_before_the_answer() -> None:
    one = table(caps=OURS)
    one.session.do(i.Say("rui", "hello"))
    one.says("@+tertulia/delivered=m1 :rui!u@h TAGMSG ana")
    one.says(echo("hello", "rui", "sent-1"))
    assert own(one, "rui") == [("hello", Delivery.DELIVERED)]


def test_who_wrote_is_told_once_that_it_was_read() -> None:
    one = table(caps=OURS)
    one.says("@msgid=m7 :rui!u@h PRIVMSG ana :hi")
    assert one.buffer("rui").unread == 1
    one.session.do(i.MarkRead("rui"))
    assert one.got() == ["@+tertulia/seen=m7 TAGMSG rui"]
    one.session.do(i.MarkRead("rui"))
    assert one.got() == []
    assert one.buffer("rui").unread == 0


def test_what_is_refused_is_kept_and_can_be_sent_again_or_dropped() -> None:
    one = table(caps=OURS)
    one.session.do(i.Say("rui", "hello"))
    one.says("@label=sent-1 :irc.example 401 ana rui :nobody")
    [failed] = one.pending("rui")
    assert (failed.delivery, failed.why) == (Delivery.FAILED, "nobody")
    assert not one.session.has_unsent
    one.session.do(i.SendAgain(failed.number))
    assert one.got() == ["@label=sent-2;+tertulia/id=seed0-1 PRIVMSG rui hello"]
    one.says("@label=sent-2 :irc.example 401 ana rui :nobody")
    one.session.do(i.Drop(failed.number))
    assert one.pending("rui") == []


def test_what_had_no_answer_is_sent_again_under_the_same_id() -> None:
    one = table(caps=OURS)
    one.session.do(i.Say("rui", "hello"))
    one.got()
    one.session.lost()
    assert waiting(one, "rui") == [("hello", Delivery.UNSENT)]
    one.session.do(i.Say("rui", "while away"))
    one.come()
    sent = one.settle()
    assert [line.partition("PRIVMSG")[2] for line in sent if "PRIVMSG" in line] == [
        " rui hello", " rui :while away",
    ]  # fmt: skip
    assert "+tertulia/id=seed0-1" in sent[0]


def test_what_a_channel_is_to_hear_waits_until_one_is_in_it() -> None:
    one = table(caps=OURS, channels=("#tea",))
    one.session.do(i.Say("#tea", "hello"))
    assert one.got() == []
    sent = one.says(":ana!u@host JOIN #tea")
    assert any("PRIVMSG #tea hello" in line for line in sent)
    other = table(caps=OURS, channels=("#tea",))
    other.session.do(i.Say("#tea", "hello"))
    other.says(":irc.example 474 ana #tea :banned")
    assert waiting(other, "#tea") == [("hello", Delivery.FAILED)]


def test_a_server_without_labels_is_asked_with_pings() -> None:
    one = table()
    one.enter("#tea")
    one.got()
    one.session.do(i.Say("#tea", "hello"))
    assert one.got() == ["PRIVMSG #tea hello", "PING sent-1"]
    one.says(":irc.example PONG irc.example sent-1")
    assert own(one, "#tea") == [("hello", Delivery.SENT)]
    one.session.do(i.Say("#tea", "no"))
    one.says(":irc.example 404 ana #tea :cannot", ":irc.example PONG irc.example sent-2")
    assert waiting(one, "#tea") == [("no", Delivery.FAILED)]


def test_after_a_loss_an_own_message_in_the_history_is_not_said_again() -> None:
    one = table(caps=MODERN, channels=("#tea",))
    one.enter("#tea")
    one.session.do(i.Say("#tea", "hello"))
    one.got()
    one.session.lost()
    one.come()
    one.enter("#tea")
    [asked] = [line for line in one.got() if "CHATHISTORY LATEST #tea" in line] or [""]
    one.says(
        ":irc.example BATCH +1 chathistory #tea",
        "@batch=1;msgid=m1;time=2027-01-15T08:00:00.000Z :ana!u@host PRIVMSG #tea :hello",
        ":irc.example BATCH -1",
    )
    assert waiting(one, "#tea") == []
    assert one.texts("#tea") == ["hello"]
    assert not any("PRIVMSG" in line for line in one.settle()), asked


def test_what_was_kept_over_a_restart_is_said() -> None:
    kept = Unsent("#tea", "action", "waves", "old-1", 5)
    one = table(caps=OURS, channels=("#tea",), unsent=(kept,))
    assert waiting(one, "#tea") == [("waves", Delivery.UNSENT)]
    [line] = [line for line in one.says(":ana!u@host JOIN #tea") if "PRIVMSG" in line]
    assert "+tertulia/id=old-1" in line
    assert line.endswith(":\x01ACTION waves\x01")
    assert one.session.outbox.unsent() == (kept,)


def test_long_text_is_split_and_lines_are_messages() -> None:
    one = table(caps=OURS)
    text = "ç" * 600
    one.session.do(i.Say("rui", f"first\n{text}\n\nlast"))
    said = [m.text for m in one.pending("rui")]
    assert said[0] == "first"
    assert said[-1] == "last"
    assert "".join(said[1:-1]) == text
    assert all(len(line.partition(" ")[2].encode()) <= 510 for line in one.got())


def test_only_so_many_are_on_their_way() -> None:
    one = table(caps=OURS)
    for number in range(30):
        one.session.do(i.Say("rui", str(number)))
    assert len(one.got()) == 10
    assert len(one.says(echo("0", "rui", "sent-1"))) == 1


def test_mentions_and_unread() -> None:
    one = table(highlights=("cake",))
    one.enter("#tea", "rui")
    for text in ("ana: hi", "hi Ana!", "banana", "cakes", "no cake"):
        one.says(f":rui!u@h PRIVMSG #tea :{text}")
    assert (one.buffer("#tea").unread, one.buffer("#tea").mentions) == (5, 3)


def test_who_is_ignored_is_not_heard() -> None:
    one = table(ignored=("*!*@bad.example",))
    one.enter("#tea", "rui", "eva")
    one.session.do(i.Ignore("RUI"))
    assert one.took(ev.WishesChanged)
    one.says(":rui!u@h PRIVMSG #tea :a", ":eva!u@bad.example PRIVMSG ana :b")
    one.says(":leo!u@h PRIVMSG #tea :c")
    assert one.texts("#tea") == ["c"]
    assert one.session.model.get("eva") is None
    one.session.do(i.Ignore("rui", on=False))
    one.says(":rui!u@h PRIVMSG #tea :d")
    assert one.texts("#tea") == ["c", "d"]


def test_contacts_are_names_for_people() -> None:
    one = table(caps=OURS)
    one.session.do(i.Contact("Mum", "eva"))
    assert one.session.show_name("eva") == "Mum"
    one.session.do(i.Say("mum", "hello"))
    assert any("PRIVMSG eva hello" in line for line in one.got())
    one.session.do(i.Contact("mum", ""))
    assert one.session.settings.contacts == {}


def test_pokes() -> None:
    one = table(caps=OURS)
    one.enter("#tea", "rui")
    one.got()
    one.session.do(i.Poke("rui", "#tea"))
    assert one.got() == ["POKE rui #tea"]
    one.says("@+tertulia/poke=ana :rui!u@h PRIVMSG #tea :\x01ACTION pokes ana\x01")
    last = one.buffer("#tea").messages[-1]
    assert (last.kind, last.whom, last.mention) == (Kind.POKE, "ana", True)
    other = table()
    other.session.do(i.Poke("rui"))
    assert "PRIVMSG rui :\x01ACTION pokes rui\x01" in other.got()


def test_conversations_of_before_are_open_again() -> None:
    heard_at = 1_800_000_000_000
    one = Table(caps=OURS, queries=("rui",), heard_at=heard_at)
    assert one.buffer("rui").messages == []
    sent = one.come()
    label = asks(one, sent, "LATEST rui * 50").partition(" ")[0]
    one.says(
        f"{label} :irc.example BATCH +1 chathistory rui",
        "@batch=1;msgid=m1;time=2027-01-15T08:00:01.000Z :rui!u@h PRIVMSG ana :hi",
        ":irc.example BATCH -1",
    )
    assert one.texts("rui") == ["hi"]
    # Others may have written meanwhile; clocks differ by half a minute.
    label = asks(one, sent, "TARGETS timestamp=2027-01-15T07:59:30.000Z").partition(" ")[0]
    one.says(
        f"{label} :irc.example BATCH +2 draft/chathistory-targets",
        "@batch=2 :irc.example CHATHISTORY TARGETS bob 2027-01-15T08:00:02.000Z",
        ":irc.example BATCH -2",
    )
    assert one.buffer("bob").read_at == heard_at
    assert one.session.history.heard_until >= heard_at


def test_the_same_message_is_shown_once() -> None:
    one = table(caps=OURS)
    for _ in range(2):
        one.says("@msgid=m1 :rui!u@h PRIVMSG ana :hi")
    assert one.texts("rui") == ["hi"]


def test_history_comes_into_its_place_once() -> None:
    one = table(caps=OURS, channels=("#tea",))
    sent = one.says(":ana!u@host JOIN #tea", ":irc.example 366 ana #tea :End")
    label = asks(one, sent, "LATEST #tea").partition(" ")[0]
    one.says("@msgid=m3;time=2027-01-15T08:00:03.000Z :rui!u@h PRIVMSG #tea :three")
    one.says(
        f"{label} :irc.example BATCH +1 chathistory #tea",
        "@batch=1;msgid=m1;time=2027-01-15T08:00:01.000Z :rui!u@h PRIVMSG #tea :one",
        "@batch=1;msgid=m2;time=2027-01-15T08:00:02.000Z :rui!u@h PRIVMSG #tea :two",
        "@batch=1;msgid=m3;time=2027-01-15T08:00:03.000Z :rui!u@h PRIVMSG #tea :three",
        ":irc.example BATCH -1",
    )
    assert one.texts("#tea") == ["one", "two", "three"]


def test_older_history_until_there_is_no_more() -> None:
    one = table(caps=OURS, history=0)
    one.enter("#tea", "rui")
    one.says("@msgid=m9;time=2027-01-15T08:00:09.000Z :rui!u@h PRIVMSG #tea :nine")
    one.got()
    one.session.do(i.LoadOlder("#tea"))
    one.session.do(i.LoadOlder("#tea"))
    [asked] = one.got()
    assert "CHATHISTORY BEFORE #tea" in asked
    one.take()
    one.says(f"{asked.split()[0]} :irc.example BATCH +1 chathistory #tea", ":x BATCH -1")
    assert one.buffer("#tea").has_all_history
    [merged] = one.took(ev.Merged)
    assert (merged.messages, merged.older) == ((), True)


def answer(one: Table, asked: str, *numbers: int) -> list[str]:
    """Answer a request for history with messages of these numbers."""
    label = asked.partition(" ")[0]
    return one.says(
        f"{label} :irc.example BATCH +1 chathistory rui",
        *(f"@batch=1;msgid=m{n};time={moment(n)} :rui!u@h PRIVMSG ana :t{n}" for n in numbers),
        ":irc.example BATCH -1",
    )


def moment(number: int) -> str:
    return f"2027-01-15T08:{number // 60:02}:{number % 60:02}.000Z"


def asks(one: Table, lines: list[str], what: str) -> str:
    [asked] = [line for line in lines if f"CHATHISTORY {what}" in line]
    return asked


def test_what_was_missed_is_asked_for_until_it_has_come() -> None:
    one = table(caps=OURS)
    one.says(f"@msgid=m1;time={moment(1)} :rui!u@h PRIVMSG ana :t1")
    one.session.lost()
    # The answer is lost too, and something newer came before it.
    asks(one, one.come(), "AFTER rui msgid=m1")
    one.says(f"@msgid=m150;time={moment(150)} :rui!u@h PRIVMSG ana :t150")
    one.session.lost()
    asked = asks(one, one.come(), "AFTER rui msgid=m1")
    more = answer(one, asked, *range(2, 102))
    answer(one, asks(one, more, "AFTER rui msgid=m101"), *range(102, 151))
    assert one.texts("rui") == [f"t{n}" for n in range(1, 151)]
    one.session.lost()
    asks(one, one.come(), "AFTER rui msgid=m150")


def test_where_nothing_was_heard_yet_nothing_is_missed_either() -> None:
    one = table(caps=OURS)
    one.says(f"@time={moment(5)} :ana!u@host JOIN #tea")
    one.session.lost()
    one.come()
    sent = one.says(f"@time={moment(9)} :ana!u@host JOIN #tea")
    # Messages of the same millisecond may have come behind the JOIN.
    asks(one, sent, "AFTER #tea timestamp=2027-01-15T08:00:04.999Z")


def test_a_page_that_never_ends_is_asked_for_no_more() -> None:
    one = table(caps=OURS)
    one.says(f"@msgid=m1;time={moment(1)} :rui!u@h PRIVMSG ana :t1")
    one.session.lost()
    more = answer(one, asks(one, one.come(), "AFTER rui msgid=m1"), *range(2, 102))
    assert answer(one, asks(one, more, "AFTER rui msgid=m101"), *range(2, 102)) == []


def test_who_wrote_meanwhile_is_asked_for() -> None:
    one = table(caps=OURS)
    one.enter("#tea")
    one.session.lost()
    asked = asks(one, one.come(), "TARGETS")
    sent = one.says(
        f"{asked.partition(' ')[0]} :irc.example BATCH +t draft/chathistory-targets",
        f"@batch=t CHATHISTORY TARGETS rui {moment(9)}",
        ":irc.example BATCH -t",
    )
    answer(one, asks(one, sent, "AFTER rui timestamp="), 8, 9)
    assert one.texts("rui") == ["t8", "t9"]


def test_resume_goes_on_with_the_last_token_that_covers_all() -> None:
    from tertulia.domain.resume import Token

    first, second = Token({}, 1).encode(), Token({}, 2).encode()
    one = Table(caps=OURS)
    one.open()
    assert "RESUME" in one.negotiate()
    one.says(":irc.example 001 ana :Welcome", ":irc.example 422 ana :no MOTD")
    one.says(f":irc.example RESUME TOKEN :{first}")
    one.session.lost()
    one.open()
    assert f"RESUME {first}" in one.negotiate()
    one.says(":irc.example RESUME ACCEPTED", ":irc.example 001 ana :Welcome")
    one.says(":irc.example 422 ana :no MOTD", f":irc.example RESUME TOKEN :{second}")
    one.session.lost()
    one.open()
    # Not all that the first one was for has come before the connection was lost.
    assert f"RESUME {first}" in one.negotiate()
    one.says(":irc.example 001 ana :Welcome", ":irc.example 422 ana :no MOTD")
    one.settle()
    one.says(f":irc.example RESUME TOKEN :{second}")
    one.session.lost()
    one.open()
    assert f"RESUME {second}" in one.negotiate()
    one.says(":irc.example FAIL RESUME INVALID_TOKEN :no")
    one.session.lost()
    one.open()
    assert "RESUME" in one.negotiate()


def test_a_token_is_worth_nothing_while_something_is_missing() -> None:
    from tertulia.domain.resume import Token

    token = Token({}, 1).encode()
    one = Table(caps=OURS)
    one.come()
    one.settle()
    one.enter("#tea")
    one.session.lost()
    one.come()
    sent = one.says(":ana!u@host JOIN #tea", f":irc.example RESUME TOKEN :{token}")
    one.settle()
    one.session.lost()
    # What was asked for did not come: the server must not believe that it did.
    one.open()
    assert "RESUME" in one.negotiate()
    one.says(":irc.example 001 ana :Welcome", ":irc.example 422 ana :no MOTD")
    sent = one.says(":ana!u@host JOIN #tea")
    one.settle()
    label = asks(one, sent, "AFTER #tea").partition(" ")[0]
    batch = [f"{label} :irc.example BATCH +1 chathistory #tea", ":irc.example BATCH -1"]
    assert one.says(*batch) == ["RESUME"]
    one.says(f":irc.example RESUME TOKEN :{token}")
    one.session.lost()
    one.open()
    assert f"RESUME {token}" in one.negotiate()


def test_until_when_was_read_is_remembered() -> None:
    one = table(caps=OURS, channels=("#tea",), read_at={"#tea": 1_800_000_000_000})
    assert one.buffer("#tea").read_at == 1_800_000_000_000


@pytest.mark.parametrize(
    ("intent", "line"),
    [
        (i.SetTopic("#tea", "a topic"), "TOPIC #tea :a topic"),
        (i.Kick("#tea", "rui", "be gone"), "KICK #tea rui :be gone"),
        (i.Ban("#tea", "rui"), "MODE #tea +b rui!*@*"),
        (i.Ban("#tea", "*!*@x", on=False), "MODE #tea -b *!*@x"),
        (i.Invite("rui", "#tea"), "INVITE rui #tea"),
        (i.SetRank("#tea", "rui"), "MODE #tea +o rui"),
        (i.SetModes("#tea", "+k key"), "MODE #tea +k key"),
        (i.Whois("rui"), "WHOIS rui"),
        (i.ListChannels(), "LIST"),
        (i.Names("#tea"), "NAMES #tea"),
        (i.Raw("VERSION\r\nQUIT"), "VERSION QUIT"),
        (i.Nick("bia"), "NICK bia"),
    ],
)
def test_what_is_wanted_is_a_line(intent: i.Intent, line: str) -> None:
    one = table()
    one.session.do(intent)
    assert one.got() == [line]


@pytest.mark.parametrize("intent", [i.Say("", "x"), i.Say("a b", "x"), i.Join(" "), i.Part("#no")])
def test_what_makes_no_sense_is_refused(intent: i.Intent) -> None:
    one = table()
    one.session.do(intent)
    assert one.took(ev.Refused)
    assert one.got() == []
