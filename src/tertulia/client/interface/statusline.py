"""The line that tells how things are: the connection, who is typing, what one has not seen."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.segment import Segment

from tertulia.client.interface.blocks import Line
from tertulia.client.interface.formats import parts
from tertulia.client.interface.palette import Palette
from tertulia.client.interface.port import Seen
from tertulia.client.session.events import State
from tertulia.client.session.model import Buffer
from tertulia.client.words import _, ngettext

SLOW_S = 1.0
_SPACE = Segment("  ")


def connection(session: Seen, why: str, now: float, palette: Palette) -> Line:
    """Return how the connection is; *now* is monotonic."""
    if session.state is State.ONLINE:
        line = [Segment(" ● ", palette.style(palette.good)), Segment(_where(session))]
        return line + _lag(session, palette)
    if session.state in (State.CONNECTING, State.REGISTERING):
        return [Segment(" ◌ ", palette.style(palette.mention)), Segment(_("connecting…"))]
    text = _("not connected")
    if session.state is State.WAITING:
        text = _("connection lost, again in {s} s (Ctrl+R now)").format(s=_seconds(session, now))
    bad = palette.style(palette.bad, bold=True)
    reason = [Segment(f"  {why}", palette.quiet)] if why else []
    return [Segment(" ○ ", bad), Segment(text, bad), *reason]


def _seconds(session: Seen, now: float) -> int:
    return max(0, round((session.retry_at or now) - now))


def _where(session: Seen) -> str:
    return session.network or session.server_name or session.model.server.name


def _lag(session: Seen, palette: Palette) -> Line:
    if session.lag_s is None:
        return []
    style = palette.style(palette.bad) if session.lag_s > SLOW_S else palette.quiet
    return [_SPACE, Segment(f"{session.lag_s * 1000:.0f} ms", style)]


def typing(buffer: Buffer, names: Sequence[str], palette: Palette) -> Line:
    """Return who is typing."""
    if not names:
        return []
    if len(names) > 2:
        text = _("several people are typing…")
    else:
        text = ngettext("{who} is typing…", "{who} are typing…", len(names))
    return [Segment(text.format(who=", ".join(names)) + " ", palette.quiet)]


def typists(buffer: Buffer, now: float | None = None) -> list[str]:
    """Return who is typing, as far as that is believed still."""
    now = time.monotonic() if now is None else now
    return [nick for nick, until in buffer.typing.items() if until > now]


def topic(buffer: Buffer, title: str, palette: Palette) -> Line:
    """Return the name of a buffer, and what it is about."""
    line = [Segment(f" {title}", palette.style(bold=True))]
    if buffer.is_channel and not buffer.is_joined:
        line.append(Segment(f"  {_('not joined')}", palette.style(palette.bad)))
    if buffer.topic is not None and buffer.topic.text:
        line.append(_SPACE)
        for text, form in parts(buffer.topic.text):
            line.append(Segment(text, palette.formatted(form, palette.quiet)))
    return line


def modes(buffer: Buffer) -> str:
    """Return the modes of a channel in one word."""
    return "+" + "".join(sorted(buffer.modes)) if buffer.modes else ""


def activity(buffers: Sequence[Buffer], current: Buffer, palette: Palette) -> Line:
    """Return the numbers of the buffers in which something was said, as WeeChat has them."""
    line: Line = []
    for number, buffer in enumerate(buffers, 1):
        if buffer is current or not buffer.unread:
            continue
        meant = buffer.mentions or not buffer.is_channel
        style = palette.style(palette.mention, bold=True) if meant else palette.style()
        line += [Segment(", " if line else "  ["), Segment(str(number), style)]
    return [*line, Segment("]")] if line else []
