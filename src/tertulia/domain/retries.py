"""Messages that clients say again with the same id, not knowing that they were heard.

Said on two servers that cannot reach each other, such a message is logged twice. It is shown once
all the same, and waits once: as the first of the two, on all servers, and not at all if the other
one was shown at once.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from tertulia.domain import events as e
from tertulia.domain.changes import Change
from tertulia.domain.ids import Uid, msgid
from tertulia.domain.waiting import Waiting

RETRIES_REMEMBERED = 10_000


class Heard(Struct, frozen=True):
    """The first that is known of some messages with one id, and what was seen of them."""

    event: e.Event
    changes: list[Change]


class Retries:
    """What was said with ids of clients; *waiting* is told of what need not wait."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._heard: dict[tuple[Uid, str], Heard] = {}

    def heard(self, uid: Uid, client_id: str) -> Heard | None:
        """Return what a user said with that id."""
        return self._heard.get((uid, client_id))

    def remember(self, event: e.Event, changes: list[Change]) -> None:
        """*event* happened, and so much was seen of it."""
        if event.client_id is None or type(event.fact) is not e.Said:
            return
        self._heard[event.fact.by.uid, event.client_id] = Heard(event, changes)
        if len(self._heard) > RETRIES_REMEMBERED:
            del self._heard[next(iter(self._heard))]

    def forget(self, event: e.Event) -> None:
        """*event* has not happened after all: whoever says it again has not said it before."""
        if event.client_id is not None and type(event.fact) is e.Said:
            self._heard.pop((event.fact.by.uid, event.client_id), None)

    def merged(self, event: e.Event) -> e.Event | None:
        """Return what is to take effect, unseen, of *event*, of another server; None if it was
        not said before."""
        fact = event.fact
        if event.client_id is None or type(fact) is not e.Said:
            return None
        heard = self.heard(fact.by.uid, event.client_id)
        if heard is None:
            return None
        first, second = sorted((heard.event, event), key=_id)
        needless = self._needless(first, second)
        both = _awaiting(first) & _awaiting(second)
        self._drop(heard.event, needless[heard.event is second])
        for uid in both:
            self._waiting.couple(uid, _id(second), _id(first))
        if event is first:
            self.remember(event, heard.changes)
        return _without(event, needless[event is second])

    def _needless(self, first: e.Event, second: e.Event) -> tuple[set[Uid], set[Uid]]:
        """Return for whom the *first* need not wait, and for whom the *second* need not."""
        one, other = _awaiting(first), _awaiting(second)
        both = one & other
        if not both:  # to whom a message was shown at once it need not be shown again
            return one, other
        return {uid for uid in both if self._waiting.is_had(uid, _id(second))}, both

    def _drop(self, event: e.Event, uids: set[Uid]) -> None:
        for uid in uids:
            self._waiting.receive(uid, [_id(event)])


def _id(event: e.Event) -> str:
    return msgid(event.hlc, event.tag)


def _awaiting(event: e.Event) -> set[Uid]:
    fact = event.fact
    assert isinstance(fact, e.Said)
    return {fact.to} if fact.to is not None and fact.waits else set(fact.put_by)


def _without(event: e.Event, uids: set[Uid]) -> e.Event:
    """Return *event* so that it waits for none of them."""
    fact = event.fact
    assert isinstance(fact, e.Said)
    put_by = tuple([uid for uid in fact.put_by if uid not in uids])
    return replace(
        event, fact=replace(fact, waits=fact.waits and fact.to not in uids, put_by=put_by)
    )
