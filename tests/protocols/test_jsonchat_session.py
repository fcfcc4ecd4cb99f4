"""What each op does, in both dialects."""

import pytest

from tertulia.domain.commands.invite import Invite
from tertulia.domain.commands.join import Join
from tertulia.domain.commands.modes import SetModes
from tertulia.domain.commands.profile import SetAway
from tertulia.domain.commands.rename import Rename
from tertulia.domain.commands.say import Say
from tertulia.domain.commands.topic import SetTopic
from tertulia.domain.events import ChannelEnded, ModeChange, Said, Style
from tertulia.domain.names import ChannelName, Nickname
from tertulia.domain.text import TEXT_BYTES, message_text
from tertulia.protocols.jsonchat import Dialect, JsonConfig
from tertulia.protocols.jsonchat.documents import cut_frames
from tertulia.protocols.session import Peer, TokenBucket
from tests.protocols.jsonchat_kit import FRAME, Client, Core, Program, logged_in

CLASSIC, DISCOVERY = Dialect.CLASSIC, Dialect.DISCOVERY
BOTH = pytest.mark.parametrize("dialect", [CLASSIC, DISCOVERY])


@pytest.fixture
def core():
    return Core()


@pytest.fixture
def ana(core):
    return logged_in(core, DISCOVERY, "Ana")


@pytest.fixture
def bea(core):
    return logged_in(core, DISCOVERY, "Bea")


@pytest.fixture
def old(core):
    """Somebody with the classic client."""
    return logged_in(core, CLASSIC, "Old")


def joined(channel, *clients, **fields):
    for client in clients:
        client.send("JOIN", channel=channel, **fields)
    for client in clients:
        client.got()


def told(documents):
    """The ops, or the sentences, of some documents."""
    return [document.get("message", document["op"]) for document in documents]


def error(documents):
    """The sentence of the one document, which is an error."""
    [document] = documents
    assert document["op"] == "ERROR"
    return document["message"]


# Coming


def test_the_classic_dialect_greets_and_the_other_does_not(core):
    client = Client(core, CLASSIC)
    assert client.shell.frames is cut_frames
    [greeting] = client.got()
    assert greeting["message"]
    assert "name" not in greeting
    assert Client(core, DISCOVERY).got() == []


def test_login(core):
    client = Client(core, CLASSIC)
    assert client.asks("LOGIN", name="ANA") == [{"op": "LOGIN", "name": "ana"}]
    assert Client(core, DISCOVERY).asks("LOGIN", name="Bea") == []
    assert {user.nick.text for user in core.state.users.values()} == {"ANA", "Bea"}
    user = core.state.user_named("ana")
    assert (user.protocol, user.host, user.secure) == ("json", "192.0.2.1", False)


def test_a_host_that_begins_with_a_colon_would_break_irc(core):
    client = Client(core, DISCOVERY)
    client.shell.peer = Peer("::1", 40_000)
    client.send("LOGIN", name="ana")
    assert core.state.user_named("ana").face.mask == "ana!json@0::1"


@pytest.mark.parametrize("field", ["name", "username", "user"])
def test_login_with_any_spelling(core, field):
    client = Client(core, CLASSIC)
    assert client.asks("LOGIN", **{field: "Ana"}) == [{"op": "LOGIN", "name": "ana"}]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ana", "already in use"),
        ("ANA", "already in use"),
        ("a b", "not a valid name"),
        ("9lives", "not a valid name"),
        ("*", "not a valid name"),
        ("a\nb", "not a valid name"),
    ],
)
def test_a_name_that_cannot_be_had(core, name, words):
    logged_in(core, DISCOVERY, "Ana")
    classic = Client(core, CLASSIC)
    assert words in error(classic.asks("LOGIN", name=name))
    assert not classic.shell.closed
    assert classic.asks("LOGIN", name="other") == [{"op": "LOGIN", "name": "other"}]
    discovery = Client(core, DISCOVERY)
    [document] = discovery.asks("LOGIN", name=name)
    assert document["op"] == "DISCONNECT"
    assert words in document["message"]
    assert discovery.shell.closed


@BOTH
@pytest.mark.parametrize("fields", [{}, {"name": ""}, {"name": "x" * 200}])
def test_a_login_that_says_no_name_is_an_error(core, dialect, fields):
    client = Client(core, dialect)
    assert "name" in error(client.asks("LOGIN", **fields))
    assert not client.shell.closed


@BOTH
@pytest.mark.parametrize("op", ["MESSAGE", "JOIN", "PART", "ADMIN", "KICK", "USERS", "CHANNELS"])
def test_nothing_works_before_the_login(core, dialect, op):
    client = Client(core, dialect)
    fields = {"channel": "#a", "target": "*", "message": "x", "user": "x"}
    assert error(client.asks(op, **fields)).startswith("Log in first")
    assert core.events == []


def test_another_login_is_another_name(core, ana, old):
    joined("#a", ana, old)
    assert ana.asks("LOGIN", name="Eva") == [
        {"op": "MESSAGE", "name": "*", "username": "*", "target": ""}
        | {"message": "Ana is now called Eva"}
    ]
    assert told(old.got()) == ["ana is now called eva"]
    assert "in use" in error(ana.asks("LOGIN", name="old"))
    assert not ana.shell.closed


def test_who_never_logs_in_is_told_and_gone(core):
    client = Client(core, DISCOVERY, JsonConfig(login_s=10))
    client.session.tick(9.9)
    assert not client.shell.closed
    client.session.tick(10)
    assert client.got()[0]["op"] == "DISCONNECT"
    assert client.shell.closed


def test_who_logged_in_stays(ana):
    ana.session.tick(1e9)
    assert not ana.shell.closed


# Speaking


def test_a_message_in_a_channel_comes_back(ana, bea, old):
    joined("#Tea", ana, bea, old)
    document = {"op": "MESSAGE", "name": "Ana", "username": "Ana", "target": "#Tea"}
    document["message"] = "hello"
    assert ana.asks("MESSAGE", target="#tea", message="hello") == [document]
    assert bea.got()[-1:] == [document]
    folded = {**document, "name": "ana", "username": "ana", "target": "#tea"}
    assert old.got() == [folded]


@pytest.mark.parametrize("target", ["*", "&"])
def test_a_message_to_everyone_comes_back(ana, bea, target):
    [document] = ana.asks("MESSAGE", target=target, message="hello")
    assert (document["target"], document["message"]) == (target, "hello")
    assert bea.got() == [document]


def test_a_direct_message_does_not_come_back(core, ana, bea, old):
    assert ana.asks("MESSAGE", target="bea", message="psst") == []
    [document] = bea.got()
    assert (document["name"], document["target"], document["message"]) == ("Ana", "Bea", "psst")
    assert ana.asks("MESSAGE", target="OLD", message="psst") == []
    [document] = old.got()
    assert (document["name"], document["target"], document["message"]) == ("ana", "§§", "psst")


def test_a_direct_message_by_number(core, ana, bea):
    ana.send("MESSAGE", target=core.state.user_named("bea").number, message="psst")
    assert told(bea.got()) == ["psst"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"target": "nobody", "message": "x"}, "There is no user nobody"),
        ({"target": "0000000000000", "message": "x"}, "There is no user"),
        ({"target": "#nowhere", "message": "x"}, "There is no channel #nowhere"),
        ({"target": "#tea", "message": ""}, "There is no text"),
        ({"target": "#tea", "message": "\x00\x01"}, "There is no text"),
        ({"target": "#tea", "message": "x" * (TEXT_BYTES + 1)}, "longer than"),
        ({"target": "#tea"}, "needs a message"),
        ({"message": "x"}, "needs a target"),
        ({"target": "#coffee", "message": "x"}, "you are not in it"),
        ({"target": "x" * 200, "message": "x"}, "The target is longer"),
        ({"target": "#tea", "message": "x", "id": "x" * 65}, "id of a message"),
    ],
)
def test_a_message_that_cannot_be_sent(ana, bea, fields, words):
    joined("#tea", ana)
    joined("#coffee", bea)
    assert words in error(ana.asks("MESSAGE", **fields))
    assert bea.got() == []


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("two\r\nlines", "two  lines"),
        ('{"op":"DISCONNECT"}', '{"op":"DISCONNECT"}'),
        ("nul\0 and\u2028more", "nul and more"),
        ("\x1b[31mred", "[31mred"),
        ("!nick x /quit", "!nick x /quit"),
    ],
)
def test_a_text_is_never_more_than_a_text(ana, bea, text, heard):
    joined("#tea", ana, bea)
    assert told(ana.asks("MESSAGE", target="#tea", message=text)) == [heard]


def test_a_long_text_is_several_documents_for_old_clients(core, ana):
    program = logged_in(core, DISCOVERY, "prog", Program)
    joined("#tea", ana, program)
    ana.got()
    text = 'long \\words" ' * 200
    program.send("MESSAGE", target="#tea", message=text)
    assert told(program.got()) == [text]
    documents = ana.got()
    assert len(documents) > 2
    assert "".join(told(documents)) == text


def test_what_others_say_in_their_way(core, ana):
    joined("#tea", ana)
    user = core.user("Irc")
    core.do(user, Join(ChannelName.parse("#tea")))
    for style in (Style.ACTION, Style.NOTICE, Style.REQUEST):
        core.do(user, Say(core.channel("#tea"), message_text("\x02waves"), style))
    assert told(ana.got()) == ["JOIN", "* Irc waves", "waves"]


def test_what_others_do_in_their_way(core, ana, old):
    joined("#tea", ana, old)
    user = core.user("Irc")
    core.do(user, Join(ChannelName.parse("#tea")))
    ana.send("ADMIN", channel="#tea", user="irc")
    assert told(ana.got()) == ["JOIN", "ADMIN"]
    channel = core.channel("#tea")
    core.do(user, SetTopic(channel, "tea"))
    core.do(user, SetModes(channel, (ModeChange(True, "m"),)))
    core.do(user, SetAway("lunch"))
    core.do(user, Invite(channel, core.user("Eva")))
    core.do(user, Rename(Nickname.parse("Ira")))
    sentences = [
        "irc set the topic of #tea: tea",
        "irc set mode +m of #tea",
        "irc is away: lunch",
        "irc invites eva to #tea",
        "irc is now called ira",
    ]
    assert told(old.got())[-5:] == sentences
    assert [sentence.lower() for sentence in told(ana.got())] == sentences


# Channels


@pytest.mark.parametrize("name", ["#tea", "tea", "#TEA"])
def test_who_makes_a_channel_is_its_admin(core, name):
    ana, old = logged_in(core, DISCOVERY, "Ana"), logged_in(core, CLASSIC, "Old")
    about = {"user": "Ana", "username": "Ana", "channel": "#" + name.lstrip("#")}
    assert ana.asks("JOIN", channel=name) == [{"op": "JOIN", **about}, {"op": "ADMIN", **about}]
    assert told(old.asks("JOIN", channel=name.upper())) == ["old joined #tea"]
    assert told(ana.got()) == ["JOIN"]
    assert told(old.asks("JOIN", channel="mine")) == [
        "old joined #mine",
        "old is an admin of #mine",
    ]


def test_the_topic_is_told_to_who_comes(core, ana, old):
    joined("#Tea", ana)
    core.do(core.state.user_named("ana"), SetTopic(core.channel("#tea"), "tea\x0304!"))
    assert told(old.asks("JOIN", channel="#tea"))[-1] == "The topic of #tea is: tea!"
    bea = logged_in(core, DISCOVERY, "Bea")
    [_, topic] = bea.asks("JOIN", channel="#tea")
    assert (topic["target"], topic["message"]) == ("#Tea", "The topic of #Tea is: tea!")


@pytest.mark.parametrize("field", ["password", "pass"])
def test_a_password(core, ana, bea, field):
    assert told(ana.asks("JOIN", channel="#safe", **{field: "secret"})) == ["JOIN", "ADMIN"]
    assert core.channel("#safe").key == "hash of secret"
    assert "missing or wrong" in error(bea.asks("JOIN", channel="#safe"))
    assert "missing or wrong" in error(bea.asks("JOIN", channel="#safe", **{field: "wrong"}))
    assert told(bea.asks("JOIN", channel="#safe", **{field: "secret"})) == ["JOIN"]


def test_a_password_for_a_channel_without_one_is_no_matter(ana, bea):
    joined("#tea", ana)
    assert told(bea.asks("JOIN", channel="#tea", password="x")) == ["JOIN"]
    assert told(bea.asks("JOIN", channel="#lobby", password="x")) == ["JOIN"]


def test_a_channel_that_begins_while_its_password_is_hashed(core, ana, bea):
    ana.session.receive(b'{"op":"JOIN","channel":"#safe","password":"hers"}')
    bea.send("JOIN", channel="#safe", password="mine")
    ana.shell.settle()
    assert "missing or wrong" in error(ana.got())
    assert core.channel("#safe").key == "hash of mine"


def test_a_channel_that_ends_while_a_password_is_verified(core, ana, bea):
    joined("#safe", ana, password="secret")
    safe = core.channel("#safe")
    bea.session.receive(b'{"op":"JOIN","channel":"#safe","password":"other"}')
    ana.asks("PART", channel="#safe")
    core.chat.record([ChannelEnded("#safe", safe.incarnation)])
    bea.shell.settle()
    assert told(bea.got()) == ["JOIN", "ADMIN"]
    assert core.channel("#safe").key == "hash of other"


def test_who_is_gone_while_a_password_is_hashed(core, ana):
    ana.session.receive(b'{"op":"JOIN","channel":"#safe","password":"hers"}')
    ana.session.eof()
    ana.shell.settle()
    assert core.state.channel_named("#safe") is None


@pytest.mark.parametrize("name", ["#a b", "#a,b", "a b", "#" + "x" * 70])
def test_a_name_that_no_channel_has(ana, name):
    assert "not a valid name" in error(ana.asks("JOIN", channel=name))


@pytest.mark.parametrize("op", ["JOIN", "PART", "ADMIN", "KICK"])
def test_what_needs_a_channel(ana, op):
    assert error(ana.asks(op, user="ana")) == f"{op} needs a channel"
    if op != "JOIN":
        assert "There is no channel #x" in error(ana.asks(op, channel="x", user="ana"))


def test_joining_twice_is_told(ana):
    joined("#tea", ana)
    assert "already in #tea" in error(ana.asks("JOIN", channel="tea"))


def test_part(core, ana, bea, old):
    joined("#tea", ana, bea, old)
    ana.send("PART", channel="tea")
    document = {"op": "PART", "user": "Ana", "username": "Ana", "channel": "#tea"}
    assert ana.got()[-1:] == [document]
    assert bea.got()[-1:] == [document]
    assert told(old.got()) == ["ana left #tea"]
    assert "not in #tea" in error(ana.asks("PART", channel="tea"))


@pytest.mark.parametrize("field", ["user", "username", "name"])
def test_admin_and_kick(core, ana, bea, field):
    joined("#tea", ana, bea)
    assert "not an admin" in error(bea.asks("ADMIN", channel="#tea", **{field: "bea"}))
    assert "not an admin" in error(bea.asks("KICK", channel="#tea", **{field: "ana"}))
    about = {"user": "Bea", "username": "Bea", "channel": "#tea"}
    assert ana.asks("ADMIN", channel="#tea", **{field: "bea"}) == [{"op": "ADMIN", **about}]
    assert bea.got() == [{"op": "ADMIN", **about}]
    document = {"op": "KICK", **about, "message": "because"}
    assert ana.asks("KICK", channel="#tea", message="because", **{field: "bea"}) == [document]
    assert bea.got() == [document]
    assert "not in #tea" in error(ana.asks("KICK", channel="#tea", **{field: "bea"}))
    assert "no user x" in error(ana.asks("KICK", channel="#tea", **{field: "x"}))
    assert "needs a name" in error(ana.asks("KICK", channel="#tea"))


def test_admin_and_kick_for_the_classic_client(ana, old):
    joined("tea", old, ana)
    assert told(old.asks("ADMIN", channel="tea", user="ana")) == ["old made ana an admin of #tea"]
    assert told(old.asks("KICK", channel="tea", user="ana")) == ["old kicked ana out of #tea"]


# Lists


def test_users(ana, bea, old):
    joined("#Tea", ana)
    both = {"users": ["Ana", "Bea", "Old"], "userList": ["Ana", "Bea", "Old"]}
    assert ana.asks("USERS") == [{"op": "USERS", "hash": "", **both}]
    assert ana.asks("USERS", hash="")[0]["hash"] == ""
    assert ana.asks("USERS", hash="q1", channel="")[0]["hash"] == "q1"
    assert ana.asks("USERS", hash=7, channel="tea") == [
        {"op": "USERS", "hash": 7, "channel": "#Tea", "users": ["Ana"], "userList": ["Ana"]}
    ]
    assert told(old.asks("USERS")) == ["Users: ana, bea, old"]
    assert told(old.asks("USERS", channel="tea")) == ["Users in #tea: ana"]
    assert "There is no channel #x" in error(ana.asks("USERS", channel="#x"))


def test_channels(ana, old):
    joined("#Tea", ana)
    both = {"channels": ["#lobby", "#Tea"], "channelList": ["#lobby", "#Tea"]}
    assert ana.asks("CHANNELS") == [{"op": "CHANNELS", **both}]
    assert ana.asks("CHANNELS", hash="x") == [{"op": "CHANNELS", "hash": "x", **both}]
    assert told(old.asks("CHANNELS")) == ["Channels: #lobby, #tea"]


def test_a_secret_channel_is_listed_to_those_in_it(core, ana, bea):
    joined("#tea", ana)
    core.do(core.state.user_named("ana"), SetModes(core.channel("#tea"), (ModeChange(True, "s"),)))
    assert ana.asks("CHANNELS")[0]["channels"] == ["#lobby", "#tea"]
    assert bea.asks("CHANNELS")[0]["channels"] == ["#lobby"]
    assert ana.asks("USERS", channel="#tea")[0]["users"] == ["Ana"]
    assert "There is no channel" in error(bea.asks("USERS", channel="#tea"))


def test_a_long_list_is_several_documents(core, ana, old):
    for number in range(200):
        core.user(f"somebody_{number}")
    documents = ana.asks("USERS", hash="h")
    assert len(documents) > 2
    assert all(document["hash"] == "h" for document in documents)
    assert len([nick for document in documents for nick in document["users"]]) == 202
    assert len("".join(told(old.asks("USERS"))).split(", ")) == 202


# What cannot be understood


@BOTH
@pytest.mark.parametrize("op", ["NONSENSE", "login", "", "x" * 5000, "\x1b[2J"])
def test_an_unknown_op_is_an_error(core, dialect, op):
    client = logged_in(core, dialect, "ana")
    for _ in range(5):
        sentence = error(client.asks(op))
        assert sentence.startswith("There is no op")
        assert len(sentence) < 80
    assert not client.shell.closed


@BOTH
def test_fields_of_the_wrong_type_are_errors(core, dialect):
    client = logged_in(core, dialect, "ana")
    for _ in range(5):
        assert "must be a text" in error(client.asks("JOIN", channel=["#a"]))
    assert "hash" in error(client.asks("USERS", hash="x" * 129))
    assert "hash" in error(client.asks("USERS", hash=2**64))
    assert not client.shell.closed


@BOTH
def test_three_unreadable_inputs_in_a_row_end_the_connection(core, dialect):
    client = logged_in(core, dialect, "ana")
    for data in (b"{nope", b"nope"):
        client.raw(data)
        assert "not JSON" in error(client.got())
    client.asks("CHANNELS")
    for data in (b"{nope", b"nope"):
        client.raw(data)
        assert "not JSON" in error(client.got())
    client.raw(b"\xff")
    [document] = client.got()
    assert document["op"] == "DISCONNECT"
    assert "not JSON" in document["message"]
    assert client.shell.closed
    assert core.state.users == {}


def test_a_document_that_is_too_long_is_an_error(core):
    client = Program(core, DISCOVERY, JsonConfig(document_bytes=2000))
    client.send("LOGIN", name="ana")
    assert error(client.asks("MESSAGE", target="*", message="x" * 2000)) == (
        "A message has at most 2000 bytes"
    )
    assert told(client.asks("MESSAGE", target="*", message="x")) == ["x"]


def test_an_error_names_the_request(ana):
    [document] = ana.asks("JOIN", hash="r1")
    assert (document["op"], document["hash"]) == ("ERROR", "r1")
    assert "hash" not in ana.asks("JOIN")[0]


@pytest.mark.parametrize("op", ["ACK", "ERROR"])
def test_what_servers_tell_each_other_is_not_answered(ana, op):
    assert ana.asks(op, message="x", hash="x") == []


def test_what_could_not_be_stored(core, ana):
    joined("#tea", ana)
    ana.asks("MESSAGE", target="#tea", message="x", hash="h")
    [fact] = [event.fact for event in core.events if isinstance(event.fact, Said)]
    ana.session.refused(fact, None)
    assert error(ana.got()) == (
        "Your message to #tea was not sent, because it could not be stored: "
        "the disk is full or failing"
    )


# Leaving


def test_a_disconnect_is_quiet_and_others_are_told(ana, bea, old):
    joined("#tea", ana, bea, old)
    ana.got()
    ana.send("DISCONNECT", message="bye")
    assert ana.got() == []
    assert ana.shell.closed
    [document] = bea.got()[-1:]
    assert document == {"op": "PART", "user": "Ana", "username": "Ana", "channel": "#tea"} | {
        "message": "bye"
    }
    assert told(old.got()) == ["ana left the server: bye"]


@BOTH
def test_an_end_is_quiet(core, dialect):
    client = logged_in(core, dialect, "ana")
    client.session.eof()
    assert client.got() == []
    assert client.shell.closed
    assert core.state.users == {}


@BOTH
def test_an_end_that_the_server_wants_is_told(core, dialect):
    client = logged_in(core, dialect, "ana")
    client.session.end("The server stops")
    assert client.got() == [{"op": "DISCONNECT", "message": "The server stops"}]


# New programs


@BOTH
def test_a_program_that_ends_its_first_message_with_a_newline_gets_lines(core, dialect):
    client = Client(core, dialect)
    client.got()
    client.raw(b'{"op":"LOGIN","name":"prog"}\n')
    assert client.shell.frames is None
    assert len(client.got()) == (dialect is CLASSIC)
    client.raw(b'{"op":"CHANNELS"}')
    assert len(client.shell.sent) < FRAME
    [_] = client.got()


def test_a_newline_that_comes_late_counts(core):
    client = Client(core, CLASSIC)
    client.send("LOGIN", name="prog")
    assert client.shell.frames is cut_frames
    client.raw(b"\n")
    assert client.shell.frames is None
    # What was sent before ends with a newline too.
    assert [document.get("op") for document in client.got()] == ["MESSAGE", "LOGIN"]


def test_a_newline_after_a_later_message_does_not_count(core, ana):
    ana.raw(b'{"op":"CHANNELS"}\n')
    assert ana.shell.frames is cut_frames


def test_a_program_is_told_id_and_time(core):
    program = logged_in(core, DISCOVERY, "prog", Program)
    [first] = program.asks("MESSAGE", target="*", message="x")
    [second] = program.asks("MESSAGE", target="*", message="y")
    assert first["id"] < second["id"]
    assert first["time"] == "2023-11-14T22:13:20.123Z"


def test_a_message_that_is_sent_again_is_said_once(core, bea):
    program = logged_in(core, DISCOVERY, "prog", Program)
    first = program.asks("MESSAGE", target="*", message="x", id="mine-1")
    assert program.asks("MESSAGE", target="*", message="x", id="mine-1") == first
    assert told(bea.got()) == ["x"]
    assert len([event for event in core.events if isinstance(event.fact, Said)]) == 1


def test_what_was_left_out_is_counted(core):
    client = Client(core, DISCOVERY)
    assert client.shell.skipped is not None
    data = client.shell.skipped(17)
    assert len(data) == FRAME
    assert b"17 messages" in data


def test_commands_wait_when_there_are_too_many(core):
    client = Client(core, DISCOVERY, bucket=TokenBucket(1, 2))
    client.raw(b'{"op":"LOGIN","name":"ana"}' + b'{"op":"CHANNELS"}' * 3)
    assert len(client.got()) < 3
    assert client.shell.held
    assert client.shell.woken_in == 1
    client.shell.clock = 5
    client.session.advance()
    assert len(client.got()) >= 1


# Going on


def test_the_answer_to_a_question_for_a_token_has_its_hash_and_later_ones_have_none(core, bea):
    ana = logged_in(core, DISCOVERY, "Ana", Program)
    [first] = ana.asks("RESUME", hash="r1")
    assert (first["op"], first["hash"]) == ("TOKEN", "r1")
    joined("#tea", ana, bea)
    bea.send("MESSAGE", target="#tea", message="hello")
    ana.asks("USERS", hash="u1")
    ana.session.tick(0.0)
    [second] = ana.got()
    assert second["op"] == "TOKEN" and "hash" not in second
    assert second["token"] != first["token"]
    ana.session.tick(0.0)
    assert ana.got() == []


def test_what_is_no_token_is_refused(core):
    ana = logged_in(core, DISCOVERY, "Ana", Program)
    [refused] = ana.asks("RESUME", token="nonsense", hash="r1")
    assert (refused["op"], refused["hash"]) == ("ERROR", "r1")
