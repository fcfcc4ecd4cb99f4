"""Which server to go to, where there are several: a list that fills as they are heard of."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import ClassVar, Protocol

from rich.segment import Segment
from textual.app import App
from textual.binding import BindingType

from tertulia.client.interface import themes
from tertulia.client.interface.dialogs import Picker
from tertulia.client.interface.rows import Row
from tertulia.client.preferences import Preferences
from tertulia.client.words import Words


class Candidate(Protocol):
    """A server that one can go to; *users* is None where it does not tell."""

    @property
    def name(self) -> str:
        """What it calls itself, empty if it does not."""

    @property
    def uri(self) -> str:
        """Where it is."""

    @property
    def users(self) -> int | None:
        """How many people are there."""


class Chooser(App[Candidate]):
    """Lists the servers; returns the one that somebody goes to."""

    CSS_PATH = "chat.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(
        self, candidates: AsyncIterator[Candidate], preferences: Preferences, words: Words
    ) -> None:
        self.palette = themes.choose(preferences.theme, os.environ)
        super().__init__(ansi_color=True if self.palette.is_plain else None)
        self._candidates = candidates
        self._found: list[Candidate] = []
        self._words = _ = words
        self._list = Picker(
            self.palette,
            _("Which server?"),
            lambda text: self._found,
            self._row,
            hint=_("Enter goes there · Esc leaves · others appear as they are heard of"),
            can_type=False,
        )
        self.register_theme(themes.theme(self.palette))
        self.theme = f"tertulia-{self.palette.name}"

    def on_mount(self) -> None:
        """Show the list, and listen."""
        self.push_screen(self._list, self.exit)
        self.run_worker(self._listen())

    async def _listen(self) -> None:
        async for candidate in self._candidates:
            self._found.append(candidate)
            self._list.extend(self._found)

    def _row(self, candidate: Candidate) -> Row:
        palette, _ = self.palette, self._words
        left = [Segment(candidate.name or candidate.uri, palette.style(bold=True))]
        if candidate.name:
            left += [Segment("  "), Segment(candidate.uri, palette.quiet)]
        if candidate.users is None:
            return Row(left)
        count = _.plural("{count} person", "{count} people", candidate.users)
        return Row(left, [Segment(f"{count} ", palette.quiet)])
