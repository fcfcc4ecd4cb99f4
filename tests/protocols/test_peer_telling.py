"""What a peer is told of what others do: once, and nothing of what it did itself."""

import pytest

from tertulia.domain.commands.invite import Invite
from tertulia.domain.commands.kick import Kick
from tertulia.domain.commands.modes import SetModes, SetRank
from tertulia.domain.commands.part import Part
from tertulia.domain.commands.poke import Poke
from tertulia.domain.commands.profile import SetAway
from tertulia.domain.commands.rename import Rename
from tertulia.domain.commands.say import Say
from tertulia.domain.commands.topic import SetTopic
from tertulia.domain.console import console
from tertulia.domain.events import ModeChange, Style
from tertulia.domain.names import Nickname
from tertulia.domain.text import Text, message_text
from tests.protocols.peer_kit import Network
from tests.server.kit import FULL, join


@pytest.fixture
def network():
    return Network()


@pytest.fixture
def ana(network):
    """The admin of #tea."""
    return network.place.person("ana", "#tea")


@pytest.fixture
def far(network, ana):
    """A peer whose users rui and eva are in #tea; leo is nowhere."""
    link = network.linked("far.example")
    link.asks("USERS", channel="#tea", users=["rui", "eva"])
    link.asks("USERS", users=["rui", "eva", "leo"])
    assert link.got() == []
    return link


@pytest.fixture
def do(network, ana):
    """Do something as Ana."""
    return lambda intent: network.place.do(ana, intent)


@pytest.fixture
def tea(network, ana):
    return network.place.channel("#tea")


def say(target, text="hello", **more):
    return Say(target, message_text(text), **more)


def user(network, nick):
    found = network.place.state.user_named(nick)
    assert found is not None
    return found


def modes(channel, text):
    return SetModes(channel, (ModeChange(text[0] == "+", text[1]),))


# Messages


def test_a_channel_is_heard_once_however_many_are_there(network, far, do, tea):
    do(say(tea))
    do(say(tea, "again"))
    assert far.got() == ["MESSAGE ana #tea hello", "MESSAGE ana #tea again"]


def test_where_nobody_of_the_peer_is_nothing_is_heard(network, far, do):
    do(join("#other"))
    far.got()
    do(say(network.place.channel("#other")))
    assert far.got() == []


def test_direct_messages_and_those_to_everyone(network, far, ana, do):
    bob = network.place.person("bob")
    far.got()
    do(say(user(network, "rui")))
    do(say(bob.user))
    do(say("*"))
    do(say("&"))
    assert far.got() == ["MESSAGE ana rui hello", "MESSAGE ana * hello"]


@pytest.mark.parametrize(
    ("style", "text"),
    [
        (Style.NOTICE, "hello"),
        (Style.ACTION, "* ana hello"),
        (Style.REQUEST, None),
        (Style.RESPONSE, None),
    ],
)
def test_ways_of_saying_something(far, do, tea, style, text):
    do(say(tea, style=style))
    assert far.got() == ([] if text is None else [f"MESSAGE ana #tea {text}"])


def test_pokes_and_formatting(network, far, do, tea):
    do(Poke(user(network, "rui"), tea))
    do(say(tea, "\x02bold\x0304 red"))
    assert far.got() == ["MESSAGE ana #tea * ana pokes rui", "MESSAGE ana #tea bold red"]


def test_what_is_for_some_in_a_channel_is_told_to_those(network, far, do, tea):
    do(SetRank(tea, ((True, "o", user(network, "eva")), (True, "v", user(network, "rui")))))
    far.got()
    do(say(tea, status="@"))
    do(say(tea, status="+"))
    for_admins, *for_both = far.got()
    assert for_admins == "MESSAGE ana eva hello"
    assert sorted(for_both) == ["MESSAGE ana eva hello", "MESSAGE ana rui hello"]


def test_the_console_speaks_as_the_server(network, far, tea):
    network.place.hub.chat.execute(console("tea.example"), say(tea))
    assert far.got() == ["MESSAGE tea.example #tea hello"]


# Who is where


def test_coming_and_going(network, far, do, tea):
    bob = network.place.person("bob", "#tea")
    assert far.got() == ["JOIN bob #tea", "USERS ana bob"]
    network.place.do(bob, Part(tea, "no reason is told"))
    assert far.got() == ["PART bob #tea"]
    do(join("#new"))
    assert far.got() == ["JOIN ana #new", "ADMIN ana #new"]


def test_who_quits_leaves_each_channel_and_is_listed_no_more(network, far, ana, do):
    do(join("#new"))
    far.got()
    ana.end("bye")
    assert far.got() == ["PART ana #tea", "PART ana #new", "USERS"]


def test_many_who_come_are_one_list(network, far):
    near = network.linked("near.example")
    assert near.asks("USERS", users=[f"user{i}" for i in range(20)])
    assert far.got() == [" ".join(sorted(["USERS", "ana", *(f"user{i}" for i in range(20))]))]


def test_who_is_called_otherwise_leaves_and_comes(network, far, ana, do):
    do(Rename(Nickname.parse("anna")))
    assert far.got() == ["PART ana #tea", "JOIN anna #tea", "ADMIN anna #tea", "USERS anna"]


@pytest.mark.parametrize(("reason", "told"), [("too loud", " too loud"), ("", " ana")])
def test_kicks(network, far, do, tea, reason, told):
    do(Kick(tea, user(network, "rui"), reason))
    assert far.got() == [f"KICK rui #tea{told}"]
    bob = network.place.person("bob", "#tea")
    far.got()
    do(Kick(tea, bob.user, reason))
    assert far.got() == [f"KICK bob #tea{told}"]


def test_admins(network, far, do, tea):
    do(SetRank(tea, ((True, "o", user(network, "rui")),)))
    assert far.got() == ["ADMIN rui #tea"]
    do(SetRank(tea, ((False, "o", user(network, "rui")),)))
    assert far.got() == ["MESSAGE ana #tea * ana says that rui is no longer an admin of #tea"]


def test_what_has_no_op_is_told_in_words(network, far, do, tea):
    do(SetTopic(tea, Text("leaves")))
    do(modes(tea, "+m"))
    do(Invite(tea, user(network, "leo")))
    do(SetAway("lunch"))
    assert far.got() == [
        "MESSAGE ana #tea * ana set the topic of #tea: leaves",
        "MESSAGE ana #tea * ana set mode +m of #tea",
        "MESSAGE ana leo * ana invites leo to #tea",
    ]


# Hidden channels


@pytest.fixture
def secret(network, far, do):
    """A hidden channel of Ana's, of which nothing was told."""
    do(join("#secret"))
    far.got()
    do(modes(network.place.channel("#secret"), "+s"))
    assert far.got() == ["USERS #secret"]
    return network.place.channel("#secret")


def test_of_a_hidden_channel_nothing_is_told(network, far, do, secret):
    bob = network.place.person("bob", "#secret")
    assert far.got() == ["USERS ana bob"]
    network.place.do(bob, Rename(Nickname.parse("rob")))
    assert far.got() == ["USERS ana rob"]
    do(Kick(secret, bob.user))
    bob.end("bye")
    assert far.got() == ["USERS ana"]


def test_who_comes_into_a_hidden_channel_sees_who_is_there_until_they_leave(network, far, secret):
    bob = network.place.person("bob", "#secret")
    far.got()
    assert far.asks("JOIN", username="rui", channel="#secret")
    assert far.got() == ["USERS #secret ana bob", "ADMIN ana #secret"]
    assert far.asks("JOIN", username="eva", channel="#secret")
    assert far.got() == []
    network.place.do(bob, Part(secret))
    assert far.got() == ["PART bob #secret"]
    assert far.asks("PART", username="rui", channel="#secret")
    assert far.got() == []
    assert far.asks("PART", username="eva", channel="#secret")
    assert far.got() == ["USERS #secret"]


def test_who_is_kicked_out_of_a_hidden_channel_sees_no_more_of_it(network, far, do, secret):
    far.asks("JOIN", username="rui", channel="#secret")
    far.got()
    do(Kick(secret, user(network, "rui")))
    assert far.got() == ["KICK rui #secret ana", "USERS #secret"]


def test_a_user_of_the_peer_who_is_killed_sees_no_more_either(network, far, secret):
    far.asks("JOIN", username="rui", channel="#secret")
    far.got()
    network.place.hub.session_of(user(network, "rui")).end("Killed")
    assert far.got() == ["PART rui #tea", "PART rui #secret", "USERS #secret", "USERS ana"]


def test_a_channel_that_is_hidden_no_more_is_told(network, far, do, secret):
    do(modes(secret, "-s"))
    assert far.got() == ["USERS #secret ana", "ADMIN ana #secret"]


# Others like it


def test_another_peer_is_told_of_its_users_as_of_ours(network, far):
    near = network.linked("near.example")
    assert far.asks("JOIN", username="leo", channel="#tea")
    assert far.asks("MESSAGE", username="leo", target="#tea", message="hello")
    assert near.got() == ["JOIN leo #tea"]
    assert near.asks("JOIN", username="zoe", channel="#tea")
    assert far.asks("MESSAGE", username="leo", target="#tea", message="hello")
    assert far.asks("MESSAGE", username="leo", target="zoe", message="psst")
    assert near.got() == ["MESSAGE leo #tea hello", "MESSAGE leo zoe psst"]
    assert far.got() == ["JOIN zoe #tea", "USERS ana zoe"]
    near.session.end("gone")
    assert far.got() == ["PART zoe #tea", "USERS ana"]


# What the disk refuses


def test_what_is_not_written_is_not_told(network, far, do, tea):
    place = network.place
    place.log.instant = False
    do(say(tea))
    do(SetTopic(tea, Text("leaves")))
    place.run()
    place.log.fail(FULL)
    assert far.got() == []


def test_a_channel_that_could_not_be_written_is_left(network, far, ana, do):
    place = network.place
    bob = place.person("bob")
    far.got()
    place.log.instant = False
    do(join("#new"))
    place.do(bob, join("#new"))
    place.run()
    place.log.fail(FULL)
    assert far.got() == ["JOIN bob #new", "PART ana #new", "PART bob #new"]
