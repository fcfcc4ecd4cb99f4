"""SEARCH (the capability soju.im/search, codeberg.org/emersion/soju, doc/ext/search.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tertulia.domain.changes import Change
from tertulia.domain.chat import direct_conversation
from tertulia.domain.errors import NoSearch
from tertulia.domain.ids import EVERYONE, Conversation
from tertulia.protocols.irc.commands.history import Refusal, history_of, moment
from tertulia.protocols.irc.commands.table import command
from tertulia.protocols.irc.parser import Line, parse_tags
from tertulia.protocols.irc.refusals import shown
from tertulia.protocols.session import Search, Steps

if TYPE_CHECKING:
    from tertulia.protocols.irc.session import IrcSession

_ATTRIBUTES = frozenset({"text", "in", "from", "after", "before", "limit"})


@command("SEARCH", 1, cost=8)
def search(session: IrcSession, line: Line) -> Steps:
    """``SEARCH <attributes>``, which are written as tags are: ``text=cup\\sof\\stea;in=#tea``."""
    try:
        found: list[Change] = yield _question(session, line.params[0])
    except Refusal as refused:
        session.fail("SEARCH", refused.code, *refused.context, text=str(refused))
    except NoSearch as error:
        session.fail("SEARCH", "INTERNAL_ERROR", text=str(error))
    else:
        session.send_batch("search", "soju.im/search", found)


def _question(session: IrcSession, raw: str) -> Search:
    attributes = parse_tags(raw)
    for name in attributes:
        if name not in _ATTRIBUTES:
            raise Refusal("INVALID_PARAMS", "There is no such attribute", shown(name))
    most = session.service.config.history_most
    limit = attributes.get("limit", str(most))
    if not (limit.isascii() and limit.isdigit() and len(limit) < 9):
        raise Refusal("INVALID_PARAMS", "The limit is not a number", "limit")
    target = attributes.get("in")
    return Search(
        words=attributes.get("text", ""),
        conversations=_all(session) if not target else history_of(session, target, "in")[1],
        limit=min(int(limit), most),
        sender=attributes.get("from") or None,
        after_ms=_time(attributes, "after"),
        before_ms=_time(attributes, "before"),
    )


def _all(session: IrcSession) -> tuple[Conversation, ...]:
    """Return all that the user may read."""
    assert session.user is not None
    state, user = session.core.state, session.user
    channels = [one for channel in user.channels.values() for one in state.histories(channel)]
    return *channels, *(direct_conversation(user.uid, uid) for uid in user.partners), EVERYONE


def _time(attributes: dict[str, str], name: str) -> int | None:
    """Return Unix milliseconds."""
    raw = attributes.get(name)
    if not raw:
        return None
    ms = moment(raw)
    if ms is None:
        raise Refusal("INVALID_PARAMS", "A time is written like 2026-11-20T15:30:00.000Z", name)
    return ms
