"""What was said and done as a line for people, in the manner of irssi's logs.

A line holds no control characters, no formatting and nothing that reorders it, so that it does
no harm in a terminal, and what somebody says can never look like a line of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from tertulia.domain import changes as c
from tertulia.domain.events import Style
from tertulia.domain.text import neutral, undirected, unformatted


def line(change: c.Change) -> str:
    """Return *change*, one that history shows, as a line without its time."""
    return plain(_LINES[type(change)](change))


def plain(text: str) -> str:
    """Return *text* without control characters, formatting and changes of direction."""
    return unformatted(undirected(neutral(text)))


def _spoken(change: c.Spoken) -> str:
    nick, text, to = change.by.nick, change.text, ""
    if change.status:
        to = f":{change.status}"
    match change.style:
        case Style.ACTION:
            return f"* {nick}{to} {text}"
        case Style.NOTICE:
            return f"-{nick}{to}- {text}"
        case Style.POKE:
            return f"* {nick}{to} pokes {text}"
        case Style.REQUEST:
            return f"-!- {nick} asked by CTCP: {text}"
        case Style.RESPONSE:
            return f"-!- {nick} answered by CTCP: {text}"
        case _:
            return f"<{nick}{to}> {text}"


def _entered(change: c.Entered) -> str:
    return f"-!- {change.by.nick} joined"


def _departed(change: c.Departed) -> str:
    verb = "quit" if change.quit else "left"
    return f"-!- {change.by.nick} {verb}{_because(change.reason)}"


def _expelled(change: c.Expelled) -> str:
    return f"-!- {change.whom.nick} was kicked by {change.by.nick}{_because(change.reason)}"


def _topic_changed(change: c.TopicChanged) -> str:
    if not change.topic:
        return f"-!- {change.by.nick} removed the topic"
    return f"-!- {change.by.nick} changed the topic to: {change.topic}"


def _modes_changed(change: c.ModesChanged) -> str:
    return f"-!- {change.by.nick} set {modes_text(change.modes)}"


def modes_text(modes: tuple[c.ShownMode, ...]) -> str:
    """Return *modes* in the words of IRC: ``+o bob -k *``."""
    words = []
    for mode in modes:
        words.append(f"{'+' if mode.on else '-'}{mode.mode}")
        if mode.value is not None:
            words.append(mode.value)
    return " ".join(words)


def _because(reason: str) -> str:
    return f" ({reason})" if reason else ""


_LINES = cast(
    "dict[type[c.Change], Callable[[c.Change], str]]",
    {
        c.Spoken: _spoken,
        c.Entered: _entered,
        c.Departed: _departed,
        c.Expelled: _expelled,
        c.TopicChanged: _topic_changed,
        c.ModesChanged: _modes_changed,
    },
)
