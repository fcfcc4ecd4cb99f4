"""Coming to servers, ours and others: capabilities, identities, nicknames, losses."""

from __future__ import annotations

import base64

from tertulia.client.session import events as ev
from tertulia.client.session import intents as i
from tertulia.client.session.events import State
from tertulia.client.session.settings import Credential
from tests.client.session_kit import HERE, MODERN, OURS, THERE, Table, table

ANA = Credential("0123456789012", "secret")


def plain(credential: Credential) -> str:
    text = f"{credential.number}\0{credential.number}\0{credential.token}"
    return base64.b64encode(text.encode()).decode()


def test_a_server_that_knows_no_capabilities() -> None:
    one = Table()
    assert one.open() == ["CAP LS 302", "NICK ana", "USER user 0 * ana"]
    one.says(":irc.example 421 ana CAP :Unknown command", ":irc.example 001 ana :Welcome")
    one.says(":irc.example 422 ana :no MOTD")
    assert one.session.state is State.ONLINE
    assert one.took(ev.Welcome) == [ev.Welcome("ana", "")]


def test_only_what_is_offered_and_wanted_is_asked_for() -> None:
    one = Table(caps=f"{MODERN} sasl=PLAIN unheard/of")
    one.open()
    asked = one.negotiate()
    [request] = [line for line in asked if line.startswith("CAP REQ")]
    assert set(request.removeprefix("CAP REQ :").split()) == set(MODERN.split())
    assert asked[-1] == "CAP END"


def test_where_all_is_refused_each_is_asked_for_alone() -> None:
    one = Table(caps=MODERN)
    one.open()
    [request] = one.says(f":irc.example CAP * LS :{MODERN}")
    names = request.removeprefix("CAP REQ :")
    assert one.says(f":irc.example CAP * NAK :{names}") == [f"CAP REQ {n}" for n in names.split()]
    for name in names.split()[:-1]:
        assert one.says(f":irc.example CAP * ACK :{name}") == []
    assert one.says(f":irc.example CAP * NAK :{names.split()[-1]}") == ["CAP END"]


def test_an_identity_is_asked_for_and_kept() -> None:
    one = Table(caps=OURS, wants_identity=True)
    one.come()
    one.take()
    assert "IDENTITY SERVERS" not in one.got()
    # The other servers of the network know it, too.
    assert one.says(":irc.example IDENTITY ana 0123456789012 :secret") == ["IDENTITY SERVERS"]
    assert one.took(ev.Issued) == [ev.Issued("0123456789012", "secret", "5e1f")]
    one.session.lost()
    one.open()
    assert "AUTHENTICATE PLAIN" in one.negotiate()
    assert one.says("AUTHENTICATE +") == [f"AUTHENTICATE {plain(ANA)}"]
    assert one.says(":irc.example 903 * :ok")[-1] == "CAP END"


def test_an_identity_is_shown_only_to_the_server_that_knows_it() -> None:
    for server, is_shown in (("5e1f", True), ("beef", False)):
        one = Table(caps=OURS, identities={server: ANA})
        one.open()
        assert ("AUTHENTICATE PLAIN" in one.negotiate()) is is_shown


def test_other_servers_that_know_the_identity_are_remembered() -> None:
    one = Table(caps=OURS, identities={"5e1f": ANA})
    one.open()
    one.negotiate()
    one.says("AUTHENTICATE +", ":irc.example 903 * :ok", ":irc.example 001 ana :Welcome")
    assert "IDENTITY SERVERS" in one.says(":irc.example 422 ana :no MOTD")
    one.says(":irc.example IDENTITY ana SERVER beef :other.example")
    assert one.took(ev.KnownAt) == [ev.KnownAt(ANA.number, "beef", "other.example")]
    assert one.session.settings.identities["beef"] == ANA


def test_a_refused_identity_ends_it_on_ours_and_not_elsewhere() -> None:
    one = Table(caps=OURS, identities={"5e1f": ANA})
    one.open()
    one.negotiate()
    one.says("AUTHENTICATE +", ":irc.example 904 * :no")
    assert one.session.state is State.OFFLINE
    assert one.took(ev.CredentialRefused) == [ev.CredentialRefused("no")]
    other = Table(caps=f"{MODERN} sasl", credential=ANA)
    other.open()
    other.negotiate()
    assert other.says("AUTHENTICATE +", ":irc.example 904 * :no")[-1] == "CAP END"
    assert other.session.state is State.REGISTERING


def test_another_nickname_is_tried_and_the_own_one_again_later() -> None:
    one = Table()
    one.open()
    assert one.says(":irc.example 433 * ana :in use") == ["NICK ana_"]
    one.says(":irc.example 001 ana_ :Welcome", ":irc.example 422 ana_ :no MOTD")
    assert one.session.nick == "ana_"
    one.says(":irc.example PONG irc.example lag-1")
    one.clock.seconds += 60
    one.session.tick()
    assert "NICK ana" in one.got()
    one.says(":ana_!u@h NICK ana")
    assert one.session.nick == "ana"
    one.says(":irc.example PONG irc.example lag-2")
    one.clock.seconds += 60
    one.session.tick()
    assert one.session.state is State.ONLINE
    assert "NICK ana" not in one.got()


def test_the_same_server_is_tried_and_then_the_others_in_turn() -> None:
    one = Table(addresses=(HERE, THERE))
    one.come()
    one.session.lost("reset")
    assert one.dial() == HERE
    one.session.unreachable("no route")
    assert one.dial() == THERE
    one.session.unreachable("no route")
    assert one.dial() == HERE


def test_the_pauses_grow_and_have_an_end() -> None:
    one = Table()
    pauses = []
    for _ in range(14):
        one.dial()
        one.session.unreachable("refused")
        assert one.session.retry_at is not None
        pauses.append(one.session.retry_at - one.clock.now())
    assert pauses[0] < 1
    assert 40 < pauses[-1] < 80
    one.session.do(i.Reconnect())
    assert one.session.retry_at == one.clock.now()


def test_a_server_that_answers_nothing_is_given_up() -> None:
    one = Table()
    one.come()
    one.settle()
    for _ in range(10):
        one.clock.seconds += 30
        one.session.tick()
    assert one.session.state is State.WAITING
    [*_, last] = one.took(ev.StateChanged)
    assert last.why == "the server does not answer"


def test_a_server_that_never_welcomes_is_given_up() -> None:
    one = Table()
    one.open()
    one.clock.seconds += 31
    one.session.tick()
    assert one.session.state is State.WAITING


def test_whoever_comes_with_the_same_identity_elsewhere_is_not_fought() -> None:
    one = Table(caps=OURS)
    one.come()
    one.says("ERROR :Closing link: Connected again from elsewhere")
    one.session.lost()
    assert one.session.state is State.OFFLINE


def test_the_channels_are_joined_again() -> None:
    one = table(channels=("#tea",))
    one.enter("#coffee")
    one.session.do(i.Join("#water", "key"))
    one.session.lost()
    assert not one.buffer("#coffee").is_joined
    sent = one.come()
    assert "JOIN #water,#tea,#coffee key" in sent


def test_a_channel_that_cannot_be_entered_is_not_tried_again() -> None:
    one = table(channels=("#tea",))
    one.says(":irc.example 475 ana #tea :bad key")
    assert one.took(ev.Refused) == [ev.Refused("475", "bad key", "#tea")]
    one.session.lost()
    assert not [line for line in one.come() if line.startswith("JOIN")]


def test_being_away_lasts_over_a_loss() -> None:
    one = table()
    one.session.do(i.Away("lunch"))
    one.says(":irc.example 306 ana :away")
    assert one.session.is_away
    one.session.lost()
    assert "AWAY lunch" in one.come()


def test_what_was_asked_before_is_done() -> None:
    one = table()
    one.session.do(i.Who("#tea"))
    one.session.do(i.Sync("1"))
    assert one.got() == ["WHO #tea", "PING sync-1"]
    one.says(":irc.example PONG irc.example sync-1")
    assert one.took(ev.Synced) == [ev.Synced("1")]


def test_the_lag_is_known() -> None:
    one = Table()
    one.come()
    one.clock.seconds += 0.25
    one.says(":irc.example PONG irc.example lag-1")
    assert one.session.lag_s == 0.25
