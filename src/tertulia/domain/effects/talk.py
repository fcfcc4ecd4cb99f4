"""What people say, and who has it."""

from __future__ import annotations

from tertulia.domain import changes as c
from tertulia.domain import events as e
from tertulia.domain.history import describe
from tertulia.domain.ids import Uid, milliseconds, parse_msgid
from tertulia.domain.state import State
from tertulia.domain.users import BROADCAST_INTERVAL_MS

ACKNOWLEDGED_MOST = 50_000


def said(state: State, event: e.Event, msgid: str, fact: e.Said) -> list[c.Change]:
    """Something was said; it waits for those who are to have it later."""
    if fact.to is not None:
        state.remember_partners(fact.by.uid, fact.to)
        if fact.waits:
            _put_by(state, fact.to, msgid, fact)
    elif fact.put_by:
        for uid in fact.put_by:
            state.waiting.add(uid, msgid, fact)
    elif fact.target in ("*", "&"):
        _charge(state, event, fact)
        if fact.style in e.WAITING_STYLES:
            for uid in state.put_by:
                if uid != fact.by.uid:
                    state.waiting.add(uid, msgid, fact)
    return [describe(event.hlc, msgid, fact)]


def erased(state: State, event: e.Event, _msgid: str, _fact: e.Erased) -> list[c.Change]:
    """What was said was dropped before this server had it."""
    state.dropped(event.hlc)
    return []


def _put_by(state: State, uid: Uid, msgid: str, fact: e.Said | e.Acknowledged) -> None:
    """Let something wait for a user, who is handed it if they are here."""
    state.waiting.add(uid, msgid, fact)
    user = state.users.get(uid)
    if user is not None and not user.server:
        user.catching_up = True


def _charge(state: State, event: e.Event, fact: e.Said | e.Signalled) -> None:
    """What is said to everyone is to be paid for."""
    if (user := state.users.get(fact.by.uid)) is not None:
        now = milliseconds(event.hlc)
        user.broadcasts_until = max(user.broadcasts_until, now) + BROADCAST_INTERVAL_MS


def signalled(state: State, event: e.Event, msgid: str, fact: e.Signalled) -> list[c.Change]:
    """Tags were sent without a message."""
    if fact.target in ("*", "&"):
        _charge(state, event, fact)
    return [c.TagsSpoken(event.hlc, msgid, fact.by, fact.target, fact.tags, fact.status, fact.to)]


def acknowledged(state: State, event: e.Event, msgid: str, fact: e.Acknowledged) -> list[c.Change]:
    """The author of a message is to know who has it; of a group, the first alone tells."""
    told_before = fact.is_of_group and fact.message in state.acknowledged
    if fact.is_of_group:
        _settle(state, fact)
    if fact.waits:
        # Another server may not know yet that the author was told, so here, too, it waits.
        _put_by(state, fact.to, msgid, fact)
    if told_before:
        return []
    return [describe(event.hlc, msgid, fact)]


def rewrite(state: State, msgid: str, fact: e.Acknowledged) -> None:
    """A receipt could not be written: it still waits, to be written with what is next."""
    if fact.is_of_group:
        _settle(state, fact)
    if fact.waits:
        state.waiting.add(fact.to, msgid, fact)


def _settle(state: State, fact: e.Acknowledged) -> None:
    """Whoever gets this message to a group from now on need not tell."""
    state.acknowledged[fact.message] = None
    if len(state.acknowledged) > ACKNOWLEDGED_MOST:
        del state.acknowledged[next(iter(state.acknowledged))]
    channel = state.channel_numbered(fact.about)
    if channel is not None:
        bare = [uid for uid in channel.members if state.identities.is_bare(uid)]
        state.waiting.settled.append((fact.message, tuple(bare)))


def received(state: State, _event: e.Event, _msgid: str, fact: e.Received) -> list[c.Change]:
    """What had waited for a user does so no more, also where it has not arrived yet."""
    here = [message for message in fact.messages if _is_here(state, message)]
    state.waiting.receive(fact.by.uid, here)
    for message in fact.messages:
        if message not in here:
            state.waiting.expect(Uid(fact.by.uid), message)
    return []


def _is_here(state: State, message: str) -> bool:
    parsed = parse_msgid(message)
    return parsed is None or state.heard.get(parsed[1], 0) >= parsed[0]
