"""Servers and events for the tests of replication."""

from typing import Any

import msgspec
from msgspec import Raw

from tertulia.replication.interface import ServerId
from tertulia.replication.messages import Item, Run


def server_id(n: int) -> ServerId:
    return ServerId(f"{n:032x}")


def item(n: int, text: str = "") -> Item:
    return Item(n, 16, Raw(msgspec.json.encode(text or n)))


def run(server: int, epoch: int, first: int, last: int) -> Run:
    """Events that are known by their numbers."""
    return Run(server_id(server), epoch, first, [item(n) for n in range(first, last + 1)])


def at_length(test: Any) -> Any:
    """What a property test does with one example."""
    return test.hypothesis.inner_test
