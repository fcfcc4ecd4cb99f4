"""Colours: what each thing is drawn in, in the dark, the light, and the terminal's own."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rich.style import Style

from tertulia.client.interface.formats import Format


@dataclass(frozen=True)
class Palette:
    """Names of colours as Rich and Textual know them; an empty one is the terminal's own.

    *nicks* are those that people have, *mirc* the sixteen of IRC, made readable on *background*.
    *is_plain* where shades cannot be told apart, so that attributes have to.
    """

    name: str
    is_dark: bool
    text: str
    background: str
    panel: str
    chosen: str
    dim: str
    faint: str
    accent: str
    mention: str
    mention_background: str
    good: str
    bad: str
    nicks: tuple[str, ...]
    mirc: tuple[str, ...]
    is_plain: bool = False

    def style(self, colour: str = "", back: str = "", **attributes: bool) -> Style:
        """Return a style in *colour*, by default that of text."""
        return _style(colour or self.text, back, **attributes)

    @property
    def quiet(self) -> Style:
        """What is there if one looks for it: times, what happened."""
        return _style("", "", dim=True) if self.is_plain else _style(self.dim, "")

    @property
    def line(self) -> Style:
        """What separates."""
        return _style("", "", dim=True) if self.is_plain else _style(self.faint, "")

    def nick(self, nick: str, fold: Callable[[str], str] = str.lower) -> str:
        """Return the colour of somebody: always the same one."""
        return self.nicks[zlib.crc32(fold(nick).encode()) % len(self.nicks)]

    def formatted(self, form: Format, base: Style) -> Style:
        """Return *base* as *form* says."""
        return _formatted(self, form, base)


@lru_cache(512)
def _style(colour: str, back: str, **attributes: bool) -> Style:
    given: dict[str, Any] = attributes
    return Style(color=colour or None, bgcolor=back or None, **given)


@lru_cache(2048)
def _formatted(palette: Palette, form: Format, base: Style) -> Style:
    style = base + Style(
        color=None if form.fore is None else palette.mirc[form.fore],
        bgcolor=None if form.back is None else palette.mirc[form.back],
        bold=form.bold or None,
        italic=form.italic or None,
        underline=form.underline or None,
        strike=form.strike or None,
        reverse=form.reverse or None,
    )
    if not form.link:
        return style
    colour = None if palette.is_plain else palette.accent
    return style + Style(color=colour, underline=True, link=form.link)


DARK = Palette(
    name="dark",
    is_dark=True,
    text="#d6d9e0",
    background="#15171c",
    panel="#1a1d23",
    chosen="#2a2f39",
    dim="#7f8694",
    faint="#343944",
    accent="#82aaff",
    mention="#ffcb6b",
    mention_background="#2a2720",
    good="#a3d98f",
    bad="#ff7b86",
    nicks=(
        "#82aaff",
        "#c3a6ff",
        "#f29fd0",
        "#ff9e8f",
        "#f5b76e",
        "#e2d27a",
        "#b3d97a",
        "#7fd6a0",
        "#72d3cf",
        "#7cc7f2",
        "#a9b6ff",
        "#e0a7e8",
    ),
    mirc=(
        *("#f2f2f2", "#8b909c", "#82aaff", "#7fd6a0", "#ff7b86", "#d59a6a", "#c3a6ff", "#f5b76e"),
        *("#e2d27a", "#a3e58f", "#72d3cf", "#7fe3e8", "#9db8ff", "#f29fd0", "#8b909c", "#c3c7d0"),
    ),
)

LIGHT = Palette(
    name="light",
    is_dark=False,
    text="#2a2d34",
    background="#fcfcfa",
    panel="#f3f3ef",
    chosen="#e2e4e6",
    dim="#74787f",
    faint="#d4d4ce",
    accent="#2457c5",
    mention="#8f5600",
    mention_background="#fdf3dc",
    good="#2f7d32",
    bad="#b3243c",
    nicks=(
        "#2457c5",
        "#6c3fc0",
        "#a82a80",
        "#b23b2a",
        "#9a5b00",
        "#776300",
        "#4d7300",
        "#1c7a45",
        "#00757a",
        "#0b6a9f",
        "#4a4fc4",
        "#8a3a9c",
    ),
    mirc=(
        *("#8a8d94", "#1b1d22", "#2457c5", "#1c7a45", "#b3243c", "#8a4a1a", "#6c3fc0", "#9a5b00"),
        *("#776300", "#3f7d1a", "#00757a", "#0a7c88", "#3a63d8", "#a82a80", "#74787f", "#5a5e66"),
    ),
)

TERMINAL = Palette(
    name="terminal",
    is_dark=True,
    text="",
    background="",
    panel="",
    chosen="",
    dim="",
    faint="",
    accent="blue",
    mention="yellow",
    mention_background="",
    good="green",
    bad="red",
    nicks=(
        *("blue", "magenta", "red", "yellow", "green", "cyan"),
        *("bright_blue", "bright_magenta", "bright_green", "bright_cyan"),
    ),
    mirc=(
        *("default", "default", "blue", "green", "bright_red", "red", "magenta", "yellow"),
        *("bright_yellow", "bright_green", "cyan", "bright_cyan", "bright_blue"),
        *("bright_magenta", "bright_black", "white"),
    ),
    is_plain=True,
)

PALETTES = {one.name: one for one in (DARK, LIGHT, TERMINAL)}
