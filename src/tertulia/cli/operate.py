"""What the operator does on a running server, as the server itself: ``tertulia say`` and so on.

A channel may be given without its ``#``, which most shells take for a comment; where it could
be a nickname it cannot, and is put in quotes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated

import msgspec
from cyclopts import Parameter

from tertulia.cli.control import AsJson, Control, DataFolder, ask
from tertulia.cli.errors import CommandError
from tertulia.cli.tables import moment, shown
from tertulia.server import control_messages as m

Words = Annotated[str, Parameter(allow_leading_hyphen=True)]


def say(target: str, text: Words, /, *, data: DataFolder = None) -> int:
    """Say something, as the server.

    Parameters
    ----------
    target
        A channel ('#tea'), a nickname or number, '*' for everyone on every server, or '&' for
        everyone on this one. Who has an identity and is not here is told later.
    text
        What is said; - says each line of standard input, as it comes.
    """
    with Control(data) as control:
        for line in _lines() if text == "-" else (text,):
            told = control.ask(m.Say(target, line), str)
    if text != "-":
        print(shown(told))
    return 0


def _lines() -> Iterator[str]:
    """Yield the lines of standard input that are not empty."""
    for count, line in enumerate(sys.stdin.buffer, 1):
        try:
            text = line.decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise CommandError(f"line {count} of standard input is not UTF-8") from error
        if text.strip():
            yield text


def kick(
    channel: str, nick: str | None = None, /, *, reason: str = "", data: DataFolder = None
) -> int:
    """Kick someone out of a channel, or, without a channel, off the server.

    Parameters
    ----------
    channel
        The channel; or the one who is to leave the server.
    nick
        Who is to leave the channel.
    reason
        What they and the others are told.
    """
    if nick is not None:
        return _do(data, m.Kick(channel, nick, reason))
    if channel.startswith("#"):
        raise CommandError(f"say who is to be kicked out of {channel}")
    return _do(data, m.Kill(channel, reason))


def ban(channel: str, mask: str, /, *, data: DataFolder = None) -> int:
    """Keep someone from coming into a channel and from speaking in it. It kicks nobody.

    Parameters
    ----------
    channel
        The channel, by name or number.
    mask
        nick!user@address with * and ?, such as `'*!*@192.0.2.*'`; a nickname alone stands for
        whoever has it.
    """
    return _do(data, m.Ban(channel, mask))


def unban(channel: str, mask: str, /, *, data: DataFolder = None) -> int:
    """Take back a ban.

    Parameters
    ----------
    channel
        The channel, by name or number.
    mask
        As it was given to ban.
    """
    return _do(data, m.Ban(channel, mask, on=False))


def op(
    channel: str,
    nick: str,
    /,
    *,
    off: Annotated[bool, Parameter(negative="")] = False,
    data: DataFolder = None,
) -> int:
    """Make someone who is in a channel its admin.

    Parameters
    ----------
    channel
        The channel, by name or number.
    nick
        Who is to be its admin, by nickname or number.
    off
        They are no longer to be its admin.
    """
    return _do(data, m.Op(channel, nick, not off))


def topic(
    channel: str, text: Words | None = None, /, *, json: AsJson = False, data: DataFolder = None
) -> int:
    """Show the topic of a channel, or set it.

    Parameters
    ----------
    channel
        The channel, by name or number.
    text
        The new topic; '' takes it away.
    """
    found = ask(data, m.Topic(channel, text), m.ChannelTopic)
    if json:
        print(msgspec.json.encode(found).decode())
    elif found.topic is None:
        print(f"{shown(found.channel)} has no topic")
    else:
        by = shown((found.by or "").partition("!")[0])
        print(f"{shown(found.channel)}: {shown(found.topic)} ({by}, {moment(found.at)})")
    return 0


def shutdown(*, reason: str = "", data: DataFolder = None) -> int:
    """Stop the server, and wait until it has stopped.

    Parameters
    ----------
    reason
        What everybody is told.
    """
    with Control(data) as control:
        control.ask(m.Shutdown(reason), str)
        control.wait_for_end()
    return 0


def _do(data: DataFolder, request: m.Request) -> int:
    print(shown(ask(data, request, str)))
    return 0
