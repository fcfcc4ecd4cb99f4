"""Which server to go to, where there are several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from rich.segment import Segment

from tertulia.client.choose import Candidate
from tertulia.client.interface.dialogs import Picker
from tertulia.client.interface.fuzzy import score
from tertulia.client.interface.rows import Row
from tertulia.client.interface.themes import ThemedApp
from tertulia.client.preferences import Preferences
from tertulia.client.words import Words

Network: TypeAlias = tuple[Candidate, ...]


class Chooser(ThemedApp[Network]):
    """Lists networks, each by the servers of it that were found; returns the one to go to."""

    def __init__(self, networks: Sequence[Network], preferences: Preferences, words: Words) -> None:
        super().__init__(preferences.theme)
        self._networks = networks
        self._words = _ = words
        self._list = Picker(
            self.palette,
            _("Which server?"),
            self._find,
            self._row,
            hint=_("Enter goes there · Esc leaves"),
        )

    def on_mount(self) -> None:
        """Show the list."""
        self.push_screen(self._list, self.exit)

    def _find(self, text: str) -> list[Network]:
        return [
            some
            for some in self._networks
            if score(text, f"{some[0].name} {some[0].uri}") is not None
        ]

    def _row(self, network: Network) -> Row:
        palette, _, first = self.palette, self._words, network[0]
        left = [Segment(first.name or first.uri, palette.style(bold=True))]
        if first.name:
            left += [Segment("  "), Segment(first.uri, palette.quiet)]
        if first.users is None:
            return Row(left)
        count = _.plural("{count} person", "{count} people", first.users)
        return Row(left, [Segment(f"{count} ", palette.quiet)])
