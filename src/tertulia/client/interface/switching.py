"""Ctrl+K: go to a channel or somebody by a few letters of the name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment

from tertulia.client.interface.dialogs import Picker
from tertulia.client.interface.fuzzy import score
from tertulia.client.interface.rows import Row
from tertulia.client.interface.sidebar import shortened

if TYPE_CHECKING:
    from tertulia.client.interface.app import ChatApp

MOST = 100


class Switcher(Picker[str]):
    """Picks a name: of what is open, of those who are there, or a channel to join."""

    def __init__(self, app: ChatApp) -> None:
        self._chat, _ = app, app.words
        hint = _("Enter goes there · Esc stays")
        super().__init__(app.palette, _("Go to"), self._names, self._drawn, hint=hint)

    def _names(self, text: str) -> list[str]:
        desk, model = self._chat.desk, self._chat.port.session.model
        text = text.strip()
        buffers = [one for one in desk.buffers if one is not model.server]
        if not text:
            others = [one for one in buffers if one is not desk.current]
            others.sort(key=lambda one: (one is not desk.before, not one.mentions, not one.unread))
            return [one.name for one in others]
        names = [one.name for one in buffers]
        people = [one.nick for one in model.users.values()]
        found: dict[str, tuple[int, int]] = {}
        for place, name in enumerate([*names, *people]):
            value = score(text, name)
            if value is not None:
                found.setdefault(name, (value + 5 * (place >= len(names)), place))
        best = sorted(found, key=lambda name: found[name])[:MOST]
        is_new = text[:1] in ("#", "&") and model.get(text) is None
        return [*best, text] if is_new else best

    def _drawn(self, name: str) -> Row:
        palette, session, _ = self._chat.palette, self._chat.port.session, self._chat.words
        buffer = session.model.get(name)
        if buffer is None:
            is_channel = name[:1] in ("#", "&")
            told = _("join") if is_channel else _("direct message")
            return Row([Segment(session.show_name(name))], [Segment(told, palette.quiet)])
        count = buffer.mentions if buffer.is_channel else buffer.unread
        style = palette.style(palette.mention, bold=True) if count else palette.quiet
        right = shortened(count or buffer.unread) if buffer.unread else ""
        return Row([Segment(session.show_name(name), palette.style())], [Segment(right, style)])
