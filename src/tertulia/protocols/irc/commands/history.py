"""CHATHISTORY (ircv3.net/specs/extensions/chathistory)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tertulia.domain.changes import Change
from tertulia.domain.chat import direct_conversation
from tertulia.domain.history import Page
from tertulia.domain.ids import Conversation, Hlc, at_milliseconds, parse_msgid
from tertulia.protocols.irc.caps import Cap
from tertulia.protocols.irc.commands.table import command
from tertulia.protocols.irc.flavour import IrcFlavour, server_time
from tertulia.protocols.irc.parser import Line
from tertulia.protocols.irc.refusals import shown
from tertulia.protocols.session import ReadLatest, Steps

if TYPE_CHECKING:
    from tertulia.protocols.irc.session import IrcSession

LAST = Hlc((1 << 63) - 1)
_PARAMS = {"LATEST": 4, "BEFORE": 4, "AFTER": 4, "AROUND": 4, "BETWEEN": 5, "TARGETS": 4}


class _Refused(Exception):
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
            raise _Refused("INVALID_PARAMS", "Unknown subcommand", shown(subcommand))
        if len(params) < _PARAMS[subcommand]:
            raise _Refused("INVALID_PARAMS", "Insufficient parameters", subcommand)
        if subcommand == "TARGETS":
            yield from _targets(session, params)
        else:
            yield from _messages(session, subcommand, params)
    except _Refused as refused:
        code, context = refused.code, refused.context
        session.fail("CHATHISTORY", code, *context, text=str(refused))


def _messages(session: IrcSession, subcommand: str, params: list[str]) -> Steps:
    target = params[1]
    name, conversation = _conversation(session, subcommand, target)
    limit = _limit(session, subcommand, params[-1])
    page = Page(conversation, limit, messages_only=not session.caps & Cap.EVENT_PLAYBACK)
    changes: list[Change] = []
    for question in _questions(page, subcommand, params):
        changes += yield question
    _send_batch(session, name, changes)


def _conversation(session: IrcSession, subcommand: str, target: str) -> tuple[str, Conversation]:
    """Return the target's name and its history, if the user may read it."""
    assert session.user is not None
    state = session.core.state
    if target.startswith("#"):
        channel = state.channel_named(target)
        if channel is not None and session.user.uid in channel.occupants:
            return channel.name.text, channel.incarnation
    else:
        other = state.recipient(target)
        if other is not None:
            return other.nick.text, direct_conversation(session.user.uid, other.uid)
    raise _Refused(
        "INVALID_TARGET", "There is no history of that for you", subcommand, shown(target)
    )


def _limit(session: IrcSession, subcommand: str, raw: str) -> int:
    if not (raw.isascii() and raw.isdigit() and len(raw) < 9):
        raise _Refused("INVALID_PARAMS", "The limit is not a number", subcommand)
    return min(int(raw), session.service.config.history_most)


def _questions(page: Page, subcommand: str, params: list[str]) -> list[Page]:
    """Return the pages that answer a subcommand, in the order they are shown."""
    if subcommand == "LATEST":
        after = None if params[2] == "*" else _reference(subcommand, params[2])
        return [_ask(page, after=after, latest=True)]
    first = _reference(subcommand, params[2])
    if subcommand == "BEFORE":
        return [_ask(page, before=first, latest=True)]
    if subcommand == "AFTER":
        return [_ask(page, after=first)]
    if subcommand == "AROUND":
        half = page.limit // 2
        return [
            _ask(page, before=first, latest=True, limit=half),
            _ask(page, after=Hlc(first - 1), limit=page.limit - half),
        ]
    second = _reference(subcommand, params[3])
    # Between A and B is read from A on: backwards where A is the later one.
    low, high = min(first, second), max(first, second)
    return [_ask(page, after=low, before=high, latest=first > second)]


def _ask(
    page: Page,
    *,
    after: Hlc | None = None,
    before: Hlc | None = None,
    latest: bool = False,
    limit: int | None = None,
) -> Page:
    wanted = page.limit if limit is None else limit
    return Page(page.conversation, wanted, after, before, latest, page.messages_only)


def _reference(subcommand: str, raw: str) -> Hlc:
    """Return the time of ``msgid=…`` or ``timestamp=…``."""
    kind, _, value = raw.partition("=")
    if kind == "msgid":
        parsed = parse_msgid(value)
        if parsed is not None:
            return parsed[0]
    elif kind == "timestamp":
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is not None:
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            return at_milliseconds(round(moment.timestamp() * 1000))
    raise _Refused(
        "INVALID_PARAMS", "A reference is msgid=… or timestamp=…", subcommand, shown(raw)
    )


def _send_batch(session: IrcSession, target: str, changes: list[Change]) -> None:
    flavour = session.flavour
    assert isinstance(flavour, IrcFlavour)
    server = session.service.config.server
    if not session.caps & Cap.BATCH:
        session.send(b"".join([flavour.render(change) for change in changes]))
        return
    lines = [flavour.render_in_batch(change, "history") for change in changes]
    session.send(
        b"".join(
            [
                f":{server} BATCH +history chathistory {target}\r\n".encode(),
                *lines,
                f":{server} BATCH -history\r\n".encode(),
            ]
        )
    )


def _targets(session: IrcSession, params: list[str]) -> Steps:
    """``TARGETS``: where something was said between two moments, and when last."""
    assert session.user is not None
    first, second = (_reference("TARGETS", raw) for raw in params[1:3])
    limit = _limit(session, "TARGETS", params[3])
    names: dict[Conversation, str] = {
        channel.incarnation: channel.name.text for channel in session.user.channels.values()
    }
    for uid in session.user.partners:
        partner = session.core.state.users.get(uid) or session.core.state.identities.get(uid)
        if partner is not None:
            names[direct_conversation(session.user.uid, uid)] = partner.nick.text
    low, high = min(first, second), max(first, second)
    latest: dict[Conversation, Hlc] = yield ReadLatest(tuple(names), low, high)
    rows = sorted(latest.items(), key=lambda item: item[1])[:limit]
    server = session.service.config.server
    batched = bool(session.caps & Cap.BATCH)
    tag = "@batch=targets " if batched else ""
    lines = [
        f"{tag}:{server} CHATHISTORY TARGETS {names[conversation]} {server_time(hlc)}\r\n"
        for conversation, hlc in rows
    ]
    if batched:
        lines.insert(0, f":{server} BATCH +targets draft/chathistory-targets\r\n")
        lines.append(f":{server} BATCH -targets\r\n")
    session.send("".join(lines).encode())
