import msgspec
from hypothesis import given

from tertulia.domain import events as e
from tests.domain.kit import SCRIPTS, Room, play


def facts(of=e.Fact):
    for kind in of.__subclasses__():
        yield kind
        yield from facts(kind)


def test_every_kind_of_fact_has_a_tag_of_its_own():
    tags = [kind.__struct_config__.tag for kind in facts()]
    assert len(tags) == len(set(tags)) > 15


def test_every_kind_that_is_logged_can_be_read_back():
    logged = {kind for kind in facts() if kind.durability != "presence"}
    assert logged == set(e.LoggedFact.__args__)


@given(SCRIPTS)
def test_a_logged_event_is_read_back_as_it_was(script):
    room = Room()
    for who, what in script:
        play(room, who, *what)
    for event in room.events:
        body = msgspec.json.encode(event.fact)
        assert msgspec.json.decode(body, type=e.LoggedFact) == event.fact
