import pytest

from tertulia.domain import errors as x
from tertulia.domain.channels import Topic
from tertulia.domain.commands.topic import SetTopic
from tertulia.domain.text import Text
from tests.domain.kit import START_MS, Room


def test_a_topic():
    room = Room()
    ana = room.user("ana", "#tea")
    tea = room.channel("#tea")
    assert room.one(ana, SetTopic(tea, "Tea\r\nfor two")).topic == "Tea  for two"
    assert tea.topic == Topic(Text("Tea  for two"), "ana!user@host.example", START_MS)
    assert tea.incarnation in room.state.changed_channels
    room.do(ana, SetTopic(tea, "é" * 1000))
    assert tea.topic.text == "é" * 195
    assert room.one(ana, SetTopic(tea, "")).topic == ""
    assert tea.topic is None


def test_who_may_set_it():
    room = Room()
    room.user("ana", "#tea")
    with pytest.raises(x.NotAdmin):
        room.do(room.user("bob", "#tea"), SetTopic(room.channel("#tea"), "x"))
