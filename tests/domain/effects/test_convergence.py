"""The durable state is a function of the set of events, in whatever order they arrive."""

import itertools
import random
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from tertulia.domain.events import Event
from tertulia.domain.world import Rules
from tests.domain.net import durable, interleaved, merged, network, run, scripts

RULES = Rules(channels_per_user=3, masks_per_list=2)


def check(script, seed):
    skews, steps = script
    servers = network(skews, RULES)
    run(servers, steps)
    logs = [server.events for server in servers]
    chance = random.Random(seed)
    orders: list[Iterable[Event]] = [itertools.chain(*logs), itertools.chain(*reversed(logs))]
    orders += [interleaved(logs, chance) for _ in range(4)]
    first, *others = [durable(merged(order)) for order in orders]
    for other in others:
        assert other == first


@given(scripts(), st.integers())
def test_events_of_several_servers_may_come_in_any_order(script, seed):
    check(script, seed)
