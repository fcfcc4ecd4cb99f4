"""English for what a protocol has no words of its own for: sentences that a person can read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tertulia.domain import changes as c
from tertulia.domain import events as e
from tertulia.domain.changes import Change, ShownMode
from tertulia.domain.events import Fact, Style
from tertulia.domain.text import neutral, unformatted

NAMED_MOST = 10
Named = Callable[[str], str]
"""How a name is shown."""


def readable(raw: str) -> str:
    """Return *raw* without what a terminal would not show as text.

    COMPAT: the original clients print what they get as it is.
    """
    return unformatted(neutral(raw))


def spoken(change: c.Spoken, named: Named) -> str:
    """Return what is shown of a message; empty if nothing is."""
    if change.style in (Style.REQUEST, Style.RESPONSE):
        return ""
    text = readable(change.text)
    if change.style == Style.ACTION:
        return f"* {named(change.by.nick)} {text}"
    if change.style == Style.POKE:
        return f"* {named(change.by.nick)} pokes {named(text)}"
    return text


def sentences(change: Change, named: Named) -> list[str]:
    """Return what is told of *change*, readable; nothing for what is not."""
    tell = _TELL.get(type(change))
    return [] if tell is None else [readable(sentence) for sentence in tell(change, named)]


def waits(nick: str, named: Named) -> str:
    """Return what is told to who said something to *nick*, who is not here."""
    return f"{named(nick)} is not here; your message waits for them"


def skipped(count: int) -> str:
    """Return what stands for *count* messages that would have come too late."""
    return f"{count} messages were left out here; the history has them"


def mode_sentences(change: c.ModesChanged, modes: list[ShownMode], named: Named) -> list[str]:
    """Return what is told of *modes*, some of those that *change* is about."""
    by, channel = named(change.by.nick), named(change.channel)
    found = [_rank_sentence(mode, by, channel, named) for mode in modes if mode.whom is not None]
    if settings := [mode for mode in modes if mode.whom is None]:
        found.append(f"{by} set mode {_mode_string(settings)} of {channel}")
    return [readable(sentence) for sentence in found]


def not_done(fact: Fact, named: Named) -> str:
    """Return the sentence that tells that *fact* was not stored and did not happen."""
    if isinstance(fact, e.Said):
        what = f"Your message to {named(fact.target)} was not sent"
    elif isinstance(fact, e.ChannelCreated):
        what = f"The channel {named(fact.channel)} was not created"
    elif isinstance(fact, e.TopicSet):
        what = f"The topic of {named(fact.channel)} was not changed"
    elif isinstance(fact, e.ModesSet):
        what = f"The modes of {named(fact.channel)} were not changed"
    elif isinstance(fact, e.IdentityIssued):
        what = "You were not given an identity"
    else:
        what = "What you asked for was not done"
    return f"{what}, because it could not be stored: the disk is full or failing"


def _entered(change: c.Entered, named: Named) -> Iterator[str]:
    nick, channel = named(change.by.nick), named(change.channel)
    yield f"{nick} joined {channel}"
    if change.admin:
        yield f"{nick} is an admin of {channel}"


def _departed(change: c.Departed, named: Named) -> Iterator[str]:
    yield _because(f"{named(change.by.nick)} left {named(change.channel)}", change.reason)


def _expelled(change: c.Expelled, named: Named) -> Iterator[str]:
    by, whom = named(change.by.nick), named(change.whom.nick)
    reason = "" if change.reason == change.by.nick else change.reason
    yield _because(f"{by} kicked {whom} out of {named(change.channel)}", reason)


def _gathered(change: c.Gathered, named: Named) -> Iterator[str]:
    by, channel = named(change.by.nick), named(change.channel)
    for face in change.members:
        if face.uid != change.by.uid:
            yield f"{by} added {named(face.nick)} to {channel}"


def _acknowledged(change: c.Acknowledged, named: Named) -> Iterator[str]:
    verb = "read" if change.seen else "received"
    yield f"{named(change.by.nick)} has {verb} your message"


def _topic_changed(change: c.TopicChanged, named: Named) -> Iterator[str]:
    by, channel = named(change.by.nick), named(change.channel)
    if change.topic:
        yield f"{by} set the topic of {channel}: {change.topic}"
    else:
        yield f"{by} took the topic of {channel} away"


def _modes_changed(change: c.ModesChanged, named: Named) -> Iterator[str]:
    yield from mode_sentences(change, list(change.modes), named)


def _gone(change: c.Gone, named: Named) -> Iterator[str]:
    yield _because(f"{named(change.by.nick)} left the server", change.reason)


def _nick_changed(change: c.NickChanged, named: Named) -> Iterator[str]:
    yield f"{named(change.by.nick)} is now called {named(change.now.nick)}"


def _summoned(change: c.Summoned, named: Named) -> Iterator[str]:
    if change.overheard:
        return
    by, whom = named(change.by.nick), named(change.whom.nick)
    yield f"{by} invites {whom} to {named(change.channel)}"


def _away_changed(change: c.AwayChanged, named: Named) -> Iterator[str]:
    nick = named(change.by.nick)
    message = change.message
    yield f"{nick} is back" if message is None else _because(f"{nick} is away", message)


def _cut_off(change: c.CutOff, named: Named) -> Iterator[str]:
    nicks = [named(nick) for nick in change.nicks[:NAMED_MOST]]
    if more := len(change.nicks) - len(nicks):
        nicks.append(f"{more} more")
    who = ", ".join(nicks)
    if change.back:
        yield f"{change.server} can be reached again: {who}"
    else:
        yield f"{change.server} is cut off; until it is back these cannot be reached: {who}"


_TELL: dict[type[Change], Callable[[Any, Named], Iterator[str]]] = {
    c.Entered: _entered,
    c.Departed: _departed,
    c.Expelled: _expelled,
    c.TopicChanged: _topic_changed,
    c.Gathered: _gathered,
    c.Acknowledged: _acknowledged,
    c.ModesChanged: _modes_changed,
    c.Gone: _gone,
    c.NickChanged: _nick_changed,
    c.Summoned: _summoned,
    c.AwayChanged: _away_changed,
    c.CutOff: _cut_off,
}


def _because(sentence: str, reason: str) -> str:
    return f"{sentence}: {reason}" if reason else sentence


def _rank_sentence(mode: ShownMode, by: str, channel: str, named: Named) -> str:
    assert mode.whom is not None
    whom = named(mode.whom.nick)
    if mode.mode == "o":
        if mode.on:
            return f"{by} made {whom} an admin of {channel}"
        return f"{by} says that {whom} is no longer an admin of {channel}"
    verb = "gave voice to" if mode.on else "took voice from"
    return f"{by} {verb} {whom} in {channel}"


def _mode_string(modes: list[ShownMode]) -> str:
    letters = "".join([f"{'+' if mode.on else '-'}{mode.mode}" for mode in modes])
    return " ".join([letters, *(mode.value for mode in modes if mode.value)])
