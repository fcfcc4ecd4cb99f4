"""Numbers and identities."""

from __future__ import annotations

from tertulia.domain import changes as c
from tertulia.domain import events as e
from tertulia.domain.identities import EARLIEST, Identity
from tertulia.domain.ids import Hlc, milliseconds, parse_msgid
from tertulia.domain.names import Nickname, Number
from tertulia.domain.state import NUMBERS_MOST, State


def number_assigned(
    state: State, event: e.Event, _msgid: str, fact: e.NumberAssigned
) -> list[c.Change]:
    """Of two nicknames that were given one number apart from each other, the first keeps it."""
    number, place = Number(fact.number), event.write
    if number in state.number_places and state.number_places[number] <= place:
        return []
    if (other := state.owner_of_number(number)) is not None and state.numbers.get(other) == number:
        state.take_number(other, number)
    state.restore_number(fact.nickname, number, place)
    state.changed_numbers[number] = None
    if len(state.numbers) > NUMBERS_MOST:
        state.forget_a_number()
    return []


def latest_number(state: State, fact: e.NumberAssigned) -> Hlc:
    """Return when the nickname was last given a number, 0 if never."""
    number = state.numbers.get(fact.nickname)
    parsed = None if number is None else parse_msgid(state.number_places[number])
    return Hlc(0) if parsed is None else parsed[0]


def issued(state: State, event: e.Event, msgid: str, fact: e.IdentityIssued) -> list[c.Change]:
    """An identity exists from now on."""
    number = Number(fact.number)
    unused = None if fact.token else milliseconds(event.hlc)
    nick = Nickname.parse(fact.nickname)
    # What all bare ones are called first is nobody else's; see `Identities.use`.
    claim = msgid if fact.token else EARLIEST
    state.identities.issue(Identity(number, nick, fact.token, unused, msgid, claim))
    user = state.users.get(fact.by.uid)
    if user is not None:
        user.identity = number
    return []


def used(state: State, _event: e.Event, _msgid: str, fact: e.IdentityUsed) -> list[c.Change]:
    """It is kept, also where another server has just forgotten it."""
    state.identities.use(Number(fact.number))
    return []


def forgotten(
    state: State, _event: e.Event, _msgid: str, fact: e.IdentityForgotten
) -> list[c.Change]:
    """It exists no more, unless somebody used it after all."""
    state.identities.forget_unused(Number(fact.number))
    return []


def renamed(state: State, event: e.Event, _msgid: str, fact: e.IdentityRenamed) -> list[c.Change]:
    """It is called otherwise."""
    state.identities.rename(Number(fact.number), Nickname.parse(fact.nickname), event.write)
    return []
