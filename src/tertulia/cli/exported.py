"""The formats of ``tertulia export``; each yields text, a little at a time.

Times are ISO 8601, local, with the offset from UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from html import escape
from typing import Any

import msgspec

from tertulia.cli.common import time_of
from tertulia.domain import changes as c
from tertulia.domain.events import Style
from tertulia.domain.history import describe
from tertulia.domain.ids import msgid
from tertulia.domain.transcript import line, modes_text, plain
from tertulia.storage.history import Stored

_STYLES = {
    Style.SAY: "message",
    Style.NOTICE: "notice",
    Style.ACTION: "action",
    Style.REQUEST: "ctcp-request",
    Style.RESPONSE: "ctcp-response",
    Style.POKE: "poke",
}
_SPEECH = (Style.SAY, Style.NOTICE, Style.ACTION)
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --soft: #666; --name: #0a58ca; --rule: #ddd }}
@media (prefers-color-scheme: dark) {{
  :root {{ --soft: #999; --name: #8ab4f8; --rule: #333 }}
}}
body {{ font: 1rem/1.5 system-ui, sans-serif }}
body {{ max-width: 50rem; margin: 2rem auto; padding: 0 1rem }}
h2 {{ font-size: 1rem; border-bottom: 1px solid var(--rule); margin-top: 2rem }}
p {{ margin: 0.2rem 0; overflow-wrap: anywhere }}
time {{ color: var(--soft); font-size: 0.8rem; font-variant-numeric: tabular-nums }}
b {{ color: var(--name) }}
.event {{ color: var(--soft) }}
.action {{ font-style: italic }}
</style>
</head>
<body>
<h1>{title}</h1>
"""


def _jsonl(_target: str, events: Iterable[Stored]) -> Iterator[str]:
    encode = msgspec.json.Encoder().encode
    for stored in events:
        change = _change(stored)
        row = {
            "time": _local(stored).isoformat(timespec="milliseconds"),
            "msgid": change.msgid,
            **_fields(change),
        }
        yield f"{encode(row).decode()}\n"


def _fields(change: Any) -> dict[str, Any]:
    """Return what a program needs to know of *change*."""
    who: dict[str, Any] = {"from": change.by.nick, "number": change.by.number}
    match change:
        case c.Spoken():
            fields = {"kind": _STYLES[change.style], **who, "text": change.text}
            return {**fields, "status": change.status} if change.status else fields
        case c.Entered():
            return {"kind": "joined", **who}
        case c.Departed():
            return {"kind": "quit" if change.quit else "left", **who, "text": change.reason}
        case c.Expelled():
            return {"kind": "kicked", **who, "whom": change.whom.nick, "text": change.reason}
        case c.TopicChanged():
            return {"kind": "topic", **who, "text": change.topic}
        case _:
            return {"kind": "modes", **who, "text": modes_text(change.modes)}


def _txt(_target: str, events: Iterable[Stored]) -> Iterator[str]:
    for stored in events:
        yield f"{_local(stored).isoformat(timespec='seconds')} {line(_change(stored))}\n"


def _html(target: str, events: Iterable[Stored]) -> Iterator[str]:
    yield _PAGE.format(title=escape(plain(target)))
    today = None
    for stored in events:
        when = _local(stored)
        if when.date() != today:
            today = when.date()
            yield f"<h2>{today:%Y-%m-%d}</h2>\n"
        clock = f'<time datetime="{when.isoformat(timespec="seconds")}">{when:%H:%M:%S}</time>'
        yield f"{_paragraph(clock, _change(stored))}\n"
    yield "</body>\n</html>\n"


def _paragraph(clock: str, change: c.Change) -> str:
    if not isinstance(change, c.Spoken) or change.style not in _SPEECH:
        text = escape(line(change).removeprefix("-!- "))
        return f'<p class="event">{clock} <bdi>{text}</bdi></p>'
    name = escape(change.by.nick + (f" ({change.status})" if change.status else ""))
    kind, text = _STYLES[change.style], escape(plain(change.text))
    return f'<p class="{kind}">{clock} <b><bdi>{name}</bdi></b> <bdi>{text}</bdi></p>'


def _change(stored: Stored) -> c.Change:
    return describe(stored.hlc, msgid(stored.hlc, stored.tag), stored.fact)


def _local(stored: Stored) -> datetime:
    return time_of(stored.hlc).astimezone()


FORMATS: dict[str, Callable[[str, Iterable[Stored]], Iterator[str]]] = {
    "jsonl": _jsonl,
    "txt": _txt,
    "html": _html,
}
