"""The table of what servers send."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from tertulia.client.session.wire import ServerLine

if TYPE_CHECKING:
    from tertulia.client.session.model import Message
    from tertulia.client.session.session import Session

LATEST_MS = 1 << 47


class Context(Struct):
    """What a line is part of: the answer to a *label*; history, whose messages go to *page* with
    where they belong; or what happened to many at once, who go to *crowd*."""

    label: str = ""
    page: list[tuple[str, Message]] | None = None
    crowd: dict[str, list[str]] | None = None


Handler: TypeAlias = "Callable[[Session, ServerLine, Context], None]"
HANDLERS: dict[str, tuple[Handler, int]] = {}


def on(*commands: str, params: int = 0) -> Callable[[Handler], Handler]:
    """Put the function below in the table; lines with fewer *params* are left alone."""

    def enter(handler: Handler) -> Handler:
        for command in commands:
            HANDLERS[command] = (handler, params)
        return handler

    return enter


def time_of(session: Session, line: ServerLine) -> int:
    """Return when it happened (IRCv3 server-time), in Unix milliseconds; else now."""
    text = line.tags.get("time", "")
    if not text:
        return session.clock.wall_ms()
    moment = parse_time(text)
    return session.clock.wall_ms() if moment is None else moment


def parse_time(text: str) -> int | None:
    """Return the Unix milliseconds of a time as IRCv3 has it, None if it is none."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        at = round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
    return at if 0 <= at < LATEST_MS else None
