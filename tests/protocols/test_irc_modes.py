"""MODE: what its line means, and what is answered."""

import pytest

from tertulia.domain.channels import ADMIN, VOICE
from tertulia.domain.world import Rules
from tests.protocols.irc_kit import Irc

ANA = ":ana!~ana@192.0.2.1"
NOW_S = 1_700_000_000


@pytest.fixture
def irc():
    return Irc()


@pytest.fixture
def ana(irc):
    ana = irc.client("ana", "#tea")
    irc.client("bob", "#tea")
    return ana


@pytest.mark.parametrize(
    ("modes", "shown"),
    [
        ("+m", ["+m"]),
        ("m", ["+m"]),
        ("-t", ["-t"]),
        ("-t+m", ["-t+m"]),
        ("-nt+im", ["-nt+im"]),
        ("+mm", ["+m"]),
        ("+m-m", ["+m-m"]),
        ("+n", []),
        ("-m", []),
        ("+l 5", ["+l 5"]),
        ("+l 007", ["+l 007"]),
        ("-l", []),
        ("+k key", ["+k *"]),
        ("-k", []),
        ("-k key", []),
        ("+b bob", ["+b bob!*@*"]),
        ("+b u@h", ["+b *!u@h"]),
        ("+b bob!u@h", ["+b bob!u@h"]),
        ("-b bob", []),
        ("+eI a b", ["+eI a!*@* b!*@*"]),
        ("+bb a a", ["+b a!*@*"]),
        ("+o bob", ["+o bob"]),
        ("+v BOB", ["+v bob"]),
        ("+ov bob bob", ["+ov bob bob"]),
        ("+o-o bob bob", ["+o-o bob bob"]),
        ("-o bob", []),
        ("+o", []),
        ("+ml-t+k 5 key", ["+ml-t+k 5 *"]),
        ("+mv bob", ["+m", "+v bob"]),
        ("+lm 5 surplus", ["+lm 5"]),
        ("+", []),
        ("-+-", []),
        ("+C", ["+C"]),
    ],
)
def test_what_is_changed(ana, modes, shown):
    assert ana.asks(f"MODE #tea {modes}") == [f"{ANA} MODE #tea {line}" for line in shown]


@pytest.mark.parametrize(
    ("modes", "answer"),
    [
        ("+x", "472 ana x :is not a channel mode here"),
        ("+é", "472 ana é :is not a channel mode here"),
        (":+ ", "472 ana * :is not a channel mode here"),
        ("+l", "696 ana #tea l * :A limit is a positive number"),
        ("+l x", "696 ana #tea l * :A limit is a positive number"),
        ("+l 0", "696 ana #tea l * :A limit is a positive number"),
        ("+l -1", "696 ana #tea l * :A limit is a positive number"),
        ("+l ٣", "696 ana #tea l * :A limit is a positive number"),
        ("+l 99999999", "696 ana #tea l * :#tea cannot have mode +l: a limit is a number from"
         " 1 to 1000000"),
        ("+k", "696 ana #tea k * :A key has 1 to 50 bytes and no space, comma or colon"),
        ("+k :a b", "696 ana #tea k * :A key has 1 to 50 bytes and no space, comma or colon"),
        ("+k a,b", "696 ana #tea k * :A key has 1 to 50 bytes and no space, comma or colon"),
        (f"+k {'é' * 26}", "696 ana #tea k * :A key has 1 to 50 bytes and no space, comma or"
         " colon"),
        ("+b :a b", "696 ana #tea b * :#tea cannot have mode +b: this is not a mask"),
        ("+o none", "401 ana none :There is no user none"),
        ("b", "368 ana #tea :End of channel ban list"),
        ("+e", "349 ana #tea :End of channel exception list"),
        ("-I", "347 ana #tea :End of channel invite exception list"),
    ],
)  # fmt: skip
def test_what_is_answered(ana, modes, answer):
    assert ana.asks(f"MODE #tea {modes}") == [answer]


def test_what_is_wrong_does_not_keep_the_rest_from_happening(ana):
    assert ana.asks("MODE #tea +xmo none") == [
        "472 ana x :is not a channel mode here",
        "401 ana none :There is no user none",
        f"{ANA} MODE #tea +m",
    ]


def test_who_is_not_in_the_channel_gets_no_rank(irc, ana):
    irc.client("out")
    assert ana.asks("MODE #tea +o out") == ["441 ana out #tea :out is not in #tea"]


def test_only_so_much_at_once(irc, ana):
    masks = [f"n{i}" for i in range(60)]
    ana.send(f"MODE #tea +{'b' * 60} {' '.join(masks)}")
    assert len(irc.channel("#tea").lists["b"]) == 50


def test_a_full_list(irc):
    irc = Irc(rules=Rules(masks_per_list=2))
    ana = irc.client("ana", "#tea")
    ana.send("MODE #tea +bb a b")
    assert ana.asks("MODE #tea +b c") == ["478 ana #tea b :The +b list of #tea is full"]
    assert ana.asks("MODE #tea +e c") == [f"{ANA} MODE #tea +e c!*@*"]


def test_modes_are_told(irc, ana):
    assert ana.asks("MODE #tea") == ["324 ana #tea +nt", f"329 ana #tea {NOW_S}"]
    ana.send("MODE #tea +kl-t key 5")
    assert ana.asks("MODE #TEA")[0] == "324 ana #tea +nkl * 5"
    assert irc.client("out").asks("MODE #tea")[0] == "324 out #tea +nkl * 5"


def test_lists_are_told(irc, ana):
    ana.send("MODE #tea +be bob ana")
    assert ana.asks("MODE #tea b") == [
        f"367 ana #tea bob!*@* {ANA[1:]} {NOW_S}", "368 ana #tea :End of channel ban list"
    ]  # fmt: skip
    assert ana.asks("MODE #tea e")[0] == f"348 ana #tea ana!*@* {ANA[1:]} {NOW_S}"
    out = irc.client("out")
    assert len(out.asks("MODE #tea b")) == 2
    ana.send("MODE #tea +s")
    assert out.asks("MODE #tea b") == ["442 out #tea :You are not in #tea"]


@pytest.mark.parametrize("modes", ["+m", "+k key", "+b x", "+o bob", "-l"])
def test_who_may(irc, ana, modes):
    bob, out = irc.client("rui", "#tea"), irc.client("out")
    assert bob.asks(f"MODE #tea {modes}") == ["482 rui #tea :You are not an admin of #tea"]
    assert out.asks(f"MODE #tea {modes}") == ["442 out #tea :You are not in #tea"]
    assert out.asks(f"MODE #none {modes}") == ["403 out #none :There is no channel #none"]


def test_ranks(irc, ana):
    ana.send("MODE #tea +ov-o bob bob bob")
    channel, bob = irc.channel("#tea"), irc.state.user_named("bob")
    assert channel.occupants[bob.uid] == VOICE
    assert channel.occupants[ana.user.uid] == ADMIN


def test_a_password_is_kept_as_a_hash_and_shown_to_nobody(irc, ana):
    bob = next(client for client in irc.clients if client.session.nick == "bob")
    bob.got()
    ana.send("MODE #tea +k secret")
    assert bob.got() == [f"{ANA} MODE #tea +k *"]
    assert irc.channel("#tea").key == "hash of secret"
    ana.send("MODE #tea -k secret")
    assert irc.channel("#tea").key is None
    assert bob.got() == [f"{ANA} MODE #tea -k *"]
    logged = [event.fact.modes[0].value for event in irc.log.events if hasattr(event.fact, "modes")]
    assert logged == ["hash of secret", None]


def test_while_the_password_is_hashed_things_may_change(irc, ana):
    def meanwhile(request):
        irc.state.forget_channel(irc.channel("#tea"))
        return irc.answer(request)

    ana.got()
    ana.session.receive(b"MODE #tea +k secret\r\nPING x\r\n")
    ana.settle(meanwhile)
    assert ana.got() == ["403 ana #tea :There is no channel #tea", "PONG tea.example :x"]


def test_the_lobby_stays_open(irc):
    root = irc.client("root", "#lobby")
    root.send("OPER root secret")
    assert root.asks("MODE #lobby +i")[0].startswith("696 root #lobby i * :")
    assert root.asks("MODE #lobby +k x")[0].startswith("696 root #lobby k * :")
    assert root.asks("MODE #lobby +m") == [":root!~root@192.0.2.1 MODE #lobby +m"]


# Of oneself


def test_ones_own_modes(irc, ana):
    assert ana.asks("MODE ana") == ["221 ana +"]
    assert ana.asks("MODE ANA +iB") == [f"{ANA} MODE ana +i", f"{ANA} MODE ana +B"]
    assert ana.asks("MODE ana +i") == []
    assert ana.asks("MODE ana") == ["221 ana +Bi"]
    assert ana.asks("MODE ana -i+w") == [f"{ANA} MODE ana -i", f"{ANA} MODE ana +w"]
    assert ana.asks("MODE ana +x") == ["501 ana :Unknown mode flag"]


def test_nobody_makes_oneself_an_operator(irc, ana):
    assert ana.asks("MODE ana +o") == []
    assert not ana.user.is_operator
    ana.send("OPER root secret")
    assert ana.user.is_operator
    assert ana.asks("MODE ana -o") == [f"{ANA} MODE ana -o"]
    assert not ana.user.is_operator


def test_the_modes_of_others(irc, ana):
    assert ana.asks("MODE bob") == ["502 ana :You can only see and change your own modes"]
    assert ana.asks("MODE bob +i") == ["502 ana :You can only see and change your own modes"]
    assert ana.asks("MODE none") == ["401 ana none :There is no user none"]
