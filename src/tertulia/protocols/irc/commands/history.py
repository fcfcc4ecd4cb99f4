"""CHATHISTORY (ircv3.net/specs/extensions/chathistory)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from tertulia.domain.changes import Change
from tertulia.domain.chat import direct_conversation
from tertulia.domain.history import FIRST_TAG, LAST_TAG, Page, Place
from tertulia.domain.ids import Conversation, Hlc, at_milliseconds, milliseconds, parse_msgid
from tertulia.protocols.irc.caps import Cap
from tertulia.protocols.irc.commands.table import command
from tertulia.protocols.irc.flavour import server_time
from tertulia.protocols.irc.parser import Line
from tertulia.protocols.irc.refusals import shown
from tertulia.protocols.session import ReadLatest, Steps

if TYPE_CHECKING:
    from tertulia.protocols.irc.session import IrcSession

_PARAMS = {"LATEST": 4, "BEFORE": 4, "AFTER": 4, "AROUND": 4, "BETWEEN": 5, "TARGETS": 4}


class Refusal(Exception):
    """A FAIL: its code, its context, and what is wrong."""

    def __init__(self, code: str, text: str, *context: str) -> None:
        super().__init__(text)
        self.code = code
        self.context = context


@command("CHATHISTORY", cost=4)
def chathistory(session: IrcSession, line: Line) -> Steps:
    """``CHATHISTORY <subcommand> <target> <references> <limit>``."""
    params = line.params
    try:
        subcommand = params[0].upper() if params else ""
        if subcommand not in _PARAMS:
            raise Refusal("INVALID_PARAMS", "Unknown subcommand", shown(subcommand))
        if len(params) < _PARAMS[subcommand]:
            raise Refusal("INVALID_PARAMS", "Insufficient parameters", subcommand)
        if subcommand == "TARGETS":
            yield from _targets(session, params)
        else:
            yield from _messages(session, subcommand, params)
    except Refusal as refused:
        code, context = refused.code, refused.context
        session.fail("CHATHISTORY", code, *context, text=str(refused))


def _messages(session: IrcSession, subcommand: str, params: list[str]) -> Steps:
    target = params[1]
    name, conversations = history_of(session, target, subcommand)
    limit = _limit(session, subcommand, params[-1])
    page = Page(conversations, limit, messages_only=not session.caps & Cap.EVENT_PLAYBACK)
    changes: list[Change] = []
    is_beginning = False
    for question in _questions(page, subcommand, params):
        found: list[Change] = yield _with_what_came_late(session, question)
        is_beginning |= question.after is None and len(found) < question.limit
        changes += found
    session.send_batch("history", "chathistory", changes, name)
    if is_beginning:
        _tell_what_is_dropped(session, name)


def _tell_what_is_dropped(session: IrcSession, name: str) -> None:
    """Tell who has come to the beginning that it is not where people began."""
    state = session.core.state
    if state.lacks_beginning(state.channel_named(name)):
        until = server_time(state.dropped_until)
        text = "Some of what was said before that is no longer kept"
        session.say("NOTE", "CHATHISTORY", "MESSAGES_DROPPED", name, until, text)


def history_of(
    session: IrcSession, target: str, context: str
) -> tuple[str, tuple[Conversation, ...]]:
    """Return the target's name and its history, if the user may read it; else raise `Refusal`."""
    assert session.user is not None
    state = session.core.state
    if target.startswith("#"):
        channel = state.channel_named(target)
        if channel is not None and session.user.uid in channel.occupants:
            return channel.name.text, state.histories(channel)
    else:
        other = state.recipient(target)
        if other is not None:
            return other.nick.text, (direct_conversation(session.user.uid, other.uid),)
    raise Refusal("INVALID_TARGET", "There is no history of that for you", context, shown(target))


def _limit(session: IrcSession, subcommand: str, raw: str) -> int:
    if not (raw.isascii() and raw.isdigit() and len(raw) < 9):
        raise Refusal("INVALID_PARAMS", "The limit is not a number", subcommand)
    return min(int(raw), session.service.config.history_most)


def _questions(page: Page, subcommand: str, params: list[str]) -> list[Page]:
    """Return the pages that answer a subcommand, in the order they are shown."""
    if subcommand == "LATEST":
        after = None if params[2] == "*" else _reference(subcommand, params[2]).end
        return [_ask(page, after=after, latest=True)]
    first = _reference(subcommand, params[2])
    if subcommand == "BEFORE":
        return [_ask(page, before=first.start, latest=True)]
    if subcommand == "AFTER":
        return [_ask(page, after=first.end)]
    if subcommand == "AROUND":
        half = page.limit // 2
        return [
            _ask(page, before=first.start, latest=True, limit=half),
            _ask(page, after=first.just_before, limit=page.limit - half),
        ]
    second = _reference(subcommand, params[3])
    # Between A and B is read from A on: backwards where A is the later one.
    low, high = sorted((first, second), key=lambda one: one.start)
    return [_ask(page, after=low.end, before=high.start, latest=first.start > second.start)]


def _with_what_came_late(session: IrcSession, page: Page) -> Page:
    """Begin earlier where the client may lack what came late from servers that were cut off.

    It is done once, so that a client that goes on behind the last message gets to the end.
    """
    if page.after is None or page.conversations[0] in session.brought_late:
        return page
    ms = milliseconds(page.after[0])
    since = session.core.state.lacking_since(ms)
    session.brought_late.add(page.conversations[0])
    if since >= ms:
        return page
    return replace(page, after=(at_milliseconds(since), FIRST_TAG))


def _ask(
    page: Page,
    *,
    after: Place | None = None,
    before: Place | None = None,
    latest: bool = False,
    limit: int | None = None,
) -> Page:
    wanted = page.limit if limit is None else limit
    return Page(page.conversations, wanted, after, before, latest, page.messages_only)


class _Reference(Struct, frozen=True):
    """What a page is beside: one message, or without a tag a moment."""

    hlc: Hlc
    tag: int | None = None

    @property
    def start(self) -> Place:
        """The place that everything earlier is before."""
        return self.hlc, FIRST_TAG if self.tag is None else self.tag

    @property
    def end(self) -> Place:
        """The place that everything later is after."""
        return self.hlc, LAST_TAG if self.tag is None else self.tag

    @property
    def just_before(self) -> Place:
        """The place after which it is the first."""
        return self.hlc, FIRST_TAG if self.tag is None else self.tag - 1


def _reference(subcommand: str, raw: str) -> _Reference:
    """Return what ``msgid=…`` or ``timestamp=…`` refers to."""
    kind, _, value = raw.partition("=")
    if kind == "msgid":
        parsed = parse_msgid(value)
        if parsed is not None:
            return _Reference(*parsed)
    elif kind == "timestamp":
        ms = moment(value)
        if ms is not None:
            return _Reference(at_milliseconds(ms))
    raise Refusal("INVALID_PARAMS", "A reference is msgid=… or timestamp=…", subcommand, shown(raw))


def moment(raw: str) -> int | None:
    """Return the Unix milliseconds of a time as server-time writes it, None if it is none."""
    try:
        found = datetime.fromisoformat(raw)
    except ValueError:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return round(found.timestamp() * 1000)


def _targets(session: IrcSession, params: list[str]) -> Steps:
    """``TARGETS``: where something was said between two moments, and when last."""
    assert session.user is not None
    first, second = (_reference("TARGETS", raw).hlc for raw in params[1:3])
    limit = _limit(session, "TARGETS", params[3])
    names: dict[Conversation, str] = {}
    for channel in session.user.channels.values():
        histories = session.core.state.histories(channel)
        names |= dict.fromkeys(histories, channel.name.text)
    for uid in session.user.partners:
        partner = session.core.state.users.get(uid) or session.core.state.identities.get(uid)
        if partner is not None:
            names[direct_conversation(session.user.uid, uid)] = partner.nick.text
    low, high = min(first, second), max(first, second)
    latest: dict[Conversation, Hlc] = yield ReadLatest(tuple(names), low, high)
    # The last word of each name, though it may have been said in one of several histories.
    last = {names[one]: hlc for one, hlc in sorted(latest.items(), key=lambda item: item[1])}
    rows = sorted(last.items(), key=lambda item: item[1])[:limit]
    server = session.service.config.server
    batched = bool(session.caps & Cap.BATCH)
    tag = "@batch=targets " if batched else ""
    lines = [
        f"{tag}:{server} CHATHISTORY TARGETS {name} {server_time(hlc)}\r\n" for name, hlc in rows
    ]
    if batched:
        lines.insert(0, f":{server} BATCH +targets draft/chathistory-targets\r\n")
        lines.append(f":{server} BATCH -targets\r\n")
    session.send("".join(lines).encode())
