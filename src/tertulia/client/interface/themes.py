"""The palettes as themes of Textual, and applications that have them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TypeVar

from textual.app import App
from textual.theme import BUILTIN_THEMES, Theme

from tertulia.client.interface.palette import DARK, LIGHT, PALETTES, TERMINAL, Palette
from tertulia.client.interface.terminal import TerminalDriver

T = TypeVar("T")


def theme(palette: Palette) -> Theme:
    """Return the theme that widgets are drawn in."""

    def shown(colour: str) -> str:
        return colour if colour.startswith("#") else f"ansi_{colour or 'default'}"

    return Theme(
        name=f"tertulia-{palette.name}",
        dark=palette.is_dark,
        ansi=palette.is_plain,
        primary=shown(palette.accent),
        secondary=shown(palette.accent),
        accent=shown(palette.accent),
        warning=shown(palette.mention),
        error=shown(palette.bad),
        success=shown(palette.good),
        foreground=shown(palette.text),
        background=shown(palette.background),
        surface=shown(palette.background),
        panel=shown(palette.panel),
        boost=shown(palette.panel),
        variables={
            **(BUILTIN_THEMES["ansi-dark"].variables if palette.is_plain else {}),
            "quiet": shown(palette.dim),
            "rule": shown(palette.faint),
            "chosen": shown(palette.chosen),
            "input-cursor-background": shown(palette.text),
            "input-cursor-foreground": shown(palette.background),
            "input-cursor-text-style": "reverse" if palette.is_plain else "none",
            "input-selection-background": shown(palette.chosen),
            "input-selection-foreground": shown(palette.text),
            "screen-selection-background": shown(palette.chosen),
            "screen-selection-foreground": shown(palette.text),
        },
    )


def choose(wanted: str, environment: Mapping[str, str]) -> Palette:
    """Return the palette of that name; for ``auto`` (or none) the one that suits the terminal.

    Without colours (https://no-color.org) it is the terminal's own, whose shades are attributes.
    """
    if environment.get("NO_COLOR"):
        return TERMINAL
    if wanted in PALETTES:
        return PALETTES[wanted]
    # rxvt, Konsole and others tell in it which colour is behind the text: 7 and 15 are light.
    behind = environment.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT if behind in ("7", "15") else DARK


class ThemedApp(App[T], inherit_bindings=False):
    """An application in the colours of *wanted*; where shades cannot be told apart, its class is
    ``-plain``."""

    CSS_PATH = "chat.tcss"
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, wanted: str) -> None:
        self.palette = choose(wanted, os.environ)
        super().__init__(TerminalDriver, ansi_color=True if self.palette.is_plain else None)
        self.animation_level = "none"
        self.register_theme(theme(self.palette))
        self.theme = f"tertulia-{self.palette.name}"
        self.set_class(self.palette.is_plain, "-plain")
