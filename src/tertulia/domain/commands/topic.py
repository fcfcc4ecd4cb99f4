"""Setting the topic of a channel."""

from __future__ import annotations

from msgspec import Struct

from tertulia.domain import events as e
from tertulia.domain import policy
from tertulia.domain.channels import Channel
from tertulia.domain.text import short_text
from tertulia.domain.users import User
from tertulia.domain.world import World


class SetTopic(Struct, frozen=True):
    """Give *channel* another topic; an empty one takes it away."""

    channel: Channel
    topic: str


def set_topic(world: World, actor: User, intent: SetTopic) -> list[e.Fact]:
    """Decide `SetTopic`."""
    policy.can_set_topic(intent.channel, actor)
    topic = short_text(intent.topic, world.rules.topic_bytes)
    return [e.TopicSet(actor.face, intent.channel.name.text, topic)]
