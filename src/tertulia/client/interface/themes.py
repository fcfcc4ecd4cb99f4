"""The palettes as themes of Textual."""

from __future__ import annotations

from collections.abc import Mapping

from textual.theme import Theme

from tertulia.client.interface.palette import DARK, LIGHT, PALETTES, TERMINAL, Palette


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
