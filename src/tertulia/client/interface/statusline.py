"""The line that tells how things are: the connection, who is typing, what one has not seen."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment

from tertulia.client.interface.formats import bare, parts
from tertulia.client.interface.lines import Line
from tertulia.client.interface.palette import Palette
from tertulia.client.session.events import State
from tertulia.client.session.model import Buffer
from tertulia.client.session.session import Session
from tertulia.client.words import Words

SLOW_S = 1.0
_SPACE = Segment("  ")


def connection(session: Session, why: str, palette: Palette, _: Words) -> Line:
    """Return how the connection is."""
    if session.state is State.ONLINE:
        line = [Segment(" ● ", palette.style(palette.good)), Segment(_where(session))]
        return line + _lag(session, palette)
    if session.state in (State.CONNECTING, State.REGISTERING):
        return [Segment(" ◌ ", palette.style(palette.mention)), Segment(_("connecting…"))]
    text = _("not connected")
    if session.state is State.WAITING:
        text = _("connection lost, again in {s} s (Ctrl+R now)").format(s=_seconds(session))
    bad = palette.style(palette.bad, bold=True)
    reason = [Segment(f"  {why}", palette.quiet)] if why else []
    return [Segment(" ○ ", bad), Segment(text, bad), *reason]


def _seconds(session: Session) -> int:
    now = session.clock.now()
    return max(0, round((session.retry_at or now) - now))


def _where(session: Session) -> str:
    return session.network or session.server_name or session.model.server.name


def _lag(session: Session, palette: Palette) -> Line:
    if session.lag_s is None:
        return []
    style = palette.style(palette.bad) if session.lag_s > SLOW_S else palette.quiet
    return [_SPACE, Segment(f"{session.lag_s * 1000:.0f} ms", style)]


def typing(names: Sequence[str], palette: Palette, _: Words) -> Line:
    """Return who is typing."""
    if not names:
        return []
    if len(names) > 2:
        text = _("several people are typing…")
    elif len(names) == 2:
        text = _("{one} and {other} are typing…").format(one=names[0], other=names[1])
    else:
        text = _("{one} is typing…").format(one=names[0])
    return [Segment(f"{text} ", palette.quiet)]


def typists(buffer: Buffer, now: float) -> list[str]:
    """Return who is typing, as far as that is believed still."""
    return [nick for nick, until in buffer.typing.items() if until > now]


def topic(buffer: Buffer, title: str, away: str | None, palette: Palette, _: Words) -> Line:
    """Return the name of a buffer, and what it is about; *away* is the message of somebody who
    is."""
    line = [Segment(f" {title}", palette.style(bold=True))]
    if buffer.is_channel and not buffer.is_joined:
        line.append(Segment(f"  {_('not joined')}", palette.style(palette.bad)))
    if away is not None:
        line += [_SPACE, Segment(f"{_('away')}: {bare(away)}".rstrip(": "), palette.quiet)]
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
