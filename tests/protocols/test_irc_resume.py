"""RESUME: what a client that goes on is shown, and what tokens say."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tertulia.domain import changes as c
from tertulia.domain.events import Face
from tertulia.domain.ids import Hlc, Uid, msgid
from tertulia.domain.resume import Token, decode_token
from tertulia.domain.text import Text
from tertulia.protocols.irc.commands.resume import PIECE
from tertulia.protocols.resume import Unrepeated
from tertulia.protocols.session import ReadMissed
from tests.protocols.irc_kit import Client, Irc

BOB = Face(Uid("s1"), "bob", "0" * 13, "bob!u@h")


def spoken(hlc: int, to: Uid | None = None) -> c.Spoken:
    target = "#tea" if to is None else "ana"
    return c.Spoken(Hlc(hlc), msgid(hlc, 1), BOB, target, 0, Text("hi"), None, "", to=to)


class Shown:
    is_paced = False

    def render(self, _change: c.Change) -> bytes:
        return b"shown"


@pytest.mark.parametrize(("hlc", "to", "shown"), [(5, None, b""), (6, None, b"shown")])
def test_what_a_token_covers_is_not_shown_again(hlc: int, to: Uid | None, shown: bytes) -> None:
    flavour = Unrepeated(Shown(), Token({1: Hlc(5)}, 1 << 40))
    assert flavour.render(spoken(hlc, to)) == shown


def test_of_what_was_said_to_one_alone_later_messages_tell_nothing() -> None:
    """It may have waited while what came later was shown."""
    token = Token({1: Hlc(5)}, 1 << 40).with_messages([msgid(9, 1), msgid(7, 1)])
    flavour = Unrepeated(Shown(), token)
    shown = [hlc for hlc in range(4, 11) if flavour.render(spoken(hlc, Uid("s2")))]
    assert shown == [6, 8, 10]
    assert not any(flavour.render(spoken(hlc)) for hlc in range(4, 10))
    flavour = Unrepeated(Shown(), Token({}, 1 << 60))
    assert flavour.render(spoken(4, Uid("s2"))) == b"shown", "it may have waited for long"


@pytest.fixture
def irc() -> Irc:
    return Irc()


def tokens(lines: Iterable[str]) -> list[str]:
    """The tokens in *lines*, put together where they came in pieces."""
    found, part = [], ""
    for line in lines:
        if line.startswith("RESUME TOKEN "):
            text = line.removeprefix("RESUME TOKEN ")
            if text.startswith("* "):
                part += text.removeprefix("* :")
            else:
                found.append(part + text.removeprefix(":"))
                part = ""
    return found


def many_sources(irc: Irc, count: int = 60) -> None:
    now = irc.hub.world.now() << 16
    irc.hub.state.heard.update({(n * 2654435761) % (1 << 32): Hlc(now + n) for n in range(count)})


def test_a_token_that_is_too_long_for_a_line_comes_and_goes_in_pieces(irc: Irc) -> None:
    many_sources(irc)
    ana = irc.client("ana")
    lines = ana.asks("RESUME")
    assert len(lines) > 1
    [text] = tokens(lines)
    assert decode_token(text) is not None
    again = irc.connect()
    while len(text) > PIECE:
        assert again.asks(f"RESUME * {text[:PIECE]}") == []
        text = text[PIECE:]
    assert again.asks(f"RESUME {text}") == ["RESUME :ACCEPTED"]
    assert again.asks("RESUME x")[0].startswith("FAIL RESUME INVALID_TOKEN")


def heard_of(irc: Irc, client: Client) -> list[str]:
    client.session.tick(client.shell.now())
    irc.run()
    return tokens(client.got())


def test_no_token_is_told_while_what_is_missing_is_being_looked_for(irc: Irc) -> None:
    ana = irc.client("ana", "#tea")
    [token] = tokens(ana.asks("RESUME"))
    ana.session.end("gone")
    bob = irc.client("bob", "#tea")
    bob.send("PRIVMSG #tea :missed")
    again = irc.connect()
    again.send(f"RESUME {token}", "NICK ana", "USER a 0 * :A")
    again.session.receive(b"JOIN #tea\r\n")
    irc.run()
    assert isinstance(again.shell.requests[0][0], ReadMissed)
    again.got()
    assert heard_of(irc, again) == []
    again.settle(lambda _request: [])
    assert len(heard_of(irc, again)) == 1


def test_no_token_is_told_before_one_is_here_and_has_what_waits(irc: Irc) -> None:
    ana = irc.client("ana")
    number, token = ana.asks("IDENTITY NEW")[0].split()[2:]
    ana.session.end("gone")
    bob = irc.client("bob")
    bob.send("PRIVMSG ana :for later")
    again = irc.connect()
    assert again.asks("RESUME") == []
    again.send(f"PASS {number}{token}", "NICK ana")
    again.session.receive(b"USER a 0 * :A\r\n")
    irc.run()
    assert heard_of(irc, again) == []
    again.settle(lambda _request: [])
    assert len(heard_of(irc, again)) == 1
