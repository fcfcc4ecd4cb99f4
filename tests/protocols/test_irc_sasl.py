"""An identity is issued as one comes, and proven before one is there: IDENTITY, AUTHENTICATE."""

from __future__ import annotations

import base64
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from tertulia.domain.world import Rules
from tertulia.protocols.guesses import WINDOW_S, WRONG_MOST
from tests.protocols.irc_kit import Client, Irc, commands


class Known(NamedTuple):
    number: str
    token: str

    @property
    def plain(self) -> str:
        return plain(self.number, self.number, self.token)


def plain(*parts: str) -> str:
    return base64.b64encode("\0".join(parts).encode()).decode()


@pytest.fixture
def irc() -> Irc:
    return Irc()


def newcomer(irc: Irc, nick: str = "ana") -> tuple[Client, Known]:
    """Somebody who is given an identity as they come."""
    client = irc.connect()
    client.send("CAP REQ :tertulia/identity", f"NICK {nick}", f"USER {nick} 0 * :Real")
    got = client.asks("IDENTITY NEW", "CAP END")
    [line] = [line for line in got if line.startswith("IDENTITY ")]
    _, called, number, token = line.split(" ")
    assert called == nick
    return client, Known(number, token.removeprefix(":"))


def at_the_door(irc: Irc, caps: str = "sasl") -> Client:
    client = irc.connect()
    client.send("CAP LS 302", f"CAP REQ :{caps}")
    client.got()
    return client


def test_the_capabilities_are_offered_with_the_mechanism(irc: Irc) -> None:
    [first] = irc.connect().asks("CAP LS 302")
    assert "sasl=PLAIN" in first.split()
    assert f"tertulia/identity={irc.hub.state.server}" in first.split()
    [old] = irc.connect().asks("CAP LS")
    assert "sasl" in old.split()


def test_who_is_given_an_identity_at_the_door_is_that_user_at_once(irc: Irc) -> None:
    client, known = newcomer(irc)
    assert client.user.number == known.number
    assert str(client.user.uid) == known.number
    assert client.user.durable
    assert client.asks("IDENTITY NEW")[0].startswith("FAIL IDENTITY ALREADY_ISSUED")
    assert client.session.core.state.identities.named("ana") is not None


def test_a_message_said_again_over_the_next_connection_is_said_once(irc: Irc) -> None:
    client, known = newcomer(irc)
    bob = irc.client("bob", "#tea")
    client.send("JOIN #tea", "@+tertulia/id=x1 PRIVMSG #tea :hello")
    client.session.end("gone")
    again = at_the_door(irc, "sasl message-tags")
    again.send("AUTHENTICATE PLAIN", f"AUTHENTICATE {known.plain}", "NICK ana", "USER a 0 * :A")
    again.send("CAP END", "JOIN #tea", "@+tertulia/id=x1 PRIVMSG #tea :hello")
    assert sum("PRIVMSG #tea :hello" in line for line in bob.got()) == 1


def test_number_and_token_prove_the_identity(irc: Irc) -> None:
    client, known = newcomer(irc)
    again = at_the_door(irc)
    assert again.asks("AUTHENTICATE PLAIN") == ["AUTHENTICATE +"]
    logged_in, success = again.asks(f"AUTHENTICATE {known.plain}")
    assert logged_in.startswith(f"900 * *!*@192.0.2.1 {known.number} :You are now logged in as")
    assert success == "903 * :SASL authentication successful"
    again.send("NICK ana", "USER ana 0 * :Real", "CAP END")
    assert str(again.user.uid) == known.number
    assert client.shell.closed
    assert again.numerics("AUTHENTICATE PLAIN") == ["907"]


def test_the_name_to_act_as_may_be_left_out_but_not_another_one(irc: Irc) -> None:
    _, known = newcomer(irc)
    for acts_as, answers in (("", ["900", "903"]), ("0000000000000", ["904"])):
        again = at_the_door(irc)
        again.send("AUTHENTICATE PLAIN")
        text = plain(acts_as, known.number, known.token)
        assert again.numerics(f"AUTHENTICATE {text}") == answers


@pytest.mark.parametrize(
    "said",
    [
        plain("0123456789012", "0123456789012", "0" * 32),
        plain("ana", "ana", "secret"),
        plain("", "", ""),
        base64.b64encode(b"no nul").decode(),
        base64.b64encode(b"\xff\0\xff\0\xff").decode(),
        "no base64!",
        "+",
    ],
)
def test_what_proves_nothing_is_refused_and_may_be_tried_again(irc: Irc, said: str) -> None:
    _, known = newcomer(irc)
    client = at_the_door(irc)
    client.send("AUTHENTICATE PLAIN")
    assert client.numerics(f"AUTHENTICATE :{said}") == ["904"]
    client.send("AUTHENTICATE PLAIN")
    assert client.numerics(f"AUTHENTICATE {known.plain}") == ["900", "903"]


def test_a_wrong_token_lets_nobody_in_as_that_user(irc: Irc) -> None:
    _, known = newcomer(irc)
    client = at_the_door(irc)
    client.send("AUTHENTICATE PLAIN")
    client.send(f"AUTHENTICATE {plain('', known.number, '0' * 32)}")
    client.send("USER ana 0 * :Real", "CAP END")
    assert client.numerics("NICK ana") == ["433"]
    assert client.session.user is None


def test_what_goes_wrong_has_its_numeric(irc: Irc) -> None:
    client = at_the_door(irc, "server-time")
    assert client.numerics("AUTHENTICATE PLAIN") == ["904"]
    client.send("CAP REQ :sasl")
    assert client.numerics("AUTHENTICATE SCRAM-SHA-256") == ["908", "904"]
    assert client.numerics("AUTHENTICATE PLAIN", "AUTHENTICATE *") == ["AUTHENTICATE", "906"]
    assert client.numerics("AUTHENTICATE PLAIN", "AUTHENTICATE " + "a" * 401) == [
        "AUTHENTICATE",
        "905",
    ]
    client.send("AUTHENTICATE PLAIN")
    assert client.numerics(*["AUTHENTICATE " + "a" * 400] * 5) == ["905"]


def test_a_message_of_exactly_one_piece_ends_with_a_plus(irc: Irc) -> None:
    client = at_the_door(irc)
    client.send("AUTHENTICATE PLAIN", "AUTHENTICATE " + "a" * 400)
    assert client.numerics("AUTHENTICATE +") == ["904"]


def test_who_guesses_is_not_listened_to_for_a_while(irc: Irc) -> None:
    _, known = newcomer(irc)
    for _ in range(WRONG_MOST):
        client = at_the_door(irc)
        client.send("AUTHENTICATE PLAIN", "AUTHENTICATE +")
    for again in (at_the_door(irc), irc.connect(host="192.0.2.99")):
        again.send("CAP REQ :sasl", "AUTHENTICATE PLAIN")
        wanted = ["904"] if again.shell.peer.host == "192.0.2.1" else ["900", "903"]
        assert again.numerics(f"AUTHENTICATE {known.plain}") == wanted
    by_pass = irc.connect()
    assert by_pass.numerics(f"PASS {known.number}:{known.token}", "NICK ana") == ["464", "ERROR"]
    again = at_the_door(irc)
    again.shell.clock += WINDOW_S
    again.send("AUTHENTICATE PLAIN")
    assert again.numerics(f"AUTHENTICATE {known.plain}") == ["900", "903"]


def test_where_there_is_no_room_one_comes_without() -> None:
    irc = Irc(rules=replace(Rules(), identities=1))
    newcomer(irc)
    client = irc.connect()
    client.send("CAP LS 302", "IDENTITY NEW", "NICK bob", "USER bob 0 * :Bob")
    got = client.asks("CAP END")
    assert got[0].startswith("FAIL IDENTITY TOO_MANY_IDENTITIES")
    assert "001" in commands(got)
    assert not client.user.durable


def test_the_servers_that_know_an_identity_are_told(irc: Irc) -> None:
    client, _ = newcomer(irc)
    assert client.asks("IDENTITY SERVERS") == [
        f"IDENTITY ana SERVER {irc.hub.state.server} :tea.example"
    ]
    assert irc.connect().asks("IDENTITY SERVERS")[0].startswith("FAIL IDENTITY INVALID_PARAMS")


def test_with_a_credential_no_other_identity_is_issued(irc: Irc) -> None:
    _, known = newcomer(irc)
    client = at_the_door(irc)
    client.send("AUTHENTICATE PLAIN", f"AUTHENTICATE {known.plain}")
    assert client.asks("IDENTITY NEW")[0].startswith("FAIL IDENTITY ALREADY_ISSUED")
