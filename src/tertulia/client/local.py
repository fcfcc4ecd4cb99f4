"""What commands show that need no server: help, the topic, who is ignored, one's contacts."""

from __future__ import annotations

from tertulia.client.commands import Here, Local, help_lines
from tertulia.domain.text import unformatted


def local_lines(wish: Local, here: Here) -> list[str]:
    """Return the lines to show for *wish*."""
    match wish.name:
        case "help":
            return help_lines(wish.argument, here.words)
        case "topic":
            return [_topic(wish.argument, here)]
        case "ignore":
            return _ignored(here)
        case "contact":
            return _contacts(here)
    return []


def _topic(channel: str, here: Here) -> str:
    _, buffer = here.words, here.session.model.get(channel)
    topic = None if buffer is None else buffer.topic
    if topic is None:
        return _("{channel} has no topic").format(channel=channel)
    return f"{channel}: {unformatted(topic.text)}"


def _ignored(here: Here) -> list[str]:
    _, ignored = here.words, here.session.settings.ignored
    if not ignored:
        return [_("You ignore nobody")]
    return [_("You ignore {names}").format(names=", ".join(ignored))]


def _contacts(here: Here) -> list[str]:
    _, contacts = here.words, here.session.settings.contacts
    if not contacts:
        return [_("You have no contacts")]
    return [f"{name}: {whom}" for name, whom in sorted(contacts.items())]
