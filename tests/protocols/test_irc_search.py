"""SEARCH: what is asked of the index, and how it is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.domain.chat import direct_conversation
from tertulia.domain.errors import NoSearch
from tertulia.domain.ids import EVERYONE
from tertulia.protocols.irc.config import IrcConfig
from tertulia.protocols.session import Search
from tests.protocols.irc_kit import SERVER, Irc

CAPS = "batch message-tags server-time soju.im/search"
AT = 1_763_652_600_000  # 2025-11-20T15:30:00Z


@pytest.fixture
def irc():
    return Irc(IrcConfig(server=SERVER, can_search=True, history_most=50))


@pytest.fixture
def bob(irc):
    irc.client("ana", "#tea")
    return irc.client("bob", "#tea", caps=CAPS)


def ask(bob, line, answer):
    """Send a line; what it asks of the disk is answered by *answer*."""
    bob.session.receive(f"{line}\r\n".encode())
    bob.irc.run()
    bob.settle(answer)


def asked(bob, attributes):
    """The question, which is answered with nothing."""
    questions = []

    def answer(request):
        questions.append(request)
        return []

    ask(bob, f"SEARCH {attributes}", answer)
    [question] = questions
    assert isinstance(question, Search)
    assert bob.got() == ["BATCH +search soju.im/search", "BATCH -search"]
    return question


def test_all_that_is_asked(irc, bob):
    tea = irc.state.channels["#tea"].incarnation
    question = asked(
        bob,
        r"text=cup\sof\stea;in=#TEA;from=ana;limit=7"
        ";after=2025-11-20T15:30:00.000Z;before=2025-11-20T16:30:00.000Z",
    )
    assert question == Search("cup of tea", (tea,), 7, "ana", AT, AT + 3_600_000)


def test_everywhere_that_one_may_read(irc, bob):
    ana = irc.state.user_named("ana")
    irc.client("eva", "#secret")
    bob.send("PRIVMSG ana :psst")
    irc.forget()
    question = asked(bob, "text=x")
    tea = irc.state.channels["#tea"].incarnation
    lobby = [channel.incarnation for channel in bob.user.channels.values()]
    assert set(question.conversations) == {
        tea, *lobby, direct_conversation(bob.user.uid, ana.uid), EVERYONE
    }  # fmt: skip
    assert question.limit == 50
    assert (question.sender, question.after_ms, question.before_ms) == (None, None, None)


def test_with_somebody(irc, bob):
    ana = irc.state.user_named("ana")
    question = asked(bob, "in=ana;text=x")
    assert question.conversations == (direct_conversation(bob.user.uid, ana.uid),)


@pytest.mark.parametrize(
    ("attributes", "refusal"),
    [
        ("in=#secret;text=x", "INVALID_TARGET in #secret :There is no history of that for you"),
        ("in=nobody;text=x", "INVALID_TARGET in nobody :There is no history of that for you"),
        ("text=x;limit=many", "INVALID_PARAMS limit :The limit is not a number"),
        ("text=x;after=noon", "INVALID_PARAMS after :A time is written like"
         " 2026-11-20T15:30:00.000Z"),
        ("text=x;colour=red", "INVALID_PARAMS colour :There is no such attribute"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked(irc, bob, attributes, refusal):
    irc.client("eva", "#secret")
    bob.send(f"SEARCH {attributes}")
    assert bob.got() == [f"FAIL SEARCH {refusal}"]


def test_an_index_that_is_broken(bob):
    def answer(_request):
        return NoSearch("the disk is full")

    ask(bob, "SEARCH text=x", answer)
    assert bob.got() == ["FAIL SEARCH INTERNAL_ERROR :The search does not work: the disk is full"]


def test_it_is_offered_only_where_there_is_an_index(irc):
    other = Irc(IrcConfig(server=SERVER))
    for place, offered in ((irc, True), (other, False)):
        client = place.connect()
        client.send("CAP LS 302", "CAP REQ soju.im/search")
        [listed, *_, answer] = client.got()
        assert ("soju.im/search" in listed.split()) is offered
        assert (" ACK " in answer) is offered


@given(st.text(st.characters(exclude_characters="\r\n\0", codec="utf-8"), max_size=60))
def test_anything_is_answered(text):
    irc = Irc(IrcConfig(server=SERVER, can_search=True))
    bob = irc.client("bob", caps=CAPS)
    ask(bob, f"SEARCH :{text}", lambda _request: [])
    assert bob.got()
