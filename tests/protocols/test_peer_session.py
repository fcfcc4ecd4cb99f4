"""What a peer asks for, and how it is answered."""

import pytest

from tertulia.domain.commands.modes import SetModes, SetRank
from tertulia.domain.events import ModeChange
from tertulia.protocols.peer import session as module
from tertulia.protocols.session import TokenBucket
from tests.protocols.peer_kit import OURS, Network
from tests.server.kit import FULL, join


@pytest.fixture
def network():
    return Network()


@pytest.fixture
def far(network, request):
    """A peer that is linked, after Ana came if she does."""
    if "ana" in request.fixturenames:
        request.getfixturevalue("ana")
    return network.linked("far.example")


@pytest.fixture
def ana(network):
    """Somebody of ours, the admin of #tea."""
    return network.place.person("ana", "#tea")


# Linking


def test_login_is_answered_with_our_own_and_with_who_is_where(network, ana):
    network.place.person("bob", "#tea", "#lobby")
    network.place.person("eva")
    far = network.peer()
    far.send("LOGIN", name="far.example", hash="x")
    assert far.got() == [
        "ACK",
        f"LOGIN {OURS}",
        "USERS ana bob eva",
        "CHANNELS #lobby #tea",
        "USERS #lobby bob",
        "USERS #tea ana bob",
        "ADMIN ana #tea",
    ]
    assert network.reports == [("peer linked", {"peer": "far.example", "address": "192.0.2.7"})]


def test_every_request_of_ours_has_a_hash_of_its_own(network, ana):
    far = network.peer()
    far.send("LOGIN", name="far.example", hash="x")
    ack, *ours = far.documents()
    assert ack == {"op": "ACK", "success": True, "hash": "x"}
    assert len({document["hash"] for document in ours}) == len(ours)


def test_hidden_channels_are_not_told(network, ana):
    tea = network.place.channel("#tea")
    network.place.do(ana, SetModes(tea, (ModeChange(True, "s"),)))
    far = network.peer()
    assert far.asks("LOGIN", name="far.example")
    assert far.got() == [f"LOGIN {OURS}", "USERS ana", "CHANNELS #lobby"]
    assert "no channel #tea" in far.refusal("USERS", channel="#tea")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (OURS, "name of this server"),
        (OURS.upper(), "name of this server"),
        ("near.example", "linked already"),
        ("NEAR.example", "linked already"),
        ("a b", "letters, digits"),
        ("-x", "letters, digits"),
        ("x" * 64, "letters, digits"),
        ("x" * 101, "longer than"),
        ("", "needs a name"),
    ],
)
def test_a_name_that_a_peer_cannot_have(network, name, words):
    network.linked("near.example")
    far = network.peer()
    assert words in far.refusal("LOGIN", name=name)
    assert not far.session.closing
    assert far.asks("LOGIN", name="far.example")


def test_a_peer_has_one_name(far):
    assert far.asks("LOGIN", name="FAR.example")
    assert "You are far.example" in far.refusal("LOGIN", name="other.example")
    assert far.got() == []


@pytest.mark.parametrize("op", ["MESSAGE", "JOIN", "PART", "ADMIN", "KICK", "USERS", "CHANNELS"])
def test_nothing_is_done_before_login(network, op):
    far = network.peer()
    far.send(op, hash="x", username="rui", channel="#tea", target="#tea", message="hi")
    assert far.documents() == [
        {"op": "ERROR", "hash": "x", "message": far_message(op)},
        {"op": "ACK", "hash": "x", "success": False, "message": far_message(op)},
    ]
    far.send(op)
    assert far.got() == [f"ERROR {far_message(op)}"]
    assert network.nicks() == set()


def far_message(_op):
    return "Log in first, with the op LOGIN and the name of your server"


def test_a_name_is_free_again_when_its_link_is_gone(network, far):
    far.session.eof()
    assert network.reports[-1] == (
        "peer gone",
        {"peer": "far.example", "reason": "Connection closed"},
    )
    network.linked("far.example")


# Its users


@pytest.mark.parametrize("key", ["userList", "users"])
def test_who_is_listed_is_here(network, far, ana, key):
    assert far.asks("USERS", **{key: ["rui", "eva"]})
    assert network.nicks() == {"ana", "rui", "eva"}
    rui = network.place.state.user_named("rui")
    assert (rui.protocol, rui.host, rui.secure) == ("peer", "far.example", False)
    assert rui.face.mask == "rui!peer@far.example"
    assert far.got() == []


def test_who_is_listed_no_more_is_gone_but_for_those_in_channels(network, far):
    far.asks("USERS", users=["rui", "eva", "leo"])
    far.asks("JOIN", username="leo", channel="#tea")
    assert far.asks("USERS", users=["eva"])
    assert network.nicks() == {"eva", "leo"}
    assert far.asks("PART", username="leo", channel="#tea")
    assert network.nicks() == {"eva", "leo"}
    assert far.asks("USERS", users=[])
    assert network.nicks() == set()


def test_who_cannot_be_taken_does_not_keep_out_the_others(network, far, ana):
    reason = far.refusal("USERS", users=["ANA", "rui", "9lives", "a b", "", "eva"])
    assert "ANA is already in use" in reason and "'9lives' is not a valid" in reason
    assert network.nicks() == {"ana", "rui", "eva"}


def test_not_all_that_was_wrong_is_said(far, ana):
    reason = far.refusal("USERS", users=["ana"] * 12)
    assert reason.endswith("; and 7 more")


def test_a_list_of_a_channel_is_who_of_the_peer_is_in_it(network, far, ana):
    assert far.asks("USERS", channel="#tea", users=["rui", "eva"])
    assert network.inside("#tea") == {"ana", "rui", "eva"}
    assert far.asks("USERS", channel="#tea", users=["eva", "leo"])
    assert network.inside("#tea") == {"ana", "eva", "leo"}
    assert network.nicks() == {"ana", "rui", "eva", "leo"}
    assert far.asks("USERS", channel="#nowhere", users=[])
    assert network.place.state.channel_named("#nowhere") is None
    assert "not a valid name" in far.refusal("USERS", channel="#a b", users=["rui"])


def test_a_peer_has_only_so_many_users(network, far, monkeypatch):
    monkeypatch.setattr(module, "USERS_MOST", 3)
    assert "3 users" in far.refusal("USERS", users=["a", "b", "c", "d"])
    assert "3 users" in far.refusal("MESSAGE", username="e", target="*", message="hi")
    assert network.nicks() == {"a", "b", "c"}


def test_a_long_list_is_taken_bit_by_bit(network, far, monkeypatch):
    monkeypatch.setattr(module, "_SLICE", 10)
    far.send("USERS", hash="x", users=[f"user{i}" for i in range(45)])
    assert len(network.nicks()) == 10
    assert far.got() == ["ACK"]
    assert len(network.nicks()) == 45


def test_a_peer_that_goes_takes_its_users_along(network, far, ana):
    far.asks("JOIN", username="rui", channel="#tea")
    far.asks("USERS", users=["eva"])
    ana.got()
    far.session.end("Connection lost")
    network.place.settle()
    assert network.nicks() == {"ana"}
    assert ana.got() == ["Gone(rui)"]
    assert far.got() == ["DISCONNECT Connection lost"]


def test_who_is_killed_here_is_told_to_the_peer(network, far, ana):
    far.asks("JOIN", username="rui", channel="#tea")
    far.got()
    network.place.hub.session_of(network.place.state.user_named("rui")).end("Killed")
    assert far.got() == ["PART rui #tea", "USERS ana"]
    assert not far.session.closing
    assert far.asks("JOIN", username="rui", channel="#tea")
    assert network.inside("#tea") == {"ana", "rui"}


# Messages


def test_what_is_said_in_a_channel_is_heard_there(network, far, ana):
    far.asks("JOIN", username="rui", channel="#tea")
    ana.got()
    for field in ("username", "name", "user"):
        assert far.asks("MESSAGE", target="#tea", message="hello", **{field: "rui"})
    assert ana.got() == ["Spoken(rui hello)"] * 3
    assert far.got() == []


def test_direct_messages_and_those_to_everyone(network, far, ana):
    assert far.asks("MESSAGE", username="rui", target="ana", message="psst")
    assert far.asks("MESSAGE", username="rui", target="*", message="all")
    assert ana.got() == ["Spoken(rui psst)", "Spoken(rui all)"]
    assert network.nicks() == {"ana", "rui"}


def test_what_is_for_those_on_the_peer_is_not_shown_here(network, far, ana):
    assert far.asks("MESSAGE", username="rui", target="&", message="you there")
    assert ana.got() == []
    assert network.nicks() == {"ana"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"target": "#nowhere"}, "no channel #nowhere"),
        ({"target": "#tea"}, "Cannot send to #tea"),
        ({"target": "nobody"}, "no user nobody"),
        ({"target": "ana", "message": " "}, "no text"),
        ({"target": "ana", "message": "x" * 5000}, "longer than"),
        ({"target": "ana", "username": "ana"}, "already in use"),
        ({"target": "ana", "username": "9"}, "not a valid name"),
        ({"target": "ana", "username": ""}, "needs a name"),
        ({"target": ""}, "needs a target"),
        ({"target": "ana", "message": None}, "needs a message"),
    ],
)
def test_a_message_that_is_refused_brings_nobody_here(network, far, ana, fields, words):
    request = {"username": "rui", "message": "hello", **fields}
    assert words in far.refusal("MESSAGE", **request)
    assert network.nicks() == {"ana"}
    assert ana.got() == []


def test_who_is_here_stays_when_something_is_refused(network, far, ana):
    far.asks("USERS", users=["rui"])
    far.refusal("MESSAGE", username="rui", target="#tea", message="hello")
    assert network.nicks() == {"ana", "rui"}


def test_nobody_speaks_for_users_of_others(network, far, ana):
    near = network.linked("near.example")
    near.asks("USERS", users=["eva"])
    for op in ("MESSAGE", "JOIN"):
        for nick in ("ana", "eva"):
            request = {"target": "*", "message": "x", "channel": "#tea"}
            assert "already in use" in far.refusal(op, username=nick, **request)
    assert "no user eva" in far.refusal("PART", username="eva", channel="#tea")


# Channels


@pytest.mark.parametrize("channel", ["#tea", "tea", "#TEA"])
@pytest.mark.parametrize("field", ["username", "user", "name"])
def test_coming_and_going(network, far, ana, channel, field):
    ana.got()
    assert far.asks("JOIN", channel=channel, **{field: "rui"})
    assert far.asks("JOIN", channel=channel, **{field: "rui"})
    assert network.inside("#tea") == {"ana", "rui"}
    assert far.asks("PART", channel=channel, **{field: "rui"})
    assert ana.got() == ["Entered(rui)", "Departed(rui)"]
    assert "not in #tea" in far.refusal("PART", channel=channel, **{field: "rui"})
    assert far.got() == []


def test_who_makes_a_channel_is_its_admin_and_the_peer_is_told(network, far):
    assert far.asks("JOIN", username="rui", channel="#new")
    assert far.got() == ["ADMIN rui #new"]


@pytest.mark.parametrize("field", ["password", "pass"])
def test_passwords(network, far, field):
    assert far.asks("JOIN", username="rui", channel="#key", **{field: "secret"})
    assert network.place.channel("#key").key == "hash of secret"
    for wrong in ({}, {field: "wrong"}):
        assert "password" in far.refusal("JOIN", username="eva", channel="#key", **wrong)
    assert network.nicks() == {"rui"}
    assert far.asks("JOIN", username="eva", channel="#key", **{field: "secret"})


def test_admins_act_through_the_peer(network, far, ana):
    for nick in ("rui", "eva"):
        far.asks("JOIN", username=nick, channel="#tea")
    tea = network.place.channel("#tea")
    assert "None of your users" in far.refusal("KICK", username="ana", channel="#tea")
    assert "None of your users" in far.refusal("ADMIN", username="eva", channel="#tea")
    network.place.do(ana, SetRank(tea, ((True, "o", network.place.state.user_named("rui")),)))
    network.place.settle()
    far.got()
    ana.got()
    assert far.asks("ADMIN", username="eva", channel="#tea")
    assert far.asks("ADMIN", username="eva", channel="#tea")
    assert far.asks("KICK", user="ana", channel="tea", message="enough")
    assert ana.got() == ["ModesChanged(rui)", "Expelled(rui)"]
    assert network.inside("#tea") == {"rui", "eva"}
    assert far.asks("KICK", username="rui", channel="#tea")
    assert far.asks("KICK", username="eva", channel="#tea")
    assert network.inside("#tea") == set()
    assert far.got() == []
    assert "no channel #no" in far.refusal("KICK", username="ana", channel="#no")
    assert "no user nobody" in far.refusal("ADMIN", username="nobody", channel="#tea")


# Questions


def test_lists_can_be_asked_for(network, far, ana):
    far.asks("JOIN", username="rui", channel="#tea")
    far.got()
    assert far.asks("USERS")
    assert far.asks("USERS", channel="#tea")
    assert far.asks("CHANNELS")
    assert far.got() == ["USERS ana", "USERS #tea ana", "ADMIN ana #tea", "CHANNELS #lobby #tea"]
    assert "no channel #no" in far.refusal("USERS", channel="#no")


def test_a_list_of_channels_makes_none(network, far):
    assert far.asks("CHANNELS", channelList=["#a", "#b"])
    assert far.asks("CHANNELS", channels=[])
    assert set(network.place.state.channels) == {"#lobby"}
    assert far.got() == []


# What is written, and what is not


def test_it_is_done_when_it_is_on_disk(network, far, ana):
    place = network.place
    place.log.instant = False
    far.send("MESSAGE", username="rui", target="ana", message="hello", hash=7)
    place.run()
    assert ana.got() == [] and far.wire == b""
    place.log.commit()
    place.run()
    assert ana.got() == ["Spoken(rui hello)"]
    assert far.documents() == [{"op": "ACK", "success": True, "hash": 7}]


@pytest.mark.parametrize(
    ("op", "fields", "words"),
    [
        ("MESSAGE", {"target": "ana", "message": "hello"}, "was not sent"),
        ("JOIN", {"channel": "#new"}, "was not created"),
        ("USERS", {"channel": "#new", "users": ["rui", "eva"]}, "was not created"),
    ],
)
def test_what_the_disk_refuses_was_not_done(network, far, ana, op, fields, words):
    place = network.place
    place.log.instant = False
    far.send(op, username="rui", hash="h", **fields)
    place.run()
    place.log.fail(FULL)
    place.settle()
    acks = [d for d in far.documents() if d["op"] == "ACK"]
    [ack] = acks
    assert (ack["hash"], ack["success"]) == ("h", False)
    assert words in ack["message"] and "disk" in ack["message"]
    assert ana.got() == []
    assert network.place.state.channel_named("#new") is None
    if op != "USERS":
        assert network.nicks() == {"ana"}
    assert far.asks(op, username="rui", **fields)


def test_without_a_hash_only_what_is_wrong_is_said(network, far, ana):
    far.send("MESSAGE", username="rui", target="ana", message="hello")
    far.send("MESSAGE", username="rui", target="eva", message="hello")
    assert far.got() == ["ERROR There is no user eva"]


# What is wrong


@pytest.mark.parametrize(
    ("data", "words", "acks"),
    [
        (b'{"op":"POKE","hash":"h"}\n', "There is no op 'POKE'", 1),
        (b'{"op":"login","hash":"h"}\n', "There is no op 'login'", 1),
        (b'{"op":"USERS","hash":"h","users":[1]}\n', "must be texts, not a number", 1),
        (b'{"op":"USERS","hash":"h","users":"rui"}\n', "must be a list of texts, not a text", 1),
        (b'{"op":"JOIN","hash":"h","channel":7}\n', "must be a text, not a number", 1),
        (b'{"op":"JOIN","hash":"h","username":"rui"}\n', "JOIN needs a channel", 1),
        (b'{"op":"JOIN","hash":"h"}\n', "JOIN needs a name", 1),
        (b'{"hash":"h"}\n', "field op", 1),
        (b'{"op":"JOIN"\n}}\n', "JOIN needs", 0),
        (b"[1,2]\n", "JSON object", 0),
        (b"hello\n", "not JSON", 0),
        (b'{"op":"JOIN","hash":"%s"}\n' % (b"h" * 200), "A hash has at most", 0),
        (b'{"op":"USERS","hash":"h","users":[%s"z"]}' % (b'"a",' * 2000), "at most 2000 names", 1),
    ],
)
def test_what_is_wrong_is_said_and_the_link_stays(network, far, data, words, acks):
    far.raw(data)
    documents = far.documents()
    assert words in documents[0]["message"] and documents[0]["op"] == "ERROR"
    answered = [d for d in documents if d["op"] == "ACK"]
    assert [(d["hash"], d["success"]) for d in answered] == [("h", False)] * acks
    assert network.nicks() == set()
    assert far.asks("USERS", users=["rui"])


def test_documents_need_no_newline_between_them(network, far):
    far.raw(b'{"op":"USERS","users":["rui"],"hash":1}{"op":"USERS","users":[],"hash":2}')
    assert [d["hash"] for d in far.documents()] == [1, 2]
    assert network.nicks() == set()


def test_who_speaks_no_json_at_all_is_sent_away(far):
    for _ in range(module.STRIKES):
        far.raw(b"GET LOST\n")
    assert far.session.closing
    assert far.got()[-1].startswith("DISCONNECT 20 messages in a row could not be read")


def test_what_is_never_answered(network, far):
    for op in ("ACK", "ERROR"):
        far.send(op, hash="x", message="m", success=False)
    far.send("ACK")
    assert far.got() == []
    assert network.place.hub.left_alone == {
        ("peer", "refused by a peer"): 1,
        ("peer", "error from a peer"): 1,
    }


def test_goodbye(network, far):
    far.asks("USERS", users=["rui"])
    far.send("DISCONNECT", message="bye")
    assert far.session.closing
    assert far.got() == []
    assert network.nicks() == set()


# Answers to us


def test_refusals_are_counted_and_harm_nobody(network, far, ana):
    far.asks("JOIN", username="rui", channel="#tea")
    far.got()
    network.place.person("bob", "#tea")
    for document in far.documents():
        far.send("ACK", hash=document["hash"], success=False)
    assert network.place.hub.left_alone == {("peer", "refused by a peer"): 2}
    assert not far.session.closing


def test_what_is_not_answered_is_forgotten_in_the_end(network, far, ana, monkeypatch):
    monkeypatch.setattr(module, "UNANSWERED_MOST", 10)
    for i in range(30):
        network.place.do(ana, join(f"#channel{i}"))
    documents = far.documents()
    assert len(documents) == 60
    assert len(far.session._unanswered) == 10
    for document in documents:
        far.send("ACK", hash=document["hash"], success=True)
    assert far.session._unanswered == {}
    assert far.got() == []


# Limits


def test_a_peer_that_does_not_log_in_is_not_waited_for():
    network = Network(login_s=30)
    far = network.peer()
    far.session.tick(far.shell.now() + 29)
    assert not far.session.closing
    far.session.tick(far.shell.now() + 30)
    assert far.got() == ["DISCONNECT No server logged in within 30 seconds"]


def test_a_peer_that_is_silent_is_asked_and_then_given_up(network):
    far = network.linked()
    start = far.shell.now()
    far.session.last_heard = start
    far.session.tick(start + 121)
    far.session.tick(start + 125)
    assert far.got() == ["CHANNELS #lobby"]
    far.send("ACK", hash="9", success=True)
    far.session.last_heard = start + 126
    far.session.tick(start + 300)
    assert far.got() == ["CHANNELS #lobby"]
    far.session.tick(start + 126 + 241)
    assert far.session.closing


def test_a_peer_may_say_more_than_a_client_but_not_everything(network):
    network = Network(requests_per_second=10, requests_burst=20)
    far = network.peer(TokenBucket(1, 2))
    far.send("LOGIN", name="far.example")
    for _ in range(50):
        far.send("CHANNELS", channels=[])
    assert far.shell.held
    network.place.loop.advance(10)
    assert not far.shell.held


def test_a_document_is_only_so_long():
    network = Network(document_bytes=1000)
    far = network.linked()
    far.raw(b'{"op":"USERS","users":["' + b"x" * 2000)
    assert far.got() == ["ERROR A message has at most 1000 bytes"]
    far.raw(b'"]}\n')
    assert far.asks("USERS", users=["rui"])
